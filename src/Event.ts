/**
 * Events, which are due at a guest time and have a handler that runs then; and the clock event device, which makes
 * ticks.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Command from "./core/Command.ts"
import type { Fault, TimeOutOfRange } from "./core/Fault.ts"
import type { Unfinished } from "./internal/services/Waiting.ts"

/**
 * What a call can fail with: a fault, after which the clock is dead, or a time
 * outside of 64 bits, which changes nothing.
 *
 * @since 0.1.0
 * @category errors
 */
export type ClockError = Fault | TimeOutOfRange

/**
 * What a handler that is a plain function can do, in every mode and at no cost in fibers.
 *
 * @since 0.1.0
 * @category models
 */
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
 * happens. Interrupts are masked meanwhile (SPEC 6). It is given the event as
 * well, so that many events can share a handler.
 *
 * @since 0.1.0
 * @category models
 */
export type Handler = (handling: Handling, event: Event) => Effect.Effect<void, ClockError> | void

/**
 * What runs on a tick or an alarm: as a {@link Handler}, which isn't given an event.
 *
 * @since 0.1.0
 * @category models
 */
export type Action = (handling: Handling) => Effect.Effect<void, ClockError> | void

/**
 * An event: an object that can be pending, due at a guest time. It is known by its identity.
 *
 * @since 0.1.0
 * @category models
 */
export interface Event extends Command.Event {
  /** What runs when it is due. Without one it can't be added (SPEC 4). */
  handler: Handler | undefined
}

/** An event with a name and a handler. */
class NamedEvent extends Command.HookedEvent implements Event {
  readonly name: string
  handler: Handler | undefined

  constructor(name: string, handler: Handler | undefined) {
    super()
    this.name = name
    this.handler = handler
  }
  /** For people: not the queue, with all else that is pending. */
  toJSON(): unknown {
    return { _tag: this._tag, name: this.name }
  }
  [Inspectable.NodeInspectSymbol](): unknown {
    return { _tag: this._tag, name: this.name, handler: this.handler }
  }
}

/**
 * An event named `name`, whose handler is a function or an effect.
 *
 * Two events are never the same, whatever their names.
 *
 * **When to use**
 *
 * Use it for what is to be done at a time, while the program does something else.
 *
 * **Gotchas**
 *
 * A handler runs in interrupt context: it can't sleep. It may add events, and `ndelay`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { GuestClock, Mode } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   const clock = yield* GuestClock.GuestClock
 *   const alarm = GuestClock.event("alarm", ({ now }) => console.log(now))
 *   yield* clock.addEvent(alarm, 5n)
 *   console.log(yield* clock.deleteEvent(alarm)) // true
 *   yield* clock.addEvent(alarm, 10n)
 *   yield* clock.sleep
 * })
 * await Effect.runPromise(Effect.provide(program, Mode.infCpu())) // 10n
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const event = (name: string, handler?: Handler | Effect.Effect<void, ClockError>): Event =>
  new NamedEvent(name, asFunction(handler))

/**
 * A function that returns an effect, from one that may be that effect itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const asFunction = <F extends Handler | Action>(
  handler: F | Effect.Effect<void, ClockError> | undefined,
): F | Action | undefined => Effect.isEffect(handler) ? () => handler : handler

/**
 * An annotation of a handler's failure: the name of its event.
 *
 * @internal
 */
export const FailedIn: Context.Service<string, string> = Context.Service("guest-clock/Event/FailedIn")

/**
 * The cause of a failure of the handler of the event `name`. Of handlers within handlers, the innermost is named.
 *
 * @internal
 */
export const failedIn = <E>(cause: Cause.Cause<E>, name: string): Cause.Cause<E> =>
  Cause.annotate(cause, Context.make(FailedIn, name))

/**
 * The clock event device: what a kernel programs for its next tick (SPEC 8).
 *
 * @since 0.1.0
 * @category models
 */
export interface ClockEventDevice {
  /** `posix-timer`, `time-travel-timer`, `time-travel-timer-infcpu` or `time-travel-timer-external`. */
  readonly name: string
  /** Has `action` run on each tick, in place of the one before; masked, in interrupt context. */
  readonly onTick: (action: Action | Effect.Effect<void, ClockError>) => Effect.Effect<void, ClockError>
  /** Ticks every 10,000,000 ns (HZ is 100). */
  readonly periodic: Effect.Effect<void, ClockError>
  /** Ticks once, `delta` + 1 ns from now. */
  readonly nextEvent: (delta: bigint) => Effect.Effect<void, ClockError>
  /** Ticks once, as soon as can be. */
  readonly oneShot: Effect.Effect<void, ClockError>
  /** Ticks no more. */
  readonly shutdown: Effect.Effect<void, ClockError>
}

/**
 * The clock for code that is no fiber: the scheduler and the simulators of this library. What a call here asks the world
 * for is done when the clock is used next.
 *
 * @internal
 */
export interface SyncClock extends Handling {
  /** When the first event is due, in ns of guest time, if there is any. */
  readonly nextDue: () => bigint | undefined
  /** What is pending, in order, and when it is due in ns of guest time: for people, as it takes sorting. */
  readonly pending: () => ReadonlyArray<{ readonly event: Command.Pending; readonly time: bigint }>
  /** The wall clock, in ns since 1970. */
  readonly wallClock: () => bigint
  /** Does now what calls here have asked the world for. */
  readonly settle: Effect.Effect<void, ClockError>
  /** Whether no operation is under way, so that {@link SyncClock.sleep} may be called. */
  readonly isFree: () => boolean
  /** Whether the handler that runs now is that of the event that ends the sleep under way: nobody need wake the guest. */
  readonly isWaking: () => boolean
  /**
   * Whether a sleep now would wait for a calendar that doesn't know yet how far the guest has come: see
   * `GuestClock.propagateTime`.
   */
  readonly isAhead: () => boolean
  /** As `GuestClock.sleep`: what is left to be waited for, if there is anything. */
  readonly sleep: () => Effect.Effect<void, ClockError> | undefined
  /** Whether a fault has ended the clock: then to add or delete an event here throws it. */
  readonly isDead: () => boolean
  /** Whether the guest waits for its calendar, which alone knows what time it is. */
  readonly isStopped: () => boolean
  /** Whether that is so by an operation that is under way, as of a fiber that keeps the guest busy. */
  readonly isBusy: () => boolean
  /** Whether a handler is being called just now. */
  readonly isCalling: () => boolean
  /** Whether the calendar is in this process, and can be told of something at once. */
  readonly isWithCalendar: () => boolean
  /** As `GuestClock.propagateTime`, for a guest that runs, if {@link SyncClock.isWithCalendar}. */
  readonly propagateTime: () => Effect.Effect<void, ClockError> | undefined
  /** Hears at once how far the guest may still run, after others have been interrupted, if {@link SyncClock.isWithCalendar}. */
  readonly hearCalendar: () => Effect.Effect<void, ClockError> | undefined
  /** Hears at once what the calendar says while the guest runs and does nothing, until the result is called. */
  readonly listen: () => () => void
  /** Whether that is so, and the guest waits for its calendar, so that it can be interrupted at once. */
  readonly isInterruptible: () => boolean
  /** As `GuestClock.irqEvent`, if {@link SyncClock.isInterruptible}. Throws a `TimeOutOfRange` where that fails with one. */
  readonly irqEvent: (event: Event, delay: bigint) => Effect.Effect<void, ClockError> | undefined
  /**
   * As {@link SyncClock.sleep}, for who doesn't need an effect (see `services/Waiting`), and has nothing to do when an interrupt
   * from outside has merely made something due: with a calendar in this process it sleeps on until that is delivered.
   */
  readonly beginSleep: () => Unfinished<ClockError>
}

/**
 * Annotates the failure of a handler with the name of its event.
 *
 * @internal
 */
export const naming = (
  handled: Effect.Effect<void, ClockError>,
  event: Event | undefined,
): Effect.Effect<void, ClockError> =>
  Effect.catchCause(handled, (cause) => Effect.failCause(failedIn(cause, event?.name ?? "tick")))
