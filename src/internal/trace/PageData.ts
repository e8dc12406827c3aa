/**
 * A timeline as data for a page: chunks of columns, in a stream. The writer can send each chunk, and the page can read
 * it, before the trace has ended.
 *
 * @module
 */
import type { Act, Flow, Instant, Message, Segment, Span } from "./Lanes.ts"
import { CODES, type TableName, TABLES } from "./page/data.ts"
import { Column, zigzag } from "./Column.ts"
import type { TimelineSink } from "./TimelineBuilder.ts"

type Value = number | bigint | string

/** Rows of one kind. */
class Table {
  readonly #columns: ReadonlyArray<Column>
  readonly #last: Array<Value>
  rows = 0

  constructor(columns: ReadonlyArray<string>) {
    this.#columns = columns.map(() => new Column())
    this.#last = columns.map(() => 0)
  }

  /** Numbers as they differ from those above them. */
  add(values: ReadonlyArray<number | bigint>): void {
    this.rows++
    for (let at = 0; at < values.length; at++) {
      const value = values[at]!
      const column = this.#columns[at]!
      const last = this.#last[at]!
      if (typeof value === "bigint") column.putSigned(value - BigInt(last))
      else column.put(zigzag(value - (last as number)))
      this.#last[at] = value
    }
  }

  writeTo(out: Column): void {
    out.put(this.rows)
    for (const column of this.#columns) out.put(column.length)
    for (const column of this.#columns) out.putBytes(column.bytes)
    for (const column of this.#columns) column.clear()
    this.#last.fill(0)
    this.rows = 0
  }
}

/** So many rows make a chunk. */
const ROWS = 32_768

const float = new DataView(new ArrayBuffer(8))

/** Takes a timeline, and gives chunks of it to `write`. Lanes and series are told of at the end, by others. */
export class PageWriter implements TimelineSink {
  readonly #write: (chunk: Uint8Array) => void
  readonly #tables: { readonly [Name in TableName]: Table }
  readonly #strings = new Map<string, number>()
  readonly #texts = new Column()
  #newTexts = 0
  #rows = 0
  /** Where things begin and end, in ns as their lanes have them: simulated, by lane, and real. */
  readonly ends: Array<{ from: bigint; to: bigint }> = []
  real = { from: undefined as bigint | undefined, to: 0n }

  constructor(write: (chunk: Uint8Array) => void) {
    this.#write = write
    this.#tables = Object.fromEntries(
      Object.entries(TABLES).map(([name, columns]) => [name, new Table(columns)]),
    ) as unknown as { readonly [Name in TableName]: Table }
  }

  #text(text: string): number {
    let place = this.#strings.get(text)
    if (place === undefined) {
      this.#strings.set(text, place = this.#strings.size)
      this.#texts.putText(text)
      this.#newTexts++
    }
    return place
  }

  #add(table: TableName, values: ReadonlyArray<number | bigint>): void {
    this.#tables[table].add(values)
    if (++this.#rows >= ROWS) this.flush()
  }

  #lasts(lane: number, from: bigint, to: bigint, realFrom: bigint, realTo: bigint): void {
    const ends = this.ends[lane] ??= { from, to }
    if (from < ends.from) ends.from = from
    if (to > ends.to) ends.to = to
    if (this.real.from === undefined || realFrom < this.real.from) this.real.from = realFrom
    if (realTo > this.real.to) this.real.to = realTo
  }

  span(lane: number, { doing, from, to, realFrom, realTo, own, why, record }: Span): void {
    this.#lasts(lane, from, to, realFrom, realTo)
    const code = CODES.doing.indexOf(doing)
    this.#add("spans", [lane, code, from, to, realFrom, realTo, own ? 1 : 0, this.#text(why), record])
  }

  act(lane: number, { kind, name, from, to, realFrom, realTo, record }: Act): void {
    this.#add("acts", [lane, CODES.act.indexOf(kind), from, to, realFrom, realTo, this.#text(name), record])
  }

  instant(lane: number, { kind, name, text, at, real, record }: Instant): void {
    this.#lasts(lane, at, at, real, real)
    const code = CODES.instant.indexOf(kind)
    this.#add("instants", [lane, code, at, real, this.#text(name), this.#text(text), record])
  }

  segment(lane: number, segment: Segment): void {
    const { pid, from, to, realFrom, realTo, state, waits, what, whom, by, record } = segment
    this.#lasts(lane, from, to, realFrom, realTo)
    const code = CODES.waits.indexOf(waits)
    const texts = [state, what, whom, by].map((text) => this.#text(text))
    this.#add("segments", [lane, pid, code, from, to, realFrom, realTo, ...texts, record])
  }

  message(message: Message): void {
    const { from, to, id, copy, at, real, toAt, toReal, again, record, toRecord } = message
    const flags = (message.isOnItsWay ? 1 : 0) | (message.isDuplicate ? 2 : 0) | (message.isCorrupted ? 4 : 0)
    const texts = [message.link, message.kind, message.text, message.title, message.lost ?? ""].map((text) =>
      this.#text(text)
    )
    this.#add("messages", [
      ...[from, to, id, copy, flags, at, real, toAt, toReal, ...texts],
      ...[again === undefined ? 0 : again + 1, record, toRecord],
    ])
  }

  flow({ kind, name, fromLane, toLane, at, real, toAt, toReal, record }: Flow): void {
    const code = CODES.flow.indexOf(kind)
    this.#add("flows", [fromLane, toLane, code, at, real, toAt, toReal, this.#text(name), record])
  }

  point(series: number, at: bigint, value: number): void {
    float.setFloat64(0, value)
    // As two whole numbers, of which that with the low bits is often 0.
    this.#add("points", [series, at, float.getInt32(0), float.getUint32(4)])
  }

  /** Gives what has been gathered. */
  flush(): void {
    if (this.#rows === 0 && this.#newTexts === 0) return
    const chunk = new Column()
    chunk.put(this.#newTexts)
    chunk.put(this.#texts.length)
    chunk.putBytes(this.#texts.bytes)
    this.#texts.clear()
    this.#newTexts = 0
    for (const table of Object.values(this.#tables)) table.writeTo(chunk)
    this.#rows = 0
    this.#write(chunk.bytes.slice())
  }
}
