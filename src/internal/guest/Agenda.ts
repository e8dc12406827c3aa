/**
 * What an operation of a guest is still to do. It is the only thing of a clock that waits: a task that has to wait leaves
 * on the agenda what comes after that, and the agenda goes on when the wait is over.
 *
 * ```text
 *   drive ─▶ do the task on top ─▶ it has to wait: pause ─▶ goOn ─▶ drive …
 *     ▲              │                                 └──▶ fail ─▶ unwind: only what has to be undone
 *     └──────────────┘
 * ```
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { Resume } from "../../core/Command.ts"
import type { ClockError } from "../../Event.ts"
import type { Mask, Restore } from "../../services/Interrupts.ts"
import type { Awaited, Unfinished, Waiting } from "../services/Waiting.ts"
import type { Task } from "./Task.ts"

/** Who does the tasks. */
export interface Drives {
  /** Does `task`, and all that is on the agenda after it, as far as that can be done at once. */
  readonly drive: (agenda: Agenda, task: Task | undefined) => Agenda | undefined
  /** Undoes what an operation that was cut short has left on the agenda, as far as that can be done at once. */
  readonly unwind: (agenda: Agenda) => Agenda | undefined
  /** The agenda is empty, and can be used again. */
  readonly recycle: (agenda: Agenda) => void
}

/** What one operation is still to do. */
export class Agenda implements Waiting<ClockError> {
  readonly #driver: Drives
  /** The last is the next. */
  readonly tasks: Array<Task> = []
  /** The masks that were set and are yet to be taken off, the last first. */
  readonly masks: Array<Mask> = []
  /** Makes what it waits for as interruptible as whoever called the operation. */
  restore: Restore
  /** How many tasks were there before the operation's own transition: those above are abandoned together. */
  base = NONE
  /** What of those the core is to be told of, the next first. */
  abandoned: Array<Resume> | undefined
  pause: Awaited<ClockError> = Effect.void
  /** What the last wait came to. */
  value: unknown
  leave: Waiting<ClockError>["leave"]
  #isDone = false
  #cause: Cause.Cause<ClockError> | undefined

  constructor(driver: Drives, restore: Restore) {
    this.#driver = driver
    this.restore = restore
    this.abandoned = undefined
    this.value = undefined
    this.leave = undefined
  }

  /** The next task, which is taken off. */
  next(): Task | undefined {
    const { tasks } = this
    // `pop` on an empty array is slow on Bun (docs/performance.md).
    return tasks.length > 0 ? tasks.pop() : undefined
  }

  /** A task that was taken off isn't done. */
  putBack(task: Task | undefined): this {
    if (task !== undefined) this.tasks.push(task)
    return this
  }

  /** What is to be undone below all else: it takes off `mask`. Only now that it waits, as the fast path has no need of it. */
  addAtEnd(task: Task, mask: Mask): void {
    this.tasks.unshift(task)
    this.masks.unshift(mask)
    if (this.base !== NONE) this.base++
  }

  /** Has it wait. */
  await(pause: Awaited<ClockError>): this {
    this.pause = pause
    return this
  }

  goOn(value: unknown): Unfinished<ClockError> {
    this.value = value
    return this.#proceed()
  }

  fail(cause: Cause.Cause<ClockError>): Unfinished<ClockError> {
    this.#cause = this.#cause === undefined ? cause : Cause.combine(this.#cause, cause)
    return this.#proceed()
  }

  #proceed(): Unfinished<ClockError> {
    if (!this.#isDone) {
      const waits = this.#cause === undefined ? this.#driver.drive(this, this.next()) : this.#driver.unwind(this)
      if (waits !== undefined) return waits
      this.#isDone = true
    }
    const { leave } = this
    if (leave !== undefined) {
      this.leave = undefined
      const pause = leave()
      if (pause !== undefined) return this.await(pause)
    }
    if (this.#cause !== undefined) return Effect.failCause(this.#cause)
    this.#isDone = false
    this.value = undefined
    this.#driver.recycle(this)
    return undefined
  }
}

/** No transition was begun. */
export const NONE = -1
