/**
 * A recorded case (test/vectors/README.md) as the world of a naive model: what the
 * model does must be the next record, what it hears is.
 *
 * @module
 */
import type { Case, Record } from "./replay.ts"
import { type Heard, HOST, neverOr, type Op, type Program, type Surroundings } from "./world.ts"

type Raw = readonly [name: string, ...args: ReadonlyArray<number>]

/** The op of a recorded case as the models have it. */
const opOf = ([name, a = 0, b = 0]: Raw): Op => {
  if (name === "addRel") return [name, a, BigInt(b)]
  if (name === "ndelay" || name === "nextEvent" || name === "broadcast") return [name, BigInt(a)]
  return (name === "user" ? [name, a === 1] : [name, a]) as Op
}

/** The program of a recorded case. */
export const programOf = (recorded: Case): Program => {
  const ops = (raw: ReadonlyArray<Raw> = []) => raw.map(opOf)
  return {
    mode: recorded.mode,
    revision: recorded.revision ?? "5.8",
    id: recorded.id === undefined ? 2n ** 64n - 1n : BigInt(recorded.id),
    start: recorded.start === undefined ? undefined : BigInt(recorded.start),
    // Ops may name events that have no handler ops of their own.
    events: Array.from({ length: 10 }, (_, n) => ops(recorded.events[n])),
    ticks: recorded.ticks.map(ops),
    interrupts: recorded.interrupts.map(ops),
    script: ops(recorded.script),
  }
}

type Entries = ReadonlyArray<readonly [who: unknown, time: string]>

const list = (entries: Entries) => `[${entries.map((entry) => entry.join("@")).join(" ")}]`

/** A record as the naive model notes it. */
const noteOf = (record: Record): string => {
  const { masked, blocked } = record
  const context = `${masked ? "masked" : "on"}, ${record["inIrq"] ? "in" : "out"}`
  if ("tx" in record) return `tx ${(record["tx"] as Array<unknown>).join(" ")} ${masked} ${blocked}`
  if (Array.isArray(record["rx"])) return `rx ${record["rx"].join(" ")} ${masked} ${blocked}`
  if ("rx" in record) return `rx end ${record["bytes"] ?? 0}`
  if ("poll" in record) return `poll ${record["poll"]} ${masked} ${blocked}`
  if ("late" in record) return `late ${record["late"]} ${masked}`
  if ("fire" in record) return `fire ${record["fire"]} at ${record["at"]}, ${context}`
  if ("tick" in record) return `tick at ${record["at"]}, ${context}`
  if ("relayAlarm" in record) return "relay"
  if ("value" in record) return `value ${record["value"]}`
  if ("warn" in record) return `warn ${record["warn"]}`
  if ("fatal" in record) return `fault ${record["fatal"]}`
  if ("broadcast" in record) return `broadcast ${record["broadcast"]}`
  if (record["host"] === "disable") return "host disarm"
  if ("host" in record) return `host ${record["host"] === "oneShot" ? "once" : "every"} ${record["ns"]}`
  const state = record["state"] as { [key: string]: string | boolean | Entries | null }
  const calendar = "waiting" in state
    ? ` waiting ${state["waiting"]} previous ${state["previousRequest"] ?? undefined} free ${
      state["freeUntil"] ?? undefined
    } broadcast ${state["broadcast"]}`
    : ""
  return `state ${state["now"]} next ${neverOr(BigInt(state["nextEvent"] as string))} ${
    list(state["pending"] as Entries)
  } due ${list(state["due"] as Entries)} ${state["alarm"] ? "alarm" : "quiet"}${calendar}`
}

/** Thrown where a model does something else than the record says. */
export class Differs extends Error {}

/** The world of a recorded case of a later revision. */
export class Tape implements Surroundings {
  guestNow = (): bigint => 0n
  readonly host = HOST
  #index = 0
  #late = 0
  readonly #records: ReadonlyArray<Record>

  constructor(recorded: Case) {
    this.#records = recorded.log
  }

  #next(got: string): Record {
    const record = this.#records[this.#index] ?? {}
    const expected = Object.keys(record).length === 0 ? "the end" : noteOf(record)
    if (got !== expected) throw new Differs(`record ${this.#index}: expected "${expected}", got "${got}"`)
    this.#index++
    return record
  }

  note(record: string): void {
    if (record.startsWith("deleted")) return
    if (record.startsWith("late")) this.#late--
    // The records have faults' names alone.
    this.#next(record.startsWith("fault") ? record.split(" ").slice(0, 2).join(" ") : record)
  }

  began(what: string, now: bigint, context: { readonly masked: boolean; readonly inInterrupt: boolean }): void {
    this.note(`${what} at ${now}, ${context.masked ? "masked" : "on"}, ${context.inInterrupt ? "in" : "out"}`)
  }

  mayHandle(): boolean {
    return true
  }

  wrote({ op, seq, time }: { op: number; seq: number; time: bigint }, masked: boolean, blocked?: boolean): void {
    this.note(`tx ${op} ${seq} ${time} ${masked} ${blocked}`)
  }

  read(masked: boolean, blocked?: boolean): Heard {
    const record = this.#records[this.#index] ?? {}
    const { rx } = record
    if (!Array.isArray(rx)) {
      if (rx === undefined) throw new Differs(`record ${this.#index}: it reads`)
      this.#index++
      return { leftover: (record["bytes"] as number | undefined) ?? 0 }
    }
    const [op, seq, time] = rx as [number, number, string]
    this.#next(`rx ${op} ${seq} ${time} ${masked} ${blocked}`)
    const message = { op, seq, time: BigInt(time) }
    return op === 0 ? { message, arrived: this.#arrived() } : { message }
  }

  /** Those that have arrived by now, which the model doesn't know of: they run before it hears anything else. */
  #arrived(): ReadonlyArray<number> {
    const late: Array<number> = []
    for (const record of this.#records.slice(this.#index)) {
      if ("rx" in record || "poll" in record) break
      if (typeof record["late"] === "number") late.push(record["late"])
    }
    const arrived = late.slice(this.#late)
    this.#late += arrived.length
    return arrived
  }

  poll(withOther: boolean, masked: boolean, blocked?: boolean): "link" | "other" | number {
    const record = this.#next(`poll ${withOther ? 2 : 1} ${masked} ${blocked}`)
    if (typeof record["interrupt"] === "number") return record["interrupt"]
    return withOther && record["ready"] === 0 ? "other" : "link"
  }

  interruptEnded(): void {}

  /** The clock of a recorded case stands: whoever waits for it, waits no time. */
  hostReached(time: bigint): bigint {
    return time
  }

  /** The program is over. */
  end(): void {
    if (this.#index < this.#records.length) {
      throw new Differs(`record ${this.#index}: expected "${noteOf(this.#records[this.#index]!)}", got the end`)
    }
  }
}
