/**
 * Messages that have arrived and haven't been received yet.
 *
 * Handlers put it in, and fibers take it. A fiber doesn't run in a handler: one that waits goes on as a task of its
 * scheduler. If it is interrupted before that, it has taken nothing.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { Fifo } from "../core/Fifo.ts"
import { type AnyFiber, callback } from "../platform/Suspension.ts"

/** A queue without bounds. */
export class Mailbox<A> {
  /** How to wake those who wait, and who they are. */
  readonly #waiting = new Map<(taken: Effect.Effect<A>) => void, AnyFiber>()
  readonly #items = new Fifo<A>()
  /** Told when a fiber begins to wait: what is to be told when it waits no more. */
  onWait: ((fiber: AnyFiber) => () => void) | undefined
  /** Whether a task is about to hand out what is there. */
  #isHandedOut = false

  /** Puts something in. The reader that has waited longest gets it. */
  put(item: A): void {
    this.#items.push(item)
    if (this.#isHandedOut) return
    const [fiber] = this.#waiting.values()
    if (fiber === undefined) return
    this.#isHandedOut = true
    fiber.currentDispatcher.scheduleTask(this.#handOut, 0)
  }

  readonly #handOut = (): void => {
    this.#isHandedOut = false
    for (const resume of this.#waiting.keys()) {
      if (this.#items.size === 0) return
      this.#waiting.delete(resume)
      resume(Effect.succeed(this.#items.shift()!))
    }
  }

  /** Takes what was put in first, or waits for it. */
  readonly take: Effect.Effect<A> = Effect.suspend(() =>
    this.#items.size > 0 && this.#waiting.size === 0 ? Effect.succeed(this.#items.shift()!) : this.#wait
  )

  readonly #wait: Effect.Effect<A> = callback<A>((resume, fiber) => {
    const over = this.onWait?.(fiber)
    const taken = over === undefined ? resume : (effect: Effect.Effect<A>) => {
      over()
      resume(effect)
    }
    this.#waiting.set(taken, fiber)
    return () => {
      if (this.#waiting.delete(taken)) over?.()
    }
  })

  /** Whether a fiber waits for something to be put in. */
  isAwaitedBy(fiber: AnyFiber): boolean {
    return [...this.#waiting.values()].includes(fiber)
  }
}
