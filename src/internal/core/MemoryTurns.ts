/**
 * Translates shared memory to messages and back: a client's slot becomes the messages that it stands for, and the
 * calendar's state is written into the memory.
 *
 * The {@link Calendar} itself knows of no memory. To it, a client that shares is one that asks at once and is told at
 * once, as those in its own process are (`asked`). So there is one set of rules, and a client that breaks one is named
 * and put out.
 *
 * This is how the interpreter of a calendar's commands uses it:
 *
 * 1. *START's ACK* goes to a client that is let in. It gets a slot ({@link admitted}), whose number is in the ACK's
 *    time, and the memory's descriptor. Without a free slot it gets neither, and works by messages.
 * 2. *The client's first message after that* tells whether it shares ({@link heard}): it has said so in its slot by
 *    then.
 * 3. *Before any message is taken*, by anybody, the memory is read (`SharedMemory.read`, with `published` and
 *    `holders`). Then come the messages that the reading stands for ({@link said}), in order, by `asked`. A client that broke
 *    a rule is put out after that ({@link culprits}, which is asked first, as a slot may be somebody else's then).
 * 4. *The message itself* goes the usual way, or by `asked` if it is the WAIT of one that shares, which is not
 *    acknowledged. A REQUEST of one that shares is written to its slot before it is acknowledged ({@link mirrored}).
 * 5. *After that* the memory is written ({@link shown}). RUN goes out as a message, in the client's own time, and no
 *    ACK of it is waited for; FREE_UNTIL is in the memory.
 *
 * All of it is values: a trace that has the messages of a reading has all that there is to replay.
 *
 * @module
 */
import { max, min } from "./Extremes.ts"
import type { Calendar, ClientKey, Command } from "./CalendarState.ts"
import { invariant } from "../../core/Fault.ts"
import * as IntMap from "./IntMap.ts"
import { type Message, Op } from "../../core/Message.ts"
import { FOREVER, type Nanos, NONE, ZERO } from "../../core/Nanos.ts"
import * as Schedule from "./Schedule.ts"
import { type Breach, type Member, NOBODY, type Published, type Reading } from "../../core/SharedMemory.ts"

/** The owner of a slot. */
export interface Holder extends Member {
  readonly client: ClientKey
}

/** What is known of a memory: everything that affects what is made of its contents next. */
export interface MemoryTurns {
  /** The owners of slots, in order of the slots. */
  readonly holders: ReadonlyArray<Holder>
  /**
   * The slots that are free: the one that has been so for longest comes first, as its last owner may still write there.
   */
  readonly free: ReadonlyArray<number>
  /** What all were told last. */
  readonly published: Published
  /** Whose turn that was, if anybody's. */
  readonly turn: ClientKey | undefined
  /** What its limit has been lowered to. */
  readonly lowered: Nanos
}

/** Something that a client said by the memory, as the message that it stands for, in the client's own time. */
export interface Said {
  readonly client: ClientKey
  readonly message: Message
}

/** A client that broke a rule by what it wrote. */
export interface Culprit {
  readonly client: ClientKey
  readonly breach: Breach
}

/** What is to be written. */
export type Write =
  /** A turn has begun, or nobody who shares has it: all of it. `granted` is the slot whose request that was. */
  | { readonly _tag: "Publish"; readonly published: Published; readonly granted: number | undefined }
  /** The turn goes on, and its limit is earlier. */
  | { readonly _tag: "Lower"; readonly freeUntil: Nanos }

/** A memory of so many slots, the calendar's included, when nobody has one. */
export const make = (slots: number): MemoryTurns => ({
  holders: [],
  free: Array.from({ length: slots - 1 }, (_, index) => index + 1),
  published: { time: ZERO, freeUntil: ZERO, running: NOBODY },
  turn: undefined,
  lowered: ZERO,
})

/** A client is let in: its slot, if there is one for it. */
export const admitted = (
  turns: MemoryTurns,
  client: ClientKey,
): { readonly turns: MemoryTurns; readonly slot: number | undefined } => {
  invariant(holderOf(turns, client) === undefined, "a client is let in once")
  const [slot, ...free] = turns.free
  if (slot === undefined) return { turns, slot }
  const holders = [...turns.holders, { slot, client, shares: undefined }].sort((a, b) => a.slot - b.slot)
  return { turns: { ...turns, holders, free }, slot }
}

/** A client has said whether it shares. What it says later is a breach. */
export const heard = (turns: MemoryTurns, client: ClientKey, shares: boolean): MemoryTurns => ({
  ...turns,
  holders: turns.holders.map((holder) =>
    holder.client === client && holder.shares === undefined ? { ...holder, shares } : holder
  ),
})

/** A client has left: the slot that is free now, if it had one. */
export const departed = (
  turns: MemoryTurns,
  client: ClientKey,
): { readonly turns: MemoryTurns; readonly slot: number | undefined } => {
  const turn = turns.turn === client ? undefined : turns.turn
  const holder = holderOf(turns, client)
  if (holder === undefined) return { turns: { ...turns, turn }, slot: undefined }
  const holders = turns.holders.filter((other) => other !== holder)
  return { turns: { ...turns, holders, free: [...turns.free, holder.slot], turn }, slot: holder.slot }
}

/** The slot of each client. */
export const holderOf = ({ holders }: MemoryTurns, client: ClientKey): Holder | undefined =>
  holders.find((holder) => holder.client === client)

/** Whether anybody shares, so that the memory must be looked at. */
export const isShared = ({ holders }: MemoryTurns): boolean => holders.some(({ shares }) => shares === true)

/** The clients to be dropped for what a reading has found, each once, with the first rule that it broke. */
export const culprits = (turns: MemoryTurns, { breaches }: Reading): ReadonlyArray<Culprit> => {
  const found = new Map<ClientKey, Breach>()
  for (const breach of breaches) {
    const client = clientAt(turns, breach.slot)
    if (client !== undefined && !found.has(client)) found.set(client, breach)
  }
  return [...found].map(([client, breach]) => ({ client, breach }))
}

const clientAt = ({ holders }: MemoryTurns, slot: number): ClientKey | undefined =>
  holders.find((holder) => holder.slot === slot)?.client

/**
 * The messages that a reading stands for, to be told to the calendar by `asked`, in this order: the requests of the
 * others, by slot; how far the running client has come; and what it asks for itself, which it does last. What culprits
 * say is left out.
 *
 * Others' requests come first, as time may not pass them. The running client may be past one that was written in that
 * very moment: to the calendar that is as where FREE_UNTIL and UPDATE cross, and it goes to that request only. Where
 * nobody has the turn they come by time: the first one begins a turn, and the others are found by that.
 */
export const said = (turns: MemoryTurns, calendar: Calendar, reading: Reading): ReadonlyArray<Said> => {
  const { turn } = calendar
  const guilty = reading.breaches.length === 0 ? [] : culprits(turns, reading).map(({ client }) => client)
  const asked = reading.requests.flatMap(({ slot, at }) => {
    const client = clientAt(turns, slot)
    return client === undefined || guilty.includes(client) ? [] : [{ client, at }]
  })
  if (turn === undefined) asked.sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0)
  const messages: Array<Said> = []
  const ask = ({ client, at }: { readonly client: ClientKey; readonly at: Nanos }) => {
    const message = requestOf(calendar, client, at)
    if (message !== undefined) messages.push({ client, message })
  }
  for (const request of asked) if (request.client !== turn?.client) ask(request)
  if (turn === undefined || holderOf(turns, turn.client)?.shares !== true || guilty.includes(turn.client)) {
    return messages
  }
  const { client, limit } = turn
  const { offset, reached } = IntMap.get(calendar.clients, client)!
  const to = min(reading.time, limit)
  if (to > max(reached, calendar.time)) {
    messages.push({ client, message: { op: Op.Update, seq: 0, time: to - offset } })
  }
  const own = asked.find((request) => request.client === client)
  if (own !== undefined) ask(own)
  return messages
}

/** A request as a message, unless it is known. */
const requestOf = ({ clients, schedule }: Calendar, client: ClientKey, at: Nanos): Message | undefined => {
  const { offset } = IntMap.get(clients, client)!
  const known = Schedule.timeOf(schedule, client)
  if (at >= FOREVER) return known === undefined ? undefined : { op: Op.Request, seq: 0, time: NONE }
  if (at === known) return undefined
  // Before the client was let in is before now, and due at once.
  return { op: Op.Request, seq: 0, time: at > offset ? at - offset : ZERO }
}

/**
 * What is to be written, now that the calendar is in this state, and has these commands: nothing, as long as a turn
 * that is shared goes on with the limit that it has.
 */
export const shown = (
  turns: MemoryTurns,
  calendar: Calendar,
  commands: ReadonlyArray<Command>,
): { readonly turns: MemoryTurns; readonly write: Write | undefined } => {
  const { turn, time } = calendar
  const holder = turn && holderOf(turns, turn.client)
  const freeUntil = turn?.freeUntil ?? time
  const granted = turn !== undefined && commands.some((command) => isRun(command, turn.client))
  // Before it has said whether it shares, its slot says that it doesn't.
  const running = holder === undefined || holder.shares === false ? NOBODY : holder.slot
  const goesOn = !granted && turn?.client === turns.turn && running === turns.published.running
  if (goesOn && running !== NOBODY) {
    if (freeUntil >= turns.lowered) return { turns, write: undefined }
    return { turns: { ...turns, lowered: freeUntil }, write: { _tag: "Lower", freeUntil } }
  }
  const published = { time, freeUntil, running }
  if (goesOn && isSame(published, turns.published)) return { turns, write: undefined }
  return {
    turns: { ...turns, published, turn: turn?.client, lowered: freeUntil },
    write: { _tag: "Publish", published, granted: granted ? holder?.slot : undefined },
  }
}

/**
 * What a client's slot is to say, when it has sent a REQUEST that was taken: the request that it has now, so that an
 * older one there isn't taken for a new one. Nothing, for a client that doesn't share.
 */
export const mirrored = (
  turns: MemoryTurns,
  { schedule }: Calendar,
  client: ClientKey,
): { readonly slot: number; readonly at: Nanos | undefined } | undefined => {
  const holder = holderOf(turns, client)
  return holder?.shares === true ? { slot: holder.slot, at: Schedule.timeOf(schedule, client) } : undefined
}

/**
 * Whether a client that shares is alone and keeps somebody from being let in, which is done when its turn is over: it may
 * run on by itself for ever, and hears of nothing but an earlier limit.
 */
export const keepsNewcomers = ({ published }: MemoryTurns, calendar: Calendar): boolean => {
  const { open, turn, gathered, late, schedule } = calendar
  return published.running !== NOBODY && turn !== undefined && open && gathered.size + late.size > 0 &&
    Schedule.first(schedule) === undefined
}

const isRun = (command: Command, client: ClientKey): boolean =>
  command._tag === "Send" && command.client === client && command.message.op === Op.Run

const isSame = (a: Published, b: Published): boolean =>
  a.time === b.time && a.freeUntil === b.freeUntil && a.running === b.running
