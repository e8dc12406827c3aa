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
import { MOST_COMMANDS, TimeStandsStill } from "../../core/Fault.ts"
import * as Guest from "../../core/Guest.ts"
import * as Message from "../../core/Message.ts"
import type { Nanos } from "../../core/Nanos.ts"
import type { ClockError, Event } from "../../Event.ts"
import type { Operation, Restore } from "../../services/Interrupts.ts"
import { type Agenda, NONE } from "./Agenda.ts"
import type { Wait, Work, World } from "./Driver.ts"
import { Interpreter } from "./Interpreter.ts"
import type { HandleDue, Task } from "./Task.ts"
import type * as Command from "../../core/Command.ts"

const UNMASKED: Task = { _tag: "Unmasked", wakes: false }
const UNMASKED_AWAKE: Task = { _tag: "Unmasked", wakes: true }
const ALARMS: Task = { _tag: "Alarms" }
const QUIETLY: Task = { _tag: "TakeMaskOffQuietly" }
const LEAVE_INTERRUPT: Task = { _tag: "LeaveInterrupt" }
const WAKE_UP: Task = { _tag: "WakeUp" }
const UNBLOCK: Task = { _tag: "Unblock" }
const UNBLOCKED: Task = { _tag: "Unblocked" }
const NOT_LATE: Task = { _tag: "NotLate" }
const AWAIT_ACK: Task = { _tag: "AwaitAck" }

/** One guest of such a revision. */
export class Deferring extends Interpreter {
  /** Interrupts that arrived during exchanges are being handled: those of exchanges meanwhile are next in line. */
  #isLate = false
  /** The host's timer has gone off while interrupts were masked. */
  #hasGoneOff = false

  constructor(world: World) {
    super(world)
    world.interrupts.defer((restore) =>
      Effect.catch(
        Effect.suspend(() => this.fault === undefined ? this.#handleLate(restore) ?? Effect.void : this.#handleDead()),
        // Whoever uses a dead clock next hears of it.
        (error) => this.fault === undefined ? Effect.die(error) : Effect.void,
      )
    )
  }

  protected override execute(task: Work, agenda: Agenda): Wait {
    switch (task._tag) {
      case "Mask":
        agenda.masks.push(this.interrupts.mask())
        return undefined
      case "Unmask":
        this.#takeMaskOff(agenda)
        return this.#unmasked(false, agenda)
      case "WakeUp":
        // The sleep itself is over.
        agenda.base = NONE
        this.#takeMaskOff(agenda)
        return this.#unmasked(true, agenda)
      case "Unmasked":
        return this.#unmasked(task.wakes, agenda)
      case "HandleDue":
        return this.#handleDue(task, agenda)
      case "Alarms":
        return this.#alarms(agenda)
      case "LateTick": {
        // One whose tick was delivered in simulated time meanwhile means nothing any more.
        const isOfTimer = task.hasGoneOff && Guest.isTicking(this.state)
        if (!task.isAlarmed && !isOfTimer) return undefined
        return this.followLater(agenda, this.core.lateAlarm(this.state, task.isReal || isOfTimer))
      }
      case "Unblock":
        this.interrupts.unblock()
        return this.#unblocked(agenda)
      case "Unblocked":
        return this.#unblocked(agenda)
      case "LeaveInterrupt":
      case "NotLate":
      case "TakeMaskOffQuietly":
        return this.cleanUp(task, agenda)
      default:
        return super.execute(task, agenda)
    }
  }

  protected override cleanUp(task: Task, agenda: Agenda): Wait {
    switch (task._tag) {
      case "Mask":
        // For the Unmask that is below it.
        agenda.masks.push(this.interrupts.mask())
        return undefined
      case "Unmask":
      case "TakeMaskOffQuietly":
        return this.#takeMaskOff(agenda)
      case "LeaveInterrupt":
        this.interrupts.leaveHandler(agenda.masks.pop()!)
        return undefined
      case "WakeUp":
        this.#takeMaskOff(agenda)
        return this.#handleLate(agenda.restore, UNMASKED_AWAKE)
      case "Unblock":
        this.interrupts.unblock()
        return this.fault === undefined ? this.startCleanUp(UNBLOCKED, agenda.restore) : undefined
      case "NotLate":
        this.#isLate = false
        return undefined
      default:
        return super.cleanUp(task, agenda)
    }
  }

  /** What is cut short leaves interrupts on, as it found them. */
  protected override abandon(left: ReadonlyArray<Command.Resume>): Wait {
    const first = super.abandon(left)
    if (first === undefined) return this.#handleLate(Effect.interruptible)
    return Effect.andThen(
      first as Effect.Effect<unknown>,
      Effect.suspend(() => this.#handleLate(Effect.interruptible) ?? Effect.void),
    )
  }

  // ------------------------------------------------------- interrupts are on (11.1)

  /** What waited for interrupts to be on, as an operation of its own. */
  #handleLate(restore: Restore, unmasked = UNMASKED): Effect.Effect<void, ClockError> | undefined {
    return this.#isOff() ? undefined : this.startCleanUp(unmasked, restore)
  }

  /** A dead clock has no events any more, but who interrupts it hears that. */
  #handleDead(): Effect.Effect<void> {
    const mask = this.interrupts.mask()
    return Effect.onExit(this.interrupts.deliverHere, () => Effect.sync(() => this.interrupts.unmask(mask)))
  }

  #isOff(): boolean {
    return this.interrupts.context().masked || this.fault !== undefined
  }

  #takeMaskOff(agenda: Agenda): undefined {
    this.interrupts.unmask(agenda.masks.pop()!)
  }

  /** What waited for interrupts to be on, if they are. The handlers of what is due wake the guest from a sleep, if `wakes`. */
  #unmasked(wakes: boolean, agenda: Agenda): Wait {
    if (this.#isOff()) return undefined
    agenda.tasks.push(ALARMS)
    if (Guest.firstDue(this.state) === undefined) return undefined
    agenda.masks.push(this.interrupts.enterHandler())
    agenda.tasks.push(LEAVE_INTERRUPT, { _tag: "HandleDue", wakes, handled: 0, at: this.state.now })
    return undefined
  }

  #handleDue(task: HandleDue, agenda: Agenda): Wait {
    const { now } = this.state
    if (task.at !== now) {
      task.at = now
      task.handled = 0
    }
    const event = Guest.firstDue(this.state)
    if (event === undefined) return undefined
    if (++task.handled % MOST_COMMANDS === 0) return this.die(new TimeStandsStill(now, task.handled))
    this.state = this.core.takeDue(this.state)
    agenda.tasks.push(task)
    return this.deliver(event as Event, agenda, task.wakes)
  }

  /** Held interrupts and ticks. What falls due in one of these stays, until interrupts go on the next time. */
  #alarms(agenda: Agenda): Wait {
    const { alarm } = this.state.deferred
    if (alarm === "none" && !this.#hasGoneOff && !this.interrupts.hasRaised()) return undefined
    if (alarm !== "none") this.state = this.core.setAlarm(this.state, "none")
    const hasGoneOff = this.#hasGoneOff
    this.#hasGoneOff = false
    agenda.masks.push(this.interrupts.mask())
    const tick: Task = { _tag: "LateTick", isAlarmed: alarm !== "none", isReal: alarm === "real", hasGoneOff }
    agenda.tasks.push(ALARMS, QUIETLY, tick)
    return this.interrupts.hasRaised() ? this.interrupts.deliverHere : undefined
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

  override readonly sleep: Operation<ClockError> = (restore) => {
    const agenda = this.newAgenda(restore)
    agenda.masks.push(this.interrupts.mask())
    agenda.tasks.push(WAKE_UP)
    return this.perform(agenda, this.asleep)
  }
  override readonly sleepOn: Operation<ClockError> = this.sleep

  // ----------------------------------------------------------- the calendar (11.3)

  protected override holdBack(agenda: Agenda): void {
    this.interrupts.block()
    agenda.tasks.push(UNBLOCK)
  }

  /** An exchange is over: what arrived meanwhile is handled now. */
  #unblocked(agenda: Agenda): Wait {
    if (this.#isLate || !this.interrupts.hasRaised()) return undefined
    this.#isLate = true
    agenda.tasks.push(NOT_LATE)
    return this.interrupts.context().masked ? this.interrupts.deliverHere : this.#unmasked(false, agenda)
  }

  /** In the exchange of START some revisions poll before each read (SPEC 11.5). */
  protected override awaitAck(agenda: Agenda): Wait {
    if (!this.#polls()) return super.awaitAck(agenda)
    agenda.tasks.push(AWAIT_ACK)
    return this.awaitArrival(agenda)
  }
  protected override expects(): boolean {
    return this.#polls() || super.expects()
  }
  #polls(): boolean {
    const { external, settings } = this.state
    return settings.revision.pollsForStart && external?.awaiting?.op === Message.Op.Start
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
      Effect.andThen(Effect.suspend(() => this.#handleLate(restore) ?? Effect.void), waiting),
      () => Effect.sync(() => this.interrupts.restoreMasks(lifted)),
    )
  }
}
