/**
 * Accepts a server's connections: each is served or refused, and is closed within a bounded time, whatever its other end
 * does.
 *
 * @module
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import type * as SocketServer from "effect/socket/SocketServer"
import type * as Net from "node:net"
import type { Admission } from "./Admission.ts"
import * as ByteStream from "./ByteStream.ts"

/** How many may have connected that the server hasn't looked at yet: a thousand guests may well start at once. */
export const BACKLOG = 4096

/** Has each connection served. */
export type Run = (
  serve: (connection: Net.Socket, socket: Socket.Socket) => Effect.Effect<void>,
) => Effect.Effect<never, unknown>

/** This runtime's own connection that an effect serves, if it is one. */
const current: Effect.Effect<Option.Option<Net.Socket>> = Effect.serviceOption(NodeSocket.NetSocket)

type Server = SocketServer.SocketServer["Service"]

/** What accepts connections, and how to have another accept in its place if it can't any more. */
export interface Listener {
  readonly server: Server
  /** Closes with that server. */
  readonly scope: Scope.Closeable
  /** Another one in its place; `close` closes this one, where that has to be before. */
  readonly replace: (close: Effect.Effect<void>) => Effect.Effect<Listener, unknown>
}

/**
 * Serves those that are admitted, and hangs up on clients that are still connected at the end, even if
 * they don't read what was written last.
 */
export const serving = (first: Listener, admission: Admission): Effect.Effect<Run, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const connections = new Set<Net.Socket>()
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const connection of connections) connection.destroy()
      })
    )
    return (serve) => {
      // In a fiber of its own: it goes on when the server is replaced.
      const handle = (socket: Socket.Socket) =>
        Effect.flatMap(Effect.map(current, Option.getOrThrow), (connection) => {
          if (!admission.admits(connection)) return Effect.void
          if (!connection.closed) {
            connections.add(connection)
            connection.once("close", () => connections.delete(connection))
          }
          return Effect.forkIn(serve(connection, socket), scope, { startImmediately: true })
        })
      return Effect.gen(function* () {
        let listener = first
        yield* Effect.forkIn(listener.server.run(handle), listener.scope, { startImmediately: true })
        while (true) {
          yield* admission.recovered
          // It closes at once, and that is over when its last connection has ended: nobody waits for it.
          const { scope: old } = listener
          const close = Effect.asVoid(Effect.forkDetach(Scope.close(old, Exit.void), { startImmediately: true }))
          const next = yield* Effect.option(listener.replace(close))
          if (Option.isNone(next)) {
            admission.retry()
            continue
          }
          listener = next.value
          yield* Effect.forkIn(listener.server.run(handle), listener.scope, { startImmediately: true })
          yield* close
        }
      })
    }
  })

/** Hangs up when the scope closes if this serves one of this runtime's own connections; others see to that themselves. */
export const hangUpWhenDone: Effect.Effect<void, never, Scope.Scope> = Effect.flatMap(
  current,
  (connection) => Effect.addFinalizer(() => Effect.sync(() => Option.map(connection, (own) => ByteStream.hangUp(own)))),
)
