/**
 * A guest's clock for code that is no fiber.
 *
 * @module
 */
import { TimeOutOfRange } from "../core/Fault.ts"
import * as Guest from "../core/Guest.ts"
import * as Nanos from "../core/Nanos.ts"
import type { Direct, Event } from "../Event.ts"
import type { Interrupts } from "../services/Interrupts.ts"
import { toEffect } from "../services/Rest.ts"
import type { Interpreter } from "./Interpreter.ts"
import { beTold, listen } from "./Listening.ts"

/**
 * Handlers take its functions apart, so they are its own; all but the time, which is a getter of the class:
 * where it was one of an object's own, V8 kept that as a dictionary, and an event took a tenth to a quarter longer.
 */
export class DirectClock implements Direct {
  readonly #guest: Interpreter
  readonly #interrupts: Interrupts
  readonly settle: Direct["settle"]
  /** Told of an event that is to be added for a time that is over. */
  onPast: ((event: Event, at: bigint) => void) | undefined = undefined

  constructor(guest: Interpreter, interrupts: Interrupts) {
    this.#guest = guest
    this.#interrupts = interrupts
    this.settle = interrupts.occupy(false, guest.doAsked)
    beTold(guest, interrupts)
  }

  get now(): bigint {
    this.#guest.lookAtHost()
    return this.#guest.state.now
  }

  readonly addEvent = (event: Event, at: bigint): void => {
    const guest = this.#guest
    const time = Nanos.make(at)
    if (time instanceof TimeOutOfRange) throw time
    if (guest.fault !== undefined) throw guest.fault
    if (time < guest.state.now) this.onPast?.(event, time)
    const { state, commands } = guest.core.addEvent(guest.state, event, time)
    guest.state = state
    guest.ask(commands)
  }

  readonly deleteEvent = (event: Event): boolean => {
    const guest = this.#guest
    if (guest.fault !== undefined) throw guest.fault
    const before = guest.state
    guest.state = guest.core.deleteEvent(before, event)
    return guest.state !== before
  }

  readonly nextDue = (): bigint | undefined => Guest.nextDue(this.#guest.state)
  readonly pending: Direct["pending"] = () => Guest.pending(this.#guest.state)
  readonly wallClock = (): bigint => {
    this.#guest.lookAtHost()
    return Guest.wallClock(this.#guest.state)
  }
  readonly isFree = (): boolean => this.#interrupts.isFree()
  readonly isWaking = (): boolean => this.#guest.isWaking
  readonly isAhead = (): boolean => Guest.isAhead(this.#guest.state)
  readonly sleep: Direct["sleep"] = () => {
    const rest = this.#interrupts.begin(this.#guest.sleep)
    return rest && toEffect(rest)
  }
  readonly isDead = (): boolean => this.#guest.fault !== undefined
  readonly isStopped = (): boolean => Guest.isStopped(this.#guest.state)
  readonly isBusy = (): boolean => !this.#interrupts.isFree() && Guest.isStopped(this.#guest.state)
  readonly isWithCalendar = (): boolean => this.#guest.isWithCalendar
  readonly isInterruptible = (): boolean => this.#guest.isInterruptible
  readonly propagateTime: Direct["propagateTime"] = () =>
    Guest.isKnown(this.#guest.state) ? undefined : this.#guest.atOnce((core, state) => core.propagateTime(state))
  readonly hearCalendar: Direct["hearCalendar"] = () =>
    // What it says otherwise is a message, which is heard at the next exchange.
    this.#guest.inquire === undefined ? this.#guest.atOnce((core, state) => core.propagateTime(state)) : undefined
  readonly irqEvent: Direct["irqEvent"] = (event, delay) => {
    const nanos = Nanos.make(delay)
    if (nanos instanceof TimeOutOfRange) throw nanos
    return this.#guest.atOnce((core, state) => core.irqEvent(state, event, nanos))
  }
  readonly listen = (): () => void => listen(this.#guest, this.#interrupts)
  readonly beginSleep: Direct["beginSleep"] = () => this.#interrupts.begin(this.#guest.sleepOn)
}
