/**
 * The rules of PROTOCOL that a proxy checks on a connection between a client and a calendar: each has an identifier,
 * which never changes, and a sentence.
 *
 * A {@link Violation} is what a calendar holds against its client. A breach may be either side's.
 *
 * @module
 */
import { format as formatMessage, type Message } from "./Message.ts"
import { NONE } from "./Nanos.ts"

/**
 * The two ends of a connection.
 *
 * @since 0.1.0
 * @category models
 */
export type Side = "client" | "calendar"

/**
 * The rules, by their identifiers, in PROTOCOL's words as far as those are one sentence.
 *
 * @since 0.1.0
 * @category constants
 */
export const Rule = {
  // Both sides.
  "unknown-op": "A message has one of the ten operations of the table.",
  "cut-short": "A stream doesn't end inside a message: every message is 16 bytes.",
  "ack-order":
    "Whoever gets a message other than ACK answers it with ACK carrying the same seq, in the order received.",
  "ack-time": "ACK's time field is that of the table: 0, unless it answers GET, GET_TOD or a START that shares memory.",
  "unanswered": "Whoever gets a message other than ACK answers it with ACK.",
  // The client's.
  "calendars-own": "RUN and FREE_UNTIL go from the calendar to the client.",
  "start-twice": "A client sends START once.",
  "before-let-in": "A client sends no REQUEST, GET, GET_TOD or BROADCAST before it was let in.",
  "not-running": "WAIT and UPDATE are the running client's, which has acknowledged RUN.",
  "update-into-the-past": "UPDATE moves time forward.",
  "update-past-free-until": "A client may run on by itself up to FREE_UNTIL's time, and no UPDATE is past it.",
  "time-field": "The time field of WAIT, GET and GET_TOD is 2^64 - 1.",
  // The calendar's.
  "clients-own": "START, REQUEST, WAIT, GET, UPDATE and GET_TOD go from the client to the calendar.",
  "not-let-in":
    "A client is sent nothing until it has sent START, and neither RUN nor FREE_UNTIL until START is acknowledged.",
  "one-runs": "Exactly one client runs at a time; between RUN and WAIT it owns the clock.",
  "run-while-running": "RUN is for a client that waits: after RUN the calendar waits for the ACK, then for WAIT.",
  "run-not-asked": "RUN takes the earliest request off the schedule and makes its client the running one.",
  "run-time": "RUN has the time in the client's own terms: that of its request, or now if that is past.",
  "time-went-back": "Time never goes back.",
  "request-passed": "Time never passes the earliest request of a waiting client.",
  "request-order": "Requests at the same time are granted in the order in which they were made.",
  "free-until-missing": "Before RUN a client is sent FREE_UNTIL if the value is new for it.",
  "free-until-past-request": "FREE_UNTIL's value is the next entry of the schedule.",
  "request-not-heard":
    "A request by another that becomes the earliest is acknowledged only when the running client has acknowledged the FREE_UNTIL that tells it so.",
  "current-time": "GET is answered with the current time, and GET_TOD with the start value plus the calendar's time.",
  "broadcast-not-sent": "BROADCAST has a value that another client has sent, once for each time that it was sent.",
  "violator-stays": "A violation costs a client its connection.",
} as const

/**
 * The identifier of a rule.
 *
 * @since 0.1.0
 * @category models
 */
export type Rule = keyof typeof Rule

/**
 * A broken rule: by whom, on which connection, and by what.
 *
 * @since 0.1.0
 * @category models
 */
export interface Breach {
  readonly rule: Rule
  /** The side that broke it. */
  readonly side: Side
  /** The connection, by the number that it was {@link Conformance.joined} with. */
  readonly connection: number
  /** The ID from the client's START, 2^64 − 1 before that. */
  readonly id: bigint
  /** The message that broke the rule; none if it was the end of a stream. */
  readonly message: Message | undefined
  /** The calendar's time then, in ns since the first client was let in, as far as the messages tell. */
  readonly time: bigint
  /** What the message collided with, for people. */
  readonly detail: string
}

/**
 * A breach as a line for people.
 *
 * @example
 * ```ts
 * import * as Breach from "guest-clock/core/Breach"
 * import { Op } from "guest-clock/core/Message"
 *
 * console.log(Breach.format({
 *   rule: "start-twice",
 *   side: "client",
 *   connection: 0,
 *   id: 7n,
 *   message: { op: Op.Start, seq: 2, time: 7n },
 *   time: 0n,
 *   detail: "it has started with ID 7",
 * })) // client 7 (connection 0) broke start-twice at 0 ns by Start #2 7: it has started with ID 7. A client sends START once.
 * ```
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = ({ rule, side, connection, id, message, time, detail }: Breach): string => {
  const client = id === NONE ? "the client without an ID" : `client ${id}`
  const who = side === "client" ? client : `the calendar, to ${client}`
  const what = message === undefined ? "the end of the stream" : formatMessage(message)
  return `${who} (connection ${connection}) broke ${rule} at ${time} ns by ${what}: ${detail}. ${Rule[rule]}`
}
