/**
 * Builds a timeline from a trace, record by record: passes on each part as soon as it is complete, and keeps only what
 * is under way.
 *
 * Simulated times are those of the lane's own clock. A guest that was let in late began its clock later: by how much is
 * known at the end (`LaneInfo.offset`).
 *
 * @module
 */
import { max } from "../core/Extremes.ts"
import { NONE } from "../../core/Nanos.ts"
import type { WorldNote } from "../../services/Tracer.ts"
import type { Source, TraceRecord } from "./Record.ts"
import type { Act, Flow, Instant, LaneInfo, Message, Segment, SeriesInfo, Span } from "./Lanes.ts"
import { CalendarLane, type Interrupt, type Turn } from "./CalendarLane.ts"
import { GuestLane, type Heard } from "./GuestLane.ts"
import { Messages } from "./Messages.ts"
import { Processes } from "./Processes.ts"
import type { Readable } from "./TraceFile.ts"
import { isWorldNote } from "./WorldCodec.ts"

/** Told what there is in a timeline; lanes and series by their numbers. */
export interface TimelineSink {
  readonly span: (lane: number, span: Span) => void
  readonly act: (lane: number, act: Act) => void
  readonly instant: (lane: number, instant: Instant) => void
  readonly segment: (lane: number, segment: Segment) => void
  readonly message: (message: Message) => void
  readonly flow: (flow: Flow) => void
  readonly point: (series: number, at: bigint, value: number) => void
}

/** What is known at the end. */
export interface Known {
  readonly lanes: ReadonlyArray<LaneInfo>
  readonly series: ReadonlyArray<SeriesInfo>
}

type Draft = { -readonly [Key in keyof LaneInfo]: LaneInfo[Key] }

/** A message of the protocol that one end has seen: what the other end's is matched with. */
interface HalfSeen extends Heard {
  readonly lane: number
}

/** So many of them are kept: one end may not be in the trace. */
const MOST_HALF_SEEN = 10_000

/** What leaves a link's queue, and when. */
interface Queue {
  readonly series: number
  readonly leaving: Array<bigint>
  first: number
}

class Guest {
  readonly source: Source
  readonly lane: GuestLane
  readonly number: number
  /** Which of those with its name it is: its messages are for the same. */
  readonly run: number
  processes: Processes | undefined
  readonly queues = new Map<string, Queue>()
  /** Interrupts that it has asked the time for: events by the number of the GET. */
  readonly asked = new Map<number, number>()
  /** Interrupts that the calendar knows of, and that haven't been handled: by event. */
  readonly interrupts = new Map<number, { readonly interrupt: Interrupt; readonly from: number }>()
  /** Interrupts that the calendar knows of, and whose GET the guest hasn't told of: by its number. */
  readonly unasked = new Map<number, { readonly interrupt: Interrupt; readonly from: number }>()
  /** Handlers of interrupts that the calendar hasn't told of: by event. */
  readonly handled = new Map<number, Omit<Act, "to" | "realTo">>()
  readonly waits = new Map<number, bigint>()
  constructor(source: Source, lane: GuestLane, number: number, run: number) {
    this.source = source
    this.lane = lane
    this.number = number
    this.run = run
  }
}

/** Makes a timeline of a trace's records. */
export class TimelineBuilder {
  readonly #sink: TimelineSink
  readonly #lanes: Array<Draft> = []
  readonly #series: Array<SeriesInfo> = []
  readonly #seriesBy = new Map<string, number>()
  readonly #guests: Array<Guest | undefined> = []
  readonly #calendars: Array<{ readonly lane: CalendarLane; readonly number: number } | undefined> = []
  readonly #laneById = new Map<bigint, number>()
  readonly #laneByName = new Map<string, number>()
  readonly #runs = new Map<string, number>()
  readonly #messages: Messages
  readonly #halfSeen = new Map<string, HalfSeen>()
  #began: bigint | undefined
  #place = 0

  /** `sources` are all that there are; `ids` are guests' IDs, by source, as far as they are known beforehand. */
  constructor(sources: ReadonlyArray<Source>, sink: TimelineSink, ids: ReadonlyMap<number, bigint> = new Map()) {
    this.#sink = sink
    this.#messages = new Messages((message) => sink.message(message))
    this.#began = sources.reduce<bigint | undefined>(
      (least, { began }) => least === undefined || began < least ? began : least,
      undefined,
    )
    // The calendar stands above those that go by it.
    for (const source of sources) if (source.kind._tag !== "Guest") this.source(source)
    for (const source of sources) if (source.kind._tag === "Guest") this.source(source)
    for (const [source, id] of ids) this.#connected(this.#guests[source]!.number, id)
  }

  /** A source, if it wasn't known at the beginning. */
  source(source: Source): void {
    if (source.kind._tag === "Guest") this.#guest(source, source.kind.mode)
    else this.#calendar(source)
  }

  #lane(name: string, kind: LaneInfo["kind"], source: Source | undefined): number {
    const realOffset = source === undefined ? 0n : source.began - (this.#began ??= source.began)
    return this.#lanes.push({
      name,
      kind,
      id: undefined,
      source: source?.source,
      turns: 0,
      records: 0,
      offset: 0n,
      realOffset,
      isWorlds: false,
      processes: [],
      waited: [],
    }) - 1
  }

  #calendar(source: Source): void {
    const number = this.#lane(source.name, "calendar", source)
    const lane = new CalendarLane({
      turn: (turn) => this.#turn(number, turn),
      clientSpan: (id, span) => {
        const client = this.#client(id)
        if (this.#lanes[client]!.source === undefined) this.#sink.span(client, span)
      },
      instant: (instant) => this.#sink.instant(number, instant),
      interrupt: (interrupt) => this.#interrupt(interrupt),
      heard: (id, heard) => this.#heard(number, this.#client(id), heard, "calendar"),
    })
    this.#calendars[source.source] = { lane, number }
  }

  #guest(source: Source, mode: "off" | "basic" | "inf-cpu" | "external"): void {
    const number = this.#lane(source.name, "guest", source)
    const run = this.#runs.get(source.name) ?? 0
    this.#runs.set(source.name, run + 1)
    this.#laneByName.set(`${run} ${source.name}`, number)
    const lane = new GuestLane(mode, {
      span: (span) => this.#sink.span(number, span),
      act: (act) => this.#sink.act(number, act),
      instant: (instant) => this.#sink.instant(number, instant),
      heard: (heard) => {
        if (heard.name === "Wait") keep(guest.waits, heard.seq, heard.at)
        this.#heard(undefined, number, heard, "guest")
      },
      interrupted: (seq, event) => {
        const sent = guest.unasked.get(seq)
        if (sent === undefined) return keep(guest.asked, seq, event)
        guest.unasked.delete(seq)
        guest.interrupts.set(event, sent)
      },
      handling: (event, act) => this.#handled(guest, event, act),
    })
    const guest: Guest = new Guest(source, lane, number, run)
    this.#guests[source.source] = guest
  }

  /** A guest's lane has this ID. */
  #connected(lane: number, id: bigint): void {
    if (id === NONE) return
    this.#lanes[lane]!.id = id
    const known = this.#laneById.get(id)
    if (known === undefined || this.#lanes[known]!.source === undefined) this.#laneById.set(id, lane)
  }

  /** The lane of a client; one of its own, if its trace isn't here. */
  #client(id: bigint): number {
    let lane = this.#laneById.get(id)
    if (lane === undefined) {
      lane = this.#lane(id === NONE ? "a client" : `client ${id}`, "guest", undefined)
      this.#lanes[lane]!.id = id
      this.#laneById.set(id, lane)
    }
    return lane
  }

  /** The next record. */
  take(record: TraceRecord): void {
    const place = this.#place++
    const calendar = this.#calendars[record.source]
    const guest = this.#guests[record.source]
    const number = calendar?.number ?? guest?.number
    if (number === undefined) return
    const lane = this.#lanes[number]!
    lane.records++
    const real = record.real + lane.realOffset
    const placed = { record: { ...record, real }, place }
    if (calendar !== undefined) {
      calendar.lane.take(placed)
      return
    }
    const { what } = record
    if (what._tag === "Transition" && what.name === "connect") this.#connected(number, what.input.id)
    guest!.lane.take(placed)
    if (isWorldNote(what)) this.#world(guest!, what, { lane: number, at: record.time, real, record: place })
  }

  // ------------------------------------------------------------------------ worlds

  #world(
    guest: Guest,
    note: WorldNote,
    where: { readonly lane: number; readonly at: bigint; readonly real: bigint; readonly record: number },
  ): void {
    const { number, run, source: { name } } = guest
    this.#lanes[number]!.isWorlds = true
    guest.processes ??= new Processes(name, (segment) => this.#sink.segment(number, segment))
    guest.processes.take(note, where)
    const laneOf = (guest: string): number => this.#laneByName.get(`${run} ${guest}`) ?? number
    switch (note._tag) {
      case "Sent":
        this.#messages.sent(`${run} ${name}`, note, where, laneOf(note.to))
        if (note.leaves !== undefined) this.#queued(guest, note, where.at, note.leaves)
        break
      case "Arrived":
        this.#messages.arrived(`${run} ${note.from}`, note, where)
        break
      case "Lost":
        this.#messages.lost(`${run} ${note.from}`, note, where)
        break
      case "Measured":
        this.#sink.point(
          this.#seriesOf(number, note.name, note.instrument, note.unit ?? ""),
          where.at,
          Number(note.value),
        )
        break
    }
  }

  #seriesOf(lane: number, name: string, kind: SeriesInfo["kind"], unit: string): number {
    const key = `${lane} ${name}`
    let series = this.#seriesBy.get(key)
    if (series === undefined) {
      series = this.#series.push({ lane, name, kind, unit }) - 1
      this.#seriesBy.set(key, series)
    }
    return series
  }

  /** A message joins the queue of its link, and leaves it later. */
  #queued(
    guest: Guest,
    { link, to }: { readonly link: string; readonly to: string },
    at: bigint,
    leaves: bigint,
  ): void {
    const key = `${link}\n${to}`
    let queue = guest.queues.get(key)
    if (queue === undefined) {
      const series = this.#seriesOf(guest.number, `queue of ${link} to ${to}`, "queue", "messages")
      guest.queues.set(key, queue = { series, leaving: [], first: 0 })
    }
    this.#leave(queue, at)
    queue.leaving.push(at + leaves)
    this.#sink.point(queue.series, at, queue.leaving.length - queue.first)
  }

  #leave(queue: Queue, until: bigint | undefined): void {
    const { leaving } = queue
    while (queue.first < leaving.length && (until === undefined || leaving[queue.first]! <= until)) {
      const at = leaving[queue.first++]!
      this.#sink.point(queue.series, at, leaving.length - queue.first)
    }
    if (queue.first > 1024) {
      leaving.splice(0, queue.first)
      queue.first = 0
    }
  }

  // ------------------------------------------------------------- calendars, and interrupts

  #turn(calendar: number, { id, waitSeq, ...span }: Turn): void {
    const lane = this.#client(id)
    const info = this.#lanes[lane]!
    const guest = info.source === undefined ? undefined : this.#guests[info.source]
    // How far a guest went by itself in its turn, only the guest knows.
    const waited = waitSeq === undefined ? undefined : guest?.waits.get(waitSeq)
    const to = waited === undefined ? span.to : max(span.to, waited + this.#offsetOf(id))
    this.#sink.span(calendar, { ...span, to, why: info.name })
  }

  #offsetOf(id: bigint): bigint {
    for (const calendar of this.#calendars) {
      const offset = calendar?.lane.offsets.get(id)
      if (offset !== undefined && offset !== 0n) return offset
    }
    return 0n
  }

  #heard(calendar: number | undefined, lane: number, heard: Heard, end: "calendar" | "guest"): void {
    const key = `${lane} ${heard.way} ${heard.seq}`
    const other = this.#halfSeen.get(key)
    if (other === undefined || (other.lane === lane) === (end === "guest")) {
      if (this.#lanes[lane]!.source === undefined) return
      this.#halfSeen.set(key, { ...heard, lane: calendar ?? lane })
      if (this.#halfSeen.size > MOST_HALF_SEEN) this.#halfSeen.delete(this.#halfSeen.keys().next().value!)
      return
    }
    this.#halfSeen.delete(key)
    const [atCalendar, atGuest] = end === "calendar" ? [heard, other] : [other, heard]
    const at = calendar ?? other.lane
    const [from, to] = heard.way === "toGuest" ? [atCalendar, atGuest] : [atGuest, atCalendar]
    // Simulated time stands still while a message is under way; one end may not know yet how far it has come.
    const time = max(atCalendar.at, atGuest.at + this.#offsetOf(this.#lanes[lane]!.id ?? NONE))
    this.#sink.flow({
      kind: heard.name === "Run" ? "grant" : "message",
      name: heard.name,
      fromLane: heard.way === "toGuest" ? at : lane,
      toLane: heard.way === "toGuest" ? lane : at,
      at: time,
      real: from.real,
      toAt: time,
      toReal: max(to.real, from.real),
      record: end === "guest" ? heard.place : other.place,
    })
  }

  /** A guest that sends GET while another has the turn was interrupted by that one. */
  #interrupt(interrupt: Interrupt): void {
    const to = this.#lanes[this.#client(interrupt.of)]!
    const from = this.#client(interrupt.by)
    const guest = to.source === undefined ? undefined : this.#guests[to.source]
    if (guest === undefined) return this.#unmatched(from, interrupt)
    const event = guest.asked.get(interrupt.seq)
    // Which of them tells of it first, the order of the trace decides.
    if (event === undefined) return keep(guest.unasked, interrupt.seq, { interrupt, from })
    guest.asked.delete(interrupt.seq)
    const act = guest.handled.get(event)
    guest.handled.delete(event)
    if (act === undefined) guest.interrupts.set(event, { interrupt, from })
    else this.#arrives(guest, { interrupt, from }, act)
  }

  /** One whose guest doesn't say which handler it was for. */
  #unmatched(from: number, { of, at, real, place }: Interrupt): void {
    const flow = { fromLane: from, toLane: this.#client(of), at, real, toAt: at, toReal: real, record: place }
    this.#sink.flow({ kind: "interrupt", name: "interrupt", ...flow })
  }

  /** An interrupt's own handler begins: that is where it ends. */
  #handled(guest: Guest, event: number, act: Omit<Act, "to" | "realTo">): void {
    if (act.kind !== "interrupt") return
    const sent = guest.interrupts.get(event)
    if (sent === undefined) return keep(guest.handled, event, act)
    guest.interrupts.delete(event)
    this.#arrives(guest, sent, act)
  }

  /** Messages of worlds are told of as such. */
  #arrives(
    guest: Guest,
    { interrupt: { at, real }, from }: { readonly interrupt: Interrupt; readonly from: number },
    act: Omit<Act, "to" | "realTo">,
  ): void {
    if (this.#lanes[guest.number]!.isWorlds) return
    const offset = this.#offsetOf(this.#lanes[guest.number]!.id ?? NONE)
    this.#sink.flow({
      kind: "interrupt",
      name: act.name,
      fromLane: from,
      toLane: guest.number,
      at,
      real,
      toAt: max(at, act.from + offset),
      toReal: max(real, act.realFrom),
      record: act.record,
    })
  }

  /** There are no more records. */
  end(): Known {
    for (const calendar of this.#calendars) calendar?.lane.close()
    for (const guest of this.#guests) {
      if (guest === undefined) continue
      const { lane, processes, queues } = guest
      lane.close()
      if (!this.#lanes[guest.number]!.isWorlds) {
        for (const { interrupt, from } of guest.unasked.values()) this.#unmatched(from, interrupt)
      }
      for (const queue of queues.values()) this.#leave(queue, undefined)
      processes?.close({ at: lane.now, real: lane.real, record: this.#place })
    }
    this.#messages.close()
    return this.known()
  }

  /** What is known so far. */
  known(): Known {
    for (const calendar of this.#calendars) {
      if (calendar === undefined) continue
      this.#lanes[calendar.number]!.turns = calendar.lane.grants
      for (const { id, turns } of calendar.lane.clients) {
        const lane = this.#lanes[this.#client(id)]!
        if (lane.source === undefined) lane.turns = turns
      }
    }
    for (const guest of this.#guests) {
      if (guest === undefined) continue
      const { lane, number, processes } = guest
      const info = this.#lanes[number]!
      info.turns = lane.turns
      info.processes = processes?.names ?? []
      info.waited = processes?.waited ?? []
      info.offset = info.id === undefined ? 0n : this.#offsetOf(info.id)
    }
    return { lanes: this.#lanes, series: this.#series }
  }
}

/** The IDs of guests, by source: each says so right at its beginning. */
export const idsOf = (trace: Readable): ReadonlyMap<number, bigint> => {
  const ids = new Map<number, bigint>()
  const unseen = new Set(trace.sources.flatMap(({ kind, source }) => kind._tag === "Guest" ? [source] : []))
  for (const { source, what } of trace.records) {
    if (unseen.size === 0) break
    if (!unseen.has(source)) continue
    if (what._tag === "Transition" && what.name === "connect" && what.input.id !== NONE) ids.set(source, what.input.id)
    unseen.delete(source)
  }
  return ids
}

/** A timeline of a trace, told to a sink: what is known at the end. */
export const build = (trace: Readable, sink: TimelineSink): Known => {
  const builder = new TimelineBuilder(trace.sources, sink, idsOf(trace))
  for (const record of trace.records) builder.take(record)
  return builder.end()
}

/** So many are kept of what may never be asked for: the calendar's trace may not be here. */
const keep = <A>(map: Map<number, A>, key: number, value: A): void => {
  map.set(key, value)
  if (map.size > 1024) map.delete(map.keys().next().value!)
}
