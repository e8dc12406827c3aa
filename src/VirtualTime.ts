/**
 * Effect's own clock and scheduler on a guest's clock: any program, with its
 * sleeps, schedules, time-outs and fibers, runs on simulated time as it is.
 *
 * Time moves when no fiber can run and all promises have come to rest, and then
 * straight to what is due next. So a day of cron jobs takes milliseconds, and
 * happens the same way each time.
 *
 * @example
 * ```ts
 * import { Console, DateTime, Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   yield* Effect.sleep("1 day")
 *   yield* Console.log(DateTime.formatIso(yield* DateTime.now)) // 1970-01-02T00:00:00.000Z
 * })
 * const simulated = VirtualTime.run(program).pipe(Effect.provide(Mode.infCpu({ start: 0n })))
 * await Effect.runPromise(simulated)
 * ```
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import type { OptionError } from "./core/Fault.ts"
import { inNanos } from "./services/Times.ts"
import { type ClockError, type Direct, GuestClock } from "./GuestClock.ts"
import { chance } from "./platform/Chance.ts"
import { Interrupts } from "./services/Interrupts.ts"
import { badIn, badPace, type Options } from "./virtual/Options.ts"
import * as Order from "./virtual/Order.ts"
import { Runner } from "./virtual/Runner.ts"
import { Sleep } from "./virtual/Sleeper.ts"
import * as Stuck from "./virtual/Stuck.ts"

export { type Options } from "./virtual/Options.ts"
export { type Decision, type Order } from "./virtual/Order.ts"
export {
  Deadlock,
  HoldTimedOut,
  LimitReached,
  Livelock,
  type Stuck,
  TimersPending,
  type Waiting,
} from "./virtual/Stuck.ts"

/** How a hold is made. */
export interface HoldOptions {
  /** What it is for: named by errors. Default: `hold`. */
  readonly name?: string
  /** The most real time that it may take. Default: 30 seconds. */
  readonly cap?: Duration.Input
}

/** Simulated time, for a program that runs on it. */
export interface VirtualTime {
  /** See {@link hold}. */
  readonly hold: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: HoldOptions,
  ) => Effect.Effect<A, E | Stuck.HoldTimedOut, R>
  /** Freezes simulated time until the result is called: what a hold comes to, without its cap. */
  readonly freeze: () => () => void
  /** The fibers that sleep, and until when. */
  readonly sleeping: Effect.Effect<ReadonlyArray<Stuck.Waiting>>
  /** Every decision made so far between things that were ready at the same instant. */
  readonly decisions: Effect.Effect<ReadonlyArray<Order.Decision>>
  /** How often time has moved to something that was due. */
  readonly events: Effect.Effect<number>
  /** Simulated seconds a real second from now on, greater than 0; none: as fast as it goes. */
  readonly setPace: (factor: number | undefined) => Effect.Effect<void, OptionError>
  /** Time stands still from now on; fibers that can run do. */
  readonly pause: Effect.Effect<void>
  /** Time goes on. */
  readonly resume: Effect.Effect<void>
  /**
   * Pauses, and lets time move once, to what is due next. Ends when all that
   * follows from it has come to rest: to be used from outside of the program.
   */
  readonly step: Effect.Effect<void>
}

/** The service: simulated time. */
export const VirtualTime: Context.Service<VirtualTime, VirtualTime> = Context.Service<VirtualTime>(
  "guest-clock/VirtualTime",
)

const MILLI = 1_000_000n

class GuestTime implements Clock.Clock {
  readonly currentTimeMillis: Effect.Effect<number>
  readonly currentTimeNanos: Effect.Effect<bigint>
  readonly monotonicTimeNanos: Effect.Effect<bigint>
  readonly #direct: Direct
  readonly #runner: Runner

  constructor(clock: GuestClock, runner: Runner, readsCostTime: boolean) {
    this.#direct = clock.direct
    this.#runner = runner
    const read = <A>(f: () => A): Effect.Effect<A> => {
      const counted = Effect.sync(() => {
        runner.read()
        return f()
      })
      if (!readsCostTime) return counted
      const costly = Effect.andThen(Effect.orDie(clock.readClockSource), counted)
      return Effect.suspend(() => runner.isHeld ? counted : costly)
    }
    this.currentTimeMillis = read(() => this.currentTimeMillisUnsafe())
    this.currentTimeNanos = read(() => this.currentTimeNanosUnsafe())
    this.monotonicTimeNanos = read(() => this.monotonicTimeNanosUnsafe())
  }

  currentTimeMillisUnsafe(): number {
    return Number(this.#direct.wallClock() / MILLI)
  }

  currentTimeNanosUnsafe(): bigint {
    return this.#direct.wallClock()
  }

  monotonicTimeNanosUnsafe(): bigint {
    return this.#direct.now
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const { value } = duration
    // All sleeps come through here, and most are in ns already.
    const nanos = value._tag === "Nanos" ? value.nanos : inNanos(duration)
    if (nanos <= 0n) return Effect.yieldNow
    return new Sleep(this.#runner, nanos)
  }
}

/** The time as handlers see it: they run while the guest can't sleep. */
class HandlersTime implements Clock.Clock {
  readonly currentTimeMillis: Effect.Effect<number>
  readonly currentTimeNanos: Effect.Effect<bigint>
  readonly monotonicTimeNanos: Effect.Effect<bigint>
  readonly #time: Clock.Clock
  constructor(time: Clock.Clock) {
    this.#time = time
    this.currentTimeMillis = Effect.sync(() => time.currentTimeMillisUnsafe())
    this.currentTimeNanos = Effect.sync(() => time.currentTimeNanosUnsafe())
    this.monotonicTimeNanos = Effect.sync(() => time.monotonicTimeNanosUnsafe())
  }
  currentTimeMillisUnsafe(): number {
    return this.#time.currentTimeMillisUnsafe()
  }
  currentTimeNanosUnsafe(): bigint {
    return this.#time.currentTimeNanosUnsafe()
  }
  monotonicTimeNanosUnsafe(): bigint {
    return this.#time.monotonicTimeNanosUnsafe()
  }
  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.die(
      new Error(
        `a handler can't sleep (for ${Duration.format(duration)}): use clock.ndelay, or add an event for later`,
      ),
    )
  }
}

/** A program's time, and how it ends if the program can't go on. */
interface Made {
  readonly context: Context.Context<VirtualTime>
  readonly runner: Runner
  readonly stuck: Deferred.Deferred<never, Stuck.Stuck | ClockError>
  /** Done when it couldn't even end. */
  readonly stuckAgain: Deferred.Deferred<void>
}

const inMillis = (duration: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(duration))

const make = (options: Options): Effect.Effect<Made, OptionError, GuestClock | Interrupts | Scope.Scope> =>
  Effect.gen(function* () {
    const bad = badIn(options)
    if (bad !== undefined) return yield* Effect.fail(bad)
    const clock = yield* GuestClock
    const interrupts = yield* Interrupts
    const hostTime = yield* Clock.Clock
    const stuck = yield* Deferred.make<never, Stuck.Stuck | ClockError>()
    const stuckAgain = yield* Deferred.make<void>()
    const { simulatedTime, realTime, events } = options.limits ?? {}
    const runner: Runner = new Runner(clock, interrupts, {
      order: options.order ?? (options.seed === undefined ? Order.fifo : { _tag: "Seeded", seed: options.seed }),
      limits: {
        ...simulatedTime !== undefined && { simulated: clock.direct.now + inNanos(simulatedTime) },
        ...realTime !== undefined && { realMs: inMillis(realTime) },
        ...events !== undefined && { events },
      },
      livelockAfter: options.livelockAfter ?? 1_000_000,
      deadlockAfterMs: inMillis(options.deadlockAfter ?? "100 millis"),
      pace: options.pace,
      onStuck: (why) => {
        clock.trace?.note(clock.direct.now, { _tag: "Report", name: why._tag, text: why.message })
        if (!Deferred.doneUnsafe(stuck, Effect.fail(why))) Deferred.doneUnsafe(stuckAgain, Effect.void)
      },
      onFault: (cause) => Deferred.doneUnsafe(stuck, Effect.failCause(cause as Cause.Cause<ClockError>)),
      fork: (effect) => fork(effect, { uninterruptible: true }),
    })
    const time = new GuestTime(clock, runner, options.readsCostTime ?? false)
    const around = yield* Effect.context<never>()
    // Where real time and others decide nothing, neither does chance: no seed is a seed, too.
    const drawn = chance(options.seed, clock.mode === "inf-cpu" ? 0 : undefined, around)
    // Handlers run outside of the program's fibers, and see its time all the same.
    const outside = Context.add(Context.merge(around, drawn), Clock.Clock, new HandlersTime(time))
    const fork = Effect.runForkWith(outside)
    yield* Effect.addFinalizer(() => Effect.sync(() => runner.stop()))

    const service: VirtualTime = {
      hold: (effect, { name = "hold", cap = "30 seconds" } = {}) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            clock.trace?.note(clock.direct.now, { _tag: "Hold", name })
            return runner.hold()
          }),
          () =>
            effect.pipe(
              Effect.timeoutOrElse({
                duration: cap,
                orElse: () => Effect.fail(new Stuck.HoldTimedOut(name, inMillis(cap))),
              }),
              // What waits for the world waits in the world's time.
              Effect.provideService(Clock.Clock, hostTime),
            ),
          (release) =>
            Effect.sync(() => {
              clock.trace?.note(clock.direct.now, { _tag: "Release", name })
              release()
            }),
        ),
      freeze: () => runner.hold(),
      sleeping: Effect.sync(() => runner.pending()),
      decisions: Effect.sync(() => runner.decisions),
      events: Effect.sync(() => runner.events),
      setPace: (factor) =>
        Effect.suspend(() => {
          const bad = badPace(factor)
          if (bad !== undefined) return Effect.fail(bad)
          runner.setPace(factor)
          return Effect.void
        }),
      pause: Effect.sync(() => runner.pause()),
      resume: Effect.sync(() => runner.resume()),
      step: Effect.callback((resume) => runner.step(() => resume(Effect.void))),
    }
    const context = Context.make(VirtualTime, service).pipe(
      Context.add(Clock.Clock, time),
      Context.add(Scheduler.Scheduler, runner),
      Context.merge(drawn),
    )
    return { context, runner, stuck, stuckAgain }
  })

/** What a run can fail with beside what its program does: it is stuck, the clock is dead, or an option can't be. */
export type RunError = Stuck.Stuck | ClockError | OptionError

/**
 * Runs a program on the simulated time of the clock around it. If it can't go on
 * it fails with the reason: a deadlock, a livelock, a limit, or the clock's fault.
 *
 * It ends when the program does. Fibers that the program has left asleep then
 * never wake up, unless `timersAtEnd` says that it is an error to leave any.
 */
export const run = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  options: Options = {},
): Effect.Effect<A, E | RunError, Exclude<R, VirtualTime> | GuestClock | Interrupts> =>
  Effect.scopedWith((scope) =>
    Effect.gen(function* () {
      const { context, runner, stuck, stuckAgain } = yield* Scope.provide(make(options), scope)
      const fiber = yield* Effect.forkDetach(Effect.provideContext(program, context), { startImmediately: true })
      runner.wake()
      // A program that is stuck is interrupted; but if it can't end either, nobody waits for it.
      const end = Effect.suspend(() => {
        runner.forgive()
        return Effect.raceFirst(Fiber.interrupt(fiber), Deferred.await(stuckAgain))
      })
      const result = yield* Effect.onExit(
        Effect.raceFirst(Fiber.join(fiber), Deferred.await(stuck)),
        (exit) => exit._tag === "Success" ? Effect.void : end,
      )
      const sleeping = runner.pending()
      if (options.timersAtEnd === "fail" && sleeping.length > 0) {
        return yield* Effect.fail(new Stuck.TimersPending(sleeping))
      }
      return result
    })
  ) as Effect.Effect<A, E | RunError, Exclude<R, VirtualTime> | GuestClock | Interrupts>

/**
 * Simulated time as a layer, for a program that is put together from layers. One
 * that can't go on is interrupted after the reason was logged; {@link run} has it
 * in the error channel instead.
 */
export const layerWith = (
  options: Options,
): Layer.Layer<VirtualTime, OptionError, GuestClock | Interrupts> =>
  Layer.effectContext(Effect.gen(function* () {
    const { context, runner, stuck } = yield* make(options)
    yield* Effect.forkScoped(
      Effect.catchCause(Deferred.await(stuck), (cause) =>
        Effect.andThen(
          Effect.logError(Cause.pretty(cause)),
          Effect.sync(() => {
            runner.forgive()
            runner.interruptAll()
          }),
        )),
    )
    runner.wake()
    return context
  }))

/** Simulated time as a layer, with the defaults of {@link Options}. */
export const layer: Layer.Layer<VirtualTime, never, GuestClock | Interrupts> = Layer.orDie(layerWith({}))

/**
 * Freezes simulated time while `effect` waits for the real world: a request, a
 * database, another process. Its own sleeps and time-outs are in real time.
 *
 * Holds can be nested, and end on failure and interruption as well. One that
 * takes longer than its cap fails with `HoldTimedOut`, which names it.
 */
export const hold = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options?: HoldOptions,
): Effect.Effect<A, E | Stuck.HoldTimedOut, R | VirtualTime> =>
  Effect.flatMap(VirtualTime, (time) => time.hold(effect, options))
