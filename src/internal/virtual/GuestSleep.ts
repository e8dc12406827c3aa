/**
 * The guest's sleep: how the runner waits for its calendar, its host, or its next event.
 *
 * @module
 */
import type * as Exit from "effect/Exit"
import * as Effect from "effect/Effect"
import { isStopped } from "../../core/Guest.ts"
import { traits } from "../../core/Modes.ts"
import { event, type GuestClock } from "../../GuestClock.ts"
import type { Interrupts } from "../../services/Interrupts.ts"
import type { Unfinished } from "../services/Waiting.ts"
import { type Fork, Unattended } from "./Unattended.ts"

/** One guest's sleep. */
export class GuestSleep {
  readonly #clock: GuestClock
  readonly #interrupts: Interrupts
  readonly #fork: Fork
  #running: Unattended<unknown> | undefined
  #isWaking = false

  constructor(clock: GuestClock, interrupts: Interrupts, fork: Fork) {
    this.#clock = clock
    this.#interrupts = interrupts
    this.#fork = fork
  }

  /** Whether it waits. */
  get isUnderWay(): boolean {
    return this.#running !== undefined
  }

  /**
   * Does what is left of a sleep. If that is over at once, what it came to is returned; otherwise `onOver` is told
   * later.
   */
  begin(
    rest: Unfinished<unknown>,
    onOver: (exit: Exit.Exit<void, unknown>) => void,
  ): Exit.Exit<void, unknown> | undefined {
    let over: Exit.Exit<void, unknown> | undefined
    let isBegun = false
    const running = new Unattended(rest, this.#fork, (exit) => {
      over = exit
      if (!isBegun) return
      this.#running = undefined
      this.#isWaking = false
      onOver(exit)
    })
    isBegun = true
    if (over === undefined) this.#running = running
    return over
  }

  /** Gives it up. */
  interrupt(): void {
    this.#running?.interrupt()
  }

  /** Something in the real world has made fibers ready: to the guest, an interrupt. */
  wake(): void {
    if (this.#isWaking || this.#clock.sync.isWaking()) return
    this.#isWaking = true
    const { mode, irqEvent, snapshot } = this.#clock
    // Where it doesn't wait for the calendar, or not any more, it is about to wake by itself.
    const knock = !traits[mode].hasCalendar ? Effect.void : Effect.flatMap(
      snapshot,
      (state) => isStopped(state) ? Effect.ignore(irqEvent(event("wake", Effect.void))) : Effect.void,
    )
    this.#fork(this.#interrupts.raise(knock))
  }
}
