/**
 * A fiber that waits for an operation.
 *
 * @module
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { type AnyFiber, callback } from "../platform/Suspension.ts"
import type { Awaitable, Begun } from "./Begun.ts"
import { Interrupted } from "./Interrupted.ts"
import type { WaitOver } from "./ProcessTrace.ts"
import type { Interruptible, Place, Region, Running, Sent, Table } from "./Running.ts"

class Wait implements Interruptible, Place {
  readonly table: Table
  readonly running: Running
  readonly #region: Region
  readonly #fiber: AnyFiber
  readonly #operation: Awaitable<unknown, unknown>
  #begun: Begun | undefined
  #state: "beginning" | "waiting" | "decided" | "over" = "beginning"
  #outcome: Exit.Exit<unknown, unknown> | undefined
  #resume: ((outcome: Exit.Exit<unknown, unknown>) => void) | undefined
  /** Tells the trace that it is over. */
  #over: WaitOver | undefined

  constructor(table: Table, operation: Awaitable<unknown, unknown>, fiber: AnyFiber) {
    this.table = table
    this.#operation = operation
    this.#fiber = fiber
    this.#region = table.regionOf(fiber)
    this.running = this.#region.running
  }

  get isWait(): boolean {
    return true
  }

  /** Begins, and waits if that doesn't decide it. */
  run(): Effect.Effect<unknown, unknown> {
    this.#begun = this.#operation.begin(this, this.#decide)
    if (this.#outcome !== undefined) return this.#outcome
    this.#state = "waiting"
    return callback((resume) => {
      this.#resume = resume
      this.#over = this.table.trace.waits(this.running, this.#operation.what)
      this.#region.parts.add(this)
      this.table.waits.set(this.#fiber, this.#operation.what)
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
    this.running.underWay++
    this.#fiber.currentDispatcher.scheduleTask(this.#goOn, 0)
  }

  readonly #goOn = (): void => {
    if (this.#state !== "decided") return
    this.#end()
    this.#resume!(this.#outcome!)
    this.running.next()
  }

  #end(): void {
    this.#over?.(true)
    if (this.#state === "decided") this.running.underWay--
    this.#state = "over"
    this.#region.parts.delete(this)
    this.table.waits.delete(this.#fiber)
  }

  /** An interrupt of the process. */
  interrupt({ cause, by }: Sent): void {
    if (this.#state !== "waiting") return
    const left = this.#begun?.left?.()
    this.#begun?.withdraw()
    this.#decide(Exit.fail(new Interrupted(this.running.name, cause, by, left)))
  }

  /** The fiber is interrupted. */
  readonly #onInterrupt = (): void => {
    const wasDecided = this.#state === "decided"
    this.#end()
    if (!wasDecided) return this.#begun?.withdraw()
    this.#begun?.undo()
    this.#fiber.currentDispatcher.scheduleTask(() => this.running.next(), 0)
  }
}

/** Has a fiber begin an operation, and wait for it. */
export const wait = <A, E>(
  table: Table,
  operation: Awaitable<A, E>,
  fiber: AnyFiber,
): Effect.Effect<A, E | Interrupted> =>
  new Wait(table, operation as Awaitable<unknown, unknown>, fiber).run() as Effect.Effect<A, E | Interrupted>
