/**
 * What people can do to simulated time: hold it, pause it, let it go on step by step, and tie it to real time.
 *
 * @module
 */
import { millis } from "../platform/EventLoop.ts"

/** A pace, from the moment on that it was set. */
export class Pace {
  readonly factor: number
  readonly #at: bigint
  #realMs = millis()

  /** `factor` simulated seconds a real second, from the guest time `at` on. */
  constructor(factor: number, at: bigint) {
    this.factor = factor
    this.#at = at
  }

  /** The guest time that it should be. */
  get now(): bigint {
    return this.#at + BigInt(Math.floor((millis() - this.#realMs) * 1e6 * this.factor))
  }

  /** How many ms of real time are left until `due`; 0 or less: it is late. */
  leftMs(due: bigint): number {
    return this.#realMs + Number(due - this.#at) / 1e6 / this.factor - millis()
  }

  /** So many ms of real time, which are over, don't count: simulated time could not pass in them. */
  skip(ms: number): void {
    this.#realMs += ms
  }
}

/** How one runner's time may move. */
export class RunControl {
  isPaused = false
  /** Whether time is frozen. */
  isHeld = false
  /** Whether the program has paused itself. */
  isPausedWithin = false
  readonly #holds = new Set<{ readonly name: string; readonly mostMs: number }>()
  #isStopped = false
  #steps = 0
  #stepDone: Array<() => void> = []
  #pace: Pace | undefined
  /** The pace that begins when time is to move for the first time: before that, nobody is behind it. */
  #first: number | undefined
  /** Since when time can't move, in ms of real time: it waits for the world. */
  #waitsSince: number | undefined
  readonly #time: { readonly now: bigint }
  readonly #wake: () => void

  constructor(time: { readonly now: bigint }, pace: number | undefined, wake: () => void) {
    this.#time = time
    this.#wake = wake
    this.#first = pace
  }

  /** Whether time is paused, and no step is to be made. */
  get standsStill(): boolean {
    return this.isPaused && this.#steps === 0
  }

  /** The names of all holds, for people. */
  get holds(): string {
    return [...this.#holds].map(({ name }) => JSON.stringify(name)).join(", ")
  }

  /** How long, in ms of real time, time may be frozen by what is held now. */
  get heldAtMostMs(): number {
    return Math.max(...[...this.#holds].map(({ mostMs }) => mostMs))
  }

  /** Freezes time until the result is called, which should be in `mostMs` of real time. */
  hold(name: string, mostMs = Infinity): () => void {
    const hold = { name, mostMs }
    this.#holds.add(hold)
    this.isHeld = true
    return () => {
      if (!this.#holds.delete(hold)) return
      this.isHeld = this.#holds.size > 0
      if (!this.isHeld) this.#keepPace()
      this.#wake()
    }
  }

  /** Simulated seconds a real second from now on; none: as fast as it goes. */
  setPace(factor: number | undefined): void {
    this.#first = undefined
    this.#pace = this.#paceOf(factor)
    this.#wake()
  }

  /** Time stood still, and goes on from here: nothing is to be caught up with. */
  #keepPace(): void {
    this.#pace = this.#paceOf(this.#pace?.factor)
  }

  #paceOf(factor: number | undefined): Pace | undefined {
    this.#waitsSince = undefined
    return factor === undefined ? undefined : new Pace(factor, this.#time.now)
  }

  /** The real time in ms, greater than 0, that is left until `due` where time is tied to it; 0: time may move. */
  leftMs(due: bigint): number {
    if (this.#first !== undefined) {
      this.#pace = this.#paceOf(this.#first)
      this.#first = undefined
    }
    if (this.#pace === undefined) return 0
    if (this.#waitsSince !== undefined) this.#pace.skip(millis() - this.#waitsSince)
    this.#waitsSince = undefined
    return this.isPaused ? 0 : Math.max(0, this.#pace.leftMs(due))
  }

  /** Time can't move until the world has done something: `waiting`. That real time isn't to be caught up with. */
  awaiting<A>(waiting: A): A {
    this.#waitsSince ??= this.#pace && millis()
    return waiting
  }

  /** Whether time is tied to real time. */
  get isPaced(): boolean {
    return (this.#first ?? this.#pace) !== undefined
  }

  /** Time stands still from now on, however many fibers run; `within`: it is one of these that asks for it. */
  pause(within: boolean): void {
    this.isPaused = true
    this.isPausedWithin = within
  }

  /** Time goes on; steps that weren't made aren't any more. */
  resume(): void {
    this.isPaused = this.isPausedWithin = false
    this.dropSteps()
    this.finishSteps()
    this.#keepPace()
    this.#wake()
  }

  /** Nothing runs any more. */
  stop(): void {
    this.#isStopped = true
    this.finishSteps()
  }

  /** As {@link pause}, but lets time move once to what is due next; `done` when all that follows has come to rest. */
  step(within: boolean, done: () => void): void {
    if (this.#isStopped) return done()
    this.pause(within)
    this.#steps++
    this.#stepDone.push(done)
    this.#wake()
  }

  /** Time moves: a step less. */
  stepped(): void {
    if (this.isPaused) this.#steps--
  }

  /** There is nothing to step to. */
  dropSteps(): void {
    this.#steps = 0
  }

  /** All that follows from the steps made has come to rest. */
  finishSteps(): void {
    const done = this.#stepDone
    this.#stepDone = []
    for (const each of done) each()
  }
}
