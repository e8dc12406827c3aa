/**
 * The channel on which a device calls its kernel: each call is answered, in order.
 *
 * @module
 */
import type * as Net from "node:net"
import * as ByteStream from "../platform/ByteStream.ts"
import { type Descriptor, duplicateNow } from "../platform/native/Descriptor.ts"
import type { Libc } from "../platform/native/Libc.ts"
import { SyscallError } from "../platform/native/SyscallError.ts"
import { adopt, sendNow } from "../platform/native/UnixSocket.ts"
import * as VhostMessage from "../virtio/VhostMessage.ts"
import { type Violation, violation } from "../virtio/Violation.ts"

/** Sends all of a message: what is wrong with a kernel that doesn't take it, or `gone`. */
export const sendAll = (
  libc: Libc,
  fd: number,
  message: VhostMessage.Message,
): Violation | "gone" | undefined => {
  const bytes = VhostMessage.encode(message)
  const sent = sendNow(libc, fd, bytes)
  if (sent === bytes.length) return undefined
  if (sent instanceof SyscallError && sent.code !== "EAGAIN") return "gone"
  return violation("NoAnswer", "it doesn't read what it is sent")
}

/** Called when the channel ends: by a broken rule, or as the kernel is gone. */
export type OnEnd = (why: Violation | undefined) => void

/** The channel, until it is closed. The runtime reads it: no descriptors arrive here. */
export class Channel {
  readonly #libc: Libc
  readonly #descriptor: Descriptor
  readonly #connection: Net.Socket
  readonly #stop: () => void
  readonly #onEnd: OnEnd
  #parser = VhostMessage.parser
  /** The pending calls, in order. */
  readonly #asked: Array<{ readonly request: number; readonly answered: () => void }> = []

  /** Takes the descriptor over. */
  static open(libc: Libc, descriptor: Descriptor, onEnd: OnEnd): Channel | SyscallError {
    const copy = duplicateNow(libc, descriptor.fd)
    return copy instanceof SyscallError ? copy : new Channel(libc, descriptor, adopt(copy), onEnd)
  }

  private constructor(libc: Libc, descriptor: Descriptor, connection: Net.Socket, onEnd: OnEnd) {
    this.#libc = libc
    this.#descriptor = descriptor
    this.#connection = connection
    this.#onEnd = onEnd
    this.#stop = ByteStream.listen(connection, {
      onBytes: (bytes) => this.#received(bytes),
      onEnd: () => onEnd(undefined),
    })
  }

  /** Asks, and has `answered` called when that is answered, or never will be. */
  ask(message: VhostMessage.Message, answered: () => void): void {
    this.#asked.push({ request: message.request, answered })
    const failed = sendAll(this.#libc, this.#descriptor.fd, message)
    if (failed !== undefined) this.#onEnd(failed === "gone" ? undefined : failed)
  }

  #received(bytes: Uint8Array): void {
    const { parser, messages, violation: bad } = VhostMessage.parse(this.#parser, bytes)
    this.#parser = parser
    for (const message of messages) {
      const asked = this.#asked.shift()
      const isAnswer = (message.flags & VhostMessage.Flag.isReply) !== 0 && message.payload.length === 8
      if (asked === undefined || !isAnswer || message.request !== asked.request) {
        if (asked !== undefined) this.#asked.unshift(asked)
        return this.#onEnd(violation("OutOfOrder", "what it says on the channel for calls answers none"))
      }
      asked.answered()
    }
    if (bad !== undefined) this.#onEnd(bad)
  }

  /** Closes it, and ends the waits for answers. */
  close(): void {
    this.#stop()
    this.#connection.on("error", () => {}).destroy()
    this.#descriptor.close()
    for (const { answered } of this.#asked.splice(0)) answered()
  }
}
