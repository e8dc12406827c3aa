/**
 * The interpreter of a guest whose revision defers handlers (SPEC 11): advances run masked, what falls due in one is
 * handled when interrupts are on again, and an exchange holds interrupts back without masking.
 *
 * ```text
 *   interrupts are on again ─▶ what is due, in order ─▶ held interrupts, then the tick ─▶ …
 *                              (masked, in interrupt    (masked)  ▲                │
 *                               context)                          └─ while there is any
 * ```
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Command from "../../core/Command.ts"
import { invariant, MOST_COMMANDS, TimeStandsStill } from "../../core/Fault.ts"
import * as Guest from "../../core/Guest.ts"
import * as Message from "../../core/Message.ts"
import type { Nanos } from "../../core/Nanos.ts"
import type { ClockError, Event } from "../../Event.ts"
import type { Mask, Operation, Restore } from "../../services/Interrupts.ts"
import { after, andThen, ending, type Rest as Left, toEffect, wait } from "../services/Rest.ts"
import { Interpreter, type World } from "./Interpreter.ts"

type Rest = Left<ClockError>

/** What is still to be done: the last first. */
type Agenda = Array<Command.Command>

/** One guest of such a revision. */
export class Deferring extends Interpreter {
  /** The masks that transitions have set and are yet to take off, by what they still have to do. */
  readonly #masks = new Map<Agenda, Array<Mask>>()
  /** Interrupts that arrived during exchanges are being handled: those of exchanges meanwhile are next in line. */
  #isLate = false
  /** The host's timer has gone off while interrupts were masked. */
  #hasGoneOff = false

  constructor(world: World) {
    super(world)
    world.interrupts.defer((restore) =>
      Effect.catch(
        Effect.suspend(() => toEffect(this.#unmasked(restore, false))),
        // Whoever uses a dead clock next hears of it.
        (error) => this.fault === undefined ? Effect.die(error) : Effect.void,
      )
    )
  }

  // ------------------------------------------------------- interrupts are on (11.1)

  /** What waited for interrupts to be on, if they are. The handlers of what is due `wake` the guest from a sleep. */
  #unmasked(restore: Restore, wake: boolean): Rest {
    if (this.interrupts.context().masked || this.fault !== undefined) return undefined
    return after(this.#handleDue(restore, wake), () => this.#alarms(restore))
  }

  #handleDue(restore: Restore, wake: boolean): Rest {
    if (Guest.firstDue(this.state) === undefined) return undefined
    const mask = this.interrupts.enterHandler()
    const rest = this.#nextDue(restore, wake, 1)
    if (rest !== undefined) return ending(rest, () => void this.interrupts.leaveHandler(mask))
    this.interrupts.leaveHandler(mask)
    return undefined
  }
  #nextDue(restore: Restore, wake: boolean, first: number): Rest {
    const at = this.state.now
    for (let handled = first;; handled++) {
      if (this.fault !== undefined) return Effect.fail(this.fault)
      const event = Guest.firstDue(this.state)
      if (event === undefined) return undefined
      if (handled % MOST_COMMANDS === 0 && at === this.state.now) return this.die(new TimeStandsStill(at, handled))
      this.state = this.core.takeDue(this.state)
      const rest = this.deliver(event as Event, restore, wake)
      if (rest !== undefined) return this.#nextDueAfter(rest, restore, wake, handled + 1)
    }
  }
  #nextDueAfter(rest: NonNullable<Rest>, restore: Restore, wake: boolean, handled: number): Rest {
    return andThen(rest, () => this.#nextDue(restore, wake, handled))
  }

  /** Held interrupts and ticks. What falls due in one of these stays, until interrupts go on the next time. */
  #alarms(restore: Restore): Rest {
    for (;;) {
      if (this.fault !== undefined) return Effect.fail(this.fault)
      const isReal = this.state.deferred.alarm === "real"
      if (this.state.deferred.alarm === "none" && !this.#hasGoneOff && !this.interrupts.hasRaised()) return undefined
      const rest = this.#alarm(isReal, restore)
      if (rest !== undefined) return andThen(rest, () => this.#alarms(restore))
    }
  }
  #alarm(isReal: boolean, restore: Restore): Rest {
    const isAlarmed = this.state.deferred.alarm !== "none"
    if (isAlarmed) this.state = this.core.setAlarm(this.state, "none")
    const hasGoneOff = this.#hasGoneOff
    this.#hasGoneOff = false
    const mask = this.interrupts.mask()
    const held = this.interrupts.hasRaised() ? this.interrupts.deliverHere : undefined
    const rest = after(held, () => {
      // One whose tick was delivered in simulated time meanwhile means nothing any more.
      const isOfTimer = hasGoneOff && Guest.isTicking(this.state)
      if (!isAlarmed && !isOfTimer) return undefined
      return this.start(this.newAgenda(), this.core.lateAlarm(this.state, isReal || isOfTimer), restore)
    })
    if (rest !== undefined) return ending(rest, () => void this.interrupts.unmask(mask))
    this.interrupts.unmask(mask)
    return undefined
  }

  /** The host's timer has gone off (SPEC 8). */
  goOff(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!Guest.isTicking(this.state)) return Effect.void
      if (!this.interrupts.context().masked) return this.interrupts.raise(Effect.ignore(this.alarm))
      this.#hasGoneOff = true
      return Effect.void
    })
  }
  readonly alarm: Effect.Effect<void, ClockError> = this.operation((core, state) =>
    core.hostAlarm(state, this.interrupts.context().masked)
  )

  /** Takes a mask off again, and does what waited for that. */
  #unmask(mask: Mask, restore: Restore, wake: boolean): Rest {
    this.interrupts.unmask(mask)
    return this.#unmasked(restore, wake)
  }

  /** What fails takes its masks off. Operations that interrupt each other needn't end in turn, so each has its own. */
  protected override drive(agenda: Agenda, command: Command.Command | undefined, restore: Restore): Rest {
    const rest = super.drive(agenda, command, restore)
    return rest && ending(rest, (failed) => {
      if (failed) { for (const mask of this.#masks.get(agenda) ?? []) this.interrupts.unmask(mask) }
      if (failed) this.#masks.delete(agenda)
      return undefined
    })
  }
  #setMask(agenda: Agenda): void {
    const masks = this.#masks.get(agenda)
    if (masks === undefined) this.#masks.set(agenda, [this.interrupts.mask()])
    else masks.push(this.interrupts.mask())
  }
  #takeMask(agenda: Agenda): Mask {
    const masks = this.#masks.get(agenda) ?? []
    const mask = masks.pop()
    invariant(mask !== undefined, "commands that mask and unmask come in pairs")
    if (masks.length === 0) this.#masks.delete(agenda)
    return mask
  }

  /** What is cut short leaves interrupts on, as it found them. */
  protected override perform(transition: () => Guest.Transition, restore: Restore): Rest {
    const rest = super.perform(transition, restore)
    return rest && ending(rest, (failed) => failed ? this.#unmasked(Effect.interruptible, false) : undefined)
  }

  protected override execute(
    command: Exclude<Command.Command, { _tag: "Resume" }>,
    restore: Restore,
    agenda: Agenda,
  ): Rest {
    switch (command._tag) {
      case "Mask":
        this.#setMask(agenda)
        return undefined
      case "Unmask":
        return this.#unmask(this.#takeMask(agenda), restore, false)
      default:
        return super.execute(command, restore, agenda)
    }
  }

  override readonly sleep: Operation<ClockError> = (restore) => {
    const mask = this.interrupts.mask()
    const rest = this.perform(this.asleep, restore)
    return rest === undefined
      ? this.#unmask(mask, restore, true)
      : ending(rest, () => this.#unmask(mask, restore, true))
  }
  override readonly sleepOn: Operation<ClockError> = this.sleep

  // ----------------------------------------------------------- the calendar (11.3)

  protected override exchange(op: number, time: Nanos, restore: Restore): Rest {
    const now = this.exchangeAtOnce(op, time)
    if (now !== "later") return now
    this.interrupts.block()
    const first = this.acknowledged(restore)
    const rest = first === undefined ? this.exchanged(op, time, restore) : this.exchangedAfter(first, op, time, restore)
    return rest === undefined ? this.#unblock(restore) : ending(rest, () => this.#unblock(restore))
  }

  /** An exchange is over: what arrived meanwhile is handled now. */
  #unblock(restore: Restore): Rest {
    this.interrupts.unblock()
    if (this.#isLate || this.fault !== undefined || !this.interrupts.hasRaised()) return undefined
    this.#isLate = true
    const rest = this.interrupts.context().masked ? this.interrupts.deliverHere : this.#unmasked(restore, false)
    if (rest !== undefined) return ending(rest, () => void (this.#isLate = false))
    this.#isLate = false
    return undefined
  }

  /** In the exchange of START some revisions poll before each read (SPEC 11.5). */
  protected override acknowledged(restore: Restore): Rest {
    const { external, settings } = this.state
    if (!settings.revision.pollsForStart || external?.awaiting?.op !== Message.Op.Start) {
      return super.acknowledged(restore)
    }
    return andThen(
      wait(this.arrival(restore), (result: Option.Option<unknown>) => {
        if (this.fault !== undefined) return Effect.fail(this.fault)
        return Option.isSome(result) ? this.hear(restore) : undefined
      }),
      () => this.acknowledged(restore),
    )
  }

  /** Waits until something has arrived; interrupts are as they are (SPEC 11.3). */
  override arrival(restore: Restore): ReturnType<Interpreter["arrival"]> {
    const { interrupts, inbox } = this
    return inbox.onReadable === undefined
      ? restore(interrupts.wait(this.poll()))
      : interrupts.waitFor(inbox.onReadable, restore)
  }

  /**
   * In off mode, which Linux has no events in (docs/differences.md), events are handled in real time: interrupts are on
   * while the guest waits for the host's clock, unless a handler does.
   */
  protected override awaitHost(until: Nanos, restore: Restore): Effect.Effect<void, ClockError> {
    const waiting = Effect.suspend(() => super.awaitHost(until, restore))
    if (this.interrupts.context().inInterrupt) return waiting
    const lifted = this.interrupts.liftMasks()
    return Effect.onExit(
      Effect.andThen(toEffect(this.#unmasked(restore, false)), waiting),
      () => Effect.sync(() => this.interrupts.restoreMasks(lifted)),
    )
  }
}
