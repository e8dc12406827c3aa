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
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Command from "./core/Command.ts"
import { type Fault, isFault, TimeOutOfRange } from "./core/Fault.ts"
import * as Guest from "./core/Guest.ts"
import type * as Message from "./core/Message.ts"
import { traits } from "./core/Modes.ts"
import * as Nanos from "./core/Nanos.ts"
import { asFunction } from "./Event.ts"
import type { Action, ClockError, ClockEventDevice, Direct, Event, Handler, Handling } from "./Event.ts"
import { HostClock } from "./services/HostClock.ts"
import { HostTimer } from "./services/HostTimer.ts"
import { Interrupts, type Mask, type Restore, withoutMasks } from "./services/Interrupts.ts"
import * as Link from "./services/Link.ts"
import * as Left from "./services/Rest.ts"
import { type GuestTrace, type GuestTransitions, TraceName, Tracer } from "./services/Tracer.ts"
import { checked, inNanos } from "./services/Times.ts"
import { OnWarning } from "./services/Warnings.ts"

export { event } from "./Event.ts"
export type * from "./Event.ts"

/** The clock of one guest. Times are in ns of guest time, from 0 to 2^64 − 1. */
export interface GuestClock {
  /** How its time advances (SPEC 1). */
  readonly mode: Guest.Mode
  /** The guest's time. */
  readonly now: Effect.Effect<bigint, ClockError>
  /** The guest's time `duration` from now. */
  readonly after: (duration: Duration.Input) => Effect.Effect<bigint, ClockError>
  /** Has `event` handled at `at`. One that is pending stays there; one without a handler gets a warning (SPEC 4). */
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
  /** Waits for `other`, handling what the calendar says meanwhile; at once outside of external mode (SPEC 9.5). */
  readonly waitReadable: (other: Effect.Effect<void>) => Effect.Effect<void, ClockError>
  /** The clock's state: a value that the core's transitions can go on from. Works on a dead clock too. */
  readonly snapshot: Effect.Effect<Guest.Guest>
  /** The clock for code that is no fiber. */
  readonly direct: Direct
  /** What is told of all that this clock does, if anything. */
  readonly trace: GuestTrace | undefined
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

/**
 * Makes the clock of a guest in `mode`, at guest time 0. It takes the host
 * timer's alarms as long as the scope is open. `Mode`'s layers do all of this.
 */
export const make = (
  mode: Guest.Mode,
): Effect.Effect<Unbooted, never, Link.Link | Interrupts | HostTimer | HostClock | Scope.Scope> =>
  Effect.gen(function* () {
    const link = yield* Link.Link
    const inbox = Link.inbox(link)
    const interrupts = yield* Interrupts
    const hostTimer = yield* HostTimer
    const hostClock = yield* HostClock
    const onWarning = yield* OnWarning
    const trace = (yield* Tracer)?.guest(mode, yield* TraceName)
    const core: GuestTransitions = trace?.transitions ?? Guest

    let state = Guest.make(mode)
    if (trace !== undefined) yield* Effect.addFinalizer(() => Effect.sync(() => trace.end(state)))
    const followsHost = Guest.followsHost(state)
    /** Why the clock is dead, once it is. */
    let fault: Fault | undefined
    let onTick: Action | undefined
    let onAlarm: Action | undefined

    // ------------------------------------------------ from transitions to effects

    /** What is still to be done: the last first. */
    type Agenda = Array<Command.Command>
    /** What of an operation can't be done at once. */
    type Rest = Left.Rest<ClockError>
    const { after, andThen, ending, toEffect } = Left

    /** Ends the clock, and lets go of what it holds in the world: nobody is kept waiting for a dead guest. */
    const die = (reason: Fault): Effect.Effect<never, Fault> => {
      if (fault !== undefined) return Effect.fail(fault)
      fault = reason
      return Effect.andThen(Effect.andThen(hostTimer.release, link.close), Effect.fail(fault))
    }

    const orDie = (effect: Effect.Effect<void, Fault> | undefined) => effect && Effect.catch(effect, die)

    /** Of an empty array, `pop` costs Bun a tenth of an event, and `at` half as much. */
    const pop = (agenda: Agenda) => agenda.length > 0 ? agenda.pop() : undefined
    const nextOf = (agenda: Agenda) => agenda.length > 0 ? agenda[agenda.length - 1] : undefined

    /**
     * Goes to the next state: what is to be done there first; the rest is on the agenda, before anything else.
     * A skip asks for one thing: on the agenda, that took an event a tenth longer on Bun, and a quarter on Node.
     */
    const follow = (agenda: Agenda, { state: next, commands }: Guest.Next): Command.Command | undefined => {
      state = next
      for (let i = commands.length - 1; i > 0; i--) agenda.push(commands[i]!)
      return commands.length > 0 ? commands[0] : pop(agenda)
    }

    /** Does `command` and all that can be done at once; then the rest, if there is any. */
    const drive = (agenda: Agenda, command: Command.Command | undefined, restore: Restore): Rest => {
      for (;;) {
        if (fault !== undefined) return Effect.fail(fault)
        if (command === undefined) return undefined
        if (command._tag === "Resume") {
          const next = core.resume(state, command.step)
          if (isFault(next)) return die(next)
          command = follow(agenda, next)
        } else {
          const waiting = execute(command, restore, agenda)
          if (waiting !== undefined) return andThen(waiting, () => drive(agenda, pop(agenda), restore))
          command = pop(agenda)
        }
      }
    }

    /** One that was done, and is to be used again: a new array for each transition would be a sixth of all garbage. */
    let spare: Agenda | undefined
    const newAgenda = (): Agenda => {
      const agenda = spare ?? []
      spare = undefined
      return agenda
    }
    /** Follows a transition to its end, or as far as can be done at once. */
    const start = (agenda: Agenda, next: Guest.Transition, restore: Restore): Rest => {
      if (isFault(next)) return die(next)
      const rest = drive(agenda, follow(agenda, next), restore)
      if (rest === undefined) spare = agenda
      return rest
    }

    /** What a transition asks for, to its end. If that is cut short, its advances are over, too. */
    const perform = (transition: () => Guest.Transition, restore: Restore): Rest => {
      if (fault !== undefined) return Effect.fail(fault)
      const first = doAsked(restore)
      if (first !== undefined) return andThen(cleaningUp(first, []), () => perform(transition, restore))
      if (followsHost) readHost()
      const agenda = newAgenda()
      const rest = start(agenda, transition(), restore)
      return rest && cleaningUp(rest, agenda)
    }

    /** Where `rest` is cut short, what is on the agenda won't be done any more. */
    const cleaningUp = (rest: NonNullable<Rest>, agenda: Agenda): NonNullable<Rest> =>
      ending(rest, (failed) => {
        if (!failed || fault !== undefined) return undefined
        const left = start([], core.abandon(state, agenda), Effect.interruptible)
        return left && Effect.ignore(toEffect(left))
      })

    const readHost = () => void (state = core.hostTime(state, hostNow()))
    const hostNow = (): Guest.HostTime => ({
      monotonic: hostClock.monotonic() as Nanos.Nanos,
      wall: hostClock.wall() as Nanos.Nanos,
    })

    const execute = (command: Exclude<Command.Command, { _tag: "Resume" }>, restore: Restore, agenda: Agenda): Rest => {
      switch (command._tag) {
        case "Deliver":
          return deliver(command.event as Event, restore, Command.endsSleep(nextOf(agenda)))
        case "Tick":
          return tick(command.relay, restore)
        case "Exchange":
          return exchange(command.op, command.time, restore)
        case "Write":
          return orDie(Link.write(link, command.message))
        case "AwaitRun":
          return awaitRun(restore)
        case "AwaitHost":
          return awaitHost(command.until, restore)
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
    const doAsked = (restore: Restore): Rest => {
      if (asked.length === 0) return undefined
      const agenda = asked.reverse()
      asked = []
      return drive(agenda, pop(agenda), restore)
    }
    const direct: Direct = {
      get now() {
        if (followsHost) readHost()
        return state.now
      },
      addEvent: (event, at) => {
        const time = Nanos.make(at)
        if (time instanceof TimeOutOfRange) throw time
        if (fault !== undefined) throw fault
        const next = core.addEvent(state, event, time)
        state = next.state
        if (next.commands.length > 0) asked.push(...next.commands)
      },
      deleteEvent: (event) => {
        if (fault !== undefined) throw fault
        const before = state
        state = core.deleteEvent(state, event)
        return state !== before
      },
      nextDue: () => Guest.nextDue(state),
      pending: () => Guest.pending(state),
      wallClock: () => {
        if (followsHost) readHost()
        return Guest.wallClock(state)
      },
      settle: interrupts.occupy(false, doAsked),
      isFree: interrupts.isFree,
      isWaking: () => waking,
      sleep: () => interrupts.begin(sleep),
    }

    /** The interrupts that waited for a mask that is off now. */
    const waited = () => interrupts.hasDeliverable() ? interrupts.deliver : undefined
    /** What is left, and then `leave`, whatever happened; and then the interrupts that waited for that. */
    const leaving = (rest: NonNullable<Rest>, leave: (mask: Mask) => void, mask: Mask): Rest =>
      ending(rest, () => {
        leave(mask)
        return waited()
      })
    /** The same for what may be done already. */
    const leaver = (leave: (mask: Mask) => void) => (rest: Rest, mask: Mask): Rest => {
      if (rest !== undefined) return leaving(rest, leave, mask)
      leave(mask)
      return waited()
    }
    const unmasking = leaver(interrupts.unmask)

    const enterHandler = (event: Event | undefined): Mask => {
      trace?.handling(state, event)
      return interrupts.enterHandler()
    }
    const leaveHandler = (mask: Mask): void => {
      interrupts.leaveHandler(mask)
      trace?.handled(state)
    }
    const left = leaver(leaveHandler)

    /** Whether the handler that runs is that of what the guest wakes up for. */
    let waking = false
    const deliver = (event: Event, restore: Restore, wakes: boolean): Rest => {
      const mask = enterHandler(event)
      const before = waking
      waking = wakes && state.external?.waiting === 0
      const rest = call(event.handler, event, restore)
      if (rest !== undefined) return leaving(rest, (mask) => (waking = before, leaveHandler(mask)), mask)
      // What is done already needs no closure: 5 to 10 % of an event on Node, and on Bun.
      waking = before
      return left(undefined, mask)
    }

    const tick = (relay: boolean, restore: Restore): Rest => {
      const mask = enterHandler(undefined)
      const relayed = relay ? call(onAlarm, undefined, restore) : undefined
      return left(after(relayed, () => call(onTick, undefined, restore)), mask)
    }

    const call = (
      handler: ((handling: Handling, event: never) => ReturnType<Handler>) | undefined,
      event: Event | undefined,
      restore: Restore,
    ): Rest => {
      let result: Effect.Effect<void, ClockError> | void
      try {
        result = handler?.(direct, event as never)
      } catch (error) {
        result = error instanceof TimeOutOfRange ? Effect.fail(error) : Effect.die(error)
      }
      const rest = result !== undefined && Effect.isEffect(result) ? interrupts.handling(restore(result)) : undefined
      const first = doAsked(restore)
      return first === undefined ? rest : andThen(first, () => rest)
    }

    // ------------------------------------------------------- the calendar (SPEC 9)

    /** Does what a message means. */
    const heed = (message: Message.Message, restore: Restore): Rest =>
      start(newAgenda(), core.handleMessage(state, message), restore)
    const handleMessage = (restore: Restore): Effect.Effect<void, ClockError> =>
      Effect.flatMap(Effect.catch(inbox.receive(restore), die), (message) => toEffect(heed(message, restore)))

    /** Handles the next message: at once, where it is there. */
    const hear = (restore: Restore, waited = false): Rest => {
      const message = inbox.next()
      if (message !== undefined) return heed(message, restore)
      if (inbox.readable === undefined || waited) return handleMessage(restore)
      return Left.wait(restore(inbox.readable), () => hear(restore, true))
    }

    /** Handles messages until the ACK is in. */
    const acknowledged = (restore: Restore): Rest => {
      while (Guest.awaitsAck(state)) {
        const rest = hear(restore)
        if (rest !== undefined) return andThen(rest, () => acknowledged(restore))
      }
      return undefined
    }

    /** SPEC 9.1. If its fiber was interrupted before the ACK came, the next exchange takes that in first. */
    const exchange = (op: number, time: Nanos.Nanos, restore: Restore): Rest => {
      const mask = interrupts.mask()
      return unmasking(after(acknowledged(restore), () => exchanged(op, time, restore)), mask)
    }
    const exchanged = (op: number, time: Nanos.Nanos, restore: Restore): Rest =>
      after(start(newAgenda(), core.beginExchange(state, op, time), restore), () => acknowledged(restore))

    const arrival = (restore: Restore): Effect.Effect<Option.Option<unknown>, Fault> => {
      if (inbox.onReadable !== undefined) return interrupts.waitFor(inbox.onReadable, restore)
      const polled = Effect.suspend(() => inbox.hasMessage() ? Effect.void : Effect.catch(link.poll(), die))
      return withoutMasks(interrupts, restore(interrupts.wait(polled)))
    }
    const isStopped = () => Guest.isStopped(state)
    /** Waits with interrupts on, until one was handled or a message was (SPEC 9.4). */
    const waitForMessage = (restore: Restore): Rest =>
      Left.wait(arrival(restore), (result) => {
        if (fault !== undefined) return Effect.fail(fault)
        return Option.isSome(result) && isStopped() ? hear(restore) : undefined
      })
    const awaitRun = (restore: Restore): Rest => {
      while (isStopped()) {
        // What is there is heard at once, but after the interrupts that wait (SPEC 9.4).
        const message = interrupts.hasRaised() ? undefined : inbox.next()
        const rest = message === undefined ? waitForMessage(restore) : heed(message, restore)
        if (rest !== undefined) return andThen(rest, () => awaitRun(restore))
      }
      return undefined
    }

    /** Waits with interrupts on, and goes on after each that was handled (SPEC 9.4). */
    const poll = <A, E>(until: Effect.Effect<A, E>): Effect.Effect<A, E | Fault> =>
      Effect.flatMap(interrupts.wait(until), (result) => {
        if (fault !== undefined) return Effect.fail(fault)
        return Option.isSome(result) ? Effect.succeed(result.value) : poll(until)
      })
    const waitReadable = (other: Effect.Effect<void>, restore: Restore): Effect.Effect<void, ClockError> =>
      Effect.suspend(() => {
        const ready = inbox.hasMessage() ? Effect.succeed("link" as const) : Effect.catch(link.poll(other), die)
        const which = restore(interrupts.context().masked ? ready : poll(ready))
        const next = Effect.suspend(() => Effect.andThen(handleMessage(restore), waitReadable(other, restore)))
        return Effect.flatMap(which, (which) => which === "other" ? Effect.void : next)
      })

    // ----------------------------------------------------- the host's time (SPEC 1)

    /** Until the host's clock has come to `until`, or an interrupt was handled. */
    const awaitHost = (until: Nanos.Nanos, restore: Restore): Effect.Effect<void, ClockError> =>
      Effect.andThen(
        withoutMasks(interrupts, restore(interrupts.wait(hostClock.sleepUntil(Guest.hostDue(state, until))))),
        Effect.sync(readHost),
      )

    // -------------------------------------------------------------- what people call

    /** One operation. Some advance time; the others may come as an interrupt of one that does. */
    const operation = (transition: () => Guest.Transition, advances = false): Effect.Effect<void, ClockError> =>
      interrupts.occupy(advances, (restore) => perform(transition, restore))
    const advancing = (transition: () => Guest.Transition) => operation(transition, true)
    /** Something read off the state, of a clock that lives. */
    const read = <A>(f: () => A): Effect.Effect<A, ClockError> =>
      Effect.suspend(() => {
        if (fault !== undefined) return Effect.fail(fault)
        if (followsHost) readHost()
        return Effect.succeed(f())
      })

    /** With interrupts masked, so that no wake-up can get lost between looking and sleeping. */
    const sleep = (restore: Restore) => {
      const mask = interrupts.mask()
      return unmasking(perform(asleep, restore), mask)
    }
    const asleep = () => core.sleep(state, true)
    const clock: GuestClock = {
      mode,
      now: read(() => state.now),
      after: (duration) =>
        Effect.suspend(() => checked(inNanos(duration), (nanos) => read(() => Nanos.plus(state.now, nanos)))),
      addEvent: (event, at) => checked(at, (time) => operation(() => core.addEvent(state, event, time))),
      deleteEvent: (event) => read(() => direct.deleteEvent(event)),
      ndelay: (duration) => checked(duration, (nanos) => advancing(() => core.ndelay(state, nanos))),
      sleep: interrupts.occupy(true, sleep),
      readClockSource: Effect.andThen(
        advancing(() => {
          const { masked, inInterrupt } = interrupts.context()
          return core.readClockSource(state, !masked && !inInterrupt)
        }),
        read(() => Guest.cycles(state)),
      ),
      wallClock: read(() => Guest.wallClock(state)),
      clockEvent: {
        name: traits[mode].clockEvent,
        onTick: (action) => read(() => void (onTick = asFunction(action))),
        periodic: operation(() => core.periodic(state)),
        nextEvent: (delta) => checked(delta, (nanos) => operation(() => core.nextEvent(state, nanos))),
        oneShot: operation(() => core.oneShot(state)),
        shutdown: operation(() => core.shutdown(state)),
      },
      runUserProcess: (action) =>
        read(() => {
          onAlarm = action
          state = core.runUserProcess(state, action !== undefined)
        }),
      irqEvent: (event, delay = 0n) => checked(delay, (nanos) => operation(() => core.irqEvent(state, event, nanos))),
      propagateTime: operation(() => core.propagateTime(state)),
      waitReadable: (other) =>
        mode === "external"
          ? interrupts.occupy(true, (restore) => waitReadable(other, restore))
          : read(() => undefined),
      snapshot: Effect.sync(() => state),
      direct,
      trace,
    }

    // A fault ends the clock; whoever uses it next hears of it.
    const hostAlarm = operation(() => core.hostAlarm(state))
    // An alarm whose tick was delivered in simulated time means nothing any more.
    yield* hostTimer.onAlarm(
      interrupts.raise(Effect.suspend(() => Guest.isTicking(state) ? Effect.ignore(hostAlarm) : Effect.void)),
    )

    return {
      clock,
      connect: (id) => operation(() => core.connect(state, id)),
      boot: (start) => operation(() => core.boot(state, hostNow(), start)),
      hostAlarm,
    }
  })
