/**
 * What a calendar's interpreter reports: clients that come, leave and are dropped, and turns.
 *
 * @module
 */
import type { Breach } from "../../core/SharedMemory.ts"
import type { ClientStatus } from "../../calendar/Status.ts"

/** Something that those who watch a calendar are told. */
export type News =
  | { readonly _tag: "Joined"; readonly client: ClientStatus }
  | { readonly _tag: "Left"; readonly client: ClientStatus }
  /** It broke a rule, or didn't read what it was sent. */
  | { readonly _tag: "Dropped"; readonly client: ClientStatus; readonly why: string }

/** What an interpreter tells. */
export interface Listener {
  readonly onNews: (news: News) => void
  readonly onEnded: () => void
  /** Somebody has written into the memory what nobody may, while nobody who shares had the turn. */
  readonly onScribbled?: (breach: Breach) => void
  /** A client was told to run; times are the calendar's, in ns. */
  readonly onGrant: ((grant: Grant) => void) | undefined
}

/**
 * A turn that was granted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Grant {
  /** The client's ID; 2^64 − 1 if it has none. */
  readonly id: bigint
  /** The calendar's time, in ns. */
  readonly time: bigint
}
