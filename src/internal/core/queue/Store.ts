/**
 * The entries of one version of a queue, changed in place.
 *
 * @module
 */
import type { Nanos } from "../../../core/Nanos.ts"
import { OnStackTimes } from "./OnStackTimes.ts"
import { BYTES, type Item, LINK, PLACE, Rows, type RowsCopy, rowsFor, UNBORN, UPPER_PLACE, WORDS } from "./Rows.ts"

/**
 * Where an event notes in which store it is, and where. One that is part of an event, as its
 * property `seat`, makes the queue twice as fast; nobody but the queue looks at it. An event whose
 * class extends this is its own `seat`: one object is found sooner than two, and takes less room.
 */
export class Seat {
  /** The last store that the event was put in, as long as it was in no other at the same time: then {@link MANY}. */
  store: unknown = undefined
  slot: number = 0

  get seat(): this {
    return this
  }
}

/** What stands for the stores of an event that was ever in more than one at once. */
const MANY: unknown = { description: "many" }

const seatOf = (event: unknown): Seat | undefined => (event as { readonly seat?: Seat } | undefined)?.seat

/** The entries of a version, in no order and with gaps, and how many links lead to it. */
export interface Copy<E> {
  readonly isStore: false
  readonly events: ReadonlyArray<E>
  readonly rows: RowsCopy
  readonly links: number
}

/** The number of slots of the smallest store. */
const ROOM = 16

/**
 * What stands for an event that has been taken out. An object, as V8 compares objects with anything else in a call of
 * its own.
 */
export const GONE: unknown = { description: "gone" }

/** The end of a list of slots. */
const NONE = -1

/** Fewer slots than this are not worth buckets. */
const FEW = 32

/** How many entries a bucket is to have. */
const EACH = 2

/** Of how many entries the times are looked at, to choose how wide buckets are. */
const SAMPLE = 16

/** Room for these, filled anew each time: an array for each time would be garbage. */
const sample = new Float64Array(SAMPLE)

/** Puts a number where it belongs in the first so many of some that are sorted. */
const sortIn = (sorted: Float64Array, count: number, number: number): void => {
  let at = count
  for (; at > 0 && sorted[at - 1]! > number; at--) sorted[at] = sorted[at - 1]!
  sorted[at] = number
}

/**
 * The entries of one version, changed in place.
 *
 * *Near and far.* What is due soon is in a small heap; what comes after that in
 * buckets, each for a span of time and in no order; and what is later than all of these
 * in one list. Where the heap is empty, the next bucket goes there; after the last bucket, the far
 * half of what is in the list is left there, and the rest goes to new buckets. So an entry moves
 * two or three times, whatever the number of entries: in a heap of them all it would go up and
 * down all levels. Where times are so uneven that most are in one bucket, it is such a heap.
 *
 * The heap is 4-ary, and of numbers only: comparing bigints and moving
 * references are what would make it slow. It compares `keys`, the times as
 * doubles. Rounding keeps order, but may make two times equal that are not;
 * whatever is equal there is settled by the entries themselves.
 *
 * An event taken out from the middle leaves its place behind, as one
 * that is {@link GONE}: it goes when it would come first or when the store is rebuilt. So
 * nothing needs to note where each slot is, at every move of every operation.
 */
export class Store<E> {
  readonly isStore = true
  /** Pending events. */
  size = 0
  /** Links that lead here: operations since the last copy. */
  links = 0
  /** Steps of journeys that weren't short, since the last copy. */
  steps = 0
  /** Later than any `place` and `born` that was ever here. */
  running = 0

  /** By slot: the event; {@link GONE} if it has been taken out, or the slot is free. */
  events: Array<E> = []
  rows = rowsFor(ROOM)
  /** The slots of the pending events that have no seat of their own here; none if there never was one. */
  strays: Map<E, number> | undefined
  onStack = new OnStackTimes()

  /** How many slots there are, how many were ever in use, and the first of those that are free again. */
  room = ROOM
  used = 0
  free = NONE

  /** The heap's length, with the empty slots. */
  length = 0
  /** In heap order. */
  keys = new Float64Array(ROOM)
  /** In heap order. */
  slots = new Int32Array(ROOM)

  /**
   * The time where the buckets begin, and how many there are in a nanosecond. That both are rounded is all right:
   * of two times, the later one is never in an earlier bucket.
   */
  base = 0
  density = 1
  /** How many buckets there are, and how many of them have gone to the heap. */
  buckets = 0
  passed = 0
  /** The first slot of each bucket. */
  heads = new Int32Array(0)
  /** What is later than all buckets: the first slot, and how many. */
  later = NONE
  laterCount = 0

  /** Where an event is, if it is pending. */
  slotOf(event: E): number | undefined {
    const seat = seatOf(event)
    if (seat === undefined || seat.store !== this) return this.strays?.get(event)
    return this.events[seat.slot] === event ? seat.slot : undefined
  }

  /**
   * Puts in an event; whether it wasn't pending. What most events take is written out here: compilers stop inlining
   * before that much, and the calls took Bun 5 % of an event that fires and is added.
   */
  add(event: E, time: Nanos, onStack: boolean): boolean {
    const seat = seatOf(event)
    const sits = seat !== undefined && seat.store === this
    if (sits ? this.events[seat.slot] === event : this.slotOf(event) !== undefined) return false
    if (this.free === NONE) this.makeRoom()
    const slot = this.free
    const { view, words } = this.rows
    this.free = words[WORDS * slot + LINK]!
    if (sits) seat.slot = slot
    else this.sit(event, slot)
    this.events[slot] = event
    view.setBigUint64(BYTES * slot, time, true)
    const place = this.running++
    words[WORDS * slot + PLACE] = place
    words[WORDS * slot + UPPER_PLACE] = place < 2 ** 31 ? 0 : place / 2 ** 32
    if (onStack) this.stack(slot, time, place)
    this.size++
    if (this.length >= this.slots.length && this.length > FEW) this.spread()
    const key = view.getUint32(BYTES * slot + 4, true) * 2 ** 32 + view.getUint32(BYTES * slot, true)
    const bucket = (key - this.base) * this.density
    if (bucket < this.passed) this.push(key, slot)
    else if (bucket < this.buckets) {
      words[WORDS * slot + LINK] = this.heads[bucket | 0]!
      this.heads[bucket | 0] = slot
    } else this.postpone(slot)
    return true
  }

  /** Puts what has been added last where on-stack entries go. */
  private stack(slot: number, time: Nanos, born: number): void {
    const place = this.onStack.placeAt(time) ?? born
    this.rows.setPlace(slot, place, born)
    this.onStack.add(time, place)
  }

  /** Puts back what has been taken out. */
  restore({ event, time, place, born }: Item<E>): void {
    if (this.free === NONE) this.makeRoom()
    const slot = this.free
    this.free = this.rows.link(slot)
    this.sit(event, slot)
    this.events[slot] = event
    this.rows.setTime(slot, time)
    this.rows.setPlace(slot, place, born)
    if (born !== UNBORN) this.onStack.add(time, place)
    this.size++
    if (this.length >= this.slots.length && this.length > FEW) this.spread()
    this.place(this.rows.key(slot), slot)
    if (place >= this.running) this.running = place + 1
    if (born >= this.running) this.running = born + 1
  }

  /** Sees to it that a slot is free. */
  private makeRoom(): void {
    if (this.used === this.room) {
      if (2 * this.size <= this.used) this.sweep()
      else this.rebuild()
    }
    if (this.free !== NONE) return
    this.free = this.used++
    this.rows.setLink(this.free, NONE)
  }

  /** Takes out what is in a slot. */
  remove(slot: number): void {
    if (this.length > 0 && slot === this.slots[0]) return this.removeFirst()
    this.forget(slot)
    this.events[slot] = GONE as E
    if (this.room > 8 * this.size + ROOM) this.rebuild()
  }

  /** Takes out the first entry, of which there is one. It may have been looked at before the heap was emptied. */
  removeFirst(): void {
    this.forget(this.first())
    this.dropFirst()
    while (this.length > 0 && this.events[this.slots[0]!] === GONE) this.dropFirst()
    if (this.room > 8 * this.size + ROOM) this.rebuild()
  }

  private forget(slot: number): void {
    if (this.strays !== undefined) this.strays.delete(this.events[slot]!)
    if (this.rows.isOnStack(slot)) this.onStack.remove(this.rows.time(slot))
    this.size--
  }

  /** The entry in a slot. */
  at(slot: number): Item<E> {
    return this.rows.item(this.events[slot]!, slot)
  }

  /** The slot of the first entry, of which there is one. */
  first(): number {
    while (this.length === 0) this.refill()
    return this.slots[0]!
  }

  private release(slot: number): void {
    this.events[slot] = GONE as E
    this.rows.unset(slot)
    this.rows.setLink(slot, this.free)
    this.free = slot
  }

  /** Puts a slot in the heap, in its bucket, or behind all of these. */
  private place(key: number, slot: number): void {
    const bucket = (key - this.base) * this.density
    if (bucket < this.passed) this.push(key, slot)
    else this.link(bucket, slot)
  }

  /** Puts a slot in its bucket, or behind all of these. */
  private link(bucket: number, slot: number): void {
    if (bucket < this.buckets) {
      this.rows.setLink(slot, this.heads[bucket | 0]!)
      this.heads[bucket | 0] = slot
    } else this.postpone(slot)
  }

  private push(key: number, slot: number): void {
    if (this.length === this.slots.length) {
      const { keys, slots } = this
      this.keys = new Float64Array(2 * this.length)
      this.slots = new Int32Array(2 * this.length)
      this.keys.set(keys)
      this.slots.set(slots)
    }
    this.rise(this.length++, key, slot)
  }

  /** Brings what is due next to the heap, which is empty: the next bucket, which may be empty as well. */
  private refill(): void {
    if (this.passed === this.buckets) return this.divide()
    let slot = this.heads[this.passed]!
    this.heads[this.passed++] = NONE
    while (slot !== NONE) {
      const next = this.rows.link(slot)
      if (this.events[slot] === GONE) this.release(slot)
      else this.push(this.rows.key(slot), slot)
      slot = next
    }
  }

  /** Divides what is later than the buckets, which are empty, into new ones: at least the half that is due first. */
  private divide(): void {
    let samples = 0
    const stride = Math.ceil(this.laterCount / SAMPLE)
    let least = Infinity
    let greatest = 0
    for (let slot = this.later, nth = 0; slot !== NONE; slot = this.rows.link(slot), nth++) {
      const key = this.rows.key(slot)
      if (key < least) least = key
      if (key > greatest) greatest = key
      if (nth % stride === 0) sortIn(sample, samples++, key)
    }
    const few = this.laterCount <= FEW
    const median = sample[samples >> 1]!
    const span = few ? greatest - least : Math.min(greatest - least, 4 * (median - least))
    this.buckets = Math.max(ROOM, 2 ** Math.ceil(Math.log2(this.laterCount / EACH)))
    if (this.heads.length < this.buckets) this.heads = new Int32Array(this.buckets).fill(NONE)
    // The greatest of the span is still in the last bucket.
    const width = Math.max(1, 2 ** (Math.floor(Math.log2(span / this.buckets)) + 1))
    this.density = 1 / width
    this.base = least
    this.passed = few ? this.buckets : 0
    let slot = this.later
    this.later = NONE
    this.laterCount = 0
    while (slot !== NONE) {
      const next = this.rows.link(slot)
      if (this.events[slot] === GONE) this.release(slot)
      else this.place(this.rows.key(slot), slot)
      slot = next
    }
  }

  /** Divides all entries anew: too many came to be in the heap. */
  private spread(): void {
    for (let bucket = this.passed; bucket < this.buckets; bucket++) {
      let slot = this.heads[bucket]!
      this.heads[bucket] = NONE
      while (slot !== NONE) {
        const next = this.rows.link(slot)
        this.postpone(slot)
        slot = next
      }
    }
    for (let at = 0; at < this.length; at++) this.postpone(this.slots[at]!)
    this.length = 0
    // From now on the heap may be as large as this.
    this.keys = new Float64Array(2 * this.slots.length)
    this.slots = new Int32Array(2 * this.slots.length)
    this.divide()
  }

  private postpone(slot: number): void {
    this.rows.setLink(slot, this.later)
    this.later = slot
    this.laterCount++
  }

  /** What the version that the store moves on from is to keep. */
  copy(): Copy<E> {
    this.steps = 0
    return { isStore: false, events: this.events.slice(), rows: this.rows.copy(this.events.length), links: this.links }
  }

  /** Notes the slot of an event, in its seat if that is for this store alone. */
  private sit(event: E, slot: number): void {
    const seat = seatOf(event)
    if (seat === undefined || Object.isFrozen(seat)) return this.stray(event, slot)
    if (seat.store !== this && seat.store !== undefined) {
      if (seat.store === MANY) return this.stray(event, slot)
      const other = seat.store as Store<E>
      if (other.events[seat.slot] === event) {
        seat.store = MANY
        other.stray(event, seat.slot)
        return this.stray(event, slot)
      }
    }
    seat.store = this
    seat.slot = slot
  }

  private stray(event: E, slot: number): void {
    try {
      ;(this.strays ??= new Map()).set(event, slot)
    } catch {
      // V8 lets a map have 2^24 entries, the deleted ones included; a new map has none of those.
      this.strays = new Map(this.strays).set(event, slot)
    }
  }

  /** Whether the entry in slot `a` comes before the one in `b`, which has the same `key`. */
  private settle(key: number, a: number, b: number): boolean {
    const { rows } = this
    // Below that a key is the time itself, and comparing bigints takes longer than all the rest.
    if (key >= 2 ** 53) {
      const one = rows.time(a)
      const other = rows.time(b)
      if (one !== other) return one < other
    }
    const one = rows.place(a)
    const other = rows.place(b)
    return one === other ? rows.bornAt(a) > rows.bornAt(b) : one < other
  }

  /** Moves a hole up past everything that comes after an entry, and puts the entry there. */
  private rise(hole: number, key: number, slot: number): void {
    const { keys, slots } = this
    while (hole > 0) {
      const parent = (hole - 1) >> 2
      const other = keys[parent]!
      if (key > other || (key === other && !this.settle(key, slot, slots[parent]!))) break
      keys[hole] = other
      slots[hole] = slots[parent]!
      hole = parent
    }
    keys[hole] = key
    slots[hole] = slot
  }

  /**
   * Frees the first slot. The hole that it leaves sinks to the bottom before the
   * last entry goes there: it came from the bottom, so it will hardly rise, and
   * that saves comparing it on every level.
   */
  private dropFirst(): void {
    const { keys, slots } = this
    this.release(slots[0]!)
    const last = --this.length
    let hole = 0
    for (let child = 1; child < last; child = 4 * hole + 1) {
      const end = Math.min(child + 4, last)
      let least = child
      let key = keys[child]!
      for (let other = child + 1; other < end; other++) {
        const otherKey = keys[other]!
        if (otherKey > key || (otherKey === key && !this.settle(key, slots[other]!, slots[least]!))) continue
        least = other
        key = otherKey
      }
      keys[hole] = key
      slots[hole] = slots[least]!
      hole = least
    }
    if (last > 0) this.rise(hole, keys[last]!, slots[last]!)
  }

  /** Frees the slots of what has been taken out, at least half of all. Slot by slot, which is in memory's order. */
  private sweep(): void {
    const { events, keys, slots, length } = this
    this.length = 0
    for (let at = 0; at < length; at++) {
      const slot = slots[at]!
      if (events[slot] !== GONE) this.rise(this.length++, keys[at]!, slot)
    }
    this.heads.fill(NONE, this.passed, this.buckets)
    this.later = NONE
    this.laterCount = 0
    for (let slot = this.used - 1; slot >= 0; slot--) {
      const bucket = (this.rows.key(slot) - this.base) * this.density
      if (events[slot] === GONE) this.release(slot)
      else if (bucket >= this.passed) this.link(bucket, slot)
    }
  }

  /** Starts again with room for as many entries more as there are, and without the empty slots. */
  private rebuild(): void {
    const { events, rows } = this
    const room = Math.max(ROOM, 2 * this.size)
    this.size = 0
    this.strays = undefined
    this.events = []
    this.rows = rowsFor(room)
    this.onStack = new OnStackTimes()
    this.room = room
    this.used = 0
    this.free = NONE
    this.length = 0
    this.keys = new Float64Array(ROOM)
    this.slots = new Int32Array(ROOM)
    this.buckets = 0
    this.passed = 0
    this.base = 0
    this.density = 1
    this.heads = new Int32Array(0)
    this.later = NONE
    this.laterCount = 0
    this.insertAll(events, rows)
  }

  insertAll(events: ReadonlyArray<E>, rows: Rows): void {
    for (const [slot, event] of events.entries()) if (event !== GONE) this.restore(rows.item(event, slot))
  }
}

export const storeFrom = <E>({ events, rows, links }: Copy<E>): Store<E> => {
  const store = new Store<E>()
  store.insertAll(events, new Rows(rows.buffer, rows.born))
  store.links = links
  return store
}
