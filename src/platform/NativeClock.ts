/**
 * The host's clocks, as every runtime has them.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { monotonic } from "../internal/platform/Monotonic.ts"
import { HostClock } from "../services/HostClock.ts"

const NANOS_PER_MILLI = 1_000_000n

/** The longest that one timer of the runtime can be set for: a signed 32-bit number of milliseconds. */
const LONGEST_MILLIS = 0x7fff_ffffn

/**
 * A duration in ns as the runtime's timers take it: whole milliseconds, never too early.
 *
 * @since 0.1.0
 * @category layers
 */
export const timerMillis = (nanos: bigint): number => {
  const millis = (nanos + NANOS_PER_MILLI - 1n) / NANOS_PER_MILLI
  return Number(millis < 1n ? 1n : millis > LONGEST_MILLIS ? LONGEST_MILLIS : millis)
}

const sleepUntil = (time: bigint): Effect.Effect<void> =>
  Effect.callback((resume) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const check = () => {
      const left = time - monotonic()
      if (left <= 0n) resume(Effect.void)
      else timer = setTimeout(check, timerMillis(left))
    }
    check()
    return Effect.sync(() => clearTimeout(timer))
  })

/**
 * The host's clocks.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HostClock> = Layer.succeed(HostClock, {
  monotonic,
  wall: () => BigInt(Date.now()) * NANOS_PER_MILLI,
  sleepUntil,
})
