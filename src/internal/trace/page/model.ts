/**
 * The page's data, ready to be drawn and looked things up in.
 *
 * @module
 */
import type { Columns, LaneData, PageData } from "./data.ts"
import type { TimeColumn, Times } from "./times.ts"

/** Things with a beginning and an end. */
export interface Items {
  readonly length: number
  readonly what: Uint8Array
  readonly name: (index: number) => string
  /** By axis: in simulated time, in real time. */
  readonly from: readonly [TimeColumn, TimeColumn]
  readonly to: readonly [TimeColumn, TimeColumn]
  readonly record: ReadonlyArray<number>
  /** By axis: the latest end of all up to each, for finding what is to be seen. */
  readonly reach: readonly [TimeColumn, TimeColumn]
}

/** A lane, ready to be drawn. */
export interface LaneModel {
  readonly name: string
  readonly kind: "guest" | "calendar"
  readonly source: number
  readonly turns: number
  readonly offset: bigint
  readonly realOffset: bigint
  readonly spans: Items
  readonly own: ReadonlyArray<0 | 1>
  readonly acts: Items
  readonly instants: Items
  readonly text: (index: number) => string
}

/** A record as the trace has it. */
export interface RecordModel {
  readonly line: string
  readonly source: number
  readonly lane: number
  /** By axis. */
  readonly at: readonly [bigint, bigint]
}

/** All of it. */
export interface Model {
  readonly title: string
  /** When the first thing begins and the last one ends, by axis. */
  readonly begin: readonly [bigint, bigint]
  readonly end: readonly [bigint, bigint]
  readonly lanes: ReadonlyArray<LaneModel>
  readonly flows: Items & { readonly fromLane: ReadonlyArray<number>; readonly toLane: ReadonlyArray<number> }
  readonly records: number
  readonly record: (place: number) => RecordModel | undefined
  /** The places of all records whose text has these words in it. */
  readonly search: (words: string) => ReadonlyArray<number>
  /** The first item that doesn't end before the time, on an axis. */
  readonly firstAfter: (items: Items, axis: 0 | 1, seconds: number, nanos: number) => number
}

/** Is put into the page as it is: it must not use anything from outside. */
export function model(data: PageData, lines: string, times: Times): Model {
  const reachOf = ({ seconds, nanos }: TimeColumn): TimeColumn => {
    const reach = { seconds: seconds.slice(), nanos: nanos.slice() }
    for (let at = 1; at < seconds.length; at++) {
      const [before, beforeNanos] = [reach.seconds[at - 1]!, reach.nanos[at - 1]!]
      if (before < seconds[at]! || before === seconds[at] && beforeNanos <= nanos[at]!) continue
      reach.seconds[at] = before
      reach.nanos[at] = beforeNanos
    }
    return reach
  }
  const itemsOf = (columns: Columns): Items => {
    const to = [times.column(columns.to), times.column(columns.realTo)] as const
    return {
      length: columns.what.length,
      what: Uint8Array.from(columns.what),
      name: (index) => data.strings[columns.name[index]!] ?? "",
      from: [times.column(columns.from), times.column(columns.realFrom)],
      to,
      record: columns.record,
      reach: [reachOf(to[0]), reachOf(to[1])],
    }
  }
  const laneOf = (lane: LaneData): LaneModel => ({
    name: lane.name,
    kind: lane.kind,
    source: lane.source,
    turns: lane.turns,
    offset: BigInt(lane.offset),
    realOffset: BigInt(lane.realOffset),
    spans: itemsOf(lane.spans),
    own: lane.spans.own,
    acts: itemsOf(lane.acts),
    instants: itemsOf(lane.instants),
    text: (index) => data.strings[lane.instants.text[index]!] ?? "",
  })
  const lanes = data.lanes.map(laneOf)

  // Where each line begins: the text stays one string, and lines are cut out of it when they are asked for.
  const begins: Array<number> = []
  for (let at = 0; at < lines.length;) {
    begins.push(at)
    const end = lines.indexOf("\n", at)
    at = end < 0 ? lines.length : end + 1
  }
  const lineAt = (place: number): string | undefined => {
    const from = begins[place]
    return from === undefined ? undefined : lines.slice(from, (begins[place + 1] ?? lines.length + 1) - 1)
  }
  const laneOfSource = new Map(lanes.map((lane, index) => [lane.source, index]))
  const record = (place: number): RecordModel | undefined => {
    const line = lineAt(place)
    if (line === undefined) return undefined
    const { s: source, t, r } = JSON.parse(line) as { s: number; t: string; r: string }
    const lane = laneOfSource.get(source) ?? 0
    const { offset, realOffset } = lanes[lane]!
    return { line, source, lane, at: [BigInt(t) + offset, BigInt(r) + realOffset] }
  }

  let lower: string | undefined
  const search = (words: string): ReadonlyArray<number> => {
    lower ??= lines.toLowerCase()
    const wanted = words.toLowerCase()
    const found: Array<number> = []
    if (wanted === "") return found
    let place = 0
    for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, begins[place] ?? lines.length)) {
      if (at >= lines.length) break
      // The line that begins last before it.
      let [low, high] = [place, begins.length - 1]
      while (low < high) {
        const middle = (low + high + 1) >> 1
        if (begins[middle]! <= at) low = middle
        else high = middle - 1
      }
      found.push(low)
      place = low + 1
      if (place >= begins.length) break
    }
    return found
  }

  const firstAfter: Model["firstAfter"] = (items, axis, seconds, nanos) => {
    const to = items.reach[axis]
    let [low, high] = [0, items.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const isBefore = to.seconds[middle]! < seconds ||
        to.seconds[middle] === seconds && to.nanos[middle]! < nanos
      if (isBefore) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    title: data.title,
    begin: [BigInt(data.begin), BigInt(data.realBegin)],
    end: [BigInt(data.end), BigInt(data.real)],
    lanes,
    flows: { ...itemsOf(data.flows), fromLane: data.flows.fromLane, toLane: data.flows.toLane },
    records: begins.length,
    record,
    search,
    firstAfter,
  }
}
