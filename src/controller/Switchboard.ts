/**
 * Runs the commands of a {@link Calendar} on connections of any kind, and keeps
 * count of who does what. Nothing in here waits.
 *
 * What a client sent is taken to the calendar message by message, and answered
 * into the outgoing queues of all concerned, before anything else happens. So
 * transitions never interleave, even if a client in this very process is woken by
 * one and answers at once.
 *
 * @module
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Calendar from "../core/Calendar.ts"
import { Fifo } from "../core/Fifo.ts"
import * as IntMap from "../core/IntMap.ts"
import * as Message from "../core/Message.ts"
import type { Nanos } from "../core/Nanos.ts"
import * as Schedule from "../core/Schedule.ts"
import * as Violation from "../core/Violation.ts"
import { millis, nextTurn } from "../platform/EventLoop.ts"
import { type CalendarTrace, type CalendarTransitions, TraceName, Tracer } from "../services/Tracer.ts"
import { Endings } from "./Endings.ts"
import * as Metrics from "./Metrics.ts"
import type { ClientState, ClientStatus } from "./Status.ts"

/** The most messages that may wait to be written to a client before it is dropped: 2 MiB. */
export const MAX_QUEUED = 2 * Calendar.MAX_UNACKNOWLEDGED

/** How long a client that broke a rule has to read what it was sent before. */
const GRACE: Duration.Input = "1 second"

/** How many clients are woken in a row before the event loop has its turn. */
const WAKES_PER_TURN = 256

/** How many of those who have left are remembered. */
const MOST_LEFT = 1000

/** What a connection does when it is asked to. */
export interface Wire {
  /** Where it comes from, for people. */
  readonly from: string
  /** There is something in its queue, or it is closing. */
  readonly wake: () => void
  /** Told of FREE_UNTIL at once; only where it is in this process, and then it acknowledges nothing. */
  readonly onFreeUntil?: (message: Message.Message) => void
  /** It is to be closed, when what is in its queue was read or the time is over. */
  readonly close: (grace: Duration.Input) => void
}

/** One connection. */
export interface Peer {
  readonly key: Calendar.ClientKey
  readonly wire: Wire
  parser: Message.Parser
  /** What is to be sent to it. */
  readonly queue: Fifo<Message.Message>
  isClosing: boolean
  /** Whether it asks, and is told at once how far it may run. */
  asks: boolean
  /** Whether it is on the list of those to be woken. */
  isWoken: boolean
  id: bigint | undefined
  last: Message.Message | undefined
  lastMs: number
  grants: number
  requests: number
  waits: number
  updates: number
  /** Real time for which it had the turn, without the one that it has now. */
  ranMs: number
}

/** Something that those who watch a calendar are told. */
export type News =
  | { readonly _tag: "Joined"; readonly client: ClientStatus }
  | { readonly _tag: "Left"; readonly client: ClientStatus }
  /** It broke a rule, or didn't read what it was sent. */
  | { readonly _tag: "Dropped"; readonly client: ClientStatus; readonly why: string }

/** What a switchboard tells. */
export interface Listener {
  readonly onNews: (news: News) => void
  readonly onEnded: () => void
  /** A client was told to run; times are the calendar's, in ns. */
  readonly onGrant: ((grant: Grant) => void) | undefined
}

/** A turn that was granted. */
export interface Grant {
  /** The client's ID; 2^64 − 1 if it has none. */
  readonly id: bigint
  /** The calendar's time, in ns. */
  readonly time: bigint
}

/** A calendar and its connections. */
export class Switchboard {
  calendar: Calendar.Calendar
  messages = 0
  grants = 0
  /** Those who have left, as they were then. */
  readonly left: Array<ClientStatus> = []
  /** Connections that are being ended. */
  readonly endings: Endings = new Endings()
  /** What is told of all that this calendar does, if anything. */
  readonly trace: CalendarTrace | undefined
  readonly #core: CalendarTransitions
  /** Told after each change, if anybody wants to know. */
  onChange: (() => void) | undefined
  readonly #began: number
  readonly #peers = new Map<Calendar.ClientKey, Peer>()
  readonly #freeKeys: Array<Calendar.ClientKey> = []
  readonly #listener: Listener
  readonly #context: Context.Context<never>
  #turn: { readonly peer: Peer; readonly sinceMs: number } | undefined
  /** Real time, in ms, as last read: what happens at once happens at one time. */
  #at: number
  /** How many messages and grants Effect's metrics have been told of. */
  #toldMessages = 0
  #toldGrants = 0
  readonly #toWake = new Fifo<Peer>()
  #isWaking = false

  constructor(
    options: Calendar.Options,
    listener: Listener,
    context: Context.Context<never>,
  ) {
    this.calendar = Calendar.make(options)
    this.trace = Context.get(context, Tracer)?.calendar(options, Context.get(context, TraceName))
    this.#core = this.trace?.transitions ?? Calendar
    this.#listener = listener
    this.#context = context
    this.#began = millis()
    this.#at = this.#began
  }

  /** Real ms since the calendar began. */
  get realMs(): number {
    return millis() - this.#began
  }

  get size(): number {
    return this.#peers.size
  }

  /** For how long the turn that is under way has been, in real ms, and whose it is. */
  get turn(): { readonly peer: Peer; readonly ms: number } | undefined {
    return this.#turn && { peer: this.#turn.peer, ms: millis() - this.#turn.sinceMs }
  }

  /** When the next turn is due, in the calendar's ns, if nobody has one now. */
  get nextDue(): Nanos | undefined {
    const { turn, schedule, time } = this.calendar
    const first = turn === undefined ? Schedule.first(schedule) : undefined
    return first && (first.time > time ? first.time : time)
  }

  /** Whether everybody has come to rest: nobody has the turn, and nobody waits to be let in. */
  get isAtRest(): boolean {
    const { open, begun, turn, gathered, late } = this.calendar
    return open && begun && turn === undefined && gathered.size + late.size === 0
  }

  connect(wire: Wire): Peer {
    const peer: Peer = {
      key: this.#freeKeys.pop() ?? this.#peers.size,
      wire,
      parser: Message.parser,
      queue: new Fifo(),
      isClosing: false,
      asks: false,
      isWoken: false,
      id: undefined,
      last: undefined,
      lastMs: 0,
      grants: 0,
      requests: 0,
      waits: 0,
      updates: 0,
      ranMs: 0,
    }
    this.#peers.set(peer.key, peer)
    this.#at = millis()
    Metrics.clients.updateUnsafe(this.#peers.size, this.#context)
    this.#run(this.#core.connected(this.calendar, peer.key))
    return peer
  }

  receive(peer: Peer, chunk: Uint8Array): void {
    const { parser, messages } = Message.parse(peer.parser, chunk)
    peer.parser = parser
    this.take(peer, messages)
  }

  /** What has arrived from a client, in order. */
  take(peer: Peer, messages: ReadonlyArray<Message.Message>): void {
    if (messages.length === 0) return
    this.#at = millis()
    for (const message of messages) this.#take(peer, message)
    this.#wakeAll()
  }

  /** What a client in this process says, as it says it. */
  post(peer: Peer, message: Message.Message): void {
    // It acknowledges as soon as it is woken: looking at the real clock takes as long as a transition.
    if (message.op !== Message.Op.Ack) this.#at = millis()
    this.#take(peer, message)
    this.#wakeSoon()
  }

  /** What a client in this process asks that has been let in: what it is answered with, at once. */
  ask(peer: Peer, op: number, time: bigint): bigint | undefined {
    if (peer.isClosing) return undefined
    // Turns end with WAIT: looking at the real clock takes as long as a transition.
    if (op === Message.Op.Wait) this.#at = millis()
    peer.asks = true
    peer.lastMs = this.#at
    const message = { op, seq: 0, time }
    this.#count(peer, message)
    const next = Calendar.asked(this.calendar, peer.key, message)
    this.messages++
    if (next.state !== this.calendar || next.answer === undefined) {
      this.#run(next)
      this.#wakeSoon()
    }
    return next.answer
  }

  #take(peer: Peer, message: Message.Message): void {
    if (peer.isClosing) return
    peer.lastMs = this.#at
    this.#count(peer, message)
    this.#run(this.#core.clientMessage(this.calendar, peer.key, message))
  }

  /** Notes that a client's connection is being ended, until the result is called. */
  ending(peer: Peer): () => void {
    return this.endings.begin(this.#statusOf(peer))
  }

  disconnect(peer: Peer): void {
    if (this.#peers.get(peer.key) !== peer) return
    this.#at = millis()
    const status = this.#statusOf(peer)
    this.#run(this.#core.disconnected(this.calendar, peer.key, peer.parser.length))
    peer.isClosing = true
    this.#peers.delete(peer.key)
    this.#freeKeys.push(peer.key)
    Metrics.clients.updateUnsafe(this.#peers.size, this.#context)
    if (status.id !== undefined) {
      this.left.push(status)
      if (this.left.length > MOST_LEFT) this.left.shift()
      this.#listener.onNews({ _tag: "Left", client: status })
    }
    this.#wakeAll()
  }

  /** From now on the calendar may go this far. */
  allow(allowance: Partial<Calendar.Allowance>): void {
    this.#at = millis()
    this.#run(this.#core.allow(this.calendar, allowance))
    this.#wakeAll()
  }

  /** All clients. */
  status(): ReadonlyArray<ClientStatus> {
    return [...this.#peers.values()].filter(({ isClosing }) => !isClosing).map((peer) => this.#statusOf(peer))
  }

  #count(peer: Peer, message: Message.Message): void {
    this.messages++
    peer.last = message
    switch (message.op) {
      case Message.Op.Start:
        if (peer.id === undefined) {
          peer.id = message.time
          this.#listener.onNews({ _tag: "Joined", client: this.#statusOf(peer) })
        }
        break
      case Message.Op.Request:
        peer.requests++
        break
      case Message.Op.Wait:
        peer.waits++
        break
      case Message.Op.Update:
        peer.updates++
        break
    }
  }

  #run({ state, commands }: Calendar.Transition): void {
    this.calendar = state
    let tooSlow: Array<Peer> | undefined
    for (const command of commands) {
      if (command._tag === "Ended") {
        this.#listener.onEnded()
        continue
      }
      const peer = this.#peers.get(command.client)!
      if (command._tag === "Disconnect") this.#drop(peer, Violation.format(command.violation), GRACE)
      else {
        const { message } = command
        this.messages++
        if (message.op === Message.Op.Run) this.#granted(peer, state.time)
        if (peer.asks && message.op === Message.Op.FreeUntil) {
          peer.wire.onFreeUntil?.(message)
          continue
        }
        if (peer.queue.push(message) === MAX_QUEUED) (tooSlow ??= []).push(peer)
        this.#wake(peer)
      }
    }
    for (const peer of tooSlow ?? []) {
      this.#drop(peer, `client on connection ${peer.key} was dropped: ${MAX_QUEUED} messages wait for it to read`, 0)
      this.#run(this.#core.disconnected(this.calendar, peer.key))
    }
    this.#noteTurn()
    if (state.turn === undefined) this.#tellMetrics()
    this.onChange?.()
  }

  #granted(peer: Peer, time: bigint): void {
    this.grants++
    peer.grants++
    this.#beginTurn(peer)
    this.#listener.onGrant?.({ id: peer.id!, time })
  }

  /** Turns also begin when a client is let in, and end without another. */
  #noteTurn(): void {
    const { turn } = this.calendar
    if (turn?.client === this.#turn?.peer.key) return
    const peer = turn && this.#peers.get(turn.client)
    if (peer === undefined) this.#endTurn()
    else this.#beginTurn(peer)
  }

  #beginTurn(peer: Peer): void {
    this.#endTurn()
    this.#turn = { peer, sinceMs: this.#at }
  }

  #endTurn(): void {
    if (this.#turn === undefined) return
    const ms = this.#at - this.#turn.sinceMs
    this.#turn.peer.ranMs += ms
    this.#turn = undefined
    Metrics.turns.updateUnsafe(ms / 1000, this.#context)
  }

  #drop(peer: Peer, why: string, grace: Duration.Input): void {
    this.#listener.onNews({ _tag: "Dropped", client: this.#statusOf(peer), why })
    peer.isClosing = true
    peer.wire.close(grace)
    this.#wake(peer)
  }

  #wake(peer: Peer): void {
    if (peer.isWoken) return
    peer.isWoken = true
    this.#toWake.push(peer)
  }

  /** When all have been woken that are to be: finding a counter takes as long as a transition. */
  #tellMetrics(): void {
    const { messages, grants } = this
    if (messages !== this.#toldMessages) Metrics.messages.updateUnsafe(messages - this.#toldMessages, this.#context)
    if (grants !== this.#toldGrants) Metrics.grants.updateUnsafe(grants - this.#toldGrants, this.#context)
    this.#toldMessages = messages
    this.#toldGrants = grants
  }

  /** One after the other: a client in this process may answer while it is woken, and that wakes more. */
  #wakeAll(): void {
    if (this.#isWaking) return
    this.#isWaking = true
    this.#wakeSome()
  }

  /** The same in a turn of the event loop of its own: who asks isn't done yet, and is woken as well when it waits. */
  #wakeSoon(): void {
    if (this.#isWaking || this.#toWake.size === 0) return
    this.#isWaking = true
    nextTurn(() => this.#wakeSome())
  }

  #wakeSome(): void {
    let woken = 0
    for (let peer = this.#toWake.shift(); peer !== undefined; peer = this.#toWake.shift()) {
      peer.isWoken = false
      peer.wire.wake()
      if (++woken === WAKES_PER_TURN && this.#toWake.size > 0) {
        this.#tellMetrics()
        nextTurn(() => this.#wakeSome())
        return
      }
    }
    this.#isWaking = false
    this.#tellMetrics()
  }

  #statusOf(peer: Peer): ClientStatus {
    const client = IntMap.get(this.calendar.clients, peer.key)
    const turn = this.#turn?.peer === peer ? this.turn : undefined
    const { realMs } = this
    return {
      id: peer.id,
      connection: peer.key,
      from: peer.wire.from,
      state: this.#stateOf(peer.key, client),
      request: Schedule.timeOf(this.calendar.schedule, peer.key),
      offset: client?.offset ?? 0n,
      lastMessage: peer.last && Message.format(peer.last),
      lastMessageMs: peer.last && millis() - peer.lastMs,
      turnMs: turn?.ms,
      turns: peer.grants + (client?.phase === "In" ? 1 : 0),
      requests: peer.requests,
      waits: peer.waits,
      updates: peer.updates,
      share: realMs > 0 ? Math.min(1, (peer.ranMs + (turn?.ms ?? 0)) / realMs) : 0,
    }
  }

  #stateOf(key: Calendar.ClientKey, client: Calendar.Client | undefined): ClientState {
    if (client === undefined || client.phase === "Connected") return "connected"
    if (client.phase === "Held") return "held"
    if (this.calendar.turn?.client === key) return "running"
    return Schedule.timeOf(this.calendar.schedule, key) === undefined ? "idle" : "waiting"
  }
}
