/**
 * Versions of a queue, and the links between them: persistence by rerooting (docs/queue.md).
 *
 * One version owns the ladder queue, which is changed in place. Every older one is linked to the next newer one, and
 * the link says by which entry the two differ. To use an old version is to walk to the owner, and to undo the changes
 * on the way back while turning the links around.
 *
 * @module
 */
import { type KeyedEntry, readCopy, type TableCopy } from "./EntryTable.ts"
import { LadderQueue } from "./LadderQueue.ts"
import type { SortedArray } from "./SortedArray.ts"

/** The ladder queue that versions lead to, and how far they have gone from each other. */
export class Root<E> extends LadderQueue<E> {
  /** Links that lead here: operations since the last snapshot. */
  links = 0
  /** Steps of the journeys that weren't short, since the last snapshot. */
  steps = 0
}

/** The entries of a version, copied, and how many links lead to it. */
export interface Snapshot<E> {
  readonly table: TableCopy<E>
  readonly links: number
}

/** The kinds of versions. Numbers, as these are compared in each operation. */
export const SMALL = 0
export const OWNER = 1
export const BEFORE_ADD = 2
export const BEFORE_REMOVE = 3
export const PARTED = 4

/** A version with few entries, on its own. */
export class Small<E> {
  readonly entries: SortedArray<E>
  constructor(entries: SortedArray<E>) {
    this.entries = entries
  }
  get kind(): typeof SMALL {
    return SMALL
  }
  get size(): number {
    return this.entries.length
  }
}

/** The version whose entries are those of the ladder queue. */
export interface Owner<E> {
  kind: typeof OWNER
  readonly size: number
  link: Root<E>
  /** The first entry, if it has been looked at. Not in the root: docs/performance.md, "What engines do". */
  change: KeyedEntry<E> | undefined
}

/** A version that lacks one entry of the next one. */
export interface BeforeAdd<E> {
  kind: typeof BEFORE_ADD
  readonly size: number
  link: Large<E>
  /** The event that the next one has in addition. */
  change: E
}

/** A version that has one entry more than the next one. */
export interface BeforeRemove<E> {
  kind: typeof BEFORE_REMOVE
  readonly size: number
  link: Large<E>
  /** The entry that the next one lacks. */
  change: KeyedEntry<E>
}

/** A version that no link leads on from. */
export interface Parted<E> {
  kind: typeof PARTED
  readonly size: number
  link: Snapshot<E>
  change: undefined
}

/** A version that isn't {@link Small}. Which kind of one it is changes. */
export type Large<E> = Owner<E> | BeforeAdd<E> | BeforeRemove<E> | Parted<E>

/** One version of a queue. */
export type Version<E> = Small<E> | Large<E>

type OfKind<E, Kind> = Extract<Large<E>, { readonly kind: Kind }>

/** Makes a version one of another kind. */
const become = <E, Kind extends Large<E>["kind"]>(
  version: Large<E>,
  kind: Kind,
  link: OfKind<E, Kind>["link"],
  change: OfKind<E, Kind>["change"],
): void => {
  version.kind = kind
  version.link = link
  version.change = change
}

/** The version that owns a root. */
export const owning = <E>(root: Root<E>): Owner<E> => ({ kind: OWNER, size: root.size, link: root, change: undefined })

/** A queue of few entries. */
export const small = <E>(entries: SortedArray<E>): Small<E> => new Small(entries)

/**
 * How many links, and how many steps of journeys, a root of `size` entries takes before a version gets a snapshot.
 * What survives a garbage collection keeps every newer version alive: with twice as many links, a clock with 10,000
 * pending took 10 to 15 % more time on Bun.
 */
const allowance = (size: number): number => 1024 + size

/** A journey of so few steps is not worth a snapshot: a what-if goes back a little, and returns. */
const SHORT = 64

/** The root, brought to this version, which owns it from then on. */
export const rootAt = <E>(version: Large<E>): Root<E> => version.kind === OWNER ? version.link : reroot(version)

/** Brings the root to a version that doesn't own it. A loop, as a million links are too deep to recurse. */
const reroot = <E>(target: Large<E>): Root<E> => {
  const path: Array<BeforeAdd<E> | BeforeRemove<E>> = []
  let newer = target
  while (newer.kind === BEFORE_ADD || newer.kind === BEFORE_REMOVE) {
    path.push(newer)
    newer = newer.link
  }
  const owner = newer
  const root = newer.kind === OWNER ? newer.link : rootOf(newer.link)
  become(owner, OWNER, root, undefined)
  if (path.length > SHORT) root.steps += path.length
  const snapshot = root.steps > allowance(root.size) ? snapshotOf(root) : undefined

  for (let older = path.pop(); older !== undefined; older = path.pop()) {
    if (older.kind === BEFORE_ADD) {
      const slot = root.table.slotOf(older.change)!
      const entry = root.table.at(slot)
      root.remove(slot)
      become(newer, BEFORE_REMOVE, older, entry)
    } else {
      const entry = older.change
      root.restore(entry)
      become(newer, BEFORE_ADD, older, entry.event)
    }
    become<E, typeof OWNER>(older, OWNER, root, undefined)
    newer = older
  }
  if (snapshot !== undefined) become(owner, PARTED, snapshot, undefined)
  return root
}

/** A copy of the root's entries. */
export const snapshotOf = <E>(root: Root<E>): Snapshot<E> => {
  root.steps = 0
  return { table: root.copy(), links: root.links }
}

const rootOf = <E>({ table, links }: Snapshot<E>): Root<E> => {
  const root = new Root<E>()
  root.restoreAll(readCopy(table))
  root.links = links
  return root
}

/** Whether so many links lead to the root that the version that is about to change must get a snapshot. */
export const isSnapshotDue = <E>(root: Root<E>): boolean => root.links >= allowance(root.size)

/** That snapshot, if it must get one. */
export const snapshotIfDue = <E>(root: Root<E>): Snapshot<E> | undefined =>
  isSnapshotDue(root) ? snapshotOf(root) : undefined

/** The version after one that owned the root, which has just been changed. */
export const successor = <E, Kind extends typeof BEFORE_ADD | typeof BEFORE_REMOVE>(
  before: Large<E>,
  root: Root<E>,
  kind: Kind,
  change: OfKind<E, Kind>["change"],
  snapshot: Snapshot<E> | undefined,
): Owner<E> => {
  const next = owning(root)
  if (snapshot === undefined) {
    become<E, typeof BEFORE_ADD | typeof BEFORE_REMOVE>(before, kind, next, change)
    root.links++
  } else {
    become(before, PARTED, snapshot, undefined)
    root.links = 0
  }
  return next
}

/** The first entry of a version that owns the root, if it has been looked at. */
export const knownFirst = <E>(version: Large<E>): KeyedEntry<E> | undefined => (version as Owner<E>).change

/** The first entry of a version that owns the root and isn't empty. */
export const firstEntry = <E>(version: Large<E>, root: Root<E>): KeyedEntry<E> =>
  (version as Owner<E>).change ??= root.table.at(root.first())
