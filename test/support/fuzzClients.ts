/**
 * Clients of a calendar that is fuzzed: one that keeps to PROTOCOL and holds the
 * calendar to it, and one that may send anything.
 *
 * @module
 */
import type { Wire } from "./fuzzWires.ts"
import { ACK, BROADCAST, FREE_UNTIL, GET, GET_TOD, REQUEST, RUN, START, UPDATE, WAIT } from "./protocol.ts"
import type { Random } from "./random.ts"
import { Inbox, type Msg, show, toBytes } from "./wire.ts"

const NONE = (1n << 64n) - 1n
const EDGES = [0n, 1n, 1n << 40n, (1n << 62n) + 1n, (1n << 63n) - 2n, (1n << 63n) - 1n, 1n << 63n, NONE]

const max = (a: bigint, b: bigint): bigint => a > b ? a : b

/** A question that waits for its ACK. */
interface Asked {
  readonly op: number
  readonly seq: number
  readonly time: bigint
}

/**
 * A client that keeps to PROTOCOL. It runs ahead, is interrupted while it waits,
 * and asks for the time; times are its own.
 */
export class Good {
  /** What was said to it and by it, the last of it. */
  readonly log: Array<string> = []
  readonly id: bigint
  state: "New" | "Held" | "Running" | "Waiting" | "Gone" = "New"
  turns = 0
  #seq = 0
  /** The time here, which may be ahead of what the calendar was told. */
  #now = 0n
  /** The time that the calendar told, or was told, last. */
  #told = 0n
  #runAt = 0n
  #freeUntil: bigint | undefined
  /** The request on the schedule, and when it is due at the earliest. */
  #request: bigint | undefined
  /** The time of day, which is the calendar's time, when it was known last. */
  #timeOfDay = 0n
  /** The calendar's time when it was let in. */
  #offset: bigint | undefined
  #interrupts: number
  readonly #asked: Array<Asked> = []
  readonly #inbox = new Inbox()
  readonly #wire: Wire
  readonly #dice: Random
  readonly #others: ReadonlyArray<Good>
  readonly #wanted: number

  constructor(wire: Wire, dice: Random, id: bigint, others: ReadonlyArray<Good>) {
    this.#wire = wire
    this.#dice = dice
    this.id = id
    this.#others = others
    this.#wanted = 1 + dice.int(10)
    this.#interrupts = dice.int(8)
  }

  #check(holds: boolean, what: string): void {
    if (!holds) throw new Error(`client ${this.id}: ${what}; it went: ${this.log.slice(-24).join(", ")}`)
  }

  /** In one piece, or in two. */
  #write(message: Msg): void {
    this.log.push(`> ${show(message)}`)
    const bytes = toBytes(message)
    const cut = this.#dice.bool(0.1) ? this.#dice.int(17) : 0
    if (cut > 0) this.#wire.send(bytes.slice(0, cut))
    this.#wire.send(bytes.slice(cut))
  }

  #say(op: number, time: bigint): void {
    const asked = { op, seq: ++this.#seq, time }
    this.#asked.push(asked)
    this.#write(asked)
  }

  #begin(): void {
    const runner = this.#others.find((other) => other !== this && other.state === "Running")
    this.#check(runner === undefined, `it is to run while client ${runner?.id} does`)
    this.state = "Running"
    this.turns++
  }

  #acknowledged({ seq, time }: Msg): void {
    const asked = this.#asked.shift()
    this.#check(asked?.seq === seq, `ACK #${seq} where #${asked?.seq} is the next`)
    switch (asked?.op) {
      case START:
        // One of the 64 slots of the calendar's memory, where it has one: by messages it means nothing.
        this.#check(time < 64n, `START's ACK says ${time}`)
        this.#begin()
        return this.#say(GET_TOD, NONE)
      case REQUEST:
        this.#request = asked.time
        return
      case GET:
        if (this.state === "Running") {
          this.#check(time === this.#told, `GET says ${time} while it runs at ${this.#told}`)
        }
        this.#check(time >= this.#told, `GET went back from ${this.#told} to ${time}`)
        this.#told = time
        this.#now = max(this.#now, time)
        // Its request was behind the calendar's time already: it is due then, and time stands still until that.
        if (this.#request !== undefined) this.#request = max(this.#request, time)
        return
      case GET_TOD:
        this.#check(time >= this.#timeOfDay, `the time of day went back from ${this.#timeOfDay} to ${time}`)
        this.#timeOfDay = time
        // No time passes in a first turn, and that is the first thing it asks.
        this.#offset ??= time
        // Only if it was called back from where it had run to, the calendar is behind it.
        if (this.state === "Running" && (this.#freeUntil === undefined || this.#freeUntil >= this.#told)) {
          const now = time - this.#offset
          this.#check(now === this.#told, `the time of day is that of ${now} while it runs at ${this.#told}`)
        }
        return
    }
  }

  #run(time: bigint): void {
    this.#check(this.state === "Waiting", "RUN while it doesn't wait")
    this.#check(!this.#asked.some(({ op }) => op === WAIT), "RUN before the ACK of WAIT")
    this.#check(this.#request !== undefined, `RUN ${time} that it hasn't asked for`)
    // Whose time was it that passed? That of a client that ran in between never passes a request.
    if (this.#asked.some(({ op }) => op === GET)) {
      this.#check(time >= this.#request!, `RUN ${time} before it asked to be run`)
    } else this.#check(time === this.#request, `RUN ${time} where it is to be run at ${this.#request}`)
    this.#check(time >= this.#told, `RUN ${time} after it was ${this.#told}`)
    this.#check(
      this.#freeUntil !== undefined && this.#freeUntil >= time,
      `RUN ${time} and FREE_UNTIL ${this.#freeUntil}`,
    )
    this.#request = undefined
    this.#runAt = this.#told = time
    this.#now = max(this.#now, time)
    this.#begin()
  }

  #heard(message: Msg): void {
    this.log.push(`< ${show(message)}`)
    if (message.op !== ACK) this.#write({ op: ACK, seq: message.seq, time: 0n })
    switch (message.op) {
      case ACK:
        return this.#acknowledged(message)
      case RUN:
        return this.#run(message.time)
      case FREE_UNTIL:
        if (this.state === "Running") {
          this.#check(message.time >= this.#runAt, `FREE_UNTIL ${message.time} in a turn at ${this.#runAt}`)
          this.#check(
            message.time < this.#freeUntil!,
            `FREE_UNTIL ${message.time} after ${this.#freeUntil} in one turn`,
          )
        }
        this.#freeUntil = message.time
        return
      case BROADCAST:
        return
      default:
        this.#check(false, `it was sent ${show(message)}`)
    }
  }

  /** In its turn it does something, and goes to rest at last, or for good. */
  #act(): void {
    const dice = this.#dice
    switch (dice.int(8)) {
      case 0:
        return this.#say(GET, NONE)
      case 1:
        return this.#say(GET_TOD, NONE)
      case 2:
        return this.#say(BROADCAST, dice.pick(EDGES))
      case 3: {
        // It runs by itself, up to and not including FREE_UNTIL.
        const ahead = this.#now + BigInt(dice.int(30))
        if (this.#freeUntil !== undefined && ahead < this.#freeUntil) this.#now = ahead
        return
      }
      case 4:
        if (this.#now === this.#told || this.#freeUntil === undefined) return
        this.#told = this.#now
        return this.#say(UPDATE, this.#now)
      case 5:
        return this.#say(REQUEST, this.#now + BigInt(dice.int(40)))
      default:
        if (this.turns > this.#wanted) return this.leave()
        this.#say(REQUEST, this.#now + BigInt(dice.int(40)))
        this.state = "Waiting"
        this.#say(WAIT, NONE)
        // A clean departure.
        if (this.turns === this.#wanted && dice.bool(0.2)) this.leave()
    }
  }

  leave(): void {
    this.state = "Gone"
    this.#wire.close()
  }

  /** Something from outside: it wants to be run earlier, and gets to know the time. */
  #interrupt(): void {
    this.#interrupts--
    this.#say(GET, NONE)
    if (this.#dice.bool()) {
      this.#say(REQUEST, this.#now + BigInt(this.#dice.int(10)))
      this.#say(GET, NONE)
    }
  }

  /** Hears what has come, and may do something; whether it made headway. */
  step(): boolean {
    if (this.state === "Gone") return false
    if (this.state === "New") {
      this.#say(START, this.id)
      this.state = "Held"
      return true
    }
    const before = this.turns
    const isClosed = this.#wire.isClosed()
    for (const message of this.#inbox.take(this.#wire.take())) this.#heard(message)
    this.#check(!isClosed, "it was disconnected")
    if (this.#asked.length > 0) return this.turns > before
    if (this.state === "Running") {
      this.#act()
      return true
    }
    if (this.state === "Waiting" && this.#interrupts > 0 && this.#dice.bool(0.1)) this.#interrupt()
    return this.turns > before
  }
}

/** A client that sends anything: valid more often than not, so that it gets far. */
export class Bad {
  readonly #inbox = new Inbox()
  readonly #wire: Wire
  readonly #dice: Random
  /** How likely it says what is right. */
  readonly #valid: number
  /** How likely it acknowledges. */
  readonly #polite: number
  #left: number
  #seq = 0
  #now = 0n
  #stopped = false

  constructor(wire: Wire, dice: Random) {
    this.#wire = wire
    this.#dice = dice
    this.#valid = dice.pick([0, 0.8, 0.95, 1])
    this.#polite = dice.pick([0, 0.9, 1, 1])
    this.#left = dice.int(120)
    if (dice.bool(0.9)) this.#send({ op: START, seq: ++this.#seq, time: BigInt(dice.int(9)) })
  }

  #send(message: Msg): void {
    const bytes = toBytes(message)
    const cut = this.#dice.bool(0.05) ? this.#dice.int(16) : 16
    this.#wire.send(bytes.slice(0, cut))
    // Now and then the rest of it never comes.
    if (cut < 16 && this.#dice.bool(0.8)) this.#wire.send(bytes.slice(cut))
  }

  #anything(): Msg {
    const dice = this.#dice
    const op = dice.bool(0.9) ? dice.int(13) : dice.int(2 ** 32)
    const time = dice.bool() ? dice.pick(EDGES) : this.#now + BigInt(dice.int(50))
    return { op, seq: dice.bool(0.8) ? ++this.#seq : dice.int(2 ** 32), time }
  }

  #something(): Msg {
    const dice = this.#dice
    if (!dice.bool(this.#valid)) return this.#anything()
    const op = dice.pick([REQUEST, REQUEST, WAIT, WAIT, GET, UPDATE, GET_TOD, BROADCAST])
    const isAt = op === REQUEST || op === UPDATE
    return { op, seq: ++this.#seq, time: isAt ? this.#now + BigInt(dice.int(30)) : NONE }
  }

  step(): void {
    const dice = this.#dice
    if (!this.#stopped) {
      for (const { op, seq, time } of this.#inbox.take(this.#wire.take())) {
        if (op === ACK) continue
        if (op === RUN) this.#now = time
        if (dice.bool(this.#polite)) this.#send({ op: ACK, seq, time: 0n })
      }
    }
    if (this.#left === 0) return
    this.#left--
    if (dice.bool(0.01)) return this.close()
    if (dice.bool(0.01)) {
      this.#stopped = true
      return this.#wire.stop()
    }
    const burst = dice.bool(0.03) ? dice.int(60) : 1
    for (let i = 0; i < burst; i++) this.#send(this.#something())
  }

  close(): void {
    this.#left = 0
    this.#stopped = true
    this.#wire.close()
  }
}
