/**
 * The interface of an operation that a process waits for: it is begun, and then decided once, or withdrawn.
 *
 * @module
 */
import type * as Exit from "effect/Exit"
import type { Place } from "./Running.ts"

/** An operation that has begun. */
export interface Begun {
  /** It isn't decided, and isn't to be any more. */
  readonly withdraw: () => void
  /** It was decided, and nobody is there to have what came of it: gives that back, where it can be. */
  readonly undo: () => void
  /** How much of it is left, in ns, if it takes a time. */
  readonly left?: () => bigint
}

/** Told what an operation has come to: once, perhaps before `begin` returns. */
export type Decide<A, E> = (outcome: Exit.Exit<A, E>) => void

/** Begins an operation, for a process. */
export type Begin<A, E> = (place: Place, decide: Decide<A, E>) => Begun

/** What a process can wait for: see `Operation`. */
export interface Awaitable<A, E> {
  /** What it is, for people. */
  readonly what: string
  readonly begin: Begin<A, E>
}

/** What is begun where there is nothing to wait for. */
export const nothing: Begun = { withdraw: () => {}, undo: () => {} }
