/**
 * The pending events of a clock, in the order in which they are due (SPEC 4).
 *
 * A queue is a value: `add` and `remove` return another one, and every queue
 * ever returned stays as it was, for a snapshot, a replay or a what-if.
 *
 * ## Theory of operation
 *
 * *One store, many versions.* A persistent tree would pay for its old versions
 * with every operation, though nearly all of them go to the newest version. So
 * the newest one owns a {@link Store}, which is changed in place: a heap, and a
 * map from an event to its place in the heap. Each older version knows its next
 * newer one and the one entry that the two differ by. To use an old version is
 * to bring the store to it: walk to the owner, then undo the changes on the way
 * back, turning each link around (Baker's rerooting). The version that had the
 * store is then one of those that lead to it. As the old point to the new, a
 * version that nobody holds is garbage.
 *
 * *Copies left behind.* Two things must not grow with the number of operations:
 * what an old version keeps alive, and what it costs to go to and fro between
 * two versions. For both, the store moves on and its owner keeps a plain
 * {@link Copy} of the entries instead of a link, which becomes a store when it
 * is next used. That happens when the links leading to the store, or the steps
 * of its longer journeys since the last copy, are more than {@link allowance}.
 *
 * *What it costs*, for n pending events; "amortised" spreads the growth of
 * arrays, and a copy (n words, no hashing), over the operations that led to it:
 *
 * - the newest version: O(log n) amortised, `first`, `has` and `timeOf` O(1);
 * - an old version: besides, one O(log n) step for each operation between it and
 *   the store, once; at most 1024 + 2n steps, with n of the store when it left,
 *   or O(n log n) to make a store of a copy, once;
 * - versions used in turns: at most {@link SHORT} steps each time, or the journeys
 *   add up until they part; from then on each has a store of its own;
 * - a held version keeps alive at most 1024 + 2n links, and n entries, of its own.
 *
 * *Order.* An entry's key is its time, then its `place`, a running number: first
 * in, first out. An on-stack entry that finds others at its time takes their
 * place, and among entries of one place the one that was `born` later goes first.
 * Thus those of one time always stand together, the newest in front.
 *
 * @module
 */
import { invariant } from "./Fault.ts"
import type { Nanos } from "./Nanos.ts"

/** One version of a queue of events of type `E`: a value, to be used with the functions of this module. */
export interface EventQueue<E> {
  /** How many events are pending. */
  readonly size: number
  /** Never there: it keeps queues of different events apart. */
  readonly [EventType]?: E
}

declare const EventType: unique symbol

/** A pending event. */
export interface Entry<E> {
  readonly event: E
  /** When it is due, in guest nanoseconds. */
  readonly time: Nanos
  /** Whether it stands for a guest that is busy until then, instead of for a handler to be run (SPEC 4). */
  readonly onStack: boolean
}

/** An entry with its order key. It never changes, so versions and stores share it. */
interface Item<E> extends Entry<E> {
  readonly place: number
  readonly born: number
}

/** Whether `a` is due before `b`: the whole order, while the heap mostly gets by with its keys. */
const precedes = <E>(a: Item<E>, b: Item<E>): boolean =>
  a.time !== b.time ? a.time < b.time : a.place !== b.place ? a.place < b.place : a.born > b.born

/** The entries of a store at one version, in no order, and the links that lead there. */
class Copy<E> {
  readonly items: ReadonlyArray<Item<E> | undefined>
  readonly links: number
  constructor(items: ReadonlyArray<Item<E> | undefined>, links: number) {
    this.items = items
    this.links = links
  }
}

/** What is behind an `EventQueue`: it owns the store, has a copy, or leads to the store by one change. */
interface Version<E> extends EventQueue<E> {
  store: Store<E> | undefined
  next: Version<E> | Copy<E> | undefined
  /** What `next` has in addition if it is larger, and lacks if it is smaller. */
  change: Item<E> | undefined
}

/** How many links, or steps of longer journeys, a store of `size` entries takes before it leaves a copy behind. */
const allowance = (size: number): number => 1024 + 2 * size

/** A journey up to this long is never worth a copy: what-ifs go a few steps back and return. */
const SHORT = 64

/** The smallest number of entries that a store has room for. */
const ROOM = 16

/** The first number of nanoseconds that a double can't tell from the next one: 104 days. */
const INEXACT = 2 ** 53

// One time seen as two halves: in V8 four times as fast as Number(time), and as shifting the bigint.
const whole = new BigUint64Array(1)
const halves = new Uint32Array(whole.buffer)
whole[0] = 1n
const LOW = halves[0] === 1 ? 0 : 1
const HIGH = 1 - LOW

class Store<E> {
  size = 0
  links = 0
  steps = 0
  unborn = 0
  length = 0
  heap = freeHeap(ROOM)
  ties = new Float64Array(3 * ROOM)
  items: Array<Item<E> | undefined> = []
  slotOf = new Map<E, number>()
  readonly onStack = new Map<Nanos, { readonly place: number; count: number }>()

  item(event: E, time: Nanos, onStack: boolean): Item<E> {
    const born = this.unborn
    const place = onStack ? this.onStack.get(time)?.place ?? born : born
    return { event, time, onStack, place, born }
  }

  first(): Item<E> {
    return this.items[this.heap[1]!]!
  }

  insert(item: Item<E>): void {
    if (2 * this.length === this.heap.length) this.rebuild()
    const { heap, ties, length } = this
    const slot = heap[2 * length + 1]!
    this.slotOf.set(item.event, slot)
    this.items[slot] = item
    if (item.onStack) this.countOnStack(item, 1)
    if (item.born >= this.unborn) this.unborn = item.born + 1
    whole[0] = item.time
    const high = halves[HIGH]!
    const key = high * 2 ** 32 + halves[LOW]!
    ties[3 * slot] = high < 2 ** 21 ? 0 : Number(item.time - BigInt(key))
    ties[3 * slot + 1] = item.place
    ties[3 * slot + 2] = -item.born
    this.length++
    this.size++
    this.rise(length, key, slot)
  }

  remove(item: Item<E>): void {
    const slot = this.slotOf.get(item.event)!
    this.slotOf.delete(item.event)
    this.items[slot] = undefined
    if (item.onStack) this.countOnStack(item, -1)
    this.size--
    if (this.heap[1] === slot) this.dropFirst()
    if (this.length > this.size) {
      while (this.length > 0 && this.items[this.heap[1]!] === undefined) this.dropFirst()
      if (this.length > 2 * this.size + ROOM) this.rebuild()
    }
  }

  copy(): Copy<E> {
    this.steps = 0
    return new Copy(this.items.slice(), this.links)
  }

  private countOnStack(item: Item<E>, by: 1 | -1): void {
    const group = this.onStack.get(item.time)
    if (group === undefined) this.onStack.set(item.time, { place: item.place, count: by })
    else if ((group.count += by) === 0) this.onStack.delete(item.time)
  }

  private settle(a: number, b: number): boolean {
    const { ties } = this
    a *= 3
    b *= 3
    for (let end = a + 2; a < end; a++, b++) if (ties[a] !== ties[b]) break
    return ties[a]! < ties[b]!
  }

  private rise(hole: number, key: number, slot: number): void {
    const { heap } = this
    while (hole > 0) {
      const parent = (hole - 1) >> 2
      const other = heap[2 * parent]!
      if (key > other || (key === other && !this.settle(slot, heap[2 * parent + 1]!))) break
      heap[2 * hole] = other
      heap[2 * hole + 1] = heap[2 * parent + 1]!
      hole = parent
    }
    heap[2 * hole] = key
    heap[2 * hole + 1] = slot
  }

  private earlier(a: number, b: number): number {
    const { heap } = this
    const x = heap[2 * a]!
    const y = heap[2 * b]!
    if (x === y) return this.settle(heap[2 * a + 1]!, heap[2 * b + 1]!) ? a : b
    return a + (b - a) * +(y < x)
  }

  private dropFirst(): void {
    const { heap } = this
    const free = heap[1]!
    const last = --this.length
    const key = heap[2 * last]!
    const slot = heap[2 * last + 1]!
    heap[2 * last] = Infinity
    heap[2 * last + 1] = free
    if (last === 0) return
    let hole = 0
    for (let child = 1; child < last; child = 4 * hole + 1) {
      let least: number
      if (child + 4 <= last) {
        least = this.earlier(this.earlier(child, child + 1), this.earlier(child + 2, child + 3))
      } else {
        least = child
        while (++child < last) least = this.earlier(least, child)
      }
      heap[2 * hole] = heap[2 * least]!
      heap[2 * hole + 1] = heap[2 * least + 1]!
      hole = least
    }
    this.rise(hole, key, slot)
  }

  private rebuild(): void {
    const items = this.items
    const room = Math.max(ROOM, 2 * this.size)
    this.heap = freeHeap(room)
    this.ties = new Float64Array(3 * room)
    this.items = []
    this.slotOf = new Map()
    this.onStack.clear()
    this.size = 0
    this.length = 0
    for (const item of items) if (item !== undefined) this.insert(item)
  }
}

const freeHeap = (room: number): Float64Array => {
  const heap = new Float64Array(2 * room).fill(Infinity)
  for (let slot = 0; slot < room; slot++) heap[2 * slot + 1] = slot
  return heap
}

const storeFrom = <E>(copy: Copy<E>): Store<E> => {
  const store = new Store<E>()
  for (const item of copy.items) if (item !== undefined) store.insert(item)
  store.links = copy.links
  return store
}

/** The store, brought to this version. */
const storeAt = <E>(queue: EventQueue<E>): Store<E> => (queue as Version<E>).store ?? reroot(queue as Version<E>)

/** Brings the store to an old version: a loop, as the way may be millions of steps long. */
const reroot = <E>(target: Version<E>): Store<E> => {
  const way: Array<Version<E>> = []
  let owner = target
  while (owner.next !== undefined && !(owner.next instanceof Copy)) {
    way.push(owner)
    owner = owner.next
  }
  const store = owner.store ?? storeFrom(owner.next!)
  owner.store = store
  owner.next = undefined

  if (way.length > SHORT) store.steps += way.length
  const parting = store.steps > allowance(store.size)
  const copy = parting ? store.copy() : undefined
  let newer = owner
  for (let older = way.pop(); older !== undefined; newer = older, older = way.pop()) {
    const item = older.change!
    if (older.size < newer.size) store.remove(item)
    else store.insert(item)
    hand(store, newer, older, item)
  }
  if (copy !== undefined) leave(owner, copy)
  return store
}

/** Makes `to` the owner of the store, which has just been changed by `change`, and `from` a version that leads there. */
const hand = <E>(store: Store<E>, from: Version<E>, to: Version<E>, change: Item<E>): void => {
  from.store = undefined
  from.next = to
  from.change = change
  to.store = store
  to.next = undefined
  to.change = undefined
}

const leave = <E>(version: Version<E>, copy: Copy<E>): void => {
  version.next = copy
  version.change = undefined
}

/** The version after `queue`, whose store has already been changed by `change`. */
const next = <E>(queue: EventQueue<E>, store: Store<E>, change: Item<E>, copy: Copy<E> | undefined): EventQueue<E> => {
  const old = queue as Version<E>
  const version: Version<E> = { size: store.size, store, next: undefined, change: undefined }
  old.store = undefined
  if (copy === undefined) {
    old.next = version
    old.change = change
    store.links++
  } else {
    old.next = copy
    store.links = 0
  }
  return version
}

const copyIfDue = <E>(store: Store<E>): Copy<E> | undefined =>
  store.links < allowance(store.size) ? undefined : store.copy()

export const empty = <E>(): EventQueue<E> => {
  const version: Version<E> = { size: 0, store: new Store<E>(), next: undefined, change: undefined }
  return version
}

export const add = <E>(queue: EventQueue<E>, event: E, time: Nanos, onStack = false): EventQueue<E> => {
  const store = storeAt(queue)
  invariant(!store.slotOf.has(event), "an event is added only where it isn't pending")
  const item = store.item(event, time, onStack)
  const copy = copyIfDue(store)
  store.insert(item)
  return next(queue, store, item, copy)
}

const without = <E>(queue: EventQueue<E>, store: Store<E>, item: Item<E>): EventQueue<E> => {
  const copy = copyIfDue(store)
  store.remove(item)
  return next(queue, store, item, copy)
}

export const remove = <E>(queue: EventQueue<E>, event: E): EventQueue<E> => {
  const store = storeAt(queue)
  const slot = store.slotOf.get(event)
  return slot === undefined ? queue : without(queue, store, store.items[slot]!)
}

export const takeFirst = <E>(queue: EventQueue<E>): EventQueue<E> => {
  invariant(queue.size > 0, "the first entry is taken only where there is one")
  const store = storeAt(queue)
  return without(queue, store, store.first())
}

export const first = <E>(queue: EventQueue<E>): Entry<E> | undefined =>
  queue.size === 0 ? undefined : storeAt(queue).first()

export const has = <E>(queue: EventQueue<E>, event: E): boolean => storeAt(queue).slotOf.has(event)

export const timeOf = <E>(queue: EventQueue<E>, event: E): Nanos | undefined => {
  const store = storeAt(queue)
  const slot = store.slotOf.get(event)
  return slot === undefined ? undefined : store.items[slot]!.time
}

export const entries = <E>(queue: EventQueue<E>): ReadonlyArray<Entry<E>> =>
  storeAt(queue).items.filter((item) => item !== undefined).sort((a, b) => precedes(a, b) ? -1 : 1)
