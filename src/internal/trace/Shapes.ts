/**
 * Lines of a trace in columns: a line's text without its numbers is its shape, of which there are few. A block has each
 * of its shapes once, and of each line only which shape it has, and by how much its numbers differ from those before.
 *
 * ```text
 * {"s":1,"n":404,"t":"167240000","r":"101895","do":"resume","step":"Settle a22 idle on"}
 *     │      │          │            │        ╰──────────── shape ──────────┬──────────╯
 *  source  place      time       real time                                number
 * ```
 *
 * A block can be read without those before it. Its bytes, all numbers as LEB128, signed ones in zigzag:
 *
 * ```text
 * lines  lengths of columns  shapes: length, UTF-8 …  sources  shape numbers  places  times  real times  numbers
 * ```
 *
 * @module
 */
import { Column, zigzag } from "./Column.ts"
import { shapeReader } from "./shapeReader.ts"

/** Where a number with up to 15 digits was, and one with 16 to 20: no line has these characters, as JSON escapes them. */
const NUMBER = "\u0001"
const WIDE = "\u0002"

/** A shape: its number, and the numbers that a line had last that has it. */
interface Shape {
  readonly number: number
  readonly last: Array<number>
}

/** What a source's last line had. */
interface Last {
  n: number
  time: bigint
  real: bigint
}

const ZERO = 48
const NINE = 57

/** Gathers lines, and makes blocks of them. */
export class ShapeWriter {
  readonly #shapes = new Map<string, Shape>()
  readonly #sources = new Map<number, Last>()
  readonly #texts = new Column()
  readonly #columns = {
    source: new Column(),
    shape: new Column(),
    place: new Column(),
    time: new Column(),
    real: new Column(),
    number: new Column(),
  }
  /** The numbers of the line that is looked at. */
  readonly #numbers: Array<number> = []
  #lines = 0

  /** How many lines have been gathered, and about how many bytes. */
  get lines(): number {
    return this.#lines
  }
  get size(): number {
    return this.#texts.length + this.#columns.number.length + 8 * this.#lines
  }

  /** A line that is no record. */
  line(text: string): void {
    this.#columns.source.put(0)
    this.#shape(text, 0)
  }

  /** A record: the rest of its line after its real time. */
  record(source: number, n: number, time: bigint, real: bigint, body: string): void {
    const { place, time: times, real: reals } = this.#columns
    this.#columns.source.put(source + 1)
    let last = this.#sources.get(source)
    if (last === undefined) this.#sources.set(source, last = { n: -1, time: 0n, real: 0n })
    place.put(zigzag(n - last.n - 1))
    times.putSigned(time - last.time)
    reals.putSigned(real - last.real)
    last.n = n
    last.time = time
    last.real = real
    this.#shape(body, Number(time))
  }

  #shape(text: string, time: number): void {
    this.#lines++
    const numbers = this.#numbers
    numbers.length = 0
    const key = this.#withoutNumbers(text, numbers)
    let shape = this.#shapes.get(key)
    if (shape === undefined) {
      shape = { number: this.#shapes.size, last: numbers.map(() => 0) }
      this.#shapes.set(key, shape)
      this.#texts.putText(key)
    }
    const { shape: column, number: values } = this.#columns
    column.put(shape.number)
    const { last } = shape
    for (let at = 0; at < numbers.length; at++) {
      const value = numbers[at]!
      const since = zigzag(value - last[at]!)
      const after = zigzag(value - time)
      // In relation to its time, where that is shorter: what is to happen soon, or now.
      if (after < since) values.put(after * 2 + 1)
      else values.put(since * 2)
      last[at] = value
    }
  }

  #withoutNumbers(text: string, numbers: Array<number>): string {
    let key = ""
    let from = 0
    for (let at = 0; at < text.length;) {
      const first = text.charCodeAt(at)
      if (first < ZERO || first > NINE) {
        at++
        continue
      }
      const begin = at
      let value = 0
      let code = first
      do {
        if (at - begin < 15) value = value * 10 + (code - ZERO)
        code = text.charCodeAt(++at)
      } while (code >= ZERO && code <= NINE)
      const digits = at - begin
      // One with zeros before it isn't to be had back from its value.
      if (digits > 20 || first === ZERO && digits > 1) continue
      if (digits > 15) {
        const split = at - 9
        numbers.push(Number(text.slice(begin, split)), Number(text.slice(split, at)))
        key += text.slice(from, begin) + WIDE
      } else {
        numbers.push(value)
        key += text.slice(from, begin) + NUMBER
      }
      from = at
    }
    return from === 0 ? text : key + text.slice(from)
  }

  /** What has been gathered since the last block, as one; nothing, if that is nothing. */
  block(): Uint8Array | undefined {
    if (this.#lines === 0) return undefined
    const columns = Object.values(this.#columns)
    const head = new Column()
    head.put(this.#lines)
    head.put(this.#shapes.size)
    for (const each of [this.#texts, ...columns]) head.put(each.length)
    for (const each of [this.#texts, ...columns]) head.putBytes(each.bytes)
    for (const each of [this.#texts, ...columns]) each.clear()
    this.#shapes.clear()
    this.#sources.clear()
    this.#lines = 0
    return head.bytes.slice()
  }
}

const read = shapeReader()

/** The lines of a block, as they were. One that can't be a block throws a `RangeError`. */
export const linesOf = (block: Uint8Array): ReadonlyArray<string> => read(block)
