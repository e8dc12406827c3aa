/**
 * What is on a guest's agenda: the core's commands, and what those that have to wait come to.
 *
 * ```text
 *   Exchange  ─▶ Mask · AwaitAck · Send · AwaitAck · Unmask      (SPEC 9.1)
 *             ─▶ Block · AwaitAck · Send · AwaitAck · Unblock    (SPEC 11.3: where handlers are deferred)
 *   AwaitRun  ─▶ Arrived · AwaitRun, until RUN has come          (SPEC 9.4)
 *   Deliver   ─▶ what the handler has asked for · Run · LeaveHandler
 * ```
 *
 * @module
 */
import type * as Effect from "effect/Effect"
import type { Command, Pending } from "../../core/Command.ts"
import type * as Guest from "../../core/Guest.ts"
import type { ClockError } from "../../Event.ts"

/** An operation's own transition, after what plain code has asked for before. */
export interface Perform {
  readonly _tag: "Perform"
  readonly transition: () => Guest.Transition
}

/** Handle what is due, one after the other; `handled` of them while time stood still at `at`. */
export interface HandleDue {
  readonly _tag: "HandleDue"
  readonly wakes: boolean
  handled: number
  at: bigint
}

/** Go on until the calendar lets the guest go to `event`: something has arrived, if it `hasWaited`. */
export interface AwaitTurn {
  readonly _tag: "AwaitTurn"
  readonly event: Pending | undefined
  readonly hasWaited: boolean
}

/** Something to do. What has to be undone if an operation is cut short is marked so: see `Interpreter.cleanUp`. */
export type Task =
  | Command
  | Perform
  /** Send a message of the guest's own, the first half of an exchange. */
  | { readonly _tag: "Send"; readonly op: number; readonly time: bigint }
  /** Handle messages until the ACK is in. */
  | { readonly _tag: "AwaitAck" }
  /** The wait for a message or an interrupt is over: handle the message, if the guest still waits for one. */
  | { readonly _tag: "Arrived" }
  /** Something can be read: handle the message, or find out why there is none. */
  | { readonly _tag: "Hear" }
  /** Handle the message that was received. */
  | { readonly _tag: "Heed" }
  /** Run what is left of a handler. */
  | { readonly _tag: "Run"; readonly effect: Effect.Effect<void, ClockError> }
  /** Call the tick's handler, the user process having got the alarm. */
  | { readonly _tag: "CallTick" }
  /** Undo: leave the handler, and handle the interrupts that waited for that. */
  | { readonly _tag: "LeaveHandler"; readonly wasWaking: boolean }
  /** Undo: take a mask off, and handle the interrupts that waited for that. */
  | { readonly _tag: "TakeMaskOff" }
  /** Undo: the exchange is over; handle the interrupts that it held back (SPEC 11.3). */
  | { readonly _tag: "Unblock" }
  /** The exchange is over: handle the interrupts that it held back. */
  | { readonly _tag: "Unblocked" }
  /** Undo: interrupts of exchanges are no longer handled already. */
  | { readonly _tag: "NotLate" }
  /** Undo: take a mask off, and nothing else. */
  | { readonly _tag: "TakeMaskOffQuietly" }
  /** Undo: leave interrupt context, and nothing else. */
  | { readonly _tag: "LeaveInterrupt" }
  /** Undo: the sleep is over; interrupts go on, and what is due is handled, which wakes the guest (SPEC 11.1). */
  | { readonly _tag: "WakeUp" }
  /** Handle what waited for interrupts to be on, if they are (SPEC 11.1). */
  | { readonly _tag: "Unmasked"; readonly wakes: boolean }
  | HandleDue
  /** Handle the interrupts that were held back, and ticks, while there are any. */
  | { readonly _tag: "Alarms" }
  /** Tick, if a tick is to come. */
  | { readonly _tag: "LateTick"; readonly isAlarmed: boolean; readonly isReal: boolean; readonly hasGoneOff: boolean }
  /** Sleep in the calendar's process: go to what is due next, … */
  | { readonly _tag: "Round" }
  /** … until the calendar lets it; `event` is what for. Undo: give that up. */
  | AwaitTurn
  /** … and tell the calendar what is next. */
  | { readonly _tag: "TellNext" }
