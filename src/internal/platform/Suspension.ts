/**
 * Suspends and resumes a fiber by its own internals, for less than `Effect.callback` costs.
 *
 * Effect's own way to suspend a fiber is `Effect.callback`. With something to take back
 * if the fiber is interrupted, it makes five objects each time, and two more steps of
 * the fiber when it goes on. What it does in the end is to call two methods that fibers
 * have, though their type doesn't say so: `yieldWith`, after which a fiber stands still,
 * and `evaluate`, by which it goes on. Here they are called themselves. With nothing but a
 * heap behind it, a sleep then takes two thirds of the time on Node and on Bun.
 *
 * On Deno half of `evaluate` is done here as well, as what it does to keep a fiber's place in
 * the async context takes two thirds of a sleep there (see `AsyncContext`).
 *
 * A fiber that doesn't have all of this, as a later Effect's may not, is left to Effect.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { type AsyncContext, makeAsyncContext } from "./AsyncContext.ts"

/** Any fiber, as Effect's types have it. */
export type AnyFiber = Fiber.Fiber<unknown, unknown>

/** What goes on when it is given an effect to go on with. */
export interface Suspension<A, E> {
  readonly evaluate: (effect: Effect.Effect<A, E>) => void
}

/** A fiber as it is in Effect 4.1. */
export interface Suspendable extends AnyFiber, Suspension<unknown, unknown> {
  /** Suspends until `evaluate` is called, which first calls `onGoingOn`. */
  readonly yieldWith: (onGoingOn: () => void) => Effect.Effect<never>
}

/** Whether a fiber can be suspended by hand. */
export const isSuspendable = <F extends AnyFiber>(fiber: F): fiber is F & Suspendable => {
  const { yieldWith, evaluate } = fiber as Partial<Suspendable>
  return typeof yieldWith === "function" && typeof evaluate === "function"
}

/** A fiber that has been interrupted knows why. */
interface Interruptible extends AnyFiber {
  _interruptedCause?: Cause.Cause<never> | undefined
}

/** Whether a fiber has been interrupted, and ends. */
export const isInterrupted = (fiber: Interruptible): boolean => fiber._interruptedCause !== undefined

/** Whether a fiber neither runs nor has ended; of one that doesn't tell, nobody knows. */
export const standsStill = (fiber: AnyFiber): boolean => (fiber as Partial<Placed>)._yielded !== undefined

/** Interrupts a fiber, with `defect` in the cause with which it ends, where fibers have room for that. */
export const interruptBecause = (fiber: Interruptible, defect: unknown): void => {
  if ("_interruptedCause" in fiber) {
    const before = fiber._interruptedCause
    fiber._interruptedCause = before === undefined ? Cause.die(defect) : Cause.combine(before, Cause.die(defect))
  }
  fiber.interruptUnsafe()
}

/** Where a fiber has what keeps its place. */
const PLACE = Symbol("guest-clock/platform/Suspension")

/** What a fiber has beside, of which its `evaluate` is made. */
interface Placed extends Suspendable {
  /** Its place in the async context, while it stands still. */
  _asyncContext: AsyncContext | undefined
  _yielded: (() => void) | undefined
  /** Runs it until it ends, or stands still again: then it returns what `yieldWith` does. */
  readonly runLoop: (effect: Effect.Effect<unknown, unknown>) => Effect.Effect<unknown, unknown>
  [PLACE]?: Place
}

const isPlaced = (fiber: Suspendable): fiber is Placed =>
  typeof (fiber as Partial<Placed>).runLoop === "function" && "_asyncContext" in fiber && "_yielded" in fiber

/** What keeps a fiber's place, each time that it stands still. */
interface Place {
  readonly context: AsyncContext
  /** What `runLoop` returns if the fiber stands still. */
  readonly standsStill: Effect.Effect<never>
}

/** Has a fiber that runs stand still: to be returned as the last that its effect does. {@link goOn} ends it. */
export const standStill = (fiber: Suspendable, onGoingOn: () => void): Effect.Effect<never> => {
  const standsStill = fiber.yieldWith(onGoingOn)
  if (makeAsyncContext !== undefined && isPlaced(fiber)) fiber[PLACE] ??= { context: makeAsyncContext(), standsStill }
  return standsStill
}

/** Lets what stands still go on, with `effect`. */
export const goOn = <A, E>(suspended: Suspension<A, E>, effect: Effect.Effect<A, E>): void => {
  if (makeAsyncContext === undefined) return suspended.evaluate(effect)
  const fiber = suspended as Placed
  const { [PLACE]: place, _asyncContext: at } = fiber
  if (place === undefined || at === undefined) return suspended.evaluate(effect)
  fiber._asyncContext = undefined
  try {
    at.runInAsyncScope(runOn, fiber, place, effect)
  } finally {
    at.emitDestroy()
  }
}

/** As `evaluate`, in a fiber's place, which is the same one again if it stands still again. */
function runOn(this: Placed, { context, standsStill }: Place, effect: Effect.Effect<unknown, unknown>): void {
  this._yielded = undefined
  const exit = this.runLoop(effect)
  if (exit !== standsStill) return this.evaluate(exit)
  context.capture()
  this._asyncContext = context
}

/** A fiber that stands still until it is told to go on, or is interrupted. */
class Callback<A, E> {
  private isOver = false
  private early: Effect.Effect<A, E> | undefined
  private undo: () => void = nothing
  private readonly fiber: Suspendable

  constructor(fiber: Suspendable) {
    this.fiber = fiber
  }

  readonly resume = (effect: Effect.Effect<A, E>): void => {
    if (this.isOver) return
    this.isOver = true
    if (this.undo === nothing) this.early = effect
    else goOn(this.fiber, effect)
  }

  suspend(register: Register<A, E>): Effect.Effect<A, E> {
    const undo = register(this.resume, this.fiber)
    if (this.early !== undefined) return this.early
    this.undo = undo
    return standStill(this.fiber, () => {
      if (this.isOver) return
      this.isOver = true
      undo()
    })
  }
}

const nothing = () => {}

/** Begins to wait, for a fiber: `resume` ends that, at once or later, and what is returned takes it back. */
export type Register<A, E> = (resume: (effect: Effect.Effect<A, E>) => void, fiber: AnyFiber) => () => void

/** As `Effect.callback`, for what can be taken back at once. */
export const callback = <A, E = never>(register: Register<A, E>): Effect.Effect<A, E> =>
  Effect.withFiber((fiber: AnyFiber) =>
    isSuspendable(fiber)
      ? new Callback<A, E>(fiber).suspend(register)
      : Effect.callback<A, E>((resume) => Effect.sync(register(resume, fiber)))
  )
