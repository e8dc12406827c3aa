/**
 * What a process can wait for, as a value that is an effect as well: a hold, a request, or the first of several.
 *
 * An operation is begun, and decided once: at once, or later by the code that changes what it waits for. Until then it can be
 * withdrawn, and leaves no trace. It needs no fiber of its own.
 *
 * @module
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import type { AnyFiber } from "../platform/Suspension.ts"
import type { Begin } from "./Begun.ts"
import type { Interrupted } from "./Interrupted.ts"
import { LIGHTLY, type Performer } from "./Lightly.ts"
import { Self } from "./Self.ts"
import { wait } from "./Wait.ts"

export { Interrupted, titled } from "./Interrupted.ts"
export { type Begin, type Begun, type Decide, nothing } from "./Begun.ts"

/**
 * Something that a process can wait for. As an effect, it is begun and waited for; an interrupt of the process then is
 * its failure. `Condition.any` and `Condition.all` make one operation of several.
 *
 * @since 0.1.0
 * @category models
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
    return wait(Context.get(fiber.context as Context.Context<Self>, Self).processes, this, fiber)
  },
})

Object.assign(Made.prototype, {
  [LIGHTLY](this: Operation<unknown, unknown>, own: Performer) {
    return own.wait(this)
  },
})

/** What operations of kinds of their own inherit from. */
export const prototype: object = Made.prototype

/** An operation; `what` it is, for people. */
export const make = <A, E = never>(what: string, begin: Begin<A, E>): Operation<A, E> => new Made(what, begin)

/** Whether something is an operation. */
export const isOperation = (given: unknown): given is Operation<unknown, unknown> => given instanceof Made
