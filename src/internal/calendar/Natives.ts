/**
 * What a calendar's server on a unix socket does by native calls: it shares its memory. Where there are none, all goes
 * by messages.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as SharedMemory from "../../core/SharedMemory.ts"
import * as CalendarMemory from "../platform/native/CalendarMemory.ts"
import * as Libc from "../platform/native/Libc.ts"
import { descriptorOf } from "../platform/native/UnixSocket.ts"
import type { Offer } from "./Connections.ts"

/** What native calls are for. */
export interface Natives {
  readonly memory: CalendarMemory.CalendarMemory
  readonly offer: Offer
}

/**
 * Opens libc, and makes the memory for so many clients, if any are to share it, until the scope closes. Where that can't be, it is said once in
 * a process, at the level of information, and the result is why.
 */
export const make = (clients: number): Effect.Effect<Natives | string, never, Scope.Scope> => {
  const native = Effect.map(
    CalendarMemory.make(clients > 0 ? SharedMemory.sizeOf(clients + 1) : undefined),
    (memory): Natives => ({
      memory,
      offer: (connection, message, isShared) => {
        const fd = connection.writableLength === 0 ? descriptorOf(connection) : undefined
        return fd !== undefined && memory.send(fd, message, isShared)
      },
    }),
  )
  return Effect.catch(
    Libc.orPortable("a calendar shares no memory with its clients", native, ({ message }) => Effect.succeed(message)),
    ({ message }) => Effect.as(Effect.logWarning(`a calendar shares no memory with its clients: ${message}`), message),
  )
}
