/**
 * The limits on a program: events, simulated time, real time.
 *
 * @module
 */
import * as Stuck from "./Stuck.ts"

/** Limits; each absent one is none. */
export interface Limits {
  /** The guest time that must not be passed, in ns. */
  readonly simulated?: bigint
  /** Real time, in ms. */
  readonly realMs?: number
  /** Times that something was due. */
  readonly events?: number
}

/** Whether there is any. */
export const isAny = ({ simulated, realMs, events }: Limits): boolean => (realMs ?? simulated ?? events) !== undefined

/** The limit of simulated time, if `time` is past it. */
export const simulatedTime = ({ simulated }: Limits, time: bigint, now: bigint): Stuck.LimitReached | undefined =>
  simulated !== undefined && time > simulated
    ? new Stuck.LimitReached("simulated time", `${simulated} ns`, now)
    : undefined

/** The limit of events, if there were as many. */
export const events = ({ events }: Limits, count: number, now: bigint): Stuck.LimitReached | undefined =>
  events !== undefined && count >= events ? new Stuck.LimitReached("events", String(events), now) : undefined
