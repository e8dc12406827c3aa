/**
 * Listens on TCP, for guests on other machines.
 *
 * @module
 */
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as Net from "node:net"
import * as Acceptor from "./Acceptor.ts"
import type { Admission } from "./Admission.ts"
import { ListenError } from "./SocketFile.ts"
import { type Address, format, settle } from "./Tcp.ts"

/** A server that listens, until its scope closes. */
export interface TcpServer {
  readonly address: Required<Address>
  /** Has each connection served, with where it comes from. */
  readonly run: (serve: (connection: Net.Socket, from: string) => Effect.Effect<void>) => Effect.Effect<never, unknown>
}

/** Listens at `address`. One that can't be listened at is a `ListenError`. */
export const listen = (
  address: Address,
  admission: Admission,
): Effect.Effect<TcpServer, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const { host = "127.0.0.1", port } = address
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      return yield* Effect.fail(new ListenError(format(address), "BadPath", "a port is a whole number from 0 to 65535"))
    }
    const outer = yield* Effect.scope
    const open = (port: number): Effect.Effect<Acceptor.Listener, ListenError> =>
      Effect.gen(function* () {
        const scope = yield* Scope.fork(outer)
        const server = yield* Scope.provide(
          NodeSocketServer.make({ host, port, backlog: Acceptor.BACKLOG, allowHalfOpen: true }),
          scope,
        )
          .pipe(
            Effect.onError(() => Scope.close(scope, Exit.void)),
            Effect.mapError(({ reason: { cause } }) => {
              const inUse = (cause as { readonly code?: string } | undefined)?.code === "EADDRINUSE"
              return inUse
                ? new ListenError(format(address), "InUse", "another server is listening there", { cause })
                : new ListenError(format(address), "Refused", cause instanceof Error ? cause.message : String(cause), {
                  cause,
                })
            }),
          )
        const bound = server.address._tag === "UnixPathAddress" ? port : server.address.port
        return { server, scope, replace: (close) => Effect.andThen(close, open(bound)) }
      })
    const first = yield* open(port)
    const { server } = first
    const run = yield* Acceptor.serving(first, admission)
    const bound = server.address._tag === "UnixPathAddress" ? port : server.address.port
    return {
      address: { host, port: bound },
      run: (serve) =>
        run((connection) => {
          settle(connection)
          const { remoteAddress, remotePort } = connection
          return serve(connection, format({ host: remoteAddress ?? "?", port: remotePort ?? 0 }))
        }),
    }
  })
