/**
 * One connection to a calendar, as bytes (SPEC 9).
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { LinkBroken } from "../core/Fault.ts"

/** Reads, writes and polls one connection to a calendar. */
export interface Link {
  /** Writes all of `bytes`. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, LinkBroken>
  /**
   * Takes what has arrived, or waits for it. No bytes at all: the stream has
   * ended. Interrupting a read loses nothing.
   */
  readonly read: Effect.Effect<Uint8Array, LinkBroken>
  /**
   * Ends when a read wouldn't wait, with `link`, or when `other` ends, with
   * `other`; takes nothing. Interrupting it loses nothing.
   */
  readonly poll: (other?: Effect.Effect<void>) => Effect.Effect<Ready, LinkBroken>
}

/** What a poll found readable. */
export type Ready = "link" | "other"

/** The service: a connection to a calendar. */
export const Link: Context.Service<Link, Link> = Context.Service<Link>("guest-clock/Link")

const noLink = Effect.die(new Error("bug in guest-clock: only a guest in external mode talks to a calendar"))

/** The link of a guest that has no calendar: nothing asks for it. */
export const none: Link = { write: () => noLink, read: noLink, poll: () => noLink }
