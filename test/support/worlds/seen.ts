/**
 * What can be seen of a world's run, as lines that are the same exactly if it was: every entry of the journal with all
 * its fields, what is left of each guest, or the error. How often the calendar was asked is not among it.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import process from "node:process"
import type { Journal, World } from "../../../src/simulation.ts"

/** A value with its types, to the bit, in a canonical form. */
export const show = (value: unknown, above: ReadonlyArray<unknown> = []): string => {
  const inner = (each: unknown): string => show(each, [...above, value])
  const fields = (of: object, keys: ReadonlyArray<string>): string =>
    keys.map((key) => `${JSON.stringify(key)}: ${inner((of as { readonly [key: string]: unknown })[key])}`).join(", ")
  if (typeof value === "bigint") return `${value}n`
  if (typeof value === "string") return JSON.stringify(value)
  if (Object.is(value, -0)) return "-0"
  if (typeof value === "function") return "a function"
  if (typeof value !== "object" || value === null) return String(value)
  if (above.includes(value)) return "itself"
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (value instanceof Map) return `Map(${[...value].map((entry) => entry.map(inner).join(" → ")).join(", ")})`
  if (value instanceof Set) return `Set(${[...value].map(inner).join(", ")})`
  if (ArrayBuffer.isView(value)) {
    return `${value.constructor.name}(${[...value as unknown as Iterable<unknown>].map(inner).join(", ")})`
  }
  if (Array.isArray(value)) {
    return `[${Array.from(value, (each, index) => index in value ? inner(each) : "hole").join(", ")}]`
  }
  const prototype = Object.getPrototypeOf(value)
  const name = prototype === null || prototype === Object.prototype ? "" : String(prototype.constructor?.name)
  return `${name}{${fields(value, Object.keys(value).sort())}}`
}

const RANK = ["time", "guest", "_tag", "stamp"]

/** An entry with all that it has. */
const line = (entry: Journal.Entry): string => {
  const { time, guest, _tag, stamp } = entry
  const rest = Object.entries(entry).filter(([key]) => !RANK.includes(key)).sort(([a], [b]) => a < b ? -1 : 1)
  return `${time} ${guest} ${_tag} ${stamp} ${rest.map(([key, value]) => `${key} ${show(value)}`).join(" ")}`
}

/** What was seen of a run. */
export interface Seen {
  /** How it ended, and what is left of each guest. */
  readonly end: ReadonlyArray<string>
  readonly journal: ReadonlyArray<string>
}

const ofResult = (result: World.Result): Seen => ({
  end: [
    `${result.world} ended at ${result.time}, seed ${result.seed}`,
    ...result.guests.flatMap(({ guest, time, statistics }) => [
      `${guest} ended at ${time}`,
      ...statistics.map((reading) => `  ${guest} ${show(reading)}`),
    ]),
  ],
  journal: result.journal.map(line),
})

/** What an error says of itself: its fields and its words, but not what brought it about, which stays in its process. */
const ofError = (error: World.RunError): Seen => {
  if (error._tag === "CalendarDeadlock") return { end: ["CalendarDeadlock"], journal: [] }
  const fields = Object.entries(error).filter(([key]) => !["cause", "stack", "name"].includes(key)).sort()
  return {
    end: [error._tag, ...fields.map(([key, value]) => `  ${key} ${show(value)}`), `  says ${show(error.message)}`],
    journal: [],
  }
}

/** A run that takes longer hangs: in ms, of real time. `WORLD_PATIENCE` is another. */
const PATIENCE = Number(process.env["WORLD_PATIENCE"] ?? 10_000)

const HANGS = "it hangs"
const DEFECT = "a defect: "

/** What is seen of a run. One that never ends, or ends by a defect, is seen as that. */
export const seen = (run: Effect.Effect<World.Result, World.RunError>): Effect.Effect<Seen> =>
  Effect.map(Effect.exit(Effect.timeoutOption(run, PATIENCE)), (exit): Seen => {
    if (Exit.isSuccess(exit)) {
      return Option.isSome(exit.value) ? ofResult(exit.value.value) : { end: [HANGS], journal: [] }
    }
    const error = Cause.findErrorOption(exit.cause)
    return Option.isSome(error)
      ? ofError(error.value)
      : { end: [`${DEFECT}${String(Cause.squash(exit.cause))}`], journal: [] }
  })

/** What no world may come to, whatever it does. */
export const impossible = ({ end: [how = ""] }: Seen): string | undefined =>
  how === HANGS || how.startsWith(DEFECT) ? how : undefined

/** All lines. */
export const lines = ({ end, journal }: Seen): ReadonlyArray<string> => [...journal, ...end]

/** Lines before and after the first that isn't the same. */
const AROUND = 4

/** Where two runs part ways, for people; none if they don't. `what` says what is compared: all, or the end alone. */
export const difference = (one: Seen, other: Seen, what: "all" | "end" = "all"): string | undefined => {
  const [left, right] = what === "all" ? [lines(one), lines(other)] : [one.end, other.end]
  const at = left.findIndex((each, index) => each !== right[index])
  const first = at >= 0 ? at : left.length
  if (first === left.length && first === right.length) return undefined
  const shown = (
    of: ReadonlyArray<string>,
  ) => [...of.slice(first, first + AROUND), ...first >= of.length ? ["(over)"] : []]
  return [
    ...left.slice(Math.max(0, first - AROUND), first).map((each) => `    ${each}`),
    ...shown(left).map((each) => `  - ${each}`),
    ...shown(right).map((each) => `  + ${each}`),
  ].join("\n")
}
