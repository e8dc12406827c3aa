/**
 * Unix sockets in a browser: there are none.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { ListenError } from "../platform/ListenError.ts"

export { ListenError }

/** Fails with a `ListenError`. */
export const listen = (path: string): Effect.Effect<never, ListenError> =>
  Effect.fail(new ListenError(path, "Refused", "a browser has no unix sockets"))
