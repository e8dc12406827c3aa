/**
 * The entries of a queue as numbers, apart from their events.
 *
 * @module
 */
import type { Nanos } from "../../../core/Nanos.ts"

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

/** The order of entries, said once more with exact times. */
export const inOrder = <E>(a: Item<E>, b: Item<E>): number =>
  a.time !== b.time ? (a.time < b.time ? -1 : 1) : a.place - b.place || b.born - a.born

/** What stands for when an entry was born that isn't on-stack. */
export const UNBORN = -1

/**
 * A row is so many words of 32 bits: two for a time; two for a place, which hardly ever needs the upper one; a link.
 */
export const WORDS = 5
export const PLACE = 2
export const UPPER_PLACE = 3
export const LINK = 4
export const BYTES = 4 * WORDS

/**
 * All of the entries but their events, by slot, and a number by which whoever holds the rows links them. An object that
 * lives as long as its entry is pending would make most of the work of a garbage collector; and a `DataView` gets a
 * bigint in and out five times as fast as a `BigUint64Array` does on Bun, and no slower elsewhere.
 */
export class Rows {
  readonly view: DataView<ArrayBuffer>
  /** The same bytes, for all but times. */
  readonly words: Int32Array
  /** When the entries that are on-stack were born, by slot; none as long as there never was any, as in most queues. */
  private born: Float64Array | undefined

  constructor(buffer: ArrayBuffer, born?: Float64Array) {
    this.view = new DataView(buffer)
    this.words = new Int32Array(buffer)
    this.born = born
  }

  /** The entry of the event in a slot. */
  item<E>(event: E, slot: number): Item<E> {
    const born = this.bornAt(slot)
    return { event, time: this.time(slot), onStack: born !== UNBORN, place: this.place(slot), born }
  }

  setTime(slot: number, time: Nanos): void {
    this.view.setBigUint64(BYTES * slot, time, true)
  }

  setPlace(slot: number, place: number, born: number): void {
    this.words[WORDS * slot + PLACE] = place
    this.words[WORDS * slot + UPPER_PLACE] = place < 2 ** 31 ? 0 : place / 2 ** 32
    if (this.born === undefined) {
      if (born === UNBORN) return
      this.born = new Float64Array(this.words.length / WORDS).fill(UNBORN)
    }
    this.born[slot] = born
  }

  /** Forgets that what was in a slot was on-stack. */
  unset(slot: number): void {
    if (this.born !== undefined) this.born[slot] = UNBORN
  }

  time(slot: number): Nanos {
    return this.view.getBigUint64(BYTES * slot, true) as Nanos
  }

  /** The time in a slot as a double, which may be rounded. As two halves, in half the time that `Number` takes in V8. */
  key(slot: number): number {
    return this.view.getUint32(BYTES * slot + 4, true) * 2 ** 32 + this.view.getUint32(BYTES * slot, true)
  }

  place(slot: number): number {
    const lower = this.words[WORDS * slot + PLACE]!
    const upper = this.words[WORDS * slot + UPPER_PLACE]!
    return upper === 0 && lower >= 0 ? lower : upper * 2 ** 32 + (lower >>> 0)
  }

  isOnStack(slot: number): boolean {
    return this.bornAt(slot) !== UNBORN
  }

  bornAt(slot: number): number {
    return this.born === undefined ? UNBORN : this.born[slot]!
  }

  link(slot: number): number {
    return this.words[WORDS * slot + LINK]!
  }

  setLink(slot: number, link: number): void {
    this.words[WORDS * slot + LINK] = link
  }

  /** What rows can be made of once more: a copy of the first so many. */
  copy(count: number): RowsCopy {
    return { buffer: this.view.buffer.slice(0, BYTES * count), born: this.born?.slice(0, count) }
  }
}

/** Rows put by: not as such, since the views of a buffer are more work than the copying is. */
export interface RowsCopy {
  readonly buffer: ArrayBuffer
  readonly born: Float64Array | undefined
}

/** Room for so many entries. */
export const rowsFor = (room: number): Rows => new Rows(new ArrayBuffer(BYTES * room))
