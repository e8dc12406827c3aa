/**
 * The flat loop that moves a guest on: it takes tasks off an agenda and has them done, until one has to wait. That is the one
 * place that suspends. If the wait fails or is interrupted, what is left on the agenda is unwound.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Command from "../../core/Command.ts"
import { type Fault, isFault, MOST_COMMANDS, TimeStandsStill } from "../../core/Fault.ts"
import * as Guest from "../../core/Guest.ts"
import type { Nanos } from "../../core/Nanos.ts"
import type { RevisionTraits } from "../../core/Revisions.ts"
import type { ClockError } from "../../Event.ts"
import type { HostClock } from "../../services/HostClock.ts"
import type { HostTimer } from "../../services/HostTimer.ts"
import type { Interrupts, Operation, Restore } from "../../services/Interrupts.ts"
import type * as Link from "../../services/Link.ts"
import type { GuestTrace, GuestTransitions } from "../../services/Tracer.ts"
import type { OnWarning } from "../../services/Warnings.ts"
import { type Pause, toEffect, type Unfinished } from "../services/Waiting.ts"
import { Agenda, NONE } from "./Agenda.ts"
import { limited } from "./SharedLimit.ts"
import type { Perform, Task } from "./Task.ts"

/** What a guest needs from the world. */
export interface World {
  readonly mode: Guest.Mode
  readonly revision: RevisionTraits
  readonly link: Link.Link
  readonly interrupts: Interrupts
  readonly hostTimer: HostTimer
  readonly hostClock: HostClock
  readonly onWarning: (typeof OnWarning)["Service"]
  readonly trace: GuestTrace | undefined
}

/** What of an operation can't be done at once. */
export type Left = Unfinished<ClockError>
/** What a task has to wait for, if it has to. What comes after that is on the agenda. */
export type Wait = Effect.Effect<unknown, ClockError> | Pause<unknown> | undefined

/** A task that the loop itself doesn't do. */
export type Work = Exclude<Task, Command.Resume | Perform>

/** One guest, as it is now, and the loop that moves it on. */
export abstract class Driver {
  state: Guest.Guest
  /** Why the clock is dead, once it is. */
  fault: Fault | undefined = undefined
  readonly core: GuestTransitions
  protected readonly world: World
  private readonly followsHost: boolean
  /** What plain code has asked for and is yet to be done, in order. */
  protected asked: Array<Command.Command> = []
  /** One that is empty, to be used again: a new one for each operation would be a sixth of all garbage. */
  private spare: Agenda | undefined = undefined

  constructor(world: World) {
    this.world = world
    this.core = limited(world.trace?.transitions ?? Guest, world.link.direct)
    this.state = Guest.make(world.mode, world.revision)
    this.followsHost = Guest.followsHost(this.state)
  }

  /** Does a task: what has to be waited for then, if anything has. */
  protected abstract execute(task: Work, agenda: Agenda): Wait
  /** Undoes a task, if that is one that has to be. */
  protected abstract cleanUp(task: Task, agenda: Agenda): Wait

  /** Ends the clock, and lets go of what it holds in the world: nobody is kept waiting for a dead guest. */
  readonly die = (reason: Fault): Effect.Effect<never, Fault> => {
    if (this.fault !== undefined) return Effect.fail(this.fault)
    this.fault = reason
    const { hostTimer, link } = this.world
    return Effect.andThen(Effect.andThen(hostTimer.release, link.close), Effect.fail(reason))
  }

  /**
   * Goes to the next state: what is to be done there first; the rest is on the agenda, before anything else.
   * A skip asks for one thing: on the agenda, that took an event a tenth longer on Bun, and a quarter on Node.
   */
  private follow(agenda: Agenda, { state, commands }: Guest.Next): Task | undefined {
    this.state = state
    for (let i = commands.length - 1; i > 0; i--) agenda.tasks.push(commands[i]!)
    return commands.length > 0 ? commands[0] : agenda.next()
  }

  /** The same for a task: all of it is on the agenda. */
  protected followLater(agenda: Agenda, next: Guest.Transition): Wait {
    if (isFault(next)) return this.die(next)
    this.state = next.state
    for (let i = next.commands.length - 1; i >= 0; i--) agenda.tasks.push(next.commands[i]!)
    return undefined
  }

  /** Does `task` and all that is on the agenda. The agenda itself, if that has to wait. */
  drive(agenda: Agenda, first: Task | undefined): Agenda | undefined {
    try {
      let task = first
      let at: bigint | undefined
      for (let tasks = 1;; tasks++) {
        if (this.fault !== undefined) return agenda.putBack(task).await(Effect.fail(this.fault))
        if (task === undefined) return undefined
        if (tasks % MOST_COMMANDS === 0) {
          if (at === this.state.now) return agenda.putBack(task).await(this.die(new TimeStandsStill(at, tasks)))
          at = this.state.now
        }
        if (task._tag === "Resume" || task._tag === "Perform") {
          const next = task._tag === "Resume" ? this.core.resume(this.state, task.step) : this.performed(task)
          if (isFault(next)) return agenda.await(this.die(next))
          task = this.follow(agenda, next)
        } else {
          const wait = this.execute(task, agenda)
          if (wait !== undefined) return agenda.await(wait)
          task = agenda.next()
        }
      }
    } catch (defect) {
      return agenda.await(Effect.die(defect))
    }
  }
  private performed({ transition }: Perform): Guest.Transition {
    this.lookAtHost()
    return transition()
  }

  protected newAgenda(restore: Restore): Agenda {
    const agenda = this.spare
    if (agenda === undefined) return new Agenda(this, restore)
    this.spare = undefined
    agenda.restore = restore
    agenda.base = NONE
    return agenda
  }
  recycle(agenda: Agenda): void {
    this.spare = agenda
  }

  /** Does `task`, and what is on the agenda after it. */
  protected begin(agenda: Agenda, task: Task | undefined): Agenda | undefined {
    const left = this.drive(agenda, task)
    if (left === undefined) this.recycle(agenda)
    return left
  }

  /** The same after what plain code has asked for. */
  protected beginAfterAsked(agenda: Agenda, task: Task): Agenda | undefined {
    if (this.asked.length === 0) return this.begin(agenda, task)
    agenda.tasks.push(task)
    this.pushAsked(agenda)
    return this.begin(agenda, agenda.next())
  }
  protected pushAsked({ tasks }: Agenda): void {
    const { asked } = this
    this.asked = []
    for (let i = asked.length - 1; i >= 0; i--) tasks.push(asked[i]!)
  }

  /** What a transition asks for, to its end. If that is cut short, its advances are over, too. */
  protected perform(agenda: Agenda, task: Perform): Agenda | undefined {
    agenda.base = agenda.tasks.length
    return this.beginAfterAsked(agenda, task)
  }

  /** What a transition asks for, as an agenda of its own. */
  protected start(next: Guest.Transition, restore: Restore): Left {
    if (isFault(next)) return this.die(next)
    const agenda = this.newAgenda(restore)
    return this.begin(agenda, this.follow(agenda, next))
  }
  /** A task that has to be done though the operation that it is part of is cut short. */
  protected startCleanUp(task: Task, restore: Restore): Effect.Effect<void, ClockError> | undefined {
    const left = this.begin(this.newAgenda(restore), task)
    return left && toEffect(left)
  }

  /**
   * What is on the agenda won't be done any more, but for what has to be undone; and the core is told which advances are
   * over. The agenda itself, if that has to wait.
   */
  unwind(agenda: Agenda): Agenda | undefined {
    try {
      for (;;) {
        let wait: Wait
        if (agenda.tasks.length === agenda.base) {
          agenda.base = NONE
          wait = this.abandon(agenda.abandoned?.reverse() ?? [])
        } else {
          const task = agenda.next()
          if (task === undefined) return undefined
          if (task._tag === "Resume") (agenda.abandoned ??= []).push(task)
          else wait = this.cleanUp(task, agenda)
        }
        if (wait !== undefined) return agenda.await(wait)
      }
    } catch (defect) {
      return agenda.await(Effect.die(defect))
    }
  }

  /** The core cleans up after what won't be done any more. */
  protected abandon(left: ReadonlyArray<Command.Resume>): Wait {
    if (this.fault !== undefined) return undefined
    const rest = this.start(this.core.abandon(this.state, left), Effect.interruptible)
    return rest && Effect.ignore(toEffect(rest))
  }

  /** Has something done when the clock is used next. */
  ask(commands: ReadonlyArray<Command.Command>): void {
    if (commands.length > 0) this.asked.push(...commands)
  }

  /** Does what plain code has asked for. */
  readonly doAsked: Operation<ClockError> = (restore) => {
    if (this.asked.length === 0) return undefined
    const agenda = this.newAgenda(restore)
    this.pushAsked(agenda)
    return this.begin(agenda, agenda.next())
  }

  /** An operation that comes as an interrupt, or that the code asks for which runs. */
  atOnce(transition: (core: GuestTransitions, state: Guest.Guest) => Guest.Transition): Left {
    if (this.asked.length === 0) return this.start(transition(this.core, this.state), Effect.interruptible)
    const task: Perform = { _tag: "Perform", transition: () => transition(this.core, this.state) }
    return this.beginAfterAsked(this.newAgenda(Effect.interruptible), task)
  }

  // ----------------------------------------------------- the host's time (SPEC 1)

  /** In off mode the time is the host's, which is read before it is needed. */
  lookAtHost(): void {
    if (this.followsHost) this.state = this.core.hostTime(this.state, this.hostNow())
  }
  hostNow(): Guest.HostTime {
    const { hostClock } = this.world
    return { monotonic: hostClock.monotonic() as Nanos, wall: hostClock.wall() as Nanos }
  }
}
