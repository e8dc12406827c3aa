/**
 * The table of a queue's entries: a slot for each, with a column for each part of it, and the slot of each event.
 *
 * The columns are events, times, sequence numbers and links. Nobody else knows how these are laid out in memory.
 *
 * @module
 */
import type { Nanos } from "../../../core/Nanos.ts"
import { type Hook, hookOf } from "./Hook.ts"

/** A pending event. */
export interface Entry<E> {
  readonly event: E
  /** When it is due, in guest nanoseconds. */
  readonly time: Nanos
  /** Whether it stands for a guest that is busy until `time` (SPEC 4). */
  readonly onStack: boolean
}

/** An entry and the rest of its sort key: see {@link compare}. */
export interface KeyedEntry<E> extends Entry<E> {
  /** First in, first out at equal times. On-stack entries of one time share the number of the first of them. */
  readonly sequence: number
  /** The number that an on-stack entry got for itself; {@link NOT_ON_STACK} for any other. */
  readonly ownSequence: number
}

/** The order of entries: by time, by sequence number, and the newest on-stack entry first. */
export const compare = <E>(a: KeyedEntry<E>, b: KeyedEntry<E>): number =>
  a.time !== b.time ? (a.time < b.time ? -1 : 1) : a.sequence - b.sequence || b.ownSequence - a.ownSequence

/** The `ownSequence` of an entry that isn't on-stack. */
export const NOT_ON_STACK = -1

/** No slot: the end of a linked list. */
export const NONE = -1

/** A tombstone, in the place of an event that was removed. An object: docs/performance.md, "What engines do". */
export const TOMBSTONE: unknown = { description: "removed" }

/** The {@link Hook.table} of an event that was ever in two tables at once: from then on it is in their maps. */
const SEVERAL: unknown = { description: "several tables" }

/** A row in 32-bit words: two for the time, two for the sequence number (the upper one is nearly always 0), one link. */
const WORDS = 5
const SEQUENCE = 2
const UPPER_SEQUENCE = 3
const LINK = 4
const BYTES = 4 * WORDS

/** The columns of a table, copied. */
export interface TableCopy<E> {
  readonly events: ReadonlyArray<E>
  readonly buffer: ArrayBuffer
  readonly ownSequences: Float64Array | undefined
}

/**
 * The entries by slot. A slot is free, has an entry, or has a {@link TOMBSTONE}: then its numbers are still there, as
 * the slot is still linked somewhere.
 *
 * No object lives as long as its entry does: docs/performance.md, "What engines do".
 */
export class EntryTable<E> {
  /** How many slots there are. */
  room: number
  /** How many were ever in use. */
  used = 0
  /** The first free slot: they are linked. */
  free: number = NONE
  /** By slot: an event, or {@link TOMBSTONE}. */
  events: Array<E>
  private view: DataView<ArrayBuffer>
  /** The same bytes, for all but times. */
  private words: Int32Array
  /** By slot; none while there never was an on-stack entry, as in most queues. */
  private ownSequences: Float64Array | undefined
  /** The slots of the events that have no hook for this table. */
  private unhooked: Map<E, number> | undefined

  constructor(room: number, events: Array<E> = [], buffer = new ArrayBuffer(BYTES * room), own?: Float64Array) {
    this.room = room
    this.events = events
    this.view = new DataView(buffer)
    this.words = new Int32Array(buffer)
    this.ownSequences = own
  }

  // -------------------------------------------------------------------- by event

  /** The slot of an event, if it is pending. */
  slotOf(event: E): number | undefined {
    const hook = hookOf(event)
    if (hook === undefined || hook.table !== this) return this.unhooked?.get(event)
    return this.events[hook.slot] === event ? hook.slot : undefined
  }

  /** Notes the slot of an event, in its hook if that is for this table alone. */
  private index(event: E, slot: number): void {
    const hook = hookOf(event)
    if (hook === undefined || hook.table === SEVERAL || Object.isFrozen(hook)) return this.indexUnhooked(event, slot)
    if (hook.table !== this && hook.table !== undefined && isPendingIn(hook.table as EntryTable<E>, hook, event)) {
      ;(hook.table as EntryTable<E>).indexUnhooked(event, hook.slot)
      hook.table = SEVERAL
      return this.indexUnhooked(event, slot)
    }
    hook.table = this
    hook.slot = slot
  }

  private indexUnhooked(event: E, slot: number): void {
    try {
      ;(this.unhooked ??= new Map()).set(event, slot)
    } catch {
      // A full map: 2^24 entries in V8, the deleted ones included. A new one has none of those.
      this.unhooked = new Map(this.unhooked).set(event, slot)
    }
  }

  // ------------------------------------------------------------------ slots

  /**
   * Puts an entry that isn't on-stack into a free slot, of which there is one: the slot, or {@link NONE} if the event is
   * pending already. All in one method: docs/performance.md, "What engines do".
   */
  insert(event: E, time: Nanos, sequence: number): number {
    const hook = hookOf(event)
    const isHooked = hook !== undefined && hook.table === this
    if (isHooked ? this.events[hook.slot] === event : this.slotOf(event) !== undefined) return NONE
    const slot = this.free
    const { words } = this
    this.free = words[WORDS * slot + LINK]!
    if (isHooked) hook.slot = slot
    else this.index(event, slot)
    this.events[slot] = event
    this.view.setBigUint64(BYTES * slot, time, true)
    words[WORDS * slot + SEQUENCE] = sequence
    words[WORDS * slot + UPPER_SEQUENCE] = sequence < 2 ** 31 ? 0 : sequence / 2 ** 32
    return slot
  }

  /** Makes the entry in a slot an on-stack one, or one that isn't. */
  setSequence(slot: number, sequence: number, ownSequence: number): void {
    this.words[WORDS * slot + SEQUENCE] = sequence
    this.words[WORDS * slot + UPPER_SEQUENCE] = sequence < 2 ** 31 ? 0 : sequence / 2 ** 32
    if (this.ownSequences === undefined) {
      if (ownSequence === NOT_ON_STACK) return
      this.ownSequences = new Float64Array(this.room).fill(NOT_ON_STACK)
    }
    this.ownSequences[slot] = ownSequence
  }

  /** Has the next slot that was never in use freed. */
  open(): void {
    const slot = this.used++
    this.setLink(slot, this.free)
    this.free = slot
  }

  /** Removes the event in a slot, and leaves a tombstone. */
  bury(slot: number): void {
    this.forget(slot)
    this.events[slot] = TOMBSTONE as E
  }

  /** Whether there is a tombstone. */
  isBuried(slot: number): boolean {
    return this.events[slot] === TOMBSTONE
  }

  /** Has the event in a slot be pending no more. */
  forget(slot: number): void {
    if (this.unhooked !== undefined) this.unhooked.delete(this.events[slot]!)
  }

  /** Frees a slot. */
  release(slot: number): void {
    this.events[slot] = TOMBSTONE as E
    if (this.ownSequences !== undefined) this.ownSequences[slot] = NOT_ON_STACK
    this.words[WORDS * slot + LINK] = this.free
    this.free = slot
  }

  // ---------------------------------------------------------------- columns

  time(slot: number): Nanos {
    return this.view.getBigUint64(BYTES * slot, true) as Nanos
  }

  /** The time in a slot as a double, which may be rounded. By halves: docs/performance.md, "What engines do". */
  key(slot: number): number {
    return this.view.getUint32(BYTES * slot + 4, true) * 2 ** 32 + this.view.getUint32(BYTES * slot, true)
  }

  sequence(slot: number): number {
    const lower = this.words[WORDS * slot + SEQUENCE]!
    const upper = this.words[WORDS * slot + UPPER_SEQUENCE]!
    return upper === 0 && lower >= 0 ? lower : upper * 2 ** 32 + (lower >>> 0)
  }

  ownSequence(slot: number): number {
    return this.ownSequences === undefined ? NOT_ON_STACK : this.ownSequences[slot]!
  }

  isOnStack(slot: number): boolean {
    return this.ownSequence(slot) !== NOT_ON_STACK
  }

  /** The slot after this one, in whatever list it is. */
  link(slot: number): number {
    return this.words[WORDS * slot + LINK]!
  }

  setLink(slot: number, link: number): void {
    this.words[WORDS * slot + LINK] = link
  }

  /** Whether the entry in slot `a` comes before the one in `b`, whose {@link key} is the same. */
  precedes(key: number, a: number, b: number): boolean {
    // Below that a key is the time itself, and comparing bigints takes longer than all the rest.
    if (key >= 2 ** 53) {
      const one = this.time(a)
      const other = this.time(b)
      if (one !== other) return one < other
    }
    const one = this.sequence(a)
    const other = this.sequence(b)
    return one === other ? this.ownSequence(a) > this.ownSequence(b) : one < other
  }

  /** The entry in a slot. */
  at(slot: number): KeyedEntry<E> {
    const ownSequence = this.ownSequence(slot)
    return {
      event: this.events[slot]!,
      time: this.time(slot),
      onStack: ownSequence !== NOT_ON_STACK,
      sequence: this.sequence(slot),
      ownSequence,
    }
  }

  /** All entries, in no order. */
  entries(): Array<KeyedEntry<E>> {
    return this.events.flatMap((event, slot) => event !== TOMBSTONE ? [this.at(slot)] : [])
  }

  // ------------------------------------------------------------ the whole table

  /** Empties the table, which then has so many slots: what was in it, to be read. */
  clear(room: number): EntryTable<E> {
    const before = new EntryTable(this.room, this.events, this.view.buffer, this.ownSequences)
    this.room = room
    this.used = 0
    this.free = NONE
    this.events = []
    this.view = new DataView(new ArrayBuffer(BYTES * room))
    this.words = new Int32Array(this.view.buffer)
    this.ownSequences = undefined
    this.unhooked = undefined
    return before
  }

  /** A copy: not as a table, since the views of a buffer are more work than the copying is. */
  copy(): TableCopy<E> {
    const count = this.events.length
    return {
      events: this.events.slice(),
      buffer: this.view.buffer.slice(0, BYTES * count),
      ownSequences: this.ownSequences?.slice(0, count),
    }
  }
}

const isPendingIn = <E>(table: EntryTable<E>, hook: Hook, event: E): boolean => table.events[hook.slot] === event

/** What a copy has, to be read. */
export const readCopy = <E>({ events, buffer, ownSequences }: TableCopy<E>): EntryTable<E> =>
  new EntryTable(events.length, events as Array<E>, buffer, ownSequences)
