/**
 * A ladder queue: the entries of one version, changed in place (docs/queue.md).
 *
 * @module
 */
import type { Nanos } from "../../../core/Nanos.ts"
import { EntryTable, type KeyedEntry, NONE, NOT_ON_STACK, type TableCopy } from "./EntryTable.ts"
import { OnStackGroups } from "./OnStackGroups.ts"
import { SlotHeap } from "./SlotHeap.ts"

/** The number of slots of the smallest table. */
const ROOM = 16

/** Fewer entries than this are not worth buckets. */
const FEW = 32

/** How many entries a bucket is to have. */
const EACH = 2

/** Of how many entries the times are looked at, to choose how wide buckets are. */
const SAMPLE = 16

/** Room for these, filled anew each time: an array for each time would be garbage. */
const sample = new Float64Array(SAMPLE)

/** Puts a number where it belongs in the first `count` of some that are sorted. */
const sortIn = (sorted: Float64Array, count: number, number: number): void => {
  let at = count
  for (; at > 0 && sorted[at - 1]! > number; at--) sorted[at] = sorted[at - 1]!
  sorted[at] = number
}

/**
 * What is due first is in the *bottom*, a small heap; what comes after that in the *rung*, buckets of one width, each in
 * no order; and what is later than all buckets in the *top*, a list in no order. When the bottom is empty, the next
 * bucket goes there. When the rung is empty, the top is divided into a new one.
 */
export class LadderQueue<E> {
  /** How many entries are pending. */
  size = 0
  /** Greater than every sequence number used. */
  private nextSequence = 0
  readonly table = new EntryTable<E>(ROOM)
  private groups = new OnStackGroups()

  private readonly bottom = new SlotHeap<E>(this.table)

  /** The first slot of each bucket. */
  private rung = new Int32Array(0)
  /** How many buckets there are, and how many of them have gone to the bottom. */
  private buckets = 0
  private passed = 0
  /**
   * The time where the first bucket begins, and how many buckets there are in a nanosecond. Both are rounded, which does
   * no harm: of two times, the later one is never in an earlier bucket.
   */
  private start = 0
  private density = 1

  /** The first slot, and how many there are. */
  private top = NONE
  private topCount = 0

  // -------------------------------------------------------------- what it is for

  /**
   * Adds an entry: false if the event is pending already. This and {@link removeFirst} have written out what others call:
   * docs/performance.md, "What engines do".
   */
  add(event: E, time: Nanos, onStack: boolean): boolean {
    const { table, bottom } = this
    if (table.free === NONE) this.makeRoom()
    const slot = table.insert(event, time, this.nextSequence)
    if (slot === NONE) return false
    if (onStack) this.joinGroup(slot, time)
    this.nextSequence++
    this.size++
    if (bottom.length >= bottom.room && bottom.length > FEW) this.spread()
    const key = table.key(slot)
    const bucket = (key - this.start) * this.density
    if (bucket < this.passed) bottom.push(key, slot)
    else if (bucket < this.buckets) {
      table.setLink(slot, this.rung[bucket | 0]!)
      this.rung[bucket | 0] = slot
    } else this.postpone(slot)
    return true
  }

  /** An on-stack entry that finds others at its time gets their number. */
  private joinGroup(slot: number, time: Nanos): void {
    const sequence = this.groups.sequenceAt(time) ?? this.nextSequence
    this.table.setSequence(slot, sequence, this.nextSequence)
    this.groups.add(time, sequence)
  }

  /** Puts back an entry that was removed. */
  restore({ event, time, sequence, ownSequence }: KeyedEntry<E>): void {
    const { table } = this
    if (table.free === NONE) this.makeRoom()
    const slot = table.insert(event, time, sequence)
    if (ownSequence !== NOT_ON_STACK) {
      table.setSequence(slot, sequence, ownSequence)
      this.groups.add(time, sequence)
    }
    this.nextSequence = Math.max(this.nextSequence, sequence + 1, ownSequence + 1)
    this.enqueue(slot)
  }

  /** Puts back all entries of another table. */
  restoreAll(from: EntryTable<E>): void {
    for (let slot = 0; slot < from.events.length; slot++) if (!from.isBuried(slot)) this.restore(from.at(slot))
  }

  /** Removes the entry in a slot. */
  remove(slot: number): void {
    if (this.bottom.length > 0 && slot === this.bottom.first) return this.removeFirst()
    this.uncount(slot)
    this.table.bury(slot)
    this.shrink()
  }

  /** Removes the first entry, of which there is one. The bottom may have been emptied since it was looked at. */
  removeFirst(): void {
    const { bottom, table } = this
    const slot = this.first()
    if (table.isOnStack(slot)) this.groups.remove(table.time(slot))
    table.forget(slot)
    this.size--
    bottom.shift()
    table.release(slot)
    while (bottom.length > 0 && table.isBuried(bottom.first)) table.release(bottom.shift())
    if (table.room > 8 * this.size + ROOM) this.rebuild()
  }

  private uncount(slot: number): void {
    if (this.table.isOnStack(slot)) this.groups.remove(this.table.time(slot))
    this.size--
  }

  /** The slot of the first entry, of which there is one. */
  first(): number {
    while (this.bottom.length === 0) this.refill()
    return this.bottom.first
  }

  /** What a version needs to have its entries again. */
  copy(): TableCopy<E> {
    return this.table.copy()
  }

  // ---------------------------------------------------- bottom, rung and top

  private enqueue(slot: number): void {
    this.size++
    if (this.bottom.length >= this.bottom.room && this.bottom.length > FEW) this.spread()
    this.place(this.table.key(slot), slot)
  }

  /** Puts a slot in the bottom, in its bucket or in the top. */
  private place(key: number, slot: number): void {
    const bucket = (key - this.start) * this.density
    if (bucket < this.passed) this.bottom.push(key, slot)
    else if (bucket < this.buckets) {
      this.table.setLink(slot, this.rung[bucket | 0]!)
      this.rung[bucket | 0] = slot
    } else this.postpone(slot)
  }

  private postpone(slot: number): void {
    this.table.setLink(slot, this.top)
    this.top = slot
    this.topCount++
  }

  /** Brings what is due next to the bottom, which is empty: the next bucket, which may be empty as well. */
  private refill(): void {
    if (this.passed === this.buckets) return this.divide()
    const { table, bottom } = this
    let slot = this.rung[this.passed]!
    this.rung[this.passed++] = NONE
    while (slot !== NONE) {
      const next = table.link(slot)
      if (table.isBuried(slot)) table.release(slot)
      else bottom.push(table.key(slot), slot)
      slot = next
    }
  }

  /** Places the slots of a list, and frees those with tombstones. */
  private placeAll(first: number): void {
    const { table } = this
    for (let slot = first; slot !== NONE;) {
      const next = table.link(slot)
      if (table.isBuried(slot)) table.release(slot)
      else this.place(table.key(slot), slot)
      slot = next
    }
  }

  /** Divides the top into a new rung, as this one is empty: at least the half that is due first. */
  private divide(): void {
    const { table } = this
    let samples = 0
    const stride = Math.ceil(this.topCount / SAMPLE)
    let least = Infinity
    let greatest = 0
    for (let slot = this.top, nth = 0; slot !== NONE; slot = table.link(slot), nth++) {
      const key = table.key(slot)
      if (key < least) least = key
      if (key > greatest) greatest = key
      if (nth % stride === 0) sortIn(sample, samples++, key)
    }
    const few = this.topCount <= FEW
    const median = sample[samples >> 1]!
    const span = few ? greatest - least : Math.min(greatest - least, 4 * (median - least))
    this.buckets = Math.max(ROOM, 2 ** Math.ceil(Math.log2(this.topCount / EACH)))
    if (this.rung.length < this.buckets) this.rung = new Int32Array(this.buckets).fill(NONE)
    // The greatest of the span is still in the last bucket.
    const width = Math.max(1, 2 ** (Math.floor(Math.log2(span / this.buckets)) + 1))
    this.density = 1 / width
    this.start = least
    this.passed = few ? this.buckets : 0
    const first = this.top
    this.top = NONE
    this.topCount = 0
    this.placeAll(first)
  }

  /** Divides all entries anew, as too many came to be in the bottom: from now on it has twice the room. */
  private spread(): void {
    const { bottom, table } = this
    for (let bucket = this.passed; bucket < this.buckets; bucket++) {
      let slot = this.rung[bucket]!
      this.rung[bucket] = NONE
      while (slot !== NONE) {
        const next = table.link(slot)
        this.postpone(slot)
        slot = next
      }
    }
    for (let place = 0; place < bottom.length; place++) this.postpone(bottom.at(place))
    bottom.clear(2 * bottom.room)
    this.divide()
  }

  // ------------------------------------------------------------------ the table's room

  /** Sees to it that a slot is free. */
  private makeRoom(): void {
    const { table } = this
    if (table.used === table.room) {
      if (2 * this.size <= table.used) this.sweep()
      else this.rebuild()
    }
    if (table.free === NONE) table.open()
  }

  /** Gives room back if nearly all slots are empty. */
  private shrink(): void {
    if (this.table.room > 8 * this.size + ROOM) this.rebuild()
  }

  /** Frees the slots with tombstones, at least half of all. Slot by slot, which is in memory's order. */
  private sweep(): void {
    const { table } = this
    this.bottom.sweep()
    this.rung.fill(NONE, this.passed, this.buckets)
    this.top = NONE
    this.topCount = 0
    for (let slot = table.used - 1; slot >= 0; slot--) {
      if (table.isBuried(slot)) table.release(slot)
      else if ((table.key(slot) - this.start) * this.density >= this.passed) this.place(table.key(slot), slot)
    }
  }

  /** Starts again, with room for as many entries more as there are. */
  private rebuild(): void {
    const before = this.table.clear(Math.max(ROOM, 2 * this.size))
    this.size = 0
    this.groups = new OnStackGroups()
    this.bottom.clear()
    this.rung = new Int32Array(0)
    this.buckets = 0
    this.passed = 0
    this.start = 0
    this.density = 1
    this.top = NONE
    this.topCount = 0
    this.restoreAll(before)
  }
}
