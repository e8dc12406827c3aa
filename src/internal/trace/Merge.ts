/**
 * Several traces as one: those of guests in processes of their own, and of their
 * calendar.
 *
 * @module
 */
import type { Source, Trace, TraceRecord } from "./Record.ts"

/**
 * All sources of all traces, in this order, and their records by simulated time; within a source they
 * keep their order, and at one time those of the first source go first. So traces of the same runs
 * give the same, whatever real time they took.
 */
export const merge = (traces: ReadonlyArray<Trace>): Trace => {
  const sources: Array<Source> = []
  const lanes: Array<ReadonlyArray<TraceRecord>> = []
  for (const trace of traces) {
    const base = sources.length
    for (const source of trace.sources) {
      sources.push({ ...source, source: base + source.source })
      lanes.push([])
    }
    for (const record of trace.records) {
      const source = base + record.source
      const lane = lanes[source] as Array<TraceRecord>
      lane.push(base === 0 ? record : { ...record, source })
    }
  }
  const total = lanes.reduce((sum, lane) => sum + lane.length, 0)
  const next = lanes.map(() => 0)
  const records: Array<TraceRecord> = []
  while (records.length < total) {
    let first: TraceRecord | undefined
    for (const [source, lane] of lanes.entries()) {
      const record = lane[next[source]!]
      if (record !== undefined && (first === undefined || record.time < first.time)) first = record
    }
    next[first!.source]!++
    records.push(first!)
  }
  return { sources, records, isCut: traces.some(({ isCut }) => isCut) }
}
