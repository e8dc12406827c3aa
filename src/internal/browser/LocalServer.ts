/**
 * Servers of HTTP in a browser: there are none.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { OptionError } from "../../core/Fault.ts"

/** Fails with an `OptionError`. */
export const serve = (_answer: unknown, port = 0): Effect.Effect<never, OptionError> =>
  Effect.fail(new OptionError("watch.port", port, "a browser serves no pages"))
