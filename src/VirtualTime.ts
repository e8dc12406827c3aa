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
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import type { OptionError, TimeOutOfRange } from "./core/Fault.ts"
import { traits } from "./core/Modes.ts"
import { type ClockError, GuestClock } from "./GuestClock.ts"
import { chance } from "./internal/platform/SeededRandom.ts"
import * as RealTime from "./internal/platform/RealTime.ts"
import * as Requests from "./internal/platform/Requests.ts"
import { interruptBecause } from "./internal/platform/Suspension.ts"
import { Interrupts } from "./services/Interrupts.ts"
import { badDuration, badPace } from "./internal/services/Checks.ts"
import { checked } from "./internal/services/Times.ts"
import { GuestTime, HandlersTime } from "./internal/virtual/GuestTime.ts"
import { badIn, type Options } from "./internal/virtual/Options.ts"
import type * as Order from "./internal/virtual/Order.ts"
import { Runner } from "./internal/virtual/Runner.ts"
import { inMillis, settings, type Surroundings } from "./internal/virtual/Settings.ts"
import * as Stuck from "./internal/virtual/Stuck.ts"

export { type Options } from "./internal/virtual/Options.ts"
export { type Decision, type Order } from "./internal/virtual/Order.ts"
export {
  Deadlock,
  HoldTimedOut,
  LimitReached,
  Livelock,
  Stalled,
  type Stuck,
  TimersPending,
  type Waiting,
} from "./internal/virtual/Stuck.ts"

/**
 * The options of a hold.
 *
 * @since 0.1.0
 * @category models
 */
export interface HoldOptions {
  /** What it is for: named by errors. Default: `hold`. */
  readonly name?: string
  /** The most real time that it may take, from 0 on. Default: 30 seconds. */
  readonly cap?: Duration.Input
}

/**
 * Simulated time, for a program that runs on it.
 *
 * @since 0.1.0
 * @category models
 */
export interface VirtualTime {
  /** See {@link hold}. */
  readonly hold: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: HoldOptions,
  ) => Effect.Effect<A, E | Stuck.HoldTimedOut, R>
  /** Freezes simulated time until the result is called: what a hold comes to, without its cap. */
  readonly freeze: () => () => void
  /** The same, and no fiber runs on it either: for a step of one that others take no part in, though it waits for the world. */
  readonly suspend: () => () => void
  /** The fibers that sleep, and until when. */
  readonly sleeping: Effect.Effect<ReadonlyArray<Stuck.Waiting>>
  /** Every decision made so far between things that were ready at the same instant. */
  readonly decisions: Effect.Effect<ReadonlyArray<Order.Decision>>
  /** How often time has moved to something that was due. */
  readonly events: Effect.Effect<number>
  /**
   * Sets the wall clock, in ns since 1970, as somebody does who corrects it: `Clock.currentTimeMillis` and `DateTime.now`
   * go on from there, forwards or back. Sleeps and the monotonic clock don't notice. Fails with `TimeOutOfRange`
   * outside of 64 bits.
   */
  readonly setWallClock: (to: bigint) => Effect.Effect<void, TimeOutOfRange>
  /** Simulated seconds a real second from now on, 10^-9 to 10^9; none: as fast as it goes. */
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

/**
 * The service: simulated time.
 *
 * @since 0.1.0
 * @category services
 */
export const VirtualTime: Context.Service<VirtualTime, VirtualTime> = Context.Service<VirtualTime>(
  "guest-clock/VirtualTime",
)

/** A program's time. */
interface Made {
  readonly context: Context.Context<VirtualTime>
  readonly runner: Runner
}

/** Called when a program can't go on. */
type Told = Pick<Surroundings, "onStuck" | "onFault">

const make = (
  options: Options,
  told: Told,
): Effect.Effect<Made, OptionError, GuestClock | Interrupts | Scope.Scope> =>
  Effect.gen(function* () {
    const bad = badIn(options)
    if (bad !== undefined) return yield* Effect.fail(bad)
    const clock = yield* GuestClock
    const interrupts = yield* Interrupts
    const requests = (options.requests ?? "ignore") === "ignore" ? undefined : Requests.start()
    if (requests !== undefined) yield* Effect.addFinalizer(() => Effect.sync(requests.stop))
    const report = (name: string, text: string) => clock.trace?.note(clock.sync.now, { _tag: "Report", name, text })
    const warn = (text: string) => void fork(Effect.logWarning(`guest-clock: ${text}`))
    const runner: Runner = new Runner(
      clock,
      interrupts,
      settings(options, {
        clock,
        requests,
        onStuck: (why) => {
          report(why._tag, why.message)
          told.onStuck(why)
        },
        onFault: told.onFault,
        onStalled: (why) => {
          if (options.stalled === "fail") return runner.supervisor.fail(why)
          report(why._tag, why.message)
          warn(why.message)
        },
        onRequests: warn,
        fork: (effect) => fork(effect, { uninterruptible: true }),
      }),
    )
    // The first read of the wall clock may ask the calendar (SPEC 11.2), for which plain code can't wait. Of a dead clock
    // the program hears by itself.
    yield* Effect.ignore(clock.wallClock)
    const time = new GuestTime(clock, runner, options)
    // Handlers run outside of the program's fibers, and see its time all the same.
    const around = yield* Effect.context<never>()
    // Where real time and others decide nothing, neither does chance: no seed is a seed, too.
    const drawn = chance(options.seed, traits[clock.mode].isReproducible ? 0 : undefined, around)
    const outside = around.pipe(Context.merge(RealTime.context), Context.merge(drawn))
    const fork = Effect.runForkWith(Context.add(outside, Clock.Clock, new HandlersTime(time)))
    yield* Effect.addFinalizer(() => Effect.sync(() => runner.stop()))

    const service: VirtualTime = {
      hold: (effect, { name = "hold", cap = "30 seconds" } = {}) => {
        const bad = badDuration("cap", cap)
        if (bad !== undefined) return Effect.die(bad)
        return Effect.acquireUseRelease(
          Effect.sync(() => {
            clock.trace?.note(clock.sync.now, { _tag: "Hold", name })
            return runner.control.hold(name, inMillis(cap))
          }),
          () =>
            effect.pipe(
              Effect.timeoutOrElse({
                duration: cap,
                orElse: () => Effect.fail(new Stuck.HoldTimedOut(name, inMillis(cap), runner.supervisor.pending())),
              }),
              // What waits for the world waits in the world's time.
              Effect.provideService(Clock.Clock, RealTime.clock),
            ),
          (release) =>
            Effect.sync(() => {
              clock.trace?.note(clock.sync.now, { _tag: "Release", name })
              release()
            }),
        )
      },
      freeze: () => runner.control.hold("freeze"),
      suspend: () => runner.suspend(),
      sleeping: Effect.sync(() => runner.supervisor.pending()),
      decisions: Effect.sync(() => runner.decisions),
      events: Effect.sync(() => runner.events),
      setPace: (factor) =>
        Effect.suspend(() => {
          const bad = badPace(factor)
          if (bad !== undefined) return Effect.fail(bad)
          runner.control.setPace(factor)
          return Effect.void
        }),
      setWallClock: (to) => checked(to, (at) => Effect.sync(() => time.setWallClock(at))),
      pause: Effect.withFiber((fiber) => Effect.sync(() => runner.control.pause(runner.runs(fiber)))),
      resume: Effect.sync(() => runner.control.resume()),
      step: Effect.withFiber((fiber) =>
        Effect.callback((resume) => runner.control.step(runner.runs(fiber), () => resume(Effect.void)))
      ),
    }
    const context = Context.make(VirtualTime, service).pipe(
      Context.add(Clock.Clock, time),
      Context.add(Scheduler.Scheduler, runner),
      Context.merge(drawn),
    )
    return { context, runner }
  })

/**
 * Runs `effect` in real time, and in none of the simulated time around it, if there is any: to the program that runs
 * it, that is a computation, however long it takes.
 *
 * @internal
 */
export const takingNoTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    Effect.serviceOption(VirtualTime),
    (around) =>
      Option.isNone(around) ? RealTime.inRealTime(effect) : Effect.acquireUseRelease(
        Effect.sync(around.value.freeze),
        () => RealTime.inRealTime(effect),
        (release) => Effect.sync(release),
      ),
  )

/**
 * What a run can fail with beside what its program does: it is stuck, the clock is dead, or an option can't be.
 *
 * @since 0.1.0
 * @category errors
 */
export type RunError = Stuck.Stuck | ClockError | OptionError

/**
 * Runs a program on the simulated time of the clock around it. If it can't go on
 * it fails with the reason: a deadlock, a livelock, a limit, or the clock's fault.
 *
 * It ends when the program does. Fibers that the program has left asleep then
 * never wake up, unless `timersAtEnd` says that it is an error to leave any.
 *
 * **When to use**
 *
 * Use it to run a program of hours or years in an instant, with `Effect.sleep`, schedules, time-outs and `Clock` as they
 * are. The layer says what time costs: mostly `Mode.infCpu`. Tests have `it.simulated` of `guest-clock/testing` instead.
 *
 * **Gotchas**
 *
 * Time moves when no fiber can run. A wait for the real world that isn't known for one needs {@link hold}, or time moves on
 * before it is over.
 *
 * @example
 * ```ts
 * import { Clock, Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   yield* Effect.sleep("1 day")
 *   console.log(yield* Clock.monotonicTimeNanos) // 86400000000000n
 * })
 * await Effect.runPromise(Effect.provide(VirtualTime.run(program), Mode.infCpu()))
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const run = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  options: Options = {},
): Effect.Effect<A, E | RunError, Exclude<R, VirtualTime> | GuestClock | Interrupts> =>
  takingNoTime(Effect.scopedWith((scope) =>
    Effect.gen(function* () {
      const stuck = yield* Deferred.make<never, Stuck.Stuck | ClockError>()
      // Done when it couldn't even end.
      const stuckAgain = yield* Deferred.make<void>()
      let isEnding = false
      const made = make(options, {
        onStuck: (why) => {
          if (isEnding || !Deferred.doneUnsafe(stuck, Effect.fail(why))) Deferred.doneUnsafe(stuckAgain, Effect.void)
        },
        onFault: (cause) => Deferred.doneUnsafe(stuck, Effect.failCause(cause as Cause.Cause<ClockError>)),
      })
      const { context, runner } = yield* Scope.provide(made, scope)
      const main = Effect.withFiber((fiber) => {
        runner.supervisor.watch.main = fiber
        return program
      })
      const fiber = yield* Effect.forkDetach(Effect.provideContext(main, context), { startImmediately: true })
      runner.wake()
      // A program that is stuck is interrupted; but if it can't end either, nobody waits for it.
      const end = Effect.suspend(() => {
        isEnding = true
        runner.forgive()
        return Effect.raceFirst(Fiber.interrupt(fiber), Deferred.await(stuckAgain))
      })
      const result = yield* Effect.onExit(
        Effect.raceFirst(Fiber.join(fiber), Deferred.await(stuck)),
        (exit) => exit._tag === "Success" ? Effect.void : end,
      )
      if (options.timersAtEnd !== "fail") return result
      const sleeping = runner.supervisor.pending()
      return sleeping.length === 0 ? result : yield* Effect.fail(new Stuck.TimersPending(sleeping))
    })
  )) as Effect.Effect<A, E | RunError, Exclude<R, VirtualTime> | GuestClock | Interrupts>

const layerInterrupting = (options: Options): Layer.Layer<VirtualTime, OptionError, GuestClock | Interrupts> =>
  layerTelling(options, (why, runner) =>
    Effect.andThen(
      Effect.logError(Cause.pretty(why)),
      Effect.sync(() => {
        for (const fiber of runner.supervisor.watch.alive()) interruptBecause(fiber, Cause.squash(why))
      }),
    ))

/**
 * As {@link layer}, but `onStuck` is run when fibers can't go on, each time that they can't.
 *
 * @internal
 */
export const layerTelling = (
  options: Options,
  onStuck: (why: Cause.Cause<unknown>, runner: Runner) => Effect.Effect<void>,
): Layer.Layer<VirtualTime, OptionError, GuestClock | Interrupts> =>
  Layer.effectContext(Effect.gen(function* () {
    const fork = Effect.runForkWith(Context.merge(yield* Effect.context<never>(), RealTime.context))
    const tell = (why: Cause.Cause<unknown>) => {
      // Not here, in the middle of a runner's work.
      fork(Effect.andThen(
        Effect.yieldNow,
        Effect.suspend(() => {
          runner.forgive()
          return onStuck(why, runner)
        }),
      ))
    }
    const { context, runner } = yield* make(options, { onStuck: (why) => tell(Cause.fail(why)), onFault: tell })
    runner.wake()
    return context
  }))

const layers = new WeakMap<GuestClock, Layer.Layer<VirtualTime, never, GuestClock | Interrupts>>()

/** With the defaults of {@link Options}: one for each clock, however often it is provided with that. */
const layerOfClock: Layer.Layer<VirtualTime, never, GuestClock | Interrupts> = Layer.fresh(
  Layer.unwrap(Effect.map(GuestClock, (clock) => {
    // Layers are shared by who they are, so one layer for all would have a program within another on that one's clock.
    const made = layers.get(clock) ?? Layer.orDie(layerInterrupting({}))
    layers.set(clock, made)
    return made
  })),
)

/**
 * Simulated time as a layer, for a program that is put together from layers.
 *
 * **When to use**: where a program is run by something else than {@link run}: a server, a test framework, a `Layer.launch`.
 *
 * **Details**: without options there is one for each clock, however often it is provided with that. With options it fails
 * with an `OptionError` that names what can't be.
 *
 * **Gotchas**: fibers that can't go on are interrupted, each time that they can't. The reason is logged, and is a defect
 * in the cause with which they end; {@link run} has it in the error channel instead.
 *
 * @example
 * ```ts
 * import { Clock, Effect, Layer } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 *
 * const program = Effect.andThen(Effect.sleep("1 day"), Clock.currentTimeMillis)
 * const time = Layer.provide(VirtualTime.layer({ limits: { simulatedTime: "2 days" } }), Mode.infCpu({ start: 0n }))
 * console.log(await Effect.runPromise(Effect.provide(program, time))) // 86400000
 * ```
 *
 * @category layers
 * @since 0.2.0
 */
export const layer: {
  (): Layer.Layer<VirtualTime, never, GuestClock | Interrupts>
  (options: Options): Layer.Layer<VirtualTime, OptionError, GuestClock | Interrupts>
} = (options?: Options): Layer.Layer<VirtualTime, never, GuestClock | Interrupts> =>
  options === undefined
    ? layerOfClock
    // The first signature says that without options nothing can be wrong with them.
    : layerInterrupting(options) as Layer.Layer<VirtualTime, never, GuestClock | Interrupts>

/**
 * Freezes simulated time while `effect` waits for the real world: a request, a
 * database, another process. Its own sleeps and time-outs are in real time.
 *
 * Holds can be nested, and end on failure and interruption as well. One that
 * takes longer than its cap fails with `HoldTimedOut`, which names it; a cap that is no
 * duration from 0 on is an `OptionError`, as a defect.
 *
 * **When to use**
 *
 * Use it around a wait for the real world that isn't held by itself; docs/virtual-time.md says which are.
 *
 * @example
 * ```ts
 * import { Clock, Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 *
 * const answer = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20, "an answer")))
 * const program = Effect.gen(function*() {
 *   console.log(yield* VirtualTime.hold(answer), yield* Clock.monotonicTimeNanos) // an answer 0n
 * })
 * await Effect.runPromise(Effect.provide(VirtualTime.run(program), Mode.infCpu()))
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const hold = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options?: HoldOptions,
): Effect.Effect<A, E | Stuck.HoldTimedOut, R | VirtualTime> =>
  Effect.flatMap(VirtualTime, (time) => time.hold(effect, options))

/**
 * Sets the wall clock of simulated time, in ns since 1970, as a leap second, NTP or a user does.
 * `Clock.currentTimeMillis` and `DateTime.now` go on from there, forwards or back; sleeps and the monotonic clock don't
 * notice. Fails with `TimeOutOfRange` outside of 64 bits.
 *
 * **When to use**
 *
 * Use it to see what a program does when its time of day is corrected.
 *
 * @example
 * ```ts
 * import { Clock, Effect } from "effect"
 * import { Mode, VirtualTime } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   yield* Effect.sleep("1 hour")
 *   yield* VirtualTime.setWallClock(0n)
 *   yield* Effect.sleep("1 second")
 *   console.log(yield* Clock.currentTimeMillis, yield* Clock.monotonicTimeNanos) // 1000 3601000000000n
 * })
 * await Effect.runPromise(Effect.provide(VirtualTime.run(program), Mode.infCpu({ start: 0n })))
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const setWallClock = (to: bigint): Effect.Effect<void, TimeOutOfRange, VirtualTime> =>
  Effect.flatMap(VirtualTime, (time) => time.setWallClock(to))
