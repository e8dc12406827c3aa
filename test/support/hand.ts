/**
 * The core driven by hand: a loop that does what its commands say in a
 * {@link World}, without fibers, services or layers. It holds every state it got.
 *
 * @module
 */
import type * as Command from "../../src/core/Command.ts"
import { isFault } from "../../src/core/Fault.ts"
import * as Guest from "../../src/core/Guest.ts"
import type * as Message from "../../src/core/Message.ts"
import type { Nanos } from "../../src/core/Nanos.ts"
import { neverOr, type Op, type Program, type World } from "./world.ts"

/** A fault as the models name it. */
export const describeFault = (fault: object): string => {
  const { _tag, from, to, bytes } = fault as { _tag: string; from?: bigint; to?: bigint; bytes?: number }
  return _tag === "TimeWentBackwards" ? `${_tag} ${from} ${to}` : _tag === "InvalidMessage" ? `${_tag} ${bytes}` : _tag
}

const list = (pending: ReturnType<typeof Guest.pending>): string =>
  `[${
    pending.map(({ event, time }) =>
      `${event._tag === "Event" ? event.name : event._tag === "Timer" ? "timer" : "onstack"}@${time}`
    ).join(" ")
  }]`

const describeCalendar = ({ external }: Guest.Guest): string =>
  external === undefined
    ? ""
    : ` waiting ${external.waiting} previous ${external.previousRequest} free ${external.freeUntil}`

/** A state as the models name it. */
export const describeState = (guest: Guest.Guest): string =>
  `state ${guest.now} next ${neverOr(guest.nextEvent)} ${list(Guest.pending(guest))}${describeCalendar(guest)}`

/** A state as the model of later revisions names it. */
export const describeLaterState = (guest: Guest.Guest): string => {
  const due = Guest.due(guest)
  const queue = Guest.pending(guest).slice(due.length)
  const calendar = guest.external === undefined
    ? ""
    : `${describeCalendar(guest)} broadcast ${guest.settings.broadcast.value}`
  return `state ${guest.now} next ${neverOr(guest.nextEvent)} ${list(queue)} due ${list(due)} ${
    guest.deferred.alarm === "none" ? "quiet" : "alarm"
  }${calendar}`
}

/** An event for the core, which only looks at whether it has a handler. */
export type CoreEvent = { readonly _tag: "Event"; readonly name: string; handler: unknown }

/** The clock is dead. */
export class Failed extends Error {
  readonly fault: object
  constructor(fault: object) {
    super("a fault")
    this.fault = fault
  }
}

const HANDLING = { masked: true, inInterrupt: true }

export class Hand {
  state: Guest.Guest
  /** Every state the core returned, the first one included, in order. */
  readonly states: Array<Guest.Guest> = []
  readonly events: ReadonlyArray<CoreEvent>
  protected context = { masked: false, inInterrupt: false }
  protected ticks = 0
  protected readonly program: Program
  protected readonly world: World

  constructor(program: Program, world: World) {
    this.program = program
    this.world = world
    this.events = program.events.map((_, number) => ({ _tag: "Event", name: String(number), handler: number }))
    this.state = Guest.make(program.mode, program.revision)
    this.states.push(this.state)
    world.guestNow = () => this.state.now
  }

  protected take(state: Guest.Guest): void {
    this.state = state
    this.states.push(state)
  }

  /** Goes on with the outcome of a transition. */
  do(next: Guest.Transition): void {
    if (isFault(next)) throw new Failed(next)
    this.take(next.state)
    for (const command of next.commands) this.command(command)
  }

  protected command(command: Command.Command): void {
    switch (command._tag) {
      case "Resume":
        return this.do(Guest.resume(this.state, command.step))
      case "Deliver":
        if (command.event.handler === undefined) return
        return this.within(HANDLING, () => {
          this.world.began(`fire ${command.event.name}`, this.state.now, this.context)
          this.handle(this.program.events[Number(command.event.name)]!)
        })
      case "Tick":
        return this.within(HANDLING, () => {
          if (command.relay) this.world.note("relay")
          this.world.began("tick", this.state.now, this.context)
          this.handle(this.program.ticks[this.ticks++] ?? [])
        })
      case "Exchange":
        return this.within({ ...this.context, masked: true }, () => {
          this.do(Guest.beginExchange(this.state, command.op, command.time))
          while (Guest.awaitsAck(this.state)) this.hear()
        })
      case "Write":
        return this.world.wrote(command.message, this.context.masked)
      case "AwaitRun":
        while (Guest.isStopped(this.state)) {
          this.awaitReadable()
          if (Guest.isStopped(this.state)) this.hear()
        }
        return
      case "AwaitHost":
        this.world.hostReached(Guest.hostDue(this.state, command.until))
        return this.readHost()
      case "DisarmHostTimer":
        return this.world.note("host disarm")
      case "ArmHostTimerOnce":
        return this.world.note(`host once ${command.delay}`)
      case "ArmHostTimerEvery":
        return this.world.note(`host every ${command.interval}`)
      case "Warn":
        return this.world.note(`warn ${command.warning._tag}`)
    }
  }

  protected within(context: { masked: boolean; inInterrupt: boolean }, f: () => void): void {
    const before = this.context
    this.context = context
    f()
    this.context = before
  }

  protected handle(ops: ReadonlyArray<Op>): void {
    for (const op of ops) if (this.world.mayHandle()) this.exec(op)
  }

  protected hear(): Message.Message {
    const heard = this.world.read(this.context.masked)
    if (!("message" in heard)) {
      throw new Failed(
        heard.leftover === 0 ? { _tag: "LinkBroken" } : { _tag: "InvalidMessage", bytes: heard.leftover },
      )
    }
    this.do(Guest.handleMessage(this.state, heard.message))
    return heard.message
  }

  protected awaitReadable(): void {
    this.within({ ...this.context, masked: false }, () => {
      for (;;) {
        const polled = this.world.poll(false, this.context.masked)
        if (typeof polled !== "number") return
        this.within(HANDLING, () => this.handle(this.program.interrupts[polled]!))
        if (!Guest.isStopped(this.state)) return
      }
    })
  }

  protected readHost(): void {
    if (Guest.followsHost(this.state)) this.take(Guest.hostTime(this.state, this.world.host as Guest.HostTime))
  }

  exec(op: Op): void {
    this.readHost()
    const event = (number: number) => this.events[number]!
    switch (op[0]) {
      case "addRel":
        return this.do(Guest.addEvent(this.state, event(op[1]), this.state.now + op[2] as Nanos))
      case "addAt":
        return this.do(Guest.addEvent(this.state, event(op[1]), op[2] as Nanos))
      case "delete": {
        this.world.note(`deleted ${Guest.isPending(this.state, event(op[1]))}`)
        return this.take(Guest.deleteEvent(this.state, event(op[1])))
      }
      case "noHandler":
        event(op[1]).handler = undefined
        return
      case "ndelay":
        return this.do(Guest.ndelay(this.state, op[1] as Nanos))
      case "sleep":
        return this.within({ ...this.context, masked: true }, () => this.do(Guest.sleep(this.state, true)))
      case "read":
      case "readMasked": {
        const { masked, inInterrupt } = this.context
        this.do(Guest.readClockSource(this.state, op[0] === "read" && !masked && !inInterrupt))
        return this.world.note(`value ${Guest.cycles(this.state)}`)
      }
      case "wallclock":
        return this.world.note(`value ${Guest.wallClock(this.state)}`)
      case "periodic":
        return this.do(Guest.periodic(this.state))
      case "nextEvent":
        return this.do(Guest.nextEvent(this.state, op[1] as Nanos))
      case "oneShot":
        return this.do(Guest.oneShot(this.state))
      case "shutdown":
        return this.do(Guest.shutdown(this.state))
      case "alarm":
        return this.do(Guest.hostAlarm(this.state))
      case "user":
        return this.take(Guest.runUserProcess(this.state, op[1]))
      case "irq":
        return this.do(Guest.irqEvent(this.state, event(op[1])))
      case "propagate":
        return this.do(Guest.propagateTime(this.state))
      case "waitReadable":
        if (!this.state.settings.mode.hasCalendar) return
        while (this.world.poll(true, this.context.masked) !== "other") this.hear()
        return
      case "init":
      case "broadcast":
      case "enterUser":
        // Of later revisions.
        return
    }
  }

  /** What comes before the script. */
  protected begin(): void {
    if (this.state.settings.mode.hasCalendar) this.do(Guest.connect(this.state, this.program.id as Nanos))
    this.do(Guest.boot(this.state, this.world.host as Guest.HostTime, this.program.start as Nanos | undefined))
    this.world.note(this.describe())
  }

  protected describe(): string {
    return describeState(this.state)
  }

  /** The whole program. */
  run(): void {
    try {
      this.begin()
      for (const op of this.program.script) {
        this.exec(op)
        this.world.note(this.describe())
      }
    } catch (error) {
      if (!(error instanceof Failed)) throw error
      this.world.note(`fault ${describeFault(error.fault)}`)
    }
  }
}
