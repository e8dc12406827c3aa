/**
 * The records of a trace in a file, read one by one, and as often as needed.
 *
 * @module
 */
import type { Source, TraceRecord } from "./Record.ts"
import { inflate } from "../platform/Deflate.ts"
import { chunksOf } from "../platform/FileChunks.ts"
import { Reader } from "./Codec.ts"
import { type Block, BlockReader, isInBlocks } from "./Blocks.ts"
import { Parser } from "./Parser.ts"

/**
 * A trace whose records needn't be in memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface Readable {
  readonly sources: ReadonlyArray<Source>
  /** In the order in which they were written: they can be gone through as often as one likes. */
  readonly records: Iterable<TraceRecord>
}

const readSources = (block: Block, reader: Reader): void => {
  for (const line of block.lines(inflate, 1)) if (/^\{"(?:source|trace)":/.test(line)) reader.read(line)
}

/**
 * A trace in a file.
 *
 * @since 0.1.0
 * @category models
 */
export interface TraceFile extends Readable {
  readonly path: string
  /** Whether its last line or block was cut off: known when its records have been gone through. */
  readonly isCut: boolean
  /** The line on which a record is, by its place from 0 on: lines are counted from 1, in columns as if it were text. */
  readonly lineOf: (place: number) => number
  /** Its bytes. */
  readonly bytes: Iterable<Uint8Array>
}

class Opened implements TraceFile {
  readonly path: string
  readonly sources: ReadonlyArray<Source>
  readonly bytes: Iterable<Uint8Array>
  readonly records: Iterable<TraceRecord>
  isCut = false

  constructor(path: string) {
    this.path = path
    this.bytes = chunksOf(path)
    this.records = { [Symbol.iterator]: () => this.#read() }
    this.sources = this.#sources()
  }

  *#read(): Generator<TraceRecord> {
    const parser = new Parser(inflate)
    for (const bytes of this.bytes) yield* parser.push(bytes)
    yield* parser.end()
    this.isCut = parser.isCut
  }

  lineOf(place: number): number {
    const parser = new Parser(inflate)
    let records = 0
    for (const bytes of this.bytes) {
      for (const _ of parser.push(bytes)) if (records++ === place) return parser.line
    }
    for (const _ of parser.end());
    return parser.line
  }

  /** Looks only where there are any. */
  #sources(): ReadonlyArray<Source> {
    const parser = new Parser(inflate)
    const reader = new Reader()
    let blocks: BlockReader | undefined
    let isFirst = true
    for (const bytes of this.bytes) {
      if (isFirst && isInBlocks(bytes)) blocks = new BlockReader()
      isFirst = false
      if (blocks === undefined) { for (const _ of parser.push(bytes)); }
      else for (const block of blocks.push(bytes)) if (block.hasSources) readSources(block, reader)
    }
    if (blocks !== undefined) return reader.sources
    for (const _ of parser.end());
    return parser.sources
  }
}

/** Opens a trace. Throws a `BadTrace` where it isn't one, and the system's errors. */
export const openTrace = (path: string): TraceFile => new Opened(path)
