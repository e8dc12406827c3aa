/**
 * Times as people write them.
 *
 * @module
 */
import { NONE } from "../core/Nanos.ts"

const UNITS: Readonly<Record<string, bigint>> = {
  "": 1n,
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  min: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
}

/** What is allowed, for people. */
export const DURATIONS =
  "a time is a number with a unit of ns, us, ms, s, m, h or d, as 90s or 1.5ms; without one it is ns"

/** What is allowed for a time of day, for people. */
export const DATES = "a time of day is an ISO date, as 2026-11-22T12:00:00Z, or ns since 1970"

/** A length of time in whole ns, exactly; nothing if it is none or has no 64 bits. */
export const parseDuration = (text: string): bigint | undefined => {
  const [, whole, decimals = "", unit = ""] = /^(\d+)(?:\.(\d+))?\s*(ns|us|µs|ms|s|min|m|h|d)?$/.exec(text.trim()) ?? []
  const size = UNITS[unit]
  if (whole === undefined || size === undefined) return undefined
  const scale = 10n ** BigInt(decimals.length)
  const scaled = BigInt(whole + decimals) * size
  const nanos = scaled / scale
  return scaled % scale === 0n && nanos <= NONE ? nanos : undefined
}

/** A time of day in ns since 1970, exactly; nothing if it is none. */
export const parseDate = (text: string): bigint | undefined => {
  if (/^\d+$/.test(text)) return parseDuration(text)
  const [, seconds, decimals = "", zone] =
    /^(\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?)?)(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?$/.exec(text.trim()) ?? []
  if (seconds === undefined) return undefined
  // A date without a zone is UTC, whether it has a time or not: the same everywhere.
  const millis = Date.parse(`${seconds}${seconds.includes("T") ? zone ?? "Z" : ""}`)
  if (Number.isNaN(millis) || millis < 0) return undefined
  return BigInt(millis) * 1_000_000n + BigInt(decimals.padEnd(9, "0"))
}
