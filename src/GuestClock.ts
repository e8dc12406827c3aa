/**
 * The clock of one guest, as a service. The same calls work in every mode; which
 * one it is, is up to the layer (see `Mode`).
 *
 * What the core asks for is done by `guest/Interpreter`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { GuestClock, Mode } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   const clock = yield* GuestClock.GuestClock
 *   const retransmit = GuestClock.event("retransmit", ({ now }) => console.log(`again, at ${now} ns`))
 *   yield* clock.addEvent(retransmit, yield* clock.after("3 millis"))
 *   yield* clock.sleep
 * })
 * await Effect.runPromise(Effect.provide(program, Mode.infCpu())) // again, at 3000000 ns
 * ```
 *
 * @module
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Guest from "./core/Guest.ts"
import * as Modes from "./core/Modes.ts"
import { OptionError } from "./core/Fault.ts"
import * as Nanos from "./core/Nanos.ts"
import { asFunction } from "./Event.ts"
import type { Action, ClockError, ClockEventDevice, Event, SyncClock } from "./Event.ts"
import { type AnyRevision, DEFAULT, revisions, type RevisionTraits } from "./core/Revisions.ts"
import { Deferring } from "./internal/guest/Deferring.ts"
import { Interpreter } from "./internal/guest/Interpreter.ts"
import { SyncGuestClock } from "./internal/guest/SyncGuestClock.ts"
import { HostClock } from "./services/HostClock.ts"
import { HostTimer } from "./services/HostTimer.ts"
import { Interrupts } from "./services/Interrupts.ts"
import * as Link from "./services/Link.ts"
import { type GuestTrace, TraceName, Tracer } from "./services/Tracer.ts"
import { checked, inNanos } from "./internal/services/Times.ts"
import { formatPast, OnWarning } from "./services/Warnings.ts"

export { event } from "./Event.ts"
export type * from "./Event.ts"

/**
 * The clock of one guest. Times are in ns of guest time, from 0 to 2^64 − 1.
 *
 * @since 0.1.0
 * @category models
 */
export interface GuestClock {
  /** How its time advances (SPEC 1). */
  readonly mode: Guest.Mode
  /** Which Linux's clock it is (SPEC 11). */
  readonly revision: AnyRevision
  /** The guest's time. */
  readonly now: Effect.Effect<bigint, ClockError>
  /** The guest's time `duration` from now. */
  readonly after: (duration: Duration.Input) => Effect.Effect<bigint, ClockError>
  /**
   * Has `event` handled at `at`. One that is pending stays there; one without a handler gets a warning (SPEC 4). One for
   * a time before `now` is logged as a warning: when it is due, the clock is dead, as time can't go back.
   */
  readonly addEvent: (event: Event, at: bigint) => Effect.Effect<void, ClockError>
  /** Takes `event` back; whether it was pending (SPEC 4). */
  readonly deleteEvent: (event: Event) => Effect.Effect<boolean, ClockError>
  /** Is busy for `duration` ns; what is due meanwhile interrupts it (SPEC 5). */
  readonly ndelay: (duration: bigint) => Effect.Effect<void, ClockError>
  /**
   * Has nothing to do: time goes to the next event, which is handled, or an
   * interrupt arrives; at most one event a call (SPEC 7). Masks interrupts
   * itself. With nothing that could ever wake it: the fault `SleepForever`.
   */
  readonly sleep: Effect.Effect<void, ClockError>
  /** The clock source's count, in units of 256 ns; a read costs as much, unless masked (SPEC 8). */
  readonly readClockSource: Effect.Effect<bigint, ClockError>
  /** The wall clock, in ns since 1970 (SPEC 8). */
  readonly wallClock: Effect.Effect<bigint, ClockError>
  /** The clock event device. */
  readonly clockEvent: ClockEventDevice
  /** A user process runs, whose `onAlarm` each tick's alarm goes to first; none: no user process runs (SPEC 6). */
  readonly runUserProcess: (onAlarm: Action | undefined) => Effect.Effect<void, ClockError>
  /** An interrupt from outside enters as `event`, `delay` ns (0) after the calendar's now; external mode only (SPEC 9.5). */
  readonly irqEvent: (event: Event, delay?: bigint) => Effect.Effect<void, ClockError>
  /** Tells the calendar the time before another participant is signalled (SPEC 9.5). */
  readonly propagateTime: Effect.Effect<void, ClockError>
  /**
   * Sends `value` to everybody else on the calendar (SPEC 11.5). Of a guest that isn't in external mode, or whose
   * revision has no BROADCAST, it is an `OptionError`; the clock lives on.
   */
  readonly broadcast: (value: bigint) => Effect.Effect<void, ClockError | OptionError>
  /**
   * The guest returns to its user process: the value that was broadcast last, if it hasn't been reported yet
   * (SPEC 11.5); undefined, if there is none.
   */
  readonly enterUser: Effect.Effect<bigint | undefined, ClockError>
  /** Waits for `other`, handling what the calendar says meanwhile; at once outside of external mode (SPEC 9.5). */
  readonly waitReadable: (other: Effect.Effect<void>) => Effect.Effect<void, ClockError>
  /** The clock's state: a value that the core's transitions can go on from. Works on a dead clock too. */
  readonly snapshot: Effect.Effect<Guest.Guest>
  /**
   * `now`, at once. As Effect's own Clock has them, what ends in `Unsafe` is for code that is no fiber, as a callback or a
   * simulator's own loop: it takes none, and throws what the effect of that name fails with. What it asks the world for is
   * done when the clock is used next, or by {@link GuestClock.settle}.
   */
  readonly nowUnsafe: () => bigint
  /** `addEvent`, at once. Throws a `TimeOutOfRange`, or the fault that has ended the clock. */
  readonly addEventUnsafe: (event: Event, at: bigint) => void
  /** `deleteEvent`, at once. Throws the fault that has ended the clock. */
  readonly deleteEventUnsafe: (event: Event) => boolean
  /** When the first event is due, in ns of guest time, if there is any. */
  readonly nextDueUnsafe: () => bigint | undefined
  /** What is pending, in order, and when it is due in ns of guest time: for people, as it takes sorting. */
  readonly pendingUnsafe: SyncClock["pending"]
  /**
   * `wallClock`, at once. Throws an error if it hasn't been read yet and a calendar in another process has to be asked
   * for the time of day (SPEC 11.2).
   */
  readonly wallClockUnsafe: () => bigint
  /**
   * `sleep`, while no other operation of the clock is under way: what is left to be waited for, if there is anything;
   * otherwise it is over. Where one is under way, it throws.
   */
  readonly sleepUnsafe: () => Effect.Effect<void, ClockError> | undefined
  /** Does now what calls of `…Unsafe` have asked the world for. */
  readonly settle: Effect.Effect<void, ClockError>
  /**
   * All that schedulers and simulators of this library ask of a clock at once.
   *
   * @internal
   */
  readonly sync: SyncClock
  /** What is told of all that this clock does, if anything. */
  readonly trace: GuestTrace | undefined
}

/**
 * The service: the clock of one guest.
 *
 * **When to use**
 *
 * Use it for what Effect's `Clock` can't do: events with handlers, busy delays, interrupts, snapshots, times in ns. Programs
 * that only sleep and read the time need nothing but `VirtualTime.run`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { GuestClock, Mode } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   const clock = yield* GuestClock.GuestClock
 *   yield* clock.addEvent(GuestClock.event("tick", ({ now }) => console.log(now)), 100n)
 *   yield* clock.ndelay(250n)
 *   console.log(clock.nowUnsafe())
 * })
 * await Effect.runPromise(Effect.provide(program, Mode.infCpu()))
 * // 100n
 * // 250n
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export const GuestClock: Context.Service<GuestClock, GuestClock> = Context.Service<GuestClock>(
  "guest-clock/GuestClock",
)

const BROADCASTERS = "BROADCAST is known to external mode of revision 6.12 only"

/**
 * A clock that hasn't booted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Unbooted {
  readonly clock: GuestClock
  /** External mode: says who it is to the calendar, and is let in (SPEC 9.5). */
  readonly connect: (id: Nanos.Nanos) => Effect.Effect<void, ClockError>
  /** Sets the wall clock, `start` being the option's value (SPEC 8). */
  readonly boot: (start?: Nanos.Nanos) => Effect.Effect<void, ClockError>
  /** The host's timer signal arrives (SPEC 8); the host timer's alarms do this by themselves. */
  readonly hostAlarm: Effect.Effect<void, ClockError>
}

/**
 * Makes the clock of a guest in `mode`, at guest time 0; of `revision`, or else of Linux 5.8 (SPEC 11). It takes the host
 * timer's alarms as long as the scope is open. `Mode`'s layers do all of this.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  mode: Guest.Mode,
  revision: AnyRevision | RevisionTraits = DEFAULT,
): Effect.Effect<Unbooted, never, Link.Link | Interrupts | HostTimer | HostClock | Scope.Scope> =>
  Effect.gen(function* () {
    const link = yield* Link.Link
    const interrupts = yield* Interrupts
    const hostTimer = yield* HostTimer
    const hostClock = yield* HostClock
    const onWarning = yield* OnWarning
    const traits = typeof revision === "string" ? revisions[revision] : revision
    const modeTraits = Modes.traits[mode]
    const trace = (yield* Tracer)?.guest(mode, yield* TraceName, traits)
    const world = { mode, revision: traits, link, interrupts, hostTimer, hostClock, onWarning, trace }
    const deferring = traits.defersHandlers ? new Deferring(world) : undefined
    const guest = deferring ?? new Interpreter(world)
    if (trace !== undefined) yield* Effect.addFinalizer(() => Effect.sync(() => trace.end(guest.state)))

    const sync = new SyncGuestClock(guest, interrupts)
    // SPEC 4 lets it in; in real time events may be late.
    if (!modeTraits.followsHost) {
      const log = Effect.runForkWith(yield* Effect.context<never>())
      const name = yield* TraceName
      sync.onPast = (event, at) => {
        const { state } = guest
        if (event.handler === undefined || Guest.isPending(state, event)) return
        const text = formatPast(name, event.name, at, state.now)
        trace?.note(state.now, { _tag: "Report", name: "PastEvent", text })
        log(Effect.logWarning(text))
      }
    }
    const wallClock = guest.read(Guest.wallClock)
    const firstRead = guest.operation((core, state) => core.readWallClock(state, guest.hostNow()))
    const clock: GuestClock = {
      mode,
      revision: traits.revision,
      now: guest.read(({ now }) => now),
      after: (duration) =>
        Effect.suspend(() => checked(inNanos(duration), (nanos) => guest.read(({ now }) => Nanos.plus(now, nanos)))),
      addEvent: (event, at) =>
        checked(at, (time) =>
          guest.operation((core, state) => {
            if (time < state.now) sync.onPast?.(event, time)
            return core.addEvent(state, event, time)
          })),
      deleteEvent: (event) => {
        const deleted = guest.read(() => sync.deleteEvent(event))
        return deferring === undefined ? deleted : Effect.tap(deleted, (was) => was ? sync.settle : Effect.void)
      },
      ndelay: (duration) =>
        checked(duration, (nanos) => guest.operation((core, state) => core.ndelay(state, nanos), true)),
      sleep: interrupts.occupy(true, guest.sleep),
      readClockSource: Effect.andThen(
        guest.operation((core, state) => {
          const { masked, inInterrupt } = interrupts.context()
          return core.readClockSource(state, !masked && !inInterrupt)
        }, true),
        guest.read(Guest.cycles),
      ),
      wallClock: traits.startsAtFirstRead
        ? Effect.suspend(() => Guest.needsStart(guest.state) ? Effect.andThen(firstRead, wallClock) : wallClock)
        : wallClock,
      clockEvent: {
        name: modeTraits.clockEvent,
        onTick: (action) => guest.read(() => void (guest.onTick = asFunction(action))),
        periodic: guest.operation((core, state) => core.periodic(state)),
        nextEvent: (delta) => checked(delta, (nanos) => guest.operation((core, state) => core.nextEvent(state, nanos))),
        oneShot: guest.operation((core, state) => core.oneShot(state)),
        shutdown: guest.operation((core, state) => core.shutdown(state)),
      },
      runUserProcess: (action) =>
        guest.read((state) => {
          guest.onAlarm = action
          guest.state = guest.core.runUserProcess(state, action !== undefined)
        }),
      irqEvent: (event, delay = 0n) =>
        checked(delay, (nanos) => guest.operation((core, state) => core.irqEvent(state, event, nanos))),
      propagateTime: guest.operation((core, state) => core.propagateTime(state)),
      broadcast: (value) => {
        if (!modeTraits.hasCalendar || !traits.broadcasts) {
          const given = `${mode} ${traits.revision}`
          return Effect.fail(new OptionError("the mode and revision of a guest that broadcasts", given, BROADCASTERS))
        }
        return checked(value, (nanos) => guest.operation((core, state) => core.broadcast(state, nanos)))
      },
      enterUser: guest.read((state) => {
        const fresh = Guest.freshBroadcast(state)
        if (fresh !== undefined) guest.state = guest.core.enterUser(state)
        return fresh
      }),
      waitReadable: (other) =>
        modeTraits.hasCalendar
          ? interrupts.occupy(true, (restore) => guest.waitReadable(other, restore))
          : guest.read(() => undefined),
      snapshot: Effect.sync(() => guest.state),
      nowUnsafe: () => sync.now,
      addEventUnsafe: sync.addEvent,
      deleteEventUnsafe: sync.deleteEvent,
      nextDueUnsafe: sync.nextDue,
      pendingUnsafe: sync.pending,
      wallClockUnsafe: sync.wallClock,
      sleepUnsafe: sync.sleep,
      settle: sync.settle,
      sync,
      trace,
    }

    // A fault ends the clock; its next use fails with it.
    const hostAlarm = deferring?.alarm ?? guest.operation((core, state) => core.hostAlarm(state))
    // An alarm whose tick was delivered in simulated time means nothing any more.
    yield* hostTimer.onAlarm(
      deferring?.goOff() ??
        interrupts.raise(Effect.suspend(() => Guest.isTicking(guest.state) ? Effect.ignore(hostAlarm) : Effect.void)),
    )

    return {
      clock,
      connect: (id) => guest.operation((core, state) => core.connect(state, id)),
      boot: (start) => guest.operation((core, state) => core.boot(state, guest.hostNow(), start)),
      hostAlarm,
    }
  })
