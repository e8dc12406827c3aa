/**
 * The pending events of a clock, in the order in which they are due (SPEC 4).
 *
 * A queue is a value: {@link add} and {@link remove} return another one, and
 * every queue ever returned stays as it was, for a snapshot, a replay or a
 * what-if.
 *
 * ## Theory of operation
 *
 * *One store, many versions.* A persistent tree makes every operation pay for
 * the old versions, though nearly all operations are on the newest. So that one
 * owns a {@link Store}, which is changed in place: a heap, and where in it each
 * event is. Every older version knows the next newer one, and the one
 * entry by which the two differ. To use an old version is to bring the store to
 * it: walk to the owner, then undo the changes on the way back while turning
 * the links around (Baker's rerooting). As the old point to the new, and never
 * the new to the old, a version that nobody holds is garbage.
 *
 * *Copies left behind.* Two things must not grow with the number of operations:
 * what a held version keeps alive, and what it costs to go to and fro between
 * two versions. So when too many links lead to the store, or its journeys add up
 * to too many steps ({@link allowance}), the store moves on without a link, and
 * the version that it leaves keeps a {@link Copy}: plain arrays of the entries,
 * of which a store is made only if that version, or one that leads to it, is
 * used again.
 *
 * *Seats.* Where an event is would be in a map, whose hashing, and garbage, took
 * half the time. So an event may bring a {@link Seat}, in which the store notes it. That
 * is but a note: whether it still holds, the store tells. An event that is in two stores,
 * or brings no seat, is in a map of theirs.
 *
 * *Order.* Entries are ordered by time; then by `place`, a running number: first
 * in, first out. An on-stack entry that finds others at its time takes their
 * place, and of those in one place the one `born` later goes first. So they
 * stand together, the newest in front.
 *
 * ## What it costs
 *
 * With n pending events, and the cost of growing arrays and of copies (n references
 * and 32n bytes for every 1024 + 2n operations) spread over the operations:
 *
 * - On the newest version, `first`, `has` and `timeOf` are O(1), `add`, `remove`
 *   and `takeFirst` O(log n), and `entries` sorts.
 * - An old version costs its distance first: an O(log n) step for each operation
 *   between it and the store. These are at most 1024 + 2n, with the n of the last
 *   of them, and then O(n log n) if that one has but a copy. Afterwards it has the store.
 * - Versions used in turns cost their distance each time while that is at most
 *   {@link SHORT} steps. Longer journeys add up, until after 1024 + 2n steps the
 *   versions part, each with a store of its own.
 * - A held version keeps at most 1024 + 2n links and n entries alive.
 *
 * @module
 */
import { invariant } from "./Fault.ts"
import type { Nanos } from "./Nanos.ts"
import { type Entry, type Item, type Rows, rowsFor } from "./Rows.ts"

export type { Entry } from "./Rows.ts"

declare const EventType: unique symbol

/** One version of a queue: a value, to be used with the functions of this module. */
export interface EventQueue<E> {
  /** The number of pending events. */
  readonly size: number
  /** Never there at run time: it keeps the queues of different events apart. */
  readonly [EventType]?: (event: E) => E
}

/**
 * Where an event notes in which store it is, and where. One that is part of an event, as its
 * property `seat`, makes the queue twice as fast; nobody but the queue looks at it.
 */
export class Seat {
  /** The last store that the event was put in, as long as it was in no other at the same time: then {@link MANY}. */
  store: unknown = undefined
  slot: number = 0
}

/** What stands for the stores of an event that was ever in more than one at once. */
const MANY: unknown = Symbol("many")

const seatOf = (event: unknown): Seat | undefined => (event as { readonly seat?: Seat } | undefined)?.seat

/** What an `EventQueue` really is. It has the store, or a copy, or leads to the store by one change. */
interface Version<E> extends EventQueue<E> {
  store: Store<E> | undefined
  next: Version<E> | Copy<E> | undefined
  /** What a larger `next` has in addition, or a smaller one lacks. */
  change: Item<E> | undefined
}

/** The entries of a version, in no order and with gaps, and how many links lead to it. */
class Copy<E> {
  readonly events: ReadonlyArray<E>
  readonly rows: Rows
  readonly links: number
  constructor(events: ReadonlyArray<E>, rows: Rows, links: number) {
    this.events = events
    this.rows = rows
    this.links = links
  }
}

/** How many links, and how many steps of its journeys, a store of `size` entries takes before it leaves a copy. */
const allowance = (size: number): number => 1024 + 2 * size

/** A journey of so few steps is not worth a copy: a what-if goes back a little, and returns. */
const SHORT = 64

/** The number of slots of the smallest store. */
const ROOM = 16

/** What stands for an event that has been taken out. */
const GONE: unknown = Symbol("gone")

/**
 * The entries of one version, changed in place.
 *
 * The heap is 4-ary, and of numbers only: comparing bigints and moving
 * references are what would make it slow. It compares `keys`, the times as
 * doubles. Rounding keeps order, but may make two times equal that are not;
 * whatever is equal there is settled by the entries themselves.
 *
 * An event taken out from the middle leaves its place in the heap behind, as one
 * that is {@link GONE}: it goes when it comes first or when the store is rebuilt. So
 * nothing needs to note where in the heap each slot is, at every move of every operation.
 */
class Store<E> {
  /** Pending events. */
  size = 0
  /** Links that lead here: operations since the last copy. */
  links = 0
  /** Steps of journeys that weren't short, since the last copy. */
  steps = 0
  /** Later than any `born` that was ever here. */
  unborn = 0

  /** By slot: the event; {@link GONE} if it has been taken out, or the slot is free. */
  events: Array<E> = []
  rows = rowsFor(ROOM)
  /** The slots of the pending events that have no seat of their own here. */
  strays = new Map<E, number>()
  /** The on-stack entries' place at each time that has any, and how many they are. */
  readonly onStack = new Map<Nanos, { readonly place: number; count: number }>()

  /** The first entry, if it has been looked at. */
  head: Item<E> | undefined = undefined
  /** The heap's length, with the empty slots. */
  length = 0
  /** In heap order. */
  keys = new Float64Array(ROOM)
  /** In heap order; from `length` on, the slots that are free. */
  slots = Int32Array.from({ length: ROOM }, (_, slot) => slot)

  /** The entry of a new event. */
  item(event: E, time: Nanos, onStack: boolean): Item<E> {
    const born = this.unborn
    const place = onStack ? this.onStack.get(time)?.place ?? born : born
    return { event, time, onStack, place, born }
  }

  /** Where an event is, if it is pending. */
  slotOf(event: E): number | undefined {
    const seat = seatOf(event)
    if (seat === undefined || seat.store === MANY) return this.strays.get(event)
    return seat.store === this && this.events[seat.slot] === event ? seat.slot : undefined
  }

  insert(item: Item<E>): void {
    if (this.length === this.slots.length) this.rebuild()
    const slot = this.slots[this.length]!
    this.sit(item.event, slot)
    this.events[slot] = item.event
    this.rows.set(slot, item)
    if (item.onStack) this.countOnStack(item, 1)
    if (item.born >= this.unborn) this.unborn = item.born + 1
    this.size++
    this.rise(this.length++, this.rows.key(slot), slot)
  }

  remove(slot: number, item: Item<E>): void {
    if (this.strays.size > 0) this.strays.delete(item.event)
    if (item.onStack) this.countOnStack(item, -1)
    this.size--
    if (slot === this.slots[0]) {
      do this.dropFirst()
      while (this.length > 0 && this.events[this.slots[0]!] === GONE)
    } else this.events[slot] = GONE as E
    if (this.slots.length > 8 * this.size + ROOM) this.rebuild()
  }

  /** The entry in a slot. */
  at(slot: number): Item<E> {
    return this.rows.item(this.events[slot]!, slot)
  }

  /** The first entry, which is looked at and then taken out. */
  first(): Item<E> {
    return this.head ??= this.at(this.slots[0]!)
  }

  /** What the version that the store moves on from is to keep. */
  copy(): Copy<E> {
    this.steps = 0
    return new Copy(this.events.slice(), this.rows.copy(this.events.length), this.links)
  }

  /** Notes the slot of an event, in its seat if that is for this store alone. */
  private sit(event: E, slot: number): void {
    const seat = seatOf(event)
    if (seat === undefined) return this.stray(event, slot)
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
      this.strays.set(event, slot)
    } catch {
      // V8 lets a map have 2^24 entries, the deleted ones included; a new map has none of those.
      this.strays = new Map(this.strays).set(event, slot)
    }
  }

  private countOnStack(item: Item<E>, by: 1 | -1): void {
    const group = this.onStack.get(item.time)
    if (group === undefined) this.onStack.set(item.time, { place: item.place, count: 1 })
    else if ((group.count += by) === 0) this.onStack.delete(item.time)
  }

  /** Whether the entry in slot `a` comes before the one in `b`, which has the same `key`. */
  private settle(key: number, a: number, b: number): boolean {
    const { times, numbers } = this.rows
    // Below that a key is the time itself, and comparing bigints takes longer than all the rest.
    if (key >= 2 ** 53 && times[4 * a] !== times[4 * b]) return times[4 * a]! < times[4 * b]!
    const one = numbers[4 * a + 1]!
    const other = numbers[4 * b + 1]!
    return one === other ? numbers[4 * a + 2]! > numbers[4 * b + 2]! : one < other
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
    if (hole === 0) this.head = undefined
  }

  /**
   * Frees the first slot. The hole that it leaves sinks to the bottom before the
   * last entry goes there: it came from the bottom, so it will hardly rise, and
   * that saves comparing it on every level.
   */
  private dropFirst(): void {
    const { keys, slots } = this
    const free = slots[0]!
    this.head = undefined
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
    this.rise(hole, keys[last]!, slots[last]!)
    slots[last] = free
    this.events[free] = GONE as E
  }

  /** Starts again with room for as many entries more as there are, and without the empty slots. */
  private rebuild(): void {
    const { events, rows } = this
    const room = Math.max(ROOM, 2 * this.size)
    this.size = 0
    this.strays = new Map()
    this.events = []
    this.rows = rowsFor(room)
    this.onStack.clear()
    this.length = 0
    this.keys = new Float64Array(room)
    this.slots = Int32Array.from({ length: room }, (_, slot) => slot)
    this.insertAll(events, rows)
  }

  insertAll(events: ReadonlyArray<E>, rows: Rows): void {
    for (const [slot, event] of events.entries()) if (event !== GONE) this.insert(rows.item(event, slot))
  }
}

const storeFrom = <E>({ events, rows, links }: Copy<E>): Store<E> => {
  const store = new Store<E>()
  store.insertAll(events, rows)
  store.links = links
  return store
}

/** The store, brought to this version. */
const storeAt = <E>(queue: EventQueue<E>): Store<E> => (queue as Version<E>).store ?? reroot(queue as Version<E>)

/** Brings the store to a version that leads to it. A loop, as a million steps are too deep to recurse. */
const reroot = <E>(target: Version<E>): Store<E> => {
  const way: Array<Version<E>> = []
  let owner = target
  while (owner.next !== undefined && !(owner.next instanceof Copy)) {
    way.push(owner)
    owner = owner.next
  }
  const store = owner.store ?? storeFrom(owner.next!)
  own(owner, store)
  if (way.length > SHORT) store.steps += way.length
  const copy = store.steps > allowance(store.size) ? store.copy() : undefined

  let at = owner
  for (let older = way.pop(); older !== undefined; older = way.pop()) {
    const item = older.change!
    if (older.size < at.size) store.remove(store.slotOf(item.event)!, item)
    else store.insert(item)
    lead(at, older, item)
    own(older, store)
    at = older
  }
  if (copy !== undefined) keep(owner, copy)
  return store
}

const own = <E>(version: Version<E>, store: Store<E>): void => {
  version.store = store
  version.next = undefined
  version.change = undefined
}

const lead = <E>(version: Version<E>, next: Version<E>, change: Item<E>): void => {
  version.store = undefined
  version.next = next
  version.change = change
}

const keep = <E>(version: Version<E>, copy: Copy<E>): void => {
  version.store = undefined
  version.next = copy
  version.change = undefined
}

/** The version after `queue`, which owns the store: the one with `item` if it lacks that, or without it. */
const change = <E>(queue: EventQueue<E>, store: Store<E>, item: Item<E>, slot: number | undefined): EventQueue<E> => {
  const copy = store.links < allowance(store.size) ? undefined : store.copy()
  if (slot === undefined) store.insert(item)
  else store.remove(slot, item)
  const version: Version<E> = { size: store.size, store, next: undefined, change: undefined }
  if (copy === undefined) {
    lead(queue as Version<E>, version, item)
    store.links++
  } else {
    keep(queue as Version<E>, copy)
    store.links = 0
  }
  return version
}

/** A queue without events, and with a store of its own. */
export const empty = <E>(): EventQueue<E> => {
  const version: Version<E> = { size: 0, store: new Store<E>(), next: undefined, change: undefined }
  return version
}

/**
 * The queue with `event` as well, due at `time` in guest nanoseconds. It goes
 * before the first entry that is strictly later, or that has the same time when
 * both are on-stack; otherwise last (SPEC 4).
 *
 * The very same queue if the event is pending already: it stays where it is.
 * Events are told apart as the keys of a `Map` are.
 *
 * @example
 * ```ts
 * import * as EventQueue from "guest-clock/core/EventQueue"
 * import type { Nanos } from "guest-clock/core/Nanos"
 *
 * const one = EventQueue.add(EventQueue.empty<string>(), "tick", 20n as Nanos)
 * const two = EventQueue.add(one, "packet", 10n as Nanos)
 * console.log(EventQueue.first(two)?.event, EventQueue.first(one)?.event) // packet tick
 * ```
 */
export const add = <E>(queue: EventQueue<E>, event: E, time: Nanos, onStack = false): EventQueue<E> => {
  const store = storeAt(queue)
  return store.slotOf(event) !== undefined ? queue : change(queue, store, store.item(event, time, onStack), undefined)
}

/** Whether `event` is pending. */
export const has = <E>(queue: EventQueue<E>, event: E): boolean => storeAt(queue).slotOf(event) !== undefined

/** When `event` is due, in guest nanoseconds, if it is pending. */
export const timeOf = <E>(queue: EventQueue<E>, event: E): Nanos | undefined => {
  const store = storeAt(queue)
  const slot = store.slotOf(event)
  return slot === undefined ? undefined : store.rows.times[4 * slot] as Nanos
}

/** The entry that comes before all others, if there is one. */
export const first = <E>(queue: EventQueue<E>): Entry<E> | undefined =>
  queue.size === 0 ? undefined : storeAt(queue).first()

/** The queue without `event`: the very same queue if it isn't pending. */
export const remove = <E>(queue: EventQueue<E>, event: E): EventQueue<E> => {
  const store = storeAt(queue)
  const slot = store.slotOf(event)
  return slot === undefined ? queue : change(queue, store, store.at(slot), slot)
}

/** The queue without its first entry. It must have one. */
export const takeFirst = <E>(queue: EventQueue<E>): EventQueue<E> => {
  invariant(queue.size > 0, "the first entry is taken only from a queue that has one")
  const store = storeAt(queue)
  return change(queue, store, store.first(), store.slots[0])
}

/** All entries, in order: for people and tests, as it takes sorting. */
export const entries = <E>(queue: EventQueue<E>): ReadonlyArray<Entry<E>> => {
  const { events, rows } = storeAt(queue)
  return events.flatMap((event, slot) => event !== GONE ? [rows.item(event, slot)] : []).sort(inOrder)
}

/** The order of the heap, said once more with exact times. */
const inOrder = <E>(a: Item<E>, b: Item<E>): number =>
  a.time !== b.time ? (a.time < b.time ? -1 : 1) : a.place - b.place || b.born - a.born
