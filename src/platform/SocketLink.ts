/**
 * The real link: a unix socket that a calendar listens on.
 *
 * @module
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import { pathFault } from "../core/BootOptions.ts"
import { ConnectError, LinkBroken } from "../core/Fault.ts"
import { Link } from "../services/Link.ts"

const END = new Uint8Array(0)

/** What to try, for the ways a connection usually fails. */
const hints: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file; is the calendar running?",
  ECONNREFUSED: "nobody listens there; is the calendar running?",
  ENOTSOCK: "it is not a socket",
  EACCES: "permission denied",
}

const connectError = (path: string, error: Socket.SocketError): ConnectError => {
  const cause = "cause" in error.reason ? error.reason.cause : error
  const { code, message } = cause as { readonly code?: string; readonly message?: string }
  return new ConnectError(path, hints[code ?? ""] ?? message ?? error.message, { cause })
}

const broken = (error: Socket.SocketError): LinkBroken => {
  const { reason } = error
  const why = "cause" in reason ? String(reason.cause) : reason.message
  return new LinkBroken(why, { cause: error })
}

/** The calendar closed its end, which is how a stream ends. */
const isEnd = (error: Socket.SocketError): boolean =>
  error.reason._tag === "SocketCloseError" && error.reason.code === 1000

/**
 * Connects to the calendar at `path`; the connection closes with the scope.
 *
 * A path that can't be connected to is a `ConnectError` that quotes it.
 */
export const connect = (path: string): Effect.Effect<Link, ConnectError, Scope.Scope> =>
  Effect.gen(function* () {
    const fault = pathFault(path)
    if (fault !== undefined) return yield* Effect.fail(new ConnectError(path, fault))
    const socket = yield* NodeSocket.makeNet({ path })
    const { pull } = yield* Effect.mapError(socket.reader, (error) => connectError(path, error))
    const writer = yield* socket.writer

    let arrived: Array<Uint8Array> = []
    const more = Effect.matchEffect(pull, {
      onSuccess: (chunks) =>
        Effect.sync(() => {
          arrived.push(...chunks as ReadonlyArray<Uint8Array>)
        }),
      onFailure: (error) =>
        isEnd(error)
          ? Effect.sync(() => {
            arrived.push(END)
          })
          : Effect.fail(broken(error)),
    })
    const readable = Effect.suspend(() => arrived.length > 0 ? Effect.void : more)
    return {
      write: (bytes) => Effect.mapError(writer.write(bytes), broken),
      read: Effect.map(readable, () => {
        const [chunk = END, ...rest] = arrived
        // The end stays: whoever reads on reads it again.
        if (chunk !== END) arrived = rest
        return chunk
      }),
      poll: (other) =>
        Effect.suspend(() => {
          const link = Effect.as(readable, "link" as const)
          return other === undefined ? link : Effect.raceFirst(Effect.as(other, "other" as const), link)
        }),
    }
  })

/** The link to the calendar at `path`. */
export const layer = (path: string): Layer.Layer<Link, ConnectError> => Layer.effect(Link, connect(path))
