/**
 * The clock of one guest, as a service. The same calls work in every mode; which
 * one it is, is up to the layer (see `Mode`).
 *
 * This is the one interpreter: it asks the core what is to be done and does it
 * with the services around it. It decides nothing about time.
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
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Command from "./core/Command.ts"
import { type Fault, isFault, TimeOutOfRange } from "./core/Fault.ts"
import * as Guest from "./core/Guest.ts"
import * as Message from "./core/Message.ts"
import * as Nanos from "./core/Nanos.ts"
import { asHandler, type ClockError, type Event, type Handler, type Handling } from "./Event.ts"
import { HostClock } from "./services/HostClock.ts"
import { HostTimer } from "./services/HostTimer.ts"
import * as Interrupts from "./services/Interrupts.ts"
import * as Link from "./services/Link.ts"
import { OnWarning } from "./services/Warnings.ts"

export { type ClockError, type Event, event, type Handler, type Handling } from "./Event.ts"

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

/**
 * The clock for code that is no fiber: a scheduler, a simulator's own loop. What
 * a call here asks the world for is done when the clock is used next.
 */
export interface Direct extends Handling {
  /** When the first event is due, in ns of guest time, if there is any. */
  readonly nextDue: () => bigint | undefined
  /** Whether no operation is under way, so that {@link Direct.sleep} may be called. */
  readonly isFree: () => boolean
  /** As {@link GuestClock.sleep}: what is left to be waited for, if there is anything. */
  readonly sleep: () => Effect.Effect<void, ClockError> | undefined
}

/** The clock of one guest. Times are in ns of guest time, from 0 to 2^64 − 1. */
export interface GuestClock {
  /** How its time advances (SPEC 1). */
  readonly mode: Guest.Mode
  /** The guest's time. */
  readonly now: Effect.Effect<bigint, ClockError>
  /** The guest's time `duration` from now. */
  readonly after: (duration: Duration.Input) => Effect.Effect<bigint, ClockError>
  /**
   * Has `event` handled at the guest time `at`. One that is pending stays where
   * it is; one without a handler only gets a warning (SPEC 4).
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
  /**
   * A user process runs, whose signal handler `onAlarm` each tick's alarm goes to
   * first; none: no user process runs (SPEC 6).
   */
  readonly runUserProcess: (onAlarm: Handler | undefined) => Effect.Effect<void>
  /** An interrupt from outside enters as `event`, at the calendar's now; external mode only (SPEC 9.5). */
  readonly irqEvent: (event: Event) => Effect.Effect<void, ClockError>
  /** Tells the calendar the time before another participant is signalled (SPEC 9.5). */
  readonly propagateTime: Effect.Effect<void, ClockError>
  /**
   * Waits for `other`, handling what the calendar says meanwhile; at once
   * outside of external mode (SPEC 9.5).
   */
  readonly waitReadable: (other: Effect.Effect<void>) => Effect.Effect<void, ClockError>
  /** The clock's state: a value that the core's transitions can go on from. Works on a dead clock too. */
  readonly snapshot: Effect.Effect<Guest.Guest>
  /** The clock for code that is no fiber. */
  readonly direct: Direct
}

/** The service: the clock of one guest. */
export const GuestClock: Context.Service<GuestClock, GuestClock> = Context.Service<GuestClock>(
  "guest-clock/GuestClock",
)

/** A clock that hasn't booted. */
export interface Unbooted {
  readonly clock: GuestClock
  /** External mode: says who it is to the calendar, and is let in (SPEC 9.5). */
  readonly connect: (id: Nanos.Nanos) => Effect.Effect<void, ClockError>
  /** Sets the wall clock, `start` being the option's value (SPEC 8). */
  readonly boot: (start?: Nanos.Nanos) => Effect.Effect<void, ClockError>
  /** The host's timer signal arrives (SPEC 8); the host timer's alarms do this by themselves. */
  readonly hostAlarm: Effect.Effect<void, ClockError>
}

const HANDLING: Interrupts.InterruptContext = { masked: true, inInterrupt: true }

/**
 * Makes the clock of a guest in `mode`, at guest time 0. It takes the host
 * timer's alarms as long as the scope is open. `Mode`'s layers do all of this.
 */
export const make = (
  mode: Guest.Mode,
): Effect.Effect<
  Unbooted,
  never,
  Link.Link | Interrupts.Interrupts | HostTimer | HostClock | Scope.Scope
> =>
  Effect.gen(function* () {
    const link = yield* Link.Link
    const inbox = Link.inbox(link)
    const interrupts = yield* Interrupts.Interrupts
    const hostTimer = yield* HostTimer
    const hostClock = yield* HostClock
    const onWarning = yield* OnWarning

    let state = Guest.make(mode)
    const followsHost = Guest.followsHost(state)
    /** Why the clock is dead, once it is. */
    let fault: Fault | undefined
    let onTick: Handler | undefined
    let onAlarm: Handler | undefined

    // ------------------------------------------------ from transitions to effects

    /** What is still to be done: the last first. */
    type Agenda = Array<Command.Command>

    const die = (reason: Fault): Effect.Effect<never, Fault> => {
      fault ??= reason
      return Effect.fail(fault)
    }

    /** Goes to the next state and puts what is to be done on the agenda, before anything else. */
    const follow = (agenda: Agenda, next: Guest.Transition): Effect.Effect<never, Fault> | undefined => {
      if (isFault(next)) return die(next)
      state = next.state
      for (let i = next.commands.length - 1; i >= 0; i--) agenda.push(next.commands[i]!)
      return undefined
    }

    /** Does all that can be done at once; then the rest, if there is any. */
    const drive = (agenda: Agenda): Effect.Effect<void, ClockError> | undefined => {
      for (;;) {
        if (fault !== undefined) return Effect.fail(fault)
        const command = agenda.pop()
        if (command === undefined) return undefined
        const waiting = command._tag === "Resume" ? follow(agenda, Guest.resume(state, command.step)) : execute(command)
        if (waiting !== undefined) return Effect.andThen(waiting, Effect.suspend(() => drive(agenda) ?? Effect.void))
      }
    }

    /** What a transition asks for, to its end. If that is cut short, its advances are over, too. */
    const perform = (transition: () => Guest.Transition): Effect.Effect<void, ClockError> | undefined => {
      if (fault !== undefined) return Effect.fail(fault)
      const first = doAsked()
      if (first !== undefined) return Effect.andThen(first, Effect.suspend(() => perform(transition) ?? Effect.void))
      if (followsHost) readHost()
      const agenda: Agenda = []
      const rest = follow(agenda, transition()) ?? drive(agenda)
      return rest && Effect.onExit(rest, () =>
        Effect.sync(() => {
          state = Guest.abandon(state, agenda)
        }))
    }

    const readHost = () => {
      state = Guest.hostTime(state, hostNow())
    }
    const hostNow = (): Guest.HostTime => ({
      monotonic: hostClock.monotonic() as Nanos.Nanos,
      wall: hostClock.wall() as Nanos.Nanos,
    })

    const execute = (
      command: Exclude<Command.Command, { _tag: "Resume" }>,
    ): Effect.Effect<void, ClockError> | undefined => {
      switch (command._tag) {
        case "Deliver":
          return handle([command.event.handler as Handler | undefined])
        case "Tick":
          return handle(command.relay ? [onAlarm, onTick] : [onTick])
        case "Exchange":
          return exchange(command.op, command.time)
        case "Write":
          return Effect.catch(link.write(Message.encode(command.message)), die)
        case "AwaitRun":
          return awaitRun
        case "AwaitHost":
          return awaitHost(command.until)
        case "DisarmHostTimer":
          return hostTimer.disarm
        case "ArmHostTimerOnce":
          return hostTimer.armOnce(command.delay)
        case "ArmHostTimerEvery":
          return hostTimer.armEvery(command.interval)
        case "Warn":
          return onWarning(command.warning)
      }
    }

    // ----------------------------------------------------------- handlers (SPEC 6)

    /** What plain code has asked for and is yet to be done, in order. */
    let asked: Array<Command.Command> = []
    const doAsked = (): Effect.Effect<void, ClockError> | undefined => {
      if (asked.length === 0) return undefined
      const agenda = asked.reverse()
      asked = []
      return drive(agenda)
    }
    const direct: Direct = {
      get now() {
        if (followsHost) readHost()
        return state.now
      },
      addEvent: (event, at) => {
        const time = Nanos.make(at)
        if (time instanceof TimeOutOfRange) throw time
        const next = Guest.addEvent(state, event, time)
        state = next.state
        asked.push(...next.commands)
      },
      deleteEvent: (event) => {
        const before = state
        state = Guest.deleteEvent(state, event)
        return state !== before
      },
      nextDue: () => Guest.nextDue(state),
      isFree: interrupts.isFree,
      sleep: () => interrupts.begin(sleep),
    }

    /** Does something in another interrupt context, and goes back to the one before, whatever it did. */
    const inContext = (
      context: Interrupts.InterruptContext,
      f: () => Effect.Effect<void, ClockError> | undefined,
    ): Effect.Effect<void, ClockError> | undefined => {
      const before = interrupts.enter(context)
      const rest = f()
      if (rest !== undefined) return Effect.onExit(rest, () => Interrupts.restore(interrupts, before))
      interrupts.enter(before)
      return interrupts.hasDeliverable() ? interrupts.deliver : undefined
    }

    /** Runs handlers one after the other, masked and in interrupt context. */
    const handle = (handlers: ReadonlyArray<Handler | undefined>): Effect.Effect<void, ClockError> | undefined =>
      inContext(HANDLING, () => handleFrom(handlers, 0))

    const handleFrom = (
      handlers: ReadonlyArray<Handler | undefined>,
      index: number,
    ): Effect.Effect<void, ClockError> | undefined => {
      for (let i = index; i < handlers.length; i++) {
        const rest = call(handlers[i])
        if (rest !== undefined) {
          return Effect.andThen(rest, Effect.suspend(() => handleFrom(handlers, i + 1) ?? Effect.void))
        }
      }
      return undefined
    }

    const call = (handler: Handler | undefined): Effect.Effect<void, ClockError> | undefined => {
      let result: Effect.Effect<void, ClockError> | void
      try {
        result = handler?.(direct)
      } catch (error) {
        result = error instanceof TimeOutOfRange ? Effect.fail(error) : Effect.die(error)
      }
      const first = doAsked()
      return first === undefined ? result ?? undefined : Effect.andThen(first, result ?? Effect.void)
    }

    // ------------------------------------------------------- the calendar (SPEC 9)

    /** Reads a message, and does what it means. */
    const handleMessage: Effect.Effect<Message.Message, ClockError> = Effect.flatMap(
      Effect.catch(inbox.receive, die),
      (message) => {
        const agenda: Agenda = []
        const rest = follow(agenda, Guest.handleMessage(state, message)) ?? drive(agenda)
        return rest === undefined ? Effect.succeed(message) : Effect.as(rest, message)
      },
    )

    /** Runs `effect` with interrupts masked or on; afterwards they are as they were. */
    const withMask = <A, E>(masked: boolean, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        const before = interrupts.context()
        if (before.masked === masked) return effect
        interrupts.enter({ ...before, masked })
        return Effect.onExit(effect, () => Interrupts.restore(interrupts, before))
      })

    const acknowledged: Effect.Effect<void, ClockError> = Effect.suspend(() =>
      Guest.awaitsAck(state) ? Effect.andThen(handleMessage, acknowledged) : Effect.void
    )

    /** SPEC 9.1. If its fiber was interrupted before the ACK came, the next exchange takes that in first. */
    const exchange = (op: number, time: Nanos.Nanos): Effect.Effect<void, ClockError> =>
      withMask(
        true,
        Effect.andThen(
          acknowledged,
          Effect.suspend(() => {
            const agenda: Agenda = []
            const written = follow(agenda, Guest.beginExchange(state, op, time)) ?? drive(agenda) ?? Effect.void
            return Effect.andThen(written, acknowledged)
          }),
        ),
      )

    /** Waits for `until` with interrupts on; each that arrives is handled, and the waiting starts over (SPEC 9.4). */
    const poll = <A, E>(until: Effect.Effect<A, E>): Effect.Effect<A, E | Fault> =>
      Effect.flatMap(interrupts.wait(until), (result) => {
        if (fault !== undefined) return Effect.fail(fault)
        return Option.isSome(result) ? Effect.succeed(result.value) : poll(until)
      })

    const readable: Effect.Effect<unknown, Fault> = Effect.suspend(() =>
      inbox.hasMessage() ? Effect.void : Effect.catch(link.poll(), die)
    )

    const awaitRun: Effect.Effect<void, ClockError> = Effect.suspend(() =>
      Effect.flatMap(
        Effect.andThen(withMask(false, poll(readable)), handleMessage),
        (message) => message.op === Message.Op.Run ? Effect.void : awaitRun,
      )
    )

    const waitReadable = (other: Effect.Effect<void>): Effect.Effect<void, ClockError> =>
      Effect.suspend(() => {
        const ready = inbox.hasMessage() ? Effect.succeed("link" as const) : Effect.catch(link.poll(other), die)
        return Effect.flatMap(
          interrupts.context().masked ? ready : poll(ready),
          (which) => which === "other" ? Effect.void : Effect.andThen(handleMessage, waitReadable(other)),
        )
      })

    // ----------------------------------------------------- the host's time (SPEC 1)

    /** Until the host's clock has come to `until`, or an interrupt was handled. */
    const awaitHost = (until: Nanos.Nanos): Effect.Effect<void, ClockError> =>
      Effect.andThen(
        withMask(false, Effect.suspend(() => interrupts.wait(hostClock.sleepUntil(Guest.hostDue(state, until))))),
        Effect.sync(readHost),
      )

    // -------------------------------------------------------------- what people call

    /** One operation. Some advance time; the others may come as an interrupt of one that does. */
    const operation = (transition: () => Guest.Transition): Effect.Effect<void, ClockError> =>
      interrupts.occupy(false, () => perform(transition))
    const advancing = (transition: () => Guest.Transition): Effect.Effect<void, ClockError> =>
      interrupts.occupy(true, () => perform(transition))

    /** `f` of a checked time. */
    const checked = <A>(
      value: bigint,
      f: (time: Nanos.Nanos) => Effect.Effect<A, ClockError>,
    ): Effect.Effect<A, ClockError> => {
      const time = Nanos.make(value)
      return time instanceof TimeOutOfRange ? Effect.fail(time) : f(time)
    }

    /** Something read off the state, of a clock that lives. */
    const read = <A>(f: () => A): Effect.Effect<A, ClockError> =>
      Effect.suspend(() => {
        if (fault !== undefined) return Effect.fail(fault)
        if (followsHost) readHost()
        return Effect.succeed(f())
      })

    /** With interrupts masked, so that no wake-up can get lost between looking and sleeping. */
    const sleep = () =>
      inContext({ ...interrupts.context(), masked: true }, () => perform(() => Guest.sleep(state, true)))

    const clock: GuestClock = {
      mode,
      now: read(() => state.now),
      after: (duration) =>
        Effect.suspend(() =>
          checked(Duration.toNanosUnsafe(Duration.fromInputUnsafe(duration)), (nanos) =>
            read(() => Nanos.plus(state.now, nanos)))
        ),
      addEvent: (event, at) =>
        checked(at, (time) => operation(() => Guest.addEvent(state, event, time))),
      deleteEvent: (event) => read(() => direct.deleteEvent(event)),
      ndelay: (duration) => checked(duration, (nanos) => advancing(() => Guest.ndelay(state, nanos))),
      sleep: interrupts.occupy(true, sleep),
      readClockSource: Effect.andThen(
        advancing(() => {
          const { masked, inInterrupt } = interrupts.context()
          return Guest.readClockSource(state, !masked && !inInterrupt)
        }),
        read(() => Guest.cycles(state)),
      ),
      wallClock: read(() => Guest.wallClock(state)),
      clockEvent: {
        name: Guest.traits[mode].clockEvent,
        onTick: (handler) =>
          Effect.sync(() => {
            onTick = asHandler(handler)
          }),
        periodic: operation(() => Guest.periodic(state)),
        nextEvent: (delta) => checked(delta, (nanos) => operation(() => Guest.nextEvent(state, nanos))),
        oneShot: operation(() => Guest.oneShot(state)),
        shutdown: operation(() => Guest.shutdown(state)),
      },
      runUserProcess: (handler) =>
        Effect.sync(() => {
          onAlarm = handler
          state = Guest.runUserProcess(state, handler !== undefined)
        }),
      irqEvent: (event) => operation(() => Guest.irqEvent(state, event)),
      propagateTime: operation(() => Guest.propagateTime(state)),
      waitReadable: (other) =>
        mode === "external" ? interrupts.occupy(true, () => waitReadable(other)) : read(() => undefined),
      snapshot: Effect.sync(() => state),
      direct,
    }

    // A fault ends the clock; whoever uses it next hears of it.
    const hostAlarm = operation(() => Guest.hostAlarm(state))
    yield* hostTimer.onAlarm(interrupts.raise(Effect.ignore(hostAlarm)))

    return {
      clock,
      connect: (id) => operation(() => Guest.connect(state, id)),
      boot: (start) => operation(() => Guest.boot(state, hostNow(), start)),
      hostAlarm,
    }
  })
