/**
 * Checks what a calendar does against what it guarantees (PROTOCOL), knowing only
 * the messages: it finds out by itself who runs, what time it is, and who waits
 * for when, from what goes over the connections.
 *
 * @module
 */
import type { Command } from "../../src/core/Calendar.ts"
import type { Message } from "../../src/core/Message.ts"
import { ACK, BROADCAST, FREE_UNTIL, GET, GET_TOD, REQUEST, RUN, START, UPDATE, WAIT } from "./protocol.ts"

const FOREVER = (1n << 63n) - 1n
const FREE_RUN = 1n << 62n

/** A REQUEST on the schedule. */
interface Requested {
  readonly at: bigint
  readonly order: number
}

interface Seen {
  /** What it sent that is yet to be acknowledged, in order. */
  readonly owed: Array<Message>
  /** The FREE_UNTILs and others that it is yet to acknowledge, in order. */
  readonly owes: Array<Message>
  offset: bigint | undefined
  /** Its own time as last told to it. */
  view: bigint
  /** Its own time as it last told. */
  told: bigint
  request: Requested | undefined
  /** The number of the last message sent to it. */
  sent: number
}

const must = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(`it must hold that ${what}`)
}

/** The log of one calendar, read as it is written. */
export class CalendarChecker {
  runs = 0
  time = 0n
  readonly #clients = new Map<number, Seen>()
  readonly #honest: (client: number) => boolean
  readonly #expected: number
  #open = false
  #runner: number | undefined
  /** What the runner was last told, or the next one will be told with RUN. */
  #freeUntil: bigint | undefined
  /** As far as the runner may go by what it has acknowledged; RUN is acknowledged before it runs. */
  #heard: bigint | undefined
  /** It has sent WAIT before it heard all that it was told. */
  #isOver = false
  #requests = 0
  /** How many REQUESTs were acknowledged only after the runner had been told of them. */
  heldBack = 0
  /** The REQUEST that is being handled. */
  #asking: { readonly client: number; readonly at: bigint } | undefined

  constructor(expected: number, honest: (client: number) => boolean) {
    this.#expected = expected
    this.#honest = honest
  }

  /** The clients that wait, of those that were let in, and that all is answered of. */
  get waiting(): ReadonlyArray<number> {
    return [...this.#clients].filter(([key, { offset, owed }]) =>
      key !== this.#runner && offset !== undefined && owed.length === 0
    ).map(([key]) => key)
  }

  connected(client: number): void {
    this.#clients.set(client, {
      owed: [],
      owes: [],
      offset: undefined,
      view: 0n,
      told: 0n,
      request: undefined,
      sent: 0,
    })
  }

  message(client: number, message: Message, commands: ReadonlyArray<Command>): void {
    const from = this.#clients.get(client)
    if (message.op === ACK) this.#acknowledged(client, message)
    else from?.owed.push(message)
    const offset = from?.offset
    this.#asking = message.op === REQUEST && offset !== undefined ? { client, at: message.time + offset } : undefined
    if (this.#asking !== undefined) this.#request(from!, message)
    this.#commands(commands)
    this.#mustBeAnswered()
    if (message.op === REQUEST && from?.owed.includes(message) === true && from.offset !== undefined) this.heldBack++
    if (message.op === BROADCAST && this.#clients.has(client)) {
      const others = [...this.#clients].filter(([key, { offset }]) => key !== client && offset !== undefined)
      const got = commands.flatMap((command) =>
        command._tag === "Send" && command.message.op === BROADCAST && command.message.time === message.time
          ? [command.client]
          : []
      )
      for (const [key] of others) must(this.#held(client) || got.includes(key), `client ${key} gets the BROADCAST`)
    }
  }

  disconnected(client: number, commands: ReadonlyArray<Command>): void {
    this.#forget(client)
    this.#asking = undefined
    this.#commands(commands)
    this.#mustBeAnswered()
  }

  /** A client has heard what it was told. */
  #acknowledged(key: number, { seq }: Message): void {
    const told = this.#clients.get(key)?.owes[0]
    if (told?.seq !== seq) return
    const client = this.#clients.get(key)!
    client.owes.shift()
    // The FREE_UNTIL before RUN was counted as heard: nobody runs before RUN.
    if (key !== this.#runner || told.op !== FREE_UNTIL) return
    const until = told.time + client.offset!
    if (until < this.#heard!) this.#heard = until
  }

  /** A REQUEST counts as soon as it is made, if its client was let in. */
  #request(client: Seen, { time }: Message): void {
    const at = time + client.offset!
    if (time >= FOREVER || at >= FOREVER) client.request = undefined
    else if (client.request?.at !== at) client.request = { at, order: this.#requests++ }
  }

  /** Whether the runner may go past what `key` asks for by a REQUEST, for all that it has acknowledged. */
  #mayBePassed(key: number, { op, time }: Message): boolean {
    if (op !== REQUEST || key === this.#runner || this.#heard === undefined || this.#isOver) return false
    const at = time + this.#clients.get(key)!.offset!
    return time < FOREVER && (at > this.time ? at : this.time) < this.#heard
  }

  /** Nothing waits for an answer without a reason. */
  #mustBeAnswered(): void {
    for (const [key, { owed, offset }] of this.#clients) {
      if (offset === undefined || owed.length === 0) continue
      const isWaited = this.#runner !== undefined && this.#clients.get(this.#runner)!.owes.length > 0
      must(owed[0]!.op === REQUEST && isWaited, `client ${key} is answered at once`)
    }
  }

  #held(client: number): boolean {
    return this.#clients.get(client)?.owed[0]?.op === START
  }

  #forget(client: number): void {
    this.#clients.delete(client)
    if (this.#runner === client) this.#endTurn()
  }

  #endTurn(): void {
    this.#runner = this.#heard = undefined
    this.#isOver = false
  }

  /** The turn of a runner that has sent WAIT is over when it has heard what others' REQUESTs wait for. */
  #endIfHeard(): void {
    if (!this.#isOver || [...this.#clients.values()].some(({ owed }) => owed[0]?.op === REQUEST)) return
    this.#endTurn()
  }

  #commands(commands: ReadonlyArray<Command>): void {
    const before = this.time
    const started = [...this.#clients.keys()].filter((key) => this.#held(key)).length
    if (started >= this.#expected) this.#open = true
    for (const command of commands) {
      if (command._tag === "Ended") must(this.#clients.size === 0, "the end is when all have left")
      else if (command._tag === "Disconnect") {
        must(!this.#honest(command.client), `an honest client stays: ${command.violation.rule}`)
        this.#forget(command.client)
      } else this.#sent(command.client, command.message)
      this.#endIfHeard()
    }
    this.#endIfHeard()
    must(this.time >= before, "time never goes back")
    // The calendar is idle only where there is nothing to be done.
    if (this.#runner === undefined && this.#open) {
      for (const [key, { request }] of this.#clients) {
        must(!this.#held(key) && request === undefined, `client ${key} has its turn now`)
      }
    }
    // The running client can't be as far as another's request without having been told.
    if (this.#runner !== undefined && this.#freeUntil !== undefined) {
      must(this.#freeUntil <= this.#earliest(this.#runner), "the running client knows of the earliest request")
    }
  }

  #earliest(except?: number): bigint {
    let earliest = 1n << 64n
    for (const [key, { request }] of this.#clients) {
      if (key !== except && request !== undefined && request.at < earliest) earliest = request.at
    }
    return earliest > this.time ? earliest : this.time
  }

  #sent(key: number, message: Message): void {
    const client = this.#clients.get(key)
    if (client === undefined) throw new Error(`a message to client ${key}, which isn't there`)
    if (message.op === ACK) return this.#answered(key, client, message)
    must(message.seq === ++client.sent, "messages are numbered one by one")
    client.owes.push(message)
    const at = message.time + (client.offset ?? 0n)
    if (message.op === FREE_UNTIL) {
      // Within a turn it only gets earlier; if there is none, the RUN is next.
      if (this.#runner !== undefined) {
        must(key === this.#runner && key !== this.#asking?.client, "another's request is news to the running client")
        must(at < this.#freeUntil!, "only an earlier free-until is new")
        must(at === (this.#asking!.at > this.time ? this.#asking!.at : this.time), "free-until is the new request")
      }
      this.#freeUntil = at
    } else if (message.op === RUN) {
      must(this.#runner === undefined, "one client runs at a time")
      for (const other of this.#clients.keys()) must(!this.#held(other), "letting in comes first")
      const request = client.request!
      must(client.owed.length === 0, "nobody runs whose REQUEST is unanswered")
      for (const { request: other } of this.#clients.values()) {
        if (other === undefined || other === request) continue
        const first = request.at < other.at || (request.at === other.at && request.order < other.order)
        must(first, "the earliest request is granted, and of those the one made first")
      }
      must(at === (request.at > this.time ? request.at : this.time), "RUN tells the time that was asked for")
      this.time = at
      this.runs++
      if (this.#honest(key)) this.#saw(client, message.time)
      client.request = undefined
      this.#runner = key
      const next = this.#earliest(key)
      const others = [...this.#clients.values()].some(({ request }) => request !== undefined)
      const free = others ? next : at + FREE_RUN < FOREVER ? at + FREE_RUN : FOREVER - 1n
      must(this.#freeUntil === free, "free-until is the next request, or 2^62 past now")
      this.#heard = free
    } else must(message.op === BROADCAST, "calendars send RUN, FREE_UNTIL and BROADCAST")
  }

  #saw(client: Seen, time: bigint): void {
    must(time >= client.view, "a client's time never goes back")
    client.view = time
  }

  /** A message was acknowledged: that is when it counts. */
  #answered(key: number, client: Seen, ack: Message): void {
    const message = client.owed.shift()
    must(!this.#mayBePassed(key, message!), "a REQUEST is acknowledged when the running client has heard of it")
    must(message?.seq === ack.seq, "messages are acknowledged in order")
    const { offset } = client
    switch (message!.op) {
      case START:
        must(this.#runner === undefined, "one client runs at a time")
        must(this.#open, "nobody is let in before all are there")
        client.offset = this.time
        this.#runner = key
        this.#freeUntil = this.#heard = undefined
        // What it said before it was let in counts from now on.
        for (const said of client.owed) if (said.op === REQUEST) this.#request(client, said)
        break
      case REQUEST:
        break
      case WAIT:
        must(key === this.#runner && !this.#isOver, "only who runs may wait")
        this.#isOver = true
        break
      case UPDATE: {
        must(key === this.#runner && !this.#isOver, "only who runs has a time to tell")
        const to = message!.time + offset!
        const limit = this.#freeUntil ?? this.time
        const moved = to < limit ? to : limit
        must(moved <= this.#earliest(key), "no request is passed")
        if (moved > this.time) this.time = moved
        this.#saw(client, message!.time)
        client.told = message!.time
        break
      }
      case GET:
        // Somebody who told more than the calendar could take on hears no less than that.
        must(
          ack.time === (client.told > this.time - offset! ? client.told : this.time - offset!),
          "GET tells the time now",
        )
        this.#saw(client, ack.time)
        break
      case GET_TOD:
        must(ack.time === this.time, "time of day is the calendar's")
        break
      default:
        must(message!.op === BROADCAST, "no other message is acknowledged")
    }
    if (message!.op !== GET && message!.op !== GET_TOD) must(ack.time === 0n, "ACK's time is 0")
  }
}
