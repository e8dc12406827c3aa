/**
 * Processes of a guest: named fibers that can be interrupted.
 *
 * The guest waits for its processes, and fails if one of them fails. A process can interrupt what another one waits for,
 * which that one can catch.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Process, World } from "guest-clock/simulation"
 *
 * const boat = Guest.make("boat", Effect.gen(function*() {
 *   const fisher = yield* Process.spawn("fisher", Effect.gen(function*() {
 *     yield* Process.hold("1 hour").pipe(
 *       Effect.catchTag("Interrupted", ({ cause, left }) => Effect.sync(() => console.log(cause, left))),
 *     )
 *   }))
 *   yield* Process.hold("20 minutes")
 *   yield* fisher.interrupt("a bite")
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [boat] }))) // a bite 2400000000000n
 * ```
 *
 * @module
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { OptionError } from "../core/Fault.ts"
import type { AnyFiber } from "../internal/platform/Suspension.ts"
import { badFlag, badName } from "../internal/services/Checks.ts"
import { Body, both, isLight, type Light, light as lightOf, result as resultOf } from "../internal/simulation/Frames.ts"
import * as Hold from "../internal/simulation/Hold.ts"
import type { AnyExit } from "../internal/simulation/Lightly.ts"
import { LightProcess } from "../internal/simulation/LightProcess.ts"
import * as Operation from "../internal/simulation/Operation.ts"
import { Running, type Table } from "../internal/simulation/Running.ts"
import { Self } from "../internal/simulation/Self.ts"

export { Interrupted, type Operation } from "../internal/simulation/Operation.ts"

/**
 * A process of a guest: its name, and what others can do with it. `E` is what its effect fails with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Process<A = unknown, E = unknown> {
  /** Several processes may have the same name. */
  readonly name: string
  /** Waits for it to end: what it came to. While somebody waits for it, its failure is theirs and not the guest's. */
  readonly join: Operation.Operation<A, E | Operation.Interrupted>
  /**
   * Interrupts it. What it waits for fails with `Interrupted`, if that is an operation (a hold, a request) or in a
   * `Process.interruptible`; the innermost of those that it is in. If it is in none, the process ends, and has failed
   * with it. False, if the process has ended already. The process goes on with the failure once the caller waits.
   */
  readonly interrupt: (cause?: unknown) => Effect.Effect<boolean>
  /** Whether it has ended. */
  readonly hasEnded: () => boolean
}

/**
 * The options of a process.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The guest doesn't wait for it to end: it is interrupted when the program and all others have. Default: false. */
  readonly daemon?: boolean
}

class Handle<A, E> implements Process<A, E> {
  readonly #running: Running

  constructor(running: Running) {
    this.#running = running
    running.handle = this
  }

  get name(): string {
    return this.#running.name
  }

  get join(): Operation.Operation<A, E | Operation.Interrupted> {
    const running = this.#running
    return Operation.make(`${Operation.titled(running.name)} to end`, (_, decide) => {
      const leave = running.join((exit) => decide(exit as Exit.Exit<A, E>))
      return { withdraw: leave, undo: leave }
    })
  }

  interrupt(cause?: unknown): Effect.Effect<boolean> {
    const running = this.#running
    return both(
      (fiber) => Effect.sync(() => running.interrupt(cause, callerOf(fiber))),
      ({ name }) => Exit.succeed(running.interrupt(cause, name)),
    )
  }

  hasEnded(): boolean {
    return this.#running.exit !== undefined
  }
}

const processOf = <A, E>(running: Running): Process<A, E> =>
  running.handle instanceof Handle ? running.handle : new Handle(running)

/** The name of the process that a fiber belongs to, if it is a guest's. */
const callerOf = (fiber: AnyFiber): string | undefined => {
  const self = Context.getOrUndefined(fiber.context as Context.Context<Self>, Self)
  return self?.processes.regionOf(fiber).running.name
}

/**
 * The process that this is called in: that of the guest's program has the guest's name.
 *
 * @since 0.1.0
 * @category processes
 */
export const self: Effect.Effect<Process, never, Self> = both(
  (fiber) => Effect.map(Self, ({ processes }) => processOf(processes.regionOf(fiber).running)),
  (own) => Exit.succeed(processOf(own)),
)

/**
 * Begins a process named `name`, of 1 character or more, that runs `effect`: at this time, as soon as the calling fiber
 * waits. It may go on when the one that began it has ended; its scope is closed, and what it holds of resources given
 * back, when it ends. If it fails and nobody joins it before time moves on, the guest fails.
 *
 * **When to use**
 *
 * Use it for what a guest does at the same time: its customers, machines or connections.
 *
 * **Gotchas**
 *
 * A process that fails, and that nobody joins, is a failure of the guest.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Process, World } from "guest-clock/simulation"
 *
 * const shop = Guest.make("shop", Effect.gen(function*() {
 *   const baking = yield* Process.spawn("baker", Effect.as(Process.hold("1 hour"), "bread"))
 *   console.log(yield* baking.join) // bread
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [shop] })))
 * ```
 *
 * @since 0.1.0
 * @category processes
 */
export const spawn = <A, E, R>(
  name: string,
  effect: Effect.Effect<A, E, R>,
  { daemon = false }: Options = {},
): Effect.Effect<Process<A, E>, OptionError, Exclude<R, Scope.Scope> | Self> => {
  const spawning: Effect.Effect<Process<A, E>, OptionError, Exclude<R, Scope.Scope> | Self> = both(
    (fiber) =>
      Effect.flatMap(Self, ({ processes }) => {
        const bad = badSpawn(name, daemon)
        if (bad !== undefined) return Effect.fail(bad)
        if (isLight(effect)) return Effect.succeed(spawnLight<A, E>(processes, name, effect, daemon, fiber.context))
        const running = new Running(processes, name, daemon)
        return Effect.as(processes.spawn(running, effect), processOf<A, E>(running))
      }),
    (own): AnyExit | undefined => {
      if (!isLight(effect)) return own.host(spawning)
      const bad = badSpawn(name, daemon)
      return bad === undefined ? Exit.succeed(spawnLight(own.table, name, effect, daemon, own.context)) : Exit.fail(bad)
    },
  )
  return spawning
}

const spawnLight = <A, E>(
  table: Table,
  name: string,
  { body }: Light,
  isDaemon: boolean,
  context: Context.Context<never>,
): Process<A, E> => {
  const own = new LightProcess(table, name, isDaemon, new Body(body), context)
  table.spawnLight(own)
  return processOf<A, E>(own)
}

const badSpawn = (name: string, daemon: boolean): OptionError | undefined =>
  badName("the name of a process", name) ??
    (daemon === true || daemon === false ? undefined : badFlag(`daemon of ${Operation.titled(name)}`, daemon))

/**
 * An effect of a generator, as `Effect.gen`. A process that is spawned with it is a light one: it does the same, in the
 * same order, and needs no fiber: a third of the time and a fifth of the memory are enough.
 *
 * What is made for processes is done at once: `hold`, what resources, containers and stores do, conditions,
 * `spawn`, `join`, `interrupt`, {@link result}, {@link interruptible}, and `Process.light` itself. Any other effect is run
 * by a fiber that the process then has, and costs what it costs elsewhere. As in `Effect.gen`, what fails ends it: ask for
 * the {@link result} of what may fail.
 *
 * **When to use**
 *
 * Use it for the body of a process of which there are many.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Process, Resource, World } from "guest-clock/simulation"
 *
 * const bank = Guest.make("bank", Effect.gen(function*() {
 *   const { now } = yield* Guest.Self
 *   const counter = yield* Resource.make("counter")
 *   for (const name of ["ann", "bob"]) {
 *     yield* Process.spawn(name, Process.light(function*() {
 *       yield* counter.use(Process.hold("5 minutes"))
 *       console.log(name, now() / 60_000_000_000n)
 *     }))
 *   }
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [bank] })))
 * // ann 5n
 * // bob 10n
 * ```
 *
 * @since 0.2.0
 * @category processes
 */
export const light = <Yielded extends Effect.Effect<unknown, unknown, unknown>, A>(
  body: () => Generator<Yielded, A, never>,
): Effect.Effect<A, Effect.Error<Yielded>, Effect.Services<Yielded>> =>
  lightOf(body as Light["body"]) as Effect.Effect<A, Effect.Error<Yielded>, Effect.Services<Yielded>>

/**
 * An effect that doesn't fail: what it came to, or what it failed with, as `Effect.result` has it. A light process does it
 * without a fiber, if it can the effect itself.
 *
 * @example
 * ```ts
 * import { Effect, Result } from "effect"
 * import { Guest, Process, World } from "guest-clock/simulation"
 *
 * const boat = Guest.make("boat", Effect.gen(function*() {
 *   const fisher = yield* Process.spawn("fisher", Process.light(function*() {
 *     const slept = yield* Process.result(Process.hold("1 hour"))
 *     if (Result.isFailure(slept) && slept.failure._tag === "Interrupted") console.log(slept.failure.cause) // a bite
 *   }))
 *   yield* Process.hold("20 minutes")
 *   yield* fisher.interrupt("a bite")
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [boat] })))
 * ```
 *
 * @since 0.2.0
 * @category processes
 */
export const result: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<Result.Result<A, E>, never, R> =
  resultOf

/**
 * Lets `duration` pass, as `Effect.sleep` does, but fails with `Interrupted` when its process is interrupted: `left` says
 * how much of it was left. One of `Infinity` ends by that alone. One that is no duration from 0 on is an `OptionError`.
 *
 * **When to use**
 *
 * Use it instead of `Effect.sleep` where other processes may interrupt the wait.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Process, World } from "guest-clock/simulation"
 *
 * const boat = Guest.make("boat", Effect.gen(function*() {
 *   const { now } = yield* Guest.Self
 *   yield* Process.hold("20 minutes")
 *   console.log(now()) // 1200000000000n
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [boat] })))
 * ```
 *
 * @since 0.1.0
 * @category processes
 */
export const hold = (duration: Duration.Input): Operation.Operation<void, OptionError> => Hold.hold(duration)

/**
 * Has interrupts of its process end `effect`, whatever that waits for, with its finalizers: then this fails with
 * `Interrupted`. Within it, operations and other interruptible parts that it is in come first.
 *
 * **When to use**
 *
 * Use it where an interrupt is to end more than one wait: a whole piece of work.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Process, World } from "guest-clock/simulation"
 *
 * const boat = Guest.make("boat", Effect.gen(function*() {
 *   const fisher = yield* Process.spawn("fisher", Effect.gen(function*() {
 *     const fishing = Effect.andThen(Effect.sleep("1 hour"), Effect.sleep("1 hour"))
 *     const error = yield* Effect.flip(Process.interruptible(fishing))
 *     console.log(error._tag, error.cause) // Interrupted a bite
 *   }))
 *   yield* Process.hold("90 minutes")
 *   yield* fisher.interrupt("a bite")
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [boat] })))
 * ```
 *
 * @since 0.1.0
 * @category processes
 */
export const interruptible = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | Operation.Interrupted, R | Self> =>
  Effect.flatMap(Self, ({ processes }) => processes.within(effect))

/**
 * Says what the process that this is called in does from now on, in a word or two, of 1 character or more: its state in a
 * trace (`guest-clock trace view`), until it says something else or ends. It takes no time, and changes nothing of what
 * the world does. An `OptionError` says what is wrong with `name`.
 *
 * **When to use**
 *
 * Use it to see in a trace what a process was about, and for how long.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Process, World } from "guest-clock/simulation"
 * import * as Trace from "guest-clock/trace"
 *
 * const oven = Guest.make("oven", Effect.gen(function*() {
 *   yield* Process.state("heating")
 *   yield* Process.hold("10 minutes")
 *   yield* Process.state("baking")
 *   yield* Process.hold("1 hour")
 * }))
 * const ring = Trace.ring(100)
 * await Effect.runPromise(Effect.provide(World.run(World.make({ guests: [oven] })), Trace.to(ring)))
 * for (const { time, what } of ring.trace().records) if (what._tag === "Doing") console.log(time, what.state)
 * // 0n heating
 * // 600000000000n baking
 * ```
 *
 * @since 0.2.0
 * @category tracing
 */
export const state = (name: string): Effect.Effect<void, OptionError, Self> =>
  Effect.flatMap(Self, ({ processes }) =>
    Effect.withFiber((fiber: AnyFiber) => {
      const bad = badName("the state of a process", name)
      if (bad !== undefined) return Effect.fail(bad)
      const { id: pid } = processes.regionOf(fiber).running
      processes.trace.tell?.({ _tag: "Doing", pid, state: name })
      return Effect.void
    }))
