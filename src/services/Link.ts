/**
 * One connection to a calendar, as bytes (SPEC 9).
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { InvalidMessage, LinkBroken } from "../core/Fault.ts"
import * as Message from "../core/Message.ts"
import type { Restore } from "./Interrupts.ts"

/** Reads, writes and polls one connection to a calendar. */
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
  /** A link within this process: whole messages, at once, in place of bytes that are waited for. */
  readonly direct?: DirectLink
}

/** A link whose other end is in this process: what it answers is there when {@link DirectLink.post} returns. */
export interface DirectLink {
  /** Hands a message over. */
  readonly post: (message: Message.Message) => LinkBroken | undefined
  /** Takes the next message that has arrived, if any has. */
  readonly take: () => Message.Message | undefined
}

/** What a poll found readable. */
export type Ready = "link" | "other"

/** The service: a connection to a calendar. */
export const Link: Context.Service<Link, Link> = Context.Service<Link>("guest-clock/Link")

const noLink = Effect.die(new Error("bug in guest-clock: only a guest in external mode talks to a calendar"))

/** The link of a guest that has no calendar: nothing asks for it. */
export const none: Link = {
  write: () => noLink,
  readable: noLink,
  read: noLink,
  poll: () => noLink,
  close: Effect.void,
}

/** {@link Link.poll} of a link whose {@link Link.readable} this is. */
export const pollOf = (readable: Link["readable"]): Link["poll"] => (other) => {
  const link = Effect.as(readable, "link" as const)
  return other === undefined ? link : Effect.raceFirst(Effect.as(other, "other" as const), link)
}

/** Sends a message: at once, where that can be. */
export const write = (link: Link, message: Message.Message): Effect.Effect<void, LinkBroken> | undefined => {
  if (link.direct === undefined) return link.write(Message.encode(message))
  const broken = link.direct.post(message)
  return broken && Effect.fail(broken)
}

/** What arrives on a link, as messages. */
export interface Inbox {
  /** Whether a message has been read that nobody has taken yet. */
  readonly hasMessage: () => boolean
  /** Takes the next message that is there, if any is. */
  readonly next: () => Message.Message | undefined
  /**
   * Takes the next message, or waits for it with `restore`. A stream that ends is `LinkBroken`,
   * and one that ends inside a message `InvalidMessage` (SPEC 9.1).
   */
  readonly receive: (restore: Restore) => Effect.Effect<Message.Message, LinkBroken | InvalidMessage>
}

/** The messages that arrive on `link`, however its bytes are cut. */
export const inbox = (link: Link): Inbox => {
  let parser = Message.parser
  const arrived: Array<Message.Message> = []
  const { direct } = link
  const next = (): Message.Message | undefined => arrived.shift() ?? direct?.take()
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
        const parsed = Message.parse(parser, bytes)
        parser = parsed.parser
        // One by one: a large chunk has more messages than a call can have arguments.
        for (const message of parsed.messages) arrived.push(message)
        return receive(restore)
      })
    })
  return { hasMessage: () => arrived.length > 0, next, receive }
}
