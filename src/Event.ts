/**
 * Something that can be due at a guest time, and what runs then; and the device that
 * makes ticks due.
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

/** The clock event device: what a kernel programs for its next tick (SPEC 8). */
export interface ClockEventDevice {
  /** `posix-timer`, `time-travel-timer`, `time-travel-timer-infcpu` or `time-travel-timer-external`. */
  readonly name: string
  /** Has `handler` run on each tick, in place of the one before; masked, in interrupt context. */
  readonly onTick: (handler: Handler | Effect.Effect<void, ClockError>) => Effect.Effect<void>
  /** Ticks every 10,000,000 ns (HZ is 100). */
  readonly periodic: Effect.Effect<void, ClockError>
  /** Ticks once, `delta` + 1 ns from now. */
  readonly nextEvent: (delta: bigint) => Effect.Effect<void, ClockError>
  /** Ticks once, as soon as can be. */
  readonly oneShot: Effect.Effect<void, ClockError>
  /** Ticks no more. */
  readonly shutdown: Effect.Effect<void, ClockError>
}
