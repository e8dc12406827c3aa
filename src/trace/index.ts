/**
 * What happened, in what order, and who waited for whom: traces of guests and
 * calendars, to be read, compared, gone through again and drawn.
 *
 * @module
 */
export * from "./Tracing.ts"
export { binary, both, type Gathering, ndjson, type Ring, ring } from "./Sinks.ts"
export { type Readable, type TraceFile } from "../internal/trace/TraceFile.ts"
export { open, save } from "./Opening.ts"
export { type Sink, tracerOf } from "./Recorder.ts"
export * from "./Record.ts"
export { read, Reader, write } from "./Codec.ts"
export { TraceName, Tracer } from "../services/Tracer.ts"
export { merge, merged } from "./Merge.ts"
export { type Comparison, describe, diff, type Difference, type DiffOptions, type Item } from "./Diff.ts"
export type * from "./Timeline.ts"
export { timeline } from "./Timeline.ts"
export { type LaneSummary, type Reason, summarize, type Summary, summary } from "./Summary.ts"
/** Goes through a trace again, without the peers. */
export * as Replay from "./Replay.ts"
export { type Axis, chrome } from "./Chrome.ts"
export { page, type PageOptions } from "./Page.ts"
export { spans } from "./Spans.ts"
