/**
 * Arrivals that were written down, one a line, for simulations that are driven by a trace: when customers, requests or
 * messages really came, and what else is known of each.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Arrivals, Guest, Process, World } from "guest-clock/simulation"
 *
 * const log = Arrivals.parseUnsafe("time,bytes\n0.5,1200\n0.75,80\n", { column: "time" })
 * const server = Guest.make("server", Arrivals.each(log, ({ at, fields }) =>
 *   Effect.andThen(
 *     Effect.sync(() => console.log(at, fields["bytes"])),
 *     Process.spawn("request", Process.hold("1 second")),
 *   )))
 * await Effect.runPromise(World.run(World.make({ guests: [server] })))
 * // 500000000n 1200
 * // 750000000n 80
 * ```
 *
 * @since 0.2.0
 * @category chance
 * @module
 */
import * as Effect from "effect/Effect"
import { Tagged } from "../internal/core/Tagged.ts"
import { OptionError } from "../core/Fault.ts"
import * as TextFile from "../internal/platform/TextFile.ts"
import { badChoice } from "../internal/services/Checks.ts"
import * as Process from "./Process.ts"
import { Self } from "../internal/simulation/Self.ts"

/**
 * One arrival.
 *
 * @since 0.1.0
 * @category models
 */
export interface Arrival {
  /** When, in ns. */
  readonly at: bigint
  /** Which line of the text it is, from 1 on. */
  readonly line: number
  /** What stands in its line, by column: the names of the first line, or `"1"`, `"2"` and so on. */
  readonly fields: { readonly [column: string]: string }
}

/**
 * How arrivals are written.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The column that has the times: a name, if the first line names the columns, or a number, from 1 on, if it doesn't.
   * Default: 1.
   */
  readonly column?: string | number
  /** What times are in. Default: seconds. */
  readonly unit?: "seconds" | "millis" | "micros" | "nanos"
  /** Whether each is the time since the arrival before, instead of since the beginning. Default: false. */
  readonly gaps?: boolean
  /** What is between columns. Default: a comma. */
  readonly separator?: string
}

/**
 * A line that is no arrival.
 *
 * @since 0.1.0
 * @category errors
 */
export class ArrivalsError extends Tagged<"ArrivalsError"> {
  /** From 1 on. */
  readonly line: number
  constructor(line: number, why: string) {
    super("ArrivalsError", `line ${line}: ${why}`)
    this.line = line
  }
}

/** How many digits a unit has behind the point, to be ns. */
const DIGITS = { seconds: 9, millis: 6, micros: 3, nanos: 0 } as const

/** The largest time: half of all. */
const MOST = 1n << 62n

/** A decimal number of so many ns' digits behind the point, exactly; nothing if it is none, or has parts of a ns. */
const nanosOf = (text: string, digits: number): bigint | undefined => {
  const [, whole, decimals = ""] = /^\+?(\d+)(?:\.(\d*))?$/.exec(text.trim()) ?? []
  if (whole === undefined || /[1-9]/.test(decimals.slice(digits))) return undefined
  return BigInt(whole + decimals.slice(0, digits).padEnd(digits, "0"))
}

/**
 * The arrivals in a text, one a line; lines that are empty or begin with `#` are none. A time is a plain decimal number of
 * whole ns, up to 2^62, and none is before the one above it. Columns have no quotes. It throws an `OptionError`, or an
 * {@link ArrivalsError}, which says in which line it is; {@link parse} fails with them.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseUnsafe = (
  text: string,
  { column = 1, unit = "seconds", gaps = false, separator = "," }: Options = {},
): ReadonlyArray<Arrival> => {
  const bad = badChoice("unit", unit, Object.keys(DIGITS)) ??
    (separator === "" ? new OptionError("separator", separator, "a text of 1 character or more") : undefined) ??
    (typeof column === "number" && !(Number.isInteger(column) && column >= 1)
      ? new OptionError("column", column, "a column's name, or its number, from 1 on")
      : undefined)
  if (bad !== undefined) throw bad
  const arrivals: Array<Arrival> = []
  let names: ReadonlyArray<string> | undefined
  let at = 0n
  for (const [index, row] of text.split(/\r?\n/).entries()) {
    if (row.trim() === "" || row.startsWith("#")) continue
    const cells = row.split(separator).map((cell) => cell.trim())
    const wrong = (why: string) => new ArrivalsError(index + 1, why)
    if (typeof column === "string" && names === undefined) {
      names = cells
      if (!names.includes(column)) throw new OptionError("column", column, `the columns are ${names.join(", ")}`)
      continue
    }
    const place = typeof column === "string" ? names!.indexOf(column) : column - 1
    const cell = cells[place]
    const time = cell === undefined ? undefined : nanosOf(cell, DIGITS[unit])
    if (time === undefined) {
      throw wrong(`${JSON.stringify(cell ?? "")} is no time: a number of ${unit} from 0 on, of whole ns`)
    }
    const next = gaps ? at + time : time
    if (next < at) throw wrong(`it is before the arrival above it, at ${at} ns`)
    if (next > MOST) throw wrong("it is after 2^62 ns")
    at = next
    const fields = Object.fromEntries(cells.map((cell, i) => [names?.[i] ?? String(i + 1), cell]))
    arrivals.push({ at, line: index + 1, fields })
  }
  return arrivals
}

/**
 * The arrivals in a text, as {@link parseUnsafe}: it fails with what that throws.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parse = (
  text: string,
  options: Options = {},
): Effect.Effect<ReadonlyArray<Arrival>, ArrivalsError | OptionError> =>
  Effect.try({
    try: () => parseUnsafe(text, options),
    catch: (error) => error as ArrivalsError | OptionError,
  })

/**
 * The arrivals in a file, as {@link parse}: read before a world runs, whose guests must not wait for files.
 *
 * @since 0.1.0
 * @category reading
 */
export const fromFile = (
  path: string,
  options: Options = {},
): Effect.Effect<ReadonlyArray<Arrival>, ArrivalsError | OptionError | TextFile.PlatformError, TextFile.FileSystem> =>
  Effect.flatMap(TextFile.read(path), (text) => parse(text, options))

/**
 * Runs an effect at the time of each arrival, one after the other. One that takes time keeps those after it waiting: what
 * is to go on meanwhile is a process of its own (`Process.spawn`).
 *
 * @since 0.1.0
 * @category reading
 */
export const each = <E, R>(
  arrivals: ReadonlyArray<Arrival>,
  effect: (arrival: Arrival, index: number) => Effect.Effect<unknown, E, R>,
): Effect.Effect<void, E | Process.Interrupted, R | Self> =>
  Effect.gen(function* () {
    const { now } = yield* Self
    for (const [index, arrival] of arrivals.entries()) {
      // A hold of a bigint is never one that can't be.
      if (arrival.at > now()) yield* Effect.catchTag(Process.hold(arrival.at - now()), "OptionError", Effect.die)
      yield* effect(arrival, index)
    }
  })
