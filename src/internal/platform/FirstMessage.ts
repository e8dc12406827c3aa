/**
 * The first bytes that a calendar sends, along with the descriptors that come with them: the runtimes' sockets lose
 * those, so nothing may have been read before.
 *
 * None of the runtimes tells that a socket can be read without reading it, so it is looked again and again.
 *
 * @module
 */
import type * as Net from "node:net"
import { later, millis } from "./EventLoop.ts"
import type { Descriptor } from "./native/Descriptor.ts"
import type { Libc } from "./native/Libc.ts"
import { SyscallError } from "./native/SyscallError.ts"
import { readableNow } from "./native/Pidfd.ts"
import { descriptorOf, MAX_BYTES, receiveNow } from "./native/UnixSocket.ts"

/** How often it is looked, in ms: in the beginning, and after {@link PATIENT_MS}. */
const [OFTEN_MS, SELDOM_MS] = [2, 16]
const PATIENT_MS = 20_000

/** What is expected. */
export interface Expected {
  /** The descriptors that came, once: the caller closes them. */
  readonly takeDescriptors: () => ReadonlyArray<Descriptor>
  /** No more is read, and descriptors that nobody took are closed. */
  readonly stop: () => void
}

/** A connection that is waited for. */
interface Waiting {
  readonly fd: number
  readonly onReadable: () => void
}

/** All of a thread's, with one timer and one call for all of them. */
const all = new Set<Waiting>()
let cancel: (() => void) | undefined
let sinceMs = 0

const look = (libc: Libc): void => {
  cancel = undefined
  const waiting = [...all]
  const readable = readableNow(libc, waiting)
  // What can't be asked for is looked at itself.
  const found = readable instanceof SyscallError ? waiting : readable.map((index) => waiting[index]!)
  for (const each of found) if (all.delete(each)) each.onReadable()
  lookLater(libc)
}

const lookLater = (libc: Libc): void => {
  if (all.size === 0) return
  const ms = millis() - sinceMs < PATIENT_MS ? OFTEN_MS : SELDOM_MS
  cancel ??= later(ms, () => look(libc))
}

/** Calls `onReadable` when something has arrived, until the result is called. */
const wait = (libc: Libc, fd: number, onReadable: () => void): () => void => {
  const waiting = { fd, onReadable }
  sinceMs = millis()
  all.add(waiting)
  lookLater(libc)
  return () => {
    if (!all.delete(waiting) || all.size > 0) return
    cancel?.()
    cancel = undefined
  }
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
  let descriptors: ReadonlyArray<Descriptor> = []
  const takeDescriptors = () => {
    const taken = descriptors
    descriptors = []
    return taken
  }
  let stop = () => {}
  const take = (native: Libc) => {
    const fd = connection.destroyed ? undefined : descriptorOf(connection)
    const received = fd === undefined ? undefined : receiveNow(native, fd, MAX_BYTES)
    if (fd !== undefined && received instanceof SyscallError && received.code === "EAGAIN") {
      stop = wait(native, fd, () => take(native))
      return
    }
    stop = listen()
    if (received === undefined || received instanceof SyscallError) return
    descriptors = received.descriptors
    // The end of the stream is the runtime's to tell.
    if (received.bytes.length > 0) onBytes(received.bytes)
  }
  if (libc === undefined) stop = listen()
  else take(libc)
  return {
    takeDescriptors,
    stop: () => {
      stop()
      for (const descriptor of takeDescriptors()) descriptor.close()
    },
  }
}
