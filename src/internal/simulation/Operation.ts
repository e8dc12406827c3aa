/**
 * What a process can wait for, as a value that is an effect as well: a hold, a request, or the first of several.
 *
 * An operation is begun, and decided once: at once, or later by whoever changes what it waits for. Until then it can be
 * withdrawn, and leaves no trace. That is all that runs it, so it needs no fiber of its own.
 *
 * @module
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Effectable from "effect/Effectable"
import type { AnyFiber } from "../platform/Suspension.ts"
import { textOf } from "./Failure.ts"
import { LIGHTLY } from "./Lightly.ts"
import type { LightProcess } from "./LightProcess.ts"
import type { Place } from "./Running.ts"
import { Self } from "./Self.ts"

/** A process was interrupted in what it waited for, by another one or by what took a resource from it. */
export class Interrupted extends Error {
  readonly _tag: "Interrupted"
  override readonly name: "Interrupted"
  /** What it was interrupted for: whatever the interrupter gave, or a `Resource.Preempted`. */
  override readonly cause: unknown
  /** The process that did it, if it was one. */
  readonly by: string | undefined
  /** What was left of the hold that it ended, in ns; none, if it ended something else. */
  readonly left: bigint | undefined
  constructor(name: string, cause: unknown, by: string | undefined, left?: bigint) {
    const who = by === undefined ? "" : ` by ${JSON.stringify(by)}`
    super(`${titled(name)} was interrupted${who}${cause === undefined ? "" : `: ${textOf(cause)}`}`)
    this._tag = "Interrupted"
    this.name = "Interrupted"
    this.cause = cause
    this.by = by
    this.left = left
  }
}

/** A process in messages. */
export const titled = (name: string): string => "the process " + JSON.stringify(name)

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

/**
 * Something that a process can wait for. As an effect, it is begun and waited for; an interrupt of the process then is
 * its failure. `Condition.any` and `Condition.all` make one operation of several.
 */
export interface Operation<A, E = never> extends Effect.Effect<A, E | Interrupted, Self> {
  /** What it is, for people: `request on counter`. */
  readonly what: string
  /**
   * How it is begun.
   *
   * @internal
   */
  readonly begin: Begin<A, E>
}

/** An effect of a kind of its own, as Effect's are made. */
const Made = function (this: { what: string; begin: unknown }, what: string, begin: unknown): void {
  this.what = what
  this.begin = begin
} as unknown as new <A, E>(what: string, begin: Begin<A, E>) => Operation<A, E>

Made.prototype = Effectable.Prototype<Operation<unknown, unknown>>({
  label: "Operation",
  evaluate(fiber: AnyFiber) {
    return Context.get(fiber.context as Context.Context<Self>, Self).processes.wait(this, fiber)
  },
})

Object.assign(Made.prototype, {
  [LIGHTLY](this: Operation<unknown, unknown>, own: LightProcess) {
    return own.wait(this)
  },
})

/** What operations of kinds of their own inherit from. */
export const prototype: object = Made.prototype

/** An operation; `what` it is, for people. */
export const make = <A, E = never>(what: string, begin: Begin<A, E>): Operation<A, E> => new Made(what, begin)

/** Whether something is an operation. */
export const isOperation = (given: unknown): given is Operation<unknown, unknown> => given instanceof Made

/** What is begun where there is nothing to wait for. */
export const nothing: Begun = { withdraw: () => {}, undo: () => {} }
