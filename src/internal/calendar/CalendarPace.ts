/**
 * The pace of a calendar: real time counts only while the calendar's time could pass.
 *
 * @module
 */
import type { Calendar } from "../../core/Calendar.ts"
import { Pace } from "../services/Pace.ts"

/** Why time can't pass, whatever is allowed. */
type Standstill =
  /** Somebody is missing, or begins: nobody is there, not all are there yet, or one is in its first turn. */
  | "gathering"
  /** Nobody runs, and nobody has asked for a time. */
  | "idle"

/** Short idling is a guest that answers another through the world: that takes its time as a turn does. */
const IDLE_MS = 100

const standstill = (calendar: Calendar): Standstill | undefined => {
  const { open, begun, turn, gathered, late, clients, schedule } = calendar
  if (!open || !begun || clients.size === 0 || gathered.size + late.size > 0) return "gathering"
  if (turn !== undefined) return turn.freeUntil === undefined ? "gathering" : undefined
  return schedule.requests.size === 0 ? "idle" : undefined
}

/** The pace of one calendar. */
export class CalendarPace extends Pace {
  #why: Standstill | undefined

  constructor(factor: number, calendar: Calendar, nowMs: number) {
    super(factor, calendar.time, nowMs)
    this.look(calendar, nowMs)
  }

  /** To be told of each change of the calendar: whether time can pass from now on. */
  look(calendar: Calendar, nowMs: number): void {
    const why = standstill(calendar)
    if (why === this.#why) return
    this.go(nowMs, this.#why === "idle" ? IDLE_MS : 0)
    this.#why = why
    if (why !== undefined) this.stop(nowMs)
  }
}
