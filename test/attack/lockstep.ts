/**
 * Honest clients in lockstep, on real sockets, written from PROTOCOL alone: each of
 * their turns has to be the next of a plan, at its time to the nanosecond.
 *
 * @module
 */
import type * as Net from "node:net"
import { connected, type Door } from "../support/doors.ts"
import { ACK, BROADCAST, FREE_UNTIL, GET, GET_TOD, REQUEST, RUN, START, UPDATE, WAIT } from "../support/protocol.ts"
import { Inbox, joined, type Msg, show } from "../support/wire.ts"
import { Latency } from "./latency.ts"
import * as Plan from "./plan.ts"

const NONE = (1n << 64n) - 1n

/** How many connect at the same time: a backlog isn't endless. */
const CONNECT_AT_ONCE = 50

/** How much of what went over a connection is kept. */
const LOG = 16

/** The phase in which nobody attacks. */
export const CALM = "calm"

/** How long somebody who has answered an interrupt may be ahead of the FREE_UNTIL that another is sent first. */
const CROSSING_MS = 2000

/** What is done, and what is waited for: until all that was asked is acknowledged, or until somebody goes on with it. */
type Doing = Generator<void, void, bigint>

/** One honest client. */
class Client {
  readonly index: number
  /** What it does now; what is still to be done. */
  doing: Doing | undefined
  readonly pending: Array<() => Doing> = []
  /** What it was told as FREE_UNTIL; as far as it has acknowledged that. */
  freeUntil: bigint | undefined
  acknowledged: bigint | undefined
  /** For how long it holds back its ACK of FREE_UNTIL, in real ms. */
  holdMs = 0
  /** BROADCASTs that it hasn't heard yet. */
  readonly missed: Array<bigint> = []
  isIn = false
  readonly #log: Array<string> = []
  readonly #asked: Array<Msg> = []
  readonly #inbox = new Inbox()
  readonly #lockstep: Lockstep
  readonly #socket: Net.Socket
  #out: Array<Msg> = []
  /** What it holds back to acknowledge, if it does. */
  #held: Array<Msg> | undefined
  #seq = 0
  #onFreeUntil: (() => void) | undefined

  constructor(lockstep: Lockstep, index: number, socket: Net.Socket) {
    this.#lockstep = lockstep
    this.index = index
    this.#socket = socket
    socket.on("data", (chunk: Uint8Array) => {
      for (const message of this.#inbox.take(chunk)) this.#hear(message)
      this.flush()
    })
    socket.on("error", () => {})
    socket.on("close", () => lockstep.closed(this))
  }

  get name(): string {
    return `honest client ${this.index + 1}`
  }

  get log(): string {
    return this.#log.join(", ")
  }

  #note(line: string): void {
    this.#log.push(line)
    if (this.#log.length > LOG) this.#log.shift()
  }

  say(message: Msg): void {
    this.#note(`> ${show(message)}`)
    this.#out.push(message)
  }

  ask(op: number, time: bigint): void {
    const message = { op, seq: ++this.#seq, time }
    this.#asked.push(message)
    this.say(message)
  }

  /** Writes all that was said. */
  flush(): void {
    if (this.#out.length === 0) return
    const out = this.#out
    this.#out = []
    this.#socket.write(joined(out))
  }

  /** Does this, when it has done what it does. */
  begin(make: () => Doing): void {
    if (this.doing !== undefined) return void this.pending.push(make)
    this.doing = make()
    this.goOn(0n)
  }

  /** Goes on with what it does. */
  goOn(value: bigint): void {
    if (this.doing!.next(value).done) {
      this.doing = undefined
      const next = this.pending.shift()
      if (next !== undefined) this.begin(next)
    }
    this.flush()
  }

  #hear(message: Msg): void {
    this.#note(`< ${show(message)}`)
    const { op, seq, time } = message
    switch (op) {
      case ACK: {
        const asked = this.#asked.shift()
        if (asked?.seq !== seq) return this.#lockstep.fail(this, `ACK #${seq} where #${asked?.seq} is the next`)
        // START's says which of the 64 slots of the shared memory is the client's.
        const allowed = asked.op === GET || asked.op === GET_TOD ? NONE : asked.op === START ? 63n : 0n
        if (time > allowed) {
          return this.#lockstep.fail(this, `the ACK of ${show(asked)} has the time ${time}`)
        }
        if (asked.op === START) this.isIn = true
        if (this.#asked.length === 0) this.goOn(time)
        return
      }
      case FREE_UNTIL:
        this.freeUntil = time
        this.#onFreeUntil?.()
        if (this.holdMs > 0 && this.#held === undefined) this.#hold()
        return this.#acknowledge(message)
      case RUN:
        this.#acknowledge(message)
        return this.#lockstep.granted(this, time)
      case BROADCAST:
        this.#acknowledge(message)
        if (Plan.isPlanned(time) && this.missed.shift() !== time) {
          this.#lockstep.fail(this, `it hears BROADCAST ${time}, which isn't the next that it hasn't heard`)
        }
        return
      default:
        this.#lockstep.fail(this, `it was sent ${show(message)}`)
    }
  }

  /** Acknowledges all in order: what comes after something that it holds back, after that. */
  #acknowledge(message: Msg): void {
    if (this.#held !== undefined) return void this.#held.push(message)
    if (message.op === FREE_UNTIL) this.acknowledged = message.time
    this.say({ op: ACK, seq: message.seq, time: 0n })
  }

  /** Acknowledges nothing for a while. */
  #hold(): void {
    const held: Array<Msg> = this.#held = []
    setTimeout(() => {
      this.#held = undefined
      for (const message of held) this.#acknowledge(message)
      this.flush()
    }, this.holdMs)
  }

  /** Waits for the next FREE_UNTIL. */
  onFreeUntil(then: (() => void) | undefined): void {
    this.#onFreeUntil = then
  }

  leave(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** Several honest clients. */
export class Lockstep {
  /** Turns that were as planned. */
  turns = 0
  /** The time of the last. */
  time = 0n
  /** When that was, in real ms. */
  since = performance.now()
  /** What went wrong first. */
  failure: string | undefined
  /** Whether all have had their last turn. */
  isOver = false
  /** What is going on beside them, by which latencies are told apart: each belongs to where it began. */
  phase = CALM
  /** From the end of each turn to the next one of an honest client: with the turns of others, if they have any. */
  readonly latencies = new Map<string, Latency>()
  readonly #options: Plan.Options
  readonly #plan: Generator<Plan.Turn, void>
  readonly #clients: Array<Client> = []
  #next: Plan.Turn | undefined
  #runner: Client | undefined
  /** When the last turn ended, and in which phase. */
  #waitedAt: number | undefined
  #waitedIn = CALM
  #isLeaving = false

  constructor(options: Plan.Options) {
    this.#options = options
    this.#plan = Plan.turns(options)
    this.#take()
  }

  #take(): void {
    const { value, done } = this.#plan.next()
    this.#next = done ? undefined : value
    if (done) this.isOver = true
  }

  /** Who is to run next, for people. */
  get expected(): string {
    return this.#runner !== undefined
      ? `${this.#runner.name} has the turn: ${this.#runner.log}`
      : this.#next === undefined
      ? "all have had their turns"
      : `client ${this.#next.client + 1} is to run next, at ${this.#next.time}`
  }

  fail(client: Client, what: string): void {
    this.failure ??= `${client.name}: ${what}; on its connection went: ${client.log}`
  }

  closed(client: Client): void {
    if (!this.#isLeaving) this.fail(client, "it was disconnected")
  }

  /** Connects all, by these doors in turn, and has them say START. IDs are 1, 2, …, in the order of the plan. */
  async connect(doors: ReadonlyArray<Door>, signal?: AbortSignal): Promise<void> {
    let index = 0
    const one = async () => {
      while (index < this.#options.clients && signal?.aborted !== true) {
        const at = index++
        const socket = await connected(doors[at % doors.length]!)
        const client = this.#clients[at] = new Client(this, at, socket)
        client.begin(() => this.#enter(client))
      }
    }
    await Promise.all(Array.from({ length: CONNECT_AT_ONCE }, one))
  }

  *#enter(client: Client): Doing {
    client.ask(START, BigInt(client.index + 1))
    yield
    yield* this.#turn(client, 0n)
  }

  /** The turn of this client has begun. */
  granted(client: Client, time: bigint): void {
    client.begin(() => this.#turn(client, time))
  }

  *#turn(client: Client, time: bigint): Doing {
    const turn = this.#next
    const now = performance.now()
    if (this.#runner !== undefined) return this.fail(client, `it is to run while ${this.#runner.name} does`)
    if (turn === undefined) return this.fail(client, `it is to run at ${time}, when all have had their turns`)
    if (turn.client !== client.index || turn.time !== time) {
      return this.fail(
        client,
        `it is to run at ${time}, where client ${turn.client + 1} is to run next, at ${turn.time}`,
      )
    }
    if (client.missed.length > 0) return this.fail(client, `it is to run before it heard BROADCAST ${client.missed[0]}`)
    if (time > 0n && (client.freeUntil === undefined || client.freeUntil > (turn.limit ?? NONE))) {
      const why = `another client is to run at ${turn.limit}`
      return this.fail(client, `it is to run at ${time}, free until ${client.freeUntil}, while ${why}`)
    }
    if (this.#waitedAt !== undefined) this.#record(now - this.#waitedAt)
    this.#runner = client
    this.turns++
    this.time = time
    this.since = now
    let told = time
    for (const step of turn.steps) {
      switch (step._tag) {
        case "Get": {
          client.ask(GET, NONE)
          const answer = yield
          if (answer !== told) return this.fail(client, `GET tells ${answer} in its turn, at ${told}`)
          break
        }
        case "TimeOfDay": {
          client.ask(GET_TOD, NONE)
          const answer = yield
          // Called back from where it ran ahead to, the calendar is behind it.
          if (answer < time || answer > told) {
            return this.fail(client, `the time of day is ${answer} in its turn, from ${time} to ${told}`)
          }
          break
        }
        case "Broadcast":
          for (const other of this.#clients) if (other !== client) other.missed.push(step.value)
          client.ask(BROADCAST, step.value)
          yield
          break
        case "Ahead":
          if (client.freeUntil === undefined || step.to >= client.freeUntil || step.to <= told) break
          told = step.to
          client.ask(UPDATE, told)
          yield
          break
        case "Pause":
          setTimeout(() => client.goOn(0n), step.ms)
          yield
          break
        case "Signal":
          yield* this.#signal(client, this.#clients[step.client]!, step, time, told)
          if (this.failure !== undefined) return
      }
    }
    for (const at of turn.requests) client.ask(REQUEST, at)
    client.ask(WAIT, NONE)
    this.#runner = undefined
    this.#waitedAt = performance.now()
    this.#waitedIn = this.phase
    this.#take()
    yield
  }

  /** A client interrupts another, as a virtio device does, and goes on when it is answered. */
  *#signal(
    client: Client,
    other: Client,
    { at, holdMs }: Extract<Plan.Step, { readonly _tag: "Signal" }>,
    time: bigint,
    told: bigint,
  ): Doing {
    // Its time is told first, even if it is the same.
    client.ask(UPDATE, told)
    yield
    client.holdMs = holdMs
    other.begin(() => this.#interrupted(client, other, at, time, told))
    yield
    client.holdMs = 0
  }

  /** In another's turn it asks for the time, and to be run at `at`. */
  *#interrupted(by: Client, client: Client, at: bigint, time: bigint, told: bigint): Doing {
    client.ask(GET, NONE)
    const now = yield
    if (now < time || now > told) this.fail(client, `GET tells ${now} while ${by.name} runs, from ${time} to ${told}`)
    client.ask(REQUEST, at)
    yield
    // Now the running client must know. What it was told first may have crossed this one's ACK, if it was of another's.
    const knows = () => by.acknowledged !== undefined && by.acknowledged <= at
    const isAnothers = () => by.freeUntil !== undefined && by.freeUntil < at
    if (!knows() && !isAnothers()) {
      const wrong = () => {
        this.fail(
          client,
          `its REQUEST ${at} was acknowledged before ${by.name}, which runs, had acknowledged FREE_UNTIL ${at}: ${by.log}`,
        )
      }
      if (by.freeUntil === at) wrong()
      else {
        const late = setTimeout(() => {
          by.onFreeUntil(undefined)
          wrong()
          client.goOn(0n)
        }, CROSSING_MS)
        by.onFreeUntil(() => {
          clearTimeout(late)
          by.onFreeUntil(undefined)
          if (!isAnothers()) wrong()
          client.goOn(0n)
        })
        yield
      }
    }
    by.goOn(0n)
  }

  #record(ms: number): void {
    const phase = this.#waitedIn
    let latency = this.latencies.get(phase)
    if (latency === undefined) this.latencies.set(phase, latency = new Latency())
    latency.record(ms)
  }

  /** All hang up. */
  leave(): void {
    this.#isLeaving = true
    for (const client of this.#clients) client.leave()
  }

  /** Lets go of all sockets, at once. */
  destroy(): void {
    this.#isLeaving = true
    for (const client of this.#clients) client.destroy()
  }
}
