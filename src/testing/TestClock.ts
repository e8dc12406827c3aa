/**
 * Effect's `TestClock` on simulated time: a drop-in for `effect/testing/TestClock`, with the same functions.
 *
 * Simulated time moves by itself when nobody can run, so that a test needn't adjust anything. One that does still
 * runs: to adjust the clock is to sleep, and then to wait until all else that can run has come to rest. What waits
 * without an adjustment, as for a fiber to end, no longer hangs.
 *
 * `it.effect`, `it.simulated` and `it.layer` of `guest-clock/testing` provide such a clock, so a suite has no need of
 * {@link layer}. docs/testclock.md has what else is different.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as TestClock from "guest-clock/testing/TestClock"
 *
 * const program = Effect.gen(function*() {
 *   let beats = 0
 *   const beat = Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => ++beats))
 *   yield* Effect.forkChild(Effect.forever(beat))
 *   yield* TestClock.adjust("1 minute")
 *   console.log(beats) // 60
 * })
 * await Effect.runPromise(Effect.provide(program, TestClock.layer()))
 * ```
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { TestClock } from "effect/testing/TestClock"
import { GuestClock } from "../GuestClock.ts"
import * as Mode from "../Mode.ts"
import * as VirtualTime from "../VirtualTime.ts"
import { AdjustableClock, around, byHand, find } from "../internal/testing/AdjustableClock.ts"
import { forTest } from "../internal/testing/Simulate.ts"

export type { TestClock } from "effect/testing/TestClock"

/** Simulated time from 1970 on, of its own, whatever layers are around. */
const simulated = (options: VirtualTime.Options) =>
  Layer.build(Layer.fresh(Layer.provideMerge(VirtualTime.layer(options), Mode.infCpu({ start: 0n })))).pipe(
    Effect.orDie,
  )

/** Simulated time around another stands still until the scope closes: to the program around it, no time goes by. */
const holdOuter: Effect.Effect<void, never, Scope.Scope> = Effect.withFiber((fiber) => {
  const outer = around(fiber.context)
  if (outer === undefined) return Effect.void
  return Effect.asVoid(Effect.acquireRelease(Effect.sync(() => outer.freeze()), (goOn) => Effect.sync(goOn)))
})

/**
 * A clock by itself, at 1970, for fibers of whatever scheduler there is: its time moves when it is adjusted, and only
 * then. With the scheduler of {@link layer} it moves by itself.
 *
 * `warningDelay` has no effect: an adjustment doesn't wait for fibers that run on and on.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (_options?: TestClock.Options): Effect.Effect<TestClock, never, Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* simulated({})
    const virtual = Context.get(context, VirtualTime.VirtualTime)
    const { sync } = Context.get(context, GuestClock)
    yield* virtual.pause
    return new AdjustableClock(Context.get(context, Clock.Clock), virtual, sync, byHand(virtual, sync))
  })

/**
 * Simulated time from 1970 on, with a clock that can be adjusted, and the scheduler that belongs to it. A program that
 * can't go on is interrupted, and the reason is in the cause, as with `VirtualTime.layer`.
 *
 * `warningDelay` has no effect: time needs nobody to move it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (_options?: TestClock.Options): Layer.Layer<TestClock> =>
  Layer.effectContext(Effect.gen(function* () {
    yield* holdOuter
    const context = yield* simulated(forTest({}, 0))
    const clock = find(context)
    return clock === undefined ? context : Context.add(context, Clock.Clock, clock)
  })) as Layer.Layer<never> as Layer.Layer<TestClock>

/**
 * Uses the clock that can be adjusted of the simulated time that this runs on: of `it.effect`, {@link layer}, or
 * `VirtualTime.run`. A defect where there is none.
 *
 * @since 0.1.0
 * @category time
 */
export const testClockWith = <A, E, R>(
  f: (testClock: TestClock) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const clock = find(fiber.context)
    if (clock !== undefined) return f(clock)
    const message = "there is no simulated time to adjust: run this in it.effect or it.simulated of " +
      "guest-clock/testing, in VirtualTime.run, or with TestClock.layer"
    return Effect.die(new Error(message))
  })

/**
 * Sleeps for `duration`, and waits until all that can run has come to rest, without time moving on. Adjustments are
 * made one after the other.
 *
 * - 0: waits for the others only.
 * - Less than 0: sets the wall clock back, though not before 1970. Sleeps don't notice.
 * - `Duration.infinity`: goes on to what is due next until nothing is. Never ends if something always is.
 * - Beyond the end of time, 2^63 − 1 ns after 1970: a defect, `OptionError`.
 *
 * **When to use**
 *
 * Use it in tests that were written for Effect's `TestClock`. New tests just sleep.
 *
 * @example
 * ```ts
 * import { Effect, Fiber } from "effect"
 * import * as TestClock from "guest-clock/testing/TestClock"
 *
 * const program = Effect.gen(function*() {
 *   const fiber = yield* Effect.forkChild(Effect.as(Effect.sleep("1 hour"), "rested"))
 *   yield* TestClock.adjust("1 hour")
 *   console.log(yield* Fiber.join(fiber)) // rested
 * })
 * await Effect.runPromise(Effect.provide(program, TestClock.layer()))
 * ```
 *
 * @since 0.1.0
 * @category time
 */
export const adjust = (duration: Duration.Input): Effect.Effect<void> =>
  testClockWith((clock) => clock.adjust(duration))

/**
 * Has the wall clock show `timestamp`, in ms since 1970: {@link adjust}, by what is missing. An earlier time than now
 * sets the wall clock only. Not a number, and −Infinity: a defect, `OptionError`.
 *
 * @since 0.1.0
 * @category time
 */
export const setTime = (timestamp: number): Effect.Effect<void> => testClockWith((clock) => clock.setTime(timestamp))

/**
 * Runs `effect` on the live clock. Simulated time stands still meanwhile, as in a hold without a cap.
 *
 * @since 0.1.0
 * @category time
 */
export const withLive = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  testClockWith((clock) => clock.withLive(effect))
