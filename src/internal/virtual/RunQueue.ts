/**
 * The queue of fibers that can run.
 *
 * @module
 */
import { Fifo } from "../core/Fifo.ts"
import type * as Order from "./Order.ts"

/** Something that goes on when its turn comes: a fiber that has slept, a process that is no fiber. */
export interface Runnable {
  readonly wake: () => void
}

/** Something that can run: a task of Effect's scheduler, or what goes on by itself. */
export type Task = (() => void) | Runnable

/** A task and where it stands among others; lower numbers first. */
interface Ranked {
  readonly task: Task
  readonly priority: number
}

/** What can run. Lower priorities go first, and within one first come, first served, unless a decider says otherwise. */
export class RunQueue {
  /** What can run, in order of arrival. */
  readonly #ready = new Fifo<Task>()
  /** The rare tasks of another priority than 0, lowest first. */
  #ranked: Array<Ranked> = []
  /** What is to run before anything else: what was kept out, and then what was there with tasks of other priorities. */
  #batch: Array<Task> = []
  #keptOut = 0
  readonly #decider: Order.Decider | undefined

  /** What was decided so far. */
  get decisions(): ReadonlyArray<Order.Decision> {
    return this.#decider?.decisions ?? []
  }

  constructor(decider: Order.Decider | undefined) {
    this.#decider = decider
  }

  get isEmpty(): boolean {
    return this.size === 0
  }

  /** How many there are. */
  get size(): number {
    return this.#ready.size + this.#ranked.length + this.#batch.length
  }

  add(task: Task, priority: number): void {
    if (priority === 0) {
      this.#ready.push(task)
      return
    }
    const at = this.#ranked.findIndex((other) => other.priority > priority)
    this.#ranked.splice(at < 0 ? this.#ranked.length : at, 0, { task, priority })
  }

  /** Adds what would have run by now, if it hadn't been kept out: behind as many others of that kind. */
  addKeptOut(task: Task, place: number): void {
    this.#batch.splice(place, 0, task)
    this.#keptOut++
  }

  /** How many are there that were kept out. */
  get keptOut(): number {
    return this.#keptOut
  }

  /** Takes what is to run next. The time is for the record of decisions. */
  take(clock: { readonly now: bigint }): Task | undefined {
    if (this.#batch.length > 0) {
      if (this.#keptOut > 0) this.#keptOut--
      return this.#batch.shift()
    }
    if (this.#ranked.length > 0) return this.#nextBatch()
    const { size } = this.#ready
    if (size > 0 && this.#decider !== undefined) this.#ready.bringForward(this.#decider.choose(size, clock.now))
    return this.#ready.shift()
  }

  /** All that is there by rank. What comes later waits until these have run, whatever its rank: nobody starves. */
  #nextBatch(): Task | undefined {
    const first = this.#ranked.filter(({ priority }) => priority < 0)
    const last = this.#ranked.slice(first.length)
    this.#batch = [...first.map(({ task }) => task), ...this.#ready.drain(), ...last.map(({ task }) => task)]
    this.#ranked = []
    return this.#batch.shift()
  }
}
