/**
 * Keeps the other fibers of a program from running during one fiber's operation on the clock.
 *
 * An operation on the clock is atomic to the other fibers, however long the calendar takes to answer: a calendar in the
 * same process answers at once, and one in another process takes a while, yet both have to come to the same. So fibers
 * that become runnable during an operation are queued until it is over, and then run first, in the order in which they
 * came. Nor does a fiber run inside of the handler that makes it runnable: that is in interrupt context.
 *
 * @module
 */
import type * as Fiber from "effect/Fiber"
import type * as Scheduler from "effect/Scheduler"
import type { GuestClock } from "../../GuestClock.ts"
import { hasEnded } from "../platform/FiberExits.ts"
import { isInterrupted } from "../platform/Suspension.ts"
import type { Interrupts } from "../../services/Interrupts.ts"
import type { RunQueue, Task } from "./RunQueue.ts"
import type { Watch } from "./Watch.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

/** What runs on a scheduler: a fiber, or what does as one. */
export type Dispatched = Pick<AnyFiber, "currentDispatcher">

/** The fibers of one program that are kept out. */
export class Exclusion {
  /** How many steps are under way that aren't the clock's, during which nobody runs. */
  suspensions = 0
  /** How many there have been. */
  #suspended = 0
  readonly #clock: GuestClock
  readonly #interrupts: Interrupts
  readonly #tasks: RunQueue
  readonly #watch: Watch
  readonly #dispatcher: Scheduler.SchedulerDispatcher
  /** The dispatchers of the queued tasks, in the order in which they are to run. */
  readonly #makers: Array<Dispatched | undefined> = []
  /** Where the next one goes: behind those that came during the same step, ahead of the others. */
  #next = 0
  #step = 0
  /** Where the one goes that yields just now, if it is kept out. */
  #place: number | undefined

  constructor(
    clock: GuestClock,
    interrupts: Interrupts,
    tasks: RunQueue,
    watch: Watch,
    dispatcher: Scheduler.SchedulerDispatcher,
  ) {
    this.#clock = clock
    this.#interrupts = interrupts
    this.#tasks = tasks
    this.#watch = watch
    this.#dispatcher = dispatcher
  }

  /** A step begins that isn't the clock's; the result ends it, and calls `goOn`. */
  suspend(goOn: () => void): () => void {
    this.suspensions++
    this.#suspended++
    return () => (this.suspensions--, goOn())
  }

  /** Whether a fiber is kept out, while the guest's CPU is occupied or there are suspensions. One that is to end isn't. */
  keeps(fiber: AnyFiber): boolean {
    if (isInterrupted(fiber)) return false
    if (this.suspensions === 0) {
      const { sync } = this.#clock
      const isCalled = sync.isCalling()
      if (!isCalled && !sync.isBusy() || this.#interrupts.isOperating(fiber)) return false
      if (isCalled) return true
    }
    return this.#keepOut(fiber)
  }

  /** The same of what is no fiber, and goes on as a task. */
  keepsTask(task: Dispatched): boolean {
    return (this.suspensions > 0 || this.#clock.sync.isBusy()) && this.#keepOut(task)
  }

  #keepOut(fiber: Dispatched): true {
    this.#forget()
    const step = this.#suspended + this.#interrupts.occupants.waits
    if (step !== this.#step) this.#next = 0
    this.#step = step
    this.#watch.noteMaker(fiber, this.#watch.onStack(this.#watch.lastRan))
    this.#keep(fiber, this.#next++)
    return true
  }

  /**
   * Whether a fiber that begins, after `last` ran, goes behind those that wait: one that is made because `last` has ended,
   * as by who lets no more than so many run at a time. Those that the same one made before were to run first.
   */
  isBehind(fiber: AnyFiber, last: AnyFiber | undefined): boolean {
    this.#forget()
    if (this.#watch.onStack(last) !== undefined) return false
    if (this.#watch.hasMet(fiber) || last === undefined || !hasEnded(last)) {
      this.#next = 0
      return false
    }
    const maker = this.#watch.makerOf(last)
    this.#watch.noteMaker(fiber, maker)
    const place = this.#makers.lastIndexOf(maker) + 1
    if (place <= this.#next) this.#next++
    this.#keep(fiber, place)
    return true
  }

  #keep(fiber: Dispatched, place: number): void {
    // A fiber that came here from another scheduler yields to that one.
    if (fiber.currentDispatcher !== this.#dispatcher) return
    this.#place = place
    this.#makers.splice(place, 0, this.#watch.makerOf(fiber))
  }

  /** Those that run now don't wait any more. */
  #forget(): void {
    const gone = this.#makers.length - this.#tasks.keptOut
    if (gone <= 0) return
    this.#makers.splice(0, gone)
    this.#next = 0
  }

  /** Adds a task: that of a fiber which is kept out, if one yields just now. */
  add(task: Task, priority: number): void {
    if (this.#place === undefined) this.#tasks.add(task, priority)
    else this.#tasks.addKeptOut(task, this.#place)
    this.#place = undefined
  }
}
