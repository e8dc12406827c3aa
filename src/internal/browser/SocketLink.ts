/**
 * Sockets to a calendar in a browser: there are none.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ConnectError } from "../../core/Fault.ts"
import { Link } from "../../services/Link.ts"

/** Fails with a `ConnectError`. */
export const connect = (at: unknown): Effect.Effect<never, ConnectError> =>
  Effect.fail(new ConnectError(typeof at === "string" ? at : JSON.stringify(at), "a browser has no sockets"))

/** Fails with a `ConnectError`. */
export const layer = (at: unknown): Layer.Layer<Link, ConnectError> => Layer.effect(Link, connect(at))
