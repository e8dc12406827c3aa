/**
 * Effect's Clock, on a guest's clock.
 *
 * @module
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { GuestClock, SyncClock } from "../../GuestClock.ts"
import { inNanos } from "../services/Times.ts"
import { DerivedClock } from "./DerivedClock.ts"
import type { Options } from "./Options.ts"
import type { Runner } from "./Runner.ts"
import { fineReads, Sleep } from "./Sleeper.ts"
import * as Stuck from "./Stuck.ts"

const MILLI = 1_000_000n

/** Times up to here are whole numbers of ns as a double, too. */
const EXACT = 2n ** 53n

/** At later times a double has room for parts of a millisecond that are multiples of this many ns only. */
const COARSE = 15_625n

/**
 * How much, in ms, is added to what a schedule is told; each time a bit more, but less than half a nanosecond. In doubles,
 * ten times a tenth of a millisecond is a bit more than a whole one: a schedule that has come to its tenth interval would
 * find that it isn't quite there, and run twice. So it is there; and what it then waits for is rounded to whole ns.
 */
const added = (reads: number): number => Math.min(0.05e-6 + reads * 1e-10, 0.4e-6)

/** Reads without an effect between two looks whether time moves: who does nothing else never ends. */
const READS_PER_LOOK = 2 ** 25

/** The program's time. */
export class GuestTime implements Clock.Clock {
  readonly currentTimeMillis: Effect.Effect<number>
  readonly currentTimeNanos: Effect.Effect<bigint>
  readonly monotonicTimeNanos: Effect.Effect<bigint>
  readonly #sync: SyncClock
  readonly #runner: Runner
  /** How far the wall clock was from a whole millisecond at guest time 0, in ns. */
  readonly #startFraction: bigint
  /** How far the wall clock was set forwards, or back. */
  #wallOffset = 0n
  /** Reads without an effect, and the time when they were counted last. */
  #reads = 0
  #readAt: bigint | undefined

  constructor(clock: GuestClock, runner: Runner, { readsCostTime = false }: Options) {
    this.#sync = clock.sync
    this.#runner = runner
    this.#startFraction = (clock.sync.wallClock() - clock.sync.now) % MILLI
    const read = <A>(f: () => A): Effect.Effect<A> => {
      const counted = Effect.sync(() => {
        runner.supervisor.read()
        return f()
      })
      if (!readsCostTime) return counted
      const costly = Effect.andThen(Effect.orDie(clock.readClockSource), counted)
      return Effect.suspend(() => runner.control.isHeld ? counted : costly)
    }
    this.currentTimeMillis = read(() => this.#millis())
    this.currentTimeNanos = read(() => this.currentTimeNanosUnsafe())
    this.monotonicTimeNanos = read(() => this.monotonicTimeNanosUnsafe())
  }

  /**
   * Whole milliseconds, but for a fiber that has slept for parts of one. By this method schedules find out where they are
   * on their grid: one of `2500 micros` would leave it, where it were told 2 instead of 2.5.
   */
  currentTimeMillisUnsafe(): number {
    const { running } = this.#runner.supervisor.watch
    const reads = running && fineReads(running)
    return reads === undefined ? this.#millis() : this.#fineMillis(reads)
  }

  #millis(): number {
    return Number(this.currentTimeNanosUnsafe() / MILLI)
  }

  /** As whole milliseconds go on from those at guest time 0, at which the wall clock may have been between two. */
  #fineMillis(reads: number): number {
    const nanos = this.currentTimeNanosUnsafe() - this.#startFraction
    if (nanos < EXACT) return Number(nanos) / 1e6 + added(reads)
    const part = nanos % MILLI
    return part % COARSE === 0n ? Number(nanos / MILLI) + Number(part) / 1e6 : this.#millis()
  }

  currentTimeNanosUnsafe(): bigint {
    this.#count()
    return this.#sync.wallClock() + this.#wallOffset
  }

  monotonicTimeNanosUnsafe(): bigint {
    this.#count()
    return this.#sync.now
  }

  /** A loop of plain code can't be interrupted, but it can be told. */
  #count(): void {
    if (++this.#reads % READS_PER_LOOK !== 0) return
    const { now } = this.#sync
    if (now === this.#readAt) {
      const { running } = this.#runner.supervisor.watch
      throw new Stuck.Livelock(now, READS_PER_LOOK, undefined, running && Stuck.waiting(running, undefined), undefined)
    }
    this.#readAt = now
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const { value } = duration
    // All sleeps come through here, most of them in whole ms. What isn't in whole ms is in ns.
    if (value._tag === "Millis") return this.#sleep(BigInt(value.millis) * MILLI, false)
    const nanos = value._tag === "Nanos" ? value.nanos : inNanos(duration)
    return this.#sleep(nanos, value._tag === "Nanos" && nanos % MILLI !== 0n)
  }

  #sleep(nanos: bigint, isFine: boolean): Effect.Effect<void> {
    return nanos > 0n ? new Sleep(this.#runner, nanos, isFine) : Effect.yieldNow
  }

  /** Sets the wall clock, in ns since 1970. */
  setWallClock(to: bigint): void {
    this.#wallOffset = to - this.#sync.wallClock()
  }
}

/** The time as handlers see it: they run while the guest can't sleep. */
export class HandlersTime extends DerivedClock {
  constructor(time: Clock.Clock) {
    super(time, {
      currentTimeMillis: Effect.sync(() => time.currentTimeMillisUnsafe()),
      currentTimeNanos: Effect.sync(() => time.currentTimeNanosUnsafe()),
      monotonicTimeNanos: Effect.sync(() => time.monotonicTimeNanosUnsafe()),
    })
  }
  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.die(
      new Error(
        `a handler can't sleep (for ${Duration.format(duration)}): use clock.ndelay, or add an event for later`,
      ),
    )
  }
}
