/**
 * A client's side of the memory that its calendar shares with it ({@link SharedMemory}).
 *
 * @module
 */
import { FOREVER, type Nanos } from "../../core/Nanos.ts"
import {
  capabilitiesAt,
  flagsAt,
  FREE_UNTIL_AT,
  has,
  HAS_REQUEST,
  LENGTH_AT,
  lowerFreeUntil,
  requestAt,
  RUNNING_AT,
  type SharedMemory,
  SHARES_TIME,
  sharesTime,
  sizeOf,
  SLOTS_AT,
  TIME_AT,
  VERSION,
  VERSION_AT,
  viewed,
} from "./MemoryLayout.ts"

/**
 * A memory as a client finds it, or why it is of no use: then the client works by messages, which every calendar takes.
 *
 * @since 0.1.0
 * @category models
 */
export type Attachment =
  | { readonly _tag: "Attached"; readonly memory: SharedMemory }
  | { readonly _tag: "Unusable"; readonly why: string }

const unusable = (why: string): Attachment => ({ _tag: "Unusable", why: `the calendar's shared memory: ${why}` })

/**
 * Looks at the memory that a calendar has sent. Its header is input as well: a length is believed if the memory has it.
 *
 * @since 0.1.0
 * @category memory
 */
export const attach = (buffer: ArrayBufferLike): Attachment => {
  const { byteLength } = buffer
  if (byteLength < sizeOf(2)) return unusable(`${byteLength} bytes are too few`)
  const header = new Uint32Array(buffer, 0, 2)
  const version = Atomics.load(header, VERSION_AT)
  // 0 is how a calendar says that it doesn't share.
  if (version !== VERSION) return unusable(`its version is ${version}, and ${VERSION} is known`)
  const length = Atomics.load(header, LENGTH_AT)
  const slots = Atomics.load(new Uint16Array(buffer, 0, 16), SLOTS_AT)
  if (slots < 2 || sizeOf(slots) > length || length > byteLength) {
    return unusable(`it can't have ${slots} slots in ${length} of ${byteLength} bytes`)
  }
  return { _tag: "Attached", memory: viewed(buffer, slots) }
}

/**
 * Says that the client of a slot shares, before its first WAIT; `false` if there is no such slot, and it works by
 * messages.
 *
 * @since 0.1.0
 * @category memory
 */
export const join = (memory: SharedMemory, slot: number): boolean => {
  if (!has(memory, slot)) return false
  Atomics.or(memory.u32, capabilitiesAt(slot), SHARES_TIME)
  return true
}

/**
 * The calendar's time. When START is acknowledged, it is what the client's own time is less by from then on.
 *
 * @since 0.1.0
 * @category memory
 */
export const time = ({ u64 }: SharedMemory): Nanos => Atomics.load(u64, TIME_AT) as Nanos

/**
 * How far the running client may come by itself, in the calendar's ns. It only gets earlier during a turn.
 *
 * @since 0.1.0
 * @category memory
 */
export const freeUntil = ({ u64 }: SharedMemory): Nanos => Atomics.load(u64, FREE_UNTIL_AT) as Nanos

/**
 * Says how far the running client has come, in the calendar's ns: it alone may say so, and goes no further than {@link
 * freeUntil}.
 *
 * @since 0.1.0
 * @category memory
 */
export const moveTime = ({ u64 }: SharedMemory, to: Nanos): void => void Atomics.store(u64, TIME_AT, to)

/** Whether the client that has the turn shares the memory. The turn may be over before this returns. */
const isSharedTurn = (memory: SharedMemory): boolean => {
  const running = Atomics.load(memory.u16, RUNNING_AT)
  return has(memory, running) && sharesTime(memory, running)
}

/**
 * Asks for the client of a slot to be run at a time, in the calendar's ns. Returns whether that is all: the running
 * client shares, so it sees its limit and ends its turn. Otherwise a REQUEST must be sent, as the calendar doesn't
 * look.
 *
 * @since 0.1.0
 * @category memory
 */
export const request = (memory: SharedMemory, slot: number, at: Nanos): boolean => {
  if (!has(memory, slot) || !isSharedTurn(memory)) return false
  const { u32, u64 } = memory
  // The time first: a calendar that sees the flag must not find the time of an older request.
  Atomics.store(u64, requestAt(slot), at)
  Atomics.or(u32, flagsAt(slot), HAS_REQUEST)
  // Who runs by itself may go there by itself.
  if (at < FOREVER && Atomics.load(memory.u16, RUNNING_AT) !== slot) lowerFreeUntil(memory, at)
  // The turn may have ended in between, and the calendar have looked before.
  return isSharedTurn(memory)
}

/**
 * Takes note of a RUN: what was asked for has come.
 *
 * @since 0.1.0
 * @category memory
 */
export const takeRun = (memory: SharedMemory, slot: number): void => {
  if (has(memory, slot)) Atomics.and(memory.u32, flagsAt(slot), ~HAS_REQUEST)
}
