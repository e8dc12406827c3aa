/**
 * Real time for what needs it on any clock: a watchdog, a pace, a grace period. The clock around it may be simulated, and
 * stand still, or be a `TestClock` that nobody adjusts.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scheduler from "effect/Scheduler"
import { later, millis, nextTurn } from "./EventLoop.ts"

/** Taken when this is loaded, as EventLoop's are: fake timers replace the global one. */
const wallMillis: () => number = Date.now.bind(Date)

const NANOS_PER_MILLI = 1_000_000n

const sleepMillis = (millis: number): Effect.Effect<void> => {
  if (millis <= 0) return Effect.yieldNow
  if (millis === Infinity) return Effect.never
  return Effect.callback((resume) => {
    const cancel = later(millis, () => resume(Effect.void))
    return Effect.sync(cancel)
  })
}

const wallNanos = (): bigint => BigInt(wallMillis()) * NANOS_PER_MILLI

const monotonicNanos = (): bigint => BigInt(Math.round(millis() * 1e6))

/** The clock of real time, on the runtime's own timers. */
export const clock: Clock.Clock = {
  currentTimeMillisUnsafe: wallMillis,
  currentTimeNanosUnsafe: wallNanos,
  monotonicTimeNanosUnsafe: monotonicNanos,
  currentTimeMillis: Effect.sync(wallMillis),
  currentTimeNanos: Effect.sync(wallNanos),
  monotonicTimeNanos: Effect.sync(monotonicNanos),
  sleep: (duration) => sleepMillis(Duration.toMillis(duration)),
}

/** {@link clock}, and Effect's own scheduler. */
export const context: Context.Context<never> = Context.make(Clock.Clock, clock).pipe(
  Context.add(Scheduler.Scheduler, new Scheduler.MixedScheduler("async", nextTurn)),
)

/**
 * Runs `effect`, and whatever it forks, in real time: by {@link clock}, and by Effect's own scheduler. A scheduler of
 * simulated time would count its steps as those of the program, and run them in the order of that program's seed.
 */
export const inRealTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideContext(effect, context)
