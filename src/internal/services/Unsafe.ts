/**
 * Turns a function that throws an `OptionError` into an effect that fails with it.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { OptionError } from "../../core/Fault.ts"

/** What `run` returns. An `OptionError` that it throws is a failure; anything else that it throws is a defect. */
export const orFail = <A>(run: () => A): Effect.Effect<A, OptionError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(run())
    } catch (error) {
      if (error instanceof OptionError) return Effect.fail(error)
      throw error
    }
  })
