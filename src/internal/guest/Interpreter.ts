/**
 * Carries out a guest's commands with the services around it. It decides nothing about time.
 *
 * A task that has to wait puts on the agenda what comes after the wait, and returns what is to be waited for.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "../../core/Command.ts"
import { type Fault, isFault, type LinkBroken, TimeOutOfRange } from "../../core/Fault.ts"
import * as Guest from "../../core/Guest.ts"
import * as Message from "../../core/Message.ts"
import type { Nanos } from "../../core/Nanos.ts"
import { type Action, type ClockError, type Event, type Handler, type Handling, naming } from "../../Event.ts"
import { type Interrupts, type Mask, type Operation, type Restore, withoutMasks } from "../../services/Interrupts.ts"
import * as Link from "../../services/Link.ts"
import type { GuestTransitions } from "../../services/Tracer.ts"
import { begin } from "../services/AtOnce.ts"
import { type Pause, toEffect } from "../services/Waiting.ts"
import type { Agenda } from "./Agenda.ts"
import { Driver, type Left, type Wait, type Work, type World } from "./Driver.ts"
import { InProcessSleep } from "./InProcessSleep.ts"
import type { Perform, Task } from "./Task.ts"

const TAKE_MASK_OFF: Task = { _tag: "TakeMaskOff" }
const LEAVE: Task = { _tag: "LeaveHandler", wasWaking: false }
const LEAVE_WAKING: Task = { _tag: "LeaveHandler", wasWaking: true }
const AWAIT_ACK: Task = { _tag: "AwaitAck" }
const AWAIT_RUN: Task = { _tag: "AwaitRun" }
const ARRIVED: Task = { _tag: "Arrived" }
const HEAR: Task = { _tag: "Hear" }
const HEED: Task = { _tag: "Heed" }
const ROUND: Task = { _tag: "Round" }
const CALL_TICK: Task = { _tag: "CallTick" }

/** One guest, and what it does. */
export class Interpreter extends Driver {
  onTick: Action | undefined = undefined
  onAlarm: Action | undefined = undefined
  /** Whether the handler that runs is that of what the guest wakes up for. */
  isWaking = false
  /** How many handlers are being called just now. */
  calling = 0
  /** What handlers are given: the clock for code that is no fiber. */
  handling!: Handling
  readonly interrupts: Interrupts
  readonly inbox: Link.Inbox
  /** The calendar, where it is in this process, … */
  readonly local: Link.LocalCalendar | undefined
  /** … and how it is asked, where nobody wants to see the messages that it would be. */
  readonly inquire: Link.LocalCalendar["ask"]

  private readonly inProcess = new InProcessSleep(this)

  constructor(world: World) {
    super(world)
    this.interrupts = world.interrupts
    this.inbox = Link.inbox(world.link)
    this.local = world.link.direct?.calendar
    this.inquire = world.trace === undefined ? this.local?.ask : undefined
    if (this.inquire !== undefined) this.local?.onFreeUntil((message) => this.heedLimit(message))
  }

  /** Undoes a task, if that is one that has to be. */
  protected override cleanUp(task: Task, agenda: Agenda): Wait {
    switch (task._tag) {
      case "LeaveHandler":
        return this.leaveHandler(agenda.masks.pop()!, task.wasWaking)
      case "TakeMaskOff":
        return this.takeMaskOff(agenda)
      case "AwaitTurn":
        return this.inProcess.giveUp()
      default:
        return undefined
    }
  }

  /** Does a task: what has to be waited for then, if anything has. */
  protected override execute(task: Work, agenda: Agenda): Wait {
    const { link, hostTimer, onWarning } = this.world
    switch (task._tag) {
      case "Deliver":
        return this.deliver(task.event as Event, agenda, endsSleep(agenda))
      case "TakeMaskOff":
        return this.takeMaskOff(agenda)
      case "Tick":
        return this.tick(task.relay, agenda)
      case "LeaveHandler":
        return this.leaveHandler(agenda.masks.pop()!, task.wasWaking)
      case "Exchange":
        return this.exchange(task.op, task.time, agenda)
      case "Write": {
        // A calendar that is asked doesn't wait for ACKs.
        if (this.inquire !== undefined && task.message.op === Message.Op.Ack) return undefined
        const written = Link.write(link, task.message)
        return written && Effect.catch(written, this.die)
      }
      case "Send":
        return this.followLater(agenda, this.core.beginExchange(this.state, task.op, task.time as Nanos))
      case "AwaitAck":
        return Guest.awaitsAck(this.state) ? this.awaitAck(agenda) : undefined
      case "AwaitRun":
        return Guest.isStopped(this.state) ? this.awaitRun(agenda) : undefined
      case "Arrived":
        return Option.isSome(agenda.value as Option.Option<unknown>) && this.expects() ? this.hear(agenda) : undefined
      case "Hear":
        return this.hear(agenda, true)
      case "Heed":
        return this.heedOn(agenda, agenda.value as Message.Message)
      case "AwaitHost":
        return this.awaitHost(task.until, agenda.restore)
      case "Run":
        return task.effect
      case "CallTick":
        return this.afterCall(this.call(this.onTick, undefined, agenda.restore), agenda)
      case "DisarmHostTimer":
        return hostTimer.disarm
      case "ArmHostTimerOnce":
        return hostTimer.armOnce(task.delay)
      case "ArmHostTimerEvery":
        return hostTimer.armEvery(task.interval)
      case "Round":
        return this.inProcess.round(agenda)
      case "AwaitTurn":
        return this.inProcess.goOn(task, agenda)
      case "TellNext":
        return this.inProcess.tellNext()
      case "Warn":
        return onWarning(task.warning)
      default:
        return undefined
    }
  }

  // ----------------------------------------------------------- handlers (SPEC 6)

  /** The interrupts that waited for a mask that is off now. */
  private waited(): Effect.Effect<void> | undefined {
    return this.interrupts.hasDeliverable() ? this.interrupts.deliver : undefined
  }

  /** Takes a mask off: now, or at the end of an agenda that waits. */
  private unmasking(left: Agenda | undefined, mask: Mask): Left {
    if (left === undefined) return this.unmask(mask)
    left.addAtEnd(TAKE_MASK_OFF, mask)
    return left
  }
  private unmask(mask: Mask): Effect.Effect<void> | undefined {
    this.interrupts.unmask(mask)
    return this.waited()
  }
  private takeMaskOff(agenda: Agenda): Effect.Effect<void> | undefined {
    return this.unmask(agenda.masks.pop()!)
  }

  private enterHandler(event: Event | undefined): Mask {
    this.world.trace?.handling(this.state, event)
    return this.interrupts.enterHandler()
  }
  private leaveHandler(mask: Mask, wasWaking: boolean): Effect.Effect<void> | undefined {
    this.isWaking = wasWaking
    this.interrupts.leaveHandler(mask)
    this.world.trace?.handled(this.state)
    return this.waited()
  }
  /** Has the handler left when all that is on the agenda from now on is done. */
  private leaveLater(agenda: Agenda, mask: Mask, wasWaking: boolean): void {
    agenda.masks.push(mask)
    agenda.tasks.push(wasWaking ? LEAVE_WAKING : LEAVE)
  }

  /** Runs an event's handler; `wakes`: it ends the sleep under way. */
  deliver(event: Event, agenda: Agenda, wakes: boolean): Wait {
    const mask = this.enterHandler(event)
    const wasWaking = this.isWaking
    this.isWaking = wakes && this.state.external?.waiting === 0
    const left = this.call(event.handler, event, agenda.restore)
    if (left === undefined && this.asked.length === 0) return this.leaveHandler(mask, wasWaking)
    this.leaveLater(agenda, mask, wasWaking)
    return this.afterCall(left, agenda)
  }

  private tick(relay: boolean, agenda: Agenda): Wait {
    this.leaveLater(agenda, this.enterHandler(undefined), this.isWaking)
    if (relay) agenda.tasks.push(CALL_TICK)
    return this.afterCall(this.call(relay ? this.onAlarm : this.onTick, undefined, agenda.restore), agenda)
  }

  /** A handler was called: what it has asked for is done, and then what is left of it. */
  private afterCall(left: Effect.Effect<void, ClockError> | undefined, agenda: Agenda): Wait {
    if (this.asked.length === 0) return left
    if (left !== undefined) agenda.tasks.push({ _tag: "Run", effect: left })
    this.pushAsked(agenda)
    return undefined
  }

  /** Calls a handler: what is left of it, if it is an effect that can't be done at once. */
  private call(
    handler: ((handling: Handling, event: never) => ReturnType<Handler>) | undefined,
    event: Event | undefined,
    restore: Restore,
  ): Effect.Effect<void, ClockError> | undefined {
    let result: Effect.Effect<void, ClockError> | void
    this.calling++
    try {
      result = handler?.(this.handling, event as never)
    } catch (error) {
      result = error instanceof TimeOutOfRange ? Effect.fail(error) : Effect.die(error)
    }
    const left = result !== undefined && Effect.isEffect(result) ? begin(result) : undefined
    this.calling--
    return left && this.interrupts.handling(restore(naming(left, event)))
  }

  // ------------------------------------------------------- the calendar (SPEC 9)

  /** Does what a message means, on the agenda or as an operation of its own. */
  heedOn(agenda: Agenda, message: Message.Message): Wait {
    return this.followLater(agenda, this.core.handleMessage(this.state, message))
  }
  readonly heed = (message: Message.Message, restore: Restore): Left =>
    this.start(this.core.handleMessage(this.state, message), restore)

  private received(restore: Restore): Effect.Effect<Message.Message, Fault> {
    return Effect.catch(this.inbox.receive(restore), this.die)
  }
  /** Waits for a message, or for the end of the link, which is a fault. */
  receive(agenda: Agenda): Wait {
    agenda.tasks.push(HEED)
    return this.received(agenda.restore)
  }

  /** Handles the next message: at once, where it is there. `isReadable`: something is, which may be no message. */
  protected hear(agenda: Agenda, isReadable = false): Wait {
    const { inbox } = this
    const message = inbox.next()
    if (message !== undefined) return this.heedOn(agenda, message)
    if (inbox.readable === undefined || isReadable) return this.receive(agenda)
    agenda.tasks.push(HEAR)
    return agenda.restore(inbox.readable)
  }

  /** Handles a message, and looks again. */
  protected awaitAck(agenda: Agenda): Wait {
    agenda.tasks.push(AWAIT_ACK)
    return this.hear(agenda)
  }

  /** SPEC 9.1. If its fiber was interrupted before the ACK came, the next exchange takes that in first. */
  private exchange(op: number, time: Nanos, agenda: Agenda): Wait {
    const now = this.exchangeAtOnce(op, time)
    if (now !== "later") return now
    this.holdBack(agenda)
    agenda.tasks.push(AWAIT_ACK, { _tag: "Send", op, time }, AWAIT_ACK)
    return undefined
  }
  /** Holds interrupts back for an exchange, until that is over. */
  protected holdBack(agenda: Agenda): void {
    agenda.masks.push(this.interrupts.mask())
    agenda.tasks.push(TAKE_MASK_OFF)
  }
  /** An exchange with a calendar that can be asked, and answers. Whether it is let in, only a message tells. */
  private exchangeAtOnce(op: number, time: Nanos): Effect.Effect<void, ClockError> | undefined | "later" {
    if (this.inquire === undefined || op === Message.Op.Start || Guest.awaitsAck(this.state)) return "later"
    const answer = this.inquire(op, time)
    return answer === "later" ? answer : this.answered(op, time, answer)
  }
  /** The same of a guest that runs: nobody else has to hear of it first. */
  exchangeNow(op: number, time: Nanos): Effect.Effect<void, ClockError> | undefined {
    return this.answered(op, time, this.inquire!(op, time) as bigint | LinkBroken)
  }
  private answered(op: number, time: Nanos, answer: bigint | LinkBroken): Effect.Effect<void, ClockError> | undefined {
    const next = typeof answer === "bigint" ? Guest.exchanged(this.state, op, time, answer as Nanos) : answer
    if (isFault(next)) return this.die(next)
    this.state = next.state
    return undefined
  }

  protected poll(other?: Effect.Effect<void>): Effect.Effect<Link.Ready, Fault> {
    return Effect.suspend(() =>
      this.inbox.hasMessage() ? Effect.succeed("link" as const) : Effect.catch(this.world.link.poll(other), this.die)
    )
  }
  /** Waits, with interrupts on, until something has arrived, or until interrupts were handled: then it is none. */
  arrival(restore: Restore): Effect.Effect<Option.Option<unknown>, Fault> | Pause<Option.Option<unknown>> {
    const { interrupts, inbox } = this
    if (inbox.onReadable !== undefined) return interrupts.waitFor(inbox.onReadable, restore)
    return withoutMasks(interrupts, restore(interrupts.wait(this.poll())))
  }
  /** What is there is heard at once, but after the interrupts that wait (SPEC 9.4). */
  private awaitRun(agenda: Agenda): Wait {
    agenda.tasks.push(AWAIT_RUN)
    const message = this.interrupts.hasRaised() ? undefined : this.inbox.next()
    return message === undefined ? this.awaitArrival(agenda) : this.heedOn(agenda, message)
  }
  protected awaitArrival(agenda: Agenda): Wait {
    agenda.tasks.push(ARRIVED)
    return this.arrival(agenda.restore)
  }
  /** Whether a message is still waited for, when something has arrived: an interrupt may have heard it. */
  protected expects(): boolean {
    return Guest.isStopped(this.state)
  }

  /** Waits with interrupts on, and goes on after each that was handled (SPEC 9.4). */
  private interruptibly<A, E>(until: Effect.Effect<A, E>): Effect.Effect<A, E | Fault> {
    return Effect.flatMap(this.interrupts.wait(until), (result) => {
      if (this.fault !== undefined) return Effect.fail(this.fault)
      return Option.isSome(result) ? Effect.succeed(result.value) : this.interruptibly(until)
    })
  }
  /** Waits for `other`, handling messages meanwhile (SPEC 9.5). */
  waitReadable(other: Effect.Effect<void>, restore: Restore): Effect.Effect<void, ClockError> {
    return Effect.suspend(() => {
      const ready = this.poll(other)
      const isDeaf = this.interrupts.context().masked && !this.world.revision.defersHandlers
      const which = restore(isDeaf ? ready : this.interruptibly(ready))
      const heard = Effect.suspend(() =>
        Effect.flatMap(this.received(restore), (message) => toEffect(this.heed(message, restore)))
      )
      const next = Effect.andThen(heard, Effect.suspend(() => this.waitReadable(other, restore)))
      return Effect.flatMap(which, (which) => which === "other" ? Effect.void : next)
    })
  }

  /** The calendar says that it may not run by itself as far as it was told before. */
  private heedLimit(message: Message.Message): void {
    const next = this.core.handleMessage(this.state, message)
    if (!isFault(next)) this.state = next.state
  }

  /** Whether exchanges with the calendar are done at once. */
  get isWithCalendar(): boolean {
    return this.local !== undefined && this.fault === undefined && !Guest.awaitsAck(this.state)
  }
  // ----------------------------------------------------- the host's time (SPEC 1)

  /** Until the host's clock has come to `until`, or an interrupt was handled. */
  protected awaitHost(until: Nanos, restore: Restore): Effect.Effect<void, ClockError> {
    const due = Guest.hostDue(this.state, until)
    const waited = this.interrupts.wait(this.world.hostClock.sleepUntil(due))
    return Effect.map(withoutMasks(this.interrupts, restore(waited)), (result) => {
      const host = this.hostNow()
      // A clock that has been waited for has come there, however coarse it is.
      const monotonic = Option.isSome(result) && host.monotonic < due ? due as Nanos : host.monotonic
      this.state = this.core.hostTime(this.state, { ...host, monotonic })
    })
  }

  // -------------------------------------------------------------- what people call

  /** One operation. Some advance time; the others may come as an interrupt of one that does. */
  operation(
    transition: (core: GuestTransitions, state: Guest.Guest) => Guest.Transition,
    advances = false,
  ): Effect.Effect<void, ClockError> {
    const task: Perform = { _tag: "Perform", transition: () => transition(this.core, this.state) }
    return this.interrupts.occupy(advances, (restore) => this.perform(this.newAgenda(restore), task))
  }

  /** Something read off the state, of a clock that lives. */
  read<A>(f: (state: Guest.Guest) => A): Effect.Effect<A, ClockError> {
    return Effect.suspend(() => {
      if (this.fault !== undefined) return Effect.fail(this.fault)
      this.lookAtHost()
      return Effect.succeed(f(this.state))
    })
  }

  /** With interrupts masked, so that no wake-up can get lost between looking and sleeping. */
  readonly sleep: Operation<ClockError> = (restore) => {
    const mask = this.interrupts.mask()
    return this.unmasking(this.perform(this.newAgenda(restore), this.asleep), mask)
  }
  readonly asleep: Perform = { _tag: "Perform", transition: () => this.core.sleep(this.state, true) }

  /** As {@link sleep}, but an interrupt alone needn't end it: for who has nothing to do then. */
  readonly sleepOn: Operation<ClockError> = (restore) => {
    const mask = this.interrupts.mask()
    const agenda = this.newAgenda(restore)
    const left = this.inquire === undefined ? this.perform(agenda, this.asleep) : this.beginAfterAsked(agenda, ROUND)
    return this.unmasking(left, mask)
  }
}

/** Whether a sleep is over with what is done now. */
const endsSleep = ({ tasks }: Agenda): boolean =>
  tasks.length > 0 && Command.endsSleep(tasks[tasks.length - 1] as Command.Command)
