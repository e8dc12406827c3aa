/**
 * What a calendar's server on a unix socket does by native calls: it shares its memory, tells who its clients are, and
 * notices those that are dead. Where there are none, all goes by messages, and nobody is identified.
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
import { identifyNow, nameOfUser, ownUser } from "../platform/native/Peer.ts"
import { isPeerDeadNow } from "../platform/native/Pidfd.ts"
import { SyscallError } from "../platform/native/SyscallError.ts"
import { descriptorOf } from "../platform/native/UnixSocket.ts"
import type { Extras } from "./Connections.ts"

/** What native calls are for. */
export interface Natives {
  /** What clients are offered; nothing, where none is to share. */
  readonly memory: ArrayBuffer | undefined
  /** Who has connected, and what can be done with that connection; a text says why it is to be refused. */
  readonly attended: (connection: Net.Socket) => Extras | string
}

/**
 * Opens libc, and makes the memory for so many clients, if any are to share it, until the scope closes. `users` may
 * connect beside the one who runs this. Where that can't be, it is said once in a process, at the level of information,
 * and the result is why.
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
        if (peer instanceof SyscallError) return `who has connected can't be told: ${peer.message}`
        if (peer.user !== own && !users.includes(peer.user)) {
          return `PID ${peer.pid} belongs to ${nameOfUser(peer.user)}, who isn't allowed to connect`
        }
        const { pid, user, userName, command } = peer
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
