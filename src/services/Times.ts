/**
 * Times and durations as people give them.
 *
 * @module
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { TimeOutOfRange } from "../core/Fault.ts"
import * as Nanos from "../core/Nanos.ts"

/** A duration in ns. One without end is out of every range; what is no duration is a defect, since types rule it out. */
export const inNanos = (input: Duration.Input): bigint => {
  const duration = Duration.fromInputUnsafe(input)
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
