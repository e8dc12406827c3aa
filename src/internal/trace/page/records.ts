/**
 * The page's chunks and the trace's records, which are unpacked when they are asked for.
 *
 * @module
 */

/** The trace's records. */
export interface Records {
  /** The line of a record, by its place. */
  readonly line: (place: number) => Promise<string | undefined>
  /** The places of those whose lines have these words in them, up to so many, told as they are found. */
  readonly search: (words: string, most: number, found: (place: number) => void) => Promise<void>
  /** Adds a block of so many records. */
  readonly add: (bytes: Uint8Array, count: number) => void
}

/** Is put into the page as it is: it must not use anything from outside but what a page has. */
export function records(reader: () => (block: Uint8Array) => Array<string>): {
  readonly unpack: (bytes: Uint8Array) => Promise<Uint8Array>
  readonly fromText: (text: string) => Uint8Array
  readonly make: () => Records
} {
  const HEAD = 9

  const fromText = (text: string): Uint8Array => {
    const letters = atob(text.trim())
    const bytes = new Uint8Array(letters.length)
    for (let at = 0; at < letters.length; at++) bytes[at] = letters.charCodeAt(at)
    return bytes
  }
  /** What is in a block, without what stands before it. */
  const unpack = async (bytes: Uint8Array): Promise<Uint8Array> => {
    const inner = bytes.slice(HEAD)
    if ((bytes[0]! & 1) === 0) return inner
    const stream = new Blob([inner]).stream().pipeThrough(new DecompressionStream("deflate"))
    return new Uint8Array(await new Response(stream).arrayBuffer())
  }

  const make = (): Records => {
    const read = reader()
    const blocks: Array<{ readonly bytes: Uint8Array; readonly first: number; readonly count: number }> = []
    const cache = new Map<number, ReadonlyArray<string>>()
    let total = 0
    const linesOf = async (index: number): Promise<ReadonlyArray<string>> => {
      const known = cache.get(index)
      if (known !== undefined) return known
      const lines = read(await unpack(blocks[index]!.bytes)).filter((line) => line.startsWith('{"s":'))
      cache.set(index, lines)
      if (cache.size > 6) cache.delete(cache.keys().next().value!)
      return lines
    }
    return {
      add: (bytes, count) => {
        blocks.push({ bytes, first: total, count })
        total += count
      },
      line: async (place) => {
        const index = blocks.findLastIndex(({ first }) => first <= place)
        return index < 0 ? undefined : (await linesOf(index))[place - blocks[index]!.first]
      },
      search: async (words, most, found) => {
        const wanted = words.toLowerCase()
        let left = most
        for (let index = 0; index < blocks.length && left > 0; index++) {
          const { first } = blocks[index]!
          const lines = await linesOf(index)
          for (let at = 0; at < lines.length && left > 0; at++) {
            if (!lines[at]!.toLowerCase().includes(wanted)) continue
            left--
            found(first + at)
          }
        }
      },
    }
  }
  return { unpack, fromText, make }
}
