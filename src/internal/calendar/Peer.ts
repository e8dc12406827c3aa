/**
 * One connection of a calendar: its client's status, and the messages on their way in and out.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import type { Calendar, ClientKey } from "../../core/Calendar.ts"
import { Fifo } from "../core/Fifo.ts"
import * as IntMap from "../core/IntMap.ts"
import * as Message from "../../core/Message.ts"
import * as Schedule from "../core/Schedule.ts"
import type { CalendarListener } from "../../services/Link.ts"
import type { ClientProcess, ClientState, ClientStatus } from "../../calendar/Status.ts"

/** What a connection does when it is asked to. */
export interface Wire {
  /** Where it comes from, for people. */
  readonly from: string
  /** The process at its other end, if that is known. */
  readonly process?: ClientProcess | undefined
  /** Whether that process is dead: a child of it may hold the connection. */
  readonly isDead?: () => boolean
  /** There is something in its queue, or it is closing. */
  readonly wake: () => void
  /** Told of FREE_UNTIL at once; only where it is in this process, and then it acknowledges nothing. */
  readonly onFreeUntil?: (message: Message.Message) => void
  /** A guest in this process that reads its messages as they come, where it can. */
  readonly listener?: () => CalendarListener | undefined
  /**
   * Sends the first message along with the calendar's memory, or with one of version 0, where that can be done: `false`
   * if it couldn't be, and it is to be sent without.
   */
  readonly offer?: (message: Uint8Array, isShared: boolean) => boolean
  /** It is to be closed, when what is in its queue was read or the time is over. */
  readonly close: (grace: Duration.Input) => void
  /** Reads no more from it, … */
  readonly hold?: () => void
  /** … and goes on; neither where it is in this process. */
  readonly goOn?: () => void
}

/** Messages that wait. */
export interface Queue {
  readonly size: number
  /** Puts one more at the end: how many there are then. */
  readonly push: (message: Message.Message) => number
}

/** One connection. */
export interface Peer {
  readonly key: ClientKey
  readonly wire: Wire
  parser: Message.Parser
  /** What is to be sent to it. */
  readonly queue: Queue
  /** Whether it is on a connection, which can be held; and when something was taken from its queue last, in real ms. */
  readonly isRemote: boolean
  readMs: number
  /** Whether its queue counts as part of the backlog. */
  isCounted: boolean
  /** What has arrived from it and is yet to be taken up. */
  readonly pending: Fifo<Message.Message>
  isDeferred: boolean
  isClosing: boolean
  /** Whether it asks, and is told at once how far it may run. */
  asks: boolean
  /** Whether it was offered the calendar's memory, or anything in its place, along with its first message. */
  isOffered: boolean
  /** Whether it shares the calendar's memory: what it is told of FREE_UNTIL is there, and what it says otherwise. */
  shares: boolean
  /** Whether it is on the list of those to be woken, and on that of those who can wait. */
  isWoken: boolean
  isWokenLater: boolean
  id: bigint | undefined
  /** As it was when it was dropped, once it has been. */
  dropped: ClientStatus | undefined
  last: Message.Message | undefined
  lastMs: number
  grants: number
  /** How many of these were by shared memory. */
  sharedGrants: number
  requests: number
  waits: number
  updates: number
  /** Real time for which it had the turn, without the one that it has now. */
  ranMs: number
}

/** A client that has just connected. */
export const makePeer = (key: ClientKey, wire: Wire, queue: Queue): Peer => ({
  key,
  wire,
  parser: Message.parser,
  queue,
  isRemote: wire.hold !== undefined,
  isCounted: wire.hold !== undefined,
  readMs: 0,
  pending: new Fifo(),
  isDeferred: false,
  isClosing: false,
  asks: false,
  isOffered: false,
  shares: false,
  isWoken: false,
  isWokenLater: false,
  id: undefined,
  dropped: undefined,
  last: undefined,
  lastMs: 0,
  grants: 0,
  sharedGrants: 0,
  requests: 0,
  waits: 0,
  updates: 0,
  ranMs: 0,
})

/** What a client is doing: for how long it has had the turn, how long the calendar has been there, and now, in real ms. */
export const statusOf = (
  peer: Peer,
  calendar: Calendar,
  turnMs: number | undefined,
  realMs: number,
  nowMs: number,
): ClientStatus => {
  const client = IntMap.get(calendar.clients, peer.key)
  return {
    id: peer.id,
    connection: peer.key,
    from: peer.wire.from,
    process: peer.wire.process,
    state: stateOf(peer.key, calendar),
    request: Schedule.timeOf(calendar.schedule, peer.key),
    offset: client?.offset ?? 0n,
    lastMessage: peer.last && Message.format(peer.last),
    lastMessageMs: peer.last && nowMs - peer.lastMs,
    turnMs,
    sharesMemory: peer.shares,
    sharedTurns: peer.sharedGrants,
    turns: peer.grants + (client?.phase === "In" ? 1 : 0),
    requests: peer.requests,
    waits: peer.waits,
    updates: peer.updates,
    share: realMs > 0 ? Math.min(1, (peer.ranMs + (turnMs ?? 0)) / realMs) : 0,
    dropped: undefined,
  }
}

const stateOf = (key: ClientKey, calendar: Calendar): ClientState => {
  const client = IntMap.get(calendar.clients, key)
  if (client === undefined || client.phase === "Connected") return "connected"
  if (client.phase === "Held") return "held"
  if (calendar.turn?.client === key) return "running"
  return Schedule.timeOf(calendar.schedule, key) === undefined ? "idle" : "waiting"
}
