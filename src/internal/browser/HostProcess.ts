/**
 * Processes and folders of the host in a browser: there are none.
 *
 * @module
 */
import * as Effect from "effect/Effect"

/** A path that nothing is at: what needs it fails on its own. */
export const folder = (prefix: string): Effect.Effect<string> => Effect.succeed(`/${prefix}`)
