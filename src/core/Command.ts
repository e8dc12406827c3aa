/**
 * The commands: what a transition wants done, as plain data. The core decides, and `internal/guest/Interpreter` carries
 * out.
 *
 * Commands are carried out in order, each to its end before the next. Most
 * touch the world. {@link Resume} doesn't: it hands a {@link Step} back to the
 * core, because what comes next depends on what the world did meanwhile.
 *
 * @module
 */
import * as EventQueue from "./EventQueue.ts"
import type { Warning } from "./Fault.ts"
import type { Message } from "./Message.ts"
import type { Nanos } from "./Nanos.ts"

/**
 * Something with an identity that can be due at a guest time (SPEC, "Words"). What is in a queue and has none of the
 * other tags is one: a copy by a spread has none at all, where the tag is its class's.
 *
 * @since 0.1.0
 * @category models
 */
export interface Event extends EventQueue.Hooked {
  readonly _tag: "Event"
  /** For people: traces, timelines, error messages. */
  readonly name: string
  /** What runs when it is due; the core looks only at whether there is any. */
  readonly handler: unknown
}

/**
 * An {@link Event} that is the queue's hook itself, as a class to extend.
 *
 * @since 0.2.0
 * @category models
 */
export abstract class HookedEvent extends EventQueue.Hook implements Event {
  get _tag(): "Event" {
    return "Event"
  }
  abstract readonly name: string
  abstract readonly handler: unknown
}

/**
 * The guest's built-in timer event, which raises the alarm (SPEC 6, 8).
 *
 * @since 0.1.0
 * @category models
 */
export interface TimerEvent {
  readonly _tag: "Timer"
}

/**
 * Stands in the queue for a guest that is busy until a time: one for each running advance (SPEC 4).
 *
 * @since 0.1.0
 * @category models
 */
export class OnStack extends EventQueue.Hook {
  get _tag(): "OnStack" {
    return "OnStack"
  }
  toJSON(): unknown {
    return { _tag: this._tag }
  }
}

/**
 * Anything that can be in a guest's queue.
 *
 * @since 0.1.0
 * @category models
 */
export type Pending = Event | TimerEvent | OnStack

/**
 * One running {@link updateTime}: the on-stack entry that is its own, and whether the guest is idle.
 *
 * @since 0.1.0
 * @category models
 */
export interface Advance {
  readonly mine: OnStack
  readonly idle: boolean
}

/**
 * A step at which the core goes on. Each is a point in SPEC 5, 7, 8 or 9.5 where the world had a say.
 *
 * @since 0.1.0
 * @category models
 */
export type Step =
  /** Skip to the next event: an idle advance, when the host timer is disarmed (7). */
  | { readonly _tag: "Skip" }
  /** Begin to be busy for `duration` ns, now that the time is known (5). */
  | { readonly _tag: "Delay"; readonly duration: Nanos }
  /** Begin a round (5.2). */
  | { readonly _tag: "Round"; readonly advance: Advance }
  /** The calendar has been told what is wanted: wait for RUN (9.3). */
  | { readonly _tag: "Wait"; readonly advance: Advance; readonly event: Pending }
  /** Time has moved, as far as it was let (5.3); `waited` for the calendar's RUN, which is over now (9.3). */
  | { readonly _tag: "Arrive"; readonly advance: Advance; readonly event: Pending; readonly waited: boolean }
  /** The event was delivered (5.5). */
  | { readonly _tag: "Settle"; readonly advance: Advance; readonly finished: boolean }
  /** The guest is up again after a sleep in basic mode (7). */
  | { readonly _tag: "Rearm" }
  /** An event enters from outside, `delay` after the time that GET brought (9.5). */
  | { readonly _tag: "Enter"; readonly event: Event; readonly delay: Nanos }
  /** The calendar's times are in: `start` is the time of day at guest time 0 (8). */
  | { readonly _tag: "Booted" }
  /** The calendar has been told the first event's time: it is the next event's now (11.4). */
  | { readonly _tag: "Told"; readonly time: Nanos }
  /** The calendar has been told how far the guest has come (11.4). */
  | { readonly _tag: "Propagated" }
  /** The timer event is off the queue: program it anew (8). */
  | { readonly _tag: "Program"; readonly periodic: boolean; readonly interval: Nanos }

/**
 * Go on in the core from `step`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Resume {
  readonly _tag: "Resume"
  readonly step: Step
}

/**
 * A command of a transition, for the interpreter.
 *
 * @since 0.1.0
 * @category models
 */
export type Command =
  | Resume
  /** Run the event's handler, masked and inside interrupt context (SPEC 6). */
  | { readonly _tag: "Deliver"; readonly event: Event }
  /** Run the tick, masked and inside interrupt context; `relay` the alarm to the user process first (SPEC 6). */
  | { readonly _tag: "Tick"; readonly relay: boolean }
  /** Send a message of the guest's own and handle what is read until its ACK, all masked (SPEC 9.1). */
  | { readonly _tag: "Exchange"; readonly op: number; readonly time: Nanos }
  /** Write these 16 bytes to the calendar (SPEC 9.1). */
  | { readonly _tag: "Write"; readonly message: Message }
  /** Handle messages until RUN; interruptible between them (SPEC 9.4). */
  | { readonly _tag: "AwaitRun" }
  /** Off mode: stay until the guest's time is `until` on the host's clock, or an interrupt arrived. */
  | { readonly _tag: "AwaitHost"; readonly until: Nanos }
  /** Mask interrupts (SPEC 11.1). */
  | { readonly _tag: "Mask" }
  /** Take the mask off that was set last, and do what waited for that (SPEC 11.1). */
  | { readonly _tag: "Unmask" }
  /** Stop the host timer (SPEC 7, 8). */
  | { readonly _tag: "DisarmHostTimer" }
  /** Have the host timer go off once, `delay` ns from now (SPEC 7, 8). */
  | { readonly _tag: "ArmHostTimerOnce"; readonly delay: Nanos }
  /** Have the host timer go off every `interval` ns (SPEC 7, 8). */
  | { readonly _tag: "ArmHostTimerEvery"; readonly interval: Nanos }
  /** Warn: the service `Warnings` is told (SPEC 4, 9.1). */
  | { readonly _tag: "Warn"; readonly warning: Warning }

/**
 * Goes on in the core from `step`.
 *
 * @since 0.1.0
 * @category commands
 */
export const resume = (step: Step): Command => ({ _tag: "Resume", step })

/**
 * Whether an idle advance is over with what is done now, `next` being what comes after that.
 *
 * @since 0.1.0
 * @category commands
 */
export const endsSleep = (next: Command | undefined): boolean =>
  next?._tag === "Resume" && next.step._tag === "Settle" && next.step.advance.idle
