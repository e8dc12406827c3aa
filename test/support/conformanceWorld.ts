/**
 * A calendar, its clients, and somebody between them who watches for breaches. Messages are under way on each of both
 * sides for as long as the dice say, so those of different connections overtake each other everywhere.
 *
 * @module
 */
import type { Breach } from "../../src/core/Breach.ts"
import * as Breaches from "../../src/core/Breach.ts"
import * as Calendar from "../../src/core/Calendar.ts"
import * as Conformance from "../../src/core/Conformance.ts"
import * as IntMap from "../../src/internal/core/IntMap.ts"
import * as Message from "../../src/core/Message.ts"
import { type Client, Guest, Rogue } from "./calendarClients.ts"
import { ACK, FREE_UNTIL, REQUEST } from "./protocol.ts"
import { type Random, random } from "./random.ts"

/** What goes over a connection, in order: messages, and its end. */
type Sent = Message.Message | "end"

interface Connection {
  readonly client: Client
  /** Sent by the client and not seen yet; seen and not taken by the calendar yet; and the other way. */
  readonly up: Array<Sent>
  readonly down: Array<Sent>
  readonly toBeSeen: Array<Sent>
  isOpen: boolean
  isAtCalendar: boolean
  /** What is kept until the running client has acknowledged what the client before it has caused. */
  readonly held: Array<Message.Message>
  heldFor: { readonly runner: number; readonly seq: number } | undefined
}

/** What a world is made of. */
export interface Weather {
  readonly clients: number
  readonly rogues: boolean
  readonly deaths: number
  readonly late: number
  readonly outside: number
}

export class ConformanceWorld {
  readonly log: Array<string> = []
  readonly breaches: Array<Breach> = []
  conformance: Conformance.Conformance = Conformance.make()
  messages = 0
  readonly #dice: Random
  readonly #weather: Weather
  readonly #connections: Array<Connection> = []
  readonly #clients: Array<Client> = []
  #calendar: Calendar.Calendar
  #started = false

  constructor(seed: number, weather: Weather) {
    this.#dice = random(seed)
    this.#weather = weather
    const expected = 1 + this.#dice.int(weather.clients)
    this.#calendar = Calendar.make({ clients: expected, start: this.#dice.pick([0n, 5n, (1n << 64n) - 7n]) })
    for (let index = 0; index < expected; index++) this.#arrive(weather.rogues)
    // Rogues may leave before all that are expected have started.
    if (weather.rogues || weather.deaths > 0) { for (let more = 0; more < expected; more++) this.#arrive(false) }
  }

  isHonest(connection: number): boolean {
    return this.#connections[connection]!.client.honest
  }

  #arrive(mayBeRogue: boolean): void {
    const dice = this.#dice
    const key = this.#connections.length
    const client = mayBeRogue && dice.bool(0.3) ? new Rogue(key, dice) : new Guest({
      key,
      id: dice.bigint(4n),
      dice,
      recent: dice.bool(),
      work: dice.int(20),
      // It sees those who come later as well.
      others: this.#clients,
      loose: this.#weather.outside > 0 || this.#weather.deaths > 0 || this.#weather.rogues,
    })
    this.#clients.push(client)
    this.#connections.push({
      client,
      up: [],
      down: [],
      toBeSeen: [],
      isOpen: true,
      isAtCalendar: true,
      held: [],
      heldFor: undefined,
    })
    this.#calendar = Calendar.connected(this.#calendar, key).state
    this.conformance = Conformance.joined(this.conformance, key)
  }

  run(): this {
    const dice = this.#dice
    for (let steps = 0; steps < 200_000; steps++) {
      const open = this.#connections.filter(({ isOpen }) => isOpen)
      if (open.length === 0 && !this.#connections.some((each) => this.#isUnderWay(each))) return this
      if (open.length > 0 && dice.bool(this.#weather.deaths)) this.#hangUp(dice.pick(open))
      if (this.#connections.length < 12 && this.#calendar.begun && dice.bool(this.#weather.late)) {
        this.#arrive(this.#weather.rogues)
      }
      if (dice.bool(this.#weather.outside)) {
        const guests = open.flatMap(({ client }) => client instanceof Guest && client.entered ? [client] : [])
        if (guests.length > 0) dice.pick(guests).interrupts++
      }
      if (!this.#step()) this.#unstick()
    }
    throw new Error("it doesn't end")
  }

  #isUnderWay({ up, down, toBeSeen, client, isOpen }: Connection): boolean {
    return up.length + down.length + toBeSeen.length > 0 || isOpen && client.outbox.length > 0
  }

  /** Something happens that can. */
  #step(): boolean {
    const first = this.#dice.int(this.#connections.length)
    for (let index = 0; index < this.#connections.length; index++) {
      const connection = this.#connections[(first + index) % this.#connections.length]!
      const { client, up, down, toBeSeen, isOpen } = connection
      const can: Array<() => void> = []
      const sent = client.outbox
      if (isOpen && sent.length > 0) can.push(() => toBeSeenBy(this, connection, sent.shift()!))
      if (up.length > 0) can.push(() => this.#arriveAtCalendar(connection, up.shift()!))
      if (toBeSeen.length > 0) can.push(() => this.#see(connection, toBeSeen.shift()!))
      if (down.length > 0) {
        can.push(() => {
          const message = down.shift()!
          if (message === "end") this.#gone(connection)
          else client.inbox.push(message)
        })
      }
      if (can.length > 0 && this.#dice.bool()) {
        this.#dice.pick(can)()
        return true
      }
      if (isOpen && client.done && sent.length === 0) {
        this.#hangUp(connection)
        return true
      }
      if (isOpen && client.step()) return true
      if (can.length > 0) {
        this.#dice.pick(can)()
        return true
      }
    }
    return false
  }

  #unstick(): void {
    const open = this.#connections.filter(({ isOpen }) => isOpen)
    const rogue = open.find(({ client }) => !client.honest)
    if (open.length > 0) this.#hangUp(rogue ?? this.#dice.pick(open))
  }

  #gone(connection: Connection): void {
    connection.isOpen = false
    connection.client.gone = true
  }

  #hangUp(connection: Connection): void {
    this.#gone(connection)
    toBeSeenBy(this, connection, "end")
  }

  /** The watcher sees what a client has sent, and passes it on. */
  seen(connection: Connection, sent: Sent): void {
    const { key } = connection.client
    this.log.push(`${key} > ${sent === "end" ? "end" : Message.format(sent)}`)
    this.#note(
      sent === "end"
        ? Conformance.left(this.conformance, key, "client")
        : Conformance.fromClient(this.conformance, key, sent),
    )
    connection.up.push(sent)
  }

  #see(connection: Connection, sent: Sent): void {
    const { key } = connection.client
    this.log.push(`${key} < ${sent === "end" ? "end" : Message.format(sent)}`)
    this.#note(
      sent === "end"
        ? Conformance.left(this.conformance, key, "calendar")
        : Conformance.fromCalendar(this.conformance, key, sent, 0),
    )
    connection.down.push(sent)
  }

  #note({ state, breaches }: Conformance.Transition): void {
    this.conformance = state
    this.check()
    this.breaches.push(...breaches)
    for (const breach of breaches) this.log.push(Breaches.format(breach))
  }

  /** What is held to be known exactly must be so. */
  check(): void {
    for (const [key, client] of IntMap.entries(this.conformance.clients)) {
      const actual = IntMap.get(this.#calendar.clients, key)
      if (actual === undefined || client.phase !== "In" || !client.isExact) continue
      if (actual.offset !== client.offset) {
        throw new Error(`client ${key} has come at ${actual.offset}, not ${client.offset}`)
      }
    }
  }

  #arriveAtCalendar(connection: Connection, sent: Sent): void {
    const { key } = connection.client
    if (!connection.isAtCalendar) return
    if (sent === "end") {
      connection.isAtCalendar = false
      return this.#apply(Calendar.disconnected(this.#calendar, key, 0))
    }
    this.messages++
    const next = Calendar.clientMessage(this.#calendar, key, sent)
    const told = next.commands.find((command) => command._tag === "Send" && command.message.op === FREE_UNTIL)
    const isHeld = sent.op === REQUEST && told?._tag === "Send" && told.client !== key &&
      !next.commands.some((command) => command._tag === "Send" && command.message.op === 6)
    this.#apply(next, isHeld ? { key, runner: told.client, seq: told.message.seq } : undefined)
    if (sent.op !== ACK) return
    for (const each of this.#connections) {
      if (each.heldFor?.runner === key && each.heldFor.seq === sent.seq) this.#release(each)
    }
  }

  #apply(
    next: Calendar.Transition,
    hold?: { readonly key: number; readonly runner: number; readonly seq: number },
  ): void {
    this.#calendar = next.state
    for (const each of this.#connections) {
      if (each.heldFor !== undefined && next.state.turn?.client !== each.heldFor.runner) this.#release(each)
    }
    for (const command of next.commands) {
      if (command._tag === "Ended") continue
      const connection = this.#connections[command.client]!
      if (command._tag === "Disconnect") {
        connection.isAtCalendar = false
        connection.held.length = 0
        connection.toBeSeen.push("end")
        continue
      }
      if (hold?.key === command.client) connection.heldFor ??= { runner: hold.runner, seq: hold.seq }
      if (connection.heldFor === undefined) connection.toBeSeen.push(command.message)
      else connection.held.push(command.message)
    }
  }

  #release(connection: Connection): void {
    connection.heldFor = undefined
    connection.toBeSeen.push(...connection.held.splice(0))
  }
}

const toBeSeenBy = (world: ConformanceWorld, connection: Connection, sent: Sent): void => world.seen(connection, sent)
