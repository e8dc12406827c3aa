/**
 * A process without a fiber: a generator that the guest's scheduler resumes, and which does its operations itself.
 *
 * ## Theory of operation
 *
 * It is a stack of frames. The uppermost is told how what it did last has ended, and says what it does next: an effect
 * that needs no fiber ({@link Lightly}), which is done at once, waited for, or becomes another frame; or any other, which
 * the fiber of the innermost region runs ({@link LightRegion}). A frame that has ended tells the one below.
 *
 * To the guest it is the same as a fiber: it goes on as a task of the scheduler, in the same order, and interrupts reach
 * it in the same way (see {@link Running}).
 *
 * @module
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { Waiting } from "../virtual/Stuck.ts"
import { type AnyEffect, type AnyExit, type Frame, isLightly, LIGHTLY, type Performer } from "./Lightly.ts"
import { LightRegion, type Owner } from "./LightRegion.ts"
import type { Awaitable, Begun } from "./Begun.ts"
import { Interrupted } from "./Interrupted.ts"
import type { WaitOver } from "./ProcessTrace.ts"
import { type Interruptible, type Place, Running, type Sent, type Spawned, type Table } from "./Running.ts"
import { Timer } from "./Timer.ts"

/** After so many steps at one time others have their turn, as after a fiber's. */
const MOST_STEPS = 1024

const INTERRUPTED: AnyExit = Exit.failCause(Cause.interrupt())

/** A process that is no fiber. */
export class LightProcess extends Running implements Spawned, Performer, Owner, Place {
  /** What the effects in it are given. */
  readonly context: Context.Context<never>
  /** Where its effects add their finalizers: none, until one needs a fiber. */
  scope: Scope.Closeable | undefined
  /** Whether all of it is to end. */
  isInterrupted = false
  /** Takes it out of its guest's scope. */
  onEnd: (() => void) | undefined
  #top: Frame | undefined
  /** The innermost region that is open; none: the process itself. */
  #region: LightRegion | undefined
  /**
   * What it does: `ready` to run on, or to go on as its operation is `decided`; `beginning` an operation, or `waiting` for
   * one; `hosting`: a fiber begins to do something for it, or to end; `hosted`: it waits for that.
   */
  #state: "ready" | "running" | "beginning" | "waiting" | "decided" | "hosting" | "hosted" | "ended" = "ready"
  /** Whether it was interrupted while it ran: then it is as soon as it has done what it does. */
  #isCutShort = false
  /** What the uppermost frame will be told. */
  #told: AnyExit | undefined = Exit.void
  #operation: Awaitable<unknown, unknown> | undefined
  #begun: Begun | undefined
  /** Tells the trace that what it waits for is over. */
  #over: WaitOver | undefined
  /** Made once: what it holds by, and how operations are decided. */
  #timer: Timer | undefined
  #decide: ((outcome: AnyExit) => void) | undefined

  constructor(
    table: Table,
    name: string,
    isDaemon: boolean,
    body: Frame,
    context: Context.Context<never>,
  ) {
    super(table, name, isDaemon)
    this.context = context
    this.#top = body
  }

  get running(): this {
    return this
  }

  /** For the scheduler: where a task of a fiber would go. */
  get currentDispatcher(): Table["runner"] {
    return this.table.runner
  }

  protected override makeRoot(): LightRegion {
    return new LightRegion(this)
  }

  /** The innermost region. */
  get region(): LightRegion {
    return this.#region ?? this.root as LightRegion
  }

  // ------------------------------------------------------------------ running

  /** Begins, once the process that spawned it waits. */
  begin(): void {
    this.table.runner.scheduleTask(this)
  }

  /** A task of the scheduler: goes on. */
  wake(): void {
    // One that is over was ended meanwhile.
    if (this.#state !== "decided" && this.#state !== "ready" || !this.table.runner.mayRun(this)) return
    const wasDecided = this.#state === "decided"
    if (wasDecided) this.underWay--
    this.#run(this.#told!)
    if (wasDecided) this.next()
  }

  /** Runs until it waits, or ends. */
  #run(exit: AnyExit): void {
    let told = exit
    this.#state = "running"
    for (let steps = 0; this.#top !== undefined; steps++) {
      if (steps === MOST_STEPS) return this.#yield(told)
      const frame = this.#top
      const effect = step(frame, told)
      if (effect === undefined) {
        this.#top = frame.below
        told = frame.exit
        continue
      }
      const done = isLightly(effect) ? effect[LIGHTLY](this) : Exit.isExit(effect) ? effect : this.host(effect)
      if (this.#isCutShort) {
        if (!this.#giveUp()) return
        told = INTERRUPTED
      } else if (done !== undefined) told = done
      else if (this.#top !== frame) told = Exit.void
      else return
    }
    this.#end(told)
  }

  #yield(told: AnyExit): void {
    this.#state = "ready"
    this.#told = told
    this.table.runner.scheduleTask(this)
  }

  #end(exit: AnyExit): void {
    const ended = this.scope === undefined ? exit : this.close(this.root as LightRegion, exit)
    if (ended === undefined) return
    this.#state = "ended"
    this.table.ended(this, ended)
    this.onEnd?.()
  }

  /** Puts another frame on top, which begins at once. */
  enter(frame: Frame): undefined {
    frame.below = this.#top
    this.#top = frame
    return undefined
  }

  // ------------------------------------------------------------------ waiting

  /** Begins an operation: what it came to, if that is decided at once. */
  wait(operation: Awaitable<unknown, unknown>): AnyExit | undefined {
    this.#state = "beginning"
    this.#told = undefined
    const begun = operation.begin(this, this.#decide ??= (outcome) => this.#decided(outcome))
    if (this.#told !== undefined) return this.#goOn()
    return this.#waitFor(operation, begun)
  }

  /** Lets so many ns pass. */
  pass(nanos: bigint, operation: Awaitable<void, unknown>): undefined {
    this.#timer ??= new Timer(this.table, this)
    this.#timer.set(nanos)
    return this.#waitFor(operation, this.#timer)
  }

  /** What it holds for is over. */
  onDue(): void {
    this.#decided(Exit.void)
  }

  #waitFor(operation: Awaitable<unknown, unknown>, begun: Begun): undefined {
    this.#operation = operation
    this.#begun = begun
    this.#state = "waiting"
    this.#over = this.table.trace.waits(this, operation.what)
  }

  #goOn(): AnyExit {
    this.#state = "running"
    return this.#told!
  }

  #decided(outcome: AnyExit): void {
    if (this.#state === "beginning") this.#told ??= outcome
    if (this.#state !== "waiting") return
    this.#state = "decided"
    this.#told = outcome
    this.#over?.(Exit.isFailure(outcome))
    this.#over = undefined
    this.underWay++
    this.table.runner.scheduleTask(this)
  }

  /** Has an effect run by a fiber: what it came to, if that is over at once. */
  host(effect: AnyEffect): AnyExit | undefined {
    return this.#hosting(() => this.region.run(effect))
  }

  /** Ends the fiber of a region, which came to `exit`: the same, or what came of that, if that is over at once. */
  close(region: LightRegion, exit: AnyExit): AnyExit | undefined {
    let hasFiber = false
    const ended = this.#hosting(() => hasFiber = region.finish(exit))
    if (hasFiber) return ended
    this.#state = "running"
    return exit
  }

  #hosting(begin: () => void): AnyExit | undefined {
    this.#state = "hosting"
    this.#told = undefined
    begin()
    if (this.#told !== undefined) return this.#goOn()
    this.#state = "hosted"
    return undefined
  }

  /** What a fiber has done for it has ended, or the fiber itself. */
  hear(exit: AnyExit): void {
    if (this.#state === "hosting") this.#told = exit
    else if (this.#state === "hosted") this.#run(exit)
    // Somebody has interrupted the fiber while it stood still: that of all others is the process's own.
    else this.#interruptAll()
  }

  // --------------------------------------------------------------- interrupts

  /** A region begins. */
  open(): LightRegion {
    return this.#region = new LightRegion(this, this.region)
  }

  /** The innermost region has ended. */
  leave(region: LightRegion): void {
    this.#region = region.outer?.outer === undefined ? undefined : region.outer
  }

  /** What in it is to be interrupted. */
  innermost(): ReadonlyArray<Interruptible> {
    if (this.#state === "waiting") return [{ isWait: true, interrupt: (sent) => this.#interruptWait(sent) }]
    return this.isHosted ? this.region.innermostOfFiber() : [this.region]
  }

  #interruptWait({ cause, by }: Sent): void {
    if (this.#state !== "waiting") return
    const left = this.#begun!.left?.()
    this.#begun!.withdraw()
    this.#decided(Exit.fail(new Interrupted(this.name, cause, by, left)))
  }

  /** Ends a region by an interrupt: what is in it, that is. */
  endRegion({ fiber }: LightRegion): void {
    if (this.#state === "ready") this.#told = INTERRUPTED
    else if (this.isHosted) fiber?.interruptUnsafe()
    else this.#isCutShort = true
  }

  /** Ends it, as an interruption ends a fiber: when this is done, it has ended. */
  kill(): Effect.Effect<void> {
    this.isInterrupted = true
    if (this.isHosted) this.region.fiber?.interruptUnsafe()
    else this.#interruptAll()
    const { onEnd } = this
    return Effect.callback((resume) => {
      if (this.exit !== undefined) return resume(Effect.void)
      this.onEnd = () => {
        onEnd?.()
        resume(Effect.void)
      }
    })
  }

  /** It was interrupted while it ran: whether it can go on with that at once. */
  #giveUp(): boolean {
    this.#isCutShort = false
    if (this.#state === "waiting") this.#withdraw()
    if (this.#state !== "hosted") return true
    this.region.fiber?.interruptUnsafe()
    return false
  }

  /** It doesn't wait any more, and isn't to be decided. */
  #withdraw(): void {
    this.#begun!.withdraw()
    this.#over?.(true)
    this.#over = undefined
  }

  #interruptAll(): void {
    const state = this.#state
    if (state === "ended") return
    this.isInterrupted = true
    if (state === "running" || state === "beginning") return void (this.#isCutShort = true)
    if (state === "waiting") this.#withdraw()
    if (state === "decided") {
      this.underWay--
      this.#begun!.undo()
    }
    this.#run(INTERRUPTED)
  }

  // ------------------------------------------------------------------ reports

  /** Whether it is a fiber that is to be asked what it waits for. */
  get isHosted(): boolean {
    return this.#state === "hosted" || this.#state === "hosting"
  }

  /** Where it is, and what it waits for, for people. */
  describe(): Waiting {
    const lines: Array<string> = []
    for (let frame = this.#top; frame !== undefined; frame = frame.below) {
      const line = frame.line?.()
      if (line !== undefined) lines.push(line)
    }
    return {
      fiber: undefined,
      where: [this.name],
      lines,
      asleepUntil: undefined,
      ...this.#state === "waiting" && { waitsFor: this.#operation!.what },
    }
  }
}

/** What a frame does next. What it throws is a defect. */
const step = (frame: Frame, told: AnyExit): AnyEffect | undefined => {
  try {
    return frame.next(told)
  } catch (defect) {
    frame.exit = Exit.die(defect)
    return undefined
  }
}
