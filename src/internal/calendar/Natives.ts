/**
 * The native calls of a calendar's server on a unix socket: it shares memory with its clients, identifies their processes,
 * and notices those that are dead. Without native calls, all goes by messages, and clients aren't identified.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Net from "node:net"
import type { ClientProcess } from "../../calendar/Status.ts"
import * as SharedMemory from "../../core/SharedMemory.ts"
import * as CalendarMemory from "../platform/native/CalendarMemory.ts"
import * as Libc from "../platform/native/Libc.ts"
import { identifyNow, ownUser } from "../platform/native/Peer.ts"
import { isPeerDeadNow } from "../platform/native/Pidfd.ts"
import { SyscallError } from "../platform/native/SyscallError.ts"
import { descriptorOf } from "../platform/native/UnixSocket.ts"
import type { Extras } from "./Connections.ts"

/** What a server can do by native calls. */
export interface Natives {
  /** The memory that clients are offered; none, where none is to be shared. */
  readonly memory: ArrayBuffer | undefined
  /** Identifies the process at the other end, and what can be done with its connection; a text says why it is refused. */
  readonly attended: (connection: Net.Socket) => Extras | string
}

/**
 * Opens libc, and makes the memory for so many clients, if any are to share it, until the scope closes. Besides the
 * server's own user, the users `users` may connect. Where native calls can't be made, the result says why, and it is logged
 * once in a process, at the level of information.
 */
export const make = (
  clients: number,
  users: ReadonlyArray<number>,
): Effect.Effect<Natives | string, never, Scope.Scope> => {
  const native = Effect.gen(function* () {
    const libc = yield* Libc.Libc
    const memory = yield* CalendarMemory.make(clients > 0 ? SharedMemory.sizeOf(clients + 1) : undefined)
    const own = ownUser()
    const natives: Natives = {
      memory: memory.buffer,
      attended: (connection) => {
        const fd = descriptorOf(connection)
        // It is gone already.
        if (fd === undefined) return {}
        const peer = identifyNow(libc, fd)
        if (peer instanceof SyscallError) return `the client can't be identified: ${peer.message}`
        const { pid, user, userName, command } = peer
        if (user !== own && !users.includes(user)) {
          return `PID ${pid} belongs to ${userName ?? `user ${user}`}, who isn't allowed to connect`
        }
        const ofProcess: ClientProcess = { pid, user, userName, command }
        return {
          process: ofProcess,
          isDead: () => {
            const fd = descriptorOf(connection)
            return fd !== undefined && isPeerDeadNow(libc, fd)
          },
          offer: (message, isShared) => {
            const fd = connection.writableLength === 0 ? descriptorOf(connection) : undefined
            return fd !== undefined && memory.send(fd, message, isShared)
          },
        }
      },
    }
    return natives
  })
  const what = "a calendar shares no memory, and doesn't identify its clients,"
  return Effect.catch(
    Libc.orPortable(what, native, ({ message }) => Effect.succeed(message)),
    ({ message }) => Effect.as(Effect.logWarning(`${what} as that failed: ${message}`), message),
  )
}
