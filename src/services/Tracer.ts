/**
 * The service that is told everything that a clock or a calendar does. By default there is none;
 * `guest-clock/trace` has several.
 *
 * @module
 */
import * as Context from "effect/Context"
import type * as Calendar from "../core/Calendar.ts"
import type * as Command from "../core/Command.ts"
import type * as Conformance from "../core/Conformance.ts"
import type * as Guest from "../core/Guest.ts"
import type { RevisionTraits } from "../core/Revisions.ts"

/**
 * The transitions of a guest's state, as the interpreter of its commands uses them.
 *
 * @since 0.1.0
 * @category models
 */
export type GuestTransitions = Pick<
  typeof Guest,
  | "connect"
  | "boot"
  | "hostTime"
  | "addEvent"
  | "deleteEvent"
  | "ndelay"
  | "sleep"
  | "readClockSource"
  | "periodic"
  | "nextEvent"
  | "oneShot"
  | "shutdown"
  | "hostAlarm"
  | "runUserProcess"
  | "beginExchange"
  | "handleMessage"
  | "irqEvent"
  | "propagateTime"
  | "readWallClock"
  | "takeDue"
  | "setAlarm"
  | "lateAlarm"
  | "broadcast"
  | "enterUser"
  | "resume"
  | "abandon"
>

/**
 * The transitions of a calendar's state, as its switchboard uses them.
 *
 * @since 0.1.0
 * @category models
 */
export type CalendarTransitions = Pick<
  typeof Calendar,
  "connected" | "clientMessage" | "asked" | "disconnected" | "allow"
>

/**
 * The transitions of what a proxy has seen.
 *
 * @since 0.1.0
 * @category models
 */
export type ProxyTransitions = Pick<typeof Conformance, "joined" | "fromClient" | "fromCalendar" | "left">

/**
 * A copy of a message that arrives: so many ns after it was sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface SentCopy {
  readonly delay: bigint
  /** There by duplication. */
  readonly duplicate?: true
  /** Changed on its way, or thrown away on arrival. */
  readonly corrupted?: true
}

/**
 * The kind of an instrument.
 *
 * @since 0.1.0
 * @category models
 */
export type Instrument = "level" | "counter" | "histogram" | "series"

/**
 * What a guest of a world does: told by the guest that it concerns. A message is known by its sender and the number that
 * this has given it; processes, and waits of processes, by numbers of their guest's. The program itself is process 0.
 *
 * @since 0.1.0
 * @category models
 */
export type WorldNote =
  /** A message leaves for a guest, or is lost right away. */
  | {
    readonly _tag: "Sent"
    readonly link: string
    readonly to: string
    readonly id: number
    /** As JSON has it. */
    readonly message: unknown
    /** What its link calls it, if it does. */
    readonly title?: string
    readonly copies: ReadonlyArray<SentCopy>
    /** Why none of it arrives. */
    readonly lost?: string
    /** When it has left the link's queue, in ns from now: where the link has a bandwidth, and it got into the queue. */
    readonly leaves?: bigint
  }
  /** A copy of a message arrives. `message` is there where it isn't what was sent. */
  | {
    readonly _tag: "Arrived"
    readonly link: string
    readonly from: string
    readonly id: number
    readonly copy: number
    readonly message?: unknown
  }
  /** A copy that was on its way is lost: told by its receiver, or by its sender where the receiver has left. */
  | {
    readonly _tag: "Lost"
    readonly link: string
    readonly from: string
    readonly to: string
    readonly id: number
    readonly copy: number
    readonly why: string
  }
  /** The program has noted something down. */
  | { readonly _tag: "Noted"; readonly text: string; readonly data?: unknown }
  /** The program has ended; or has ended its world, and why. */
  | { readonly _tag: "Over"; readonly reason?: string }
  /** A process begins, … */
  | { readonly _tag: "Spawned"; readonly pid: number; readonly name: string; readonly by: number }
  /** … and ends: how, if not well. */
  | { readonly _tag: "Exited"; readonly pid: number; readonly failure?: string }
  /** A process begins to wait, … */
  | { readonly _tag: "Waits"; readonly pid: number; readonly wait: number; readonly what: string }
  /** … and waits no more: by what another process did, or interrupted. */
  | { readonly _tag: "Waited"; readonly wait: number; readonly by?: number; readonly interrupted?: true }
  /** A process holds units of a resource, or of none any more. */
  | { readonly _tag: "Holds"; readonly pid: number; readonly of: string; readonly units: number }
  /** What a process does from now on, as its program calls it. */
  | { readonly _tag: "Doing"; readonly pid: number; readonly state: string }
  /** An instrument shows this from now on, or has taken this value. */
  | {
    readonly _tag: "Measured"
    readonly instrument: Instrument
    readonly name: string
    readonly value: number | bigint
    readonly unit?: string
  }

/**
 * Something worth tracing that is no transition.
 *
 * @since 0.1.0
 * @category models
 */
export type Note =
  | WorldNote
  /** The user's own mark; what comes with it is anything that JSON can say. */
  | { readonly _tag: "Mark"; readonly name: string; readonly data?: unknown }
  /** Simulated time stands still for the real world from here, … */
  | { readonly _tag: "Hold"; readonly name: string }
  /** … to here. */
  | { readonly _tag: "Release"; readonly name: string }
  /** Somebody can't go on, or is waited for in vain; or, on a calendar, who comes and goes. */
  | { readonly _tag: "Report"; readonly name: string; readonly text: string }

/**
 * The tracer's callbacks of one guest.
 *
 * @since 0.1.0
 * @category models
 */
export interface GuestTrace {
  /** The core's transitions, each of which is told of. */
  readonly transitions: GuestTransitions
  /** An event's handler begins, or if there is no event, a tick's. */
  readonly handling: (state: Guest.Guest, event: Command.Event | undefined) => void
  /** The handler that began last has ended. */
  readonly handled: (state: Guest.Guest) => void
  /** At the guest time `now`, in ns. */
  readonly note: (now: bigint, note: Note) => void
  /** There will be no more of it. */
  readonly end: (state: Guest.Guest) => void
}

/**
 * The tracer's callbacks of one calendar.
 *
 * @since 0.1.0
 * @category models
 */
export interface CalendarTrace {
  /** The core's transitions, each of which is told of. */
  readonly transitions: CalendarTransitions
  /** At the calendar's time `now`, in ns. */
  readonly note: (now: bigint, note: Note) => void
  /** There will be no more of it. */
  readonly end: (state: Calendar.Calendar) => void
}

/**
 * The tracer's callbacks of one proxy.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProxyTrace {
  /** The core's transitions, each of which is told of. */
  readonly transitions: ProxyTransitions
  /** There will be no more of it. */
  readonly end: (state: Conformance.Conformance) => void
}

/**
 * A tracer: it makes a callback for each guest, calendar and proxy, which must not wait.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tracer {
  readonly guest: (mode: Guest.Mode, name: string | undefined, revision?: RevisionTraits) => GuestTrace
  readonly calendar: (options: Calendar.Options, name: string | undefined) => CalendarTrace
  readonly proxy: (name: string | undefined) => ProxyTrace
}

/**
 * The tracer; none by default. It is looked up when a clock or a calendar is made, and never after.
 *
 * @since 0.1.0
 * @category references
 */
export const Tracer: Context.Reference<Tracer | undefined> = Context.Reference<Tracer | undefined>(
  "guest-clock/Tracer",
  { defaultValue: () => undefined },
)

/**
 * The name in traces of the guest or the calendar that is made.
 *
 * @since 0.1.0
 * @category references
 */
export const TraceName: Context.Reference<string | undefined> = Context.Reference<string | undefined>(
  "guest-clock/TraceName",
  { defaultValue: () => undefined },
)
