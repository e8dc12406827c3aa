/**
 * Worlds of clients of one calendar, some of which share memory with it, in one process and without real time. The
 * guests are written from PROTOCOL, by messages and by memory.
 *
 * @module
 */
import type * as Calendar from "../../src/core/Calendar.ts"
import * as IntMap from "../../src/internal/core/IntMap.ts"
import type { Message } from "../../src/core/Message.ts"
import type { Nanos } from "../../src/core/Nanos.ts"
import * as Schedule from "../../src/internal/core/Schedule.ts"
import * as SharedMemory from "../../src/core/SharedMemory.ts"
import { MemoryBoard } from "./memoryBoard.ts"
import { ACK, FREE_UNTIL, GET, REQUEST, RUN, START, UPDATE, WAIT } from "./protocol.ts"
import { type Random, random } from "./random.ts"

const NONE = (1n << 64n) - 1n
const FOREVER = (1n << 63n) - 1n

/** How a client works: by messages, by memory, or by messages though it was offered a memory. */
export type Way = "messages" | "memory" | "ignores the memory"

export interface Options {
  readonly seed: number
  /** How each client works, in order of their IDs. */
  readonly ways: ReadonlyArray<Way>
  /** How many of them are there at the beginning; the others come one by one. */
  readonly early: number
  /** How many slots the memory has, the calendar's included. */
  readonly slots: number
  /** How many events each of them has in its life. */
  readonly work: number
  /** Whether some die, in a turn or outside of one. */
  readonly deaths: boolean
  /** Done before each step of anybody. */
  readonly disturb?: (world: World) => void
}

/** Guests of one calendar. What it must never do is looked at after each of its steps. */
export class World {
  readonly guests: Array<Guest> = []
  /** Who had turns, and when, in the calendar's time. */
  readonly grants: Array<readonly [id: number, time: bigint]> = []
  /** How many messages went over sockets, both ways. */
  messages = 0
  readonly options: Options
  readonly board: MemoryBoard
  readonly #inboxes = new Map<number, Array<Message>>()

  constructor(options: Options) {
    this.options = options
    const buffer = new ArrayBuffer(SharedMemory.sizeOf(options.slots))
    this.board = new MemoryBoard(SharedMemory.create(buffer, options.slots), options.early, {
      send: (client, message) => {
        this.messages++
        this.#inboxes.get(client)!.push(message)
      },
      onGone: (client) => {
        this.guests[client]!.gone = true
      },
      onTransition: (before, after) => this.#check(before, after),
    })
  }

  /** Runs until all have left. */
  run(): this {
    const { early, ways } = this.options
    for (let id = 0; id < early; id++) this.arrive()
    for (let steps = 0; this.guests.length < ways.length || this.guests.some((guest) => !guest.gone); steps++) {
      if (steps > 100_000) throw new Error("it doesn't come to an end")
      const { turn } = this.board.calendar
      if (turn !== undefined) this.guests[turn.client]!.haveTurn()
      // All wait for what doesn't come.
      else if (this.guests.length < ways.length) this.arrive()
      else this.guests.find((guest) => !guest.gone)!.leave()
    }
    return this
  }

  arrive(): void {
    const id = this.guests.length
    const way = this.options.ways[id]
    if (way === undefined) return
    this.#inboxes.set(id, [])
    this.board.connect(id)
    this.guests.push(new Guest(this, id, way))
    this.say(id, START, BigInt(id), 1)
  }

  /** A message of a client's over its socket. */
  say(key: number, op: number, time: bigint, seq: number): void {
    this.messages++
    this.board.say(key, { op, seq, time })
  }

  /** What was sent to a client. */
  take(key: number): Message | undefined {
    return this.#inboxes.get(key)!.shift()
  }

  #check(before: Calendar.Calendar, { state, commands }: Calendar.Transition): void {
    const { turn } = before
    if (state.time < before.time) throw new Error(`the calendar's time went back from ${before.time} to ${state.time}`)
    // No time passes by itself that somebody else waits for.
    if (turn !== undefined && state.turn?.client === turn.client && !commands.some(isRun)) {
      for (const [client] of IntMap.entries(before.clients)) {
        const at = client === turn.client ? undefined : Schedule.timeOf(before.schedule, client)
        if (at !== undefined && at >= before.time && at < state.time) {
          throw new Error(`it is ${state.time}, past ${at}, when ${client} is due`)
        }
      }
    }
    for (const command of commands) {
      if (!isRun(command) || command._tag !== "Send") continue
      const { client, message } = command
      const at = message.time + IntMap.get(state.clients, client)!.offset
      if (at !== state.time) throw new Error(`RUN says ${at}, and it is ${state.time}`)
      if (turn?.client === client && Schedule.timeOf(before.schedule, client) === undefined) {
        throw new Error(`client ${client} has asked for nothing, and is run twice`)
      }
      this.grants.push([client, at])
    }
  }
}

const isRun = (command: Calendar.Command): boolean => command._tag === "Send" && command.message.op === RUN

/**
 * A client with events of its own, which interrupts others. What it does is decided by its ID and what it has done so
 * far.
 */
class Guest {
  gone = false
  /** What it saw: its own time at each of its events. */
  readonly seen: Array<bigint> = []
  readonly #world: World
  readonly #key: number
  readonly #way: Way
  readonly #dice: Random
  #memory: SharedMemory.SharedMemory | undefined
  #slot = 0
  #offset = 0n
  #now = 0n
  #events: Array<bigint> = []
  #work: number
  #freeUntil: bigint | undefined
  #seq = 0
  #isIn = false
  #mayRun = false

  constructor(world: World, key: number, way: Way) {
    this.#world = world
    this.#key = key
    this.#way = way
    const { seed, work } = world.options
    this.#dice = random(seed * 1000 + key)
    this.#work = work
  }

  /** It has the turn: it runs until its WAIT, or leaves. */
  haveTurn(): void {
    this.#heed()
    this.#disturb()
    if (this.gone) return
    if (!this.#isIn) throw new Error(`client ${this.#key} has a turn and hasn't been let in`)
    if (this.#mayRun || this.#events.length === 0) this.#workOn()
    this.#mayRun = false
    if (this.gone) return
    this.#disturb()
    // So that whoever is let in next finds the time that it would find in the memory.
    if (this.#memory === undefined) this.#exchange(UPDATE, this.#now)
    this.#request()
    if (!this.gone) this.#say(WAIT, NONE)
  }

  leave(): void {
    // As far as the memory would say that it has come.
    if (this.#memory === undefined && this.#world.board.calendar.turn?.client === this.#key) {
      this.#exchange(UPDATE, this.#now)
    }
    this.gone = true
    this.#world.board.hangUp(this.#key)
  }

  /** Its events up to now, and those that it may go on to by itself. */
  #workOn(): void {
    if (this.#events.length === 0) this.#add(this.#random(1_000_000n))
    while (!this.gone) {
      const next = this.#events[0]
      if (next === undefined) return
      if (next > this.#now) {
        if (!(next < this.#limit())) return
        this.#setTime(next)
        this.#memory && SharedMemory.moveTime(this.#memory, this.#now + this.#offset as Nanos)
        this.#disturb()
      }
      this.#events.shift()
      this.#event()
    }
  }

  #event(): void {
    this.seen.push(this.#now)
    if (this.#work-- <= 0) return this.#dice.bool() ? this.leave() : undefined
    if (this.#world.options.deaths && this.#dice.bool(0.01)) return this.leave()
    for (let more = this.#dice.int(3); more > 0 || this.#events.length === 0; more--) {
      this.#add(this.#random(1_000_000n))
      if (more === 0) break
    }
    if (this.#dice.bool(0.2)) this.#interrupt(this.#dice.int(this.#world.guests.length))
    if (this.#dice.bool(0.05)) this.#world.arrive()
  }

  /** Reaches another in the middle of this one's turn, as a device does. */
  #interrupt(key: number): void {
    const other = this.#world.guests[key]!
    // Its own time first, for whoever asks.
    if (this.#memory === undefined) this.#exchange(UPDATE, this.#now)
    if (key !== this.#key && !this.gone && !other.gone && other.#isIn) other.#interrupted()
    this.#heed()
  }

  #interrupted(): void {
    this.#disturb()
    if (this.gone) return
    this.#setTime(
      this.#memory === undefined ? this.#exchange(GET, NONE) : SharedMemory.time(this.#memory) - this.#offset,
    )
    this.#add(this.#random(100_000n))
    if (this.#world.options.deaths && this.#dice.bool(0.01)) return this.leave()
    this.#request()
  }

  #limit(): bigint {
    if (this.#memory !== undefined) return SharedMemory.freeUntil(this.#memory) - this.#offset
    this.#heed()
    return this.#freeUntil ?? 0n
  }

  #request(): void {
    const [next] = this.#events
    if (next === undefined || this.gone) return
    const at = next + this.#offset
    if (this.#memory !== undefined && SharedMemory.request(this.#memory, this.#slot, at as Nanos)) return
    this.#exchange(REQUEST, next)
  }

  /** Says something, and has the answer. The running client acknowledges at once what it is told meanwhile. */
  #exchange(op: number, time: bigint): bigint {
    this.#say(op, time)
    const running = this.#world.board.calendar.turn?.client
    if (running !== undefined && running !== this.#key) this.#world.guests[running]!.#heed()
    return this.#heed() ?? this.#now
  }

  #say(op: number, time: bigint): void {
    this.#world.say(this.#key, op, time, ++this.#seq)
  }

  /** Takes what has arrived; the time of the last ACK. */
  #heed(): bigint | undefined {
    let answer: bigint | undefined
    for (let message = this.#world.take(this.#key); message !== undefined; message = this.#world.take(this.#key)) {
      switch (message.op) {
        case ACK:
          if (this.#isIn) answer = message.time
          else this.#enter(message.time)
          break
        case RUN:
          if (this.#memory === undefined && message.time !== this.#events[0] && message.time > this.#now) {
            throw new Error(`client ${this.#key} asked for ${this.#events[0]}, and is run at ${message.time}`)
          }
          this.#setTime(message.time)
          this.#mayRun = true
          if (this.#memory !== undefined) SharedMemory.takeRun(this.#memory, this.#slot)
          else this.#world.say(this.#key, ACK, 0n, message.seq)
          break
        case FREE_UNTIL:
          this.#freeUntil = message.time
          this.#world.say(this.#key, ACK, 0n, message.seq)
          break
      }
    }
    return answer
  }

  #enter(slot: bigint): void {
    this.#isIn = true
    if (this.#way !== "memory") return
    const attached = SharedMemory.attach(this.#world.board.memory.u64.buffer)
    if (attached._tag === "Unusable" || !SharedMemory.join(attached.memory, Number(slot & 0xffffn))) return
    this.#memory = attached.memory
    this.#slot = Number(slot & 0xffffn)
    this.#offset = SharedMemory.time(attached.memory)
  }

  #setTime(to: bigint): void {
    // What others write into the memory is seen by those who share, and by nobody else.
    if (to < this.#now && (this.#memory === undefined || this.#world.options.disturb === undefined)) {
      throw new Error(`client ${this.#key}: time went back from ${this.#now} to ${to}`)
    }
    if (to > this.#now) this.#now = to
  }

  #add(delay: bigint): void {
    const at = this.#now + delay
    if (at + this.#offset >= FOREVER) return
    this.#events.push(at)
    this.#events.sort((a, b) => a < b ? -1 : a > b ? 1 : 0)
  }

  #random(most: bigint): bigint {
    return 1n + this.#dice.bigint(most)
  }

  #disturb(): void {
    this.#world.options.disturb?.(this.#world)
  }
}
