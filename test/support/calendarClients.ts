/**
 * Clients for a calendar, written from PROTOCOL alone: guests of both
 * generations, and rogues that send anything.
 *
 * A client takes its messages from `inbox` and puts its own into `outbox`. How
 * long they stay in there is the test's choice, so they cross in every way.
 *
 * @module
 */
import type { Message } from "../../src/core/Message.ts"
import type { Random } from "./random.ts"
import { ACK, BROADCAST, FREE_UNTIL, GET, GET_TOD, REQUEST, RUN, START, UPDATE, WAIT } from "./protocol.ts"

const NONE = (1n << 64n) - 1n
export const FOREVER = (1n << 63n) - 1n

export interface Client {
  readonly key: number
  readonly inbox: Array<Message>
  readonly outbox: Array<Message>
  readonly honest: boolean
  /** Does one thing. Says no if it has nothing to do before more comes in. */
  readonly step: () => boolean
  /** It wants to hang up. */
  done: boolean
  gone: boolean
}

/** What a guest waits for: an answer; RUN or an interrupt; or that a condition holds. */
type Need = "message" | "interrupt" | (() => boolean)

export interface GuestOptions {
  readonly key: number
  readonly id: bigint
  readonly dice: Random
  /** Whether it is of the generation that forgets free-until on WAIT. */
  readonly recent: boolean
  /** How many events it adds in its life. */
  readonly work: number
  readonly others: ReadonlyArray<Client>
  /** Whether interrupts may reach clients at any time, or those who interrupt may die: times may be missed then. */
  readonly loose: boolean
}

/** A guest with a queue of events, as far as its calendar can tell. */
export class Guest implements Client {
  readonly key: number
  readonly inbox: Array<Message> = []
  readonly outbox: Array<Message> = []
  readonly honest = true
  done = false
  gone = false
  interrupts = 0
  /** Whether its START was acknowledged. */
  entered = false
  idle = false

  readonly #options: GuestOptions
  readonly #life: Generator<Need, void, Message | undefined>
  #need: Need
  #seq = 0
  #now = 0n
  #events: Array<bigint> = []
  #work: number
  #freeUntil: bigint | undefined
  #previousRequest: bigint | undefined
  #ran = false
  #updated: bigint | undefined

  constructor(options: GuestOptions) {
    this.key = options.key
    this.#options = options
    this.#work = options.work
    this.#life = this.#live()
    this.#need = this.#life.next().value as Need
  }

  step(): boolean {
    if (this.done || this.gone) return false
    const input = this.#need === "interrupt" && this.interrupts > 0 ? undefined : this.inbox.shift()
    if (input === undefined && this.#need !== "interrupt" && !(typeof this.#need === "function" && this.#need())) {
      return false
    }
    if (input === undefined && this.#need === "interrupt" && this.interrupts === 0) return false
    const { value, done } = this.#life.next(input)
    if (done) this.done = true
    else this.#need = value
    return true
  }

  #fault(what: string): void {
    if (!this.#options.loose) throw new Error(`guest ${this.key}: ${what}`)
  }

  #setTime(to: bigint): void {
    if (to < this.#now) this.#fault(`time went back from ${this.#now} to ${to}`)
    else this.#now = to
  }

  #take(message: Message): void {
    if (message.op === ACK) return this.#fault("an ACK in between")
    if (message.op === RUN) {
      this.#setTime(message.time)
      this.#ran = true
    } else if (message.op === FREE_UNTIL) this.#freeUntil = message.time
    this.outbox.push({ op: ACK, seq: message.seq, time: 0n })
  }

  *#exchange(op: number, time: bigint): Generator<Need, bigint, Message | undefined> {
    const seq = ++this.#seq
    this.outbox.push({ op, seq, time })
    while (true) {
      const message = (yield "message")!
      if (message.op === ACK) {
        if (message.seq !== seq) throw new Error(`guest ${this.key}: ACK of ${message.seq} instead of ${seq}`)
        return message.time
      }
      this.#take(message)
    }
  }

  *#request(time: bigint, running: boolean): Generator<Need, void, Message | undefined> {
    if (this.#previousRequest === time) return
    const free = this.#freeUntil !== undefined && time < this.#freeUntil
    if (this.#options.recent && running && free) return
    this.#previousRequest = time
    yield* this.#exchange(REQUEST, time)
  }

  #add(time: bigint): void {
    this.#events.push(time)
    this.#events.sort((a, b) => a < b ? -1 : a > b ? 1 : 0)
  }

  *#interrupted(): Generator<Need, void, Message | undefined> {
    this.#setTime(yield* this.#exchange(GET, NONE))
    this.#add(this.#now)
    yield* this.#request(this.#events[0]!, false)
    this.interrupts--
  }

  *#live(): Generator<Need, void, Message | undefined> {
    const { dice, recent, id } = this.#options
    yield* this.#exchange(START, id)
    this.entered = true
    if (this.#work > 0) this.#add(dice.bigint(50n))
    while (this.#events.length > 0 || this.#work > 0 || dice.bool()) {
      const next = this.#events[0] ?? FOREVER
      if (this.#freeUntil !== undefined && next < this.#freeUntil) this.#now = next > this.#now ? next : this.#now
      else {
        yield* this.#request(next, false)
        this.#previousRequest = undefined
        if (recent) this.#freeUntil = undefined
        this.#ran = false
        yield* this.#exchange(WAIT, NONE)
        while (!this.#ran) {
          this.idle = this.#events.length === 0
          const message = yield "interrupt"
          this.idle = false
          if (message === undefined) yield* this.#interrupted()
          else this.#take(message)
        }
        this.#previousRequest = undefined
      }
      while (this.#events.length > 0 && this.#events[0]! <= this.#now) {
        if (this.#events[0]! < this.#now) this.#fault(`missed the event at ${this.#events[0]} by ${this.#now}`)
        this.#events.shift()
        yield* this.#handle()
      }
    }
  }

  /** What a guest does when an event is due. */
  *#handle(): Generator<Need, void, Message | undefined> {
    const { dice, recent } = this.#options
    for (let more = dice.int(3); more > 0 && this.#work > 0; more--) {
      this.#work--
      this.#add(this.#now + dice.bigint(dice.pick([1n, 10n, 100n, 1000n])))
    }
    if (this.#events.length === 0 && this.#work > 0) this.#add(this.#now + dice.bigint(30n))
    if (this.#events.length > 0) yield* this.#request(this.#events[0]!, true)
    if (dice.bool(0.1)) yield* this.#exchange(BROADCAST, dice.bigint(1n << 64n))
    if (dice.bool(0.1)) yield* this.#exchange(GET_TOD, NONE)
    if (dice.bool(0.3)) {
      if (!recent || this.#updated !== this.#now) yield* this.#exchange(UPDATE, this.#now)
      this.#updated = this.#now
      const others = this.#options.others.filter((other): other is Guest =>
        other instanceof Guest && other !== this && other.entered && !other.gone && !other.done
      )
      if (others.length === 0) return
      const other = dice.pick(others)
      other.interrupts++
      // As a virtio device does: it goes on when the other has taken note.
      const isTaken = () => other.interrupts === 0 || other.gone || other.done
      while (!isTaken()) {
        const message = yield isTaken
        if (message !== undefined) this.#take(message)
      }
    }
  }
}

/** Sends anything at any time: mostly what fits, with small numbers. */
export class Rogue implements Client {
  readonly key: number
  readonly inbox: Array<Message> = []
  readonly outbox: Array<Message> = []
  readonly honest = false
  done = false
  gone = false
  readonly #dice: Random
  readonly #acks: boolean
  #talk: number
  #seq = 0

  constructor(key: number, dice: Random) {
    this.key = key
    this.#dice = dice
    this.#acks = dice.bool(0.8)
    this.#talk = 1 + dice.int(40)
    if (dice.bool(0.9)) this.#say(START)
  }

  #say(op: number): void {
    const dice = this.#dice
    const time = dice.pick([0n, 1n, 1n << 62n, FOREVER, NONE, dice.bigint(100n), dice.bigint(3000n), dice.bigint(NONE)])
    this.outbox.push({ op, seq: ++this.#seq, time })
  }

  step(): boolean {
    const dice = this.#dice
    const message = this.inbox.shift()
    if (message !== undefined) {
      if (message.op !== ACK && this.#acks) this.outbox.push({ op: ACK, seq: message.seq, time: dice.bigint(9n) })
      return true
    }
    if (this.#talk === 0 || dice.bool(0.9)) return false
    this.#talk--
    this.#say(dice.pick([REQUEST, REQUEST, WAIT, WAIT, GET, UPDATE, GET_TOD, BROADCAST, dice.int(12), 77]))
    return true
  }
}
