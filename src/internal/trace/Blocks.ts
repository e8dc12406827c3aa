/**
 * A trace's file in blocks: eight bytes that say what it is, and then blocks of lines in columns (`Shapes`).
 *
 * ```text
 * 0x89 "gct" VERSION \r \n 0x1a        the signature; a transfer as text would change the last three
 * kind  length  raw length  bytes …    a block: 1 + 4 + 4 bytes, little-endian, and so many
 * ```
 *
 * The kind says whether the bytes are compressed (bit 0, zlib), and whether there are sources among its lines (bit 1).
 *
 * @module
 */
import { BadTrace, VERSION, VERSIONS } from "./Record.ts"
import { linesOf } from "./Shapes.ts"

/** What a file begins with. */
export const MAGIC: Uint8Array = Uint8Array.of(0x89, 0x67, 0x63, 0x74, VERSION, 0x0d, 0x0a, 0x1a)

const HEAD = 9
const COMPRESSED = 1
const HAS_SOURCES = 2

/** No block is longer than this: a length beyond it is no length. */
const MOST = 1 << 28

/** A block's bytes in the file. */
export const framed = (
  raw: Uint8Array,
  hasSources: boolean,
  deflate: ((bytes: Uint8Array) => Uint8Array) | undefined,
): Uint8Array => {
  const bytes = deflate === undefined ? raw : deflate(raw)
  const frame = new Uint8Array(HEAD + bytes.length)
  const view = new DataView(frame.buffer)
  view.setUint8(0, (deflate === undefined ? 0 : COMPRESSED) | (hasSources ? HAS_SOURCES : 0))
  view.setUint32(1, bytes.length, true)
  view.setUint32(5, raw.length, true)
  frame.set(bytes, HEAD)
  return frame
}

/** Bytes that are uncompressed to so many. */
export type Inflate = (bytes: Uint8Array, length: number) => Uint8Array

/** A block as it is in the file. */
export interface Block {
  readonly hasSources: boolean
  /** Its lines, as they were: throws a {@link BadTrace} where it can't be read. `line` is the number of its first. */
  readonly lines: (inflate: Inflate, line: number) => ReadonlyArray<string>
  /** With what is before its bytes. */
  readonly bytes: Uint8Array
}

const blockOf = (bytes: Uint8Array): Block => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const kind = view.getUint8(0)
  const length = view.getUint32(5, true)
  return {
    hasSources: (kind & HAS_SOURCES) !== 0,
    bytes,
    lines: (inflate, line) => {
      const inner = bytes.subarray(HEAD)
      try {
        return linesOf((kind & COMPRESSED) === 0 ? inner : inflate(inner, length))
      } catch (error) {
        throw new BadTrace(line, `the block that begins with it can't be read: ${(error as Error).message}`)
      }
    },
  }
}

/** Whether these are the first bytes of a file in blocks, rather than of lines of text. */
export const isInBlocks = (bytes: Uint8Array): boolean => bytes[0] === MAGIC[0] && bytes.length > 0

/** Cuts a file in blocks into these, from pieces of any length. */
export class BlockReader {
  #rest: Uint8Array = new Uint8Array(0)
  #hasBegun = false

  /** The blocks that are complete with these bytes. Throws a {@link BadTrace} where it isn't a trace. */
  push(bytes: Uint8Array): ReadonlyArray<Block> {
    const all = new Uint8Array(this.#rest.length + bytes.length)
    all.set(this.#rest)
    all.set(bytes, this.#rest.length)
    let at = 0
    if (!this.#hasBegun) {
      if (all.length < MAGIC.length) {
        this.#rest = all
        return []
      }
      check(all)
      this.#hasBegun = true
      at = MAGIC.length
    }
    const blocks: Array<Block> = []
    while (all.length - at >= HEAD) {
      const view = new DataView(all.buffer, at)
      const [kind, length] = [view.getUint8(0), view.getUint32(1, true)]
      if (kind > (COMPRESSED | HAS_SOURCES) || length > MOST || view.getUint32(5, true) > MOST) {
        throw new BadTrace(1, `this is no trace of guest-clock, or it is damaged: there is no block at byte ${at}`)
      }
      if (all.length - at < HEAD + length) break
      blocks.push(blockOf(all.subarray(at, at + HEAD + length)))
      at += HEAD + length
    }
    this.#rest = all.slice(at)
    return blocks
  }

  /** Whether there are bytes of a block that isn't complete, or nothing at all. */
  get isCut(): boolean {
    return this.#rest.length > 0 || !this.#hasBegun
  }
}

const check = (bytes: Uint8Array): void => {
  const isMagic = MAGIC.every((byte, at) => at === 4 || bytes[at] === byte)
  if (!isMagic) throw new BadTrace(1, "this is no trace of guest-clock: its first bytes don't say so")
  const version = bytes[4]!
  if (!VERSIONS.includes(version)) {
    const readable = VERSIONS.join(" and ")
    throw new BadTrace(1, `the version of its format is ${version}, and this guest-clock reads ${readable} only`)
  }
}
