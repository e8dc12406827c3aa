/**
 * Does what the core asks for, of one guest, with the services around it. It decides nothing about time.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Command from "../../core/Command.ts"
import {
  type Fault,
  isFault,
  type LinkBroken,
  MOST_COMMANDS,
  TimeOutOfRange,
  TimeStandsStill,
} from "../../core/Fault.ts"
import * as Guest from "../../core/Guest.ts"
import * as Message from "../../core/Message.ts"
import type { Nanos } from "../../core/Nanos.ts"
import type { RevisionTraits } from "../../core/Revisions.ts"
import { type Action, type ClockError, type Event, type Handler, type Handling, naming } from "../../Event.ts"
import type { HostClock } from "../../services/HostClock.ts"
import type { HostTimer } from "../../services/HostTimer.ts"
import { type Interrupts, type Mask, type Operation, type Restore, withoutMasks } from "../../services/Interrupts.ts"
import * as Link from "../../services/Link.ts"
import * as Left from "../services/Rest.ts"
import type { GuestTrace, GuestTransitions } from "../../services/Tracer.ts"
import type { OnWarning } from "../../services/Warnings.ts"
import { DirectClock } from "./DirectClock.ts"
import { Idle } from "./InProcessSleep.ts"

/** What a guest needs from the world. */
export interface World {
  readonly mode: Guest.Mode
  readonly revision: RevisionTraits
  readonly link: Link.Link
  readonly interrupts: Interrupts
  readonly hostTimer: HostTimer
  readonly hostClock: HostClock
  readonly onWarning: (typeof OnWarning)["Service"]
  readonly trace: GuestTrace | undefined
}

/** What is still to be done: the last first. */
type Agenda = Array<Command.Command>
/** What of an operation can't be done at once. */
type Rest = Left.Rest<ClockError>

const { after, andThen, ending, toEffect } = Left
const pop = (agenda: Agenda) => agenda.length > 0 ? agenda.pop() : undefined
const nextOf = (agenda: Agenda) => agenda.length > 0 ? agenda[agenda.length - 1] : undefined

const inTurn = (first: NonNullable<Rest>, second: Rest): Rest => andThen(first, () => second)

/**
 * One guest, as it is now, and what moves it on. What is done after a wait is in methods of their own, `driveAfter` and
 * so on, since a function that has a closure in it makes room for that at each call.
 */
export class Interpreter {
  state: Guest.Guest
  /** Why the clock is dead, once it is. */
  fault: Fault | undefined = undefined
  onTick: Action | undefined = undefined
  onAlarm: Action | undefined = undefined
  /** Whether the handler that runs is that of what the guest wakes up for. */
  isWaking = false
  /** How many handlers are being called just now. */
  calling = 0
  /** The clock for code that is no fiber. */
  readonly direct: DirectClock
  readonly core: GuestTransitions
  private readonly idle = new Idle(this)
  private readonly world: World
  readonly interrupts: Interrupts
  readonly inbox: Link.Inbox
  private readonly followsHost: boolean
  /** The calendar, where it is in this process, … */
  readonly local: Link.LocalCalendar | undefined
  /** … and how it is asked, where nobody wants to see the messages that it would be. */
  readonly inquire: Link.LocalCalendar["ask"]
  /** What plain code has asked for and is yet to be done, in order. */
  private asked: Array<Command.Command> = []
  /**
   * One that was driven to its end, and is to be used again; until then it is its driver's. A new array for each
   * transition would be a sixth of all garbage.
   */
  private spare: Agenda | undefined = undefined

  constructor(world: World) {
    this.world = world
    this.interrupts = world.interrupts
    this.core = world.trace?.transitions ?? Guest
    this.inbox = Link.inbox(world.link)
    this.state = Guest.make(world.mode, world.revision)
    this.followsHost = Guest.followsHost(this.state)
    this.local = world.link.direct?.calendar
    this.inquire = world.trace === undefined ? this.local?.ask : undefined
    if (this.inquire !== undefined) this.local?.onFreeUntil((message) => this.heedLimit(message))
    this.direct = new DirectClock(this, this.interrupts)
  }

  // ------------------------------------------------ from transitions to effects

  /** Ends the clock, and lets go of what it holds in the world: nobody is kept waiting for a dead guest. */
  readonly die = (reason: Fault): Effect.Effect<never, Fault> => {
    if (this.fault !== undefined) return Effect.fail(this.fault)
    this.fault = reason
    const { hostTimer, link } = this.world
    return Effect.andThen(Effect.andThen(hostTimer.release, link.close), Effect.fail(reason))
  }

  /**
   * Goes to the next state: what is to be done there first; the rest is on the agenda, before anything else.
   * A skip asks for one thing: on the agenda, that took an event a tenth longer on Bun, and a quarter on Node.
   */
  private follow(agenda: Agenda, { state, commands }: Guest.Next): Command.Command | undefined {
    this.state = state
    for (let i = commands.length - 1; i > 0; i--) agenda.push(commands[i]!)
    return commands.length > 0 ? commands[0] : pop(agenda)
  }

  /** Does `command` and all that can be done at once; then the rest, if there is any. */
  protected drive(agenda: Agenda, command: Command.Command | undefined, restore: Restore): Rest {
    let at: bigint | undefined
    for (let commands = 1;; commands++) {
      if (this.fault !== undefined) return Effect.fail(this.fault)
      if (command === undefined) return undefined
      if (commands % MOST_COMMANDS === 0) {
        if (at === this.state.now) return this.die(new TimeStandsStill(at, commands))
        at = this.state.now
      }
      if (command._tag === "Resume") {
        const next = this.core.resume(this.state, command.step)
        if (isFault(next)) return this.die(next)
        command = this.follow(agenda, next)
      } else {
        const waiting = this.execute(command, restore, agenda)
        if (waiting !== undefined) return this.driveAfter(waiting, agenda, restore)
        command = pop(agenda)
      }
    }
  }
  private driveAfter(waiting: NonNullable<Rest>, agenda: Agenda, restore: Restore): Rest {
    return andThen(waiting, () => this.drive(agenda, pop(agenda), restore))
  }

  protected newAgenda(): Agenda {
    const agenda = this.spare ?? []
    this.spare = undefined
    return agenda
  }

  /** Follows a transition to its end, or as far as can be done at once. */
  protected start(agenda: Agenda, next: Guest.Transition, restore: Restore): Rest {
    if (isFault(next)) return this.die(next)
    const rest = this.drive(agenda, this.follow(agenda, next), restore)
    if (rest === undefined) this.spare = agenda
    return rest
  }

  /** What a transition asks for, to its end. If that is cut short, its advances are over, too. */
  protected perform(transition: () => Guest.Transition, restore: Restore): Rest {
    if (this.fault !== undefined) return Effect.fail(this.fault)
    const first = this.doAsked(restore)
    if (first !== undefined) return this.performAfter(this.cleaningUp(first, []), transition, restore)
    this.lookAtHost()
    const agenda = this.newAgenda()
    const rest = this.start(agenda, transition(), restore)
    return rest && this.cleaningUp(rest, agenda)
  }
  private performAfter(first: NonNullable<Rest>, transition: () => Guest.Transition, restore: Restore): Rest {
    return andThen(first, () => this.perform(transition, restore))
  }

  /** Where `rest` is cut short, what is on the agenda won't be done any more; otherwise that is done by then. */
  private cleaningUp(rest: NonNullable<Rest>, agenda: Agenda): NonNullable<Rest> {
    return ending(rest, (failed) => {
      if (!failed) this.spare = agenda
      if (!failed || this.fault !== undefined) return undefined
      const left = this.start([], this.core.abandon(this.state, agenda), Effect.interruptible)
      return left && Effect.ignore(toEffect(left))
    })
  }

  protected execute(command: Exclude<Command.Command, { _tag: "Resume" }>, restore: Restore, agenda: Agenda): Rest {
    const { link, hostTimer, onWarning } = this.world
    switch (command._tag) {
      case "Deliver":
        return this.deliver(command.event as Event, restore, Command.endsSleep(nextOf(agenda)))
      case "Tick":
        return this.tick(command.relay, restore)
      case "Exchange":
        return this.exchange(command.op, command.time, restore)
      case "Write": {
        // A calendar that is asked doesn't wait for ACKs.
        if (this.inquire !== undefined && command.message.op === Message.Op.Ack) return undefined
        const written = Link.write(link, command.message)
        return written && Effect.catch(written, this.die)
      }
      case "AwaitRun":
        return this.awaitRun(restore)
      case "AwaitHost":
        return this.awaitHost(command.until, restore)
      default: // Mask and Unmask, of a revision that defers handlers: Deferring does them.
        return undefined
      case "DisarmHostTimer":
        return hostTimer.disarm
      case "ArmHostTimerOnce":
        return hostTimer.armOnce(command.delay)
      case "ArmHostTimerEvery":
        return hostTimer.armEvery(command.interval)
      case "Warn":
        return onWarning(command.warning)
    }
  }

  // ----------------------------------------------------------- handlers (SPEC 6)

  /** Has something done when the clock is used next. */
  ask(commands: ReadonlyArray<Command.Command>): void {
    if (commands.length > 0) this.asked.push(...commands)
  }

  /** Does what plain code has asked for. */
  readonly doAsked = (restore: Restore): Rest => {
    if (this.asked.length === 0) return undefined
    const agenda = this.asked.reverse()
    this.asked = []
    return this.drive(agenda, pop(agenda), restore)
  }

  /** The interrupts that waited for a mask that is off now. */
  private waited(): Effect.Effect<void> | undefined {
    return this.interrupts.hasDeliverable() ? this.interrupts.deliver : undefined
  }

  /** Takes the mask off again, when all is done; and then the interrupts that waited for that. */
  private unmasking(rest: Rest, mask: Mask): Rest {
    return rest === undefined ? this.unmask(mask) : this.unmaskAfter(rest, mask)
  }
  private unmask(mask: Mask): Effect.Effect<void> | undefined {
    this.interrupts.unmask(mask)
    return this.waited()
  }
  private unmaskAfter(rest: NonNullable<Rest>, mask: Mask): Rest {
    return ending(rest, () => this.unmask(mask))
  }

  private enterHandler(event: Event | undefined): Mask {
    this.world.trace?.handling(this.state, event)
    return this.interrupts.enterHandler()
  }
  /** Leaves the handler, when all is done, whatever happened; and then the interrupts that waited for that. */
  private leaving(rest: Rest, mask: Mask, wasWaking: boolean): Rest {
    return rest === undefined ? this.leave(mask, wasWaking) : this.leaveAfter(rest, mask, wasWaking)
  }
  private leave(mask: Mask, wasWaking: boolean): Effect.Effect<void> | undefined {
    this.isWaking = wasWaking
    this.interrupts.leaveHandler(mask)
    this.world.trace?.handled(this.state)
    return this.waited()
  }
  private leaveAfter(rest: NonNullable<Rest>, mask: Mask, wasWaking: boolean): Rest {
    return ending(rest, () => this.leave(mask, wasWaking))
  }

  /** Runs an event's handler; `wakes`: it ends the sleep under way. */
  deliver(event: Event, restore: Restore, wakes: boolean): Rest {
    const mask = this.enterHandler(event)
    const wasWaking = this.isWaking
    this.isWaking = wakes && this.state.external?.waiting === 0
    return this.leaving(this.call(event.handler, event, restore), mask, wasWaking)
  }

  private tick(relay: boolean, restore: Restore): Rest {
    const mask = this.enterHandler(undefined)
    const relayed = relay ? this.call(this.onAlarm, undefined, restore) : undefined
    const rest = after(relayed, () => this.call(this.onTick, undefined, restore))
    return this.leaving(rest, mask, this.isWaking)
  }

  private call(
    handler: ((handling: Handling, event: never) => ReturnType<Handler>) | undefined,
    event: Event | undefined,
    restore: Restore,
  ): Rest {
    let result: Effect.Effect<void, ClockError> | void
    this.calling++
    try {
      result = handler?.(this.direct, event as never)
    } catch (error) {
      result = error instanceof TimeOutOfRange ? Effect.fail(error) : Effect.die(error)
    }
    const rest = result !== undefined && Effect.isEffect(result) ? this.handling(result, event, restore) : undefined
    this.calling--
    const first = this.doAsked(restore)
    return first === undefined ? rest : inTurn(first, rest)
  }

  /** Runs a handler that is an effect: at once, where it can be. */
  private handling(handler: Effect.Effect<void, ClockError>, event: Event | undefined, restore: Restore): Rest {
    const rest = Left.begin(handler)
    return rest && this.interrupts.handling(restore(naming(toEffect(rest), event)))
  }

  // ------------------------------------------------------- the calendar (SPEC 9)

  /** Does what a message means. */
  readonly heed = (message: Message.Message, restore: Restore): Rest =>
    this.start(this.newAgenda(), this.core.handleMessage(this.state, message), restore)
  handleMessage(restore: Restore): Effect.Effect<void, ClockError> {
    const received = Effect.catch(this.inbox.receive(restore), this.die)
    return Effect.flatMap(received, (message) => toEffect(this.heed(message, restore)))
  }

  /** Handles the next message: at once, where it is there. */
  protected hear(restore: Restore, waited = false): Rest {
    const { inbox } = this
    const message = inbox.next()
    if (message !== undefined) return this.heed(message, restore)
    return inbox.readable === undefined || waited
      ? this.handleMessage(restore)
      : this.hearAfter(restore(inbox.readable), restore)
  }
  private hearAfter(readable: Effect.Effect<void>, restore: Restore): Rest {
    return Left.wait(readable, () => this.hear(restore, true))
  }

  /** Handles messages until the ACK is in. */
  protected acknowledged(restore: Restore): Rest {
    while (Guest.awaitsAck(this.state)) {
      const rest = this.hear(restore)
      if (rest !== undefined) return this.acknowledgedAfter(rest, restore)
    }
    return undefined
  }
  private acknowledgedAfter(rest: NonNullable<Rest>, restore: Restore): Rest {
    return andThen(rest, () => this.acknowledged(restore))
  }

  /** SPEC 9.1. If its fiber was interrupted before the ACK came, the next exchange takes that in first. */
  protected exchange(op: number, time: Nanos, restore: Restore): Rest {
    const now = this.exchangeAtOnce(op, time)
    if (now !== "later") return now
    const mask = this.interrupts.mask()
    const first = this.acknowledged(restore)
    const rest = first === undefined ? this.exchanged(op, time, restore) : this.exchangedAfter(first, op, time, restore)
    return this.unmasking(rest, mask)
  }
  /** An exchange with a calendar that can be asked, and answers. Whether it is let in, only a message tells. */
  protected exchangeAtOnce(op: number, time: Nanos): Rest | "later" {
    if (this.inquire === undefined || op === Message.Op.Start || Guest.awaitsAck(this.state)) return "later"
    const answer = this.inquire(op, time)
    return answer === "later" ? answer : this.answered(op, time, answer)
  }
  /** The same of a guest that runs: nobody else has to hear of it first. */
  exchangeNow(op: number, time: Nanos): Rest {
    return this.answered(op, time, this.inquire!(op, time) as bigint | LinkBroken)
  }
  private answered(op: number, time: Nanos, answer: bigint | LinkBroken): Rest {
    const next = typeof answer === "bigint" ? Guest.exchanged(this.state, op, time, answer as Nanos) : answer
    if (isFault(next)) return this.die(next)
    this.state = next.state
    return undefined
  }
  protected exchanged(op: number, time: Nanos, restore: Restore): Rest {
    const begun = this.start(this.newAgenda(), this.core.beginExchange(this.state, op, time), restore)
    return begun === undefined ? this.acknowledged(restore) : this.acknowledgedAfter(begun, restore)
  }
  protected exchangedAfter(first: NonNullable<Rest>, op: number, time: Nanos, restore: Restore): Rest {
    return andThen(first, () => this.exchanged(op, time, restore))
  }

  protected poll(other?: Effect.Effect<void>): Effect.Effect<Link.Ready, Fault> {
    return Effect.suspend(() =>
      this.inbox.hasMessage() ? Effect.succeed("link" as const) : Effect.catch(this.world.link.poll(other), this.die)
    )
  }
  /** Waits, with interrupts on, until something has arrived. */
  arrival(restore: Restore): Effect.Effect<Option.Option<unknown>, Fault> | Left.Pause<Option.Option<unknown>> {
    const { interrupts, inbox } = this
    if (inbox.onReadable !== undefined) return interrupts.waitFor(inbox.onReadable, restore)
    return withoutMasks(interrupts, restore(interrupts.wait(this.poll())))
  }
  /** Waits with interrupts on, until one was handled or a message was (SPEC 9.4). */
  private waitForMessage(restore: Restore): Rest {
    return Left.wait(this.arrival(restore), (result) => {
      if (this.fault !== undefined) return Effect.fail(this.fault)
      return Option.isSome(result) && Guest.isStopped(this.state) ? this.hear(restore) : undefined
    })
  }
  private awaitRun(restore: Restore): Rest {
    while (Guest.isStopped(this.state)) {
      // What is there is heard at once, but after the interrupts that wait (SPEC 9.4).
      const message = this.interrupts.hasRaised() ? undefined : this.inbox.next()
      const rest = message === undefined ? this.waitForMessage(restore) : this.heed(message, restore)
      if (rest !== undefined) return this.awaitRunAfter(rest, restore)
    }
    return undefined
  }
  private awaitRunAfter(rest: NonNullable<Rest>, restore: Restore): Rest {
    return andThen(rest, () => this.awaitRun(restore))
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
      const next = Effect.suspend(() => Effect.andThen(this.handleMessage(restore), this.waitReadable(other, restore)))
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
  /** An operation that comes as an interrupt, or that the code asks for which runs. */
  atOnce(transition: (core: GuestTransitions, state: Guest.Guest) => Guest.Transition): Rest {
    const first = this.doAsked(Effect.interruptible)
    const rest = () => this.start(this.newAgenda(), transition(this.core, this.state), Effect.interruptible)
    return first === undefined ? rest() : andThen(first, rest)
  }

  // ----------------------------------------------------- the host's time (SPEC 1)

  /** In off mode the time is the host's, which is read before it is needed. */
  lookAtHost(): void {
    if (this.followsHost) this.state = this.core.hostTime(this.state, this.hostNow())
  }
  hostNow(): Guest.HostTime {
    const { hostClock } = this.world
    return { monotonic: hostClock.monotonic() as Nanos, wall: hostClock.wall() as Nanos }
  }

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
    const next = () => transition(this.core, this.state)
    return this.interrupts.occupy(advances, (restore) => this.perform(next, restore))
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
    return this.unmasking(this.perform(this.asleep, restore), mask)
  }
  protected readonly asleep = () => this.core.sleep(this.state, true)

  /** As {@link sleep}, but an interrupt alone needn't end it: for who has nothing to do then. */
  readonly sleepOn: Operation<ClockError> = (restore) => {
    const mask = this.interrupts.mask()
    const rest = this.inquire === undefined ? this.sleepAsOthersDo(restore) : this.idle.sleep(restore)
    return this.unmasking(rest, mask)
  }
  /** The core's own sleep. */
  sleepAsOthersDo(restore: Restore): Rest {
    return this.perform(this.asleep, restore)
  }
}
