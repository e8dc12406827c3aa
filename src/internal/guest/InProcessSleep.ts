/**
 * The sleep of a guest whose calendar is in the same process: carries out the steps of `internal/core/InProcessSleep`.
 * It is most of what a world in one process does.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Pending } from "../../core/Command.ts"
import * as EventQueue from "../../core/EventQueue.ts"
import { EventTimeMismatch, isFault } from "../../core/Fault.ts"
import * as Core from "../core/InProcessSleep.ts"
import * as Message from "../../core/Message.ts"
import { FOREVER, type Nanos, NONE } from "../../core/Nanos.ts"
import * as Guest from "../../core/Guest.ts"
import type { ClockError, Event } from "../../Event.ts"
import type { Operation, Restore } from "../../services/Interrupts.ts"
import { andThen, ending, type Rest, wait } from "../services/Rest.ts"
import type { Interpreter } from "./Interpreter.ts"

/** One guest's sleep. */
export class Idle {
  readonly #guest: Interpreter

  constructor(guest: Interpreter) {
    this.#guest = guest
  }

  /** Sleeps until an event was delivered. */
  readonly sleep: Operation<ClockError> = (restore) => {
    const guest = this.#guest
    if (guest.fault !== undefined) return Effect.fail(guest.fault)
    const first = guest.doAsked(restore)
    return first === undefined ? this.#round(restore) : andThen(first, () => this.#round(restore))
  }

  /** Goes to what is due next, as soon as the calendar lets it. */
  #round(restore: Restore): Rest<ClockError> {
    const guest = this.#guest
    for (;;) {
      if (guest.fault !== undefined) return Effect.fail(guest.fault)
      const first = EventQueue.first(guest.state.pending)
      // What is rare is left to the core's way, which has all of it.
      if (first !== undefined && first.event._tag !== "Event" || Core.gaveUpWaiting(guest.state)) {
        return guest.sleepAsOthersDo(restore)
      }
      const due = first?.time ?? FOREVER
      const failed = this.#tell(due)
      if (failed !== undefined) return failed
      if (first !== undefined && Core.mayRunTo(guest.state, due)) {
        return this.#deliver(first.event as Event, due, restore)
      }
      const dead = guest.exchangeNow(Message.Op.Wait, NONE)
      if (dead !== undefined) return dead
      guest.state = Core.waits(guest.state)
      const rest = this.#await(first?.event, restore)
      if (rest !== GRANTED) return rest
    }
  }

  /** Waits for RUN, having heard `message` if there is one, and delivers `event` if that is what is due then. */
  #await(event: Pending | undefined, restore: Restore, message?: Message.Message): Rest<ClockError> | typeof GRANTED {
    const guest = this.#guest
    let heard = message
    while (Guest.isStopped(guest.state)) {
      if (heard === undefined && !guest.interrupts.hasRaised()) heard = guest.inbox.next()
      if (heard === undefined) return this.#pause(event, restore)
      if (heard.op === Message.Op.Run) {
        const next = Core.runs(guest.state, heard.time as Nanos)
        if (isFault(next)) return guest.die(next)
        guest.state = next
      } else {
        const rest = guest.heed(heard, restore)
        if (rest !== undefined) return andThen(rest, () => this.#goOn(event, restore))
      }
      heard = undefined
    }
    const first = EventQueue.first(guest.state.pending)
    if (first === undefined || first.event !== event || event._tag !== "Event") return GRANTED
    const { now } = guest.state
    return first.time === now
      ? this.#deliver(event as Event, now, restore)
      : guest.die(new EventTimeMismatch(now, first.time, event.name))
  }

  /** Until a message has arrived, or interrupts have been handled. */
  #pause(event: Pending | undefined, restore: Restore): Rest<ClockError> {
    const guest = this.#guest
    const waiting = wait(guest.arrival(restore), (arrived: Option.Option<unknown>) => {
      if (guest.fault !== undefined) return Effect.fail(guest.fault)
      if (Option.isNone(arrived) || guest.interrupts.hasRaised()) return this.#goOn(event, restore)
      const message = guest.inbox.next()
      // What can be read and is no message is the end of the link.
      return message === undefined ? guest.handleMessage(restore) : this.#goOn(event, restore, message)
    })
    return ending(waiting, (failed) => {
      if (failed && Guest.isStopped(guest.state)) guest.state = Core.gaveUp(guest.state)
      return undefined
    })
  }
  #goOn(event: Pending | undefined, restore: Restore, message?: Message.Message): Rest<ClockError> {
    const rest = this.#await(event, restore, message)
    return rest === GRANTED ? this.#round(restore) : rest
  }

  /** Tells the calendar when it is to run next, unless that is what it was told last. */
  #tell(time: Nanos): Rest<ClockError> {
    const guest = this.#guest
    if (!Core.isNews(guest.state, time)) return undefined
    guest.state = Core.told(guest.state, time)
    return guest.exchangeNow(Message.Op.Request, time)
  }

  #deliver(event: Event, due: Nanos, restore: Restore): Rest<ClockError> {
    const guest = this.#guest
    const moved = due === guest.state.now ? guest.state : Guest.setTime(guest.state, due)
    if (isFault(moved)) return guest.die(Guest.naming(moved, event))
    guest.state = Core.taken(moved)
    const rest = guest.deliver(event, restore, true)
    return rest === undefined
      ? this.#tell(Core.due(guest.state))
      : andThen(rest, () => this.#tell(Core.due(guest.state)))
  }
}

/** RUN has come, and what was waited for isn't what is due. */
const GRANTED = Symbol("granted")
