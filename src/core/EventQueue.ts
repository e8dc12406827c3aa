/**
 * The pending events of a clock, in the order in which they are due (SPEC 4): a persistent priority queue.
 *
 * A queue is a value: {@link add} and {@link remove} return another one, and
 * every queue ever returned stays as it was, for a snapshot, a replay or a
 * what-if.
 *
 * *How it works:* one ladder queue, changed in place, is owned by the newest version; older versions are links to it,
 * and using one reroots them (Baker). Events may bring an intrusive {@link Hook}. A queue of up to eight is a sorted
 * array. docs/queue.md tells all of it, and what each operation costs.
 *
 * *Order.* Entries are ordered by time; at equal times first in, first out. On-stack entries of one time stand together,
 * where the first of them is, and the newest goes first.
 *
 * *Cost.* On the newest version `has` and `timeOf` are O(1); `first`, `add`, `remove` and `takeFirst` O(log n) at most,
 * O(1) where times are spread evenly. `entries` sorts. An older version costs its distance first, once.
 *
 * @module
 */
import { invariant } from "./Fault.ts"
import type { Nanos } from "./Nanos.ts"
import { compare, type Entry } from "../internal/core/queue/EntryTable.ts"
import {
  goesBefore,
  indexOf,
  inOrderOfAdding,
  MOST,
  type SortedArray,
  withEntry,
  without,
} from "../internal/core/queue/SortedArray.ts"
import {
  BEFORE_ADD,
  BEFORE_REMOVE,
  firstEntry,
  isSnapshotDue,
  knownFirst,
  owning,
  Root,
  rootAt,
  SMALL,
  small,
  snapshotIfDue,
  snapshotOf,
  successor,
  type Version,
} from "../internal/core/queue/Version.ts"

export type { Entry } from "../internal/core/queue/EntryTable.ts"
export { Hook, type Hooked } from "../internal/core/queue/Hook.ts"

declare const EventType: unique symbol

/** One version of a queue: a value, to be used with the functions of this module. */
export interface EventQueue<E> {
  /** The number of pending events. */
  readonly size: number
  /** Never there at run time: it keeps the queues of different events apart. */
  readonly [EventType]?: (event: E) => E
}

const versionOf = <E>(queue: EventQueue<E>): Version<E> => queue as Version<E>

/** A queue without events. */
export const empty = <E>(): EventQueue<E> => small<E>([])

/** A version with a root of its own, that has the same entries. */
const large = <E>(entries: SortedArray<E>): EventQueue<E> => {
  const root = new Root<E>()
  for (const { event, time, onStack } of inOrderOfAdding(entries)) root.add(event, time, onStack)
  return owning(root)
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
  const version = versionOf(queue)
  if (version.kind === SMALL) {
    const { entries } = version
    if (indexOf(entries, event) >= 0) return queue
    if (entries.length < MOST) return small(withEntry(entries, event, time, onStack))
    return add(large(entries), event, time, onStack)
  }
  const root = rootAt(version)
  const isDue = isSnapshotDue(root) && root.table.slotOf(event) === undefined
  const snapshot = isDue ? snapshotOf(root) : undefined
  const first = knownFirst(version)
  if (!root.add(event, time, onStack)) return queue
  const next = successor(version, root, BEFORE_ADD, event, snapshot)
  if (first !== undefined && !goesBefore(first, time, onStack)) next.change = first
  return next
}

/** Whether `event` is pending. */
export const has = <E>(queue: EventQueue<E>, event: E): boolean => {
  const version = versionOf(queue)
  return version.kind === SMALL
    ? indexOf(version.entries, event) >= 0
    : rootAt(version).table.slotOf(event) !== undefined
}

/** When `event` is due, in guest nanoseconds, if it is pending. */
export const timeOf = <E>(queue: EventQueue<E>, event: E): Nanos | undefined => {
  const version = versionOf(queue)
  if (version.kind === SMALL) {
    const index = indexOf(version.entries, event)
    return index < 0 ? undefined : version.entries[index]!.time
  }
  const { table } = rootAt(version)
  const slot = table.slotOf(event)
  return slot === undefined ? undefined : table.time(slot)
}

/** The entry that comes before all others, if there is one. */
export const first = <E>(queue: EventQueue<E>): Entry<E> | undefined => {
  const version = versionOf(queue)
  return version.kind === SMALL ? version.entries[0] : firstEntry(version, rootAt(version))
}

/** The queue without `event`: the very same queue if it isn't pending. */
export const remove = <E>(queue: EventQueue<E>, event: E): EventQueue<E> => {
  const version = versionOf(queue)
  if (version.kind === SMALL) {
    const index = indexOf(version.entries, event)
    return index < 0 ? queue : small(without(version.entries, index))
  }
  const root = rootAt(version)
  const slot = root.table.slotOf(event)
  if (slot === undefined) return queue
  if (queue.size === 1) return empty()
  const snapshot = snapshotIfDue(root)
  const entry = root.table.at(slot)
  root.remove(slot)
  return successor(version, root, BEFORE_REMOVE, entry, snapshot)
}

/** The queue without its first entry. It must have one. */
export const takeFirst = <E>(queue: EventQueue<E>): EventQueue<E> => {
  invariant(queue.size > 0, "the first entry is taken only from a queue that has one")
  const version = versionOf(queue)
  if (version.kind === SMALL) return small(without(version.entries, 0))
  if (queue.size === 1) return empty()
  const root = rootAt(version)
  const entry = firstEntry(version, root)
  const snapshot = snapshotIfDue(root)
  root.removeFirst()
  return successor(version, root, BEFORE_REMOVE, entry, snapshot)
}

/** All entries, in order: for people and tests, as it takes sorting. */
export const entries = <E>(queue: EventQueue<E>): ReadonlyArray<Entry<E>> => {
  const version = versionOf(queue)
  if (version.kind === SMALL) return version.entries
  return rootAt(version).table.entries().sort(compare)
}
