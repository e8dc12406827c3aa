/**
 * Relays bytes between two connections, in both directions, past an inspector that may refuse them.
 *
 * It reads from one side only as fast as the other side accepts. It passes the end of a stream on as well; the other
 * direction then has a grace period to end. The descriptors in a calendar's first message are passed on where native
 * calls are available; the runtimes' own sockets lose them.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Net from "node:net"
import { later } from "./EventLoop.ts"
import type { Libc } from "./native/Libc.ts"
import { SyscallError } from "./native/SyscallError.ts"
import * as UnixSocket from "./native/UnixSocket.ts"

/** The inspector: bytes that it refuses aren't passed on, and end both connections. */
export interface Watcher {
  /** Bytes of the client's. */
  readonly onUp: (bytes: Uint8Array) => boolean
  /** Bytes of the calendar's, and how many descriptors came with them; nothing, where that can't be seen. */
  readonly onDown: (bytes: Uint8Array, descriptors: number | undefined) => boolean
  /** A stream has ended: no more comes from there. Said once for each. */
  readonly onUpEnd: () => void
  readonly onDownEnd: () => void
}

/** How often it is looked for the first message of a calendar, in ms: at first, and at most. */
const [SOON_MS, OFTEN_MS] = [1, 16]

/** One end, and whether its stream has ended. */
interface End {
  readonly socket: Net.Socket
  hasEnded: boolean
  isClosed: boolean
}

const endOf = (socket: Net.Socket): End => {
  // Otherwise it would close itself when the peer has nothing more to say.
  socket.allowHalfOpen = true
  return { socket, hasEnded: false, isClosed: socket.closed }
}

/** Writes what came with descriptors, and whether that was all of it. What can't be sent in this way is sent without. */
const writeWith = (
  libc: Libc,
  to: Net.Socket,
  bytes: Uint8Array,
  descriptors: ReadonlyArray<number>,
): void => {
  const fd = descriptors.length > 0 && to.writableLength === 0 ? UnixSocket.descriptorOf(to) : undefined
  const sent = fd === undefined ? 0 : UnixSocket.sendNow(libc, fd, bytes, descriptors)
  const rest = sent instanceof SyscallError ? bytes : bytes.subarray(sent)
  if (rest.length > 0) to.write(rest)
}

/**
 * Relays between a client and a calendar until both connections are closed. `calendar` is paused, and nobody has read
 * from it: its first message is looked for natively if `libc` is given. Once a stream has ended, the connections have
 * `graceMs` of real time to close. An interruption destroys both.
 */
export const relay = (
  client: Net.Socket,
  calendar: Net.Socket,
  watcher: Watcher,
  graceMs: number,
  libc: Libc | undefined,
): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const [up, down] = [endOf(client), endOf(calendar)]
    const undo: Array<() => void> = []
    let stopGrace: (() => void) | undefined
    let stopLooking: (() => void) | undefined
    const destroy = () => {
      client.destroy()
      calendar.destroy()
    }
    const stop = () => {
      stopGrace?.()
      stopLooking?.()
      for (const each of undo.splice(0)) each()
    }
    const giveGrace = () => {
      stopGrace ??= later(graceMs, destroy)
    }
    const finish = () => {
      if (!up.isClosed || !down.isClosed) return
      stop()
      resume(Effect.void)
    }
    const refuse = () => {
      // What was passed on before is still to arrive.
      client.destroySoon()
      calendar.destroySoon()
      giveGrace()
    }
    const ended = (from: End, to: End, tell: () => void) => {
      if (from.hasEnded) return
      from.hasEnded = true
      tell()
      if (!to.socket.destroyed) to.socket.end()
      giveGrace()
    }
    const direction = (from: End, to: End, look: (bytes: Uint8Array) => boolean, tell: () => void) => {
      const { socket } = from
      const onData = (bytes: Uint8Array) => {
        if (from.hasEnded) return
        if (!look(bytes)) return refuse()
        if (to.socket.writable && !to.socket.write(bytes)) socket.pause()
      }
      const onEnd = () => ended(from, to, tell)
      const onDrain = () => from.hasEnded || socket.resume()
      const onClose = () => {
        onEnd()
        from.isClosed = true
        // Who is gone takes no more, and its peer isn't to wait for room.
        if (!to.hasEnded) to.socket.resume()
        finish()
      }
      const onError = () => {}
      socket.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onError)
      to.socket.on("drain", onDrain)
      undo.push(() => {
        // Errors are still nobody's concern.
        socket.off("data", onData).off("end", onEnd).off("close", onClose)
        to.socket.off("drain", onDrain)
      })
      if (from.isClosed) onClose()
    }
    direction(up, down, watcher.onUp, watcher.onUpEnd)
    direction(down, up, (bytes) => watcher.onDown(bytes, undefined), watcher.onDownEnd)
    client.resume()

    const listen = () => {
      stopLooking = undefined
      calendar.resume()
    }
    const look = (native: Libc, afterMs: number) => {
      if (down.isClosed) return
      const fd = UnixSocket.descriptorOf(calendar)
      const received = fd === undefined ? undefined : UnixSocket.receiveNow(native, fd, UnixSocket.MAX_BYTES)
      if (received instanceof SyscallError && received.code === "EAGAIN") {
        stopLooking = later(afterMs, () => look(native, Math.min(2 * afterMs, OFTEN_MS)))
        return
      }
      if (received !== undefined && !(received instanceof SyscallError)) {
        const { bytes, descriptors } = received
        if (bytes.length > 0) {
          if (!watcher.onDown(bytes, descriptors.length)) refuse()
          else writeWith(native, client, bytes, descriptors.map(({ fd }) => fd))
        }
        for (const descriptor of descriptors) descriptor.close()
      }
      listen()
    }
    if (libc === undefined) listen()
    else look(libc, SOON_MS)
    finish()
    return Effect.sync(() => {
      stop()
      destroy()
    })
  })
