/**
 * The memory that a calendar's server shares with its clients: made once, and sent to each with its first message, which
 * is START's ACK (PROTOCOL, "Later revisions").
 *
 * Two descriptors go with every such message, also where nothing is shared: a kernel of Linux 6.12 closes its standard
 * input if none come. A client without a slot gets a memory of its own, of version 0, which nobody else can write to. The
 * second one is for a log, and is `/dev/null`.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { acquire, type Descriptor } from "./Descriptor.ts"
import { Libc } from "./Libc.ts"
import * as SharedFile from "./SharedFile.ts"
import { SyscallError } from "./SyscallError.ts"
import * as UnixSocket from "./UnixSocket.ts"

/** The names of the memories in `/proc/PID/maps`. */
const [NAME, NONE_NAME] = ["guest-clock-calendar", "guest-clock-none"]

// open(2), the same on both processors.
const O_WRONLY_CLOEXEC = 1 | 0o2000000

/** The least that a client maps to look at the version: a header, and two slots. */
const NONE_BYTES = 4096 + 2 * 128

const path = new TextEncoder().encode("/dev/null\0")

/** A calendar's memory, and how clients get it. */
export interface CalendarMemory {
  /** The memory, all 0 at first; none, where none is shared. */
  readonly buffer: ArrayBuffer | undefined
  /**
   * Sends a client's first message, of which nothing was sent yet, along with the memory or with one of version 0, and
   * with a log. `false`: it couldn't be, and nothing of it was sent.
   */
  readonly send: (fd: number, message: Uint8Array, isShared: boolean) => boolean
}

/** Makes a memory of so many bytes, or none, until the scope closes. */
export const make = (
  bytes: number | undefined,
): Effect.Effect<CalendarMemory, SyscallError, Libc | Scope.Scope> =>
  Effect.gen(function* () {
    const libc = yield* Libc
    const file = bytes === undefined ? undefined : yield* SharedFile.create(NAME, bytes)
    const log = yield* acquire("open", '"/dev/null", O_WRONLY', ({ open }, { scratch }) => {
      scratch.bytes.set(path)
      return open(scratch.at(0), O_WRONLY_CLOEXEC)
    })
    const sendWith = (fd: number, message: Uint8Array, memory: Descriptor): boolean => {
      const sent = UnixSocket.sendNow(libc, fd, message, [memory.fd, log.fd])
      // A message of 16 bytes goes as a whole, as nothing was sent before it.
      return !(sent instanceof SyscallError) && sent === message.length
    }
    return {
      buffer: file?.buffer,
      send: (fd, message, isShared) => {
        if (isShared && file !== undefined) return sendWith(fd, message, file.descriptor)
        const none = SharedFile.unmappedNow(libc, NONE_NAME, NONE_BYTES)
        if (none instanceof SyscallError) return false
        const wasSent = sendWith(fd, message, none)
        none.close()
        return wasSent
      },
    }
  })
