/**
 * The first bytes that a calendar sends, along with the descriptors that come with them: the runtimes' sockets lose
 * those, so nothing may have been read before.
 *
 * None of the runtimes tells that a socket can be read without reading it, so it is looked again and again, the less
 * often the longer it takes.
 *
 * @module
 */
import type * as Net from "node:net"
import { later, millis } from "./EventLoop.ts"
import type { Descriptor } from "./native/Descriptor.ts"
import type { Libc } from "./native/Libc.ts"
import { SyscallError } from "./native/SyscallError.ts"
import * as UnixSocket from "./native/UnixSocket.ts"

/** How often it is looked, in ms: after a 16th of what it has taken so far, but so long at least, and at most. */
const [SOON_MS, OFTEN_MS] = [1, 16]

/** What is expected. */
export interface Expected {
  /** The descriptors that came, once: whoever takes them closes them. */
  readonly takeDescriptors: () => ReadonlyArray<Descriptor>
  /** No more is read, and descriptors that nobody took are closed. */
  readonly stop: () => void
}

/**
 * Expects the first bytes on a connection that is paused, and from which nobody has read. When they have been given to
 * `onBytes`, all that follows is the runtime's to read: `listen` is called, and what it returns when that is to end.
 * Without `libc` that is at once.
 */
export const expect = (
  connection: Net.Socket,
  libc: Libc | undefined,
  onBytes: (bytes: Uint8Array) => void,
  listen: () => () => void,
): Expected => {
  const sinceMs = millis()
  let descriptors: ReadonlyArray<Descriptor> = []
  const takeDescriptors = () => {
    const taken = descriptors
    descriptors = []
    return taken
  }
  let stop = () => {}
  const look = (native: Libc) => {
    const fd = connection.destroyed ? undefined : UnixSocket.descriptorOf(connection)
    const received = fd === undefined ? undefined : UnixSocket.receiveNow(native, fd, UnixSocket.MAX_BYTES)
    if (received instanceof SyscallError && received.code === "EAGAIN") {
      const ms = Math.min(OFTEN_MS, Math.max(SOON_MS, (millis() - sinceMs) / OFTEN_MS))
      stop = later(ms, () => look(native))
      return
    }
    const bytes = received === undefined || received instanceof SyscallError ? undefined : received.bytes
    if (received !== undefined && !(received instanceof SyscallError)) descriptors = received.descriptors
    stop = listen()
    // The end of the stream is the runtime's to tell.
    if (bytes !== undefined && bytes.length > 0) onBytes(bytes)
  }
  if (libc === undefined) stop = listen()
  else look(libc)
  return {
    takeDescriptors,
    stop: () => {
      stop()
      for (const descriptor of takeDescriptors()) descriptor.close()
    },
  }
}
