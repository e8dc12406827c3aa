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
  /** Whose end it is. */
  readonly guest: string
  readonly link: string
  /** Who is at the other end. */
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

/** Is told of each of them, at once. */
export type Tap = (tapped: Tapped) => void

/** For a world whose time of day at time 0 is `start`, in ns since 1970. */
export type Tapping = (start: bigint) => Tap

/** Nobody, by default. */
export const CurrentTapping: Context.Reference<Tapping | undefined> = Context.Reference<Tapping | undefined>(
  "guest-clock/simulation/Tap",
  { defaultValue: () => undefined },
)

/** Who is told in this world. */
export const currentTap = (start: bigint | undefined): Effect.Effect<Tap | undefined> =>
  Effect.map(CurrentTapping, (tapping) => tapping?.(start ?? 0n))

/** The links whose messages are frames. */
const networks = new WeakSet<Link.Any>()

/** From now on, what goes over this link is frames. */
export const carriesFrames = <M>(link: Link.Link<M>): Link.Link<M> => {
  networks.add(link)
  return link
}

/** Whether what goes over a link is frames. */
export const isNetwork = (link: Link.Any): boolean => networks.has(link)
