/**
 * A guest's clock event device: its built-in timer event, the host's timer, and the tick (SPEC 6, 8).
 *
 * @module
 */
import { type Command, type Pending, resume as resumeAt } from "../../core/Command.ts"
import * as EventQueue from "../../core/EventQueue.ts"
import { isFault } from "../../core/Fault.ts"
import { type Guest, set } from "./GuestState.ts"
import { deleteEvent, insert, setAlarm, setTime } from "./GuestQueue.ts"
import { TICK } from "../../core/Modes.ts"
import * as Nanos from "../../core/Nanos.ts"
import { masked, type Next, nothing, to, type Transition } from "./Transition.ts"

/**
 * The guest's built-in timer event (SPEC 8).
 *
 * @since 0.1.0
 * @category transitions
 */
export const timerEvent: Pending = { _tag: "Timer" }

/** Takes the timer event off the queue, which masks where it was there: what waited for that is done at once. */
const unset = (state: Guest): Next => {
  if (!state.settings.mode.timerInQueue) return to(state)
  const idle = deleteEvent(state, timerEvent)
  return idle === state ? to(state) : masked(to(idle))
}

/** Programs the timer event for `interval` ns from now, and the host timer where there is one. */
const program = (state: Guest, periodic: boolean, interval: Nanos.Nanos): Next => {
  const idle = unset(state)
  return idle.commands.length === 0
    ? programmed(idle.state, periodic, interval)
    : to(idle.state, [...idle.commands, resumeAt({ _tag: "Program", periodic, interval })])
}

/** The second half of that: the timer event isn't pending. */
export const programmed = (state: Guest, periodic: boolean, interval: Nanos.Nanos): Next => {
  const hosted: ReadonlyArray<Command> = !state.settings.mode.usesHostTimer
    ? nothing
    : [periodic ? { _tag: "ArmHostTimerEvery", interval } : { _tag: "ArmHostTimerOnce", delay: interval }]
  if (!state.settings.mode.timerInQueue) return to(state, hosted)
  const timed = set(state, { timer: { periodic, interval } })
  const added = masked(insert(timed, timerEvent, Nanos.plus(state.now, interval)))
  return to(added.state, [...added.commands, ...hosted])
}

/**
 * Device: stop (SPEC 8).
 *
 * @since 0.1.0
 * @category transitions
 */
export const shutdown = (state: Guest): Next => {
  const idle = unset(state)
  return state.settings.mode.usesHostTimer ? to(idle.state, [...idle.commands, { _tag: "DisarmHostTimer" }]) : idle
}

/**
 * Device: tick every {@link TICK} (SPEC 8).
 *
 * @since 0.1.0
 * @category transitions
 */
export const periodic = (state: Guest): Next => program(state, true, TICK)

/**
 * Device: tick once, `delta` + 1 ns from now (SPEC 8).
 *
 * @since 0.1.0
 * @category transitions
 */
export const nextEvent = (state: Guest, delta: Nanos.Nanos): Next =>
  program(state, false, Nanos.plus(delta, 1n as Nanos.Nanos))

/**
 * Device: tick once, as soon as can be (SPEC 8).
 *
 * @since 0.1.0
 * @category transitions
 */
export const oneShot = (state: Guest): Next => nextEvent(state, Nanos.ZERO)

/**
 * Whether the timer event waits for its time, so that an alarm of the host's timer would mean it.
 *
 * @since 0.1.0
 * @category reading
 */
export const isTicking = (state: Guest): boolean =>
  !state.settings.mode.timerInQueue || EventQueue.has(state.pending, timerEvent)

/** The guest is up again after a sleep in basic mode: its host timer goes on (SPEC 7). */
export const rearm = (state: Guest): Next => {
  const due = EventQueue.timeOf(state.pending, timerEvent)
  if (due === undefined) return to(state)
  const { timer } = state.settings
  return to(state, [
    timer.periodic
      ? { _tag: "ArmHostTimerEvery", interval: timer.interval }
      : { _tag: "ArmHostTimerOnce", delay: Nanos.minus(due, state.now) },
  ])
}

const tick = (state: Guest): Command => ({ _tag: "Tick", relay: state.settings.userProcess })

/** What a real alarm of the host does to the queue, and then the tick. */
const ticks = (state: Guest): Transition => {
  if (!state.settings.mode.timerInQueue) return to(state, [tick(state)])
  const moved = setTime(state, state.nextEvent)
  if (isFault(moved)) return moved
  const taken = deleteEvent(moved, timerEvent)
  const { timer } = taken.settings
  if (!timer.periodic) return to(taken, [tick(taken)])
  const added = insert(taken, timerEvent, Nanos.plus(taken.now, timer.interval))
  return to(added.state, [...added.commands, tick(added.state)])
}

/**
 * The host's timer signal arrived (SPEC 8). A guest without a host timer gets none, and ignores it. In a revision that
 * defers handlers it waits for interrupts to be on, if they are masked (SPEC 11.1).
 *
 * @since 0.1.0
 * @category transitions
 */
export const hostAlarm = (state: Guest, isMasked = false): Transition => {
  if (!state.settings.mode.usesHostTimer) return to(state)
  if (isMasked && state.settings.revision.defersHandlers) return to(setAlarm(state, "real"))
  const next = ticks(state)
  return isFault(next) ? next : masked(next)
}

/**
 * An alarm that waited for interrupts to be on: `isReal`, if the host's timer has asked for it (SPEC 11.1).
 *
 * @since 0.1.0
 * @category transitions
 */
export const lateAlarm = (state: Guest, isReal: boolean): Transition => isReal ? ticks(state) : to(state, [tick(state)])

/** The built-in timer event is due: it goes on if periodic, and raises the alarm (SPEC 6, 11.1). */
export const timerDue = (state: Guest): Next => {
  const { timer, revision } = state.settings
  const added = timer.periodic ? insert(state, timerEvent, Nanos.plus(state.now, timer.interval)) : to(state)
  if (!revision.defersHandlers) return to(added.state, [...added.commands, tick(added.state)])
  // One that is real already stays so.
  const { alarm } = added.state.deferred
  return to(setAlarm(added.state, alarm === "none" ? "simulated" : alarm), added.commands)
}
