/**
 * Connects to a calendar with the runtime's socket, and leaves the socket paused: the caller decides who reads first.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { lstatSync } from "node:fs"
import * as Net from "node:net"
import { pathFault } from "../../core/BootOptions.ts"
import { ConnectError } from "../../core/Fault.ts"
import { inRealTime } from "./RealTime.ts"
import * as Tcp from "./Tcp.ts"

/** A unix socket's path, or an address on TCP. */
export type Place = string | Tcp.Address

/** A place for people: its path, or `127.0.0.1:4000`. */
export const nameOf = (at: Place): string => typeof at === "string" ? at : Tcp.format(at)

/** How long it may take until somebody answers, in ms. */
const PATIENCE_MS = 10_000

const codeOf = (cause: unknown): string => (cause as { readonly code?: string } | undefined)?.code ?? ""

const hints: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file; is the calendar running?",
  ECONNREFUSED: "nobody listens there; is the calendar running?",
  EACCES: "permission denied",
}

const once = (at: Place): Effect.Effect<Net.Socket, ConnectError, Scope.Scope> =>
  Effect.gen(function* () {
    const connection = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const connection = typeof at === "string"
          ? Net.createConnection({ path: at, allowHalfOpen: true })
          : Net.createConnection({ host: "127.0.0.1", ...at, allowHalfOpen: true })
        if (typeof at !== "string") Tcp.settle(connection)
        return connection.on("error", () => {}).pause()
      }),
      (connection) => Effect.sync(() => connection.destroy()),
    )
    yield* Effect.callback<void, ConnectError>((resume) => {
      connection.once("connect", () => resume(Effect.void))
      connection.once("error", (cause) =>
        resume(Effect.fail(new ConnectError(nameOf(at), hints[codeOf(cause)] ?? cause.message, { cause }))))
    })
    return connection
  })

/** The calendar has more newcomers than it can look at just now. */
const isBusy = ({ cause }: ConnectError): boolean => codeOf(cause) === "EAGAIN"

/**
 * Connects to a place until the scope closes. The socket is paused: nobody has read from it. One that can't be connected
 * to within ten seconds is a `ConnectError` that quotes it.
 */
export const dial = (at: Place): Effect.Effect<Net.Socket, ConnectError, Scope.Scope> =>
  inRealTime(Effect.gen(function* () {
    const fault = typeof at === "string" ? pathFault(at) : undefined
    if (fault !== undefined) return yield* Effect.fail(new ConnectError(nameOf(at), fault))
    const patience = Schedule.spaced("10 millis").pipe(Schedule.upTo({ times: PATIENCE_MS / 10 }))
    return yield* Effect.retry(once(at), { while: isBusy, schedule: patience }).pipe(
      Effect.timeoutOrElse({
        duration: PATIENCE_MS,
        orElse: () =>
          Effect.fail(new ConnectError(nameOf(at), `nobody has answered for ${PATIENCE_MS / 1000} seconds`)),
      }),
    )
  }))

/**
 * Whether a calendar that was there is gone: its socket's file is, or nobody listens on its port. Who asks doesn't
 * disturb a calendar on a unix socket.
 */
export const isGone = (at: Place): Effect.Effect<boolean> =>
  typeof at === "string"
    ? Effect.sync(() => lstatSync(at, { throwIfNoEntry: false }) === undefined)
    : Effect.scoped(dial(at)).pipe(
      Effect.as(false),
      Effect.catch(({ cause }) => Effect.succeed(codeOf(cause) === "ECONNREFUSED")),
    )
