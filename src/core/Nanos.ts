/**
 * A guest time or a duration, in whole nanoseconds: an unsigned 64-bit number
 * held in a `bigint` (SPEC 0, "Words").
 *
 * Guest time never passes through a floating-point number, because a double
 * stops counting nanoseconds after 104 days.
 *
 * @module
 */
import { BadNumber, type Misuse, TimeOutOfRange } from "./Fault.ts"

declare const NanosTypeId: unique symbol

/**
 * A `bigint` that has been checked to be within 0 … 2^64 − 1 nanoseconds.
 *
 * Every `Nanos` is a plain `bigint` at run time. Use {@link make} to turn any
 * `bigint` into one.
 *
 * @since 0.1.0
 * @category models
 */
export type Nanos = bigint & { readonly [NanosTypeId]: "Nanos" }

/** The largest value of an unsigned 64-bit number. */
const U64_MAX = 0xffff_ffff_ffff_ffffn

/**
 * Time zero: where every guest starts.
 *
 * @since 0.1.0
 * @category constants
 */
export const ZERO: Nanos = 0n as Nanos

/**
 * 2^63 − 1: a guest that sleeps until then never wakes (SPEC 3).
 *
 * @since 0.1.0
 * @category constants
 */
export const FOREVER: Nanos = 0x7fff_ffff_ffff_ffffn as Nanos

/**
 * 2^64 − 1: sent where a time means nothing, and the ID of a guest that has none (SPEC 1, 9.5).
 *
 * @since 0.1.0
 * @category constants
 */
export const NONE: Nanos = U64_MAX as Nanos

/**
 * Checks that a `bigint` is within 0 … 2^64 − 1, in nanoseconds.
 *
 * Returns a `TimeOutOfRange` that quotes the value otherwise.
 *
 * @example
 * ```ts
 * import * as Nanos from "guest-clock/core/Nanos"
 *
 * console.log(Nanos.make(250n)) // 250n
 * console.log(String(Nanos.make(-1n))) // TimeOutOfRange: -1 is not a time: …
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (value: bigint): Nanos | TimeOutOfRange =>
  typeof value === "bigint" && value >= 0n && value <= U64_MAX ? value as Nanos : new TimeOutOfRange(value)

/**
 * `time` + `duration`, in nanoseconds, held at 2^64 − 1 where a 64-bit number
 * would wrap around: a sum that large is past {@link FOREVER} either way.
 *
 * @since 0.1.0
 * @category arithmetic
 */
export const plus = (time: Nanos, duration: Nanos): Nanos => {
  const sum = time + duration
  return (sum > U64_MAX ? U64_MAX : sum) as Nanos
}

/**
 * `later` − `earlier`, in nanoseconds, or zero where `earlier` is the later one.
 *
 * @since 0.1.0
 * @category arithmetic
 */
export const minus = (later: Nanos, earlier: Nanos): Nanos => (later > earlier ? later - earlier : 0n) as Nanos

/**
 * `a` − `b` as the unsigned 64-bit number that it is modulo 2^64. Only a wall
 * clock's start is found this way: `start` + now then gives `a` + (now − `b`)
 * even where `b` is the larger (SPEC 8, "At boot").
 *
 * @since 0.1.0
 * @category arithmetic
 */
export const minusWrapping = (a: Nanos, b: Nanos): Nanos => BigInt.asUintN(64, a - b) as Nanos

/**
 * `a` + `b` modulo 2^64, the counterpart of {@link minusWrapping}.
 *
 * @since 0.1.0
 * @category arithmetic
 */
export const plusWrapping = (a: Nanos, b: Nanos): Nanos => BigInt.asUintN(64, a + b) as Nanos

/**
 * The most characters that a number may have in a boot option (SPEC 1).
 *
 * @since 0.1.0
 * @category constants
 */
export const MAX_NUMBER_LENGTH = 24

/** A C integer literal without a suffix: `0x1f`, `017` or `15`. */
const C_NUMBER = /^(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/

/**
 * Reads an unsigned 64-bit number in one of the C forms: decimal, `0x…`
 * (hexadecimal) or `0…` (octal), at most 24 characters (SPEC 1).
 *
 * Returns a `BadNumber` that quotes the text and says what is allowed otherwise.
 *
 * @example
 * ```ts
 * import * as Nanos from "guest-clock/core/Nanos"
 *
 * console.log(Nanos.parse("0x10")) // 16n
 * console.log(Nanos.parse("010")) // 8n
 * ```
 *
 * @since 0.1.0
 * @category parsing
 */
export const parse = (text: string): Nanos | BadNumber => {
  if (text.length > MAX_NUMBER_LENGTH || !C_NUMBER.test(text)) return new BadNumber(text)
  const octal = text.length > 1 && text[0] === "0" && text[1] !== "x" && text[1] !== "X"
  const value = BigInt(octal ? `0o${text.slice(1)}` : text)
  return value > U64_MAX ? new BadNumber(text) : value as Nanos
}

/**
 * Whether `value` is one of the errors that {@link make} and {@link parse} return.
 *
 * @since 0.1.0
 * @category guards
 */
export const isMisuse = (value: Nanos | Misuse): value is Misuse => typeof value !== "bigint"
