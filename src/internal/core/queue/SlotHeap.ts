/**
 * A 4-ary heap of the slots of a table, the first entry on top.
 *
 * It compares numbers only: comparing bigints and moving references are what would make it slow. A key is an entry's
 * time as a double. Rounding keeps the order, but may make two times equal that are not; equal keys are settled by the
 * table.
 *
 * @module
 */
import type { EntryTable } from "./EntryTable.ts"

/** The room of an empty heap. */
const ROOM = 16

/** A heap, changed in place. */
export class SlotHeap<E> {
  /** How many slots are in it. */
  length = 0
  private readonly table: EntryTable<E>
  private keys = new Float64Array(ROOM)
  private slots = new Int32Array(ROOM)

  constructor(table: EntryTable<E>) {
    this.table = table
  }

  /** How many may be in it before its arrays grow. */
  get room(): number {
    return this.slots.length
  }

  /** The slot on top, if there is one. */
  get first(): number {
    return this.slots[0]!
  }

  /** Empties it, and leaves room for so many. */
  clear(room = ROOM): void {
    this.length = 0
    this.keys = new Float64Array(room)
    this.slots = new Int32Array(room)
  }

  /** The slot in a place, in no order. */
  at(place: number): number {
    return this.slots[place]!
  }

  push(key: number, slot: number): void {
    if (this.length === this.slots.length) this.grow()
    this.rise(this.length++, key, slot)
  }

  private grow(): void {
    const { keys, slots } = this
    this.clear(2 * slots.length)
    this.length = slots.length
    this.keys.set(keys)
    this.slots.set(slots)
  }

  /** Moves a hole up past everything that comes after an entry, and puts the entry there. */
  private rise(hole: number, key: number, slot: number): void {
    const { keys, slots } = this
    while (hole > 0) {
      const parent = (hole - 1) >> 2
      const other = keys[parent]!
      if (key > other || (key === other && !this.table.precedes(key, slot, slots[parent]!))) break
      keys[hole] = other
      slots[hole] = slots[parent]!
      hole = parent
    }
    keys[hole] = key
    slots[hole] = slot
  }

  /**
   * Takes the slot on top. The hole sinks to the bottom before the last entry goes there: it came from the bottom, so
   * it hardly ever rises, and that saves comparing it on every level.
   */
  shift(): number {
    const { keys, slots, table } = this
    const first = slots[0]!
    const last = --this.length
    let hole = 0
    for (let child = 1; child < last; child = 4 * hole + 1) {
      const end = Math.min(child + 4, last)
      let least = child
      let key = keys[child]!
      for (let other = child + 1; other < end; other++) {
        const otherKey = keys[other]!
        if (otherKey > key || (otherKey === key && !table.precedes(key, slots[other]!, slots[least]!))) continue
        least = other
        key = otherKey
      }
      keys[hole] = key
      slots[hole] = slots[least]!
      hole = least
    }
    if (last > 0) this.rise(hole, keys[last]!, slots[last]!)
    return first
  }

  /** Drops all tombstones, whose slots aren't freed. */
  sweep(): void {
    const { keys, slots, length } = this
    this.length = 0
    for (let at = 0; at < length; at++) {
      const slot = slots[at]!
      if (!this.table.isBuried(slot)) this.rise(this.length++, keys[at]!, slot)
    }
  }
}
