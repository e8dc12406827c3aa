/**
 * Reads blocks of lines (see `Shapes`).
 *
 * @module
 */

/** Is put into pages as it is: it must not use anything from outside. */
export function shapeReader(): (block: Uint8Array) => Array<string> {
  const utf8 = new TextDecoder()

  /** A column that is read from its beginning on. */
  interface Column {
    readonly bytes: Uint8Array
    at: number
  }
  const get = (column: Column): number => {
    let value = 0
    for (let factor = 1;; factor *= 128) {
      const byte = column.bytes[column.at++]
      if (byte === undefined) throw new RangeError("it ends in the middle of a number")
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
  }
  const signed = (value: number): number => value % 2 === 0 ? value / 2 : -(value + 1) / 2
  const getBig = (column: Column): bigint => {
    const begin = column.at
    const value = get(column)
    if (value <= Number.MAX_SAFE_INTEGER) return BigInt(signed(value))
    // More than a double holds.
    let whole = 0n
    for (let at = column.at - 1; at >= begin; at--) whole = whole << 7n | BigInt(column.bytes[at]! & 127)
    return whole % 2n === 0n ? whole / 2n : -(whole + 1n) / 2n
  }

  return (block) => {
    const head: Column = { bytes: block, at: 0 }
    const count = get(head)
    const shapeCount = get(head)
    const lengths = [get(head), get(head), get(head), get(head), get(head), get(head), get(head)]
    let begin = head.at
    const columns = lengths.map((length): Column => {
      const bytes = block.subarray(begin, begin += length)
      return { bytes, at: 0 }
    })
    if (begin !== block.length) throw new RangeError(`it has ${block.length} bytes, and says that it has ${begin}`)
    const [texts, sources, shapes, places, times, reals, numbers] = columns as [
      ...[Column, Column, Column, Column, Column, Column, Column],
    ]
    /** Of each shape the texts around its numbers, whether those are wide, and what they were last. */
    const known = Array.from({ length: shapeCount }, () => {
      const length = get(texts)
      const text = utf8.decode(texts.bytes.subarray(texts.at, texts.at += length))
      const parts: Array<string> = []
      const wide: Array<boolean> = []
      let from = 0
      for (let at = 0; at < text.length; at++) {
        const code = text.charCodeAt(at)
        if (code !== 1 && code !== 2) continue
        parts.push(text.slice(from, at))
        wide.push(code === 2)
        from = at + 1
      }
      parts.push(text.slice(from))
      return { parts, wide, last: Array.from({ length: wide.length + wide.filter(Boolean).length }, () => 0) }
    })
    const seen = new Map<number, { n: number; time: bigint; real: bigint }>()
    const lines: Array<string> = []
    for (let line = 0; line < count; line++) {
      const source = get(sources)
      const shape = known[get(shapes)]
      if (shape === undefined) throw new RangeError(`line ${line} has a shape that isn't there`)
      let text = ""
      let now = 0
      if (source > 0) {
        let last = seen.get(source)
        if (last === undefined) seen.set(source, last = { n: -1, time: 0n, real: 0n })
        last.n += 1 + signed(get(places))
        last.time += getBig(times)
        last.real += getBig(reals)
        now = Number(last.time)
        text = `{"s":${source - 1},"n":${last.n},"t":"${last.time}","r":"${last.real}"`
      }
      const { parts, wide, last } = shape
      const next = (at: number): number => {
        const given = get(numbers)
        const difference = signed(Math.floor(given / 2))
        return last[at] = difference + (given % 2 === 1 ? now : last[at]!)
      }
      text += parts[0]
      for (let at = 0, slot = 0; at < wide.length; at++) {
        text += next(slot++)
        if (wide[at]) text += String(next(slot++)).padStart(9, "0")
        text += parts[at + 1]
      }
      lines.push(text)
    }
    return lines
  }
}
