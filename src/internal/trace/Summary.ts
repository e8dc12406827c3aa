/**
 * A timeline in numbers: per guest how often it had the turn, for how long it was
 * busy and waited, and what for.
 *
 * @module
 */
import { build, type TimelineSink } from "./TimelineBuilder.ts"
import type { Readable } from "./TraceFile.ts"
import type { Act, Instant, Lane, LaneInfo, Message, Span, Timeline, Waited } from "./Lanes.ts"

/**
 * What a guest waited for, or what its time went to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reason {
  readonly name: string
  readonly times: number
  /** Simulated time in ns. */
  readonly total: bigint
}

/**
 * A lane in numbers. Simulated times unless named otherwise, in ns.
 *
 * @since 0.1.0
 * @category models
 */
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
  /** Of a guest of a world: copies of messages count by themselves where they arrive or are lost. */
  readonly messages: { readonly sent: number; readonly arrived: number; readonly lost: number }
  /** What its processes waited for, and for whom, the longest first. */
  readonly waited: ReadonlyArray<Waited>
}

/**
 * A timeline in numbers. In ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Summary {
  readonly simulated: bigint
  readonly real: bigint
  readonly lanes: ReadonlyArray<LaneSummary>
}

/** A lane, as it is summed up. */
class LaneTotals {
  busy = 0n
  free = 0n
  waiting = 0n
  realRunning = 0n
  realWaiting = 0n
  realHeld = 0n
  handlers = 0
  interrupts = 0
  faults = 0
  sent = 0
  arrived = 0
  lost = 0
  readonly #reasons = new Map<string, { times: number; total: bigint }>()
  /** Where it ends. */
  end = 0n
  real = 0n

  #ends(to: bigint, realTo: bigint): void {
    if (to > this.end) this.end = to
    if (realTo > this.real) this.real = realTo
  }

  span({ doing, from, to, realFrom, realTo, own, why }: Span): void {
    this.#ends(to, realTo)
    const length = to - from
    if (own) this.realRunning += realTo - realFrom
    else this.realWaiting += realTo - realFrom
    if (doing === "busy" || doing === "free") this.busy += length
    if (doing === "free") this.free += length
    if (doing === "wait") this.waiting += length
    if (doing !== "wait" && doing !== "turn") return
    const reason = this.#reasons.get(why) ?? { times: 0, total: 0n }
    reason.times++
    reason.total += length
    this.#reasons.set(why, reason)
  }

  act({ kind, realFrom, realTo }: Act): void {
    if (kind === "hold") this.realHeld += realTo - realFrom
    else if (kind === "interrupt") this.interrupts++
    else this.handlers++
  }

  instant({ kind, at, real }: Instant): void {
    this.#ends(at, real)
    if (kind === "fault") this.faults++
  }

  of({ name, kind, records, turns, waited }: LaneInfo): LaneSummary {
    const { busy, free, waiting, realRunning, realWaiting, realHeld, handlers, interrupts, faults } = this
    return {
      name,
      kind,
      records,
      turns,
      busy,
      free,
      waiting,
      realRunning,
      realWaiting,
      realHeld,
      reasons: [...this.#reasons]
        .map(([name, reason]) => ({ name, ...reason }))
        .sort((a, b) => a.total === b.total ? b.times - a.times : a.total < b.total ? 1 : -1),
      handlers,
      interrupts,
      faults,
      messages: { sent: this.sent, arrived: this.arrived, lost: this.lost },
      waited: [...waited].sort((a, b) => a.total === b.total ? b.times - a.times : a.total < b.total ? 1 : -1),
    }
  }
}

/** Sums up what it is told of. */
export class Totals implements TimelineSink {
  readonly #lanes: Array<LaneTotals> = []

  #of(lane: number): LaneTotals {
    return this.#lanes[lane] ??= new LaneTotals()
  }
  span(lane: number, span: Span): void {
    this.#of(lane).span(span)
  }
  act(lane: number, act: Act): void {
    this.#of(lane).act(act)
  }
  instant(lane: number, instant: Instant): void {
    this.#of(lane).instant(instant)
  }
  message({ from, to, copy, lost, isOnItsWay }: Message): void {
    if (copy === 0) this.#of(from).sent++
    if (lost !== undefined) this.#of(from).lost++
    else if (!isOnItsWay) this.#of(to).arrived++
  }
  segment(): void {}
  flow(): void {}
  point(): void {}

  summary(lanes: ReadonlyArray<LaneInfo>): Summary {
    const most = (of: (totals: LaneTotals, lane: LaneInfo) => bigint): bigint =>
      lanes.reduce((most, lane, index) => {
        const each = of(this.#of(index), lane)
        return each > most ? each : most
      }, 0n)
    return {
      simulated: most(({ end }, { offset }) => end === 0n ? 0n : end + offset),
      real: most(({ real }) => real),
      lanes: lanes.map((lane, index) => this.#of(index).of(lane)),
    }
  }
}

/**
 * A timeline in numbers.
 *
 * @since 0.1.0
 * @category reading
 */
export const summary = (timeline: Timeline): Summary => {
  const totals = new Totals()
  timeline.lanes.forEach(({ spans, acts, instants }, lane) => {
    for (const span of spans) totals.span(lane, span)
    for (const act of acts) totals.act(lane, act)
    for (const instant of instants) totals.instant(lane, instant)
  })
  for (const message of timeline.messages) totals.message(message)
  // Their times have all that is to be added to them.
  return totals.summary(timeline.lanes.map((lane) => ({ ...lane, offset: 0n })))
}

/**
 * A trace in numbers. Of one in a file (`Trace.open`), no more is in memory than these.
 *
 * @since 0.2.0
 * @category reading
 */
export const summarize = (trace: Readable): Summary => {
  const totals = new Totals()
  return totals.summary(build(trace, totals).lanes)
}
