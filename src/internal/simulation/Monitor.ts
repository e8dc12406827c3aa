/**
 * What a line in front of something says of itself in every report: how long it is over time, and how long those in it
 * waited. A line that nobody leaves before their turn, and where nobody's place is taken, says nothing of that.
 *
 * @module
 */
import { OptionError } from "../../core/Fault.ts"
import type { ProcessTable } from "./ProcessTable.ts"
import type { Histogram, Level } from "../../simulation/Statistics.ts"

/** The statistics of one line. */
export class Monitor {
  readonly #table: ProcessTable
  readonly #prefix: string
  readonly #length: Level
  readonly #waits: Histogram

  /** Of a line; `prefix` is what the names of its statistics begin with. What another statistic is called is thrown. */
  constructor(table: ProcessTable, prefix: string) {
    this.#table = table
    this.#prefix = prefix
    this.#length = got(table.statistics.level(`${prefix}queue`))
    this.#waits = got(table.statistics.histogram(`${prefix}wait`))
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
    const counter = this.#table.statistics.counter(`${this.#prefix}${what}`)
    if (!(counter instanceof OptionError)) counter.add()
  }
}

/** An instrument; where its name is taken, that is thrown. */
export const got = <I>(instrument: I | OptionError): I => {
  if (instrument instanceof OptionError) throw instrument
  return instrument
}
