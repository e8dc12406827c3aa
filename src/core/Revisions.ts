/**
 * The revisions of the clock: which Linux it is the clock of, and what that changes (SPEC 11).
 *
 * A revision is a record of what differs, carried in a guest's settings. The core and the interpreter ask that record,
 * never for a version.
 *
 * @module
 */

/** A release of Linux whose clock is another than that of the release before (SPEC 11). */
export type Revision = "5.8" | "6.1" | "6.12"

/** Which messages a guest spares (SPEC 11.4). */
export interface Lean {
  /** A REQUEST for a time before which it may run by itself: it asks when it has to wait. */
  readonly requests: boolean
  /** An UPDATE with the time that the last one had. */
  readonly updates: boolean
  /** What FREE_UNTIL said ends with the turn, so that nothing stale is relied on. */
  readonly forgetsFreeUntil: boolean
}

/**
 * Or a variant of one that no Linux has: 5.8 without the REQUESTs that a guest can spare. Worlds have it, as their journals
 * are the same with it, and it costs least (docs/revisions.md).
 */
export type AnyRevision = Revision | "5.8-lean"

/** What a revision is like. */
export interface RevisionTraits {
  readonly revision: AnyRevision
  /**
   * Advances run masked, and what falls due in one is handled when interrupts are on again; an exchange holds interrupts
   * back without masking (SPEC 11.1, 11.3). Otherwise handlers run within the advance, and nest.
   */
  readonly defersHandlers: boolean
  /** The wall clock's start is set by the first read of the wall clock, not at boot (SPEC 11.2). */
  readonly startsAtFirstRead: boolean
  /** RUN that is read inside an exchange ends no wait (SPEC 11.4). */
  readonly waitsForOwnRun: boolean
  readonly lean: Lean
  /** BROADCAST is remembered and can be sent (SPEC 11.5). */
  readonly broadcasts: boolean
  /** Interrupts can come while it waits to be let in (SPEC 11.5). */
  readonly pollsForStart: boolean
}

/** Every message is sent. */
const TALKATIVE: Lean = { requests: false, updates: false, forgetsFreeUntil: false }

const later = (revision: Revision, isLast: boolean): RevisionTraits => ({
  revision,
  defersHandlers: true,
  startsAtFirstRead: true,
  waitsForOwnRun: true,
  lean: { requests: true, updates: true, forgetsFreeUntil: true },
  broadcasts: isLast,
  pollsForStart: isLast,
})

const first: RevisionTraits = {
  revision: "5.8",
  defersHandlers: false,
  startsAtFirstRead: false,
  waitsForOwnRun: false,
  lean: TALKATIVE,
  broadcasts: false,
  pollsForStart: false,
}

/** The revisions, and the variant. */
export const revisions: { readonly [R in AnyRevision]: RevisionTraits } = {
  "5.8": first,
  "5.8-lean": { ...first, revision: "5.8-lean", lean: { ...TALKATIVE, requests: true } },
  "6.1": later("6.1", false),
  "6.12": later("6.12", true),
}

/** The names of those that there are of Linux, the oldest first. */
export const names: ReadonlyArray<Revision> = ["5.8", "6.1", "6.12"]

/** All names. */
export const allNames: ReadonlyArray<AnyRevision> = [...names, "5.8-lean"]

/** The revision that a clock has unless it is told another. */
export const DEFAULT: Revision = "5.8"

/** The revision that a world's guests have: see {@link AnyRevision}. */
export const LEAN: AnyRevision = "5.8-lean"
