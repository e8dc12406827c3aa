/**
 * One guest's clock: its transitions.
 *
 * A transition is a function of a state. It returns the next state together
 * with all that must now be done, or a fault, which leaves the old state as it
 * was. Whoever carries out the commands gives what the world answers back
 * through {@link resume}, {@link handleMessage} and {@link hostTime}.
 *
 * An advance (SPEC 5) is the one long conversation:
 *
 * ```text
 *  updateTime ─▶ round ─▶ (calendar, or the host's clock) ─▶ arrive ─▶ deliver ─▶ settle ─▶ done
 *                  ▲                                                                │
 *                  └────────────── busy, and not at its time yet ───────────────────┘
 * ```
 *
 * Where nobody has to be asked, the stations follow each other inside one
 * transition; only a handler, a message or a wait hands control out.
 *
 * @module
 */
import {
  type Advance,
  type Command,
  type Event,
  OnStack,
  type Pending,
  resume as resumeAt,
  type Step,
} from "./Command.ts"
import * as EventQueue from "./EventQueue.ts"
import * as External from "./External.ts"
import {
  EventTimeMismatch,
  type Fault,
  IdleWithInterruptsOn,
  invariant,
  isFault,
  NotExternal,
  OnStackEventDequeued,
  SleepForever,
  TimeWentBackwards,
} from "./Fault.ts"
import { addEvent, defer, deleteEvent, firstOf, insert, setTime } from "../internal/core/GuestQueue.ts"
import { changed, type Guest, type HostTime, set, talked } from "../internal/core/GuestState.ts"
import { programmed, rearm, timerDue } from "../internal/core/GuestTimer.ts"
import * as Message from "./Message.ts"
import { CYCLE } from "./Modes.ts"
import * as Nanos from "./Nanos.ts"
import { followedBy, masked, type Next, to, type Transition } from "../internal/core/Transition.ts"

export { type Guest, type HostTime, make, type Settings } from "../internal/core/GuestState.ts"
export type { Mode } from "./Modes.ts"

export { type Next, type Transition } from "../internal/core/Transition.ts"
export {
  addEvent,
  deleteEvent,
  due,
  firstDue,
  isPending,
  nextDue,
  pending,
  setAlarm,
  setTime,
  takeDue,
} from "../internal/core/GuestQueue.ts"
export {
  hostAlarm,
  isTicking,
  lateAlarm,
  nextEvent,
  oneShot,
  periodic,
  shutdown,
  timerEvent,
} from "../internal/core/GuestTimer.ts"

// ---------------------------------------------------------------- boot (SPEC 8)

/** Whether this guest's time is the host's, so that {@link hostTime} must be fed before time is looked at. */
export const followsHost = (state: Guest): boolean => state.settings.mode.followsHost

/**
 * Boots: sets the wall clock's start to `start`, or else to the host's wall clock; in external mode to what the calendar
 * says (SPEC 8). A revision whose start is set by the first read of the wall clock leaves it to that, unless there is a
 * `start` (SPEC 11.2).
 */
export const boot = (state: Guest, host: HostTime, start?: Nanos.Nanos): Next => {
  const { mode, revision } = state.settings
  if (mode.followsHost) return to(set(state, { host: { ...host, boot: host.monotonic } }))
  if (revision.startsAtFirstRead) return start === undefined ? to(state) : to(set(state, { start }))
  return !mode.hasCalendar && start !== undefined ? to(set(state, { start })) : learnStart(state, host)
}

const learnStart = (state: Guest, host: HostTime): Next =>
  state.settings.mode.hasCalendar
    ? to(state, [
      External.exchange(Message.Op.GetTimeOfDay),
      External.exchange(Message.Op.Get),
      resumeAt({ _tag: "Booted" }),
    ])
    : to(set(state, { start: host.wall }))

/** Whether the wall clock has to be {@link readWallClock} before it can be told. */
export const needsStart = ({ settings: { mode, start, revision } }: Guest): boolean =>
  start === undefined && revision.startsAtFirstRead && !mode.followsHost

/**
 * Reads the wall clock: the first read sets its start, if nothing has (SPEC 11.2). {@link wallClock} is the value then.
 */
export const readWallClock = (state: Guest, host: HostTime): Next =>
  needsStart(state) ? learnStart(state, host) : to(state)

/** Connects to the calendar with the guest's ID, before anything else (SPEC 9.5). */
export const connect = (state: Guest, id: Nanos.Nanos = Nanos.NONE): Next =>
  to(state, [External.exchange(Message.Op.Start, id)])

/** Off mode: the host's clocks were read, and the guest's time is the host's (SPEC 1). */
export const hostTime = (state: Guest, host: HostTime): Guest => {
  const boot = state.settings.host?.boot ?? host.monotonic
  const now = Nanos.minus(host.monotonic, boot)
  return set({ ...state, now: now > state.now ? now : state.now }, { host: { ...host, boot } })
}

/** Off mode: where the host's monotonic clock stands when the guest's time is `time`. */
export const hostDue = (state: Guest, time: Nanos.Nanos): bigint => (state.settings.host?.boot ?? Nanos.ZERO) + time

// ------------------------------------------------------------ advancing (SPEC 5)

/** Goes to the guest time `next`, delivering what is due before; idle, at most one round (SPEC 5). */
export const updateTime = (state: Guest, next: Nanos.Nanos, idle: boolean): Transition => {
  const advance: Advance = { mine: new OnStack(), idle }
  return andThen(insert(state, advance.mine, next), { _tag: "Round", advance })
}

/** Busy-waits for `duration` ns: events that come due meanwhile interrupt it (SPEC 5). */
export const ndelay = (state: Guest, duration: Nanos.Nanos): Transition => {
  // A guest that gave up waiting doesn't know how far the others have come meanwhile.
  const next = state.external !== undefined && External.gaveUpWaiting(state.external)
    ? to(state, [External.exchange(Message.Op.Get), resumeAt({ _tag: "Delay", duration })])
    : delay(state, duration)
  return isFault(next) ? next : masked(next)
}

const delay = (state: Guest, duration: Nanos.Nanos): Transition =>
  updateTime(state, Nanos.plus(state.now, duration), false)

/** Goes on from `step`, at once if nothing has to be done before. */
const andThen = (next: Next, step: Step): Transition =>
  next.commands.length === 0 ? resume(next.state, step) : to(next.state, followedBy(next.commands, step))

/** Goes on where a command handed control out. */
export const resume = (state: Guest, step: Step): Transition => {
  switch (step._tag) {
    case "Skip":
      return skip(state)
    case "Delay":
      return delay(state, step.duration)
    case "Round":
      return round(state, step.advance)
    case "Wait":
      return wait(state, step.advance, step.event)
    case "Arrive":
      return arrive(step.waited ? endWait(state) : state, step.advance, step.event, step.waited && isCutShort(state))
    case "Settle":
      return settle(state, step.advance, step.finished)
    case "Rearm":
      return rearm(state)
    case "Enter":
      return addEvent(state, step.event, Nanos.plus(state.now, step.delay))
    case "Booted":
      return to(set(state, { start: Nanos.minusWrapping(state.settings.timeOfDay, state.now) }))
    case "Told":
      return to(changed(state, state.now, step.time, state.pending))
    case "Propagated":
      return to(set(state, { propagated: state.now }))
    case "Program":
      return programmed(state, step.periodic, step.interval)
  }
}

const nameOf = (event: Pending): string | undefined =>
  event._tag === "Event" ? event.name : event._tag === "Timer" ? "tick" : undefined

/** A fault that says for which event time was to go back. */
export const naming = (fault: Fault, event: Pending): Fault =>
  fault instanceof TimeWentBackwards ? new TimeWentBackwards(fault.from, fault.to, nameOf(event)) : fault

/** Step 2: moves time to the first event's, if need be with the calendar's or the host's leave (SPEC 5, 9.3). */
const round = (state: Guest, advance: Advance): Transition => {
  const { event, time } = firstOf(state.pending)
  if (state.settings.host !== undefined) {
    const arrived = resumeAt({ _tag: "Arrive", advance, event, waited: false })
    return time <= state.now ? arrive(state, advance, event) : to(state, [{ _tag: "AwaitHost", until: time }, arrived])
  }
  if (state.external !== undefined && !External.mayRunTo(state.external, time)) {
    return andThen(tell(state, time), { _tag: "Wait", advance, event })
  }
  const moved = setTime(state, time)
  return isFault(moved) ? naming(moved, event) : arrive(moved, advance, event)
}

/** Step 2 in external mode: the calendar knows what for, and the guest waits for its leave (SPEC 9.3). */
const wait = (state: Guest, advance: Advance, event: Pending): Next => {
  invariant(state.external !== undefined, "only a guest with a calendar waits for RUN")
  const { external, commands } = External.beginWait(state.external, state.settings.revision.lean)
  return to(talked(state, external), followedBy(commands, { _tag: "Arrive", advance, event, waited: true }))
}

const isCutShort = (state: Guest): boolean => state.external !== undefined && External.wasCutShort(state.external)

const endWait = (state: Guest): Guest => {
  invariant(state.external !== undefined, "only a guest with a calendar waits for RUN")
  return talked(state, External.endWait(state.external))
}

/** Steps 3 and 4: delivers `event`, unless something else has become the first meanwhile. */
const arrive = (state: Guest, advance: Advance, event: Pending, cutShort = false): Transition => {
  const first = firstOf(state.pending)
  if (first.event !== event) return settle(state, advance, false)
  const inRealTime = state.settings.host !== undefined
  // An interrupt may end the wait before its time; and in real time work can end late.
  if ((inRealTime || cutShort) && state.now < first.time) return settle(state, advance, false)
  if (!inRealTime && state.now !== first.time) return new EventTimeMismatch(state.now, first.time, nameOf(event))
  const taken = changed(state, state.now, state.nextEvent, EventQueue.takeFirst(state.pending))
  if (event === advance.mine) return settle(taken, advance, true)
  if (event._tag === "OnStack") return new OnStackEventDequeued(first.time)
  const settled: Step = { _tag: "Settle", advance, finished: false }
  if (event._tag === "Timer") {
    const alarm = timerDue(taken)
    return to(alarm.state, followedBy(alarm.commands, settled))
  }
  return state.settings.revision.defersHandlers
    ? to(defer(taken, event, first.time), [resumeAt(settled)])
    : to(taken, [{ _tag: "Deliver", event }, resumeAt(settled)])
}

/** Steps 5 to 7. */
const settle = (state: Guest, advance: Advance, finished: boolean): Transition => {
  const first = EventQueue.first(state.pending)
  const told = first === undefined ? to(state) : tell(state, first.time)
  return finished || advance.idle
    ? to(deleteEvent(told.state, advance.mine), told.commands)
    : andThen(told, { _tag: "Round", advance })
}

const tell = (state: Guest, time: Nanos.Nanos): Next => {
  if (state.external === undefined) return to(state)
  const { external, commands } = External.tell(state.external, time, state.settings.revision.lean)
  return external === state.external ? to(state) : to(talked(state, external), commands)
}

/**
 * Cleans up after commands that won't be carried out any more, because their
 * fiber was interrupted or a handler failed: their advances are over, what was to
 * be told to the calendar will be told again, and the host timer is armed again.
 */
export const abandon = (state: Guest, commands: ReadonlyArray<Command>): Next => {
  let left = state.external === undefined ? state : talked(state, External.forget(state.external))
  let wasAsleep = false
  for (const command of commands) {
    if (command._tag !== "Resume") continue
    if (command.step._tag === "Rearm") wasAsleep = true
    if (!("advance" in command.step)) continue
    if (command.step._tag === "Arrive" && command.step.waited) left = endWait(left)
    left = deleteEvent(left, command.step.advance.mine)
  }
  return wasAsleep ? rearm(left) : to(left)
}

// ----------------------------------------------------------------- idle (SPEC 7)

/** Sleeps until an event was delivered or an interrupt arrived; with interrupts masked only (SPEC 7, 9.4). */
export const sleep = (state: Guest, masked: boolean): Transition => {
  const { mode } = state.settings
  if (mode.hasCalendar && !masked) return new IdleWithInterruptsOn()
  if (!mode.skipsIdleTime) return updateTime(state, Nanos.FOREVER, true)
  return mode.usesHostTimer
    ? to(state, [{ _tag: "DisarmHostTimer" }, resumeAt({ _tag: "Skip" }), resumeAt({ _tag: "Rearm" })])
    : skip(state)
}

/**
 * An idle advance of a guest that has nobody to ask. Its own entry would be the
 * last in the queue and be gone again after the one round, so it is spared: this
 * is what every sleep of a simulation comes to.
 */
const skip = (state: Guest): Transition => {
  const first = EventQueue.first(state.pending)
  if (first === undefined) return new SleepForever(state.now)
  const { now } = state
  if (first.time < now || first.time >= Nanos.FOREVER) return naming(setTime(state, first.time) as Fault, first.event)
  const taken = changed(state, first.time, first.time, EventQueue.takeFirst(state.pending))
  switch (first.event._tag) {
    case "Timer":
      return timerDue(taken)
    case "OnStack":
      return new OnStackEventDequeued(first.time)
    default:
      return state.settings.revision.defersHandlers
        ? to(defer(taken, first.event, first.time))
        : to(taken, [{ _tag: "Deliver", event: first.event }])
  }
}

// ------------------------------------------------------- the clock source (SPEC 8)

/**
 * Reads the clock source, which costs {@link CYCLE} where reads cost time, unless
 * the guest can't be interrupted: then it would re-enter itself (SPEC 8); or waits, in a later revision (SPEC 11.2).
 * {@link cycles} is the value once the commands are done.
 */
export const readClockSource = (state: Guest, interruptible: boolean): Transition => {
  const { mode, revision } = state.settings
  const isFree = !mode.readsCost || !interruptible || revision.defersHandlers && (state.external?.waiting ?? 0) > 0
  return isFree ? to(state) : ndelay(state, CYCLE)
}

/** The clock source's count: nanoseconds / 256, rounded down (SPEC 8). */
export const cycles = (state: Guest): bigint => {
  const { mode, host } = state.settings
  return (mode.followsHost ? host?.monotonic ?? Nanos.ZERO : state.now) / CYCLE
}

/** The wall clock, in nanoseconds since 1970: off, the host's; otherwise start + now (SPEC 8). */
export const wallClock = (state: Guest): Nanos.Nanos => {
  const { mode, host, start } = state.settings
  return mode.followsHost ? host?.wall ?? Nanos.ZERO : Nanos.plusWrapping(start ?? Nanos.ZERO, state.now)
}

/** Whether the guest is running a user process from now on (SPEC 6). */
export const runUserProcess = (state: Guest, running: boolean): Guest => set(state, { userProcess: running })

// ----------------------------------------------------------- the calendar (SPEC 9)

/** Sends a message of the guest's own, the first half of an exchange (SPEC 9.1). */
export const beginExchange = (state: Guest, op: number, time: Nanos.Nanos): Next => {
  invariant(state.external !== undefined, "only a guest with a calendar exchanges messages")
  const { external, commands } = External.send(state.external, op, time)
  return to(talked(state, external), commands)
}

/**
 * An exchange with a calendar in the same process, which has answered at once: {@link beginExchange} to its end (SPEC 9.1).
 */
export const exchanged = (state: Guest, op: number, time: Nanos.Nanos, answer: Nanos.Nanos): Transition => {
  invariant(state.external !== undefined, "only a guest with a calendar exchanges messages")
  return heard(state, External.exchanged(state.external, op, time, answer))
}

/** Whether an exchange is under way: its ACK hasn't come yet (SPEC 9.1). */
export const awaitsAck = (state: Guest): boolean => state.external?.awaiting !== undefined

/**
 * Whether RUN hasn't come since the guest said that it waits. It may have come while an
 * interrupt in that wait talked to the calendar: to that one the guest runs, and nobody
 * would ever wake it again (SPEC 9.3).
 */
export const isStopped = (state: Guest): boolean => state.external?.stopped === true

/**
 * Whether the guest will have to wait for the calendar if it sleeps now, and that doesn't know how far the guest has come
 * by itself. An interrupt from outside in that wait would be told an earlier time (SPEC 9.5), unless UPDATE comes first.
 */
export const isAhead = (state: Guest): boolean =>
  state.external !== undefined && External.isAhead(state.external, state.now, EventQueue.first(state.pending)?.time)

/** Whether the calendar knows how far the guest has come: to tell it again would change nothing. */
export const isKnown = ({ external, now }: Guest): boolean =>
  external === undefined || external.known === now && !external.stopped

/** Handles a message from the calendar (SPEC 9.1). A guest without one has nobody to hear it from. */
export const handleMessage = (state: Guest, message: Message.Message): Transition => {
  if (state.external === undefined) return to(state)
  const { broadcasts, waitsForOwnRun } = state.settings.revision
  if (broadcasts && message.op === Message.Op.Broadcast) {
    const reply: Command = { _tag: "Write", message: Message.ack(message) }
    return to(set(state, { broadcast: { value: message.time as Nanos.Nanos, isFresh: true } }), [reply])
  }
  const told = External.hear(state.external, message, waitsForOwnRun)
  return isFault(told) ? told : heard(state, told)
}

const heard = (state: Guest, { external, commands, now, timeOfDay }: External.Heard): Transition => {
  if (now !== undefined && now !== state.now) {
    const moved = setTime(state, now)
    return isFault(moved) ? moved : to(talked(moved, external), commands)
  }
  return to(talked(timeOfDay === undefined ? state : set(state, { timeOfDay }), external), commands)
}

/** An interrupt from outside enters the guest as `event`, `delay` after the calendar's now (SPEC 9.5). */
export const irqEvent = (state: Guest, event: Event, delay: Nanos.Nanos = Nanos.ZERO): Transition =>
  state.settings.mode.hasCalendar
    ? to(state, [External.exchange(Message.Op.Get), resumeAt({ _tag: "Enter", event, delay })])
    : new NotExternal(state.settings.mode.mode)

/**
 * Tells the calendar how far the guest has come, before it signals another participant (SPEC 9.5); a lean one not the
 * same time twice (SPEC 11.4).
 */
export const propagateTime = (state: Guest): Next => {
  const { revision: { lean }, propagated } = state.settings
  // A guest that gave up waiting owns no time that it could tell.
  if (state.external === undefined || External.gaveUpWaiting(state.external)) return to(state)
  const update = External.exchange(Message.Op.Update, state.now)
  if (!lean.updates) return to(state, [update])
  return state.now === propagated ? to(state) : to(state, [update, resumeAt({ _tag: "Propagated" })])
}

/** Sends `value` to everybody else on the calendar (SPEC 11.5). */
export const broadcast = (state: Guest, value: Nanos.Nanos): Next =>
  to(set(state, { broadcast: { ...state.settings.broadcast, value } }), [
    External.exchange(Message.Op.Broadcast, value),
  ])

/** The broadcast that is yet to be reported, if there is one (SPEC 11.5). */
export const freshBroadcast = ({ settings: { broadcast } }: Guest): Nanos.Nanos | undefined =>
  broadcast.isFresh ? broadcast.value : undefined

/** The guest returns to its user process: what was broadcast is reported by then (SPEC 11.5). */
export const enterUser = (state: Guest): Guest =>
  state.settings.broadcast.isFresh ? set(state, { broadcast: { ...state.settings.broadcast, isFresh: false } }) : state
