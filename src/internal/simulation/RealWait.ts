/**
 * Waits for the real world in the middle of a step of a program, while simulated time stands still.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as RealTime from "../platform/RealTime.ts"
import type { VirtualTime } from "../../VirtualTime.ts"

/**
 * Does something outside of a program's own time, in one step: meanwhile no time passes, and none of the program's
 * fibers runs. What a handler does stays a part of that handler.
 */
export const inOneStep = <A, E>(effect: Effect.Effect<A, E>, time: VirtualTime): Effect.Effect<A, E> =>
  Effect.flatMap(Effect.context<never>(), (around) =>
    Effect.callback<A, E>((resume) => {
      const goOn = time.suspend()
      const fiber = Effect.runForkWith(Context.merge(around, RealTime.context))(effect)
      fiber.addObserver((exit) => {
        goOn()
        resume(exit)
      })
      // None of the program's fibers interrupts it meanwhile, but the end of the world does.
      return Effect.sync(() => fiber.interruptUnsafe())
    }))
