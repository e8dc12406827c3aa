/**
 * A link to a calendar that offers its memory (PROTOCOL, "Later revisions"). To the clock it is one by messages, as any:
 * what it asks is answered out of the memory, at once, and what is left to be sent are START, GET_TOD, BROADCAST and WAIT,
 * and a REQUEST while somebody has the turn who doesn't share.
 *
 * | the clock's | comes to                                                                                    |
 * | ----------- | ------------------------------------------------------------------------------------------- |
 * | START       | the message; with its ACK come the memory and the slot, and the offset is the time there    |
 * | GET         | the time in the memory, less the offset                                                     |
 * | UPDATE      | the time in the memory                                                                      |
 * | REQUEST     | the slot's request; the message, where the client that has the turn doesn't share memory                    |
 * | WAIT        | the message, which isn't acknowledged                                                       |
 * | RUN         | the message, which isn't acknowledged; a FREE_UNTIL is made before it                       |
 * | FREE_UNTIL  | the limit in the memory, which is looked up each time that the clock may move (`limit`)     |
 *
 * Whatever is wrong with the memory, its version for example, it is all done by messages.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { LinkBroken } from "../../core/Fault.ts"
import * as Message from "../../core/Message.ts"
import { FOREVER, type Nanos } from "../../core/Nanos.ts"
import * as SharedMemory from "../../core/SharedMemory.ts"
import { type DirectLink, type Link, waitsFor } from "../../services/Link.ts"
import { Fifo } from "../core/Fifo.ts"
import type { Descriptor } from "./native/Descriptor.ts"
import { Libc } from "./native/Libc.ts"
import * as SharedFile from "./native/SharedFile.ts"

const { Op } = Message

/** A memory that is shared. */
interface Shared {
  readonly memory: SharedMemory.SharedMemory
  readonly slot: number
  /** The calendar's time when the guest was let in. */
  readonly offset: bigint
}

const SIZES = { least: SharedMemory.sizeOf(2), most: SharedMemory.sizeOf(SharedMemory.MAX_SLOTS) }

/** Every descriptor is closed; the memory that the first one stands for stays mapped until the scope closes. */
const mapped = (
  descriptors: ReadonlyArray<Descriptor>,
): Effect.Effect<ArrayBuffer | undefined, never, Libc | Scope.Scope> => {
  const [first] = descriptors
  const mapping = first === undefined ? Effect.succeed(undefined) : SharedFile.attach(first, SIZES).pipe(
    Effect.map(({ buffer }) => buffer),
    // By messages it goes as well.
    Effect.catch(() => Effect.succeed(undefined)),
  )
  return Effect.ensuring(mapping, Effect.sync(() => descriptors.forEach((each) => each.close())))
}

/** What came with START's ACK, once. */
export type TakeDescriptors = () => ReadonlyArray<Descriptor>

/**
 * Makes a link of one by messages, which is to be used for nothing else from then on. The memory stays as long as the
 * scope is open.
 */
export const make = (
  plain: Link & { readonly direct: DirectLink },
  takeDescriptors: TakeDescriptors,
): Effect.Effect<Link, never, Libc | Scope.Scope> =>
  Effect.gen(function* () {
    const libc = yield* Libc
    const scope = yield* Effect.scope
    /** What the guest is to hear, in order. */
    const heard = new Fifo<Message.Message>()
    let parser = Message.parser
    let shared: Shared | undefined
    let startSeq: number | undefined
    /** The number of the last WAIT: its ACK says nothing new. */
    let waitSeq: number | undefined
    /** The limit that the guest knows, in its own ns, while it runs after a RUN. */
    let known: bigint | undefined
    /** Numbers of what the guest is told, and which message of the calendar's each of them is that is to be answered. */
    let told = 0
    const toAnswer = new Map<number, number>()
    const tell = (op: number, time: bigint, answer?: number): void => {
      told = (told + 1) >>> 0
      if (answer !== undefined) toAnswer.set(told, answer)
      heard.push({ op, seq: told, time })
    }
    const own = (time: bigint, { offset }: Shared): bigint => time > offset ? time - offset : 0n

    const join = (slotTime: bigint): void => {
      const buffer = Effect.runSync(
        mapped(takeDescriptors()).pipe(Effect.provideService(Libc, libc), Scope.provide(scope)),
      )
      const attached = buffer && SharedMemory.attach(buffer)
      const slot = Number(slotTime & 0xffffn)
      if (attached?._tag !== "Attached" || !SharedMemory.join(attached.memory, slot)) return
      const { memory } = attached
      shared = { memory, slot, offset: SharedMemory.time(memory) }
      // Before the memory goes.
      Effect.runSync(Scope.addFinalizer(scope, Effect.sync(() => shared = undefined)))
    }
    const hear = (message: Message.Message): void => {
      const { op, seq, time } = message
      if (op === Op.Ack && seq === startSeq) {
        startSeq = undefined
        join(time)
        return void heard.push(message)
      }
      if (shared === undefined) return void heard.push(message)
      if (op === Op.Ack) {
        if (seq !== waitSeq) heard.push(message)
      } else if (op === Op.Run) {
        SharedMemory.takeRun(shared.memory, shared.slot)
        known = own(SharedMemory.freeUntil(shared.memory), shared)
        tell(Op.FreeUntil, known)
        tell(Op.Run, time)
      } else tell(op, time, seq)
    }
    const unpack = (bytes: Uint8Array): void => {
      const parsed = Message.parse(parser, bytes)
      parser = parsed.parser
      for (const message of parsed.messages) hear(message)
    }
    const take = (): Message.Message | undefined => {
      for (;;) {
        if (heard.size > 0) return heard.shift()
        const taken = plain.direct.take()
        if (taken === undefined) return undefined
        if (taken instanceof Uint8Array) unpack(taken)
        else hear(taken)
      }
    }
    const request = (shared: Shared, time: bigint): boolean => {
      const at = time >= FOREVER ? FOREVER : time + shared.offset
      return SharedMemory.request(shared.memory, shared.slot, at as Nanos)
    }
    const post = (message: Message.Message): LinkBroken | undefined => {
      const { op, seq, time } = message
      if (op === Op.Start) startSeq = seq
      if (shared === undefined) return plain.direct.post(message)
      const answer = (time = 0n) => void heard.push(Message.ack(message, time))
      switch (op) {
        case Op.Ack: {
          const answered = toAnswer.get(seq)
          toAnswer.delete(seq)
          return answered === undefined ? undefined : plain.direct.post({ op, seq: answered, time })
        }
        case Op.Get:
          return answer(own(SharedMemory.time(shared.memory), shared))
        case Op.Update:
          SharedMemory.moveTime(shared.memory, time + shared.offset as Nanos)
          return answer()
        case Op.Request:
          return request(shared, time) ? answer() : plain.direct.post(message)
        case Op.Wait: {
          const broken = plain.direct.post(message)
          if (broken !== undefined) return broken
          known = undefined
          waitSeq = seq
          return answer()
        }
        default:
          return plain.direct.post(message)
      }
    }
    const onReadable: DirectLink["onReadable"] = (wake) => {
      if (heard.size === 0) return plain.direct.onReadable(wake)
      wake()
      return () => {}
    }
    /** All messages that are there, as bytes; none: the stream has ended. */
    const read: Link["read"] = Effect.suspend(() => {
      const messages: Array<Message.Message> = []
      for (let message = take(); message !== undefined; message = take()) messages.push(message)
      if (messages.length > 0) return Effect.succeed(Message.encodeAll(messages))
      return Effect.flatMap(plain.read, (bytes) => {
        if (bytes.length > 0) {
          unpack(bytes)
          return heard.size > 0 ? read : Effect.andThen(plain.readable, read)
        }
        const rest = parser
        parser = Message.parser
        return Effect.succeed(rest)
      })
    })
    return {
      ...waitsFor(onReadable),
      write: (bytes) =>
        Effect.suspend(() => {
          for (const message of Message.parse(Message.parser, bytes).messages) {
            const broken = post(message)
            if (broken !== undefined) return Effect.fail(broken)
          }
          return Effect.void
        }),
      read,
      close: plain.close,
      direct: {
        post,
        take,
        onReadable,
        limit: () => {
          if (shared === undefined || known === undefined) return undefined
          const limit = own(SharedMemory.freeUntil(shared.memory), shared)
          if (limit >= known) return undefined
          known = limit
          told = (told + 1) >>> 0
          return { op: Op.FreeUntil, seq: told, time: limit }
        },
      },
    }
  })
