/**
 * The host's one timer for a guest: it goes off once or again and again, and
 * each time is an alarm (SPEC 7, 8).
 *
 * @module
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * A timer of the host. Arming it replaces what it was armed for before.
 *
 * @since 0.1.0
 * @category models
 */
export interface HostTimer {
  /** Have it go off once, `delay` ns from now. */
  readonly armOnce: (delay: bigint) => Effect.Effect<void>
  /** Have it go off every `interval` ns. */
  readonly armEvery: (interval: bigint) => Effect.Effect<void>
  /** Have it not go off. */
  readonly disarm: Effect.Effect<void>
  /** Has it not go off any more, since the clock that it was for is dead. */
  readonly release: Effect.Effect<void>
  /** While the scope is open, each alarm runs `alarm`. */
  readonly onAlarm: (alarm: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
}

/**
 * The service: a timer of the host.
 *
 * @since 0.1.0
 * @category services
 */
export const HostTimer: Context.Service<HostTimer, HostTimer> = Context.Service<HostTimer>("guest-clock/HostTimer")
