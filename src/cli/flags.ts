/**
 * The flags that several commands have, and how they are read.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CliError, Flag } from "effect/cli"
import type { Address } from "../platform/Tcp.ts"
import { DATES, DURATIONS, parseDate, parseDuration } from "./times.ts"

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

/** A whole number of 64 bits. */
export const id = (name: string): Flag.Flag<bigint> =>
  parsed(
    name,
    "N",
    (text) => /^\d+$/.test(text) && BigInt(text) < 1n << 64n ? BigInt(text) : undefined,
    "an ID is a whole number from 0 to 2^64 − 1",
  )

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
  Flag.withDescription("Write down all that happens, as lines of JSON: guest-clock trace shows it"),
  Flag.optional,
)
