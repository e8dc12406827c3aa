/**
 * The interpreter of a guest whose calendar is in the same process, and is asked without messages: it sleeps in steps of
 * its own (`internal/core/InProcessSleep`), which are most of what a world in one process does.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Pending } from "../../core/Command.ts"
import * as EventQueue from "../../core/EventQueue.ts"
import { EventTimeMismatch, isFault } from "../../core/Fault.ts"
import * as Guest from "../../core/Guest.ts"
import * as Message from "../../core/Message.ts"
import { FOREVER, type Nanos, NONE } from "../../core/Nanos.ts"
import type { ClockError, Event } from "../../Event.ts"
import type { Operation } from "../../services/Interrupts.ts"
import * as Core from "../core/InProcessSleep.ts"
import type { Agenda } from "./Agenda.ts"
import type { Wait, Work } from "./Driver.ts"
import { Interpreter } from "./Interpreter.ts"
import type { Task } from "./Task.ts"

const ROUND: Task = { _tag: "Round" }
const TELL_NEXT: Task = { _tag: "TellNext" }

/** One guest beside its calendar. */
export class InProcess extends Interpreter {
  /** Sleeps until an event was delivered. */
  override readonly sleepOn: Operation<ClockError> = (restore) => {
    const agenda = this.newAgenda(restore)
    this.mask(agenda)
    return this.beginAfterAsked(agenda, ROUND)
  }

  protected override execute(task: Work, agenda: Agenda): Wait {
    switch (task._tag) {
      case "Round":
        return this.#round(agenda)
      case "TellNext":
        return this.#tell(Core.due(this.state))
      case "AwaitTurn":
        return task.hasWaited ? this.#arrived(task.event, agenda) : this.#goOn(task.event, agenda)
      default:
        return super.execute(task, agenda)
    }
  }

  protected override cleanUp(task: Task, agenda: Agenda): Wait {
    if (task._tag !== "AwaitTurn") return super.cleanUp(task, agenda)
    if (Guest.isStopped(this.state)) this.state = Core.gaveUp(this.state)
    return undefined
  }

  /** Goes to what is due next, as soon as the calendar lets it. */
  #round(agenda: Agenda): Wait {
    for (;;) {
      if (this.fault !== undefined) return Effect.fail(this.fault)
      const first = EventQueue.first(this.state.pending)
      // What is rare is left to the core's way, which has all of it.
      if (first !== undefined && first.event._tag !== "Event" || Core.gaveUpWaiting(this.state)) {
        agenda.base = agenda.tasks.length
        agenda.tasks.push(this.asleep)
        return undefined
      }
      const due = first?.time ?? FOREVER
      const failed = this.#tell(due)
      if (failed !== undefined) return failed
      if (first !== undefined && Core.mayRunTo(this.state, due)) {
        return this.#deliver(first.event as Event, due, agenda)
      }
      const dead = this.exchangeNow(Message.Op.Wait, NONE)
      if (dead !== undefined) return dead
      this.state = Core.waits(this.state)
      const wait = this.#await(first?.event, agenda)
      if (wait !== GRANTED) return wait
    }
  }

  /** Waits for RUN, having heard `message` if there is one, and delivers `event` if that is what is due then. */
  #await(event: Pending | undefined, agenda: Agenda, message?: Message.Message): Wait | typeof GRANTED {
    let heard = message
    while (Guest.isStopped(this.state)) {
      if (heard === undefined && !this.interrupts.hasRaised()) heard = this.inbox.next()
      if (heard === undefined) {
        agenda.tasks.push({ _tag: "AwaitTurn", event, hasWaited: true })
        return this.arrival(agenda.restore)
      }
      if (heard.op !== Message.Op.Run) {
        agenda.tasks.push({ _tag: "AwaitTurn", event, hasWaited: false })
        return this.heedOn(agenda, heard)
      }
      const next = Core.runs(this.state, heard.time as Nanos)
      if (isFault(next)) return this.die(next)
      this.state = next
      heard = undefined
    }
    const first = EventQueue.first(this.state.pending)
    if (first === undefined || first.event !== event || event._tag !== "Event") return GRANTED
    const { now } = this.state
    return first.time === now
      ? this.#deliver(event as Event, now, agenda)
      : this.die(new EventTimeMismatch(now, first.time, event.name))
  }

  /** A message has arrived, or interrupts have been handled. */
  #arrived(event: Pending | undefined, agenda: Agenda): Wait {
    const arrived = agenda.value as Option.Option<unknown>
    if (Option.isNone(arrived) || this.interrupts.hasRaised()) return this.#goOn(event, agenda)
    const message = this.inbox.next()
    // What can be read and is no message is the end of the link.
    return message === undefined ? this.receive(agenda) : this.#goOn(event, agenda, message)
  }
  #goOn(event: Pending | undefined, agenda: Agenda, message?: Message.Message): Wait {
    const wait = this.#await(event, agenda, message)
    return wait === GRANTED ? this.#round(agenda) : wait
  }

  /** Tells the calendar when it is to run next, unless that is what it was told last. */
  #tell(time: Nanos): Wait {
    if (!Core.isNews(this.state, time)) return undefined
    this.state = Core.told(this.state, time)
    return this.exchangeNow(Message.Op.Request, time)
  }

  #deliver(event: Event, due: Nanos, agenda: Agenda): Wait {
    const moved = due === this.state.now ? this.state : Guest.setTime(this.state, due)
    if (isFault(moved)) return this.die(Guest.naming(moved, event))
    this.state = Core.taken(moved)
    agenda.tasks.push(TELL_NEXT)
    return this.deliver(event, agenda, true)
  }
}

/** RUN has come, and what was waited for isn't what is due. */
const GRANTED = Symbol("granted")
