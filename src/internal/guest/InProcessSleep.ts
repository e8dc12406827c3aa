/**
 * The sleep of a guest whose calendar is in the same process, and is asked without messages: the tasks that do the steps
 * of `internal/core/InProcessSleep`. It is most of what a world in one process does.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Pending } from "../../core/Command.ts"
import * as EventQueue from "../../core/EventQueue.ts"
import { EventTimeMismatch, type Fault, isFault } from "../../core/Fault.ts"
import * as Guest from "../../core/Guest.ts"
import * as Message from "../../core/Message.ts"
import { FOREVER, type Nanos, NONE } from "../../core/Nanos.ts"
import type { Event } from "../../Event.ts"
import type { Interrupts, Restore } from "../../services/Interrupts.ts"
import type { Inbox } from "../../services/Link.ts"
import * as Core from "../core/InProcessSleep.ts"
import type { Agenda } from "./Agenda.ts"
import type { Wait } from "./Driver.ts"
import type { AwaitTurn, Perform, Task } from "./Task.ts"

const TELL_NEXT: Task = { _tag: "TellNext" }

/** What the sleep needs of its guest. */
interface Sleeper {
  state: Guest.Guest
  readonly fault: Fault | undefined
  readonly interrupts: Interrupts
  readonly inbox: Inbox
  /** The core's own sleep. */
  readonly asleep: Perform
  readonly die: (reason: Fault) => Wait
  readonly exchangeNow: (op: number, time: Nanos) => Wait
  readonly deliver: (event: Event, agenda: Agenda, wakes: boolean) => Wait
  readonly heedOn: (agenda: Agenda, message: Message.Message) => Wait
  readonly receive: (agenda: Agenda) => Wait
  readonly arrival: (restore: Restore) => NonNullable<Wait>
}

/** One guest's sleep. */
export class InProcessSleep {
  readonly #guest: Sleeper

  constructor(guest: Sleeper) {
    this.#guest = guest
  }

  /** It goes on: it has waited, or has handled a message. */
  goOn({ event, hasWaited }: AwaitTurn, agenda: Agenda): Wait {
    return hasWaited ? this.#arrived(event, agenda) : this.#again(event, agenda)
  }

  /** It is cut short while it waits for RUN. */
  giveUp(): undefined {
    const guest = this.#guest
    if (Guest.isStopped(guest.state)) guest.state = Core.gaveUp(guest.state)
  }

  /** Tells the calendar what is next. */
  tellNext(): Wait {
    return this.#tell(Core.due(this.#guest.state))
  }

  /** Goes to what is due next, as soon as the calendar lets it. */
  round(agenda: Agenda): Wait {
    const guest = this.#guest
    for (;;) {
      if (guest.fault !== undefined) return Effect.fail(guest.fault)
      const first = EventQueue.first(guest.state.pending)
      // What is rare is left to the core's way, which has all of it.
      if (first !== undefined && first.event._tag !== "Event" || Core.gaveUpWaiting(guest.state)) {
        agenda.base = agenda.tasks.length
        agenda.tasks.push(guest.asleep)
        return undefined
      }
      const due = first?.time ?? FOREVER
      const failed = this.#tell(due)
      if (failed !== undefined) return failed
      if (first !== undefined && Core.mayRunTo(guest.state, due)) {
        return this.#deliver(first.event as Event, due, agenda)
      }
      const dead = guest.exchangeNow(Message.Op.Wait, NONE)
      if (dead !== undefined) return dead
      guest.state = Core.waits(guest.state)
      const wait = this.#await(first?.event, agenda)
      if (wait !== GRANTED) return wait
    }
  }

  /** Waits for RUN, having heard `message` if there is one, and delivers `event` if that is what is due then. */
  #await(event: Pending | undefined, agenda: Agenda, message?: Message.Message): Wait | typeof GRANTED {
    const guest = this.#guest
    let heard = message
    while (Guest.isStopped(guest.state)) {
      if (heard === undefined && !guest.interrupts.hasRaised()) heard = guest.inbox.next()
      if (heard === undefined) {
        agenda.tasks.push({ _tag: "AwaitTurn", event, hasWaited: true })
        return guest.arrival(agenda.restore)
      }
      if (heard.op !== Message.Op.Run) {
        agenda.tasks.push({ _tag: "AwaitTurn", event, hasWaited: false })
        return guest.heedOn(agenda, heard)
      }
      const next = Core.runs(guest.state, heard.time as Nanos)
      if (isFault(next)) return guest.die(next)
      guest.state = next
      heard = undefined
    }
    const first = EventQueue.first(guest.state.pending)
    if (first === undefined || first.event !== event || event._tag !== "Event") return GRANTED
    const { now } = guest.state
    return first.time === now
      ? this.#deliver(event as Event, now, agenda)
      : guest.die(new EventTimeMismatch(now, first.time, event.name))
  }

  /** A message has arrived, or interrupts have been handled. */
  #arrived(event: Pending | undefined, agenda: Agenda): Wait {
    const guest = this.#guest
    const arrived = agenda.value as Option.Option<unknown>
    if (Option.isNone(arrived) || guest.interrupts.hasRaised()) return this.#again(event, agenda)
    const message = guest.inbox.next()
    // What can be read and is no message is the end of the link.
    return message === undefined ? guest.receive(agenda) : this.#again(event, agenda, message)
  }
  #again(event: Pending | undefined, agenda: Agenda, message?: Message.Message): Wait {
    const wait = this.#await(event, agenda, message)
    return wait === GRANTED ? this.round(agenda) : wait
  }

  /** Tells the calendar when it is to run next, unless that is what it was told last. */
  #tell(time: Nanos): Wait {
    const guest = this.#guest
    if (!Core.isNews(guest.state, time)) return undefined
    guest.state = Core.told(guest.state, time)
    return guest.exchangeNow(Message.Op.Request, time)
  }

  #deliver(event: Event, due: Nanos, agenda: Agenda): Wait {
    const guest = this.#guest
    const moved = due === guest.state.now ? guest.state : Guest.setTime(guest.state, due)
    if (isFault(moved)) return guest.die(Guest.naming(moved, event))
    guest.state = Core.taken(moved)
    agenda.tasks.push(TELL_NEXT)
    return guest.deliver(event, agenda, true)
  }
}

/** RUN has come, and what was waited for isn't what is due. */
const GRANTED = Symbol("granted")
