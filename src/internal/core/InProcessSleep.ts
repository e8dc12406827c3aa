/**
 * A guest's sleep while its calendar is in the same process (SPEC 5, 7, 9.3): {@link Guest.sleep} where every exchange
 * is done at once.
 *
 * ```text
 *   ┌─▶ tell what is due next ─▶ may it run there by itself? ── no ─▶ WAIT, until RUN ─┐
 *   │                                        │ yes                                   │
 *   │                            the time is that of what is due ◀── is it due now? ◀─┤
 *   │                                        ▼                                       │
 *   │                            take it off; its handler runs; tell what is next    │
 *   └──────────────────────────────────────────────────────────── no ────────────────┘
 * ```
 *
 * @module
 */
import * as EventQueue from "../../core/EventQueue.ts"
import * as External from "../../core/External.ts"
import { invariant, type SleepForever, type TimeWentBackwards } from "../../core/Fault.ts"
import { setTime } from "../../core/Guest.ts"
import { changed, type Guest, talked } from "./GuestState.ts"
import { FOREVER, type Nanos } from "../../core/Nanos.ts"

const externalOf = ({ external }: Guest): External.External => {
  invariant(external !== undefined, "only a guest with a calendar sleeps on it")
  return external
}

/** When it is to run next: at the end of time, if nothing is due. */
export const due = (state: Guest): Nanos => EventQueue.first(state.pending)?.time ?? FOREVER

/** Whether the calendar has been told another time last, or none, and has to be told this one (SPEC 9.2, 11.4). */
export const isNews = (state: Guest, time: Nanos): boolean =>
  state.external?.previousRequest !== time && !(state.settings.revision.lean.requests && mayRunTo(state, time))

/** The calendar has been told when it is to run next. */
export const told = (state: Guest, time: Nanos): Guest => talked(state, External.requesting(externalOf(state), time))

/** Whether it may go to `time` without asking (SPEC 9.3). */
export const mayRunTo = (state: Guest, time: Nanos): boolean => External.mayRunTo(externalOf(state), time)

/** Whether a wait was given up before RUN came: then it has said already that it waits. */
export const gaveUpWaiting = (state: Guest): boolean => External.gaveUpWaiting(externalOf(state))

/** The calendar has been told that it waits (SPEC 9.3). */
export const waits = (state: Guest): Guest =>
  talked(state, External.waits(externalOf(state), state.settings.revision.lean))

/** RUN has come, to the guest time `time` (SPEC 9.3). */
export const runs = (state: Guest, time: Nanos): Guest | TimeWentBackwards | SleepForever => {
  const next = talked(state, External.runs(externalOf(state), time))
  return setTime(next, time)
}

/** The wait was given up. */
export const gaveUp = (state: Guest): Guest => talked(state, External.endWait(externalOf(state)))

/** Without what is due first, which is delivered. */
export const taken = (state: Guest): Guest =>
  changed(state, state.now, state.nextEvent, EventQueue.takeFirst(state.pending))
