/**
 * Processes of a guest: named fibers that can be interrupted.
 *
 * A process is a fiber that the guest waits for, and whose failure is the guest's. Another one can interrupt what it
 * waits for, and it can survive that.
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
import type * as Scope from "effect/Scope"
import type { OptionError } from "../core/Fault.ts"
import type { AnyFiber } from "../internal/platform/Suspension.ts"
import { badDuration, badFlag, badName } from "../internal/services/Checks.ts"
import { inNanos } from "../internal/services/Times.ts"
import * as Operation from "../internal/simulation/Operation.ts"
import type { Running } from "../internal/simulation/ProcessTable.ts"
import { Self } from "../internal/simulation/Self.ts"
import { Timer } from "../internal/simulation/Timer.ts"

export { Interrupted, type Operation } from "../internal/simulation/Operation.ts"

/** A process of a guest. `E` is what its effect fails with. */
export interface Process<A = unknown, E = unknown> {
  /** Not its own alone: several may have the same. */
  readonly name: string
  /** Waits for it to end: what it came to. While somebody waits for it, its failure is theirs and not the guest's. */
  readonly join: Operation.Operation<A, E | Operation.Interrupted>
  /**
   * Interrupts it. What it waits for fails with `Interrupted`, if that is an operation (a hold, a request) or in a
   * `Process.interruptible`; the innermost of those that it is in. If it is in none, the process ends, and has failed
   * with it. False, if the process has ended already. The process goes on, with that, after whoever called this waits.
   */
  readonly interrupt: (cause?: unknown) => Effect.Effect<boolean>
  /** Whether it has ended. */
  readonly hasEnded: () => boolean
}

/** How a process is. */
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

  readonly interrupt = (cause?: unknown): Effect.Effect<boolean> =>
    Effect.withFiber((fiber: AnyFiber) => Effect.sync(() => this.#running.interrupt(cause, callerOf(fiber))))

  readonly hasEnded = (): boolean => this.#running.exit !== undefined
}

const processOf = <A, E>(running: Running): Process<A, E> =>
  running.handle instanceof Handle ? running.handle : new Handle(running)

/** The name of the process that a fiber belongs to, if it is a guest's. */
const callerOf = (fiber: AnyFiber): string | undefined => {
  const self = Context.getOrUndefined(fiber.context as Context.Context<Self>, Self)
  return self?.processes.regionOf(fiber).running.name
}

/** The process that this is called in: that of the guest's program has the guest's name. */
export const self: Effect.Effect<Process, never, Self> = Effect.flatMap(
  Self,
  ({ processes }) =>
    Effect.withFiber((fiber: AnyFiber) => Effect.succeed(processOf(processes.regionOf(fiber).running))),
)

/**
 * Begins a process named `name`, of 1 character or more, that runs `effect`: at this time, as soon as the calling fiber
 * waits. It may go on when the one that began it has ended; its scope is closed, and what it holds of resources given
 * back, when it ends. If it fails and nobody joins it before time moves on, the guest fails.
 */
export const spawn = <A, E, R>(
  name: string,
  effect: Effect.Effect<A, E, R>,
  { daemon = false }: Options = {},
): Effect.Effect<Process<A, E>, OptionError, Exclude<R, Scope.Scope> | Self> =>
  Effect.flatMap(Self, ({ processes }) => {
    const bad = badName("the name of a process", name) ??
      badFlag(`daemon of ${Operation.titled(name)}`, daemon)
    if (bad !== undefined) return Effect.fail(bad)
    const running = processes.make(name, daemon)
    return Effect.as(processes.spawn(running, effect), processOf<A, E>(running))
  })

/**
 * Lets `duration` pass, as `Effect.sleep` does, but fails with `Interrupted` when its process is interrupted: `left` says
 * how much of it was left. One of `Infinity` ends by that alone. One that is no duration from 0 on is an `OptionError`.
 */
export const hold = (duration: Duration.Input): Operation.Operation<void, OptionError> =>
  Operation.make("hold", (place, decide) => {
    const bad = badDuration("the duration of a hold", duration)
    if (bad !== undefined) {
      decide(Exit.fail(bad))
      return Operation.nothing
    }
    const timer = new Timer(place, inNanos(duration), () => decide(Exit.void))
    return { withdraw: () => timer.cancel(), undo: () => {}, left: () => timer.left }
  })

/**
 * Has interrupts of its process end `effect`, whatever that waits for, with its finalizers: then this fails with
 * `Interrupted`. Within it, operations and other interruptible parts that it is in come first.
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
