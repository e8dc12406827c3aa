/**
 * The statistics of a waiting line: its length over time, and how long those in it waited. It
 * counts those who renege and who are preempted only where there are any.
 *
 * @module
 */
import type { Table } from "./Running.ts"
import type { Histogram, Level } from "../../simulation/Statistics.ts"

/** The statistics of one line. */
export class Monitor {
  readonly #table: Table
  readonly #prefix: string
  readonly #length: Level
  readonly #waits: Histogram

  /** Of a line; `prefix` is what the names of its statistics begin with. Throws an `OptionError` where another statistic has the same name. */
  constructor(table: Table, prefix: string) {
    this.#table = table
    this.#prefix = prefix
    this.#length = table.statistics.levelUnsafe(`${prefix}queue`)
    this.#waits = table.statistics.histogramUnsafe(`${prefix}wait`)
  }

  /** So many wait now. */
  length(length: number): void {
    if (length !== this.#length.value) this.#length.set(length)
  }

  /** It was somebody's turn, who has waited since then, in ns. */
  served(since: bigint): void {
    this.#waits.record(this.#table.now - since)
  }

  /** Something happened that doesn't where nobody asks for it: somebody reneged, or was preempted. */
  count(what: string): void {
    this.#table.statistics.counterIfFree(`${this.#prefix}${what}`)?.add()
  }
}
