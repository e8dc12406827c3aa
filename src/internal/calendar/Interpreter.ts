/**
 * Carries out a {@link Calendar}'s commands on its connections, and keeps the statistics of its clients. It never waits.
 *
 * Each message of a client is handled, and answered into the output queues of all clients concerned, before anything else
 * happens. So transitions never interleave, even if a client in this process is woken by one and answers at once.
 *
 * @module
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Calendar from "../../core/Calendar.ts"
import * as IntMap from "../core/IntMap.ts"
import * as Message from "../../core/Message.ts"
import type { Nanos } from "../../core/Nanos.ts"
import * as Schedule from "../core/Schedule.ts"
import * as Violation from "../../core/Violation.ts"
import { later, millis } from "../platform/EventLoop.ts"
import { type CalendarTrace, type CalendarTransitions, TraceName, Tracer } from "../../services/Tracer.ts"
import { Backlog, MOST_UNREAD, MOST_UNSENT } from "./Backlog.ts"
import { FormerClients } from "./FormerClients.ts"
import { ClosingConnections } from "./ClosingConnections.ts"
import { Inbox } from "./Inbox.ts"
import * as Metrics from "../../calendar/Metrics.ts"
import type { Outbox } from "./Outbox.ts"
import type { Listener } from "./News.ts"
import { makePeer, type Peer, type Queue, statusOf, type Wire } from "./Peer.ts"
import { Sharing } from "./Sharing.ts"
import type { ClientStatus } from "../../calendar/Status.ts"
import { WakeQueue } from "./WakeQueue.ts"

export type { Grant, Listener, News } from "./News.ts"

/**
 * The most messages that may wait for a client in this process to read before it is dropped.
 *
 * @since 0.1.0
 * @category constants
 */
export const MAX_QUEUED = 2 * Calendar.MAX_UNACKNOWLEDGED

/** How long a client may read nothing, in real ms, while others can't go on before it does; how often that is looked at. */
const SILENT_MS = 2000
const LOOK_MS = 500

/** How many of a client's messages may be unanswered before no more of them are taken up. */
const MOST_UNANSWERED = 64
/** How long a client that broke a rule has to read what it was sent before. */
const GRACE: Duration.Input = "1 second"

/** A calendar and its connections. */
export class Interpreter {
  calendar: Calendar.Calendar
  messages = 0
  grants = 0
  /** How many of the turns granted were by shared memory. */
  sharedGrants = 0
  /** What clients on unix sockets are offered, if anything is. */
  sharing: Sharing | undefined
  /** Why nothing can be done natively, where it would be. */
  withoutNative: string | undefined
  readonly left = new FormerClients()
  /** Connections that are being ended. */
  readonly endings: ClosingConnections = new ClosingConnections()
  /** What is told of all that this calendar does, if anything. */
  readonly trace: CalendarTrace | undefined
  readonly #core: CalendarTransitions
  /** Told after each change, if anybody wants to know. */
  onChange: (() => void) | undefined
  /** Told when a turn begins, … */
  onTurn: (() => void) | undefined
  /** … and when there is none, after each change. */
  onRest: (() => void) | undefined
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
  #toldShared = 0
  readonly #wakes = new WakeQueue(() => this.#tellMetrics())
  readonly #backlog = new Backlog()
  readonly #intake: Inbox<Peer> = new Inbox<Peer>({
    take: (peer, message) => this.#take(peer, message),
    mustWait: (peer, message) => this.#mustWait(peer, message),
    onTaken: () => this.#wakes.wakeAll(),
    onWaiting: () => this.#awaitReaders(),
  })
  #cancelLook: (() => void) | undefined

  /** Has clients on unix sockets be offered this memory, or with none only be sent what a kernel needs. */
  share(buffer: ArrayBufferLike | undefined, slots: number): void {
    this.sharing = new Sharing(buffer, slots, {
      calendar: () => this.calendar,
      peerOf: (client) => this.#peers.get(client),
      tell: (peer, message) => {
        this.#count(peer, message)
        this.#run(this.#core.asked(this.calendar, peer.key, message))
      },
      putOut: (peer, why) => this.#hangUp(peer, why, GRACE),
      onScribbled: (breach) => this.#listener.onScribbled?.(breach),
      onRead: () => this.#wakes.wakeAll(),
    })
  }

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
  get turn(): { readonly peer: Peer; readonly ms: number; readonly sinceMs: number } | undefined {
    return this.#turn && { ...this.#turn, ms: millis() - this.#turn.sinceMs }
  }

  /** How many clients are needed yet before the first is let in. */
  get missing(): number {
    const { open, expected, gathered } = this.calendar
    return open ? 0 : expected - gathered.size
  }

  /** Whether nobody runs, and nobody has asked for a time: only the world can go on from here. */
  get isDeadlocked(): boolean {
    return this.isAtRest && this.calendar.schedule.requests.size === 0 && this.calendar.clients.size > 0
  }

  /** When something last happened, in real ms since the calendar began. */
  get lastMs(): number {
    return this.#at - this.#began
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

  connect(wire: Wire, queue: Queue): Peer {
    const peer = makePeer(this.#freeKeys.pop() ?? this.#peers.size, wire, queue)
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

  /** What has arrived from a client, in order. One in this process can't be kept waiting. */
  take(peer: Peer, messages: ReadonlyArray<Message.Message>): void {
    if (messages.length === 0) return
    this.#at = millis()
    if (peer.isRemote) return this.#intake.arrived(peer, messages)
    for (const message of messages) this.#take(peer, message)
    this.#wakes.wakeAll()
  }

  /** Takes what is to be sent to a client. */
  takeUnsent(peer: Peer, unsent: Outbox): Uint8Array {
    this.#backlog.take(peer)
    if (this.#intake.hasLeft) {
      peer.readMs = millis()
      this.#intake.again()
    }
    return unsent.take()
  }

  /** Whether a message is to be taken up only when others have read, or the running client has heard. */
  #mustWait({ key, queue }: Peer, { op }: Message.Message): boolean {
    const { unanswered, turn } = this.calendar
    if (op === Message.Op.Ack) return false
    if (queue.size >= MOST_UNREAD) return true
    if (op === Message.Op.Broadcast && this.#backlog.isFull) return true
    if (queue.size > 0 && this.#backlog.size >= MOST_UNSENT) return true
    if (unanswered.size > 0 && (IntMap.get(unanswered, key)?.length ?? 0) >= MOST_UNANSWERED) return true
    const runner = op === Message.Op.Request && turn !== undefined ? this.#peers.get(turn.client) : undefined
    return runner !== undefined && runner.isRemote && runner.queue.size >= MOST_UNREAD
  }

  /** Has nothing more happen by itself. */
  stop(): void {
    this.#cancelLook?.()
    this.sharing?.stop()
  }

  /** Somebody can't go on, perhaps before others read: then these have to, or go. */
  #awaitReaders(): void {
    if (this.#cancelLook !== undefined) return
    const sinceMs = millis()
    const look = () => {
      this.#cancelLook = undefined
      if (!this.#intake.hasLeft) return
      const now = this.#at = millis()
      if (now - sinceMs >= SILENT_MS) {
        for (const peer of [...this.#peers.values()]) {
          if (peer.isRemote && !peer.isClosing && this.#backlog.keepsOthers(peer, now - SILENT_MS)) {
            this.#dropSilent(peer)
          }
        }
        this.#wakes.wakeAll()
        this.#intake.again()
      }
      this.#cancelLook = later(LOOK_MS, look)
    }
    this.#cancelLook = later(LOOK_MS, look)
  }

  #dropSilent(peer: Peer): void {
    const { key, queue } = peer
    this.#hangUp(peer, `client on connection ${key} was dropped: ${queue.size} messages wait for it to read`)
  }

  #hangUp(peer: Peer, why: string, grace: Duration.Input = 0): void {
    this.#backlog.forget(peer)
    this.#drop(peer, why, grace)
    this.#run(this.#core.disconnected(this.calendar, peer.key))
  }

  /** What a client in this process says, as it says it. */
  post(peer: Peer, message: Message.Message): void {
    // It acknowledges as soon as it is woken: looking at the real clock takes as long as a transition.
    if (message.op !== Message.Op.Ack) this.#at = millis()
    this.#take(peer, message)
    const { turn } = this.calendar
    if (turn !== undefined && turn.news.length > 0) this.#peers.get(turn.client)?.wire.listener?.()?.hear()
    this.#wakes.wakeSoon()
  }

  /** What a client in this process asks that has been let in: what it is answered with, at once, if it can be. */
  ask(peer: Peer, op: number, time: bigint): bigint | "closed" | "later" {
    if (peer.isClosing) return "closed"
    // Turns end with WAIT: looking at the real clock takes as long as a transition.
    if (op === Message.Op.Wait) this.#at = millis()
    this.sharing?.read()
    peer.asks = true
    peer.lastMs = this.#at
    const message = { op, seq: 0, time }
    const next = Calendar.asked(this.calendar, peer.key, message)
    if (!next.isLater) {
      this.#count(peer, message)
      peer.last = message
      this.messages += 2
    }
    if (next.state !== this.calendar || next.answer === undefined) {
      this.#run(next)
      this.#wakes.wakeSoon()
    }
    return next.isLater ? "later" : next.answer ?? "closed"
  }

  /** Whether REQUESTs are acknowledged at once: nobody has to hear of them first who would have to be sent a message. */
  get answersAtOnce(): boolean {
    const { turn, clients } = this.calendar
    if (turn?.known === undefined || turn.isOver || IntMap.get(clients, turn.client)?.asks === true) return true
    return this.#peers.get(turn.client)?.wire.listener?.()?.canHear() === true
  }

  /** How many commands that made. */
  #take(peer: Peer, message: Message.Message): number {
    if (peer.isClosing) return 0
    const { sharing } = this
    if (sharing !== undefined && message.op !== Message.Op.Ack) {
      sharing.heard(peer, message.op)
      // What it has written may have cost it its connection.
      if (peer.isClosing) return 0
    }
    peer.lastMs = this.#at
    peer.last = message
    this.messages++
    this.#count(peer, message)
    const next = peer.shares && message.op === Message.Op.Wait
      ? this.#core.asked(this.calendar, peer.key, message)
      : this.#core.clientMessage(this.calendar, peer.key, message)
    if (peer.shares && message.op === Message.Op.Request) sharing?.requested(peer, next.state)
    this.#run(next)
    return next.commands.length
  }

  /** Notes that a client's connection is being ended, until the result is called. */
  ending(peer: Peer): () => void {
    return this.endings.begin(this.#statusOf(peer))
  }

  disconnect(peer: Peer): void {
    if (this.#peers.get(peer.key) !== peer) return
    this.#at = millis()
    this.sharing?.read()
    const status = peer.dropped ?? this.#statusOf(peer)
    this.#run(this.#core.disconnected(this.calendar, peer.key, peer.parser.length), () => {
      peer.isClosing = true
      this.#backlog.forget(peer)
      this.#intake.again()
      this.#peers.delete(peer.key)
      this.#freeKeys.push(peer.key)
      Metrics.clients.updateUnsafe(this.#peers.size, this.#context)
      if (status.id === undefined) return
      if (peer.dropped === undefined) this.left.add(status)
      this.#listener.onNews({ _tag: "Left", client: status })
    })
    this.#wakes.wakeAll()
  }

  /** Hangs up on a client, at once. All who watch are told why. */
  drop(peer: Peer, why: string): void {
    this.#at = millis()
    this.sharing?.read()
    if (!peer.isClosing) this.#hangUp(peer, why)
    this.#wakes.wakeAll()
  }

  /** From now on the calendar may go this far. */
  allow(allowance: Partial<Calendar.Allowance>): void {
    this.#at = millis()
    this.sharing?.read()
    this.#run(this.#core.allow(this.calendar, allowance))
    this.#wakes.wakeAll()
  }

  /** All clients that haven't been hung up on. */
  get peers(): ReadonlyArray<Peer> {
    return [...this.#peers.values()].filter(({ isClosing }) => !isClosing)
  }

  /** The same, and what they do. */
  status(): ReadonlyArray<ClientStatus> {
    return this.peers.map((peer) => this.#statusOf(peer))
  }

  /** What it says, by message or by memory. */
  #count(peer: Peer, message: Message.Message): void {
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

  /** `andThen` is done before anybody is told that the last client has left. */
  #run({ state, commands }: Calendar.Transition, andThen?: () => void): void {
    const before = this.calendar
    this.calendar = state
    let tooSlow: Array<Peer> | undefined
    let hasEnded = false
    const first = this.sharing?.changed(before, state, commands)
    for (const command of commands) {
      if (command._tag === "Ended") {
        hasEnded = true
        continue
      }
      const peer = this.#peers.get(command.client)!
      if (command._tag === "Disconnect") this.#drop(peer, Violation.format(command.violation), GRACE, before)
      else {
        const { message } = command
        if (message.op === Message.Op.Run) this.#granted(peer, state.time)
        // It is in the memory.
        if (peer.shares && message.op === Message.Op.FreeUntil) continue
        this.messages++
        if (command === first) continue
        if (peer.asks && message.op === Message.Op.FreeUntil) {
          peer.wire.onFreeUntil?.(message)
          continue
        }
        const waiting = peer.queue.push(message)
        if (peer.isCounted) this.#backlog.add(waiting)
        if (waiting === MAX_QUEUED) (tooSlow ??= []).push(peer)
        if (message.op === Message.Op.Broadcast) this.#wakes.addLater(peer)
        else this.#wakes.add(peer)
      }
    }
    if (tooSlow !== undefined) { for (const peer of tooSlow) this.#dropSilent(peer) }
    if (this.#backlog.isTooLong) this.#dropLongest()
    this.#intake.again()
    this.#noteTurn()
    if (state.turn === undefined) {
      this.#tellMetrics()
      this.onRest?.()
      this.sharing?.readLater()
    }
    andThen?.()
    if (hasEnded) this.#listener.onEnded()
    this.onChange?.()
  }

  /** There is no more room: drops the client with the most unread bytes. */
  #dropLongest(): void {
    let longest: Peer | undefined
    for (const peer of this.#peers.values()) {
      if (!peer.isCounted || peer.isClosing) continue
      if (longest === undefined || peer.queue.size > longest.queue.size) longest = peer
    }
    if (longest !== undefined && longest.queue.size > 0) this.#dropSilent(longest)
  }

  #granted(peer: Peer, time: bigint): void {
    this.grants++
    peer.grants++
    if (peer.shares) {
      this.sharedGrants++
      peer.sharedGrants++
    }
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
    this.onTurn?.()
  }

  #endTurn(): void {
    if (this.#turn === undefined) return
    const ms = this.#at - this.#turn.sinceMs
    this.#turn.peer.ranMs += ms
    this.#turn = undefined
    Metrics.turns.updateUnsafe(ms / 1000, this.#context)
  }

  /** `before`: the calendar with the client still in it. */
  #drop(peer: Peer, why: string, grace: Duration.Input, before = this.calendar): void {
    const client = peer.dropped = { ...this.#statusOf(peer, before), dropped: why }
    this.left.add(client)
    this.#listener.onNews({ _tag: "Dropped", client, why })
    peer.isClosing = true
    peer.wire.close(grace)
    this.#wakes.add(peer)
  }

  /** When all have been woken that are to be: finding a counter takes as long as a transition. */
  #tellMetrics(): void {
    const { messages, grants, sharedGrants } = this
    if (messages !== this.#toldMessages) Metrics.messages.updateUnsafe(messages - this.#toldMessages, this.#context)
    if (grants !== this.#toldGrants) Metrics.grants.updateUnsafe(grants - this.#toldGrants, this.#context)
    if (sharedGrants !== this.#toldShared) {
      Metrics.sharedGrants.updateUnsafe(sharedGrants - this.#toldShared, this.#context)
    }
    this.#toldShared = sharedGrants
    this.#toldMessages = messages
    this.#toldGrants = grants
  }

  #statusOf(peer: Peer, calendar = this.calendar): ClientStatus {
    const turnMs = this.#turn?.peer === peer ? this.turn?.ms : undefined
    return statusOf(peer, calendar, turnMs, this.realMs, millis())
  }
}
