/**
 * Two runs as one trace, for viewing them side by side.
 *
 * @module
 */
import { diff, type Difference } from "./Diff.ts"
import type { TraceRecord } from "./Record.ts"
import type { Readable } from "./TraceFile.ts"

/**
 * Two runs as one trace, and where they first differ.
 *
 * @since 0.1.0
 * @category models
 */
export interface Compared {
  /** Each guest of both beside its counterpart: `A: sender`, `B: sender`. */
  readonly trace: Readable
  readonly difference: Difference | undefined
}

/** As much of names as a trace's notes have of other guests. */
const renamed = (record: TraceRecord, run: string): TraceRecord => {
  const { what } = record
  switch (what._tag) {
    case "Sent":
      return { ...record, what: { ...what, to: `${run}: ${what.to}` } }
    case "Arrived":
      return { ...record, what: { ...what, from: `${run}: ${what.from}` } }
    case "Lost":
      return { ...record, what: { ...what, from: `${run}: ${what.from}`, to: `${run}: ${what.to}` } }
    default:
      return record
  }
}

/**
 * Two runs as one trace. Their records are read whenever they are gone through: those of the first, and then those of the
 * second.
 *
 * @since 0.2.0
 * @category reading
 */
export const compared = (a: Readable, b: Readable): Compared => {
  const runs = [["A", a], ["B", b]] as const
  // Counterparts stand next to each other.
  const names = [...new Set([...a.sources, ...b.sources].map(({ name }) => name))]
  const ordered = names.flatMap((name) =>
    runs.flatMap(([run, { sources }]) => sources.filter((each) => each.name === name).map((each) => ({ run, each })))
  )
  const numbers = new Map(ordered.map(({ run, each }, source) => [`${run} ${each.source}`, source]))
  const sources = ordered.map(({ run, each }, source) => ({ ...each, source, name: `${run}: ${each.name}` }))
  const records = function* (): Generator<TraceRecord> {
    for (const [run, trace] of runs) {
      for (const record of trace.records) {
        yield { ...renamed(record, run), source: numbers.get(`${run} ${record.source}`)! }
      }
    }
  }
  return { trace: { sources, records: { [Symbol.iterator]: records } }, difference: diff(a, b).first }
}
