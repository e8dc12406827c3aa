/**
 * The table of a guest's processes, fibers and light ones: it starts them, knows what each waits for, and fails the
 * guest when a process fails that nobody joins.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { event, type GuestClock } from "../../GuestClock.ts"
import { type AnyFiber, callback } from "../platform/Suspension.ts"
import type { Runner } from "../virtual/Runner.ts"
import type { Others } from "../virtual/Supervisor.ts"
import type { Waiting } from "../virtual/Stuck.ts"
import { failed, type GuestFailed, textOf } from "./Failure.ts"
import { both, Within } from "./Frames.ts"
import { LightRegion } from "./LightRegion.ts"
import { type Interrupted, titled } from "./Interrupted.ts"
import { ProcessTrace } from "./ProcessTrace.ts"
import { CurrentRegion, Region, Running, type Spawned, type Table, within } from "./Running.ts"
import type { Statistics } from "./Statistics.ts"

/** Has something done when a scope is closed, or until the result is called. */
const closing = (scope: Scope.Scope, effect: Effect.Effect<void>): () => void => {
  const own = Scope.forkUnsafe(scope)
  let isOver = false
  Effect.runSync(Scope.addFinalizer(own, Effect.suspend(() => isOver ? Effect.void : effect)))
  return () => {
    isOver = true
    Scope.closeUnsafe(own, Exit.void)
  }
}

/** A guest's processes. */
export class ProcessTable implements Table, Others {
  readonly guest: string
  readonly statistics: Statistics
  /** The guest's program. */
  readonly main: Running
  /** What each fiber waits for, for people. */
  readonly waits: Map<AnyFiber, string> = new Map()
  /** What there is by name: resources, containers and stores. */
  readonly names: Set<string> = new Set()
  /** A process has failed that nobody waits for: the guest does by that. */
  failure: GuestFailed | undefined
  #clock: GuestClock | undefined
  #runner: Runner | undefined
  #scope: Scope.Scope | undefined
  /** How many processes there are that the guest waits for, and who waits for that. */
  #awaited = 0
  #onNone: (() => void) | undefined
  /** What its trace is told. */
  readonly trace: ProcessTrace = new ProcessTrace((fiber) => this.regionOf(fiber).running)
  #nextProcess = 0
  /** The light processes that haven't ended. */
  readonly #light = new Set<Spawned>()
  #endLight: (() => void) | undefined

  constructor(guest: string, statistics: Statistics) {
    this.guest = guest
    this.statistics = statistics
    this.main = new Running(this, guest, false)
  }

  /** The next number of a process: 0 is the program's. */
  nextId(): number {
    return this.#nextProcess++
  }

  /** The guest's time, in ns. */
  get now(): bigint {
    return this.#clock!.sync.now
  }

  get runner(): Runner {
    return this.#runner!
  }

  /** The part of a process that a fiber is in. */
  regionOf(fiber: AnyFiber): Region {
    return fiber.getRef(CurrentRegion) ?? this.main.root
  }

  /** What a fiber waits for, for people. */
  waitsFor(fiber: AnyFiber): string | undefined {
    return this.waits.get(fiber) ??
      (this.#onNone !== undefined && fiber === this.main.root.fiber ? "its processes to end" : undefined)
  }

  /** Runs the guest's program, and then waits for its processes. */
  run<A, E, R>(
    program: Effect.Effect<A, E, R>,
    clock: GuestClock,
  ): Effect.Effect<void, E, Exclude<R, Scope.Scope>> {
    const main = Effect.onExit(program, (exit) => Effect.sync(() => void this.main.end(exit)))
    const all = Effect.scopedWith((scope) =>
      Effect.withFiber((fiber: AnyFiber) => {
        this.#clock = clock
        this.#scope = scope
        this.#runner = fiber.cache.scheduler as Runner
        this.main.root.fiber = fiber
        return Effect.andThen(Effect.provideService(main, Scope.Scope, scope), this.#none)
      })
    )
    return all as Effect.Effect<void, E, Exclude<R, Scope.Scope>>
  }

  /** Ends when there is no process that the guest waits for. */
  readonly #none: Effect.Effect<void> = Effect.suspend(() =>
    this.#awaited === 0 ? Effect.void : callback<void>((resume, fiber) => {
      this.runner.supervisor.watch.isMainLast = true
      this.#onNone = () => fiber.currentDispatcher.scheduleTask(() => resume(Effect.void), 0)
      return () => (this.#onNone = undefined)
    })
  )

  /** Begins a process. */
  spawn<A, E, R>(
    running: Running,
    effect: Effect.Effect<A, E, R>,
  ): Effect.Effect<void, never, Exclude<R, Scope.Scope>> {
    const body = Effect.provideContext(Effect.scoped(effect), within(Context.empty(), running.root))
    return Effect.map(Effect.forkIn(body, this.#scope!), (fiber) => {
      running.root.fiber = fiber
      this.trace.spawned(running)
      if (!running.isDaemon) this.#awaited++
      // It looks at the exit, so a failure is this table's.
      fiber.addObserver((exit) => this.ended(running, exit))
    })
  }

  /** Begins a light process. As fibers, those that haven't ended when the guest's program has are ended in turn, the last first. */
  spawnLight(own: Spawned): void {
    const scope = this.#scope!
    if (scope.state._tag === "Closed") return void own.kill()
    this.#light.add(own)
    this.trace.spawned(own)
    if (own.isDaemon) {
      own.onEnd = closing(scope, Effect.suspend(() => own.kill()))
    } else {
      this.#awaited++
      this.#endLight ??= closing(
        scope,
        Effect.suspend(() => Effect.forEach([...this.#light].reverse(), (each) => each.kill(), { discard: true })),
      )
    }
    own.begin()
  }

  /** The light processes that no fiber runs anything for, for people. */
  waiting(): ReadonlyArray<Waiting> {
    return [...this.#light].flatMap((own) => own.isHosted ? [] : own.describe())
  }

  /** Whether a fiber is that of a light process, and has nothing to do. */
  readonly isStanding = (fiber: AnyFiber): boolean => {
    const region = this.regionOf(fiber)
    return region instanceof LightRegion && region.fiber === fiber && region.isStanding
  }

  /** A process has ended. */
  ended(running: Running, exit: Exit.Exit<unknown, unknown>): void {
    const told = running.end(exit)
    this.#light.delete(running as Spawned)
    const isFailure = Exit.isFailure(told) && !Cause.hasInterruptsOnly(told.cause)
    this.trace.exited(running, isFailure ? textOf(Cause.squash(told.cause)) : undefined)
    if (isFailure && !running.isJoined) this.#judge(running, told.cause)
    else this.#leave(running)
  }

  #leave({ isDaemon }: Running): void {
    if (isDaemon || --this.#awaited > 0) return
    const tell = this.#onNone
    this.#onNone = undefined
    tell?.()
  }

  /** The guest fails unless the process is joined before time moves on, which a later task checks. */
  #judge(running: Running, cause: Cause.Cause<unknown>): void {
    const { sync } = this.#clock!
    const failure = failed(this.guest, sync.now, cause, `${titled(running.name)} failed: `)
    const judge = () => {
      if (running.isJoined) return this.#leave(running)
      this.failure ??= failure
      this.main.root.fiber?.interruptUnsafe()
    }
    const judging = event("a process has failed", judge)
    this.runner.scheduleTask(() => sync.isDead() ? judge() : sync.addEvent(judging, sync.now), 0)
  }

  /** Runs a part of a process on its own, so that an interrupt can end it. `onOpen` is told of it before it begins. */
  within<A, E, R>(
    effect: Effect.Effect<A, E, R>,
    onOpen?: (region: Region) => void,
  ): Effect.Effect<A, E | Interrupted, R> {
    const inFiber = (fiber: AnyFiber) => {
      const outer = this.regionOf(fiber)
      const region = new Region(outer.running, outer)
      return Effect.uninterruptibleMask((restore) => {
        region.open()
        const inner = Effect.provideService(
          // It is known by then who it is.
          Effect.withFiber((own: AnyFiber) => {
            region.fiber = own
            onOpen?.(region)
            return restore(effect)
          }),
          CurrentRegion,
          region,
        )
        return Effect.flatMap(Effect.forkChild(inner, { startImmediately: true }), (child) => {
          const joined = Effect.onExit(
            restore(Fiber.await(child)),
            (exit) => Exit.isSuccess(exit) ? Effect.void : Fiber.interrupt(child),
          )
          return Effect.onExit(joined, () => Effect.sync(() => region.settle(child.pollUnsafe()))).pipe(
            Effect.flatMap((exit): Exit.Exit<A, E | Interrupted> => region.told(exit)),
          )
        })
      })
    }
    return both(inFiber, (own) => own.enter(new Within(own, effect, onOpen)))
  }
}
