/**
 * One connection to a calendar, as bytes (SPEC 9).
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { InvalidMessage, LinkBroken } from "../core/Fault.ts"
import { Fifo } from "../internal/core/Fifo.ts"
import * as Message from "../core/Message.ts"
import type { OnReady, Restore } from "./Interrupts.ts"

/**
 * Reads, writes and polls one connection to a calendar.
 *
 * @since 0.1.0
 * @category models
 */
export interface Link {
  /** Writes all of `bytes`. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, LinkBroken>
  /** Waits until something can be read: bytes, or the end of the stream. Takes nothing; can be interrupted. */
  readonly readable: Effect.Effect<void, LinkBroken>
  /** Takes what has arrived, when {@link Link.readable} says so. No bytes at all: the stream has ended. */
  readonly read: Effect.Effect<Uint8Array, LinkBroken>
  /**
   * As {@link Link.readable}, with `link`, with interrupts on; or `other` has ended,
   * with `other`.
   */
  readonly poll: (other?: Effect.Effect<void>) => Effect.Effect<Ready, LinkBroken>
  /** Hangs up, since the clock at this end is dead; what was written before is still sent. */
  readonly close: Effect.Effect<void>
  /** The same without effects, if it can do that. */
  readonly direct?: DirectLink
}

/**
 * The calls of a link that need no fiber.
 *
 * @since 0.1.0
 * @category models
 */
export interface DirectLink {
  /** Sends a message. Where the other end is in this process, what it answers is there when this returns. */
  readonly post: (message: Message.Message) => LinkBroken | undefined
  /**
   * Takes what has arrived, if anything has: bytes, or a whole message where the other end is in
   * this process. Nothing while more was written than is on its way: then reading waits for that.
   */
  readonly take: () => Message.Message | Uint8Array | undefined
  /** Tells when something can be read: bytes, or the end of the stream. */
  readonly onReadable: OnReady
  /**
   * Where the calendar's memory is shared: that the guest may run less far by itself than it was told, as a FREE_UNTIL that
   * is not acknowledged; nothing, unless that is news.
   */
  readonly limit?: () => Message.Message | undefined
  /** The calendar at the other end, where it is in this process. */
  readonly calendar?: LocalCalendar
}

/**
 * A calendar in this process: what it is asked, it answers at once, so that no message is on its way.
 *
 * @since 0.1.0
 * @category models
 */
export interface LocalCalendar {
  /**
   * Asks, with an operation of PROTOCOL and a time; what it is answered with. Only for who has been let in. A calendar
   * that is traced can't be asked: messages to it are read and answered as they are posted. `later`: it can't be answered
   * yet, and is to be posted, as REQUESTs are of which the running guest must hear by a message.
   */
  readonly ask?: (op: number, time: bigint) => bigint | "later" | LinkBroken
  /** Whether a REQUEST would be answered at once, posted or asked. */
  readonly answersAtOnce: () => boolean
  /** Has `heed` told at once of what can't wait: FREE_UNTIL, to a guest that runs. */
  readonly onFreeUntil: (heed: (message: Message.Message) => void) => void
  /** Has `listener` called at once when such a message can be read, for a guest that doesn't poll. */
  readonly onTold: (listener: CalendarListener) => void
}

/**
 * A guest that reads its messages, and can do so as they come.
 *
 * @since 0.1.0
 * @category models
 */
export interface CalendarListener {
  /** Whether it can now: it runs, and doesn't read them already. */
  readonly canHear: () => boolean
  /** Reads and acknowledges them, if it can. */
  readonly hear: () => void
}

/**
 * What a poll found readable.
 *
 * @since 0.1.0
 * @category models
 */
export type Ready = "link" | "other"

/**
 * The service: a connection to a calendar.
 *
 * @since 0.1.0
 * @category services
 */
export const Link: Context.Service<Link, Link> = Context.Service<Link>("guest-clock/Link")

const noLink = Effect.die(new Error("bug in guest-clock: only a guest in external mode talks to a calendar"))

/**
 * The link of a guest that has no calendar: nothing asks for it.
 *
 * @since 0.1.0
 * @category links
 */
export const none: Link = {
  write: () => noLink,
  readable: noLink,
  read: noLink,
  poll: () => noLink,
  close: Effect.void,
}

const ready = (onReady: OnReady): Effect.Effect<void> =>
  Effect.callback<void>((resume) => Effect.sync(onReady(() => resume(Effect.void))))

/**
 * The ways to wait, of a link that tells when something can be read.
 *
 * @since 0.1.0
 * @category links
 */
export const waitsFor = (onReadable: OnReady): Pick<Link, "readable" | "poll"> => {
  const readable = ready(onReadable)
  const link = Effect.as(readable, "link" as const)
  return {
    readable,
    poll: (other) => other === undefined ? link : Effect.raceFirst(Effect.as(other, "other" as const), link),
  }
}

/**
 * The fibers that wait at one end of a link.
 *
 * @since 0.1.0
 * @category models
 */
export interface Readers {
  readonly onReadable: OnReady
  /** Wakes them all: something can be read. */
  readonly wake: () => void
}

const nothing = () => {}

/**
 * The readers of an end that can be read when `isReadable`: none yet.
 *
 * @since 0.1.0
 * @category links
 */
export const readers = (isReadable: () => boolean): Readers => {
  /** In order of arrival; hardly ever more than one, so that a set would take more than it saves. */
  let waiting: Array<() => void> = []
  return {
    onReadable: (wake) => {
      if (isReadable()) {
        wake()
        return nothing
      }
      // Each is told once, though the same function may wait twice.
      const go = () => wake()
      waiting.push(go)
      return () => {
        const index = waiting.indexOf(go)
        if (index >= 0) waiting.splice(index, 1)
      }
    },
    wake: () => {
      if (waiting.length < 2) return waiting.pop()?.()
      const woken = waiting
      waiting = []
      for (const go of woken) go()
    },
  }
}

/**
 * Sends a message: at once, where that can be.
 *
 * @since 0.1.0
 * @category links
 */
export const write = (link: Link, message: Message.Message): Effect.Effect<void, LinkBroken> | undefined => {
  if (link.direct === undefined) return link.write(Message.encode(message))
  const broken = link.direct.post(message)
  return broken && Effect.fail(broken)
}

/**
 * A buffer that makes messages of the bytes that arrive on a link.
 *
 * @since 0.1.0
 * @category models
 */
export interface Inbox {
  /** Whether a message has been read that nobody has taken yet. */
  readonly hasMessage: () => boolean
  /** Takes the next message that is there, if any is. */
  readonly next: () => Message.Message | undefined
  /** Tells when there is something to take or to read, if the link can tell; … */
  readonly onReadable: OnReady | undefined
  /** … and the same as an effect. */
  readonly readable: Effect.Effect<void> | undefined
  /**
   * Takes the next message, or waits for it with `restore`. A stream that ends is `LinkBroken`,
   * and one that ends inside a message `InvalidMessage` (SPEC 9.1).
   */
  readonly receive: (restore: Restore) => Effect.Effect<Message.Message, LinkBroken | InvalidMessage>
}

/**
 * The messages that arrive on `link`, however its bytes are cut.
 *
 * @since 0.1.0
 * @category links
 */
export const inbox = (link: Link): Inbox => {
  let parser = Message.parser
  const arrived = new Fifo<Message.Message>()
  const { direct } = link
  const unpack = (bytes: Uint8Array): void => {
    const parsed = Message.parse(parser, bytes)
    parser = parsed.parser
    // One by one: a large chunk has more messages than a call can have arguments.
    for (const message of parsed.messages) arrived.push(message)
  }
  const next = (): Message.Message | undefined => {
    for (;;) {
      if (arrived.size > 0) return arrived.shift()
      const taken = direct?.take()
      if (!(taken instanceof Uint8Array)) return taken
      unpack(taken)
    }
  }
  const receive: Inbox["receive"] = (restore) =>
    Effect.suspend(() => {
      const message = next()
      if (message !== undefined) return Effect.succeed(message)
      return Effect.flatMap(Effect.andThen(restore(link.readable), link.read), (bytes) => {
        if (bytes.length === 0) {
          return Effect.fail(
            parser.length > 0 ? new InvalidMessage(parser.length) : new LinkBroken("the calendar closed it"),
          )
        }
        unpack(bytes)
        return receive(restore)
      })
    })
  const hasMessage = () => arrived.size > 0
  const onReadable = direct && ((wake: () => void) => {
    if (!hasMessage()) return direct.onReadable(wake)
    wake()
    return nothing
  })
  const readable = onReadable && ready(onReadable)
  return { hasMessage, next, onReadable, readable, receive }
}
