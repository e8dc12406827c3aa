/**
 * Grants turns ({@link Calendar}): whether the earliest request may be granted, how far its client may then run by itself,
 * and how time goes on while everybody waits.
 *
 * @module
 */
import { max, min } from "./Extremes.ts"
import type { Calendar, Turn } from "./CalendarState.ts"
import { clientOf, type Draft } from "./CalendarDraft.ts"
import { send, toBeAcknowledged } from "./CalendarSends.ts"
import { Op } from "../../core/Message.ts"
import { FOREVER, type Nanos } from "../../core/Nanos.ts"
import * as Schedule from "./Schedule.ts"

/** How far past now FREE_UNTIL is with nothing on the schedule: 2^62 ns. */
const FREE_RUN = 1n << 62n

/** The last time there is: at FOREVER a guest would never wake. */
const LAST: Nanos = FOREVER - 1n as Nanos

const noNews: Turn["news"] = []

/** Whether there is a request, and the allowance lets it be granted. */
export const isGrantable = ({ schedule, time, allowance }: Calendar): boolean => {
  const due = Schedule.first(schedule)
  return due !== undefined && allowance.turns > 0 && max(due.time, time) <= allowance.until
}

/** As far as anybody may run by itself now. */
export const allowed = ({ time, allowance: { turns, until } }: Calendar): Nanos =>
  turns > 0 && until >= time ? min(until + 1n as Nanos, LAST) : time

/** Grants the earliest request. */
export const grant = (draft: Draft): void => {
  const { state } = draft
  state.schedule = Schedule.arrange(state.schedule, (client) => clientOf(draft, client).id)
  const { event: key, time: due } = Schedule.first(state.schedule)!
  const { offset } = clientOf(draft, key)
  state.schedule = Schedule.takeFirst(state.schedule)
  const { until, turns } = state.allowance
  if (turns !== Infinity) state.allowance = { until, turns: turns - 1 }
  const now = state.time = max(state.time, due)
  const next = Schedule.first(state.schedule)
  const alone = next === undefined ? min(now + FREE_RUN as Nanos, LAST) : max(next.time, now)
  const freeUntil = min(alone, allowed(state))
  const begin = { op: Op.FreeUntil, time: freeUntil - offset }
  if (!send(draft, key, begin, { op: Op.Run, time: now - offset })) return
  const [runSeq, freeUntilSeq] = [toBeAcknowledged(draft, key), toBeAcknowledged(draft, key, 1)]
  state.turn = {
    client: key,
    runSeq,
    freeUntil,
    freeUntilSeq,
    known: freeUntil,
    news: noNews,
    isOver: false,
    limit: freeUntil,
  }
}

/**
 * Everybody waits, and nothing is due before the end of what is allowed: that time has come. Only
 * when somebody says so: between a guest's GET and its REQUEST for that very time none may pass.
 */
export const pass = (state: Draft["state"]): void => {
  const { turn, begun, time, schedule, allowance: { until, turns } } = state
  if (turn !== undefined || !begun || turns === 0 || until >= FOREVER) return
  const due = Schedule.first(schedule)?.time ?? FOREVER
  state.time = max(time, min(due, until as Nanos))
}
