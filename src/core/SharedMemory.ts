/**
 * The memory that a calendar shares with its clients, so that a turn takes two messages instead of eight (PROTOCOL,
 * "Later revisions", revision 2): its layout, and checks of what clients write.
 *
 * ```text
 *    0  version u32, length u32           the calendar's, once
 *    8  free_until u64                    the calendar's; clients that share lower it
 *   16  current_time u64                  the running client's, or else the calendar's
 *   24  running_id u16, max_clients u16   the calendar's: the slot that runs, 0 for none; the number of slots
 * 4096  the slots, of 128 bytes each; slot 0 is the calendar's
 *       +0 capabilities u32 (bit 0: shares time), +4 flags u32 (bit 0: has a request),
 *       +8 req_time u64                   the client's
 *      +16 name u64                       the calendar's: the ID from START
 * ```
 *
 * All times in it are the calendar's own, in ns. A process with its descriptor can write anything anywhere at any moment,
 * so all that is read from it is input: each field is read once, by {@link read} for a calendar, and is checked against
 * what the calendar knows by itself. Nothing is read back that only the calendar writes, but to see whether somebody
 * else did.
 *
 * Every access is atomic and in order (`Atomics`): who writes a request and then looks who runs, and who says that
 * nobody runs and then looks for requests, can't both miss the other.
 *
 * @module
 */
import { invariant } from "./Fault.ts"
import type { Nanos } from "./Nanos.ts"
import {
  capabilitiesAt,
  flagsAt,
  FREE_UNTIL_AT,
  has,
  HAS_REQUEST,
  LENGTH_AT,
  MAX_SLOTS,
  nameAt,
  NOBODY,
  requestAt,
  RUNNING_AT,
  type SharedMemory,
  sharesTime,
  sizeOf,
  SLOT_BYTES,
  SLOTS_AT,
  TIME_AT,
  VERSION,
  VERSION_AT,
  viewed,
} from "../internal/core/MemoryLayout.ts"

export {
  attach,
  type Attachment,
  freeUntil,
  join,
  moveTime,
  request,
  takeRun,
  time,
} from "../internal/core/MemoryClient.ts"
export {
  HEADER_BYTES,
  lowerFreeUntil,
  MAX_SLOTS,
  NOBODY,
  type SharedMemory,
  sharesTime,
  sizeOf,
  SLOT_BYTES,
  VERSION,
} from "../internal/core/MemoryLayout.ts"

/**
 * What a calendar tells all who share, in its own ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Published {
  /** Its time. */
  readonly time: Nanos
  /** How far the client may come that runs. In a first turn that is {@link time}. */
  readonly freeUntil: Nanos
  /** The slot of the client that has the turn; {@link NOBODY} if nobody has it, or one that doesn't share. */
  readonly running: number
}

const writeHeader = ({ u16, u32, slots }: SharedMemory): void => {
  Atomics.store(u32, VERSION_AT, VERSION)
  Atomics.store(u32, LENGTH_AT, sizeOf(slots))
  Atomics.store(u16, SLOTS_AT, slots)
}

/**
 * Lays out a memory that is all 0, for a calendar, with as many slots as given: 2 to {@link MAX_SLOTS}, one less than
 * clients have room. `buffer` must have {@link sizeOf} bytes at least.
 *
 * @example
 * ```ts
 * import * as SharedMemory from "guest-clock/core/SharedMemory"
 *
 * const memory = SharedMemory.create(new ArrayBuffer(SharedMemory.sizeOf(8)), 8)
 * SharedMemory.admit(memory, 1, 77n)
 * const guest = SharedMemory.attach(memory.u16.buffer)
 * console.log(guest._tag === "Attached" && SharedMemory.join(guest.memory, 1)) // true
 * console.log(SharedMemory.sharesTime(memory, 1)) // true
 * ```
 *
 * @since 0.1.0
 * @category memory
 */
export const create = (buffer: ArrayBufferLike, slots: number): SharedMemory => {
  invariant(
    Number.isInteger(slots) && slots > 1 && slots <= MAX_SLOTS && buffer.byteLength >= sizeOf(slots),
    "the number of slots is the calendar's choice, and it made the memory for them",
  )
  const memory = viewed(buffer, slots)
  writeHeader(memory)
  return memory
}

/**
 * Makes a slot a client's: it has an ID, and nothing else yet.
 *
 * @since 0.1.0
 * @category memory
 */
export const admit = (memory: SharedMemory, slot: number, id: bigint): void => {
  dismiss(memory, slot)
  Atomics.store(memory.u64, nameAt(slot), id)
}

/**
 * Makes a slot nobody's.
 *
 * @since 0.1.0
 * @category memory
 */
export const dismiss = (memory: SharedMemory, slot: number): void => {
  invariant(has(memory, slot), "a calendar gives slots that there are")
  const from = capabilitiesAt(slot)
  memory.u32.fill(0, from, from + SLOT_BYTES / 4)
}

/**
 * Tells all who share what the calendar knows, and writes over whatever else somebody wrote into the header. Who is to
 * run comes last: it finds the time and its limit there.
 *
 * @since 0.1.0
 * @category memory
 */
export const publish = (memory: SharedMemory, { time, freeUntil, running }: Published): void => {
  writeHeader(memory)
  Atomics.store(memory.u64, TIME_AT, time)
  Atomics.store(memory.u64, FREE_UNTIL_AT, freeUntil)
  Atomics.store(memory.u16, RUNNING_AT, running)
}

/**
 * Has a slot say what its client asked for by a message, or has it ask for nothing, which it does when it is told to
 * run: what is still there would be a request made twice.
 *
 * @since 0.1.0
 * @category memory
 */
export const setRequest = (memory: SharedMemory, slot: number, at: Nanos | undefined): void => {
  invariant(has(memory, slot), "a calendar gives slots that there are")
  if (at !== undefined) Atomics.store(memory.u64, requestAt(slot), at)
  Atomics.store(memory.u32, flagsAt(slot), at === undefined ? 0 : HAS_REQUEST)
}

/**
 * What somebody wrote into a memory that they may not, each with the words that a log line has for it.
 *
 * @since 0.1.0
 * @category constants
 */
export const Rule = {
  MovedTimeBack: "the time in the memory never goes back",
  PassedFreeUntil: "the time in the memory goes no further than free_until allowed",
  RaisedFreeUntil: "clients only lower free_until",
  ChangedHeader: "the header is for the calendar to write",
  ChangedCapabilities: "a client says before its first WAIT whether it shares time, and once",
} as const

/**
 * The name of a rule.
 *
 * @since 0.1.0
 * @category models
 */
export type Rule = keyof typeof Rule

/**
 * A broken rule, and by whom.
 *
 * @since 0.1.0
 * @category models
 */
export interface Breach {
  readonly rule: Rule
  /**
   * Whose slot it is. Memory doesn't tell who wrote it: what only the running client may write is held against that
   * one. {@link NOBODY}, where none who shares was running.
   */
  readonly slot: number
  /** What was found in the memory, for people. */
  readonly detail: string
}

/**
 * A client that has a slot.
 *
 * @since 0.1.0
 * @category models
 */
export interface Member {
  readonly slot: number
  /** Whether it shares, as it said before its first WAIT; unknown before that. */
  readonly shares: boolean | undefined
}

/**
 * What a client asks for by the memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface Asked {
  readonly slot: number
  /** The calendar's ns: any 64 bits. */
  readonly at: Nanos
}

/**
 * What was found in a memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reading {
  /** How far the running client has come: never before the time published, never past the limit that was. */
  readonly time: Nanos
  /** The requests of those who share, in the order in which they were given as members. */
  readonly requests: ReadonlyArray<Asked>
  readonly breaches: ReadonlyArray<Breach>
}

/**
 * Reads all that a calendar wants to know when a turn has ended, each field once: how far the client has come whose
 * turn it was, and the requests of `members`, those who have a slot. `published` is what it told them last. What broke
 * a rule has no effect.
 *
 * @example
 * ```ts
 * import type { Nanos } from "guest-clock/core/Nanos"
 * import * as SharedMemory from "guest-clock/core/SharedMemory"
 *
 * const memory = SharedMemory.create(new ArrayBuffer(SharedMemory.sizeOf(8)), 8)
 * const published = { time: 10n as Nanos, freeUntil: 30n as Nanos, running: 1 }
 * SharedMemory.admit(memory, 1, 77n)
 * SharedMemory.join(memory, 1)
 * SharedMemory.publish(memory, published)
 * SharedMemory.moveTime(memory, 31n as Nanos)
 * const { time, breaches } = SharedMemory.read(memory, published, [{ slot: 1, shares: true }])
 * console.log(time, breaches[0]?.rule) // 10n PassedFreeUntil
 * ```
 *
 * @since 0.1.0
 * @category memory
 */
export const read = (memory: SharedMemory, published: Published, members: ReadonlyArray<Member>): Reading => {
  const { u16, u32, u64 } = memory
  const breaches: Array<Breach> = []
  // Who hasn't said that it shares hasn't written anything.
  const writer = members.some(({ slot, shares }) => slot === published.running && shares === true)
    ? published.running
    : NOBODY
  const breach = (rule: Rule, detail: string, slot = writer) => void breaches.push({ slot, rule, detail })
  const header = (name: string, found: number, written: number) => {
    if (found !== written) breach("ChangedHeader", `${name} is ${found}, and was ${written}`)
  }
  header("version", Atomics.load(u32, VERSION_AT), VERSION)
  header("len", Atomics.load(u32, LENGTH_AT), sizeOf(memory.slots))
  header("running_id", Atomics.load(u16, RUNNING_AT), published.running)
  header("max_clients", Atomics.load(u16, SLOTS_AT), memory.slots)
  const freeUntil = Atomics.load(u64, FREE_UNTIL_AT)
  if (freeUntil > published.freeUntil) {
    breach("RaisedFreeUntil", `free_until is ${freeUntil} ns, and was ${published.freeUntil} ns`)
  }
  const time = timeIn(memory, published, breach)
  const requests: Array<Asked> = []
  for (const { slot, shares } of members) {
    // Whatever is written into the slot of one that works by messages, it has no part in it.
    if (shares !== true) continue
    invariant(has(memory, slot), "a calendar gives slots that there are")
    if (!sharesTime(memory, slot)) {
      breach("ChangedCapabilities", `slot ${slot} doesn't share any more`, slot)
    } else if ((Atomics.load(u32, flagsAt(slot)) & HAS_REQUEST) !== 0) {
      requests.push({ slot, at: Atomics.load(u64, requestAt(slot)) as Nanos })
    }
  }
  return { time, requests, breaches }
}

/** The time in the memory, if it can be that. */
const timeIn = (
  { u64 }: SharedMemory,
  { time, freeUntil, running }: Published,
  breach: (rule: Rule, detail: string) => void,
): Nanos => {
  const found = Atomics.load(u64, TIME_AT) as Nanos
  // Who doesn't share tells its time by messages.
  const limit = running === NOBODY ? time : freeUntil
  if (found < time) breach("MovedTimeBack", `current_time is ${found} ns, and was ${time} ns`)
  else if (found > limit) breach("PassedFreeUntil", `current_time is ${found} ns, and may be ${limit} ns`)
  else return found
  return time
}

/**
 * What was found and the rule, for people, without whose it is.
 *
 * @since 0.1.0
 * @category formatting
 */
export const describe = ({ rule, detail }: Omit<Breach, "slot">): string => `${detail} (${rule}: ${Rule[rule]})`

/**
 * A breach as a line for people.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (breach: Breach): string =>
  `${breach.slot === NOBODY ? "somebody" : `the client of slot ${breach.slot}`}: ${describe(breach)}`
