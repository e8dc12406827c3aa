/**
 * The interpreter that `core/MemoryTurns` describes, between a calendar, a memory, and whatever carries messages.
 *
 * @module
 */
import * as Calendar from "../../src/core/Calendar.ts"
import * as IntMap from "../../src/internal/core/IntMap.ts"
import * as MemoryTurns from "../../src/internal/core/MemoryTurns.ts"
import type { Message } from "../../src/core/Message.ts"
import * as SharedMemory from "../../src/core/SharedMemory.ts"
import { ACK, FREE_UNTIL, REQUEST, RUN, WAIT } from "./protocol.ts"

/** What is told of all that a board does. */
export interface Listener {
  /** A message to a client. START's ACK has a slot in its time, if `isLetIn` and there was one. */
  readonly send: (client: number, message: Message, isLetIn: boolean) => void
  /** A client is gone, whoever ended it. */
  readonly onGone: (client: number) => void
  readonly onTransition?: (before: Calendar.Calendar, after: Calendar.Transition) => void
}

/** A calendar whose clients may share its memory. */
export class MemoryBoard {
  calendar: Calendar.Calendar
  turns: MemoryTurns.MemoryTurns
  readonly memory: SharedMemory.SharedMemory
  readonly breaches: Array<SharedMemory.Breach> = []
  readonly violations: Array<string> = []
  /** Who was put out for what was in the memory. */
  readonly putOut: Array<number> = []
  /** How many turns were by memory. */
  sharedTurns = 0
  readonly #listener: Listener

  constructor(memory: SharedMemory.SharedMemory, clients: number, listener: Listener) {
    this.calendar = Calendar.make({ clients })
    this.turns = MemoryTurns.make(memory.slots)
    this.memory = memory
    this.#listener = listener
  }

  connect(key: number): void {
    this.calendar = Calendar.connected(this.calendar, key).state
  }

  /** A message of a client's over its socket. */
  say(key: number, message: Message): void {
    if (!this.#has(key)) return
    this.#hear(key)
    this.look()
    // Whatever it did to the memory may have cost it its connection.
    if (!this.#has(key)) return
    const { turns } = this
    const shares = MemoryTurns.holderOf(turns, key)?.shares === true
    if (shares && message.op === WAIT) return this.#apply(Calendar.asked(this.calendar, key, message))
    const next = Calendar.clientMessage(this.calendar, key, message)
    const mirrored = message.op === REQUEST ? MemoryTurns.mirrored(turns, next.state, key) : undefined
    if (mirrored !== undefined) SharedMemory.setRequest(this.memory, mirrored.slot, mirrored.at)
    this.#apply(next)
  }

  hangUp(key: number): void {
    if (!this.#has(key)) return
    this.look()
    this.#apply(Calendar.disconnected(this.calendar, key))
  }

  /** Reads the memory, and has the calendar hear what it says. */
  look(): void {
    if (!MemoryTurns.isShared(this.turns)) return
    const reading = SharedMemory.read(this.memory, this.turns.published, this.turns.holders)
    this.breaches.push(...reading.breaches)
    const culprits = MemoryTurns.culprits(this.turns, reading)
    for (const { client, message } of MemoryTurns.said(this.turns, this.calendar, reading)) {
      this.#apply(Calendar.asked(this.calendar, client, message))
    }
    for (const { client } of culprits) {
      this.putOut.push(client)
      this.#apply(Calendar.disconnected(this.calendar, client))
    }
  }

  #has(key: number): boolean {
    return IntMap.get(this.calendar.clients, key) !== undefined
  }

  /** A client that has a slot has said something: by now it has said whether it shares. */
  #hear(key: number): void {
    const holder = MemoryTurns.holderOf(this.turns, key)
    if (holder === undefined || holder.shares !== undefined) return
    this.turns = MemoryTurns.heard(this.turns, key, SharedMemory.sharesTime(this.memory, holder.slot))
  }

  #apply(transition: Calendar.Transition): void {
    const before = this.calendar
    const { state, commands } = transition
    this.#listener.onTransition?.(before, transition)
    this.calendar = state
    for (const [key] of IntMap.entries(before.clients)) if (!this.#has(key)) this.#gone(key)
    const sent: Array<Parameters<Listener["send"]>> = []
    for (const command of commands) {
      if (command._tag === "Disconnect") this.violations.push(command.violation.rule)
      if (command._tag !== "Send") continue
      const { client, message } = command
      const after = IntMap.get(state.clients, client)
      // It may have sent START only now.
      const isLetIn = message.op === ACK && after?.phase === "In" && message.seq === after.start?.seq &&
        IntMap.get(before.clients, client)?.phase !== "In"
      const slot = isLetIn ? this.#admit(client) : undefined
      const shares = MemoryTurns.holderOf(this.turns, client)?.shares === true
      if (shares && message.op === RUN) this.sharedTurns++
      if (shares && message.op === FREE_UNTIL) continue
      sent.push([client, slot === undefined ? message : { ...message, time: BigInt(slot) }, isLetIn])
    }
    const { turns, write } = MemoryTurns.shown(this.turns, state, commands)
    this.turns = turns
    if (write?._tag === "Publish") {
      if (write.granted !== undefined) SharedMemory.setRequest(this.memory, write.granted, undefined)
      SharedMemory.publish(this.memory, write.published)
    } else if (write?._tag === "Lower") SharedMemory.lowerFreeUntil(this.memory, write.freeUntil)
    for (const each of sent) this.#listener.send(...each)
  }

  #admit(client: number): number | undefined {
    const { turns, slot } = MemoryTurns.admitted(this.turns, client)
    this.turns = turns
    if (slot !== undefined) SharedMemory.admit(this.memory, slot, IntMap.get(this.calendar.clients, client)!.id)
    return slot
  }

  #gone(key: number): void {
    const { turns, slot } = MemoryTurns.departed(this.turns, key)
    this.turns = turns
    if (slot !== undefined) SharedMemory.dismiss(this.memory, slot)
    this.#listener.onGone(key)
  }
}
