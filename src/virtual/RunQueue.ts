/**
 * What can run, in the order in which it is to.
 *
 * @module
 */
import type * as Order from "./Order.ts"
import type { Sleeper } from "./Sleeper.ts"

/** Something that can run: a task of Effect's scheduler, or a fiber that has woken up. */
export type Task = (() => void) | Sleeper

/** A task and where it stands among others; lower numbers first. */
interface Ranked {
  readonly task: Task
  readonly priority: number
}

/** What can run. Lower priorities go first, and within one first come, first served, unless a decider says otherwise. */
export class RunQueue {
  /** What can run, in order of arrival: from `#head` to `#end`. An array that was emptied would have to grow again. */
  readonly #ready: Array<Task> = []
  #head = 0
  #end = 0
  /** The rare tasks of another priority than 0, lowest first. */
  #ranked: Array<Ranked> = []
  /** What is to run before anything else, since it was there with tasks of other priorities. */
  #batch: Array<Task> = []
  readonly #decider: Order.Decider | undefined

  constructor(decider: Order.Decider | undefined) {
    this.#decider = decider
  }

  get isEmpty(): boolean {
    return this.#head === this.#end && this.#ranked.length === 0 && this.#batch.length === 0
  }

  add(task: Task, priority: number): void {
    if (priority === 0) {
      if (this.#end === this.#ready.length && this.#head > this.#end / 2) this.#moveToFront()
      this.#ready[this.#end++] = task
      return
    }
    const at = this.#ranked.findIndex((other) => other.priority > priority)
    this.#ranked.splice(at < 0 ? this.#ranked.length : at, 0, { task, priority })
  }

  /** Takes what is to run next. The time is for the record of decisions. */
  take(clock: { readonly now: bigint }): Task | undefined {
    if (this.#batch.length > 0) return this.#batch.shift()
    if (this.#ranked.length > 0) return this.#nextBatch()
    const left = this.#end - this.#head
    if (left === 0) return undefined
    if (this.#decider !== undefined) this.#bringForward(this.#decider.choose(left, clock.now))
    return this.#takeReady()
  }

  #takeReady(): Task {
    const task = this.#ready[this.#head]!
    // So that what has run isn't kept.
    this.#ready[this.#head++] = nothing
    if (this.#head === this.#end) this.#head = this.#end = 0
    return task
  }

  /** What never runs empty doesn't grow for ever. */
  #moveToFront(): void {
    const left = this.#end - this.#head
    this.#ready.copyWithin(0, this.#head, this.#end).fill(nothing, left)
    this.#head = 0
    this.#end = left
  }

  /** Puts one before all others, which stay in order. */
  #bringForward(nth: number): void {
    const chosen = this.#head + nth
    const task = this.#ready[chosen]!
    this.#ready.copyWithin(this.#head + 1, this.#head, chosen)
    this.#ready[this.#head] = task
  }

  /** All that is there by rank. What comes later waits until these have run, whatever its rank: nobody starves. */
  #nextBatch(): Task | undefined {
    const first = this.#ranked.filter(({ priority }) => priority < 0)
    const last = this.#ranked.slice(first.length)
    this.#batch = first.map(({ task }) => task)
    while (this.#head < this.#end) this.#batch.push(this.#takeReady())
    this.#batch.push(...last.map(({ task }) => task))
    this.#ranked = []
    return this.#batch.shift()
  }
}

const nothing = () => {}
