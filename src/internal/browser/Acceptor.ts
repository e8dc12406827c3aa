/**
 * Connections of a server in a browser: there are none of the runtime's own.
 *
 * @module
 */
import * as Effect from "effect/Effect"

/** Does nothing: a connection that is handed over is closed by its creator. */
export const hangUpWhenDone: Effect.Effect<void> = Effect.void
