/**
 * A guest's clock for plain code: functions that act at once, without a fiber.
 *
 * @module
 */
import type * as Effect from "effect/Effect"
import type { Command } from "../../core/Command.ts"
import { TimeOutOfRange } from "../../core/Fault.ts"
import * as Guest from "../../core/Guest.ts"
import { nothingDeferred } from "../core/GuestState.ts"
import * as Nanos from "../../core/Nanos.ts"
import type { Event, SyncClock } from "../../Event.ts"
import type { Interrupts } from "../../services/Interrupts.ts"
import type { GuestTransitions } from "../../services/Tracer.ts"
import { toEffect, type Unfinished } from "../services/Waiting.ts"
import type { Interpreter } from "./Interpreter.ts"
import { beTold, listen } from "./CalendarListener.ts"

const UNMASKED: ReadonlyArray<Command> = [{ _tag: "Mask" }, { _tag: "Unmask" }]

const effectOf = <E>(left: Unfinished<E>): Effect.Effect<void, E> | undefined => left && toEffect(left)

const propagateTime = (core: GuestTransitions, state: Guest.Guest) => core.propagateTime(state)

/**
 * Handlers take its functions apart, so they are its own; all but the time, which is a getter of the class:
 * where it was one of an object's own, V8 kept that as a dictionary, and an event took a tenth to a quarter longer.
 */
export class SyncGuestClock implements SyncClock {
  readonly #guest: Interpreter
  readonly #interrupts: Interrupts
  readonly settle: SyncClock["settle"]
  /** Told of an event that is to be added for a time that is over. */
  onPast: ((event: Event, at: bigint) => void) | undefined = undefined

  constructor(guest: Interpreter, interrupts: Interrupts) {
    this.#guest = guest
    this.#interrupts = interrupts
    guest.handling = this
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
    if (guest.state === before) return false
    // In a revision that masks for that, what waits for interrupts is handled when they go on again.
    if (guest.state.deferred !== nothingDeferred) guest.ask(UNMASKED)
    return true
  }

  readonly nextDue = (): bigint | undefined => Guest.nextDue(this.#guest.state)
  readonly pending: SyncClock["pending"] = () => Guest.pending(this.#guest.state)
  readonly wallClock = (): bigint => {
    this.#guest.lookAtHost()
    if (Guest.needsStart(this.#guest.state)) this.#knowStart()
    return Guest.wallClock(this.#guest.state)
  }
  /** The first read of the wall clock (SPEC 11.2), where it needn't wait. */
  #knowStart(): void {
    const guest = this.#guest
    if (guest.fault !== undefined) return
    if (guest.state.settings.mode.hasCalendar && !guest.isWithCalendar) {
      throw new Error(
        "read GuestClock.wallClock first: it asks the calendar for the time of day, for which a fiber waits",
      )
    }
    const rest = guest.atOnce((core, state) => core.readWallClock(state, guest.hostNow()))
    if (rest !== undefined) throw guest.fault ?? new Error("the calendar in this process hasn't answered at once")
  }
  readonly isFree = (): boolean => this.#interrupts.isFree()
  readonly isWaking = (): boolean => this.#guest.isWaking
  readonly isAhead = (): boolean => Guest.isAhead(this.#guest.state)
  readonly sleep: SyncClock["sleep"] = () => {
    return effectOf(this.#interrupts.begin(this.#guest.sleep))
  }
  readonly isDead = (): boolean => this.#guest.fault !== undefined
  readonly isStopped = (): boolean => Guest.isStopped(this.#guest.state)
  readonly isBusy = (): boolean => {
    const { state } = this.#guest
    return !this.#interrupts.isFree() && (Guest.isStopped(state) || Guest.awaitsAck(state))
  }
  readonly isCalling = (): boolean => this.#guest.calling > 0
  readonly isWithCalendar = (): boolean => this.#guest.isWithCalendar
  readonly isInterruptible = (): boolean => {
    const { isWithCalendar, state, local } = this.#guest
    return isWithCalendar && Guest.isStopped(state) && this.#interrupts.isWaiting() && local!.answersAtOnce()
  }
  readonly propagateTime: SyncClock["propagateTime"] = () =>
    Guest.isKnown(this.#guest.state) ? undefined : effectOf(this.#guest.atOnce(propagateTime))
  readonly hearCalendar: SyncClock["hearCalendar"] = () =>
    // What it says otherwise is a message, which is heard at the next exchange.
    this.#guest.inquire === undefined ? effectOf(this.#guest.atOnce(propagateTime)) : undefined
  readonly irqEvent: SyncClock["irqEvent"] = (event, delay) => {
    const nanos = Nanos.make(delay)
    if (nanos instanceof TimeOutOfRange) throw nanos
    return effectOf(this.#guest.atOnce((core, state) => core.irqEvent(state, event, nanos)))
  }
  readonly listen = (): () => void => listen(this.#guest, this.#interrupts)
  readonly beginSleep: SyncClock["beginSleep"] = () => this.#interrupts.begin(this.#guest.sleepOn)
}
