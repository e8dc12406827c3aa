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

/** The transitions of a guest's state, as the interpreter of its commands uses them. */
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

/** The transitions of a calendar's state, as its switchboard uses them. */
export type CalendarTransitions = Pick<
  typeof Calendar,
  "connected" | "clientMessage" | "asked" | "disconnected" | "allow"
>

/** The transitions of what a proxy has seen. */
export type ProxyTransitions = Pick<typeof Conformance, "joined" | "fromClient" | "fromCalendar" | "left">

/** Something that is no transition and worth telling. */
export type Note =
  /** The user's own mark; what comes with it is anything that JSON can say. */
  | { readonly _tag: "Mark"; readonly name: string; readonly data?: unknown }
  /** Simulated time stands still for the real world from here, … */
  | { readonly _tag: "Hold"; readonly name: string }
  /** … to here. */
  | { readonly _tag: "Release"; readonly name: string }
  /** Somebody can't go on, or is waited for in vain; or, on a calendar, who comes and goes. */
  | { readonly _tag: "Report"; readonly name: string; readonly text: string }

/** What is told of one guest. */
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

/** What is told of one calendar. */
export interface CalendarTrace {
  /** The core's transitions, each of which is told of. */
  readonly transitions: CalendarTransitions
  /** At the calendar's time `now`, in ns. */
  readonly note: (now: bigint, note: Note) => void
  /** There will be no more of it. */
  readonly end: (state: Calendar.Calendar) => void
}

/** What is told of one proxy. */
export interface ProxyTrace {
  /** The core's transitions, each of which is told of. */
  readonly transitions: ProxyTransitions
  /** There will be no more of it. */
  readonly end: (state: Conformance.Conformance) => void
}

/** Is told of guests, calendars and proxies, each for itself. Nothing in here waits. */
export interface Tracer {
  readonly guest: (mode: Guest.Mode, name: string | undefined, revision?: RevisionTraits) => GuestTrace
  readonly calendar: (options: Calendar.Options, name: string | undefined) => CalendarTrace
  readonly proxy: (name: string | undefined) => ProxyTrace
}

/** Who is told; nobody by default. It is looked for when a clock or a calendar is made, and never after. */
export const Tracer: Context.Reference<Tracer | undefined> = Context.Reference<Tracer | undefined>(
  "guest-clock/Tracer",
  { defaultValue: () => undefined },
)

/** What traces call the guest or the calendar that is made. */
export const TraceName: Context.Reference<string | undefined> = Context.Reference<string | undefined>(
  "guest-clock/TraceName",
  { defaultValue: () => undefined },
)
