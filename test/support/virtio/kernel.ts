/**
 * A guest of a calendar that does what a User-Mode Linux kernel does with a vhost-user device: it sets the device up, kicks
 * it in its own turn, and takes its calls as interrupts. It can also do all of that wrong.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ClockError } from "../../../src/Event.ts"
import { event, GuestClock } from "../../../src/GuestClock.ts"
import * as VhostMessage from "../../../src/internal/virtio/VhostMessage.ts"
import { later, nextTurn } from "../../../src/internal/platform/EventLoop.ts"
import type { Descriptor } from "../../../src/internal/platform/native/Descriptor.ts"
import { Libc } from "../../../src/internal/platform/native/Libc.ts"
import * as SharedFile from "../../../src/internal/platform/native/SharedFile.ts"
import { SyscallError } from "../../../src/internal/platform/native/SyscallError.ts"
import * as UnixSocket from "../../../src/internal/platform/native/UnixSocket.ts"
import { Driver } from "./driver.ts"
import * as Messages from "./messages.ts"

/** The other end has hung up. */
export class HungUp extends Error {
  readonly _tag = "HungUp"
}

const { offset, bytes, guest, user } = Messages.region(0)

/** Reads messages off a descriptor that the runtime knows nothing of. */
class Reader {
  readonly #libc: Libc
  readonly #descriptor: Descriptor
  #parser = VhostMessage.parser
  #messages: Array<VhostMessage.Message> = []

  constructor(libc: Libc, descriptor: Descriptor) {
    this.#libc = libc
    this.#descriptor = descriptor
  }

  #take(): VhostMessage.Message | "nothing" | "ended" {
    while (this.#messages.length === 0) {
      const found = UnixSocket.receiveNow(this.#libc, this.#descriptor.fd, 4096)
      if (found instanceof SyscallError) return found.code === "EAGAIN" ? "nothing" : "ended"
      if (found.bytes.length === 0) return "ended"
      const parsed = VhostMessage.parse(this.#parser, found.bytes)
      this.#parser = parsed.parser
      this.#messages.push(...parsed.messages)
    }
    return this.#messages.shift()!
  }

  /** The next message; waits in real time. */
  readonly next: Effect.Effect<VhostMessage.Message, HungUp> = Effect.callback((resume) => {
    let cancel = () => {}
    let looks = 0
    const look = () => {
      const found = this.#take()
      if (found === "nothing") cancel = ++looks < 1000 ? nextTurn(look) : later(1, look)
      else resume(found === "ended" ? Effect.fail(new HungUp()) : Effect.succeed(found))
    }
    look()
    return Effect.sync(() => cancel())
  })
}

/** A kernel, connected to a device. */
export interface Kernel {
  readonly clock: GuestClock
  readonly socket: Descriptor
  /** Its memory: the file, and that of its queues. */
  readonly memory: SharedFile.SharedFile
  readonly drivers: ReadonlyArray<Driver>
  /** Sends a message, and its answer, if it has one. */
  readonly say: (
    sent: Messages.Sent,
    descriptors?: ReadonlyArray<Descriptor>,
  ) => Effect.Effect<VhostMessage.Message | undefined, HungUp | SyscallError, Libc>
  /** Sends any bytes. */
  readonly send: (bytes: Uint8Array, descriptors?: ReadonlyArray<Descriptor>) => Effect.Effect<void, SyscallError, Libc>
  /** Finds the device, with so many queues. */
  readonly probe: (features?: bigint) => Effect.Effect<void, HungUp | SyscallError, Libc>
  /** Notifies the device, in its own turn (SPEC 9.5). */
  readonly kick: (queue: number) => Effect.Effect<void, HungUp | SyscallError | ClockError, Libc>
  /** The calls that have come, and when the kernel took each as an interrupt. */
  readonly calls: ReadonlyArray<{ readonly queue: number | "config"; readonly at: bigint }>
  /** Sleeps until so many calls have come in all. */
  readonly called: (count: number) => Effect.Effect<void, ClockError>
  /** From now on it takes calls, but answers none. */
  readonly stopAnswering: Effect.Effect<void>
  readonly hangUp: Effect.Effect<void>
}

/** Whether a message has an answer. */
const isAnswered = ({ message: { request, flags } }: Messages.Sent): boolean =>
  (flags & VhostMessage.Flag.needsReply) !== 0 ||
  [VhostMessage.Request.GetFeatures, VhostMessage.Request.GetProtocolFeatures, VhostMessage.Request.GetConfig]
    .includes(request as never)

/** A kernel that has connected to the device at a path, and booted as far as that is done then. */
export const connect = (
  path: string,
  queues: number,
): Effect.Effect<Kernel, HungUp | SyscallError, GuestClock | Libc | Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* GuestClock
    const libc = yield* Libc
    const socket = yield* UnixSocket.connect(path)
    const [own, others] = yield* UnixSocket.pair
    const memory = yield* SharedFile.create("kernel", Number(offset + bytes))
    const drivers = Array.from({ length: queues }, (_, index) =>
      new Driver({
        size: 256,
        file: new Uint8Array(memory.buffer, Number(offset), Number(bytes)),
        from: Messages.ringsAt(index).descriptors,
        free: 0xc000 + 0x1000 * index,
        guest,
        user,
      }))
    const answers = new Reader(libc, socket)
    const send: Kernel["send"] = (bytes, descriptors = []) =>
      Effect.asVoid(UnixSocket.send(socket.fd, bytes, descriptors.map(({ fd }) => fd)))
    const say: Kernel["say"] = (sent, descriptors) =>
      Effect.andThen(
        send(VhostMessage.encode(sent.message), descriptors),
        Effect.suspend(() => isAnswered(sent) ? answers.next : Effect.succeed(undefined)),
      )
    const calls: Array<Kernel["calls"][number]> = []
    let isAnswering = true
    const requests = new Reader(libc, own)
    const interrupt = (queue: number | "config") => event("call", ({ now }) => void calls.push({ queue, at: now }))
    yield* Effect.forkScoped(
      Effect.gen(function* () {
        while (true) {
          const message = yield* requests.next
          const queue = message.request === VhostMessage.BackEndRequest.ConfigChange
            ? "config"
            : VhostMessage.u32(message.payload, 0)
          if (!isAnswering) continue
          yield* clock.irqEvent(interrupt(queue))
          const answer = VhostMessage.encode(VhostMessage.reply(message, VhostMessage.ofU64(0n)))
          yield* UnixSocket.send(own.fd, answer)
        }
      }).pipe(Effect.ignore),
    )

    for (const sent of Messages.boot()) yield* say(sent, sent.descriptors > 0 ? [others] : [])
    return {
      clock,
      socket,
      memory,
      drivers,
      say,
      send,
      probe: (features) =>
        Effect.forEach(
          Messages.probe(queues, features, 0),
          (sent) => say(sent, sent.descriptors > 0 ? [memory.descriptor] : []),
          { discard: true },
        ),
      kick: (queue) =>
        Effect.gen(function* () {
          yield* clock.propagateTime
          yield* send(VhostMessage.encode(Messages.kick(queue).message))
          let failure: HungUp | undefined
          const answered = Effect.match(answers.next, {
            onSuccess: () => {},
            onFailure: (error) => {
              failure = error
            },
          })
          yield* clock.waitReadable(answered)
          if (failure !== undefined) yield* Effect.fail(failure)
        }),
      calls,
      called: (count) =>
        Effect.gen(function* () {
          while (calls.length < count) yield* clock.sleep
        }),
      stopAnswering: Effect.sync(() => {
        isAnswering = false
      }),
      hangUp: Effect.sync(() => {
        socket.close()
        own.close()
        others.close()
      }),
    }
  })
