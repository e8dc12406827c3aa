/**
 * Checks of numbers, times and names that users give. Each returns an `OptionError` that says which option it is, what
 * was given, and what is allowed.
 *
 * @module
 */
import * as Duration from "effect/Duration"
import { OptionError } from "../../core/Fault.ts"
import { FOREVER } from "../../core/Nanos.ts"
import { durationOf } from "./Times.ts"

/** Checks a number that must be whole and within bounds, and returns what is wrong. */
export const badWhole = (option: string, given: unknown, least: number, most: number): OptionError | undefined =>
  given === Infinity && most === Infinity || Number.isInteger(given) && Number(given) >= least && Number(given) <= most
    ? undefined
    : new OptionError(option, given, `it is a whole number from ${least} ${most === Infinity ? "on" : `to ${most}`}`)

/** Checks a seed, and returns what is wrong. */
export const badSeed = (option: string, given: unknown): OptionError | undefined =>
  badWhole(option, given, 0, 0xffff_ffff)

/** Checks a probability, and returns what is wrong. */
export const badShare = (option: string, given: unknown): OptionError | undefined =>
  typeof given === "number" && given >= 0 && given <= 1
    ? undefined
    : new OptionError(option, given, "it is a share, from 0 to 1")

/** Checks a `bigint` of ns, and returns what is wrong. */
export const badNanos = (option: string, given: unknown, least: bigint, most: bigint): OptionError | undefined =>
  typeof given === "bigint" && given >= least && given <= most
    ? undefined
    : new OptionError(option, given, `it is a bigint of ns, from ${least} to ${power(most)}`)

/** 2^62 is easier to read than 4611686018427387904. */
const power = (most: bigint): string => {
  for (const exponent of [62, 63, 64]) {
    const below = (1n << BigInt(exponent)) - most
    if (below >= 0n && below <= 2n) return `2^${exponent}${below === 0n ? "" : ` − ${below}`}`
  }
  return String(most)
}

/** The slowest and the fastest pace: beyond them, real time would be of no account, or simulated time past its end at once. */
const [SLOWEST, FASTEST] = [1e-9, 1e9]

/** What is wrong with a pace, if anything is; none is as fast as it goes. */
export const badPace = (given: unknown): OptionError | undefined =>
  given === undefined || typeof given === "number" && given >= SLOWEST && given <= FASTEST
    ? undefined
    : new OptionError("pace", given, "a factor is a number from 10^-9 to 10^9: simulated seconds a real second")

/** What is wrong with a duration of real time, if anything is; one without end is allowed. */
export const badDuration = (option: string, given: unknown): OptionError | undefined => {
  const duration = durationOf(given)
  return duration !== undefined && !Duration.isNegative(duration)
    ? undefined
    : new OptionError(option, given, 'it is a duration from 0 on, as "5 seconds" or a number of ms')
}

/** Checks a time that simulated time is to come to, in ns, and returns what is wrong. */
export const badUntil = (given: bigint): OptionError | undefined =>
  typeof given === "bigint" && given >= 0n && given < FOREVER
    ? undefined
    : new OptionError("until", given, "it is a time in ns, from 0 to 2^63 − 2")

/** Checks one of several words, and returns what is wrong. */
export const badChoice = (option: string, given: unknown, allowed: ReadonlyArray<string>): OptionError | undefined =>
  allowed.includes(given as string) ? undefined : new OptionError(option, given, `it is one of ${allowed.join(", ")}`)

/** Checks a flag, and returns what is wrong. */
export const badFlag = (option: string, given: unknown): OptionError | undefined =>
  typeof given === "boolean" ? undefined : new OptionError(option, given, "it is true or false")

/** Checks a name, and returns what is wrong. */
export const badName = (option: string, given: unknown): OptionError | undefined =>
  typeof given === "string" && given !== ""
    ? undefined
    : new OptionError(option, given, "a name is a text of 1 character or more")

/** Checks a list, and returns what is wrong. */
export const badList = (option: string, given: unknown): OptionError | undefined =>
  Array.isArray(given) ? undefined : new OptionError(option, given, "it is an array")
