/**
 * What can run, in the order in which it is to.
 *
 * @module
 */
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { Seat } from "../core/EventQueue.ts"
import type { Event, Handler } from "../Event.ts"
import type * as Order from "./Order.ts"

/**
 * A fiber that sleeps. An event of the guest's that needs no closure: at 10,000
 * fibers that is a tenth of what a sleep costs.
 */
export class Sleeper implements Event {
  readonly seat: Seat = new Seat()
  readonly handler: Handler
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly resume: (effect: Effect.Effect<void>) => void
  constructor(handler: Handler, fiber: Fiber.Fiber<unknown, unknown>, resume: (effect: Effect.Effect<void>) => void) {
    this.handler = handler
    this.fiber = fiber
    this.resume = resume
  }
  get _tag(): "Event" {
    return "Event"
  }
  get name(): string {
    return "sleep"
  }
}

/** Something that can run: a task of Effect's scheduler, or a fiber that has woken up. */
export type Task = (() => void) | Sleeper

/** A task and where it stands among others; lower numbers first. */
interface Ranked {
  readonly task: Task
  readonly priority: number
}

/** What can run. Lower priorities go first, and within one first come, first served, unless a decider says otherwise. */
export class RunQueue {
  /** What can run, in order of arrival, from `#head` on. */
  #ready: Array<Task> = []
  #head = 0
  /** The rare tasks of another priority than 0, lowest first. */
  #ranked: Array<Ranked> = []
  /** What is to run before anything else, since it was there with tasks of other priorities. */
  #batch: Array<Task> = []
  readonly #decider: Order.Decider | undefined

  constructor(decider: Order.Decider | undefined) {
    this.#decider = decider
  }

  get isEmpty(): boolean {
    return this.#head === this.#ready.length && this.#ranked.length === 0 && this.#batch.length === 0
  }

  add(task: Task, priority: number): void {
    if (priority === 0) {
      this.#ready.push(task)
      return
    }
    const at = this.#ranked.findIndex((other) => other.priority > priority)
    this.#ranked.splice(at < 0 ? this.#ranked.length : at, 0, { task, priority })
  }

  /** Takes what is to run next. The time is for the record of decisions. */
  take(clock: { readonly now: bigint }): Task | undefined {
    if (this.#batch.length > 0) return this.#batch.shift()
    if (this.#ranked.length > 0) return this.#nextBatch()
    const left = this.#ready.length - this.#head
    if (left === 0) {
      if (this.#head > 0) {
        this.#ready.length = 0
        this.#head = 0
      }
      return undefined
    }
    if (this.#decider !== undefined) {
      return this.#ready.splice(this.#head + this.#decider.choose(left, clock.now), 1)[0]
    }
    const task = this.#ready[this.#head]
    // So that what has run isn't kept.
    this.#ready[this.#head++] = nothing
    return task
  }

  /** All that is there by rank. What comes later waits until these have run, whatever its rank: nobody starves. */
  #nextBatch(): Task | undefined {
    const first = this.#ranked.filter(({ priority }) => priority < 0)
    const last = this.#ranked.slice(first.length)
    this.#batch = [...first.map(({ task }) => task), ...this.#ready.slice(this.#head), ...last.map(({ task }) => task)]
    this.#ranked = []
    this.#ready = []
    this.#head = 0
    return this.#batch.shift()
  }
}

const nothing = () => {}
