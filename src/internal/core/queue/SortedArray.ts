/**
 * A queue of few entries: a sorted array, copied at each change. Up to {@link MOST} entries that takes less time than a
 * ladder queue does.
 *
 * @module
 */
import type { Nanos } from "../../../core/Nanos.ts"
import type { Entry } from "./EntryTable.ts"

/** The most entries that are kept so. */
export const MOST = 8

/** Entries, in order. */
export type SortedArray<E> = ReadonlyArray<Entry<E>>

/** Where an event is; −1 if it isn't pending. Events are told apart as the keys of a `Map` are. */
export const indexOf = <E>(list: SortedArray<E>, event: E): number => {
  for (let i = 0; i < list.length; i++) {
    const other = list[i]!.event
    if (other === event || (other !== other && event !== event)) return i
  }
  return -1
}

/** With an entry more, where SPEC 4 has it. */
export const withEntry = <E>(list: SortedArray<E>, event: E, time: Nanos, onStack: boolean): SortedArray<E> => {
  let at = 0
  while (at < list.length && !goesBefore(list[at]!, time, onStack)) at++
  const next: Array<Entry<E>> = []
  for (let i = 0; i < at; i++) next.push(list[i]!)
  next.push({ event, time, onStack })
  for (let i = at; i < list.length; i++) next.push(list[i]!)
  return next
}

/** Whether what is added goes before this entry: a later one, or one at the same time when both are on-stack. */
export const goesBefore = <E>(entry: Entry<E>, time: Nanos, onStack: boolean): boolean =>
  time < entry.time || (onStack && entry.onStack && time === entry.time)

/**
 * The entries of a list in an order in which each goes behind all that were added before, or before those of them at its
 * time that are on-stack: of these the newest is in front.
 */
export const inOrderOfAdding = <E>(list: SortedArray<E>): SortedArray<E> => {
  const onStack = list.filter((entry) => entry.onStack)
  // Others may stand between on-stack entries of one time only before the first and after the last of them.
  return list.map((entry) => {
    if (!entry.onStack) return entry
    const group = onStack.filter(({ time }) => time === entry.time)
    return group[group.length - 1 - group.indexOf(entry)]!
  })
}

/** Without the entry at an index. */
export const without = <E>(list: SortedArray<E>, index: number): SortedArray<E> => {
  const next: Array<Entry<E>> = []
  for (let i = 0; i < list.length; i++) if (i !== index) next.push(list[i]!)
  return next
}
