/**
 * A trace as a timeline: a lane for each guest and each calendar, what it did from
 * when to when in simulated and in real time, and who had to do with whom.
 *
 * A guest without a trace of its own, as a kernel, has a lane all the same if its
 * calendar was traced: that knows who had the turn.
 *
 * @module
 */
import { traits } from "../../core/Modes.ts"
import { NONE } from "../../core/Nanos.ts"
import { CalendarLane } from "./CalendarLane.ts"
import { guestLane, type Heard } from "./GuestLane.ts"
import type { Trace, TraceRecord } from "./Record.ts"

/** What a guest or a calendar did for some time. */
export type Doing =
  /** It computes: simulated time stands still meanwhile. */
  | "run"
  /** It is busy for simulated time, step by step as its calendar says. */
  | "busy"
  /** It is busy for simulated time without asking: nobody else is due before. */
  | "free"
  /** It is idle until something is due or interrupts it; or it isn't let in yet. */
  | "wait"
  /** On a calendar: a client has the turn. */
  | "turn"

/** A part of a lane. Simulated times are the calendar's if there is one; real times begin with the trace. All in ns. */
export interface Span {
  readonly doing: Doing
  readonly from: bigint
  readonly to: bigint
  readonly realFrom: bigint
  readonly realTo: bigint
  /** Whether real time passed for this guest itself, rather than for others that it waited for. */
  readonly own: boolean
  /** What it was that ended a wait or interrupted work, or whose turn it was. */
  readonly why: string
  /** The record it begins with, by its place in the trace. */
  readonly record: number
}

/** Something that ran within a lane: a handler, or a hold, in which simulated time stands still. */
export interface Act {
  readonly kind: "handler" | "interrupt" | "tick" | "hold"
  readonly name: string
  readonly from: bigint
  readonly to: bigint
  readonly realFrom: bigint
  readonly realTo: bigint
  readonly record: number
}

/** Something that happened at once. */
export interface Instant {
  readonly kind: "mark" | "report" | "fault"
  readonly name: string
  readonly text: string
  readonly at: bigint
  readonly real: bigint
  readonly record: number
}

/** From one lane to another. */
export interface Flow {
  readonly kind: "interrupt" | "grant" | "message"
  readonly name: string
  readonly fromLane: number
  readonly toLane: number
  readonly at: bigint
  readonly real: bigint
  readonly toAt: bigint
  readonly toReal: bigint
  /** The record at its end. */
  readonly record: number
}

/** One guest or calendar. */
export interface Lane {
  readonly name: string
  readonly kind: "guest" | "calendar"
  /** Its ID, if it is a guest that has one. */
  readonly id: bigint | undefined
  /** Its source in the trace; nothing for one that is known from its calendar only. */
  readonly source: number | undefined
  readonly spans: ReadonlyArray<Span>
  readonly acts: ReadonlyArray<Act>
  readonly instants: ReadonlyArray<Instant>
  /** How often it was told to run, or for a calendar, told somebody. */
  readonly turns: number
  /** How many records it has. */
  readonly records: number
  /** What is to be added to the times of its records for those of the lane, in ns: simulated, and real. */
  readonly offset: bigint
  readonly realOffset: bigint
}

/** A trace as lanes. */
export interface Timeline {
  readonly lanes: ReadonlyArray<Lane>
  readonly flows: ReadonlyArray<Flow>
  /** Where simulated time ends, in ns. */
  readonly end: bigint
  /** How much real time it took, in ns. */
  readonly real: bigint
}

const max = (a: bigint, b: bigint): bigint => a > b ? a : b

/** A record and its place in the trace. */
export interface Placed {
  readonly record: TraceRecord
  readonly place: number
}

/** The timeline of a trace. */
export const timeline = (trace: Trace): Timeline => {
  const bySource = trace.sources.map((): Array<Placed> => [])
  trace.records.forEach((record, place) => bySource[record.source]!.push({ record, place }))
  const began = trace.sources.reduce<bigint | undefined>(
    (least, source) => least === undefined || source.began < least ? source.began : least,
    undefined,
  ) ?? 0n
  const realOf = (source: number) => trace.sources[source]!.began - began

  const calendars = trace.sources.filter(({ kind }) => kind._tag !== "Guest").map((source) => {
    const lane = new CalendarLane()
    for (const placed of bySource[source.source]!) lane.take(placed, realOf(source.source))
    lane.close()
    return { source, lane }
  })
  const idOf = (records: ReadonlyArray<Placed>): bigint | undefined => {
    for (const { record: { what } } of records) {
      if (what._tag === "Transition" && what.name === "connect") {
        return what.input.id === NONE ? undefined : what.input.id
      }
    }
    return undefined
  }

  const lanes: Array<Lane> = []
  const flows: Array<Flow> = []
  const laneOf = new Map<bigint, number>()
  const heardBy: Array<ReadonlyArray<Heard>> = []
  for (const source of trace.sources) {
    if (source.kind._tag !== "Guest") continue
    const records = bySource[source.source]!
    const id = idOf(records)
    const offset = id === undefined ? 0n : calendars.map(({ lane }) => lane.offsets.get(id)).find((each) => each) ?? 0n
    const isExternal = traits[source.kind.mode].hasCalendar
    const made = guestLane(records, { isExternal, offset, real: realOf(source.source), mode: source.kind.mode })
    if (id !== undefined && !laneOf.has(id)) laneOf.set(id, lanes.length)
    heardBy[lanes.length] = made.heard
    lanes.push({
      ...made,
      name: source.name,
      kind: "guest",
      id,
      source: source.source,
      records: records.length,
      offset,
      realOffset: realOf(source.source),
    })
  }
  // Those whose own trace isn't here.
  for (const { lane } of calendars) {
    for (const client of lane.clients) {
      if (laneOf.has(client.id)) continue
      laneOf.set(client.id, lanes.length)
      lanes.push({
        name: client.id === NONE ? "a client" : `client ${client.id}`,
        kind: "guest",
        id: client.id,
        source: undefined,
        spans: client.spans,
        acts: [],
        instants: [],
        turns: client.turns,
        records: 0,
        offset: 0n,
        realOffset: 0n,
      })
    }
  }
  const nameOf = (id: bigint): string => {
    const lane = laneOf.get(id)
    return lane === undefined ? `client ${id}` : lanes[lane]!.name
  }
  const waits = heardBy.map((heard) =>
    new Map(heard?.flatMap(({ name, seq, at }) => name === "Wait" ? [[seq, at] as const] : []) ?? [])
  )
  const waitedAt = (id: bigint, seq: number | undefined): bigint | undefined =>
    seq === undefined ? undefined : waits[laneOf.get(id) ?? -1]?.get(seq)
  for (const { source, lane } of calendars) {
    const at = lanes.length
    lanes.push({
      name: source.name,
      kind: "calendar",
      id: undefined,
      source: source.source,
      // How far a guest went by itself in its turn, only the guest knows.
      spans: lane.spans.map(({ id, waitSeq, to, ...span }) => ({
        ...span,
        to: max(to, waitedAt(id, waitSeq) ?? to),
        why: nameOf(id),
      })),
      acts: [],
      instants: lane.instants,
      turns: lane.grants.length,
      records: bySource[source.source]!.length,
      offset: 0n,
      realOffset: realOf(source.source),
    })
    for (const [index, heard] of heardBy.entries()) {
      const { id } = lanes[index]!
      if (heard === undefined || id === undefined) continue
      const heardOf = new Map(heard.map((each) => [`${each.way} ${each.seq}`, each]))
      for (const sent of lane.messages.get(id) ?? []) {
        const other = heardOf.get(`${sent.way} ${sent.seq}`)
        if (other === undefined) continue
        const [from, to] = sent.way === "toGuest" ? [sent, other] : [other, sent]
        // Simulated time stands still while a message is under way; one end may not know yet how far it has come.
        const time = max(sent.at, other.at)
        flows.push({
          kind: sent.name === "Run" ? "grant" : "message",
          name: sent.name,
          fromLane: sent.way === "toGuest" ? at : index,
          toLane: sent.way === "toGuest" ? index : at,
          at: time,
          real: from.real,
          toAt: time,
          toReal: max(to.real, from.real),
          record: other.place,
        })
      }
    }
    // Who asks for the time while another has the turn was interrupted by that one.
    for (const { by, of, at: time, real, place } of lane.interrupts) {
      const [fromLane, toLane] = [laneOf.get(by), laneOf.get(of)]
      if (fromLane === undefined || toLane === undefined) continue
      const entered = lanes[toLane]!.acts.find((act) => act.kind === "interrupt" && act.from >= time)
      flows.push({
        kind: "interrupt",
        name: entered?.name ?? "interrupt",
        fromLane,
        toLane,
        at: time,
        real,
        toAt: time,
        toReal: max(real, entered?.realFrom ?? real),
        record: entered?.record ?? place,
      })
    }
  }
  // The calendar stands above those that go by it.
  const order = [...lanes.keys()].sort((a, b) => rank(lanes[a]!) - rank(lanes[b]!) || a - b)
  const place = new Map(order.map((lane, index) => [lane, index]))
  return {
    lanes: order.map((lane) => lanes[lane]!),
    flows: flows
      .map((flow) => ({ ...flow, fromLane: place.get(flow.fromLane)!, toLane: place.get(flow.toLane)! }))
      .sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0),
    end: lanes.reduce(
      (end, { spans, instants }) => max(end, max(spans.at(-1)?.to ?? 0n, instants.at(-1)?.at ?? 0n)),
      0n,
    ),
    real: lanes.reduce(
      (end, { spans, instants }) => max(end, max(spans.at(-1)?.realTo ?? 0n, instants.at(-1)?.real ?? 0n)),
      0n,
    ),
  }
}

const rank = ({ kind }: Lane): number => kind === "calendar" ? 0 : 1
