/**
 * The tables of a page, made of its chunks, and added to while a world runs.
 *
 * @module
 */
import type { TableName } from "./data.ts"

/** A column of whole numbers. */
export interface NumberColumn {
  values: Float64Array
}

/** A column of times: whole seconds and the ns beyond them, so that nothing is lost however late it is. */
export interface TimeColumn {
  seconds: Float64Array
  nanos: Uint32Array
}

/** Rows of one kind, in columns by name. */
export interface Table {
  length: number
  readonly numbers: { readonly [column: string]: NumberColumn }
  readonly times: { readonly [column: string]: TimeColumn }
}

/** All tables. */
export interface Store {
  readonly tables: { readonly [Name in TableName]: Table }
  readonly strings: Array<string>
  /** Adds a chunk. */
  readonly add: (chunk: Uint8Array) => void
}

/** Is put into the page as it is: it must not use anything from outside. */
export function store(columnsOf: { readonly [Name in TableName]: ReadonlyArray<string> }): Store {
  const TIMES = ["begin", "end", "realBegin", "realEnd"]
  const utf8 = new TextDecoder()
  const strings: Array<string> = []

  const tables = Object.fromEntries(
    Object.entries(columnsOf).map(([name, columns]) => {
      const numbers: { [column: string]: NumberColumn } = {}
      const times: { [column: string]: TimeColumn } = {}
      for (const column of columns) {
        if (TIMES.includes(column)) times[column] = { seconds: new Float64Array(0), nanos: new Uint32Array(0) }
        else numbers[column] = { values: new Float64Array(0) }
      }
      return [name, { length: 0, numbers, times }]
    }),
  ) as unknown as { readonly [Name in TableName]: Table }

  const grown = <A extends Float64Array | Uint32Array>(array: A, length: number, made: A): A => {
    made.set(array.subarray(0, Math.min(array.length, length)))
    return made
  }
  const makeRoom = (table: Table, length: number): void => {
    const has = Object.values(table.numbers)[0]!.values.length
    if (has >= length) return
    const room = Math.max(length, Math.ceil(has * 1.5))
    for (const column of Object.values(table.numbers)) {
      column.values = grown(column.values, table.length, new Float64Array(room))
    }
    for (const column of Object.values(table.times)) {
      column.seconds = grown(column.seconds, table.length, new Float64Array(room))
      column.nanos = grown(column.nanos, table.length, new Uint32Array(room))
    }
  }

  const add = (chunk: Uint8Array): void => {
    let at = 0
    const get = (): number => {
      let value = 0
      for (let factor = 1;; factor *= 128) {
        const byte = chunk[at++]!
        value += (byte & 127) * factor
        if (byte < 128) return value
      }
    }
    const signed = (value: number): number => value % 2 === 0 ? value / 2 : -(value + 1) / 2
    const getBig = (): bigint => {
      const begin = at
      const value = get()
      if (value <= Number.MAX_SAFE_INTEGER) return BigInt(signed(value))
      let whole = 0n
      for (let byte = at - 1; byte >= begin; byte--) whole = whole << 7n | BigInt(chunk[byte]! & 127)
      return whole % 2n === 0n ? whole / 2n : -(whole + 1n) / 2n
    }
    const readTimes = ({ seconds, nanos }: TimeColumn, first: number, rows: number): void => {
      let [second, nano] = [0, 0]
      for (let row = 0; row < rows; row++) {
        const begin = at
        const value = get()
        if (value < 2 ** 50) {
          nano += signed(value)
        } else {
          at = begin
          const time = BigInt(second) * 1_000_000_000n + BigInt(nano) + getBig()
          second = Number(time / 1_000_000_000n)
          nano = Number(time % 1_000_000_000n)
        }
        if (nano < 0 || nano >= 1e9) {
          const whole = Math.floor(nano / 1e9)
          second += whole
          nano -= whole * 1e9
        }
        seconds[first + row] = second
        nanos[first + row] = nano
      }
    }

    const texts = get()
    get()
    for (let text = 0; text < texts; text++) {
      const length = get()
      strings.push(utf8.decode(chunk.subarray(at, at += length)))
    }
    for (const [name, columns] of Object.entries(columnsOf)) {
      const table = tables[name as TableName]
      const rows = get()
      for (const _ of columns) get()
      makeRoom(table, table.length + rows)
      for (const column of columns) {
        const times = table.times[column]
        if (times !== undefined) {
          readTimes(times, table.length, rows)
          continue
        }
        const { values } = table.numbers[column]!
        let last = 0
        for (let row = 0; row < rows; row++) values[table.length + row] = last += signed(get())
      }
      table.length += rows
    }
  }

  return { tables, strings, add }
}
