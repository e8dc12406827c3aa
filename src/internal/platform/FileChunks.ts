/**
 * A file, piece by piece: only one of them is in memory.
 *
 * @module
 */
import * as Fs from "node:fs"

const PIECE = 1 << 18

const pieces = function* (path: string): Generator<Uint8Array> {
  const file = Fs.openSync(path, "r")
  try {
    while (true) {
      const bytes = new Uint8Array(PIECE)
      const length = Fs.readSync(file, bytes, 0, PIECE, null)
      if (length === 0) return
      yield bytes.subarray(0, length)
    }
  } finally {
    Fs.closeSync(file)
  }
}

/**
 * The pieces of a file, as often as they are asked for. What isn't a file, as a pipe, is read once, and kept. Throws the
 * system's errors.
 */
export const chunksOf = (path: string): Iterable<Uint8Array> => {
  if (!Fs.statSync(path).isFile()) return [...pieces(path)]
  return { [Symbol.iterator]: () => pieces(path) }
}
