/**
 * The pace of a calendar: up to which simulated time it may be at this real time.
 *
 * Real time counts only while simulated time could pass. What a pace has missed meanwhile would
 * be caught up with as fast as it goes, which is no pace.
 *
 * @module
 */
import type { Calendar } from "../../core/Calendar.ts"

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

/** A pace, from the moment on that it was set. Times are the calendar's, in ns; real ones in ms. */
export class Pace {
  /** Simulated seconds a real second. */
  readonly factor: number
  readonly #at: bigint
  #realMs: number
  #still: { readonly why: Standstill; readonly sinceMs: number } | undefined

  constructor(factor: number, calendar: Calendar, nowMs: number) {
    this.factor = factor
    this.#at = calendar.time
    this.#realMs = nowMs
    this.look(calendar, nowMs)
  }

  /** To be told of each change of the calendar: whether time can pass from now on. */
  look(calendar: Calendar, nowMs: number): void {
    const why = standstill(calendar)
    if (why === this.#still?.why) return
    if (this.#still !== undefined) {
      const ms = nowMs - this.#still.sinceMs
      if (this.#still.why !== "idle" || ms > IDLE_MS) this.#realMs += ms
    }
    this.#still = why && { why, sinceMs: nowMs }
  }

  /** As far as simulated time may be. */
  reached(nowMs: number): bigint {
    return this.#at + BigInt(Math.floor(((this.#still?.sinceMs ?? nowMs) - this.#realMs) * this.factor * 1e6))
  }

  /** How much real time is left until `due`; 0 or less: it is late. */
  leftMs(due: bigint, nowMs: number): number {
    return this.#realMs + Number(due - this.#at) / 1e6 / this.factor - nowMs
  }
}
