/**
 * A guest's processes while it runs: what each waits for, how interrupts reach them, and what of theirs is given back
 * when they end.
 *
 * ## Theory of operation
 *
 * A process is a fiber. Its interruptible parts are a tree: the root is the process itself, below it are the regions of
 * `Process.interruptible` and `Resource.use`, and the leaves are the waits for operations. An interrupt goes to the
 * innermost of them: a wait fails with it, a region is ended and then fails with it, and at the root the process ends.
 *
 * A wait is decided once. What decides it may be a handler, or another fiber in the middle of a step, so its own fiber
 * goes on later, as a task of its scheduler. Until it has, the process hears of no other interrupt: that one is for what
 * the process waits for next.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { event, type GuestClock } from "../../GuestClock.ts"
import { type AnyFiber, callback } from "../platform/Suspension.ts"
import type { Runner } from "../virtual/Runner.ts"
import { failed, type GuestFailed, textOf } from "./Failure.ts"
import { Interrupted, titled } from "./Interrupted.ts"
import type { Statistics } from "./Statistics.ts"
import { ProcessTrace, type WaitOver } from "./ProcessTrace.ts"

/** Where an operation is begun. */
export interface Place {
  readonly table: ProcessTable
  readonly running: Running
  /** The fiber that waits. */
  readonly fiber: AnyFiber
}

/** An operation that has begun. */
export interface Begun {
  /** It isn't decided, and isn't to be any more. */
  readonly withdraw: () => void
  /** It was decided, and nobody is there to have what came of it: gives that back, where it can be. */
  readonly undo: () => void
  /** How much of it is left, in ns, if it takes a time. */
  readonly left?: () => bigint
}

/** Told what an operation has come to: once, perhaps before `begin` returns. */
export type Decide<A, E> = (outcome: Exit.Exit<A, E>) => void

/** Begins an operation, for a process. */
export type Begin<A, E> = (place: Place, decide: Decide<A, E>) => Begun

/** What a process can wait for: see `Operation`. */
export interface Awaitable<A, E> {
  /** What it is, for people. */
  readonly what: string
  readonly begin: Begin<A, E>
}

/** What is begun where there is nothing to wait for. */
export const nothing: Begun = { withdraw: () => {}, undo: () => {} }

/** An interrupt on its way. */
interface Sent {
  readonly cause: unknown
  readonly by: string | undefined
  /** Which part of the process it is for; none: that is over. */
  readonly to: () => Region | undefined
  /** Whether what could run when it was sent has run. */
  isDue: boolean
}

/** The region that a fiber is in; none: that of its guest's program. */
const CurrentRegion = Context.Reference<Region | undefined>("guest-clock/simulation/Region", {
  defaultValue: () => undefined,
})

/** A part of a process that an interrupt can end. */
export class Region {
  readonly running: Running
  readonly #parent: Region | undefined
  /** What is interruptible in it. */
  readonly parts: Set<Region | Wait> = new Set()
  fiber: AnyFiber | undefined
  /** Whether it hasn't ended. */
  isOpen = true
  /** The interrupt that it ends by. */
  sent: Sent | undefined

  constructor(running: Running, parent?: Region) {
    this.running = running
    this.#parent = parent
  }

  open(): void {
    this.#parent?.parts.add(this)
  }

  close(): void {
    this.isOpen = false
    this.#parent?.parts.delete(this)
  }

  /** Ends it. To be called by a task: a fiber doesn't run within another's step, nor within a handler. */
  interrupt(sent: Sent): void {
    this.sent = sent
    this.running.underWay++
    this.fiber?.interruptUnsafe()
  }
}

/** What in a region is to be interrupted. */
const innermost = (region: Region): ReadonlyArray<Region | Wait> =>
  region.parts.size === 0
    ? [region]
    : [...region.parts].flatMap((part) => part instanceof Region ? innermost(part) : [part])

/** Something that a process holds. */
interface Held {
  readonly release: () => void
}

/** Who is told how a process ends. */
type Joiner = (exit: Exit.Exit<unknown, unknown>) => void

/** A process while it runs. */
export class Running {
  readonly name: string
  /** Its number among those of its guest: 0 is the program. */
  readonly id: number
  readonly isDaemon: boolean
  readonly root: Region = new Region(this)
  /** What is given back when it ends; and who is told of that. Most have none of either. */
  #holds: Set<Held> | undefined
  #joiners: Set<Joiner> | undefined
  /** What others have of it. */
  handle: unknown
  /** How it ended. */
  exit: Exit.Exit<unknown, unknown> | undefined
  /** Whether anybody has waited for it to end. */
  isJoined = false
  /** How many of its waits and regions are decided, and haven't gone on yet. */
  underWay = 0
  #queue: Array<Sent> = []

  constructor(name: string, isDaemon: boolean, id: number) {
    this.name = name
    this.isDaemon = isDaemon
    this.id = id
  }

  /** Interrupts it, or a part of it; false, if it has ended. */
  interrupt(cause: unknown, by: string | undefined, to: () => Region | undefined = () => this.root): boolean {
    if (this.exit !== undefined) return false
    this.#queue.push({ cause, by, to, isDue: false })
    this.next()
    return true
  }

  /** Goes on with what it was sent, if it hears of that. */
  next(): void {
    while (this.underWay === 0 && this.exit === undefined) {
      const sent = this.#queue.shift()
      if (sent === undefined) return
      const region = sent.to()
      if (region === undefined) continue
      const parts = innermost(region)
      // A process that can run may be about to wait for something that fails with it: a later task looks.
      if (!sent.isDue && parts.some((part) => part instanceof Region)) return this.#defer(sent)
      for (const part of parts) part.interrupt(sent)
    }
  }

  #defer(sent: Sent): void {
    sent.isDue = true
    this.#queue.unshift(sent)
    this.underWay++
    this.root.fiber?.currentDispatcher.scheduleTask(() => {
      this.underWay--
      this.next()
    }, 0)
  }

  /** An interrupt hasn't come to anything: it is for what comes next. */
  sendAgain(sent: Sent): void {
    this.#queue.unshift(sent)
  }

  /** It holds something from now on, until it lets go of it or ends. */
  hold(held: Held): void {
    this.#holds ??= new Set()
    this.#holds.add(held)
  }

  letGo(held: Held): void {
    this.#holds?.delete(held)
  }

  /** Has somebody told how it ends, or has ended: what takes that back. */
  join(joiner: Joiner): () => void {
    this.isJoined = true
    if (this.exit !== undefined) {
      joiner(this.exit)
      return () => {}
    }
    const joiners = this.#joiners ??= new Set()
    joiners.add(joiner)
    return () => {
      joiners.delete(joiner)
      // Nobody waits any more.
      if (joiners.size === 0 && this.exit === undefined) this.isJoined = false
    }
  }

  /** It has ended: what that comes to. */
  end(exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> {
    const told = this.exit = this.told(exit)
    if (this.#holds !== undefined) { for (const held of [...this.#holds].reverse()) held.release() }
    if (this.#joiners !== undefined) { for (const joiner of this.#joiners) joiner(told) }
    return told
  }

  /** The failure of an interrupt that reached the process itself, in place of a fiber's interruption. */
  told(exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> {
    const { sent } = this.root
    return sent !== undefined && Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
      ? Exit.fail(new Interrupted(this.name, sent.cause, sent.by))
      : exit
  }
}

/** A fiber that waits for an operation. */
class Wait {
  readonly #table: ProcessTable
  readonly #region: Region
  readonly #fiber: AnyFiber
  readonly operation: Awaitable<unknown, unknown>
  #begun: Begun | undefined
  #state: "beginning" | "waiting" | "decided" | "over" = "beginning"
  #outcome: Exit.Exit<unknown, unknown> | undefined
  #resume: ((outcome: Exit.Exit<unknown, unknown>) => void) | undefined
  /** Tells the trace that it is over. */
  #over: WaitOver | undefined

  constructor(table: ProcessTable, operation: Awaitable<unknown, unknown>, fiber: AnyFiber) {
    this.#table = table
    this.operation = operation
    this.#fiber = fiber
    this.#region = table.regionOf(fiber)
  }

  /** Begins, and waits if that doesn't decide it. */
  run(): Effect.Effect<unknown, unknown> {
    const { running } = this.#region
    this.#begun = this.operation.begin({ table: this.#table, running, fiber: this.#fiber }, this.#decide)
    if (this.#outcome !== undefined) return this.#outcome
    this.#state = "waiting"
    return callback((resume) => {
      this.#resume = resume
      this.#over = this.#table.trace.waits(this.#region.running, this.operation.what)
      this.#region.parts.add(this)
      this.#table.waits.set(this.#fiber, this)
      return this.#onInterrupt
    })
  }

  readonly #decide = (outcome: Exit.Exit<unknown, unknown>): void => {
    if (this.#state === "beginning") this.#outcome ??= outcome
    if (this.#state !== "waiting") return
    this.#state = "decided"
    this.#outcome = outcome
    this.#over?.(Exit.isFailure(outcome))
    this.#over = undefined
    this.#region.running.underWay++
    this.#fiber.currentDispatcher.scheduleTask(this.#goOn, 0)
  }

  readonly #goOn = (): void => {
    if (this.#state !== "decided") return
    const { running } = this.#region
    this.#end()
    this.#resume!(this.#outcome!)
    running.next()
  }

  #end(): void {
    this.#over?.(true)
    if (this.#state === "decided") this.#region.running.underWay--
    this.#state = "over"
    this.#region.parts.delete(this)
    this.#table.waits.delete(this.#fiber)
  }

  /** An interrupt of the process. */
  interrupt({ cause, by }: Sent): void {
    if (this.#state !== "waiting") return
    const left = this.#begun?.left?.()
    this.#begun?.withdraw()
    this.#decide(Exit.fail(new Interrupted(this.#region.running.name, cause, by, left)))
  }

  /** The fiber is interrupted. */
  readonly #onInterrupt = (): void => {
    const wasDecided = this.#state === "decided"
    const { running } = this.#region
    this.#end()
    if (!wasDecided) return this.#begun?.withdraw()
    this.#begun?.undo()
    this.#fiber.currentDispatcher.scheduleTask(() => running.next(), 0)
  }
}

/** A guest's processes. */
export class ProcessTable {
  readonly guest: string
  readonly statistics: Statistics
  /** The guest's program. */
  readonly main: Running
  /** Who waits for what. */
  readonly waits: Map<AnyFiber, Wait> = new Map()
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
  #nextProcess = 1

  constructor(guest: string, statistics: Statistics) {
    this.guest = guest
    this.statistics = statistics
    this.main = new Running(guest, false, 0)
  }

  /** A process that is yet to begin. */
  make(name: string, isDaemon: boolean): Running {
    return new Running(name, isDaemon, this.#nextProcess++)
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
    return this.waits.get(fiber)?.operation.what ??
      (this.#onNone !== undefined && fiber === this.main.root.fiber ? "its processes to end" : undefined)
  }

  wait<A, E>(operation: Awaitable<A, E>, fiber: AnyFiber): Effect.Effect<A, E | Interrupted> {
    return new Wait(this, operation as Awaitable<unknown, unknown>, fiber).run() as Effect.Effect<A, E | Interrupted>
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
      this.#onNone = () => fiber.currentDispatcher.scheduleTask(() => resume(Effect.void), 0)
      return () => (this.#onNone = undefined)
    })
  )

  /** Begins a process. */
  spawn<A, E, R>(
    running: Running,
    effect: Effect.Effect<A, E, R>,
  ): Effect.Effect<void, never, Exclude<R, Scope.Scope>> {
    const frame: References.StackFrame = { name: running.name, stack: () => undefined, parent: undefined }
    // Reports name who is in it.
    const own = Context.add(Context.make(CurrentRegion, running.root), References.CurrentStackFrame, frame)
    const body = Effect.provideContext(Effect.scoped(effect), own)
    return Effect.map(Effect.forkIn(body, this.#scope!), (fiber) => {
      running.root.fiber = fiber
      this.trace.spawned(running)
      if (!running.isDaemon) this.#awaited++
      // It looks at the exit, so a failure is this table's.
      fiber.addObserver((exit) => this.#ended(running, exit))
    })
  }

  #ended(running: Running, exit: Exit.Exit<unknown, unknown>): void {
    const told = running.end(exit)
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

  /** Whoever joins it before time moves on has waited for it: a later task looks. */
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
    return Effect.withFiber((fiber: AnyFiber) => {
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
          return Effect.onExit(joined, () => Effect.sync(() => this.#close(region, child))).pipe(
            Effect.flatMap((exit): Exit.Exit<A, E | Interrupted> => outcome(region, exit)),
          )
        })
      })
    })
  }

  #close(region: Region, child: Fiber.Fiber<unknown, unknown>): void {
    const { running, sent } = region
    region.close()
    if (sent === undefined) return
    const exit = child.pollUnsafe()
    if (exit === undefined || Exit.isSuccess(exit) || !Cause.hasInterruptsOnly(exit.cause)) running.sendAgain(sent)
    running.underWay--
    this.runner.scheduleTask(() => running.next(), 0)
  }
}

/** What a region came to: the interrupt that ended it, if one did. */
const outcome = <A, E>({ running, sent }: Region, exit: Exit.Exit<A, E>): Exit.Exit<A, E | Interrupted> =>
  sent !== undefined && Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
    ? Exit.fail(new Interrupted(running.name, sent.cause, sent.by))
    : exit
