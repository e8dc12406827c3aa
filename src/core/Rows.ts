/**
 * The entries of a queue as numbers, apart from their events.
 *
 * @module
 */
import type { Nanos } from "./Nanos.ts"

/** A pending event. */
export interface Entry<E> {
  readonly event: E
  /** When it is due, in guest nanoseconds. */
  readonly time: Nanos
  /** Whether it stands for a guest that is busy until `time` (SPEC 4). */
  readonly onStack: boolean
}

/** An entry and the rest of its order key. */
export interface Item<E> extends Entry<E> {
  readonly place: number
  /** Of what is on-stack only: the one born later goes first. */
  readonly born: number
}

/** What stands for when an entry was born that isn't on-stack. */
export const UNBORN = -1

const BYTES = 16

/** The same number, but not as a double if it needn't be one: in an object V8 has those in boxes. */
const small = (whole: number): number => whole < 2 ** 31 ? whole | 0 : whole

/**
 * All of the entries but their events, by slot: the time and the place side by side, as bytes. An object that lives
 * as long as its entry is pending would make most of the work of a garbage collector; and a `DataView` gets a bigint
 * in and out five times as fast as a `BigUint64Array` does on Bun, and no slower elsewhere.
 */
export class Rows {
  private readonly view: DataView<ArrayBuffer>
  /** When the entries that are on-stack were born. */
  private readonly born: Map<number, number>

  constructor(buffer: ArrayBuffer, born: Map<number, number>) {
    this.view = new DataView(buffer)
    this.born = born
  }

  /** The entry of the event in a slot. */
  item<E>(event: E, slot: number): Item<E> {
    const born = this.bornAt(slot)
    return { event, time: this.time(slot), onStack: born !== UNBORN, place: small(this.place(slot)), born }
  }

  set(slot: number, time: Nanos, place: number, born: number): void {
    this.view.setBigUint64(BYTES * slot, time, true)
    this.view.setFloat64(BYTES * slot + 8, place, true)
    if (born !== UNBORN) this.born.set(slot, born)
  }

  /** Forgets what is not in the row itself. */
  unset(slot: number): void {
    if (this.born.size > 0) this.born.delete(slot)
  }

  time(slot: number): Nanos {
    return this.view.getBigUint64(BYTES * slot, true) as Nanos
  }

  place(slot: number): number {
    return this.view.getFloat64(BYTES * slot + 8, true)
  }

  bornAt(slot: number): number {
    return this.born.size === 0 ? UNBORN : this.born.get(slot) ?? UNBORN
  }

  /** The time in a slot as a double, which may be rounded. As two halves, in half the time that `Number` takes in V8. */
  key(slot: number): number {
    return this.view.getUint32(BYTES * slot + 4, true) * 2 ** 32 + this.view.getUint32(BYTES * slot, true)
  }

  /** A copy of the first so many. */
  copy(count: number): Rows {
    return new Rows(this.view.buffer.slice(0, BYTES * count), new Map(this.born))
  }
}

/** Room for so many entries. */
export const rowsFor = (room: number): Rows => new Rows(new ArrayBuffer(BYTES * room), new Map())
