/**
 * One guest's clock: the transitions from a state to the next.
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
import { changed, type Guest, type HostTime, set, talked } from "./GuestState.ts"
import { append } from "./List.ts"
import * as Message from "./Message.ts"
import { CYCLE, TICK, traits } from "./Modes.ts"
import * as Nanos from "./Nanos.ts"

export { type Guest, type HostTime, make, type Settings } from "./GuestState.ts"
export type { Mode } from "./Modes.ts"

/** A next state, and what must now be done. */
export interface Next {
  readonly state: Guest
  readonly commands: ReadonlyArray<Command>
}

/** What a transition returns: the next state, or the fault that ends this clock. */
export type Transition = Next | Fault

/** The guest's built-in timer event (SPEC 8). */
export const timerEvent: Pending = { _tag: "Timer" }

const nothing: ReadonlyArray<Command> = []

const to = (state: Guest, commands: ReadonlyArray<Command> = nothing): Next => ({ state, commands })

// ---------------------------------------------------------------- boot (SPEC 8)

/** Whether this guest's time is the host's, so that {@link hostTime} must be fed before time is looked at. */
export const followsHost = (state: Guest): boolean => state.settings.mode === "off"

/**
 * Boots: sets the wall clock's start to `start`, or else to the host's wall
 * clock; in external mode to what the calendar says (SPEC 8).
 */
export const boot = (state: Guest, host: HostTime, start?: Nanos.Nanos): Next => {
  switch (state.settings.mode) {
    case "off":
      return to(set(state, { host: { ...host, boot: host.monotonic } }))
    case "external":
      return to(state, [
        External.exchange(Message.Op.GetTimeOfDay),
        External.exchange(Message.Op.Get),
        resumeAt({ _tag: "Booted" }),
      ])
    default:
      return to(set(state, { start: start ?? host.wall }))
  }
}

/** Says who it is to the calendar, before anything else (SPEC 9.5). */
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

// -------------------------------------------------------- setting time (SPEC 3)

/** Sets the time; never back, and never to the end of time (SPEC 3). */
export const setTime = (state: Guest, time: Nanos.Nanos): Guest | TimeWentBackwards | SleepForever => {
  if (time < state.now) return new TimeWentBackwards(state.now, time)
  if (time >= Nanos.FOREVER) return new SleepForever(state.now)
  return time === state.now ? state : changed(state, time, state.nextEvent, state.pending)
}

// ------------------------------------------------------------ the queue (SPEC 4)

const insert = (state: Guest, event: Pending, at: Nanos.Nanos): Next => {
  const pending = EventQueue.add(state.pending, event, at, event._tag === "OnStack")
  if (pending === state.pending) return to(state)
  const nextEvent = firstOf(pending).time
  if (state.external === undefined) return to(changed(state, state.now, nextEvent, pending))
  const { external, commands } = External.tell(state.external, nextEvent)
  return to(changed(state, state.now, nextEvent, pending, external), commands)
}

/** Adds `event`, due at the guest time `at`. One that is pending already stays where it is (SPEC 4). */
export const addEvent = (state: Guest, event: Event, at: Nanos.Nanos): Next => {
  if (event.handler === undefined) return to(state, [{ _tag: "Warn", warning: { _tag: "EventWithoutHandler" } }])
  return insert(state, event, at)
}

/** Whether `event` waits for its time in this state. */
export const isPending = (state: Guest, event: Event): boolean => EventQueue.has(state.pending, event)

/** Takes `event` off the queue; the very same state if it isn't pending (SPEC 4). */
export const deleteEvent = (state: Guest, event: Pending): Guest => {
  const pending = EventQueue.remove(state.pending, event)
  return pending === state.pending ? state : changed(state, state.now, state.nextEvent, pending)
}

/** What waits for its time, in order: each with its time, in nanoseconds. */
export const pending = (state: Guest): ReadonlyArray<EventQueue.Entry<Pending>> => EventQueue.entries(state.pending)

/** When the first event is due, in ns, if there is any. */
export const nextDue = (state: Guest): Nanos.Nanos | undefined => EventQueue.first(state.pending)?.time

const firstOf = (queue: EventQueue.EventQueue<Pending>): EventQueue.Entry<Pending> => {
  const first = EventQueue.first(queue)
  invariant(first !== undefined, "the advance's own entry, or what was just added, is in the queue")
  return first
}

// ------------------------------------------------------------ advancing (SPEC 5)

/** Goes to the guest time `next`, delivering what is due before; idle, at most one round (SPEC 5). */
export const updateTime = (state: Guest, next: Nanos.Nanos, idle: boolean): Transition => {
  const advance: Advance = { mine: new OnStack(), idle }
  return andThen(insert(state, advance.mine, next), { _tag: "Round", advance })
}

/** Is busy for `duration` ns: events that come due meanwhile interrupt it (SPEC 5). */
export const ndelay = (state: Guest, duration: Nanos.Nanos): Transition =>
  // A guest that gave up waiting doesn't know how far the others have come meanwhile.
  state.external !== undefined && External.gaveUpWaiting(state.external)
    ? to(state, [External.exchange(Message.Op.Get), resumeAt({ _tag: "Delay", duration })])
    : delay(state, duration)

const delay = (state: Guest, duration: Nanos.Nanos): Transition =>
  updateTime(state, Nanos.plus(state.now, duration), false)

/** Goes on from `step`, at once if nothing has to be done before. */
const andThen = (next: Next, step: Step): Transition =>
  next.commands.length === 0 ? resume(next.state, step) : to(next.state, followedBy(next.commands, step))

const followedBy = (commands: ReadonlyArray<Command>, step: Step): ReadonlyArray<Command> =>
  append(commands, resumeAt(step))

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
      return to(set(state, { start: Nanos.minusWrapping(state.settings.start, state.now) }))
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
  const { external, commands } = External.beginWait(state.external)
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
  const settled = resumeAt({ _tag: "Settle", advance, finished: false })
  if (event._tag !== "Timer") return to(taken, [{ _tag: "Deliver", event }, settled])
  const alarm = timerDue(taken)
  return to(alarm.state, append(alarm.commands, settled))
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
  const { external, commands } = External.tell(state.external, time)
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
  if (mode === "external" && !masked) return new IdleWithInterruptsOn()
  switch (mode) {
    case "inf-cpu":
      return skip(state)
    case "off":
    case "external":
      return updateTime(state, Nanos.FOREVER, true)
    case "basic":
      return to(state, [
        { _tag: "DisarmHostTimer" },
        resumeAt({ _tag: "Skip" }),
        resumeAt({ _tag: "Rearm" }),
      ])
  }
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
      return to(taken, [{ _tag: "Deliver", event: first.event }])
  }
}

const rearm = (state: Guest): Next => {
  const due = EventQueue.timeOf(state.pending, timerEvent)
  if (due === undefined) return to(state)
  const { timer } = state.settings
  return to(state, [
    timer.periodic
      ? { _tag: "ArmHostTimerEvery", interval: timer.interval }
      : { _tag: "ArmHostTimerOnce", delay: Nanos.minus(due, state.now) },
  ])
}

// -------------------------------- the clock event device and source (SPEC 6, 8)

const keepsTimerInQueue = (state: Guest): boolean => state.settings.mode !== "off"

/** Programs the timer event for `interval` ns from now, and the host timer where there is one. */
const program = (state: Guest, periodic: boolean, interval: Nanos.Nanos): Next => {
  const hosted: ReadonlyArray<Command> = !traits[state.settings.mode].usesHostTimer
    ? nothing
    : [periodic ? { _tag: "ArmHostTimerEvery", interval } : { _tag: "ArmHostTimerOnce", delay: interval }]
  if (!keepsTimerInQueue(state)) return to(state, hosted)
  const idle = set(deleteEvent(state, timerEvent), { timer: { periodic, interval } })
  const added = insert(idle, timerEvent, Nanos.plus(state.now, interval))
  return to(added.state, [...added.commands, ...hosted])
}

/** Device: stop (SPEC 8). */
export const shutdown = (state: Guest): Next =>
  to(
    keepsTimerInQueue(state) ? deleteEvent(state, timerEvent) : state,
    traits[state.settings.mode].usesHostTimer ? [{ _tag: "DisarmHostTimer" }] : nothing,
  )

/** Device: tick every {@link TICK} (SPEC 8). */
export const periodic = (state: Guest): Next => program(state, true, TICK)

/** Device: tick once, `delta` + 1 ns from now (SPEC 8). */
export const nextEvent = (state: Guest, delta: Nanos.Nanos): Next =>
  program(state, false, Nanos.plus(delta, 1n as Nanos.Nanos))

/** Device: tick once, as soon as can be (SPEC 8). */
export const oneShot = (state: Guest): Next => nextEvent(state, Nanos.ZERO)

/** Whether the timer event waits for its time, so that an alarm of the host's timer would mean it. */
export const isTicking = (state: Guest): boolean =>
  !keepsTimerInQueue(state) || EventQueue.has(state.pending, timerEvent)

/** The host's timer signal arrived (SPEC 8). A guest without a host timer gets none, and ignores it. */
export const hostAlarm = (state: Guest): Transition => {
  if (!traits[state.settings.mode].usesHostTimer) return to(state)
  const ticking = [tick(state)]
  if (!keepsTimerInQueue(state)) return to(state, ticking)
  const moved = setTime(state, state.nextEvent)
  if (isFault(moved)) return moved
  const taken = deleteEvent(moved, timerEvent)
  const { timer } = taken.settings
  if (!timer.periodic) return to(taken, ticking)
  const added = insert(taken, timerEvent, Nanos.plus(taken.now, timer.interval))
  return to(added.state, [...added.commands, ...ticking])
}

const tick = (state: Guest): Command => ({ _tag: "Tick", relay: state.settings.userProcess })

/** The built-in timer event is due: it goes on if periodic, and raises the alarm (SPEC 6). */
const timerDue = (state: Guest): Next => {
  const { timer } = state.settings
  if (!timer.periodic) return to(state, [tick(state)])
  const added = insert(state, timerEvent, Nanos.plus(state.now, timer.interval))
  return to(added.state, [...added.commands, tick(state)])
}

/**
 * Reads the clock source, which costs {@link CYCLE} outside of off mode, unless
 * the guest can't be interrupted: then it would re-enter itself (SPEC 8).
 * {@link cycles} is the value once the commands are done.
 */
export const readClockSource = (state: Guest, interruptible: boolean): Transition =>
  state.settings.mode === "off" || !interruptible ? to(state) : ndelay(state, CYCLE)

/** The clock source's count: nanoseconds / 256, rounded down (SPEC 8). */
export const cycles = (state: Guest): bigint => {
  const { mode, host } = state.settings
  return (mode === "off" ? host?.monotonic ?? Nanos.ZERO : state.now) / CYCLE
}

/** The wall clock, in nanoseconds since 1970: off, the host's; otherwise start + now (SPEC 8). */
export const wallClock = (state: Guest): Nanos.Nanos => {
  const { mode, host, start } = state.settings
  return mode === "off" ? host?.wall ?? Nanos.ZERO : Nanos.plusWrapping(start, state.now)
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

/** An exchange with a calendar in the same process, which has answered at once: {@link beginExchange} to its end (SPEC 9.1). */
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
  state.external !== undefined && External.isAhead(state.external, state.now, nextDue(state))

/** Whether the calendar knows how far the guest has come: to tell it again would change nothing. */
export const isKnown = ({ external, now }: Guest): boolean =>
  external === undefined || external.known === now && !external.stopped

/** Handles a message from the calendar (SPEC 9.1). A guest without one has nobody to hear it from. */
export const handleMessage = (state: Guest, message: Message.Message): Transition => {
  if (state.external === undefined) return to(state)
  const told = External.hear(state.external, message)
  return isFault(told) ? told : heard(state, told)
}

const heard = (state: Guest, { external, commands, now, timeOfDay }: External.Heard): Transition => {
  if (now !== undefined && now !== state.now) {
    const moved = setTime(state, now)
    return isFault(moved) ? moved : to(talked(moved, external), commands)
  }
  return to(talked(timeOfDay === undefined ? state : set(state, { start: timeOfDay }), external), commands)
}

/** An interrupt from outside enters the guest as `event`, `delay` after the calendar's now (SPEC 9.5). */
export const irqEvent = (state: Guest, event: Event, delay: Nanos.Nanos = Nanos.ZERO): Transition =>
  state.settings.mode !== "external"
    ? new NotExternal(state.settings.mode)
    : to(state, [External.exchange(Message.Op.Get), resumeAt({ _tag: "Enter", event, delay })])

/** Tells the calendar how far the guest has come, before it signals another participant (SPEC 9.5). */
export const propagateTime = (state: Guest): Next =>
  // A guest that gave up waiting owns no time that it could tell.
  state.external === undefined || External.gaveUpWaiting(state.external)
    ? to(state)
    : to(state, [External.exchange(Message.Op.Update, state.now)])
