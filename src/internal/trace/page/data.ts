/**
 * What a page is given: a timeline in columns (`PageData`), and what there is to say of its lanes.
 *
 * @module
 */

/** A time or a length in ns, as decimals where a number isn't exact. */
export type Nanos = number | string

/** Numbers for what things are: their places in these lists. */
export const CODES = {
  doing: ["run", "busy", "free", "wait", "turn"],
  act: ["handler", "interrupt", "tick", "hold"],
  instant: ["mark", "report", "fault"],
  flow: ["interrupt", "grant", "message"],
  waits: ["nothing", "time", "message", "others"],
} as const

/**
 * The tables, and what stands in their columns: `begin` and `end` are simulated times in ns as the lane has them, and
 * `real…` real ones of the trace; texts are places among the strings.
 */
export const TABLES = {
  spans: ["lane", "what", "begin", "end", "realBegin", "realEnd", "own", "name", "record"],
  acts: ["lane", "what", "begin", "end", "realBegin", "realEnd", "name", "record"],
  instants: ["lane", "what", "begin", "realBegin", "name", "text", "record"],
  segments: [
    ...["lane", "pid", "what", "begin", "end", "realBegin", "realEnd"],
    ...["state", "name", "whom", "by", "record"],
  ],
  messages: [
    ...["lane", "toLane", "id", "copy", "flags", "begin", "realBegin", "end", "realEnd"],
    ...["link", "kind", "text", "title", "lost", "again", "record", "toRecord"],
  ],
  flows: ["lane", "toLane", "what", "begin", "realBegin", "end", "realEnd", "name", "record"],
  points: ["series", "begin", "high", "low"],
} as const

/** The name of a table. */
export type TableName = keyof typeof TABLES

/** Flags of messages. */
export const FLAGS = { onItsWay: 1, duplicate: 2, corrupted: 4 } as const

/** A lane. */
export interface LaneData {
  readonly name: string
  readonly kind: "guest" | "calendar"
  readonly source: number
  readonly turns: number
  readonly offset: Nanos
  readonly realOffset: Nanos
  readonly isWorlds: boolean
  readonly processes: ReadonlyArray<string>
  /** What it waited for and for whom, the longest first. */
  readonly waited: ReadonlyArray<{
    readonly who: string
    readonly what: string
    readonly whom: string
    readonly times: number
    readonly total: Nanos
    readonly buckets: ReadonlyArray<number>
  }>
  /** In a few words, for the panel. */
  readonly says: ReadonlyArray<string>
}

/** A series. */
export interface SeriesData {
  readonly lane: number
  readonly name: string
  readonly kind: "level" | "counter" | "histogram" | "series" | "queue"
  readonly unit: string
}

/** Where two runs first differ. */
export interface DifferenceData {
  readonly at: Nanos
  readonly where: string
  readonly a: string
  readonly b: string
}

/** What is known of a trace beside its tables. */
export interface PageData {
  readonly title: string
  readonly begin: Nanos
  readonly end: Nanos
  readonly realBegin: Nanos
  readonly real: Nanos
  readonly lanes: ReadonlyArray<LaneData>
  readonly series: ReadonlyArray<SeriesData>
  /** How many records the trace has. */
  readonly records: number
  /** The first difference, of two runs on one page. */
  readonly difference?: DifferenceData | undefined
  /** Whether it is still going on. */
  readonly live?: boolean
}
