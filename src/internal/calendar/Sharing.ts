/**
 * The shared memory of a calendar and some of its clients: reads it and writes it as `internal/core/MemoryTurns`
 * decides, for the interpreter of the calendar's commands.
 *
 * @module
 */
import type * as Calendar from "../../core/Calendar.ts"
import * as SharedMemory from "../../core/SharedMemory.ts"
import { encode, type Message, Op } from "../../core/Message.ts"
import { nameOf } from "../../calendar/Status.ts"
import * as IntMap from "../core/IntMap.ts"
import * as MemoryTurns from "../core/MemoryTurns.ts"
import { later, millis } from "../platform/EventLoop.ts"
import type { Peer } from "./Peer.ts"

/** How often the memory is read while nobody has the turn, in real ms: a kernel doesn't look again after it has asked. */
const READ_MS = 10

/** How often it is told at most that somebody writes what nobody may, in real ms. */
const TELL_MS = 1000

/** What is done with what is found in the memory. */
export interface Handling {
  readonly calendar: () => Calendar.Calendar
  readonly peerOf: (client: Calendar.ClientKey) => Peer | undefined
  /** A client has said something, as the message that it stands for. */
  readonly tell: (peer: Peer, message: Message) => void
  /** A client has broken a rule. */
  readonly putOut: (peer: Peer, why: string) => void
  /** Somebody has, and it can't be told who. */
  readonly onScribbled: (breach: SharedMemory.Breach) => void
  /** What was found where nobody has the turn has been done. */
  readonly onRead: () => void
}

/** A calendar's memory, and who has which slot of it. */
export class Sharing {
  #memory: SharedMemory.SharedMemory | undefined
  readonly #handling: Handling
  #turns: MemoryTurns.MemoryTurns
  #isShared = false
  #toldMs = -Infinity
  #cancelRead: (() => void) | undefined

  /**
   * `buffer` is all 0, and as long as {@link SharedMemory.sizeOf} says for so many slots, the calendar's included; without
   * one nobody shares, and clients get their first message in the way that a kernel needs.
   */
  constructor(buffer: ArrayBufferLike | undefined, slots: number, handling: Handling) {
    this.#memory = buffer && SharedMemory.create(buffer, slots)
    this.#turns = MemoryTurns.make(slots)
    this.#handling = handling
  }

  /** Has nothing more be read by itself. The memory is about to go. */
  stop(): void {
    this.#cancelRead?.()
    this.#memory = undefined
    this.#isShared = false
  }

  /**
   * A client is about to be heard, by an operation other than ACK: by its first one it has said whether it shares, and that
   * is kept. While somebody has the turn who doesn't share, others ask by messages: it will do to look at its end.
   */
  heard(peer: Peer, op: number): void {
    const holder = peer.shares ? undefined : MemoryTurns.holderOf(this.#turns, peer.key)
    if (this.#memory !== undefined && holder !== undefined && holder.shares === undefined) {
      peer.shares = SharedMemory.sharesTime(this.#memory, holder.slot)
      this.#set(MemoryTurns.heard(this.#turns, peer.key, peer.shares))
    }
    if (op === Op.Wait || this.#turns.published.running !== SharedMemory.NOBODY) this.read()
  }

  /** Tells the calendar what clients have said by the memory, and puts those out who have broken a rule. */
  read(): void {
    const memory = this.#memory
    if (memory === undefined || !this.#isShared) return
    const { published, holders } = this.#turns
    const reading = SharedMemory.read(memory, published, holders)
    const said = MemoryTurns.said(this.#turns, this.#handling.calendar(), reading)
    const culprits = reading.breaches.length === 0 ? [] : MemoryTurns.culprits(this.#turns, reading)
    for (const { client, message } of said) {
      const peer = this.#handling.peerOf(client)
      if (peer !== undefined && !peer.isClosing) this.#handling.tell(peer, message)
    }
    for (const { client, breach } of culprits) {
      const peer = this.#handling.peerOf(client)
      if (peer === undefined || peer.isClosing) continue
      this.#handling.putOut(peer, `${nameOf({ id: peer.id, connection: peer.key })}: ${SharedMemory.describe(breach)}`)
    }
    const others = reading.breaches.filter(({ slot }) => slot === SharedMemory.NOBODY)
    // Nobody who shares had the turn, so all of it is the calendar's to write.
    if (others.length > 0 && this.#turns.published === published) SharedMemory.publish(memory, published)
    if (others.length > 0 && millis() >= this.#toldMs + TELL_MS) {
      this.#toldMs = millis()
      this.#handling.onScribbled(others[0]!)
    }
  }

  /** Nobody has the turn, and what somebody has asked for by the memory may not have been seen. */
  readLater(): void {
    if (!this.#isShared) return
    this.#cancelRead ??= later(READ_MS, () => {
      this.#cancelRead = undefined
      if (this.#handling.calendar().turn !== undefined) return
      this.read()
      this.#handling.onRead()
      if (this.#handling.calendar().turn === undefined) this.readLater()
    })
  }

  /** A client that shares has sent a REQUEST that was taken: the calendar is in this state now. */
  requested({ key, shares }: Peer, calendar: Calendar.Calendar): void {
    const mirrored = shares ? MemoryTurns.mirrored(this.#turns, calendar, key) : undefined
    if (mirrored === undefined || this.#memory === undefined) return
    SharedMemory.setRequest(this.#memory, mirrored.slot, mirrored.at)
  }

  /**
   * Brings the memory up to date, before anybody hears of what has changed. The first message that a client is sent is
   * START's ACK: it goes with the memory, and says which slot is the client's. Returns the command that was done by that.
   */
  changed(
    before: Calendar.Calendar,
    after: Calendar.Calendar,
    commands: ReadonlyArray<Calendar.Command>,
  ): Calendar.Command | undefined {
    if (after.clients.size < before.clients.size) this.#dismissGone(after)
    // A client that is let in has the turn then, if it is still there.
    const { turn } = after
    const runs = turn === undefined || turn.client === before.turn?.client ? undefined : turn.client
    const peer = runs === undefined ? undefined : this.#handling.peerOf(runs)
    const isNew = peer?.wire.offer !== undefined && !peer.isOffered
    const slot = isNew ? this.#admit(peer) : undefined
    if (this.#memory !== undefined && this.#turns.holders.length > 0) this.#show(this.#memory, after, commands)
    if (!isNew) return undefined
    peer.isOffered = true
    const first = commands.find((command) => command._tag === "Send" && command.client === runs)
    if (first?._tag !== "Send") return undefined
    const message = encode({ ...first.message, time: BigInt(slot ?? 0) })
    if (peer.wire.offer!(message, slot !== undefined)) return first
    if (slot !== undefined) this.#dismiss(peer.key)
    return undefined
  }

  #show(
    memory: SharedMemory.SharedMemory,
    calendar: Calendar.Calendar,
    commands: ReadonlyArray<Calendar.Command>,
  ): void {
    const { turns, write } = MemoryTurns.shown(this.#turns, calendar, commands)
    this.#turns = turns
    this.#write(memory, write)
    // The client may have come further: it ends its turn where it is.
    if (MemoryTurns.keepsNewcomers(turns, calendar)) SharedMemory.lowerFreeUntil(memory, calendar.time)
  }

  #write(memory: SharedMemory.SharedMemory, write: MemoryTurns.Write | undefined): void {
    if (write === undefined) return
    if (write._tag === "Lower") return SharedMemory.lowerFreeUntil(memory, write.freeUntil)
    if (write.granted !== undefined) SharedMemory.setRequest(memory, write.granted, undefined)
    SharedMemory.publish(memory, write.published)
  }

  #admit({ key, id }: Peer): number | undefined {
    if (this.#memory === undefined) return undefined
    const { turns, slot } = MemoryTurns.admitted(this.#turns, key)
    this.#set(turns)
    if (slot !== undefined) SharedMemory.admit(this.#memory, slot, id!)
    return slot
  }

  #dismissGone({ clients }: Calendar.Calendar): void {
    for (const { client } of this.#turns.holders) {
      if (IntMap.get(clients, client) === undefined) this.#dismiss(client)
    }
  }

  #dismiss(client: Calendar.ClientKey): void {
    const { turns, slot } = MemoryTurns.departed(this.#turns, client)
    this.#set(turns)
    if (slot !== undefined && this.#memory !== undefined) SharedMemory.dismiss(this.#memory, slot)
  }

  #set(turns: MemoryTurns.MemoryTurns): void {
    this.#turns = turns
    this.#isShared = MemoryTurns.isShared(turns)
  }
}
