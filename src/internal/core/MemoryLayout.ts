/**
 * The layout of the memory that a calendar shares with its clients ({@link SharedMemory}): sizes, offsets and flags, and
 * what both sides do with it.
 *
 * @module
 */
import type { Nanos } from "../../core/Nanos.ts"

/**
 * The revision that this is.
 *
 * @since 0.1.0
 * @category constants
 */
export const VERSION = 2

/**
 * The header's length, in bytes: the slots begin there.
 *
 * @since 0.1.0
 * @category constants
 */
export const HEADER_BYTES = 4096

/**
 * A slot's length, in bytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const SLOT_BYTES = 128

/**
 * The most slots that a memory can have, the calendar's included: their number has 16 bits.
 *
 * @since 0.1.0
 * @category constants
 */
export const MAX_SLOTS = 65_535

/**
 * The calendar's slot. As `running_id`: nobody who shares has the turn.
 *
 * @since 0.1.0
 * @category constants
 */
export const NOBODY = 0

/** In capabilities: the client takes part, which it says before its first WAIT. */
export const SHARES_TIME = 1

/** In flags: `req_time` is a request. */
export const HAS_REQUEST = 1

// Where fields are, in units of their own size.
export const VERSION_AT = 0
export const LENGTH_AT = 1
export const FREE_UNTIL_AT = 1
export const TIME_AT = 2
export const RUNNING_AT = 12
export const SLOTS_AT = 13
export const capabilitiesAt = (slot: number): number => (HEADER_BYTES + SLOT_BYTES * slot) / 4
export const flagsAt = (slot: number): number => capabilitiesAt(slot) + 1
export const requestAt = (slot: number): number => (HEADER_BYTES + SLOT_BYTES * slot) / 8 + 1
export const nameAt = (slot: number): number => requestAt(slot) + 1

/**
 * A shared memory, by its words. Every field is in the host's byte order, as these are.
 *
 * @since 0.1.0
 * @category models
 */
export interface SharedMemory {
  /** How many slots it has, the calendar's included. It isn't read from the memory again. */
  readonly slots: number
  readonly u16: Uint16Array<ArrayBufferLike>
  readonly u32: Uint32Array<ArrayBufferLike>
  readonly u64: BigUint64Array<ArrayBufferLike>
}

/**
 * The length of a memory with so many slots, in bytes.
 *
 * @since 0.1.0
 * @category memory
 */
export const sizeOf = (slots: number): number => HEADER_BYTES + SLOT_BYTES * slots

export const viewed = (buffer: ArrayBufferLike, slots: number): SharedMemory => {
  const bytes = sizeOf(slots)
  return {
    slots,
    u16: new Uint16Array(buffer, 0, bytes / 2),
    u32: new Uint32Array(buffer, 0, bytes / 4),
    u64: new BigUint64Array(buffer, 0, bytes / 8),
  }
}

/** How often a limit is lowered that others write to at the same time, before it is left to them. */
const TRIES = 64

export const has = (memory: SharedMemory, slot: number): boolean =>
  Number.isInteger(slot) && slot > NOBODY && slot < memory.slots

/**
 * Has the running client come no further than `to`, unless it hears of an earlier limit already. That is all that may
 * be written while a client that shares has the turn: the rest of what is published is its own then.
 *
 * @since 0.1.0
 * @category memory
 */
export const lowerFreeUntil = ({ u64 }: SharedMemory, to: Nanos): void => {
  for (let tries = 0, found = Atomics.load(u64, FREE_UNTIL_AT); tries < TRIES && to < found; tries++) {
    const before = Atomics.compareExchange(u64, FREE_UNTIL_AT, found, to)
    if (before === found) return
    found = before
  }
}

/**
 * Whether a slot's client shares. To be asked once, at its first message after START's ACK, and kept.
 *
 * @since 0.1.0
 * @category memory
 */
export const sharesTime = (memory: SharedMemory, slot: number): boolean =>
  (Atomics.load(memory.u32, capabilitiesAt(slot)) & SHARES_TIME) !== 0
