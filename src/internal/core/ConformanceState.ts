/**
 * What a proxy knows of a calendar and its clients from their messages ({@link Conformance}), and a persistent queue of
 * messages that wait for their ACKs.
 *
 * @module
 */
import type { ClientKey } from "./CalendarState.ts"
import type { IntMap } from "./IntMap.ts"
import type { Message } from "../../core/Message.ts"
import type { Nanos } from "../../core/Nanos.ts"

/**
 * A message of the client's that the calendar has yet to acknowledge.
 *
 * @since 0.1.0
 * @category models
 */
export interface Question {
  readonly message: Message
  /** When it was seen, by {@link Conformance.step}. */
  readonly step: number
  /** The client's own time when it asked. */
  readonly view: bigint
  /** Whether the client had the turn then. */
  readonly ran: boolean
  /** The calendar's time was no earlier than this when it was asked, nor the time of day (see `timeOfDay`). */
  readonly now: bigint
  readonly timeOfDay: bigint | undefined
  /** It is a violation, which is to cost the client its connection. */
  readonly isViolation: boolean
  /** It is left out by those who share memory, and may not be acknowledged. */
  readonly isOptional: boolean
}

/**
 * A message of the calendar's that the client has yet to acknowledge.
 *
 * @since 0.1.0
 * @category models
 */
export interface Owed {
  readonly message: Message
  /** RUN isn't acknowledged by those who share memory. */
  readonly isOptional: boolean
}

/**
 * What a client wants, as of the last REQUEST that was acknowledged.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  /** In the client's own time. */
  readonly at: bigint
  /** When its REQUEST was seen, and when the ACK of it. */
  readonly asked: number
  readonly acknowledged: number
}

/**
 * One client, as its messages tell.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client {
  /** Connected; started, which is held back; let in. */
  readonly phase: "Connected" | "Held" | "In"
  /** From START; 2^64 − 1 before that. */
  readonly id: Nanos
  readonly questions: Line<Question>
  readonly owed: Line<Owed>
  /** So many of them weren't acknowledged that they aren't followed any more. */
  readonly losesQuestions: boolean
  readonly losesOwed: boolean
  /** RUN is yet to be acknowledged. */
  readonly owesRun: boolean
  /** How many FREE_UNTILs are. */
  readonly owesFreeUntil: number
  /** The calendar's time when it was let in: exactly, or no earlier than this. */
  readonly offset: bigint
  readonly isExact: boolean
  /** Its own time, as it was last told or told itself. */
  readonly view: bigint
  /** Whether it has the turn, and whether that is its first one. */
  readonly runs: boolean
  readonly isFirst: boolean
  readonly request: Request | undefined
  /** FREE_UNTIL as it was sent last, and as it was acknowledged last, in its own time. */
  readonly freeUntil: bigint | undefined
  readonly heard: bigint | undefined
  /** The latest time that it may have reached if it kept to what it was told, in its own time. */
  readonly limit: bigint
  /** Whether it shares memory: its requests and how far it has come are known to nobody who sees messages only. */
  readonly shares: "no" | "maybe" | "yes"
  /** It has broken a rule, so its calendar may disconnect it at any moment. */
  readonly isGuilty: boolean
  /** What others have broadcast that it wasn't sent yet, and whether some of it was forgotten. */
  readonly broadcasts: ReadonlyArray<bigint>
  readonly forgotten: boolean
}

/**
 * All connections of one calendar: everything that affects what is found wrong next.
 *
 * @since 0.1.0
 * @category models
 */
export interface Conformance {
  readonly clients: IntMap<Client>
  /** The client that runs. */
  readonly runner: ClientKey | undefined
  /** The calendar's time, in ns since the first client was let in: no earlier than this. */
  readonly now: bigint
  /** No later than this; nothing, if nobody can tell. */
  readonly latest: bigint | undefined
  /** Whether anybody was let in. */
  readonly begun: boolean
  /** The first time of day that was told, from which all are counted; the latest one, and that at time 0. */
  readonly firstTimeOfDay: bigint | undefined
  readonly timeOfDay: bigint | undefined
  readonly start: bigint | undefined
  /** How many things have been seen. */
  readonly step: number
  /** When a turn has ended last, by {@link Conformance.step}. */
  readonly turnEnded: number
  /** How many breaches there were, by side. */
  readonly byClients: number
  readonly byCalendar: number
}

interface Cell<A> {
  readonly item: A
  readonly next: Cell<A> | undefined
}

/**
 * A persistent queue: items to be taken, and those that were added since, latest first.
 *
 * @since 0.1.0
 * @category models
 */
export interface Line<A> {
  readonly size: number
  readonly front: Cell<A> | undefined
  readonly back: Cell<A> | undefined
}

/**
 * A queue without items.
 *
 * @since 0.1.0
 * @category reading
 */
export const emptyLine: Line<never> = { size: 0, front: undefined, back: undefined }

/**
 * Adds an item at the end.
 *
 * @since 0.1.0
 * @category reading
 */
export const added = <A>({ size, front, back }: Line<A>, item: A): Line<A> => ({
  size: size + 1,
  front,
  back: { item, next: back },
})

/**
 * The first item and the others, if there are any.
 *
 * @since 0.1.0
 * @category reading
 */
export const taken = <A>(line: Line<A>): readonly [first: A, rest: Line<A>] | undefined => {
  let { front, back } = line
  if (front === undefined) {
    for (let cell = back; cell !== undefined; cell = cell.next) front = { item: cell.item, next: front }
    back = undefined
  }
  return front === undefined ? undefined : [front.item, { size: line.size - 1, front: front.next, back }]
}

/**
 * All items, in no order.
 *
 * @since 0.1.0
 * @category reading
 */
export const itemsOf = function* <A>({ front, back }: Line<A>): Generator<A> {
  for (let cell = front; cell !== undefined; cell = cell.next) yield cell.item
  for (let cell = back; cell !== undefined; cell = cell.next) yield cell.item
}
