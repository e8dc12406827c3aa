/**
 * What the kernel at the other end of a device did wrong, as a value. Each costs that device its kernel, and nobody
 * else anything.
 *
 * @module
 */

/**
 * The rules that a front-end (the kernel) can break.
 *
 * @since 0.1.0
 * @category models
 */
export type Rule =
  /** A header of another protocol version, or of a message that is longer than any. */
  | "BadHeader"
  /** A request that this back-end doesn't have, or that wasn't offered. */
  | "UnknownRequest"
  /** A message of another length than its request has. */
  | "BadLength"
  /** More or fewer file descriptors than the request has. */
  | "BadDescriptors"
  /** A message at a time at which it isn't allowed. */
  | "OutOfOrder"
  /** A feature that wasn't offered. */
  | "NotOffered"
  /** A region of memory that can't be: empty, overlapping, past the end of its file or of all addresses. */
  | "BadRegion"
  /** A queue that there isn't, a size that isn't allowed, or rings that lie outside of the memory. */
  | "BadQueue"
  /** The index of a ring is ahead by more than the queue's size. */
  | "IndexRunsAhead"
  /** A descriptor that lies outside of the memory or of its table, or with flags that can't be. */
  | "BadDescriptor"
  /** A chain that is a loop, or longer than it may be. */
  | "EndlessChain"
  /** A chain that the device holds already. */
  | "ChainInUse"
  /** A chain of another shape than the device's requests have. */
  | "BadRequest"
  /** Memory that can't be read or written any more, as its file was shortened. */
  | "MemoryGone"
  /** The stream has ended inside a message. */
  | "CutShort"
  /** It doesn't read what it is sent, or doesn't answer. */
  | "NoAnswer"

/** One broken rule. */
export interface Violation {
  readonly _tag: "Violation"
  readonly rule: Rule
  /** What was given, and what is allowed: the rest of a sentence. */
  readonly detail: string
}

/** A broken rule, from which nothing goes on. */
export const violation = (rule: Rule, detail: string): Violation => ({ _tag: "Violation", rule, detail })

/** Whether that is what a transition came to. */
export const isViolation = (value: unknown): value is Violation =>
  typeof value === "object" && value !== null && (value as { readonly _tag?: unknown })._tag === "Violation"

/** For people: `IndexRunsAhead: queue 0 …`. */
export const format = ({ rule, detail }: Violation): string => `${rule}: ${detail}`
