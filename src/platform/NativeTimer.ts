/**
 * A timer of the host, as every runtime has them: whole milliseconds, at least
 * one, rounded up.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { HostClock } from "../services/HostClock.ts"
import { HostTimer } from "../services/HostTimer.ts"

/**
 * A timer of the host, stopped when the layer's scope closes.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HostTimer, never, HostClock> = Layer.effect(
  HostTimer,
  Effect.gen(function* () {
    const clock = yield* HostClock
    const listeners = new Set<Effect.Effect<void>>()
    const context = yield* Effect.context<never>()
    const scope = yield* Effect.scope
    const runFork = Effect.runForkWith(context)
    /** What runs on an alarm ends with the scope, and nobody else hears of its defects. */
    const fork = (effect: Effect.Effect<void>) =>
      Fiber.runIn(
        runFork(Effect.catchCause(effect, (cause) => Effect.logError("guest-clock: an alarm died", cause))),
        scope,
      )
    let running: { readonly stop: () => void } | undefined

    const ring = () => {
      for (const listener of listeners) fork(listener)
    }
    const stop = () => {
      running?.stop()
      running = undefined
    }
    /** Rings at `due`, and then again as long as there is an interval; late alarms don't shift later ones. */
    const arm = (due: bigint, interval?: bigint) =>
      Effect.sync(() => {
        stop()
        const waiting = fork(
          Effect.gen(function* () {
            for (let next = due;;) {
              yield* clock.sleepUntil(next)
              ring()
              if (interval === undefined) return
              const now = clock.monotonic()
              do next += interval
              while (next <= now)
            }
          }),
        )
        running = { stop: () => waiting.interruptUnsafe() }
      })

    yield* Effect.addFinalizer(() => Effect.sync(stop))
    return {
      armOnce: (delay) => Effect.suspend(() => arm(clock.monotonic() + delay)),
      armEvery: (interval) => Effect.suspend(() => arm(clock.monotonic() + interval, interval > 0n ? interval : 1n)),
      disarm: Effect.sync(stop),
      release: Effect.sync(stop),
      onAlarm: (alarm) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            listeners.add(alarm)
          }),
          () => Effect.sync(() => listeners.delete(alarm)),
        ),
    }
  }),
)
