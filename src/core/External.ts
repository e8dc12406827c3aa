/**
 * The part of a guest that talks to a calendar (SPEC 9): what it has asked for,
 * how far it may run by itself, which ACK it waits for.
 *
 * ```text
 *            REQUEST t            WAIT              RUN t
 *   running ───────────▶ running ──────▶ waiting ─────────▶ running
 *      └──── before freeUntil no message is needed ────────────┘
 * ```
 *
 * @module
 */
import type { Command } from "./Command.ts"
import { AckSequenceMismatch } from "./Fault.ts"
import * as Message from "./Message.ts"
import { type Nanos, NONE, ZERO } from "./Nanos.ts"
import type { Lean } from "./Revisions.ts"

/**
 * The state of a guest's end of the link.
 *
 * @since 0.1.0
 * @category models
 */
export interface External {
  /** How many waits for RUN are under way: interrupts that arrive in one may begin another. */
  readonly waiting: number
  /** WAIT was sent and RUN hasn't come since: to the calendar the guest is stopped. */
  readonly stopped: boolean
  /** Which of the waits under way read the last RUN itself, counted from 1; 0 if an exchange did. */
  readonly ran: number
  /** The time the calendar was last told, unless it has been forgotten since (SPEC 9.2, 9.3). */
  readonly previousRequest: Nanos | undefined
  /** Up to this time, not including it, the guest may run by itself. */
  readonly freeUntil: Nanos | undefined
  /** The sequence number of the last message sent. */
  readonly sequence: number
  /** The message whose ACK hasn't come yet. */
  readonly awaiting: { readonly op: number; readonly sequence: number } | undefined
  /** How far the calendar knows the guest to have come, from RUN, UPDATE or the ACK of GET, in ns. */
  readonly known: Nanos
  /** Whether the calendar has been warned of as saying what a guest doesn't understand. */
  readonly warned: boolean
}

/**
 * A guest that hasn't said anything yet.
 *
 * @since 0.1.0
 * @category constants
 */
export const initial: External = {
  waiting: 0,
  stopped: false,
  ran: 0,
  previousRequest: undefined,
  freeUntil: undefined,
  sequence: 0,
  awaiting: undefined,
  known: ZERO,
  warned: false,
}

/**
 * The next state, and what is to be done.
 *
 * @since 0.1.0
 * @category models
 */
export interface Told {
  readonly external: External
  readonly commands: ReadonlyArray<Command>
}

// A turn makes nine copies, so they are written out: with spreads, this module was a tenth of Bun's profile.

/**
 * It was told this last.
 *
 * @since 0.1.0
 * @category transitions
 */
export const requesting = (external: External, previousRequest: Nanos | undefined): External => ({
  waiting: external.waiting,
  stopped: external.stopped,
  ran: external.ran,
  previousRequest,
  freeUntil: external.freeUntil,
  sequence: external.sequence,
  awaiting: external.awaiting,
  known: external.known,
  warned: external.warned,
})

/** So many waits are under way. Each that begins or ends makes it forget what it has asked for. */
const waitingFor = (external: External, waiting: number, freeUntil: Nanos | undefined): External => ({
  waiting,
  stopped: external.stopped,
  ran: external.ran,
  previousRequest: undefined,
  freeUntil,
  sequence: external.sequence,
  awaiting: external.awaiting,
  known: external.known,
  warned: external.warned,
})

const running = (external: External, ran: number, known: Nanos): External => ({
  waiting: external.waiting,
  stopped: false,
  ran,
  previousRequest: external.previousRequest,
  freeUntil: external.freeUntil,
  sequence: external.sequence,
  awaiting: external.awaiting,
  known,
  warned: external.warned,
})

const free = (external: External, freeUntil: Nanos): External => ({
  waiting: external.waiting,
  stopped: external.stopped,
  ran: external.ran,
  previousRequest: external.previousRequest,
  freeUntil,
  sequence: external.sequence,
  awaiting: external.awaiting,
  known: external.known,
  warned: external.warned,
})

const exchanging = (
  external: External,
  sequence: number,
  awaiting: External["awaiting"],
  stopped: boolean,
  known: Nanos,
): External => ({
  waiting: external.waiting,
  stopped,
  ran: external.ran,
  previousRequest: external.previousRequest,
  freeUntil: external.freeUntil,
  sequence,
  awaiting,
  known,
  warned: external.warned,
})

const nothing: ReadonlyArray<Command> = []
const awaitRun: Command = { _tag: "AwaitRun" }

/**
 * An exchange of one of the guest's own messages (SPEC 9.1).
 *
 * @since 0.1.0
 * @category transitions
 */
export const exchange = (op: Message.Op, time: Nanos = NONE): Command => ({ _tag: "Exchange", op, time })

/**
 * Tells the calendar when the guest wants to run, unless that is what it was told last, or the guest may run there by
 * itself and is lean (SPEC 9.2, 11.4).
 *
 * @since 0.1.0
 * @category transitions
 */
export const tell = (external: External, time: Nanos, lean: Lean): Told =>
  external.previousRequest === time || lean.requests && mayRunTo(external, time)
    ? { external, commands: nothing }
    : { external: requesting(external, time), commands: [exchange(Message.Op.Request, time)] }

/**
 * Whether a wait was given up before RUN came: the guest goes on, but to the
 * calendar it is stopped.
 *
 * @since 0.1.0
 * @category transitions
 */
export const gaveUpWaiting = (external: External): boolean => external.stopped && external.waiting === 0

/**
 * Whether the guest may go to `time` without asking (SPEC 9.3).
 *
 * @since 0.1.0
 * @category transitions
 */
export const mayRunTo = (external: External, time: Nanos): boolean =>
  external.waiting === 0 && !external.stopped && external.freeUntil !== undefined && time < external.freeUntil

/**
 * Whether the calendar doesn't know that the guest has come to `now`, and can be told so, and will have to be asked: if
 * the guest goes on, it is to `next`, where there is any.
 *
 * @since 0.1.0
 * @category reading
 */
export const isAhead = (external: External, now: Nanos, next: Nanos | undefined): boolean =>
  now > external.known && !external.stopped && (next === undefined || !mayRunTo(external, next))

/**
 * Begins to wait for RUN, the calendar having been told what for (SPEC 9.3). It is
 * not told again that the guest has stopped if it never ran on since. {@link endWait}
 * is to follow the commands.
 *
 * @since 0.1.0
 * @category transitions
 */
export const beginWait = (external: External, lean: Lean): Told => ({
  external: beginning(external, lean),
  commands: gaveUpWaiting(external) ? [awaitRun] : [exchange(Message.Op.Wait), awaitRun],
})

/** One more wait. What comes from then on, in the exchange of WAIT as well, is for the turn to come (SPEC 11.4). */
const beginning = (external: External, lean: Lean): External =>
  waitingFor(external, external.waiting + 1, lean.forgetsFreeUntil ? undefined : external.freeUntil)

/**
 * The calendar has been told what for, and that the guest waits: {@link beginWait}, and its exchange (SPEC 9.3).
 *
 * @since 0.1.0
 * @category transitions
 */
export const waits = (external: External, lean: Lean): External =>
  beginning(exchanging(external, external.sequence, external.awaiting, true, external.known), lean)

/**
 * RUN came to this wait, which is over: {@link hear}, and {@link endWait} (SPEC 9.3).
 *
 * @since 0.1.0
 * @category transitions
 */
export const runs = (external: External, time: Nanos): External => endWait(running(external, external.waiting, time))

/**
 * The wait is over: RUN came, or it was given up (SPEC 9.3).
 *
 * @since 0.1.0
 * @category transitions
 */
export const endWait = (external: External): External => waitingFor(external, external.waiting - 1, external.freeUntil)

/**
 * Whether RUN came to an interrupt in the innermost wait, rather than to that wait
 * itself: the guest has run since, and may not have come as far as it wanted.
 *
 * @since 0.1.0
 * @category transitions
 */
export const wasCutShort = (external: External): boolean => external.ran !== external.waiting

/**
 * What was to be told to the calendar may not have been.
 *
 * @since 0.1.0
 * @category transitions
 */
export const forget = (external: External): External => requesting(external, undefined)

/**
 * Gives a message of the guest's own the next sequence number and sends it (SPEC 9.1).
 *
 * @since 0.1.0
 * @category transitions
 */
export const send = (external: External, op: number, time: Nanos): Told => {
  const sequence = (external.sequence + 1) >>> 0
  const stopped = external.stopped || op === Message.Op.Wait
  const known = op === Message.Op.Update ? time : external.known
  return {
    external: exchanging(external, sequence, { op, sequence }, stopped, known),
    commands: [{ _tag: "Write", message: { op, seq: sequence, time } }],
  }
}

/**
 * An exchange with a calendar that has answered already, with a time: {@link send} and {@link hear} in one (SPEC 9.1).
 *
 * @since 0.1.0
 * @category transitions
 */
export const exchanged = (external: External, op: number, time: Nanos, answer: Nanos): Heard => {
  const stopped = external.stopped || op === Message.Op.Wait
  const known = op === Message.Op.Update ? time : op === Message.Op.Get ? answer : external.known
  return answered(op, answer, exchanging(external, external.sequence, external.awaiting, stopped, known))
}

/**
 * What a message from the calendar means for the guest it was sent to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Heard extends Told {
  /** The guest's time becomes this (RUN, and the ACK of GET). */
  readonly now?: Nanos
  /** The time of day becomes this (the ACK of GET_TOD). */
  readonly timeOfDay?: Nanos
}

/**
 * Handles a message that was read (SPEC 9.1). RUN that is read inside an exchange ends the wait under way, unless the
 * guest `waitsForOwnRun` (SPEC 11.4).
 *
 * @since 0.1.0
 * @category transitions
 */
export const hear = (
  external: External,
  message: Message.Message,
  waitsForOwnRun: boolean,
): Heard | AckSequenceMismatch => {
  const time = message.time as Nanos
  switch (message.op) {
    case Message.Op.Ack:
      return acknowledged(external, message)
    case Message.Op.Run:
      return {
        external: external.awaiting === undefined
          ? running(external, external.waiting, time)
          : waitsForOwnRun && external.waiting > 0
          ? exchanging(external, external.sequence, external.awaiting, external.stopped, time)
          : running(external, 0, time),
        commands: [reply(message)],
        now: time,
      }
    case Message.Op.FreeUntil:
      return { external: free(external, time), commands: [reply(message)] }
    default:
      return external.warned ? { external, commands: [reply(message)] } : {
        external: { ...external, warned: true },
        commands: [{ _tag: "Warn", warning: { _tag: "UnexpectedMessage", ...message } }, reply(message)],
      }
  }
}

const reply = (message: Message.Message): Command => ({ _tag: "Write", message: Message.ack(message) })

const acknowledged = (external: External, ack: Message.Message): Heard | AckSequenceMismatch => {
  const { awaiting } = external
  if (awaiting === undefined) return { external, commands: nothing }
  if (awaiting.sequence !== ack.seq) return new AckSequenceMismatch(awaiting.sequence, ack.seq)
  const { sequence, stopped } = external
  const time = ack.time as Nanos
  const known = awaiting.op === Message.Op.Get ? time : external.known
  return answered(awaiting.op, time, exchanging(external, sequence, undefined, stopped, known))
}

const answered = (op: number, answer: Nanos, external: External): Heard => {
  switch (op) {
    case Message.Op.Get:
      return { external, commands: nothing, now: answer }
    case Message.Op.GetTimeOfDay:
      return { external, commands: nothing, timeOfDay: answer }
    default:
      return { external, commands: nothing }
  }
}
