/**
 * Runs an operation's waits by callbacks, without a fiber, where what it waits for supports that.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import { isWaiting, toEffect, type Unfinished, type Waiting } from "../services/Waiting.ts"

/** Runs an effect, as `Effect.runFork` does. */
export type Fork = <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>

/** What is left of one operation, while it is done. */
export class Unattended<E> {
  readonly #fork: Fork
  readonly #done: (exit: Exit.Exit<void, E>) => void
  /** What waits, without a fiber. */
  #waiting: Waiting<E> | undefined
  #giveUp: (() => void) | undefined
  #fiber: Fiber.Fiber<void, E> | undefined

  /** What needs a fiber is forked; `done` is called at the end, which may be at once. */
  constructor(left: Unfinished<E>, fork: Fork, done: (exit: Exit.Exit<void, E>) => void) {
    this.#fork = fork
    this.#done = done
    this.#do(left)
  }

  #do(left: Unfinished<E>): void {
    if (left === undefined) return this.#done(Exit.void)
    if (!isWaiting(left)) return this.#doInFiber(left)
    const { pause } = left
    if (Effect.isEffect(pause)) return this.#doInFiber(toEffect(left))
    this.#waiting = left
    const giveUp = pause.begin(this.#goOn)
    // It may be over by now, and another one under way.
    if (this.#waiting?.pause === pause) this.#giveUp = giveUp
  }

  readonly #goOn = (result: Effect.Effect<unknown>): void => {
    const waiting = this.#waiting!
    this.#waiting = this.#giveUp = undefined
    if (Exit.isExit(result) && Exit.isSuccess(result)) return this.#do(waiting.goOn(result.value))
    this.#doInFiber(Effect.matchCauseEffect(result, {
      onFailure: (cause) => toEffect(waiting.fail(cause)),
      onSuccess: (value) => toEffect(waiting.goOn(value)),
    }))
  }

  #doInFiber(effect: Effect.Effect<void, E>): void {
    const fiber = this.#fiber = this.#fork(effect)
    fiber.addObserver(this.#done)
  }

  /** Gives up what is waited for: what is always to be done after that still is. */
  interrupt(): void {
    if (this.#fiber !== undefined) return this.#fiber.interruptUnsafe()
    const waiting = this.#waiting
    if (waiting === undefined) return
    const giveUp = this.#giveUp
    this.#waiting = this.#giveUp = undefined
    giveUp?.()
    this.#doInFiber(toEffect(waiting.fail(Cause.interrupt())))
  }
}
