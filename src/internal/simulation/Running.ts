/**
 * A running process, whether a fiber or a light one: what it holds, who joins it, and how interrupts reach it.
 *
 * ## Theory of operation
 *
 * The interruptible parts of a process are a tree: the root is the process itself, below it are the regions of
 * `Process.interruptible` and `Resource.use`, and the leaves are the waits for operations. An interrupt goes to the
 * innermost of them: a wait fails with it, a region is ended and then fails with it, and at the root the process ends.
 *
 * A wait is decided once, by a handler or by another process in the middle of a step. Its process resumes later, as a task
 * of the guest's scheduler. Until it has resumed, further interrupts are queued: they are for what it waits for next.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import type { AnyFiber } from "../platform/Suspension.ts"
import type { Runner } from "../virtual/Runner.ts"
import type { Waiting } from "../virtual/Stuck.ts"
import { Interrupted } from "./Interrupted.ts"
import type { ProcessTrace } from "./ProcessTrace.ts"
import type { Statistics } from "./Statistics.ts"

/** The region that a fiber is in; none: that of its guest's program. */
export const CurrentRegion: Context.Reference<Region | undefined> = Context.Reference<Region | undefined>(
  "guest-clock/simulation/Region",
  { defaultValue: () => undefined },
)

/** What the fibers of a process, or of a region of it, know of it: reports name who is in it. */
export const within = (context: Context.Context<never>, region: Region): Context.Context<never> => {
  const frame: References.StackFrame = { name: region.running.name, stack: () => undefined, parent: undefined }
  return Context.add(Context.add(context, CurrentRegion, region), References.CurrentStackFrame, frame)
}

/** A guest's table of processes, as the processes and what they share see it; `ProcessTable` is the implementation. */
export interface Table {
  /** The guest's name. */
  readonly guest: string
  readonly statistics: Statistics
  /** The names in use: of resources, containers and stores. */
  readonly names: Set<string>
  /** What each fiber waits for, for people. */
  readonly waits: Map<AnyFiber, string>
  readonly trace: ProcessTrace
  readonly runner: Runner
  /** The guest's time, in ns. */
  readonly now: bigint
  /** The next number of a process: 0 is the program's. */
  nextId(): number
  /** The part of a process that a fiber is in. */
  regionOf(fiber: AnyFiber): Region
  /** Begins a process that is a fiber. */
  spawn<A, E, R>(running: Running, effect: Effect.Effect<A, E, R>): Effect.Effect<void, never, Exclude<R, Scope.Scope>>
  /** Begins a light process. */
  spawnLight(own: Spawned): void
  /** A process has ended. */
  ended(running: Running, exit: Exit.Exit<unknown, unknown>): void
  /** Runs a part of a process on its own, so that an interrupt can end it. `onOpen` is told of it before it begins. */
  within<A, E, R>(
    effect: Effect.Effect<A, E, R>,
    onOpen?: (region: Region) => void,
  ): Effect.Effect<A, E | Interrupted, R>
}

/** A light process, as the table sees it. */
export interface Spawned extends Running {
  /** Takes it out of its guest's scope. */
  onEnd: (() => void) | undefined
  /** Whether a fiber runs something for it: then the fiber says what it waits for. */
  readonly isHosted: boolean
  /** Begins, once the process that spawned it waits. */
  begin(): void
  /** Ends it, as an interruption ends a fiber: when this is done, it has ended. */
  kill(): Effect.Effect<void>
  /** Where it is, and what it waits for, for people. */
  describe(): Waiting
}

/** Where an operation is begun. */
export interface Place {
  readonly table: Table
  readonly running: Running
}

/** An interrupt on its way. */
export interface Sent {
  readonly cause: unknown
  readonly by: string | undefined
  /** Which part of the process it is for; none: that is over. */
  readonly to: () => Region | undefined
  /** Whether what could run when it was sent has run. */
  isDue: boolean
}

/** What in a process is to be interrupted. */
export interface Interruptible {
  /** Whether it waits for an operation, which fails with the interrupt. */
  readonly isWait: boolean
  readonly interrupt: (sent: Sent) => void
}

/** A part of a process that an interrupt can end. */
export class Region implements Interruptible {
  readonly running: Running
  readonly #parent: Region | undefined
  /** What is interruptible in it: most have nothing, or one wait. */
  readonly parts: Set<Region | Interruptible> = new Set()
  /** The fiber that runs it, if one does. */
  fiber: AnyFiber | undefined
  /** Whether it hasn't ended. */
  isOpen = true
  /** The interrupt that it ends by. */
  sent: Sent | undefined

  constructor(running: Running, parent?: Region) {
    this.running = running
    this.#parent = parent
  }

  get isWait(): boolean {
    return false
  }

  open(): void {
    this.#parent?.parts.add(this)
  }

  close(): void {
    this.isOpen = false
    this.#parent?.parts.delete(this)
  }

  /** What in it is to be interrupted. */
  innermost(): ReadonlyArray<Interruptible> {
    return this.parts.size === 0
      ? [this]
      : [...this.parts].flatMap((part) => part instanceof Region ? part.innermost() : [part])
  }

  /** Ends it. To be called by a task: a process doesn't run within another's step, nor within a handler. */
  interrupt(sent: Sent): void {
    this.sent = sent
    this.running.underWay++
    this.end()
  }

  protected end(): void {
    this.fiber?.interruptUnsafe()
  }

  /** What it came to: the interrupt that ended it, if one did, in place of a fiber's interruption. */
  told<A, E>(exit: Exit.Exit<A, E>): Exit.Exit<A, E | Interrupted> {
    return this.sent !== undefined && isInterruption(exit)
      ? Exit.fail(new Interrupted(this.running.name, this.sent.cause, this.sent.by))
      : exit
  }

  /** It has ended, and `exit` is what that came to: the process hears of other interrupts again. */
  settle(exit: Exit.Exit<unknown, unknown> | undefined): void {
    const { running, sent } = this
    this.close()
    if (sent === undefined) return
    if (exit === undefined || !isInterruption(exit)) running.sendAgain(sent)
    running.underWay--
    running.table.runner.scheduleTask(() => running.next(), 0)
  }
}

/** Whether something was ended by an interruption alone. */
const isInterruption = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)

/** Something that a process holds. */
export interface Held {
  readonly release: () => void
}

/** A callback for the end of a process. */
type Joiner = (exit: Exit.Exit<unknown, unknown>) => void

/** A process while it runs. */
export class Running {
  readonly table: Table
  readonly name: string
  /** Its number among those of its guest: 0 is the program. */
  readonly id: number
  readonly isDaemon: boolean
  #root: Region | undefined
  /** What is given back when it ends: most hold one thing at most. */
  #held: Held | Set<Held> | undefined
  #joiners: Set<Joiner> | undefined
  /** What others have of it. */
  handle: unknown
  /** How it ended. */
  exit: Exit.Exit<unknown, unknown> | undefined
  /** Whether anybody has waited for it to end. */
  isJoined = false
  /** How many of its waits and regions are decided, and haven't gone on yet. */
  underWay = 0
  #queue: Array<Sent> | undefined

  constructor(table: Table, name: string, isDaemon: boolean) {
    this.table = table
    this.name = name
    this.id = table.nextId()
    this.isDaemon = isDaemon
  }

  /** The process itself, as what an interrupt can end. */
  get root(): Region {
    return this.#root ??= this.makeRoot()
  }

  protected makeRoot(): Region {
    return new Region(this)
  }

  /** Interrupts it, or a part of it; false, if it has ended. */
  interrupt(cause: unknown, by: string | undefined, to: () => Region | undefined = () => this.root): boolean {
    if (this.exit !== undefined) return false
    ;(this.#queue ??= []).push({ cause, by, to, isDue: false })
    this.next()
    return true
  }

  /** Goes on with what it was sent, if it hears of that. */
  next(): void {
    if (this.#queue === undefined) return
    while (this.underWay === 0 && this.exit === undefined) {
      const sent = this.#queue.shift()
      if (sent === undefined) return
      const region = sent.to()
      if (region === undefined) continue
      const parts = region.innermost()
      // A process that can run may be about to wait for something that fails with it: a later task looks.
      if (!sent.isDue && parts.some(({ isWait }) => !isWait)) return this.#defer(sent)
      for (const part of parts) part.interrupt(sent)
    }
  }

  #defer(sent: Sent): void {
    sent.isDue = true
    this.sendAgain(sent)
    this.underWay++
    this.table.runner.scheduleTask(() => {
      this.underWay--
      this.next()
    }, 0)
  }

  /** An interrupt hasn't come to anything: it is for what comes next. */
  sendAgain(sent: Sent): void {
    ;(this.#queue ??= []).unshift(sent)
  }

  /** It holds something from now on, until it lets go of it or ends. */
  hold(held: Held): void {
    if (this.#held === undefined) this.#held = held
    else if (this.#held instanceof Set) this.#held.add(held)
    else this.#held = new Set([this.#held, held])
  }

  letGo(held: Held): void {
    if (this.#held === held) this.#held = undefined
    else if (this.#held instanceof Set) this.#held.delete(held)
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
    const held = this.#held
    if (held instanceof Set) { for (const each of [...held].reverse()) each.release() }
    else held?.release()
    if (this.#joiners !== undefined) { for (const joiner of this.#joiners) joiner(told) }
    return told
  }

  /** The failure of an interrupt that reached the process itself, in place of a fiber's interruption. */
  told(exit: Exit.Exit<unknown, unknown>): Exit.Exit<unknown, unknown> {
    return this.#root === undefined ? exit : this.#root.told(exit)
  }
}
