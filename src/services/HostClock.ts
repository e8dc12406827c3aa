/**
 * The host's clocks, for the guest that follows them and for the wall clock a
 * simulated guest starts with (SPEC 8).
 *
 * @module
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/**
 * Reads the host's clocks, in nanoseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface HostClock {
  /** Time that never goes back; its zero means nothing. */
  readonly monotonic: () => bigint
  /** Time since 1970. */
  readonly wall: () => bigint
  /** Ends when {@link monotonic} has reached `time`; at once if it has already. */
  readonly sleepUntil: (time: bigint) => Effect.Effect<void>
}

/**
 * The service: what reads the host's clocks.
 *
 * @since 0.1.0
 * @category services
 */
export const HostClock: Context.Service<HostClock, HostClock> = Context.Service<HostClock>("guest-clock/HostClock")
