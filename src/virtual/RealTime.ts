/**
 * Real time, for what must not depend on the clock and the scheduler around it: these may be simulated as well.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Scheduler from "effect/Scheduler"

const none = Context.empty()

/** Effect's own clock. */
export const clock: Clock.Clock = Context.get(none, Clock.Clock)

/** A context with Effect's own clock and scheduler. */
export const inRealTime = (context: Context.Context<never>): Context.Context<never> =>
  context.pipe(
    Context.add(Clock.Clock, clock),
    Context.add(Scheduler.Scheduler, Context.get(none, Scheduler.Scheduler)),
  )

/** Something whose time simulated time can be held up for. */
interface Holdable {
  readonly hold: () => () => void
}

const isHoldable = (scheduler: object): scheduler is Holdable =>
  typeof (scheduler as Partial<Holdable>).hold === "function"

/**
 * Holds the simulated time around `effect`, if there is any, while that runs: to the program around it, what is within
 * takes no time, however long it really takes.
 */
export const holdingOuter = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const { scheduler } = fiber.cache
    if (!isHoldable(scheduler)) return effect
    return Effect.acquireUseRelease(
      Effect.sync(() => scheduler.hold()),
      () => effect,
      (release) => Effect.sync(release),
    )
  })
