/**
 * Sinks of records: lines of JSON or blocks of columns as bytes, or a ring in memory that keeps the last records.
 *
 * @module
 */
import { OptionError } from "../../core/Fault.ts"
import { bodyText, HEADER, recordLine, sourceLine } from "./Codec.ts"
import { framed, MAGIC } from "./Blocks.ts"
import { ShapeWriter } from "./Shapes.ts"
import type { Source, Trace, TraceRecord } from "./Record.ts"
import type { Sink } from "./Recorder.ts"

/** How many characters are gathered before they are written. */
const GATHERED = 65_536

/**
 * A sink that gathers what it is given.
 *
 * @since 0.1.0
 * @category models
 */
export interface Gathering extends Sink {
  /** Writes what has been gathered. */
  readonly flush: () => void
}

/**
 * Lines of JSON, given to `write` in pieces of 64 KiB or so: no more is ever in memory. What
 * somebody may want to know in any case, as a fault or the end of a source, is written at once.
 *
 * @since 0.1.0
 * @category recording
 */
export const ndjson = (write: (bytes: Uint8Array) => void): Gathering => {
  const encoder = new TextEncoder()
  let text = HEADER
  const flush = () => {
    if (text === "") return
    const bytes = encoder.encode(text)
    text = ""
    write(bytes)
  }
  return {
    source: (source) => {
      text += sourceLine(source)
    },
    record: (record) => {
      text += recordLine(record)
      if (text.length >= GATHERED || isUrgent(record)) flush()
    },
    flush,
  }
}

/** In which format a trace is written to a file, unless that is said. */
export const formatOf = (path: string): "columns" | "lines" => /\.(?:ndjson|jsonl)$/.test(path) ? "lines" : "columns"

/** How many lines a block has at most, and about how many bytes before it is compressed. */
const BLOCK = { lines: 16_384, bytes: 1 << 20 }

/**
 * A trace in columns, in blocks that are compressed if `deflate` (zlib, RFC 1950) is given: about a fortieth of the bytes
 * of {@link ndjson}'s. A block has 16,384 records at most: so many are in memory. Faults and reports are written at once.
 *
 * @since 0.1.0
 * @category recording
 */
export const binary = (
  write: (bytes: Uint8Array) => void,
  deflate?: (bytes: Uint8Array) => Uint8Array,
): Gathering => {
  const writer = new ShapeWriter()
  let hasSources = false
  let hasBegun = false
  const flush = () => {
    if (!hasBegun) write(MAGIC)
    hasBegun = true
    const block = writer.block()
    if (block !== undefined) write(framed(block, hasSources, deflate))
    hasSources = false
  }
  const line = (text: string) => {
    writer.line(text.trimEnd())
    hasSources = true
  }
  line(HEADER)
  return {
    source: (source) => line(sourceLine(source)),
    record: (record) => {
      const { source, n, time, real, what } = record
      writer.record(source, n, time, real, bodyText(what))
      if (writer.lines >= BLOCK.lines || writer.size >= BLOCK.bytes || isGrave(record)) flush()
    },
    flush,
  }
}

/** What somebody wants to know even if the program is killed: but not who comes and goes. */
const isGrave = ({ what }: TraceRecord): boolean =>
  what._tag === "Report"
    ? what.name !== "Joined" && what.name !== "Left"
    : what._tag === "Transition" && what.fault !== undefined

const isUrgent = ({ what }: TraceRecord): boolean =>
  what._tag === "End" || what._tag === "Report" || what._tag === "Transition" && what.fault !== undefined

/**
 * Keeps the last records in memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ring extends Sink {
  /** What it has, oldest first. */
  readonly trace: () => Trace
  /** How many records it has let go. */
  readonly dropped: () => number
}

/**
 * A ring of so many records, at least 1; anything else is an `OptionError`, thrown.
 *
 * **When to use**
 *
 * Use it to have the last records at hand when something goes wrong, without a file.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, World } from "guest-clock/simulation"
 * import * as Trace from "guest-clock/trace"
 *
 * const ring = Trace.ring(10)
 * const world = World.make({ guests: [Guest.make("guest", Effect.sleep("1 hour"))] })
 * await Effect.runPromise(Effect.provide(World.run(world), Trace.to(ring)))
 * console.log(ring.trace().records.length <= 10) // true
 * ```
 *
 * @since 0.1.0
 * @category recording
 */
export const ring = (capacity: number): Ring => {
  if (!Number.isSafeInteger(capacity) || capacity < 1) {
    throw new OptionError("capacity", capacity, "it is a whole number from 1 on")
  }
  const sources: Array<Source> = []
  const records: Array<TraceRecord> = []
  let seen = 0
  return {
    source: (source) => {
      sources.push(source)
    },
    record: (record) => {
      records[seen++ % capacity] = record
    },
    trace: () => {
      const first = seen > capacity ? seen % capacity : 0
      return {
        sources: [...sources],
        records: [...records.slice(first), ...records.slice(0, first)],
        isCut: false,
      }
    },
    dropped: () => Math.max(0, seen - capacity),
  }
}
