/**
 * TCP servers in a browser: there are none.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { ListenError } from "../platform/ListenError.ts"
import { type Address, format } from "../platform/Tcp.ts"

/** Fails with a `ListenError`. */
export const listen = (address: Address): Effect.Effect<never, ListenError> =>
  Effect.fail(new ListenError(format(address), "Refused", "a browser has no TCP sockets"))
