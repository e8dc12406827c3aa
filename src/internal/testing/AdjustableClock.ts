/**
 * A simulated clock with the methods of Effect's `TestClock`: adjusted, set, and left for the live clock.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import type { TestClock } from "effect/testing/TestClock"
import { OptionError } from "../../core/Fault.ts"
import { FOREVER } from "../../core/Nanos.ts"
import { event, GuestClock, type SyncClock } from "../../GuestClock.ts"
import { nextTurn } from "../platform/EventLoop.ts"
import { inNanos } from "../services/Times.ts"
import { DerivedClock } from "../virtual/DerivedClock.ts"
import * as VirtualTime from "../../VirtualTime.ts"

/** Effect's own clock, whatever clock is around. */
const live: Clock.Clock = Context.get(Context.empty(), Clock.Clock)

const NANOS_PER_MILLI = 1_000_000

/** A number of ms since 1970 in whole ns, rounded down. */
const nanosOf = (millis: number): bigint => {
  // In two parts, as there are more ns since 1970 than a number can tell apart.
  const whole = Math.floor(millis)
  return BigInt(whole) * BigInt(NANOS_PER_MILLI) + BigInt(Math.floor((millis - whole) * NANOS_PER_MILLI))
}

/**
 * Stops time until the result is called, as far as it is a test's to stop: one of several that share a clock only says
 * that it needs no time.
 */
export const Stop: Context.Reference<(() => () => void) | undefined> = Context.Reference<
  (() => () => void) | undefined
>(
  "guest-clock/testing/Stop",
  { defaultValue: () => undefined },
)

/** How a clock gets from one time to another. */
export interface Travel {
  /** Lets time go on to this guest time, in ns, and waits until all that can run has come to rest. */
  readonly until: (at: bigint) => Effect.Effect<void>
  /** Waits until all that can run has come to rest, without letting time go on. */
  readonly rest: Effect.Effect<void>
}

/** A simulated clock that can be adjusted. */
export class AdjustableClock extends DerivedClock implements TestClock {
  readonly #virtual: VirtualTime.VirtualTime
  readonly #sync: SyncClock
  readonly #travel: Travel
  /** Adjustments are made one after the other. */
  readonly #turns = Semaphore.makeUnsafe(1)
  /** Goes on to what is due next until nothing is. */
  readonly #drain: Effect.Effect<void>

  constructor(time: Clock.Clock, virtual: VirtualTime.VirtualTime, sync: SyncClock, travel: Travel) {
    super(time)
    this.#virtual = virtual
    this.#sync = sync
    this.#travel = travel
    this.#drain = Effect.flatMap(travel.rest, () => {
      const due = sync.nextDue()
      return due === undefined || due >= FOREVER ? Effect.void : Effect.andThen(travel.until(due), this.#drain)
    })
  }
  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return this.time.sleep(duration)
  }

  adjust(input: Duration.Input): Effect.Effect<void> {
    const duration = Duration.fromInputUnsafe(input)
    return this.#turns.withPermit(
      Duration.isFinite(duration)
        ? this.#by(inNanos(duration))
        : Duration.isNegative(duration)
        ? this.#travel.rest
        : this.#drain,
    )
  }

  setTime(timestamp: number): Effect.Effect<void> {
    if (timestamp === Infinity) return this.adjust(Duration.infinity)
    if (!Number.isFinite(timestamp)) {
      const allowed = "it is a number of ms since 1970, or Infinity: on and on until nothing is due"
      return Effect.die(new OptionError("timestamp", timestamp, allowed))
    }
    const to = nanosOf(timestamp)
    return this.#turns.withPermit(Effect.suspend(() => this.#by(to - this.currentTimeNanosUnsafe())))
  }

  withLive<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.acquireUseRelease(
      Effect.map(Stop, (stop) => stop === undefined ? this.#virtual.freeze() : stop()),
      () => Effect.provideService(effect, Clock.Clock, live),
      (goOn) => Effect.sync(goOn),
    )
  }

  /** Forwards by letting time go on; backwards by setting the wall clock, which is at 1970 at least. */
  #by(nanos: bigint): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (nanos < 0n) {
        const to = this.currentTimeNanosUnsafe() + nanos
        return Effect.andThen(Effect.orDie(this.#virtual.setWallClock(to < 0n ? 0n : to)), this.#travel.rest)
      }
      const { now } = this.#sync
      if (now + nanos < FOREVER) return nanos === 0n ? this.#travel.rest : this.#travel.until(now + nanos)
      const allowed = `it ends before time does, ${FOREVER - now} ns from now, or is Duration.infinity`
      return Effect.die(new OptionError("duration", `${nanos} ns`, allowed))
    })
  }
}

/** The simulated time around, if there is any. */
export const around = (context: Context.Context<never>): VirtualTime.VirtualTime | undefined =>
  Option.getOrUndefined(Context.getOption(context, VirtualTime.VirtualTime))

/** Runs `effect` while the simulated time around it stands still: to the program there, it takes none. */
const holdingOuter = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const outer = around(fiber.context)
    if (outer === undefined) return effect
    return Effect.acquireUseRelease(Effect.sync(() => outer.freeze()), () => effect, (goOn) => Effect.sync(goOn))
  })

/** The travel of time that moves by itself: to adjust it is to sleep. */
const byItself = (time: Clock.Clock, sync: SyncClock): Travel => {
  // What is due now is handled when nobody can run any more, before time moves.
  const rest = Effect.andThen(
    Effect.yieldNow,
    Effect.callback<void>((resume) => {
      const atRest = event("at rest", () => resume(Effect.yieldNow))
      sync.addEvent(atRest, sync.now)
      return Effect.sync(() => sync.deleteEvent(atRest))
    }),
  )
  return {
    rest,
    until: (at) => Effect.andThen(Effect.suspend(() => time.sleep(Duration.nanos(at - sync.now))), rest),
  }
}

/**
 * How time gets on that is only moved by hand, for fibers of any scheduler: step by step, and after each the scheduler
 * has its turn.
 */
export const byHand = (virtual: VirtualTime.VirtualTime, sync: SyncClock): Travel => {
  const turn = Effect.callback<void>((resume) => Effect.sync(nextTurn(() => resume(Effect.void))))
  // A fiber that was woken may let another go on, which has its turn after that.
  const once = Effect.andThen(Effect.yieldNow, turn)
  const rest = Effect.andThen(once, Effect.andThen(once, once))
  return {
    rest: holdingOuter(rest),
    until: (at) =>
      holdingOuter(Effect.suspend(() => {
        let there = false
        const arrival = event("arrival", () => {
          there = true
        })
        sync.addEvent(arrival, at)
        const arrive: Effect.Effect<void> = Effect.flatMap(
          Effect.andThen(rest, virtual.step),
          () => there ? rest : arrive,
        )
        return arrive.pipe(
          Effect.onInterrupt(() => Effect.sync(() => sync.deleteEvent(arrival))),
        )
      })),
  }
}

/** The clocks made, by the simulated time that they adjust. */
const known = new WeakMap<VirtualTime.VirtualTime, TestClock>()

const canBeAdjusted = (clock: Clock.Clock): clock is TestClock =>
  typeof (clock as Partial<TestClock>).adjust === "function"

/** The clock of the simulated time that a fiber with this context runs on, if it does. */
export const find = (context: Context.Context<never>): TestClock | undefined => {
  const time = Context.get(context, Clock.Clock)
  if (canBeAdjusted(time)) return time
  const virtual = around(context)
  const guest = Option.getOrUndefined(Context.getOption(context, GuestClock))
  if (virtual === undefined || guest === undefined) return undefined
  const before = known.get(virtual)
  // In a hold the clock is the live one.
  if (before !== undefined || time === live) return before
  const clock = new AdjustableClock(time, virtual, guest.sync, byItself(time, guest.sync))
  known.set(virtual, clock)
  return clock
}

/** Runs `effect` with a clock that can be adjusted, if it runs on simulated time. */
export const provided = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const clock = find(fiber.context)
    return clock === undefined ? effect : Effect.provideService(effect, Clock.Clock, clock)
  })
