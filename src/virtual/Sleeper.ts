/**
 * A fiber that sleeps, and how it is put to sleep and woken up.
 *
 * Effect's own way to suspend a fiber is `Effect.callback`. With something to take back
 * if the fiber is interrupted, it makes five objects for each sleep, and two more steps
 * of the fiber when it wakes up. What it does in the end is to call two methods that
 * fibers have, though their type doesn't say so: `yieldWith`, after which a fiber stands
 * still, and `evaluate`, by which it goes on. So they are called here themselves, and
 * `Effect.callback` is for fibers that don't have them, if ever there are such.
 *
 * What it buys: with nothing but a heap behind it, a sleep takes two thirds of the time
 * on Node and on Bun.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { Seat } from "../core/EventQueue.ts"
import type { Event, Handler } from "../Event.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

/** What goes on when it is given an effect to go on with. */
interface Suspended {
  readonly evaluate: (effect: Effect.Effect<void>) => void
}

/** The sleeper that a fiber was last, to be used again: what lives as long as its fiber is no work for a collector. */
const LAST = Symbol("guest-clock/virtual/Sleeper")

/** A fiber as it is in Effect 4.1. */
interface Suspendable extends AnyFiber, Suspended {
  /** Stands still until `evaluate`, which calls `onGoingOn` first, whoever calls it. */
  readonly yieldWith: (onGoingOn: () => void) => Effect.Effect<void>
  [LAST]?: Sleeper | undefined
}

const isSuspendable = (fiber: AnyFiber): fiber is Suspendable => {
  const { yieldWith, evaluate } = fiber as Partial<Suspendable>
  return typeof yieldWith === "function" && typeof evaluate === "function"
}

/** What sleepers ask of the one that wakes them. */
export interface Waker {
  /** Adds a sleeper to the guest's queue. */
  readonly fallAsleep: (sleeper: Sleeper, nanos: bigint) => void
  /** Takes it off again. */
  readonly takeBack: (sleeper: Sleeper) => void
  /** What a guest does with one that is due. */
  readonly onDue: Handler
}

/** A fiber that sleeps: an event of the guest's, and its own seat in the queue, as one object is found sooner than two. */
export class Sleeper extends Seat implements Event {
  readonly fiber: AnyFiber
  /** Whether it is to wake up yet. */
  isAsleep = false
  /** Whether it is among the tasks of the run queue. One that is can't be used again. */
  isQueued = false
  readonly #waker: Waker
  readonly #suspended: Suspended
  readonly #onGoingOn = (): void => {
    if (this.isAsleep) this.#takeBack()
  }

  constructor(waker: Waker, fiber: AnyFiber, suspended: Suspended) {
    super()
    this.#waker = waker
    this.fiber = fiber
    this.#suspended = suspended
  }
  get seat(): Seat {
    return this
  }
  get handler(): Handler {
    return this.#waker.onDue
  }
  get _tag(): "Event" {
    return "Event"
  }
  get name(): string {
    return "sleep"
  }

  /** Lets the fiber go on, unless it has done so by itself. */
  wake(): void {
    this.isQueued = false
    if (!this.isAsleep) return
    this.isAsleep = false
    this.#suspended.evaluate(Effect.void)
  }

  /** It was interrupted. */
  #takeBack(): void {
    this.isAsleep = false
    if (this.isQueued) (this.fiber as Suspendable)[LAST] = undefined
    this.#waker.takeBack(this)
  }

  #fallAsleep(nanos: bigint): void {
    this.isAsleep = true
    this.#waker.fallAsleep(this, nanos)
  }

  /** Puts a fiber to sleep for `nanos` of guest time: the last thing that an effect does with it. */
  static sleep(waker: Waker, fiber: AnyFiber, nanos: bigint): Effect.Effect<void> {
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
    sleeper.#fallAsleep(nanos)
    return fiber.yieldWith(sleeper.#onGoingOn)
  }
}
