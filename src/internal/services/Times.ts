/**
 * Times and durations as people give them.
 *
 * @module
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { OptionError, TimeOutOfRange } from "../../core/Fault.ts"
import * as Nanos from "../../core/Nanos.ts"

const UNITS: ReadonlySet<string> = new Set([
  "weeks",
  "days",
  "hours",
  "minutes",
  "seconds",
  "milliseconds",
  "microseconds",
  "nanoseconds",
])

const isPart = ([unit, count]: readonly [string, unknown]): boolean =>
  UNITS.has(unit) && (count === undefined || typeof count === "number" && !Number.isNaN(count))

/** The duration that something stands for, if it does: Effect would take `NaN`, and an object without a unit, for 0. */
export const durationOf = (input: unknown): Duration.Duration | undefined => {
  if (Duration.isDuration(input)) return input
  if (Number.isNaN(input)) return undefined
  if (Array.isArray(input)) {
    if (input.some(Number.isNaN)) return undefined
  } else if (typeof input === "object" && input !== null) {
    const parts = Object.entries(input)
    if (parts.length === 0 || !parts.every(isPart)) return undefined
  }
  return Option.getOrUndefined(Duration.fromInput(input as Duration.Input))
}

/**
 * A duration in ns. One without end is out of every range; what is no duration is thrown as
 * an `OptionError` that names `option`.
 */
export const inNanos = (input: Duration.Input, option = "a duration"): bigint => {
  const duration = durationOf(input)
  if (duration === undefined) {
    throw new OptionError(option, input, 'it is a duration, as "5 seconds", a number of ms, or a bigint of ns')
  }
  return Duration.isFinite(duration)
    ? Duration.toNanosUnsafe(duration)
    : Duration.isNegative(duration)
    ? -1n
    : 2n ** 64n
}

/** `f` of a checked time. */
export const checked = <A, E>(
  value: bigint,
  f: (time: Nanos.Nanos) => Effect.Effect<A, E>,
): Effect.Effect<A, E | TimeOutOfRange> => {
  const time = Nanos.make(value)
  return time instanceof TimeOutOfRange ? Effect.fail(time) : f(time)
}
