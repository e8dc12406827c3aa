/**
 * Traces from bytes, as they come: in blocks, or as lines of text.
 *
 * @module
 */
import { NoJson, Reader } from "./Codec.ts"
import { BadTrace, type Source, type TraceRecord } from "./Record.ts"
import { BlockReader, type Inflate, isInBlocks } from "./Blocks.ts"

/** Lines of text from bytes. */
class LineCutter {
  readonly #utf8 = new TextDecoder()
  #rest = ""

  push(bytes: Uint8Array): ReadonlyArray<string> {
    const lines = (this.#rest + this.#utf8.decode(bytes, { stream: true })).split("\n")
    this.#rest = lines.pop()!
    return lines
  }

  end(): string {
    return this.#rest + this.#utf8.decode()
  }
}

/** Reads a trace from pieces of its file. What can't be read throws a {@link BadTrace}. */
export class Parser {
  readonly #inflate: Inflate
  readonly #reader = new Reader()
  #blocks: BlockReader | undefined
  #text: LineCutter | undefined
  #lines = 1
  /** The last line, which may have been cut off. */
  #unread: BadTrace | undefined
  /** Whether its last line, or block, was cut off. */
  isCut = false

  constructor(inflate: Inflate) {
    this.#inflate = inflate
  }

  /** The sources that have been read so far. */
  get sources(): ReadonlyArray<Source> {
    return this.#reader.sources
  }

  /** The line of the record that it has read last; lines are counted from 1. */
  get line(): number {
    return this.#lines - 1
  }

  /** The records that are complete with these bytes. */
  *push(bytes: Uint8Array): Generator<TraceRecord> {
    if (bytes.length === 0) return
    if (this.#blocks === undefined && this.#text === undefined) {
      if (isInBlocks(bytes)) this.#blocks = new BlockReader()
      else this.#text = new LineCutter()
    }
    if (this.#blocks !== undefined) {
      for (const block of this.#blocks.push(bytes)) yield* this.#take(block.lines(this.#inflate, this.#lines))
    } else yield* this.#take(this.#text!.push(bytes))
  }

  *#take(lines: ReadonlyArray<string>): Generator<TraceRecord> {
    for (const line of lines) {
      this.#lines++
      if (this.#unread !== undefined && line !== "") throw this.#unread
      const record = this.#read(line)
      if (record !== undefined) yield record
    }
  }

  #read(line: string): TraceRecord | undefined {
    try {
      return this.#reader.read(line)
    } catch (error) {
      // If it is the last one, it was cut off.
      if (!(error instanceof NoJson)) throw error
      this.#unread = error
    }
    return undefined
  }

  /** There are no more bytes: the record that these end with. */
  *end(): Generator<TraceRecord> {
    if (this.#blocks === undefined && this.#text === undefined) throw new BadTrace(1, "the trace is empty")
    if (this.#text !== undefined) {
      const last = this.#text.end()
      if (last !== "") yield* this.#take([last])
    }
    this.isCut = this.#unread !== undefined || this.#blocks?.isCut === true
  }
}
