/**
 * One kernel that is connected to a device: its socket, its memory, its queues. What comes of its messages is decided by
 * `virtio/BackEnd`; this does it.
 *
 * ## Theory of operation
 *
 * *Descriptors* arrive on the kernel's socket while it sets the device up, and at no other time. A runtime that reads a
 * socket loses them, so then the socket is read by calls, exactly as many bytes as a message has, whenever the
 * {@link Poller} looks. As long as a queue is enabled the runtime reads another descriptor of the same socket, which wakes
 * this up at once; it is closed before the answer that lets the kernel go on with its set-up.
 *
 * *Each message is answered* before the next is expected, and kicks when the device says so. Nothing here waits, so half
 * a message holds nobody up.
 *
 * @module
 */
import type * as Net from "node:net"
import * as ByteStream from "../platform/ByteStream.ts"
import { type Descriptor, duplicateNow } from "../platform/native/Descriptor.ts"
import type { Libc } from "../platform/native/Libc.ts"
import { SyscallError } from "../platform/native/SyscallError.ts"
import { adopt, receiveNow } from "../platform/native/UnixSocket.ts"
import * as BackEnd from "../virtio/BackEnd.ts"
import type { Memory } from "../virtio/Memory.ts"
import * as VhostMessage from "../virtio/VhostMessage.ts"
import { isViolation, type Violation, violation } from "../virtio/Violation.ts"
import { Virtqueue } from "../virtio/Virtqueue.ts"
import { Channel, sendAll } from "./Channel.ts"
import * as KernelMemory from "./KernelMemory.ts"
import type { Polled, Poller } from "./Poller.ts"

/** The callbacks of a session. */
export interface Listener {
  /** The configuration as it is now. */
  readonly config: () => Uint8Array
  /** The driver has accepted these features. */
  readonly onAccept: (features: bigint) => void
  readonly onEnable: (queue: Virtqueue) => void
  readonly onDisable: (queue: number) => void
  /** The driver has put something into a queue; `answer` is to be called once, when the calendar knows. */
  readonly onKick: (queue: number, answer: () => void) => void
  /** The kernel is gone, or has broken a rule. Nothing more is told. */
  readonly onEnd: (why: Violation | undefined) => void
}

/** The most descriptors that wait for the rest of their message: one message has 8. */
const MOST_DESCRIPTORS = 8

/** One kernel's connection. */
export class Session implements Polled {
  readonly #libc: Libc
  readonly #socket: Descriptor
  readonly #poller: Poller
  readonly #listener: Listener
  #state: BackEnd.BackEnd
  #features = 0n
  #parser = VhostMessage.parser
  /** Those that have arrived with a message that isn't whole yet. */
  #arrived: Array<Descriptor> = []
  #files: ReadonlyArray<Descriptor> = []
  #memory: Memory | undefined
  #channel: Channel | undefined
  /** What the runtime reads, while a queue is enabled. */
  #reader: { readonly connection: Net.Socket; readonly stop: () => void } | undefined
  #isOpen = true

  /** Takes the socket over. */
  constructor(libc: Libc, socket: Descriptor, offer: BackEnd.Offer, poller: Poller, listener: Listener) {
    this.#libc = libc
    this.#socket = socket
    this.#poller = poller
    this.#listener = listener
    this.#state = BackEnd.make(offer)
    poller.add(this)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Calls the driver about a queue, or tells it that the configuration has changed; `answered` is called once. */
  call(queue: number | "config", answered: () => void): void {
    if (this.#channel === undefined || !this.#isOpen) return answered()
    const { QueueCall, ConfigChange } = VhostMessage.BackEndRequest
    const message = queue === "config" ? VhostMessage.ask(ConfigChange) : VhostMessage.ask(QueueCall, queue)
    this.#channel.ask(message, answered)
  }

  // ------------------------------------------------------------------ reading

  readonly look = (): boolean => {
    let hasRead = false
    while (this.#isOpen && this.#reader === undefined) {
      const found = receiveNow(this.#libc, this.#socket.fd, VhostMessage.missing(this.#parser))
      if (found instanceof SyscallError) {
        if (found.code === "EAGAIN") return hasRead
        if (found.code === "EMFILE") this.end(violation("BadDescriptors", "more than can be taken"))
        else this.#gone()
        return true
      }
      hasRead = true
      this.#arrived.push(...found.descriptors)
      if (this.#arrived.length > MOST_DESCRIPTORS) {
        this.end(violation("BadDescriptors", `${this.#arrived.length} with one message`))
      } else if (found.bytes.length === 0) this.#gone()
      else this.#received(found.bytes)
    }
    return hasRead
  }

  #received(bytes: Uint8Array): void {
    const { parser, messages, violation: bad } = VhostMessage.parse(this.#parser, bytes)
    this.#parser = parser
    for (const message of messages) {
      this.#handle(message)
      if (!this.#isOpen) return
    }
    if (bad !== undefined) this.end(bad)
  }

  #gone(): void {
    const left = this.#parser.length
    this.end(left === 0 ? undefined : violation("CutShort", `its last message ended after ${left} bytes`))
  }

  /** From now on the runtime reads, or it doesn't. */
  #read(byRuntime: boolean): void {
    if (byRuntime === (this.#reader !== undefined)) return
    if (!byRuntime) {
      this.#stopReading()
      return this.#poller.add(this)
    }
    const copy = duplicateNow(this.#libc, this.#socket.fd)
    // Without descriptors left, it goes on as it was, and looks by itself.
    if (copy instanceof SyscallError) return
    this.#poller.remove(this)
    const connection = adopt(copy)
    const stop = ByteStream.listen(connection, {
      onBytes: (bytes) => this.#received(bytes),
      onEnd: () => this.#gone(),
    })
    this.#reader = { connection, stop }
  }

  #stopReading(): void {
    this.#reader?.stop()
    this.#reader?.connection.on("error", () => {}).destroy()
    this.#reader = undefined
  }

  // ----------------------------------------------------------------- messages

  #handle(message: VhostMessage.Message): void {
    const descriptors = this.#arrived
    this.#arrived = []
    const next = BackEnd.receive(this.#state, message, descriptors.length)
    if (isViolation(next)) {
      for (const descriptor of descriptors) descriptor.close()
      return this.end(next)
    }
    this.#state = next.state
    this.#read(BackEnd.isAtWork(next.state))
    for (const command of next.commands) {
      if (!this.#isOpen) break
      const bad = this.#do(command, descriptors)
      if (bad !== undefined) this.end(bad)
    }
    // Those that somebody has taken are no more in the list.
    for (const descriptor of descriptors) descriptor.close()
  }

  #do(command: BackEnd.Command, descriptors: Array<Descriptor>): Violation | undefined {
    switch (command._tag) {
      case "Send":
        return this.#send(command.message)
      case "TakeMemory":
        return this.#takeMemory(descriptors.splice(0))
      case "TakeChannel":
        return this.#takeChannel(descriptors.shift()!)
      case "Accept":
        this.#features = command.features
        this.#forgetMemory()
        this.#listener.onAccept(command.features)
        return undefined
      case "Enable":
        this.#listener.onEnable(new Virtqueue(command.layout, this.#memory!, this.#features, command.base))
        return undefined
      case "Disable":
        this.#listener.onDisable(command.queue)
        return undefined
      case "GetConfig": {
        const { message, offset, bytes } = command
        return this.#send(BackEnd.configAnswer(message, offset, bytes, this.#listener.config()))
      }
      case "Kick": {
        const { queue, answer } = command
        this.#listener.onKick(queue, () => {
          if (answer === undefined || !this.#isOpen) return
          const bad = this.#send(answer)
          if (bad !== undefined) this.end(bad)
        })
        return undefined
      }
    }
  }

  #send(message: VhostMessage.Message): Violation | undefined {
    const failed = sendAll(this.#libc, this.#socket.fd, message)
    if (failed !== "gone") return failed
    this.end(undefined)
    return undefined
  }

  #takeMemory(files: ReadonlyArray<Descriptor>): Violation | undefined {
    this.#forgetMemory()
    this.#files = files
    const memory = KernelMemory.make(this.#libc, this.#state.regions, files)
    if (isViolation(memory)) return memory
    this.#memory = memory
    return undefined
  }

  #forgetMemory(): void {
    for (const file of this.#files) file.close()
    this.#files = []
    this.#memory = undefined
  }

  #takeChannel(descriptor: Descriptor): Violation | undefined {
    this.#channel?.close()
    const channel = Channel.open(this.#libc, descriptor, (why) => this.end(why))
    if (!(channel instanceof SyscallError)) {
      this.#channel = channel
      return undefined
    }
    descriptor.close()
    return violation("BadDescriptors", `the channel for calls can't be taken: ${channel.message}`)
  }

  /** Lets go of the kernel, unless that was done: it has broken a rule, or is gone. */
  end(why: Violation | undefined): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#poller.remove(this)
    this.#stopReading()
    this.#channel?.close()
    this.#forgetMemory()
    for (const descriptor of this.#arrived) descriptor.close()
    this.#socket.close()
    this.#listener.onEnd(why)
  }
}
