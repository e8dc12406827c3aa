/**
 * A calendar's state: its clients, who has the turn, who waits for which time, and the end (PROTOCOL).
 *
 * @module
 */
import type * as EventQueue from "../../core/EventQueue.ts"
import type * as IntMap from "./IntMap.ts"
import type { Message } from "../../core/Message.ts"
import type { Nanos } from "../../core/Nanos.ts"
import type * as Schedule from "./Schedule.ts"
import type { Violation } from "../../core/Violation.ts"

/**
 * A connection, by a number from 0 to 2^32 − 1 that the server chooses. Small ones are cheapest.
 *
 * @since 0.1.0
 * @category models
 */
export type ClientKey = number

/**
 * The options of a calendar.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The expected number of clients: nobody is let in before as many have sent START. Default 0. */
  readonly clients?: number
  /** The time of day at calendar time 0, in ns since 1970. Default 0. */
  readonly start?: bigint
  /** The order of clients that are to run at the same time. Default: first come, first served. */
  readonly order?: Schedule.Order
  /** How far it may go to begin with. Default: as far as it can. */
  readonly allowance?: Partial<Allowance>
}

/**
 * How far a calendar may go, and how often: for those who pace, pause or step it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Allowance {
  /** It grants nothing later than this, in its own ns. Without end: {@link Nanos.FOREVER}. */
  readonly until: bigint
  /** It grants so many turns more; the first turns of those let in don't count. Without end: Infinity. */
  readonly turns: number
}

/**
 * One client, as its calendar knows it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client {
  /** Connected; started, which is held back; let in. */
  readonly phase: "Connected" | "Held" | "In"
  /** From START; 2^64 − 1 before that. */
  readonly id: Nanos
  /** The START to be acknowledged when it is let in. */
  readonly start: Message | undefined
  /** What it sent after START, to be taken up when it is let in. */
  readonly heldBack: ReadonlyArray<Message>
  /** The calendar's time when it was let in, in ns. */
  readonly offset: Nanos
  /** The furthest that it said it has come, by UPDATE, in the calendar's ns. */
  readonly reached: Nanos
  /** The number of the last message sent to it: they are counted for each client, from 1 on, modulo 2^32. */
  readonly sent: number
  /** The number of the last one that it acknowledged. It owes an ACK for each one after that. */
  readonly acked: number
  /** It is in the calendar's process and asks: what it is told it knows at once, so it acknowledges nothing. */
  readonly asks: boolean
}

/**
 * A client's time as the owner of the clock. Times are the calendar's, in ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Turn {
  readonly client: ClientKey
  /** RUN's number until that is acknowledged: the client hasn't begun to run. */
  readonly runSeq: number | undefined
  /** The last FREE_UNTIL: no other client's request is earlier. Nothing in a first turn. */
  readonly freeUntil: Nanos | undefined
  /** FREE_UNTIL's number until that is acknowledged: the client goes by an older one. */
  readonly freeUntilSeq: number | undefined
  /** The earliest FREE_UNTIL that it is known to have heard; at first that which RUN came with. Nothing in a first turn. */
  readonly known: Nanos | undefined
  /** The later ones, none of which it has acknowledged, in order: each is earlier than the one before. */
  readonly news: ReadonlyArray<{ readonly seq: number; readonly until: Nanos }>
  /** It has sent WAIT before it heard the last of them. The next turn begins when it has. */
  readonly isOver: boolean
  /** The latest time that it may have reached if it kept to what it was told. */
  readonly limit: Nanos
}

/**
 * A calendar: everything that affects what it does next.
 *
 * @since 0.1.0
 * @category models
 */
export interface Calendar {
  /** The time, in ns since the calendar began. It never goes back. */
  readonly time: Nanos
  /** The time of day at time 0, in ns since 1970. */
  readonly start: Nanos
  /** The expected number of clients. */
  readonly expected: number
  /** Whether the expected number has been reached. */
  readonly open: boolean
  /** Whether anybody has been let in yet. */
  readonly begun: boolean
  readonly clients: IntMap.IntMap<Client>
  /** The requests, by client and time. The client that runs may have one as well. */
  readonly schedule: Schedule.Schedule<ClientKey>
  /** How far it may go. */
  readonly allowance: Allowance
  /** The clients to be let in, by ID: those that came while the calendar was not open, … */
  readonly gathered: EventQueue.EventQueue<ClientKey>
  /** … and, after all of those, the later ones. */
  readonly late: EventQueue.EventQueue<ClientKey>
  readonly turn: Turn | undefined
  /** What is yet to be acknowledged, by client, in order: nothing but during a turn. */
  readonly unanswered: IntMap.IntMap<ReadonlyArray<Unanswered>>
}

/**
 * A message that is yet to be acknowledged.
 *
 * @since 0.1.0
 * @category models
 */
export interface Unanswered {
  readonly message: Message
  /** Not before the running client has heard of this time, in the calendar's ns; none: once those before it are. */
  readonly at: Nanos | undefined
}

/**
 * Something to be done, in the order given.
 *
 * @since 0.1.0
 * @category models
 */
export type Command =
  /** Write this message to the client. */
  | { readonly _tag: "Send"; readonly client: ClientKey; readonly message: Message }
  /** Close the connection if it isn't closed yet, and log why. The calendar has already forgotten the client. */
  | { readonly _tag: "Disconnect"; readonly client: ClientKey; readonly violation: Violation }
  /** The last client has left. */
  | { readonly _tag: "Ended" }

/**
 * What became of a calendar that was asked, and its answer; none, where the question costs the client its connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface Answered extends Transition {
  readonly answer: bigint | undefined
  /** It can't be answered yet, and nothing was done: it is to be sent as a message, whose ACK comes when it can. */
  readonly isLater: boolean
}

/**
 * The result of a transition: the next calendar, and the commands to carry out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Transition {
  readonly state: Calendar
  readonly commands: ReadonlyArray<Command>
}

// Written out, as each message makes one or two of these: see GuestState for what spreads cost.

/**
 * A copy of a calendar.
 *
 * @since 0.1.0
 * @category transitions
 */
export const copyOf = (calendar: Calendar): Calendar => ({
  time: calendar.time,
  start: calendar.start,
  expected: calendar.expected,
  open: calendar.open,
  begun: calendar.begun,
  clients: calendar.clients,
  schedule: calendar.schedule,
  allowance: calendar.allowance,
  gathered: calendar.gathered,
  late: calendar.late,
  turn: calendar.turn,
  unanswered: calendar.unanswered,
})

/**
 * A client after so many messages and ACKs. A class, as V8 makes object literals old from the start where most of them
 * seem to stay, as those of a thousand clients do, and old garbage is collected late: a burst of BROADCASTs took 100 MB.
 */
class Counted implements Client {
  readonly phase: Client["phase"]
  readonly id: Nanos
  readonly start: Message | undefined
  readonly heldBack: ReadonlyArray<Message>
  readonly offset: Nanos
  readonly reached: Nanos
  readonly sent: number
  readonly acked: number
  readonly asks: boolean

  constructor(client: Client, sent: number, acked: number) {
    this.phase = client.phase
    this.id = client.id
    this.start = client.start
    this.heldBack = client.heldBack
    this.offset = client.offset
    this.reached = client.reached
    this.sent = sent
    this.acked = acked
    this.asks = client.asks
  }
}

/**
 * The client after so many messages and ACKs.
 *
 * @since 0.1.0
 * @category transitions
 */
export const counted = (client: Client, sent: number, acked: number): Client => new Counted(client, sent, acked)

/**
 * The turn, and which of its messages it waits for the ACKs of.
 *
 * @since 0.1.0
 * @category transitions
 */
export const told = (turn: Turn, runSeq: number | undefined, freeUntilSeq: number | undefined): Turn => ({
  client: turn.client,
  runSeq,
  freeUntil: turn.freeUntil,
  freeUntilSeq,
  known: turn.known,
  news: turn.news,
  isOver: turn.isOver,
  limit: turn.limit,
})
