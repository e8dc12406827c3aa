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
 * owns a {@link Store}, which is changed in place: what is due soon in a heap, the rest
 * in buckets, and where each event is. Every older version knows the next newer one, and the one
 * entry by which the two differ. To use an old version is to bring the store to
 * it: walk to the owner, then undo the changes on the way back while turning
 * the links around (Baker's rerooting). As the old point to the new, and never
 * the new to the old, a version that nobody holds is garbage.
 *
 * *Few events.* Up to eight are a list ({@link FewEvents}), which is copied at each change: that takes less than the store
 * does, and most queues never have more.
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
 * half the time. So an event may bring a {@link Seat}, or be one, in which the store notes it. That
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
 * With n pending events, and the cost of growing arrays, of freeing slots and of copies (n
 * references and 20n bytes, or 28n where any was ever on-stack, for every 1024 + n operations)
 * spread over the operations:
 *
 * - On the newest version, `has` and `timeOf` are O(1), and `first`, `add`, `remove`
 *   and `takeFirst` O(log n) at most: O(1) where times are spread evenly. `entries` sorts.
 * - An old version costs its distance first: an O(log n) step for each operation
 *   between it and the store. These are at most 1024 + n, with the n of the last
 *   of them, and then O(n log n) if that one has but a copy. Afterwards it has the store.
 * - Versions used in turns cost their distance each time while that is at most
 *   {@link SHORT} steps. Longer journeys add up, until after 1024 + n steps the
 *   versions part, each with a store of its own.
 * - A held version keeps at most 1024 + n links and n entries alive.
 *
 * @module
 */
import { invariant } from "./Fault.ts"
import * as FewEvents from "../internal/core/queue/FewEvents.ts"
import type { Nanos } from "./Nanos.ts"
import { type Entry, inOrder, type Item } from "../internal/core/queue/Rows.ts"
import { type Copy, GONE, Store, storeFrom } from "../internal/core/queue/Store.ts"

export type { Entry } from "../internal/core/queue/Rows.ts"
export { Seat } from "../internal/core/queue/Store.ts"

declare const EventType: unique symbol

/** One version of a queue: a value, to be used with the functions of this module. */
export interface EventQueue<E> {
  /** The number of pending events. */
  readonly size: number
  /** Never there at run time: it keeps the queues of different events apart. */
  readonly [EventType]?: (event: E) => E
}

/** A version with few events. */
interface Few<E> extends EventQueue<E> {
  readonly few: FewEvents.FewEvents<E>
}

/** What an `EventQueue` really is, unless it is {@link Few}. */
interface Version<E> extends EventQueue<E> {
  readonly few: undefined
  /**
   * Never there at run time: it tells a version from a store and a copy, in less time than `instanceof` takes. Nor is it
   * a name: what is a string at times, and at others isn't there, V8 compares with one in a call of its own.
   */
  readonly isStore?: undefined
  /** The store, if this version owns it; or the next version; or a copy. */
  to: Store<E> | Version<E> | Copy<E>
  /**
   * The event that a larger next version has in addition, or the item that a smaller one lacks. While this
   * version owns the store, the first item, if it has been looked at: nothing old then points to what is new,
   * which a garbage collector would have to note.
   */
  change: E | Item<E> | undefined
}

/**
 * How many links, and how many steps of its journeys, a store of `size` entries takes before it leaves a copy. What
 * survives a garbage collection, as the newest version does, keeps alive all that it comes to lead to, though nobody may
 * need that: twice as many links took a clock with 10,000 pending 10 to 15 % of its time on Bun.
 */
const allowance = (size: number): number => 1024 + size

/** A journey of so few steps is not worth a copy: a what-if goes back a little, and returns. */
const SHORT = 64

/** The store, brought to this version. */
const storeAt = <E>(queue: EventQueue<E>): Store<E> => {
  const { to } = queue as Version<E>
  return to.isStore === true ? to : reroot(queue as Version<E>)
}

/** Brings the store to a version that leads to it. A loop, as a million steps are too deep to recurse. */
const reroot = <E>(target: Version<E>): Store<E> => {
  const way: Array<Version<E>> = []
  let owner = target
  while (owner.to.isStore === undefined) {
    way.push(owner)
    owner = owner.to
  }
  const store = owner.to.isStore === true ? owner.to : storeFrom(owner.to)
  turn(owner, store, undefined)
  if (way.length > SHORT) store.steps += way.length
  const copy = store.steps > allowance(store.size) ? store.copy() : undefined

  let at = owner
  for (let older = way.pop(); older !== undefined; older = way.pop()) {
    if (older.size < at.size) {
      const slot = store.slotOf(older.change as E)!
      const item = store.at(slot)
      store.remove(slot)
      turn(at, older, item)
    } else {
      const item = older.change as Item<E>
      store.restore(item)
      turn(at, older, item.event)
    }
    turn(older, store, undefined)
    at = older
  }
  if (copy !== undefined) turn(owner, copy, undefined)
  return store
}

const turn = <E>(version: Version<E>, to: Version<E>["to"], change: Version<E>["change"]): void => {
  version.to = to
  version.change = change
}

/** Whether links to the store are so many that a version that is about to change is to keep a copy. */
const isDue = <E>(store: Store<E>): boolean => store.links >= allowance(store.size)

const copyOf = <E>(store: Store<E>): Copy<E> | undefined => isDue(store) ? store.copy() : undefined

/** The version after `queue`, to which it leads, or has a copy. */
const after = <E>(
  queue: EventQueue<E>,
  store: Store<E>,
  change: E | Item<E>,
  copy: Copy<E> | undefined,
): Version<E> => {
  const version: Version<E> = { size: store.size, few: undefined, to: store, change: undefined }
  if (copy === undefined) {
    turn(queue as Version<E>, version, change)
    store.links++
  } else {
    turn(queue as Version<E>, copy, undefined)
    store.links = 0
  }
  return version
}

const fewOf = <E>(few: FewEvents.FewEvents<E>): Few<E> => ({ size: few.length, few })

/** A queue without events. */
export const empty = <E>(): EventQueue<E> => fewOf<E>([])

/** The events of a queue that has few. */
const fewIn = <E>(queue: EventQueue<E>): FewEvents.FewEvents<E> | undefined => (queue as Few<E> | Version<E>).few

/** A version with a store of its own, that has the same events. */
const inStore = <E>(few: FewEvents.FewEvents<E>): Version<E> => {
  const store = new Store<E>()
  for (const { event, time, onStack } of FewEvents.inOrderOfAdding(few)) store.add(event, time, onStack)
  return { size: store.size, few: undefined, to: store, change: undefined }
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
  const few = fewIn(queue)
  if (few !== undefined) {
    if (FewEvents.indexOf(few, event) >= 0) return queue
    if (few.length < FewEvents.MOST) return fewOf(FewEvents.add(few, event, time, onStack))
    return add(inStore(few), event, time, onStack)
  }
  const store = storeAt(queue)
  const copy = isDue(store) && store.slotOf(event) === undefined ? store.copy() : undefined
  const first = (queue as Version<E>).change as Item<E> | undefined
  if (!store.add(event, time, onStack)) return queue
  const next = after(queue, store, event, copy)
  if (first !== undefined && !goesBefore(first, time, onStack)) next.change = first
  return next
}

/** Whether what is added would go before the first item, which need not be looked at, and made, once more otherwise. */
const goesBefore = <E>(first: Item<E>, time: Nanos, onStack: boolean): boolean =>
  time < first.time || (time === first.time && onStack)

/** Whether `event` is pending. */
export const has = <E>(queue: EventQueue<E>, event: E): boolean => {
  const few = fewIn(queue)
  return few === undefined ? storeAt(queue).slotOf(event) !== undefined : FewEvents.indexOf(few, event) >= 0
}

/** When `event` is due, in guest nanoseconds, if it is pending. */
export const timeOf = <E>(queue: EventQueue<E>, event: E): Nanos | undefined => {
  const few = fewIn(queue)
  if (few !== undefined) return FewEvents.timeOf(few, event)
  const store = storeAt(queue)
  const slot = store.slotOf(event)
  return slot === undefined ? undefined : store.rows.time(slot)
}

/** The entry that comes before all others, if there is one. */
export const first = <E>(queue: EventQueue<E>): Entry<E> | undefined => {
  const few = fewIn(queue)
  return few === undefined ? firstItem(queue, storeAt(queue)) : few[0]
}

/** The first item of a queue that owns the store, and isn't empty: with no events it has no store. */
const firstItem = <E>(queue: EventQueue<E>, store: Store<E>): Item<E> => {
  const version = queue as Version<E>
  return (version.change ??= store.at(store.first())) as Item<E>
}

/** The queue without `event`: the very same queue if it isn't pending. */
export const remove = <E>(queue: EventQueue<E>, event: E): EventQueue<E> => {
  const few = fewIn(queue)
  if (few !== undefined) {
    const index = FewEvents.indexOf(few, event)
    return index < 0 ? queue : fewOf(FewEvents.without(few, index))
  }
  const store = storeAt(queue)
  const slot = store.slotOf(event)
  if (slot === undefined) return queue
  if (queue.size === 1) return empty()
  const copy = copyOf(store)
  const item = store.at(slot)
  store.remove(slot)
  return after(queue, store, item, copy)
}

/** The queue without its first entry. It must have one. */
export const takeFirst = <E>(queue: EventQueue<E>): EventQueue<E> => {
  invariant(queue.size > 0, "the first entry is taken only from a queue that has one")
  const few = fewIn(queue)
  if (few !== undefined) return fewOf(FewEvents.without(few, 0))
  if (queue.size === 1) return empty()
  const store = storeAt(queue)
  const item = firstItem(queue, store)
  const copy = copyOf(store)
  store.removeFirst()
  return after(queue, store, item, copy)
}

/** All entries, in order: for people and tests, as it takes sorting. */
export const entries = <E>(queue: EventQueue<E>): ReadonlyArray<Entry<E>> => {
  const few = fewIn(queue)
  if (few !== undefined) return few
  const { events, rows } = storeAt(queue)
  return events.flatMap((event, slot) => event !== GONE ? [rows.item(event, slot)] : []).sort(inOrder)
}
