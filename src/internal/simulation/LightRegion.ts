/**
 * A region of a light process: a part that an interrupt can end, with a fiber for the effects that need one.
 *
 * The fiber is started for the first effect that needs one, and lasts as long as the region, since its child fibers end
 * with it. Between effects it is suspended.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { type AnyFiber, callback, isInterrupted } from "../platform/Suspension.ts"
import type { AnyEffect, AnyExit } from "./Lightly.ts"
import { type Interruptible, Region, type Running, within } from "./Running.ts"

/** A light process, as its regions see it. */
export interface Owner extends Running {
  /** What the effects in it are given. */
  readonly context: Context.Context<never>
  /** Where its effects add their finalizers: none, until one needs a fiber. */
  scope: Scope.Closeable | undefined
  /** Whether all of it is to end. */
  readonly isInterrupted: boolean
  /** What in it is to be interrupted. */
  innermost(): ReadonlyArray<Interruptible>
  /** Ends a region by an interrupt: what is in it, that is. */
  endRegion(region: LightRegion): void
  /** What a fiber has done for it has ended, or the fiber itself. */
  hear(exit: AnyExit): void
}

/** A region of a light process. */
export class LightRegion extends Region {
  readonly owner: Owner
  /** The region around it; none: this is the process itself. */
  readonly outer: LightRegion | undefined
  /** What its fiber is to do next; or what it is to end with. */
  #task: AnyEffect | undefined
  #end: AnyExit | undefined
  #resume: ((next: Effect.Effect<void>) => void) | undefined

  constructor(owner: Owner, outer?: LightRegion) {
    super(owner)
    this.owner = owner
    this.outer = outer
  }

  /** A light process does one thing at a time, in whichever region. */
  override innermost(): ReadonlyArray<Interruptible> {
    return this.owner.innermost()
  }

  /** What its fiber waits for, or the region itself. */
  innermostOfFiber(): ReadonlyArray<Interruptible> {
    return super.innermost()
  }

  protected override end(): void {
    this.owner.endRegion(this)
  }

  /** Whether its fiber has nothing to do. */
  get isStanding(): boolean {
    return this.#resume !== undefined
  }

  /** Has its fiber run something. `owner.hear` is told what that came to, perhaps at once. */
  run(effect: AnyEffect): void {
    this.#task = effect
    this.#goOn()
  }

  /** Has its fiber end, with `exit`, of which `owner.hear` is told; false, if it has none. */
  finish(exit: AnyExit): boolean {
    if (this.fiber === undefined) return false
    this.#end = exit
    // One that is interrupted runs on when its world is over as well.
    if (this.isStanding && this.owner.isInterrupted) this.fiber.interruptUnsafe()
    else this.#goOn()
    return true
  }

  #goOn(): void {
    if (this.fiber === undefined) return this.#start()
    // If it doesn't stand still, it is about to look for what it is to do.
    const resume = this.#resume
    this.#resume = undefined
    resume?.(Effect.void)
  }

  #start(): void {
    // The outermost closes the scope.
    if (this.outer !== undefined) this.outer.#startStanding()
    const scope = this.owner.scope ??= Scope.makeUnsafe()
    const begin = Effect.withFiber((fiber: AnyFiber) => {
      this.fiber = fiber
      return this.#doTasks
    })
    const body = this.outer === undefined ? Effect.onExit(begin, (exit) => Scope.close(scope, exit)) : begin
    const context = within(this.owner.context, this)
    const fiber = Effect.runForkWith(context)(Effect.provideService(body, Scope.Scope, scope))
    fiber.addObserver((exit) => {
      this.fiber = undefined
      this.owner.hear(exit)
    })
  }

  #startStanding(): void {
    if (this.fiber === undefined) this.#start()
  }

  readonly #doTasks: Effect.Effect<unknown, unknown> = Effect.suspend(() => {
    if (this.#end !== undefined) return this.#end
    const task = this.#task
    if (task === undefined) return Effect.andThen(this.#standStill, this.#doTasks)
    this.#task = undefined
    // It has what the process was spawned with.
    return Effect.flatMap(Effect.exit(task as Effect.Effect<unknown, unknown>), (exit) => {
      // Then the process is told when the fiber has ended.
      if (isInterrupted(this.fiber!)) return Exit.isFailure(exit) ? exit : Exit.failCause(Cause.interrupt())
      this.owner.hear(exit)
      return this.#doTasks
    })
  })

  readonly #standStill: Effect.Effect<void> = callback((resume) => {
    this.#resume = resume
    return () => (this.#resume = undefined)
  })
}
