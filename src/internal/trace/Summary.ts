/**
 * A timeline in numbers: per guest how often it had the turn, for how long it was
 * busy and waited, and what for.
 *
 * @module
 */
import type { Lane, Timeline } from "./Timeline.ts"

/** What a guest waited for, or what its time went to. */
export interface Reason {
  readonly name: string
  readonly times: number
  /** Simulated time in ns. */
  readonly total: bigint
}

/** A lane in numbers. Simulated times unless named otherwise, in ns. */
export interface LaneSummary {
  readonly name: string
  readonly kind: Lane["kind"]
  readonly records: number
  readonly turns: number
  /** Busy, with the calendar's leave or without having to ask. */
  readonly busy: bigint
  /** The part of that for which nobody had to be asked. */
  readonly free: bigint
  readonly waiting: bigint
  /** Real time for which it ran itself. */
  readonly realRunning: bigint
  /** Real time for which it waited for others. */
  readonly realWaiting: bigint
  /** Real time for which it held simulated time. */
  readonly realHeld: bigint
  /** What it waited for, the longest first. */
  readonly reasons: ReadonlyArray<Reason>
  readonly handlers: number
  readonly interrupts: number
  readonly faults: number
}

/** A timeline in numbers. In ns. */
export interface Summary {
  readonly simulated: bigint
  readonly real: bigint
  readonly lanes: ReadonlyArray<LaneSummary>
}

const laneSummary = (lane: Lane): LaneSummary => {
  let [busy, free, waiting, realRunning, realWaiting, realHeld] = [0n, 0n, 0n, 0n, 0n, 0n]
  const reasons = new Map<string, { times: number; total: bigint }>()
  for (const { doing, from, to, realFrom, realTo, own, why } of lane.spans) {
    const length = to - from
    if (own) realRunning += realTo - realFrom
    else realWaiting += realTo - realFrom
    if (doing === "busy" || doing === "free") busy += length
    if (doing === "free") free += length
    if (doing === "wait") waiting += length
    if (doing === "wait" || doing === "turn") {
      const reason = reasons.get(why) ?? { times: 0, total: 0n }
      reason.times++
      reason.total += length
      reasons.set(why, reason)
    }
  }
  for (const { kind, realFrom, realTo } of lane.acts) if (kind === "hold") realHeld += realTo - realFrom
  const count = (kind: string) => lane.acts.filter((act) => act.kind === kind).length
  return {
    name: lane.name,
    kind: lane.kind,
    records: lane.records,
    turns: lane.turns,
    busy,
    free,
    waiting,
    realRunning,
    realWaiting,
    realHeld,
    reasons: [...reasons]
      .map(([name, reason]) => ({ name, ...reason }))
      .sort((a, b) => a.total === b.total ? b.times - a.times : a.total < b.total ? 1 : -1),
    handlers: count("handler") + count("tick"),
    interrupts: count("interrupt"),
    faults: lane.instants.filter(({ kind }) => kind === "fault").length,
  }
}

/** A timeline in numbers. */
export const summary = (timeline: Timeline): Summary => ({
  simulated: timeline.end,
  real: timeline.real,
  lanes: timeline.lanes.map(laneSummary),
})
