/**
 * A sleeping fiber, as an event of its guest.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import { HookedEvent } from "../../core/Command.ts"
import type { Event, Handler } from "../../Event.ts"
import { type AnyFiber, goOn, isSuspendable, standStill, type Suspension } from "../platform/Suspension.ts"

/** What sleepers ask of the one that wakes them. */
export interface Waker {
  /** Adds a sleeper, or another event that the program waits for, to the guest's queue. */
  readonly fallAsleep: (sleeper: Event, nanos: bigint) => void
  /** Takes it off again. */
  readonly takeBack: (sleeper: Event) => void
  /** What a guest does with one that is due. */
  readonly onDue: Handler
}

/** Where a fiber has its last sleeper. To be used again: what lives as long as its fiber is no work for a collector. */
const LAST = Symbol("guest-clock/virtual/Sleeper")

/** A fiber that sleeps. */
export class Sleeper extends HookedEvent implements Event {
  readonly fiber: AnyFiber
  /** Whether it is to wake up yet. */
  isAsleep = false
  /** Whether its fiber has ever slept for parts of a millisecond, and how often it has then asked for those. */
  isFine = false
  fineReads = 0
  /** Whether it is among the tasks of the run queue. One that is can't be used again. */
  isQueued = false
  readonly #waker: Waker
  readonly #suspended: Suspension<void, never>
  readonly #onGoingOn = (): void => {
    if (this.isAsleep) this.#takeBack()
  }

  constructor(waker: Waker, fiber: AnyFiber, suspended: Suspension<void, never>) {
    super()
    this.#waker = waker
    this.fiber = fiber
    this.#suspended = suspended
  }
  get handler(): Handler {
    return this.#waker.onDue
  }
  get name(): string {
    return "sleep"
  }

  /** Whether it is one that `waker` wakes. */
  isOf(waker: Waker): boolean {
    return this.#waker === waker
  }

  /** Lets the fiber go on, unless it was interrupted. */
  wake(): void {
    this.isQueued = false
    if (!this.isAsleep) return
    this.isAsleep = false
    goOn(this.#suspended, Effect.void)
  }

  /** It was interrupted. */
  #takeBack(): void {
    this.isAsleep = false
    if (this.isQueued) (this.fiber as Sleepy)[LAST] = undefined
    this.#waker.takeBack(this)
  }

  #fallAsleep(nanos: bigint): void {
    this.isAsleep = true
    this.#waker.fallAsleep(this, nanos)
  }

  /** Puts a fiber to sleep for `nanos` of guest time: what is returned is the last that its effect does. */
  static suspend(waker: Waker, fiber: Sleepy, nanos: bigint, isFine: boolean): Effect.Effect<void> {
    if (!isSuspendable(fiber)) {
      return Effect.callback((resume) => {
        const sleeper = new Sleeper(waker, fiber, { evaluate: resume })
        sleeper.#fallAsleep(nanos)
        return Effect.sync(sleeper.#onGoingOn)
      })
    }
    const last = fiber[LAST]
    const isFit = last !== undefined && last.#waker === waker
    const sleeper = isFit ? last : fiber[LAST] = new Sleeper(waker, fiber, fiber)
    if (isFine) sleeper.isFine = true
    sleeper.#fallAsleep(nanos)
    return standStill(fiber, sleeper.#onGoingOn)
  }
}

interface Sleepy extends AnyFiber {
  [LAST]?: Sleeper | undefined
}

/** Whether a fiber sleeps, be it for ever, and isn't due. */
export const isAsleep = (fiber: Sleepy): boolean => fiber[LAST]?.isAsleep === true && !fiber[LAST].isQueued

/** How often a fiber has asked for parts of a millisecond; undefined, if it has never slept for such. */
export const fineReads = (fiber: Sleepy): number | undefined => {
  const last = fiber[LAST]
  return last?.isFine === true ? last.fineReads++ : undefined
}

/** Sleeps for `nanos` of guest time. */
export interface Sleep extends Effect.Effect<void> {
  readonly waker: Waker
  readonly nanos: bigint
  /** Whether that isn't a whole number of milliseconds. */
  readonly isFine: boolean
}

/** An effect of a kind of its own, as Effect's are made: one object, where `Effect.withFiber` takes three. */
export const Sleep = function (
  this: { waker: Waker; nanos: bigint; isFine: boolean },
  waker: Waker,
  nanos: bigint,
  isFine: boolean,
): void {
  this.waker = waker
  this.nanos = nanos
  this.isFine = isFine
} as unknown as new (waker: Waker, nanos: bigint, isFine: boolean) => Sleep

Sleep.prototype = Effectable.Prototype<Sleep>({
  label: "Sleep",
  evaluate(fiber) {
    return Sleeper.suspend(this.waker, fiber, this.nanos, this.isFine)
  },
})
