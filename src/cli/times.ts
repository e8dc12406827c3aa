/**
 * Parses times and numbers as people write them.
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
export const DATES =
  "a time of day is an ISO date from 1970 to 2554, as 2026-11-22, 2026-11-22T12:00:00Z or 2026-11-22T12:00:00.5+01:00 " +
  "(without a zone it is UTC), or ns since 1970"

/** What is allowed for a pace, for people. */
export const FACTORS = "a factor is a number from 10^-9 to 10^9: simulated seconds a real second"

/** What is allowed for an ID, for people. */
export const IDS = "an ID is a whole number from 0 to 2^64 − 1"

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

const DATE = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?(?:Z|([+-])(\d{2}):(\d{2}))?$/

/** Whole minutes, with their sign. Nothing where there are no such hours or minutes. */
const zoneMinutes = (sign: string, hours: number, minutes: number): number | undefined =>
  hours > 23 || minutes > 59 ? undefined : (sign === "-" ? -1 : 1) * (60 * hours + minutes)

/** A time of day in ns since 1970, exactly; nothing if there is no such day or time, or it has no 64 bits. */
export const parseDate = (text: string): bigint | undefined => {
  const trimmed = text.trim()
  if (/^\d+$/.test(trimmed)) return parseDuration(trimmed)
  const found = DATE.exec(trimmed)
  if (found === null) return undefined
  // The runtimes' own parsers differ, and some take the 30th of February for the 2nd of March.
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0))
  const [decimals = "", sign = "+", zoneHour = "0", zoneMinute = "0"] = found.slice(7)
  const zone = zoneMinutes(sign, Number(zoneHour), Number(zoneMinute))
  const midnight = new Date(Date.UTC(year!, month! - 1, day!))
  const isDay = midnight.getUTCFullYear() === year && midnight.getUTCMonth() === month! - 1 &&
    midnight.getUTCDate() === day
  if (!isDay || zone === undefined) return undefined
  if (hour! > 23 || minute! > 59 || second! > 59) return undefined
  const seconds = BigInt(midnight.getTime() / 1000 + 3600 * hour! + 60 * (minute! - zone) + second!)
  const nanos = seconds * 1_000_000_000n + BigInt(decimals.padEnd(9, "0"))
  return nanos >= 0n && nanos <= NONE ? nanos : undefined
}

/** A plain decimal number, as `2`, `0.5` or `1e3`; nothing if it is none. */
export const parseNumber = (text: string): number | undefined =>
  /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined

/** A client's ID; nothing if it is none. */
export const parseId = (text: string): bigint | undefined =>
  /^\d+$/.test(text) && BigInt(text) <= NONE ? BigInt(text) : undefined
