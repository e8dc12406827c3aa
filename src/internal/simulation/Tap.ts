/**
 * The service that is told of each frame on a world's networks, for the guests in this process.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Link from "../../simulation/Link.ts"

/** A frame at one end of a link. */
export interface Tapped {
  /** The guest at this end. */
  readonly guest: string
  readonly link: string
  /** The guest at the other end. */
  readonly peer: string
  readonly direction: "in" | "out"
  /** The time there, in ns. */
  readonly time: bigint
  readonly frame: Uint8Array
  /** Why it never arrives, or isn't understood now that it has. */
  readonly lost: string | undefined
  /** How many of it arrive, of one that goes out. */
  readonly copies: number
}

/** Called for each of them, synchronously. */
export type Tap = (tapped: Tapped) => void

/** For a world whose time of day at time 0 is `start`, in ns since 1970. */
export type Tapping = (start: bigint) => Tap

/** The service; none by default. */
export const CurrentTapping: Context.Reference<Tapping | undefined> = Context.Reference<Tapping | undefined>(
  "guest-clock/simulation/Tap",
  { defaultValue: () => undefined },
)

/** The tap of this world. */
export const currentTap = (start: bigint | undefined): Effect.Effect<Tap | undefined> =>
  Effect.map(CurrentTapping, (tapping) => tapping?.(start ?? 0n))

/** The links whose messages are frames. */
const networks = new WeakSet<Link.Any>()

/** Marks a link as one whose messages are frames. */
export const carriesFrames = <M>(link: Link.Link<M>): Link.Link<M> => {
  networks.add(link)
  return link
}

/** Whether a link's messages are frames. */
export const isNetwork = (link: Link.Any): boolean => networks.has(link)
