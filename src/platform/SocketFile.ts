/**
 * The file of a unix socket that a server listens on: nobody else's is taken,
 * and none is left behind.
 *
 * @module
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import type * as SocketServer from "effect/socket/SocketServer"
import * as Fs from "node:fs/promises"
import type * as Net from "node:net"
import { pathFault } from "../core/BootOptions.ts"

/** A path that a server can't listen on. */
export class ListenError extends Error {
  readonly _tag: "ListenError"
  override readonly name: "ListenError"
  readonly path: string
  /** Why: it can't be a socket's path, another server listens there, it is another kind of file, or the system refuses. */
  readonly reason: "BadPath" | "InUse" | "NotASocket" | "Refused"
  constructor(path: string, reason: ListenError["reason"], why: string, options?: ErrorOptions) {
    super(`can't listen on ${JSON.stringify(path)}: ${why}`, options)
    this._tag = "ListenError"
    this.name = "ListenError"
    this.path = path
    this.reason = reason
  }
}

/** How many may have connected that the server hasn't looked at yet: a thousand guests may well start at once. */
export const BACKLOG = 4096

/** Only the user who runs the server may connect. */
const MODE = 0o600

const codeOf = (cause: unknown): string | undefined => (cause as { readonly code?: string } | undefined)?.code

const inUse = (path: string): ListenError => new ListenError(path, "InUse", "another server is listening there")

const refused = (path: string, cause: unknown): ListenError =>
  new ListenError(path, "Refused", cause instanceof Error ? cause.message : String(cause), { cause })

const file = <A>(path: string, act: () => Promise<A>): Effect.Effect<A, ListenError> =>
  Effect.tryPromise({ try: act, catch: (cause) => refused(path, cause) })

/** The file at `path`, if there is one. */
const look = (path: string) =>
  file(path, () =>
    Fs.lstat(path, { bigint: true }).catch((cause) => {
      if (codeOf(cause) === "ENOENT") return undefined
      throw cause
    }))

const remove = (path: string) => file(path, () => Fs.rm(path, { force: true }))

/** Whether someone answers at `path`. */
const isAnswered = (path: string): Effect.Effect<boolean, ListenError> =>
  Effect.gen(function* () {
    const socket = yield* NodeSocket.makeNet({ path })
    yield* socket.reader
    return true
  }).pipe(
    Effect.scoped,
    Effect.catch((error) => {
      const cause = "cause" in error.reason ? error.reason.cause : error
      const code = codeOf(cause)
      // What is left of a server that was killed refuses; or it went in this moment.
      return code === "ECONNREFUSED" || code === "ENOENT" ? Effect.succeed(false) : Effect.fail(refused(path, cause))
    }),
  )

/** Removes a socket that nobody listens on any more. Anything else in the way is an error. */
const clear = (path: string): Effect.Effect<void, ListenError> =>
  Effect.gen(function* () {
    const fault = pathFault(path)
    if (fault !== undefined) return yield* Effect.fail(new ListenError(path, "BadPath", fault))
    const found = yield* look(path)
    if (found === undefined) return
    if (!found.isSocket()) {
      return yield* Effect.fail(new ListenError(path, "NotASocket", "there is a file that is not a socket"))
    }
    if (yield* isAnswered(path)) return yield* Effect.fail(inUse(path))
    yield* remove(path)
  })

/** Takes the file away again, if it is still the one that was made. */
const removeWhenDone = (path: string): Effect.Effect<void, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const made = yield* look(path)
    yield* Effect.addFinalizer(() =>
      Effect.gen(function* () {
        const found = yield* look(path)
        if (found !== undefined && found.ino === made?.ino && found.dev === made.dev) yield* remove(path)
      }).pipe(Effect.ignore)
    )
  })

/** Has each connection served. */
export type Run = (
  serve: (connection: Net.Socket, socket: Socket.Socket) => Effect.Effect<void>,
) => Effect.Effect<never, unknown>

/** Hangs up on whoever is still connected at the end, even if they don't read what was written last. */
export const hangUpWhenDone = (
  server: SocketServer.SocketServer["Service"],
): Effect.Effect<Run, never, Scope.Scope> =>
  Effect.gen(function* () {
    const connections = new Set<Net.Socket>()
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const connection of connections) connection.destroy()
      })
    )
    return (serve) =>
      server.run((socket) =>
        Effect.flatMap(Effect.map(Effect.serviceOption(NodeSocket.NetSocket), Option.getOrThrow), (connection) => {
          if (!connection.closed) {
            connections.add(connection)
            connection.once("close", () => connections.delete(connection))
          }
          return serve(connection, socket)
        })
      )
  })

/**
 * Listens on a unix socket at `path`, with mode 0600, until the scope closes.
 *
 * A socket file that nobody listens on any more is replaced. A path that is too
 * long, in use, or another kind of file is a `ListenError` that says so.
 */
export const listen = (
  path: string,
): Effect.Effect<Run, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* clear(path)
    const server = yield* Effect.mapError(NodeSocketServer.make({ path, backlog: BACKLOG }), ({ reason: { cause } }) =>
      // Two servers that start at once both found nobody there.
      codeOf(cause) === "EADDRINUSE" ? inUse(path) : refused(path, cause))
    yield* removeWhenDone(path)
    yield* file(path, () => Fs.chmod(path, MODE))
    return yield* hangUpWhenDone(server)
  })
