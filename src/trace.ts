/**
 * What happened, in what order, and who waited for whom: traces of guests and
 * calendars, to be read, compared, gone through again and drawn.
 *
 * @module
 */
export * from "./internal/trace/Tracing.ts"
export { binary, type Gathering, ndjson, type Ring, ring } from "./internal/trace/Sinks.ts"
export { both, type Sink, tracerOf } from "./internal/trace/Recorder.ts"
export * from "./internal/trace/Record.ts"
export { read, Reader, write } from "./internal/trace/Codec.ts"
export { TraceName, Tracer } from "./services/Tracer.ts"
export { type Readable, type TraceFile } from "./internal/trace/TraceFile.ts"
export { open, save } from "./internal/trace/Opening.ts"
export { merge, merged } from "./internal/trace/Merge.ts"
export { type Comparison, describe, diff, type Difference, type DiffOptions, type Item } from "./internal/trace/Diff.ts"
export type * from "./internal/trace/Lanes.ts"
export { timeline } from "./internal/trace/Timeline.ts"
export { type LaneSummary, type Reason, summarize, type Summary, summary } from "./internal/trace/Summary.ts"
/** Goes through a trace again, without the peers. */
export * as Replay from "./internal/trace/Replay.ts"
export { type Axis, chrome } from "./internal/trace/Chrome.ts"
export { type Compared, compared } from "./internal/trace/Compare.ts"
export { text, type TextOptions } from "./internal/trace/TextView.ts"
export { page, type PageOptions } from "./internal/trace/Page.ts"
export { spans } from "./internal/trace/Spans.ts"
