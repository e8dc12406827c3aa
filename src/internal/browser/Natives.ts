/**
 * Native calls of a calendar's server in a browser: there are none.
 *
 * @module
 */
import * as Effect from "effect/Effect"

/** Says why there are none. */
export const make = (): Effect.Effect<string> => Effect.succeed("a browser has no libc")
