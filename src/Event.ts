/**
 * Something that can be due at a guest time, and what runs then.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Command from "./core/Command.ts"
import type { Fault, TimeOutOfRange } from "./core/Fault.ts"

/**
 * What a call can fail with: a fault, after which the clock is dead, or a time
 * outside of 64 bits, which changes nothing.
 */
export type ClockError = Fault | TimeOutOfRange

/** What a handler that is a plain function can do, in every mode and at no cost in fibers. */
export interface Handling {
  /** The guest's time, in ns. */
  readonly now: bigint
  /** As `GuestClock.addEvent`; throws a `TimeOutOfRange` where that fails with one. */
  readonly addEvent: (event: Event, at: bigint) => void
  /** As `GuestClock.deleteEvent`. */
  readonly deleteEvent: (event: Event) => boolean
}

/**
 * What runs when an event is due: a plain function, which is done when it
 * returns, or one that returns an effect, which is run before anything else
 * happens. Interrupts are masked meanwhile (SPEC 6).
 */
export type Handler = (handling: Handling) => Effect.Effect<void, ClockError> | void

/** Something that can be due at a guest time; it is the object itself that is pending or not. */
export interface Event extends Command.Event {
  /** What runs when it is due. Without one it can't be added (SPEC 4). */
  handler: Handler | undefined
}

/**
 * An event named `name`, whose handler is a function or an effect.
 *
 * Two events are never the same, whatever their names.
 */
export const event = (name: string, handler?: Handler | Effect.Effect<void, ClockError>): Event => ({
  _tag: "Event",
  name,
  handler: asHandler(handler),
})

/** A handler that is a function, from one that may be an effect. */
export const asHandler = (handler: Handler | Effect.Effect<void, ClockError> | undefined): Handler | undefined =>
  Effect.isEffect(handler) ? () => handler : handler
