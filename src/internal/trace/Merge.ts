/**
 * Several traces as one: those of guests in processes of their own, and of their
 * calendar.
 *
 * @module
 */
import type { Readable } from "./TraceFile.ts"
import type { Source, Trace, TraceRecord } from "./Record.ts"

/**
 * All sources of all traces, in this order, and their records by simulated time; within a source they
 * keep their order, and at one time those of the first source go first. So traces of the same runs
 * give the same, whatever real time they took.
 *
 * @since 0.1.0
 * @category reading
 */
export const merge = (traces: ReadonlyArray<Omit<Trace, "isCut"> & { readonly isCut?: boolean }>): Trace => {
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
  return { sources, records, isCut: traces.some(({ isCut }) => isCut === true) }
}

/**
 * As {@link merge}, of traces that needn't be in memory: the records of each keep their order, and go in that of
 * simulated time as far as they are in it.
 *
 * @since 0.2.0
 * @category reading
 */
export const merged = (traces: ReadonlyArray<Readable>): Readable => {
  const sources = traces.flatMap((trace) => trace.sources).map((each, source) => ({ ...each, source }))
  const bases = traces.map((_, index) => traces.slice(0, index).reduce((sum, trace) => sum + trace.sources.length, 0))
  const records = function* (): Generator<TraceRecord> {
    const iterators = traces.map((trace) => trace.records[Symbol.iterator]())
    const next = iterators.map((each) => each.next())
    while (true) {
      let first = -1
      for (const [index, { done, value }] of next.entries()) {
        if (done !== true && (first < 0 || value.time < next[first]!.value.time)) first = index
      }
      if (first < 0) return
      const record = next[first]!.value as TraceRecord
      yield { ...record, source: bases[first]! + record.source }
      next[first] = iterators[first]!.next()
    }
  }
  return { sources, records: { [Symbol.iterator]: records } }
}
