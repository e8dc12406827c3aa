/**
 * Watches the fibers on simulated time: which exist, which keep busy while time stands still, and whether the main
 * fiber makes progress.
 *
 * @module
 */
import type * as Fiber from "effect/Fiber"
import { type Failed, hasEnded, onFailure } from "../platform/FiberExits.ts"
import { standsStill } from "../platform/Suspension.ts"
import * as Stuck from "./Stuck.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

/** How many fibers are remembered by number: as few as there are at first, as a world may have many thousand guests. */
const FEWEST_RECENT = 64
const MOST_RECENT = 16_384

/** The most real time, in ms, that counts between two checks: a machine that slept, or a debugger, is no livelock. */
const MOST_MS_A_CHECK = 1000

/** Rounds below which slow progress isn't called a livelock: a large program may start slowly, but in few rounds. */
const LEAST_ROUNDS = 100

/** What a watch is told beforehand. */
export interface WatchSettings {
  /** Rounds, while time stands still, that make a livelock. */
  readonly livelockAfter: number
  /** Real time, in ms, spent while time stands still, that makes one. */
  readonly livelockAfterMs: number
  /** Real time, in ms, in which the main fiber hasn't run while time has, after which that is said; none: never. */
  readonly stalledAfterMs: number | undefined
}

/** What runs in place of a fiber. */
export interface Other {
  readonly describe: () => Stuck.Waiting
}

/** The fibers of one runner. */
export class Watch {
  /** Every fiber seen that may still be there, and by number those seen last: asking the set costs more. */
  readonly #fibers = new Set<AnyFiber>()
  // Filled, as Bun takes its time for what is far into an array with holes.
  #recent: Array<AnyFiber | undefined> = new Array(FEWEST_RECENT).fill(undefined)
  #pruneAt = 1024
  readonly #makers = new WeakMap<object, AnyFiber | undefined>()
  /** The fiber that runs, as far as is known. */
  running: AnyFiber | undefined
  /** What runs that is no fiber, if no fiber does. */
  other: Other | undefined
  /** The fiber that ran last. */
  lastRan: AnyFiber | undefined
  /** Told of each fiber that fails while nobody waits for it, as it ends; none: nobody is told. */
  onFailure: ((failed: Failed) => void) | undefined
  /** The name of the event that was handled last, in an instant with many of them. */
  lastEvent: string | undefined
  /** Rounds since time last moved: in each, all that could run did. */
  rounds = 0

  /** When time last moved, as guest time. */
  #stillAt = 0n
  /** Real time spent since then, in ms, and when that was last looked at. */
  #busyMs = 0
  #lookedMs: number
  /** Reads of the time by one and the same fiber, since time last moved. */
  #reads = 0
  #reader: AnyFiber | undefined
  /** How often each was seen running, since about half of what a livelock takes. */
  readonly #shares = new Map<AnyFiber | Other, number>()

  #main: AnyFiber | undefined
  /** Whether it is no wonder that the main fiber waits, as it waits for all others. */
  isMainLast = false
  #mainRan = true
  /** When the main fiber last ran, in guest time and in real ms, and how long it may wait. */
  #mainAt = 0n
  #mainMs: number
  #stalledAfterMs: number | undefined

  readonly #time: { readonly now: bigint }
  readonly #settings: WatchSettings

  constructor(time: { readonly now: bigint }, settings: WatchSettings, realMs: number) {
    this.#time = time
    this.#settings = settings
    this.#stalledAfterMs = settings.stalledAfterMs
    this.#lookedMs = this.#mainMs = realMs
    this.#stillAt = this.#mainAt = time.now
  }

  /** The program's main fiber: how it gets on is watched. */
  set main(fiber: AnyFiber) {
    this.#main = fiber
  }

  /** This fiber runs. */
  note(fiber: AnyFiber): void {
    const before = this.lastRan
    this.running = this.lastRan = fiber
    this.other = undefined
    if (fiber === this.#main) {
      this.#mainRan = true
      this.#mainAt = this.#time.now
    }
    const slot = fiber.id % this.#recent.length
    if (this.#recent[slot] === fiber) return
    this.#recent[slot] = fiber
    this.#meet(fiber, before)
  }

  /** A fiber that isn't among those seen last: apart, as a function with a closure in it makes room for that at each call. */
  #meet(fiber: AnyFiber, before: AnyFiber | undefined): void {
    this.noteMaker(fiber, this.onStack(before))
    if (this.onFailure !== undefined && !this.#fibers.has(fiber)) {
      onFailure(fiber, (failed) => {
        this.#fibers.delete(fiber)
        if (fiber !== this.#main) this.onFailure?.(failed)
      })
    }
    this.#fibers.add(fiber)
    const { length } = this.#recent
    if (this.#fibers.size > length && length < MOST_RECENT) this.#recent = new Array(length * 4).fill(undefined)
    if (this.#fibers.size < this.#pruneAt) return
    for (const each of this.#fibers) if (hasEnded(each)) this.#fibers.delete(each)
    this.#recent.fill(undefined)
    this.#pruneAt = Math.max(1024, this.#fibers.size * 2)
  }

  // --------------------------------------------------------------------- makers

  /**
   * The fiber that runs, or else the one that has made it run and still runs itself, or who has made that: `from` is the
   * one that ran last. None, if that was let go on by something else.
   */
  onStack(from: AnyFiber | undefined): AnyFiber | undefined {
    let fiber = from
    while (fiber !== undefined && (hasEnded(fiber) || standsStill(fiber))) {
      fiber = this.#makers.get(fiber)
    }
    return fiber
  }

  /** Whether a fiber has begun. */
  hasMet(fiber: AnyFiber): boolean {
    return this.#makers.has(fiber)
  }

  /** The fiber that forked a fiber: the one that ran when it began. */
  makerOf(fiber: object): AnyFiber | undefined {
    return this.#makers.get(fiber)
  }

  /** A fiber has begun that `maker` made. */
  noteMaker(fiber: object, maker: AnyFiber | undefined): void {
    if (this.#makers.has(fiber)) return
    this.#makers.set(fiber, maker)
    // Those that have ended aren't kept by a long line of descendants.
    const before = maker && this.#makers.get(maker)
    if (before !== undefined && hasEnded(before)) this.#makers.set(maker!, undefined)
  }

  /** This runs, and no fiber does. */
  noteOther(other: Other): void {
    this.running = undefined
    this.other = other
  }

  // ------------------------------------------------------------------ livelocks

  /** All that could run did once: a livelock, if that was once too often. */
  round(): Stuck.Livelock | undefined {
    return ++this.rounds * 2 < this.#settings.livelockAfter ? undefined : this.#suspect(this.rounds)
  }

  /** The time was read: a livelock, if one and the same fiber does nothing else. */
  read(): Stuck.Livelock | undefined {
    const { running } = this
    if (running !== this.#reader) {
      this.#reader = running
      this.#reads = 0
    }
    return ++this.#reads * 2 < this.#settings.livelockAfter ? undefined : this.#suspect(this.#reads)
  }

  #suspect(rounds: number): Stuck.Livelock | undefined {
    // Time may also be moved by the program's own calls.
    if (this.#time.now !== this.#stillAt) {
      this.reset()
      return undefined
    }
    this.#sample()
    return rounds < this.#settings.livelockAfter ? undefined : this.#livelock(rounds)
  }

  #sample(): void {
    const running = this.running ?? this.other
    if (running !== undefined) this.#shares.set(running, (this.#shares.get(running) ?? 0) + 1)
  }

  #livelock(rounds: number): Stuck.Livelock {
    const [sampled] = [...this.#shares].sort(([, a], [, b]) => b - a)
    const event = sampled === undefined ? this.lastEvent : undefined
    const busiest = sampled?.[0] ?? (event === undefined ? this.lastRan : undefined)
    const who = busiest && ("describe" in busiest ? busiest.describe() : Stuck.waiting(busiest, undefined))
    const livelock = new Stuck.Livelock(this.#time.now, rounds, this.#busyMs, who, event)
    this.reset()
    return livelock
  }

  /** Time has moved. The rest is seen when it is looked at: every move comes through here. */
  moved(): void {
    this.rounds = 0
  }

  /** Counts anew, from the time that it is. */
  reset(): void {
    this.rounds = 0
    this.#reads = 0
    this.#busyMs = 0
    this.#stillAt = this.#time.now
    this.lastEvent = undefined
    if (this.#shares.size > 0) this.#shares.clear()
  }

  // ------------------------------------------------------------------ checks of real time

  /** Starts a slice. Idle time before it counts as busy only up to `gapMs`. */
  begin(realMs: number, gapMs: number): void {
    if (realMs - this.#lookedMs > gapMs) this.#lookedMs = realMs
  }

  /** It is `realMs`, and something runs: a livelock, if time stands still for too long. */
  check(realMs: number): Stuck.Livelock | undefined {
    const sinceMs = Math.min(realMs - this.#lookedMs, MOST_MS_A_CHECK)
    this.#lookedMs = realMs
    if (this.#time.now !== this.#stillAt) {
      this.reset()
      return undefined
    }
    this.#busyMs += sinceMs
    this.#sample()
    return this.#busyMs > this.#settings.livelockAfterMs && this.rounds >= LEAST_ROUNDS
      ? this.#livelock(this.rounds)
      : undefined
  }

  /** Whether the main fiber has waited for too long by now, while time has moved: said once, and again twice as late. */
  isStalled(realMs: number): boolean {
    if (this.#main === undefined || this.isMainLast) return false
    if (this.#mainRan || this.running === this.#main) {
      this.#mainRan = false
      this.#mainMs = realMs
      this.#stalledAfterMs = this.#settings.stalledAfterMs
      return false
    }
    if (this.#stalledAfterMs === undefined || realMs - this.#mainMs < this.#stalledAfterMs) return false
    if (this.#time.now === this.#mainAt) return false
    this.#stalledAfterMs *= 2
    return true
  }

  /** Which fibers wait, and for how long, while time runs on. */
  stalled(realMs: number, fibers: ReadonlyArray<Stuck.Waiting>): Stuck.Stalled | undefined {
    const main = this.mainAmong(fibers)
    return main && new Stuck.Stalled(this.#mainAt, this.#time.now, realMs - this.#mainMs, main, fibers)
  }

  // ------------------------------------------------------------------ who is there

  /** The main fiber among those that are listed. */
  mainAmong(fibers: ReadonlyArray<Stuck.Waiting>): Stuck.Waiting | undefined {
    return this.#main && fibers.find(({ fiber }) => fiber === this.#main!.id)
  }

  /** Whether there is any fiber that hasn't ended. */
  get isAlive(): boolean {
    for (const fiber of this.#fibers) if (!hasEnded(fiber)) return true
    return false
  }

  /** Every fiber that waits; `until` tells when one of them wakes up, `waitsFor` what for, and `isLeftOut` who isn't asked. */
  waiting(
    until: (fiber: AnyFiber) => bigint | undefined,
    waitsFor?: (fiber: AnyFiber) => string | undefined,
    isLeftOut?: (fiber: AnyFiber) => boolean,
  ): ReadonlyArray<Stuck.Waiting> {
    return this.alive().filter((fiber) => isLeftOut?.(fiber) !== true).map((fiber) =>
      Stuck.waiting(fiber, until(fiber), true, waitsFor?.(fiber))
    )
  }

  /** Every fiber that hasn't ended. */
  alive(): ReadonlyArray<AnyFiber> {
    return [...this.#fibers].filter((fiber) => !hasEnded(fiber))
  }
}
