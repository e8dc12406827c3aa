/**
 * The state of a guest's clock (SPEC 2).
 *
 * @module
 */
import type { Event, Pending } from "../../core/Command.ts"
import * as EventQueue from "../../core/EventQueue.ts"
import * as External from "../../core/External.ts"
import { type Mode, type ModeTraits, traits } from "../../core/Modes.ts"
import * as Nanos from "../../core/Nanos.ts"
import { type AnyRevision, DEFAULT, revisions, type RevisionTraits } from "../../core/Revisions.ts"

/**
 * The host's two clocks at one moment, in nanoseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface HostTime {
  /** Never goes back; its zero means nothing. */
  readonly monotonic: Nanos.Nanos
  /** Since 1970. */
  readonly wall: Nanos.Nanos
}

/**
 * What of a clock's state hardly ever changes: apart, as each event copies the rest twice.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  /** How its time advances (SPEC 1). */
  readonly mode: ModeTraits
  /** Which Linux's clock it is (SPEC 11). */
  readonly revision: RevisionTraits
  /** How the built-in timer event goes on when it is due. */
  readonly timer: { readonly periodic: boolean; readonly interval: Nanos.Nanos }
  /** The wall clock at guest time 0, in nanoseconds since 1970; undefined, before it is known. */
  readonly start: Nanos.Nanos | undefined
  /** External mode: the time of day, as the calendar said it last. */
  readonly timeOfDay: Nanos.Nanos
  /** Whether the guest is running a user process, which gets the alarm first (SPEC 6). */
  readonly userProcess: boolean
  /** Off mode only: the host's clocks as last read, and where the monotonic one stood at boot. */
  readonly host: (HostTime & { readonly boot: Nanos.Nanos }) | undefined
  /** External mode of a revision that spares UPDATEs: the time that the last one had (SPEC 11.4). */
  readonly propagated: Nanos.Nanos
  /** External mode of a revision with BROADCAST: the last value, and whether it is yet to be reported (SPEC 11.5). */
  readonly broadcast: { readonly value: Nanos.Nanos; readonly isFresh: boolean }
}

/** What waits for interrupts to be on, in a revision that defers handlers (SPEC 11.1). */
export interface Deferred {
  /** Events whose time has come, in order. */
  readonly due: EventQueue.EventQueue<Event>
  /** Whether a tick is to come, and whether a real alarm of the host asked for it. */
  readonly alarm: "none" | "simulated" | "real"
}

/** Nothing waits. */
export const nothingDeferred: Deferred = { due: EventQueue.empty(), alarm: "none" }

/**
 * The state of one guest's clock (SPEC 2). A plain value: any state ever returned can be used again.
 *
 * @since 0.1.0
 * @category models
 */
export interface Guest {
  readonly settings: Settings
  /** The guest's time, in nanoseconds since it started. */
  readonly now: Nanos.Nanos
  /** What is due, in order. */
  readonly pending: EventQueue.EventQueue<Pending>
  /** The time of the first event as of the last add. */
  readonly nextEvent: Nanos.Nanos
  /** External mode only: the guest's end of the link. */
  readonly external: External.External | undefined
  /** What waits for interrupts to be on (SPEC 11.1). */
  readonly deferred: Deferred
}

/**
 * A guest that hasn't booted, at time 0 with nothing to do.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (mode: Mode, revision: AnyRevision | RevisionTraits = DEFAULT): Guest => ({
  settings: {
    mode: traits[mode],
    revision: typeof revision === "string" ? revisions[revision] : revision,
    timer: { periodic: false, interval: Nanos.ZERO },
    start: undefined,
    timeOfDay: Nanos.ZERO,
    userProcess: false,
    host: undefined,
    propagated: Nanos.ZERO,
    broadcast: { value: Nanos.ZERO, isFresh: false },
  },
  now: Nanos.ZERO,
  pending: EventQueue.empty(),
  nextEvent: Nanos.ZERO,
  external: traits[mode].hasCalendar ? External.initial : undefined,
  deferred: nothingDeferred,
})

/** The state with other settings. */
export const set = (state: Guest, settings: Partial<Settings>): Guest => ({
  ...state,
  settings: { ...state.settings, ...settings },
})

/**
 * The state after an event or a message. Written out, as every sleep makes two of these, and a message
 * one: a spread is three times as dear on Bun, and half as dear again on V8.
 */
export const changed = (
  state: Guest,
  now: Nanos.Nanos,
  nextEvent: Nanos.Nanos,
  pending: EventQueue.EventQueue<Pending>,
  external: External.External | undefined = state.external,
): Guest => ({ settings: state.settings, now, pending, nextEvent, external, deferred: state.deferred })

/** The state with other things that wait for interrupts to be on. */
export const deferring = (state: Guest, deferred: Deferred): Guest => ({ ...state, deferred })

/** The state after a message. */
export const talked = (state: Guest, external: External.External): Guest =>
  changed(state, state.now, state.nextEvent, state.pending, external)
