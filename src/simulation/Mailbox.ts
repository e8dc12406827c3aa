/**
 * What has arrived and nobody has taken yet. A program that waits for it can run as soon
 * as it is there: the guest need not be woken for that, as it would be for Effect's
 * `Queue`, which tells of it a turn of the event loop later.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { type AnyFiber, callback } from "../platform/Suspended.ts"

/** A queue without bounds. */
export class Mailbox<A> {
  /** How to wake those who wait, and who they are: for reports. */
  readonly #waiting = new Map<(taken: Effect.Effect<A>) => void, AnyFiber>()
  #items: Array<A> = []
  #next = 0

  /** Puts something in. Whoever has waited longest gets it. */
  put(item: A): void {
    const [waiting] = this.#waiting.keys()
    if (waiting === undefined) this.#items.push(item)
    else {
      this.#waiting.delete(waiting)
      waiting(Effect.succeed(item))
    }
  }

  /** Takes what was put in first, or waits for it. */
  readonly take: Effect.Effect<A> = Effect.suspend(() =>
    this.#next < this.#items.length ? Effect.succeed(this.#shift()) : this.#wait
  )

  readonly #wait: Effect.Effect<A> = callback<A>((resume, fiber) => {
    this.#waiting.set(resume, fiber)
    return () => void this.#waiting.delete(resume)
  })

  /** Whether a fiber waits for something to be put in. */
  isAwaitedBy(fiber: AnyFiber): boolean {
    return [...this.#waiting.values()].includes(fiber)
  }

  #shift(): A {
    const item = this.#items[this.#next++]!
    // An array's own shift may take as long as the array is.
    if (this.#next * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#next)
      this.#next = 0
    }
    return item
  }
}
