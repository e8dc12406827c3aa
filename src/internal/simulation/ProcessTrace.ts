/**
 * What a guest's trace is told of its processes: when they begin and end, and what they wait for. Nothing, where the
 * guest isn't traced.
 *
 * @module
 */
import * as Fiber from "effect/Fiber"
import type { AnyFiber } from "../platform/Suspension.ts"
import type { WorldNote } from "../../services/Tracer.ts"

/** A process, as traces know it. */
interface Named {
  /** Its number among those of its guest: 0 is the program. */
  readonly id: number
  readonly name: string
}

/** Tells a trace of something, at this time. */
export type Tell = (note: WorldNote) => void

/** Tells a trace that a wait is over; whether it failed, as by an interrupt. */
export type WaitOver = (interrupted: boolean) => void

/** The way from a guest's processes to its trace. */
export class ProcessTrace {
  /** Tells the guest's trace; none: it isn't traced. */
  tell: Tell | undefined
  readonly #processOf: (fiber: AnyFiber) => Named
  #nextWait = 0
  readonly #sleeping = new WeakMap<AnyFiber, () => void>()

  constructor(processOf: (fiber: AnyFiber) => Named) {
    this.#processOf = processOf
  }

  /** The number of the process whose fiber runs just now, if one does. */
  #running(): number | undefined {
    const fiber = Fiber.getCurrent()
    return fiber === undefined ? undefined : this.#processOf(fiber as AnyFiber).id
  }

  spawned({ id, name }: Named): void {
    this.tell?.({ _tag: "Spawned", pid: id, name, by: this.#running() ?? 0 })
  }

  exited({ id }: Named, failure: string | undefined): void {
    this.tell?.({ _tag: "Exited", pid: id, ...failure !== undefined && { failure } })
  }

  /** A process begins to wait for something; what is to be told when it doesn't any more. */
  waits({ id }: Named, what: string): WaitOver | undefined {
    const { tell } = this
    if (tell === undefined) return undefined
    const wait = this.#nextWait++
    tell({ _tag: "Waits", pid: id, wait, what })
    return (interrupted) => {
      const by = this.#running()
      tell({ _tag: "Waited", wait, ...by !== undefined && by !== id && { by }, ...interrupted && { interrupted } })
    }
  }

  /** The same of a fiber that waits for something else than an operation. */
  fiberWaits(fiber: AnyFiber, what: string): () => void {
    const over = this.waits(this.#processOf(fiber), what)
    return () => over?.(false)
  }

  /** A fiber falls asleep, or sleeps no more. */
  readonly sleeps = (fiber: AnyFiber, isAsleep: boolean): void => {
    if (isAsleep) return void this.#sleeping.set(fiber, this.fiberWaits(fiber, "sleep"))
    this.#sleeping.get(fiber)?.()
    this.#sleeping.delete(fiber)
  }
}
