/**
 * How a fiber stands still and goes on, by hand.
 *
 * Effect's own way to suspend a fiber is `Effect.callback`. With something to take back
 * if the fiber is interrupted, it makes five objects each time, and two more steps of
 * the fiber when it goes on. What it does in the end is to call two methods that fibers
 * have, though their type doesn't say so: `yieldWith`, after which a fiber stands still,
 * and `evaluate`, by which it goes on. Here they are called themselves. With nothing but a
 * heap behind it, a sleep then takes two thirds of the time on Node and on Bun.
 *
 * On Deno half of `evaluate` is done here as well, as what it does to keep a fiber's place in
 * the async context takes two thirds of a sleep there (see `platform/AsyncContext`).
 *
 * A fiber that doesn't have all of this, as a later Effect's may not, is left to Effect.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { type AsyncContext, makeAsyncContext } from "../platform/AsyncContext.ts"

/** Any fiber, as Effect's types have it. */
export type AnyFiber = Fiber.Fiber<unknown, unknown>

/** What goes on when it is given an effect to go on with. */
export interface Suspended {
  readonly evaluate: (effect: Effect.Effect<void>) => void
}

/** A fiber as it is in Effect 4.1. */
export interface Suspendable extends AnyFiber, Suspended {
  /** Stands still until `evaluate`, which calls `onGoingOn` first, whoever calls it. */
  readonly yieldWith: (onGoingOn: () => void) => Effect.Effect<void>
}

/** Whether a fiber can be suspended by hand. */
export const isSuspendable = <F extends AnyFiber>(fiber: F): fiber is F & Suspendable => {
  const { yieldWith, evaluate } = fiber as Partial<Suspendable>
  return typeof yieldWith === "function" && typeof evaluate === "function"
}

/** What a fiber has beside, of which its `evaluate` is made. */
interface Placed extends Suspendable {
  /** Its place in the async context, while it stands still. */
  _asyncContext: AsyncContext | undefined
  _yielded: (() => void) | undefined
  /** Runs it until it ends, or stands still again: then it returns what `yieldWith` does. */
  readonly runLoop: (effect: Effect.Effect<void>) => Effect.Effect<void>
}

const isPlaced = (fiber: Suspendable): fiber is Placed =>
  typeof (fiber as Partial<Placed>).runLoop === "function" && "_asyncContext" in fiber && "_yielded" in fiber

/** What keeps a fiber's place, each time that it stands still. */
export interface Place {
  readonly context: AsyncContext
  /** What `runLoop` returns if the fiber stands still. */
  readonly standsStill: Effect.Effect<void>
}

/** What is to keep the place of a fiber that runs; none, where Effect does that as well. */
export const placeOf = (fiber: Suspendable, standsStill: Effect.Effect<void>): Place | undefined =>
  makeAsyncContext !== undefined && isPlaced(fiber) ? { context: makeAsyncContext(), standsStill } : undefined

/** Lets what stands still go on. */
export const goOn = (suspended: Suspended, place: Place | undefined): void => {
  const at = place === undefined ? undefined : (suspended as Placed)._asyncContext
  if (place === undefined || at === undefined) return suspended.evaluate(Effect.void)
  const fiber = suspended as Placed
  fiber._asyncContext = undefined
  try {
    at.runInAsyncScope(runOn, fiber, place)
  } finally {
    at.emitDestroy()
  }
}

/** As `evaluate`, in a fiber's place, which is the same one again if it stands still again. */
function runOn(this: Placed, { context, standsStill }: Place): void {
  this._yielded = undefined
  const exit = this.runLoop(Effect.void)
  if (exit !== standsStill) return this.evaluate(exit)
  context.capture()
  this._asyncContext = context
}
