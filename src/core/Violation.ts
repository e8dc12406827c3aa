/**
 * The rules of PROTOCOL that a client can violate. A client that does loses its connection (PROTOCOL, "Violations").
 *
 * A violation is a value. The calendar lives on, and so do the other clients.
 *
 * @module
 */
import { format as formatMessage, type Message } from "./Message.ts"
import { NONE } from "./Nanos.ts"

/**
 * The rules, each with the words that a log line has for it.
 *
 * @since 0.1.0
 * @category constants
 */
export const Rule = {
  StartTwice: "START is sent once",
  BeforeStart: "REQUEST, GET, GET_TOD and BROADCAST come after START",
  NotRunning: "WAIT and UPDATE are for the client that runs, once it has acknowledged RUN",
  UpdateIntoThePast: "UPDATE never goes back",
  UpdatePastFreeUntil: "UPDATE goes no further than FREE_UNTIL allowed",
  CalendarsOwn: "RUN and FREE_UNTIL are for the calendar to send",
  UnexpectedAck: "ACKs answer the calendar's messages one by one, in order",
  UnknownOp: "a message has one of the protocol's ten operations",
  CutShort: "a stream ends between two messages",
  TooManyUnacknowledged: "a client acknowledges what it is sent",
  TooManyHeldBack: "a client that isn't let in yet waits for START's ACK",
  TooManyUnanswered: "a client waits for the ACK of a REQUEST that the running client has to hear of",
} as const

/**
 * The name of a rule.
 *
 * @since 0.1.0
 * @category models
 */
export type Rule = keyof typeof Rule

/**
 * A broken rule, by whom, and by what.
 *
 * @since 0.1.0
 * @category models
 */
export interface Violation {
  readonly rule: Rule
  /** The ID from the client's START, 2^64 − 1 before that. */
  readonly id: bigint
  /**
   * The message that broke the rule. For `TooManyUnacknowledged` it is the one
   * that could not be sent, and for `CutShort` there is none.
   */
  readonly message: Message | undefined
  /** What the message collided with, for people. */
  readonly detail: string
}

/**
 * A violation as a line for people.
 *
 * @example
 * ```ts
 * import * as Message from "guest-clock/core/Message"
 * import * as Violation from "guest-clock/core/Violation"
 *
 * console.log(Violation.format({
 *   rule: "StartTwice",
 *   id: 7n,
 *   message: { op: Message.Op.Start, seq: 2, time: 7n },
 *   detail: "the first was #1",
 * })) // client 7, Start #2 7: the first was #1 (StartTwice: START is sent once)
 * ```
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (violation: Violation): string => {
  const who = violation.id === NONE ? "client without an ID" : `client ${violation.id}`
  const what = violation.message === undefined ? "end of stream" : formatMessage(violation.message)
  return `${who}, ${what}: ${violation.detail} (${violation.rule}: ${Rule[violation.rule]})`
}
