/**
 * What a page is given: a timeline in columns. Times are in ns, as numbers where
 * those are exact, and as decimal strings beyond.
 *
 * @module
 */

/** A time or a length in ns. */
export type Nanos = number | string

/** Numbers for what spans, acts, instants and flows are: their places in these lists. */
export const CODES = {
  doing: ["run", "busy", "free", "wait", "turn"],
  act: ["handler", "interrupt", "tick", "hold"],
  instant: ["mark", "report", "fault"],
  flow: ["interrupt", "grant", "message"],
} as const

/** Things with a beginning and an end, in columns. `what` is a code, `name` and `text` are places among the strings. */
export interface Columns {
  readonly what: ReadonlyArray<number>
  readonly name: ReadonlyArray<number>
  readonly from: ReadonlyArray<Nanos>
  readonly to: ReadonlyArray<Nanos>
  readonly realFrom: ReadonlyArray<Nanos>
  readonly realTo: ReadonlyArray<Nanos>
  readonly record: ReadonlyArray<number>
}

/** A lane. */
export interface LaneData {
  readonly name: string
  readonly kind: "guest" | "calendar"
  readonly source: number
  readonly turns: number
  readonly offset: Nanos
  readonly realOffset: Nanos
  readonly spans: Columns & { readonly own: ReadonlyArray<0 | 1> }
  readonly acts: Columns
  readonly instants: Columns & { readonly text: ReadonlyArray<number> }
}

/** All of it. */
export interface PageData {
  readonly title: string
  readonly begin: Nanos
  readonly end: Nanos
  readonly realBegin: Nanos
  readonly real: Nanos
  /** Each lane in a few words, for the panel. */
  readonly summary: ReadonlyArray<{ readonly name: string; readonly says: ReadonlyArray<string> }>
  readonly strings: ReadonlyArray<string>
  readonly lanes: ReadonlyArray<LaneData>
  readonly flows: Columns & { readonly fromLane: ReadonlyArray<number>; readonly toLane: ReadonlyArray<number> }
}
