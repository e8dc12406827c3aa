/**
 * The page's tables by lane, in the order of time, to be drawn and looked things up in.
 *
 * @module
 */
import type { LaneData, PageData, SeriesData } from "./data.ts"
import type { Store, Table, TimeColumn } from "./store.ts"
import type { Times } from "./times.ts"

/** Simulated or real time. */
export type Axis = 0 | 1

/** Rows of a table, in the order of time. */
export interface Rows {
  readonly table: Table
  readonly ids: Int32Array
  readonly length: number
  /** By axis: when they begin and end. */
  readonly from: readonly [TimeColumn, TimeColumn]
  readonly to: readonly [TimeColumn, TimeColumn]
  /** By axis: the latest end up to each, in seconds, for finding what is to be seen. */
  readonly reach: readonly [Float64Array, Float64Array]
}

/** A lane, ready to be drawn. */
export interface LaneModel {
  readonly info: LaneData
  readonly spans: Rows
  readonly acts: Rows
  readonly instants: Rows
  /** By process. */
  readonly segments: ReadonlyArray<Rows>
}

/** A series, ready to be drawn: seconds since the page's begin. */
export interface SeriesModel {
  readonly info: SeriesData
  readonly length: number
  readonly at: Float64Array
  readonly values: Float64Array
  /** Its largest value and when that was. */
  readonly most: { readonly value: number; readonly at: number } | undefined
}

/** All of it. */
export interface Model {
  readonly data: PageData
  /** When the first thing begins and the last one ends, by axis. */
  readonly begin: readonly [bigint, bigint]
  readonly end: readonly [bigint, bigint]
  readonly lanes: ReadonlyArray<LaneModel>
  readonly messages: Rows
  readonly flows: Rows
  readonly series: ReadonlyArray<SeriesModel>
  readonly text: (place: number) => string
  /** A number of a row. */
  readonly get: (rows: Rows, index: number, column: string) => number
  readonly textOf: (rows: Rows, index: number, column: string) => string
  readonly fromOf: (rows: Rows, index: number, axis: Axis) => bigint
  readonly toOf: (rows: Rows, index: number, axis: Axis) => bigint
  /** The first row that may not end before a time, in seconds. */
  readonly firstAfter: (rows: Rows, axis: Axis, seconds: number) => number
  /** States that programs name, in the order in which they came up. */
  readonly states: ReadonlyMap<number, number>
  /** How long messages are under way from one lane to another, typically, in ns. */
  readonly delayOf: (from: number, to: number) => number
  /** What a message is, in a few characters. */
  readonly brief: (index: number) => string
}

/** Is put into the page as it is: it must not use anything from outside. */
export function model(store: Store, data: PageData, times: Times): Model {
  const { tables, strings } = store
  const offsets = data.lanes.map(({ offset }) => BigInt(offset))

  /** Times of guests that were let in late. */
  const shift = (column: TimeColumn | undefined, lanes: Float64Array, length: number): void => {
    if (column === undefined || offsets.every((offset) => offset === 0n)) return
    for (let row = 0; row < length; row++) {
      const offset = offsets[lanes[row]!] ?? 0n
      if (offset === 0n) continue
      const time = times.big(column, row) + offset
      column.seconds[row] = Number(time / 1_000_000_000n)
      column.nanos[row] = Number(time % 1_000_000_000n)
    }
  }
  const shifted = store as Store & { isShifted?: boolean }
  if (shifted.isShifted !== true && data.live !== true) {
    shifted.isShifted = true
    for (const name of ["spans", "acts", "instants", "segments"] as const) {
      const table = tables[name]
      const lanes = table.numbers["lane"]!.values
      shift(table.times["begin"], lanes, table.length)
      shift(table.times["end"], lanes, table.length)
    }
    const { messages } = tables
    shift(messages.times["begin"], messages.numbers["lane"]!.values, messages.length)
    shift(messages.times["end"], messages.numbers["toLane"]!.values, messages.length)
  }

  const rowsOf = (table: Table, ids: Int32Array): Rows => {
    const from = [table.times["begin"]!, table.times["realBegin"] ?? table.times["begin"]!] as const
    const to = [table.times["end"] ?? from[0], table.times["realEnd"] ?? from[1]] as const
    const [column] = from
    const before = (a: number, b: number): number =>
      column.seconds[a]! - column.seconds[b]! || column.nanos[a]! - column.nanos[b]! || a - b
    let isSorted = true
    for (let at = 1; isSorted && at < ids.length; at++) isSorted = before(ids[at - 1]!, ids[at]!) <= 0
    if (!isSorted) ids.sort(before)
    const reachOf = ({ seconds, nanos }: TimeColumn): Float64Array => {
      const reach = new Float64Array(ids.length)
      let most = -Infinity
      for (let at = 0; at < ids.length; at++) {
        const end = seconds[ids[at]!]! + nanos[ids[at]!]! / 1e9
        reach[at] = most = end > most ? end : most
      }
      return reach
    }
    return { table, ids, length: ids.length, from, to, reach: [reachOf(to[0]), reachOf(to[1])] }
  }

  /** The rows of each group. */
  const grouped = (table: Table, groups: number, groupOf: (row: number) => number): ReadonlyArray<Rows> => {
    const counts = new Int32Array(groups)
    for (let row = 0; row < table.length; row++) counts[groupOf(row)]!++
    const ids = Array.from(counts, (count) => new Int32Array(count))
    counts.fill(0)
    for (let row = 0; row < table.length; row++) {
      const group = groupOf(row)
      ids[group]![counts[group]!++] = row
    }
    return ids.map((each) => rowsOf(table, each))
  }
  const byLane = (table: Table): ReadonlyArray<Rows> => {
    const { values } = table.numbers["lane"]!
    return grouped(table, data.lanes.length, (row) => values[row]!)
  }
  const all = (table: Table): Rows => rowsOf(table, Int32Array.from({ length: table.length }, (_, row) => row))

  const [spans, acts, instants] = [byLane(tables.spans), byLane(tables.acts), byLane(tables.instants)]
  const processes = data.lanes.map((lane) => Math.max(1, lane.processes.length))
  const firstProcess = processes.map((_, lane) => processes.slice(0, lane).reduce((sum, each) => sum + each, 0))
  const [lanesOf, pids] = [tables.segments.numbers["lane"]!.values, tables.segments.numbers["pid"]!.values]
  const segments = grouped(
    tables.segments,
    processes.reduce((sum, each) => sum + each, 0),
    (row) => firstProcess[lanesOf[row]!]! + Math.min(pids[row]!, processes[lanesOf[row]!]! - 1),
  )

  const states = new Map<number, number>()
  const stateOf = tables.segments.numbers["state"]!.values
  for (let row = 0; row < tables.segments.length; row++) {
    const state = stateOf[row]!
    if (!states.has(state) && strings[state] !== "") states.set(state, states.size)
  }

  const messages = all(tables.messages)
  const delays = new Map<string, number>()
  {
    const { lane, toLane, lost } = tables.messages.numbers
    const { begin: from, end: to } = tables.messages.times
    for (let row = Math.max(0, tables.messages.length - 20_000); row < tables.messages.length; row++) {
      if (strings[lost!.values[row]!] !== "") continue
      const delay = (to!.seconds[row]! - from!.seconds[row]!) * 1e9 + to!.nanos[row]! - from!.nanos[row]!
      const key = `${lane!.values[row]} ${toLane!.values[row]}`
      delays.set(key, (delays.get(key) ?? delay) * 0.9 + delay * 0.1)
    }
  }

  const begin = [BigInt(data.begin), BigInt(data.realBegin)] as const
  const [from, fromRest] = [Number(begin[0] / 1_000_000_000n), Number(begin[0] % 1_000_000_000n)]
  const series = grouped(
    tables.points,
    data.series.length,
    ((column) => (row: number) => column[row]!)(tables.points.numbers["series"]!.values),
  ).map(({ ids }, index): SeriesModel => {
    const at = new Float64Array(ids.length)
    const values = new Float64Array(ids.length)
    const { seconds, nanos } = tables.points.times["begin"]!
    const [high, low] = [tables.points.numbers["high"]!.values, tables.points.numbers["low"]!.values]
    const view = new DataView(new ArrayBuffer(8))
    const offset = Number(offsets[data.series[index]!.lane] ?? 0n)
    let most: SeriesModel["most"]
    for (let point = 0; point < ids.length; point++) {
      const row = ids[point]!
      view.setInt32(0, high[row]!)
      view.setUint32(4, low[row]!)
      const value = view.getFloat64(0)
      values[point] = value
      at[point] = seconds[row]! - from + (nanos[row]! - fromRest + offset) / 1e9
      if (most === undefined || value > most.value) most = { value, at: at[point]! }
    }
    return { info: data.series[index]!, length: ids.length, at, values, most }
  })

  const briefs = new Map<number, string>()
  const briefOf = (place: number): string => {
    const known = briefs.get(place)
    if (known !== undefined) return known
    const text = strings[place] ?? ""
    let made = text
    try {
      const value: unknown = JSON.parse(text)
      const words = (value: unknown): string =>
        typeof value === "object" && value !== null ? Object.values(value).map(words).join(" ") : String(value)
      made = words(value)
    } catch {
      // It is no JSON: as it is.
    }
    const short = made.length > 28 ? `${made.slice(0, 27)}…` : made
    briefs.set(place, short)
    return short
  }

  const get: Model["get"] = (rows, index, column) => rows.table.numbers[column]!.values[rows.ids[index]!]!
  return {
    data,
    begin,
    end: [BigInt(data.end), BigInt(data.real)],
    lanes: data.lanes.map((info, lane) => ({
      info,
      spans: spans[lane]!,
      acts: acts[lane]!,
      instants: instants[lane]!,
      segments: info.isWorlds ? segments.slice(firstProcess[lane], firstProcess[lane]! + processes[lane]!) : [],
    })),
    messages,
    flows: all(tables.flows),
    series,
    text: (place) => strings[place] ?? "",
    get,
    textOf: (rows, index, column) => strings[get(rows, index, column)] ?? "",
    fromOf: (rows, index, axis) => times.big(rows.from[axis], rows.ids[index]!),
    toOf: (rows, index, axis) => times.big(rows.to[axis], rows.ids[index]!),
    firstAfter: (rows, axis, seconds) => {
      const reach = rows.reach[axis]
      // A double in seconds may be a few ns off at late times.
      const wanted = seconds - Math.abs(seconds) * 4e-16
      let [low, high] = [0, rows.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if (reach[middle]! < wanted) low = middle + 1
        else high = middle
      }
      return low
    },
    states,
    delayOf: (from, to) => delays.get(`${from} ${to}`) ?? 0,
    brief: (index) => briefOf(get(messages, index, strings[get(messages, index, "title")] === "" ? "text" : "title")),
  }
}
