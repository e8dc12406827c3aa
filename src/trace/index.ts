/**
 * What happened, in what order, and who waited for whom: traces of guests and
 * calendars, to be read, compared, gone through again and drawn.
 *
 * @module
 */
export * from "./Tracing.ts"
export { both, type Gathering, ndjson, type Ring, ring } from "./Sinks.ts"
export { type Sink, tracerOf } from "./Recorder.ts"
export * from "./Record.ts"
export { read, Reader, write } from "./Codec.ts"
export { TraceName, Tracer } from "../services/Tracer.ts"
