/**
 * Effect's durations as times of the core.
 *
 * @module
 */
import * as Duration from "effect/Duration"

/** A duration in ns. One without end is out of every range; what is no duration is a defect, since types rule it out. */
export const inNanos = (input: Duration.Input): bigint => {
  const duration = Duration.fromInputUnsafe(input)
  if (Duration.isFinite(duration)) return Duration.toNanosUnsafe(duration)
  return Duration.isNegative(duration) ? -1n : 2n ** 64n
}
