/**
 * A guest's time and its pending events (SPEC 3, 4); and in a revision that defers handlers those that are due, and
 * wait for interrupts to be on (SPEC 11.1).
 *
 * @module
 */
import { type Command, type Event, type Pending, resume as resumeAt } from "../../core/Command.ts"
import * as EventQueue from "../../core/EventQueue.ts"
import * as External from "../../core/External.ts"
import { invariant, SleepForever, TimeWentBackwards } from "../../core/Fault.ts"
import { changed, type Deferred, deferring, type Guest, nothingDeferred } from "./GuestState.ts"
import * as Nanos from "../../core/Nanos.ts"
import { masked, type Next, to } from "./Transition.ts"

/**
 * Sets the time; never back, and never to the end of time (SPEC 3).
 *
 * @since 0.1.0
 * @category transitions
 */
export const setTime = (state: Guest, time: Nanos.Nanos): Guest | TimeWentBackwards | SleepForever => {
  if (time < state.now) return new TimeWentBackwards(state.now, time)
  if (time >= Nanos.FOREVER) return new SleepForever(state.now)
  return time === state.now ? state : changed(state, time, state.nextEvent, state.pending)
}

/** Puts something in its place, and tells the calendar about the first (SPEC 4). */
export const insert = (state: Guest, event: Pending, at: Nanos.Nanos): Next => {
  const pending = EventQueue.add(state.pending, event, at, event._tag === "OnStack")
  if (pending === state.pending) return to(state)
  const nextEvent = firstOf(pending).time
  if (state.external === undefined) return to(changed(state, state.now, nextEvent, pending))
  const { lean, defersHandlers } = state.settings.revision
  const { external, commands } = External.tell(state.external, nextEvent, lean)
  const next = changed(state, state.now, nextEvent, pending, external)
  // What is told is the next event's time, even if an interrupt in that exchange puts an earlier one first (SPEC 11.4).
  return defersHandlers && commands.length > 0
    ? to(next, [...commands, resumeAt({ _tag: "Told", time: nextEvent })])
    : to(next, commands)
}

const withoutHandler: ReadonlyArray<Command> = [{ _tag: "Warn", warning: { _tag: "EventWithoutHandler" } }]

/**
 * Adds `event`, due at the guest time `at`. One that is pending already stays where it is (SPEC 4).
 *
 * @since 0.1.0
 * @category transitions
 */
export const addEvent = (state: Guest, event: Event, at: Nanos.Nanos): Next => {
  if (event.handler === undefined) return to(state, withoutHandler)
  if (state.deferred !== nothingDeferred && EventQueue.has(state.deferred.due, event)) return to(state)
  const next = insert(state, event, at)
  return next.state === state ? next : masked(next)
}

/**
 * Whether `event` waits for its time in this state, or for interrupts to be on.
 *
 * @since 0.1.0
 * @category reading
 */
export const isPending = (state: Guest, event: Event): boolean =>
  EventQueue.has(state.pending, event) || EventQueue.has(state.deferred.due, event)

/**
 * Takes `event` off the queue; the very same state if it isn't pending (SPEC 4).
 *
 * @since 0.1.0
 * @category transitions
 */
export const deleteEvent = (state: Guest, event: Pending): Guest => {
  const pending = EventQueue.remove(state.pending, event)
  if (pending !== state.pending) return changed(state, state.now, state.nextEvent, pending)
  return state.deferred === nothingDeferred ? state : withoutDue(state, event as Event)
}

/**
 * What is pending, in order, what is due already first: each with its time, in nanoseconds.
 *
 * @since 0.1.0
 * @category transitions
 */
export const pending = (state: Guest): ReadonlyArray<EventQueue.Entry<Pending>> => {
  const entries = EventQueue.entries(state.pending)
  return state.deferred.due.size === 0 ? entries : [...due(state), ...entries]
}

/**
 * When the first event is due, in ns, if there is any.
 *
 * @since 0.1.0
 * @category transitions
 */
export const nextDue = (state: Guest): Nanos.Nanos | undefined =>
  (EventQueue.first(state.deferred.due) ?? EventQueue.first(state.pending))?.time

/** The first of a queue that has one. */
export const firstOf = (queue: EventQueue.EventQueue<Pending>): EventQueue.Entry<Pending> => {
  const first = EventQueue.first(queue)
  invariant(first !== undefined, "the advance's own entry, or what was just added, is in the queue")
  return first
}

// --------------------------------------------- what waits for interrupts (SPEC 11.1)

const waiting = (state: Guest, due: Deferred["due"], alarm: Deferred["alarm"]): Guest =>
  deferring(state, due.size === 0 && alarm === "none" ? nothingDeferred : { due, alarm })

/**
 * Events that wait for interrupts to be on, in order, each with the time that it was due at.
 *
 * @since 0.1.0
 * @category transitions
 */
export const due = (state: Guest): ReadonlyArray<EventQueue.Entry<Event>> => EventQueue.entries(state.deferred.due)

/** `event`, which was due at `time`, is to be handled when interrupts are on. Times of what is due never decrease. */
export const defer = (state: Guest, event: Event, time: Nanos.Nanos): Guest =>
  waiting(state, EventQueue.add(state.deferred.due, event, time, false), state.deferred.alarm)

const withoutDue = (state: Guest, event: Event): Guest => {
  const due = EventQueue.remove(state.deferred.due, event)
  return due === state.deferred.due ? state : waiting(state, due, state.deferred.alarm)
}

/**
 * What is to be handled next, if anything is.
 *
 * @since 0.1.0
 * @category transitions
 */
export const firstDue = (state: Guest): Event | undefined => EventQueue.first(state.deferred.due)?.event

/**
 * Without that, which is handled.
 *
 * @since 0.1.0
 * @category transitions
 */
export const takeDue = (state: Guest): Guest =>
  waiting(state, EventQueue.takeFirst(state.deferred.due), state.deferred.alarm)

/**
 * A tick is to come when interrupts are on, or none any more. One flag: those of one masked stretch are one tick.
 *
 * @since 0.1.0
 * @category transitions
 */
export const setAlarm = (state: Guest, alarm: Deferred["alarm"]): Guest => waiting(state, state.deferred.due, alarm)
