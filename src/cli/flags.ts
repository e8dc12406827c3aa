/**
 * Flags that several commands have.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { CliError, Flag } from "effect/cli"
import type { OptionError } from "../core/Fault.ts"
import type { Address } from "../internal/platform/Tcp.ts"
import * as Trace from "../trace.ts"
import { exitWith, WRONG } from "./exits.ts"
import { stderr } from "./output.ts"
import { printable } from "./printable.ts"
import { DATES, DURATIONS, FACTORS, IDS, parseDate, parseDuration, parseId, parseNumber } from "./times.ts"

/** Something that was typed and can't be. */
const invalid = (option: string, value: string, expected: string) =>
  new CliError.InvalidValue({ option, value, expected, kind: "flag" })

/** A flag that is read by `parse`. */
const parsed = <A>(name: string, metavar: string, parse: (text: string) => A | undefined, expected: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.mapEffect((text) => {
      const value = parse(text)
      return value === undefined ? Effect.fail(invalid(name, text, expected)) : Effect.succeed(value)
    }),
  )

/** A length of time, in ns. */
export const duration = (name: string): Flag.Flag<bigint> => parsed(name, "TIME", parseDuration, DURATIONS)

/** A time of day, in ns since 1970. */
export const date = (name: string): Flag.Flag<bigint> => parsed(name, "TIME", parseDate, DATES)

/** A pace. Its bounds are the calendar's. */
export const factor = (name: string): Flag.Flag<number> => parsed(name, "FACTOR", parseNumber, FACTORS)

/** A whole number of 64 bits. */
export const id = (name: string): Flag.Flag<bigint> => parsed(name, "N", parseId, IDS)

const parseAddress = (text: string): Address | undefined => {
  const [, host, port] = /^(?:(\[[^\]]+\]|[^:/]*):)?(\d+)$/.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535) return undefined
  return { ...host !== undefined && host !== "" && { host: host.replace(/^\[|\]$/g, "") }, port: Number(port) }
}

/** An address on TCP. */
export const address = (name: string): Flag.Flag<Address> =>
  parsed(name, "[HOST:]PORT", parseAddress, "an address is HOST:PORT, or PORT on this machine")

/** A unix socket's path, or an address on TCP. A file whose name is a number is `./4000`. */
export const place = (name: string): Flag.Flag<string | Address> =>
  Flag.String(name).pipe(Flag.withMetavar("PATH|[HOST:]PORT"), Flag.map((text) => parseAddress(text) ?? text))

/** What is there, as an option of an object that may lack it. */
export const given = <Name extends string, A>(name: Name, value: Option.Option<A>): { readonly [K in Name]?: A } =>
  (Option.isSome(value) ? { [name]: value.value } : {}) as { readonly [K in Name]?: A }

/** Where a trace goes. */
export const trace: Flag.Flag<Option.Option<string>> = Flag.String("trace").pipe(
  Flag.withMetavar("FILE"),
  Flag.withDescription(
    "Write down all that happens: guest-clock trace shows it. As lines of JSON, if it ends with .ndjson",
  ),
  Flag.optional,
)

/**
 * Uses what writes a file while it runs, and tells when that can't be complete: that is said on standard error at once,
 * and is a failure in the end.
 */
export const completing = <A, E, R>(
  use: (onIncomplete: (why: Error) => void) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let isComplete = true
    const used = use((error) => {
      isComplete = false
      stderr.write(`guest-clock: ${printable(error.message)}\n`)
    })
    return Effect.tap(used, () => isComplete ? Effect.void : exitWith(WRONG))
  })

/**
 * Uses a layer that has all traced to the file that was given, if one was. A trace that isn't complete is told on
 * standard error as soon as that is known, and is a failure in the end.
 */
export const traced = <A, E, R>(
  path: Option.Option<string>,
  use: (tracing: Layer.Layer<never, OptionError>) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> =>
  Option.isNone(path) ? use(Layer.empty) : completing((onIncomplete) => use(Trace.toFile(path.value, { onIncomplete })))
