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
import { FOREVER, type Nanos } from "./Nanos.ts"

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
const SHARES_TIME = 1

/** In flags: `req_time` is a request. */
const HAS_REQUEST = 1

// Where fields are, in units of their own size.
const VERSION_AT = 0
const LENGTH_AT = 1
const FREE_UNTIL_AT = 1
const TIME_AT = 2
const RUNNING_AT = 12
const SLOTS_AT = 13
const capabilitiesAt = (slot: number): number => (HEADER_BYTES + SLOT_BYTES * slot) / 4
const flagsAt = (slot: number): number => capabilitiesAt(slot) + 1
const requestAt = (slot: number): number => (HEADER_BYTES + SLOT_BYTES * slot) / 8 + 1
const nameAt = (slot: number): number => requestAt(slot) + 1

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

const viewed = (buffer: ArrayBufferLike, slots: number): SharedMemory => {
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

const has = (memory: SharedMemory, slot: number): boolean =>
  Number.isInteger(slot) && slot > NOBODY && slot < memory.slots

// ------------------------------------------------------------------ the calendar

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
 * Whether a slot's client shares. To be asked once, at its first message after START's ACK, and kept.
 *
 * @since 0.1.0
 * @category memory
 */
export const sharesTime = (memory: SharedMemory, slot: number): boolean =>
  (Atomics.load(memory.u32, capabilitiesAt(slot)) & SHARES_TIME) !== 0

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

// -------------------------------------------------------------------- the client

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
