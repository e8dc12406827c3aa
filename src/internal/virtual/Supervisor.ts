/**
 * Detects programs that make no progress, and fails them: at limits, in livelocks and deadlocks, and on waits that
 * don't end.
 *
 * @module
 */
import { FOREVER } from "../../core/Nanos.ts"
import type { SyncClock } from "../../Event.ts"
import { later, millis, nextTurn } from "../platform/EventLoop.ts"
import type { AnyFiber } from "../platform/Suspension.ts"
import * as Limits from "./Limits.ts"
import type { RequestGate } from "./RequestGate.ts"
import { isAsleep, Sleeper, type Waker } from "./Sleeper.ts"
import * as Stuck from "./Stuck.ts"
import { Watch, type WatchSettings } from "./Watch.ts"

/** What a supervisor is told beforehand. */
export interface SupervisorSettings extends WatchSettings {
  readonly limits: Limits.Limits
  /** Real time, in ms, that a program without holds may be idle with nothing due. */
  readonly deadlockAfterMs: number
  /** Told when the program can't go on; again only after `forgive`. */
  readonly onStuck: (stuck: Stuck.Stuck) => void
  /** Told when the main fiber waits while time runs off. */
  readonly onStalled: (stalled: Stuck.Stalled) => void
}

/** What a program that has reached a limit may still take to end, in ms of real time; of a limit of real time, a share. */
const GRACE_MS = 1000
const GRACE_SHARE = 0.05
const MOST_GRACE_MS = 5000

/** How long, in ms of real time, a program may have paused itself that has nothing else to do. */
const MOST_PAUSED_MS = 3000

/** How much longer than its cap, in ms, a hold may take to end. */
const HOLD_GRACE_MS = 1000

/** A main fiber that is asleep is reported if at this rate it would be for more than so long, in ms of real time. */
const LONG_SLEEP_MS = 600_000

/** How long, in ms of real time, the guest may be in a handler of its own. */
const MOST_HANDLER_MS = 30_000

/** For how many ms of real time its main fiber will still be asleep, as fast as time runs; for ever, if it doesn't sleep. */
const leftMs = ({ main, since, at, realMs }: Stuck.Stalled): number => {
  const until = main.asleepUntil ?? FOREVER
  return until >= FOREVER ? Infinity : Number(until - at) / Number(at - since) * realMs
}

/** What a supervisor asks of its runner. */
export interface Supervised extends Waker {
  /** How often something was due. */
  readonly events: number
  /** What it does, for people. */
  readonly doing: () => string
  /** How often fibers were resumed. */
  readonly resumptions: number
  /** Whether nobody can run, and nobody is to. */
  readonly isIdle: () => boolean
  readonly wake: () => void
}

/** Processes that are no fibers. */
export interface Others {
  /** What they wait for, for people. */
  readonly waiting: () => ReadonlyArray<Stuck.Waiting>
  /** Whether a fiber is one of theirs, and has nothing to do. */
  readonly isStanding: (fiber: AnyFiber) => boolean
}

/** One runner's supervisor. */
export class Supervisor {
  readonly watch: Watch
  /** Whether the program can't go on, and hasn't begun to end. */
  isStuck = false
  /** Says what a fiber waits for, for reports; set by the simulator, which knows. */
  waitsFor: ((fiber: AnyFiber) => string | undefined) | undefined
  /** Those of the program's processes that are no fibers. */
  others: Others | undefined
  /** Told at once that the program can't go on, before it is. */
  onStuck: ((stuck: Stuck.Stuck) => void) | undefined
  #isStopped = false
  readonly #sync: SyncClock
  readonly #runner: Supervised
  readonly #settings: SupervisorSettings
  readonly #isLimited: boolean
  readonly #began = millis()
  /** The limit that was reached, and until when, in real ms, the program may pass it in order to end. */
  #reached: Stuck.LimitReached | undefined
  #graceEndsMs = 0
  /** How to take back what is arranged for later. */
  readonly #cancels = new Map<string, () => void>()

  constructor(sync: SyncClock, runner: Supervised, settings: SupervisorSettings) {
    this.#sync = sync
    this.#runner = runner
    this.#settings = settings
    this.watch = new Watch(sync, settings, this.#began)
    this.#isLimited = Limits.isAny(settings.limits)
    const { realMs } = settings.limits
    // Waits of all kinds end then.
    if (realMs !== undefined) this.#later("limit", realMs + 1, () => this.#reach(this.#realTimeReached()))
  }

  /** Arranges for something, in place of what was arranged by that name. */
  #later(name: string, ms: number, task: () => void): void {
    this.#cancels.get(name)?.()
    this.#cancels.set(name, later(ms, task))
  }

  stop(): void {
    this.#isStopped = true
    for (const cancel of this.#cancels.values()) cancel()
  }

  /** The program can't go on, if there is a reason. It is told in a turn of its own, not in the middle of a runner's work. */
  fail(stuck: Stuck.Stuck | undefined): void {
    if (stuck === undefined || this.isStuck || this.#isStopped) return
    this.isStuck = true
    this.onStuck?.(stuck)
    this.#cancels.set("telling", nextTurn(() => this.#settings.onStuck(stuck)))
  }

  /** The program ends. It may get stuck in that as well; one that has reached a limit has a grace to end in. */
  forgive(): void {
    this.isStuck = false
    this.watch.reset()
    const reached = this.#reached
    if (reached === undefined) return
    this.#reached = undefined
    const { realMs } = this.#settings.limits
    const graceMs = reached.limit === "real time" ? Math.min(realMs! * GRACE_SHARE, MOST_GRACE_MS) : GRACE_MS
    this.#graceEndsMs = millis() + graceMs
    this.#later("grace", graceMs, () => this.#reach(reached))
  }

  // ------------------------------------------------------------------- limits

  /** Whether a limit is reached that forbids to move on to `due`: then the program is told. */
  forbids(due: bigint | undefined): boolean {
    if (!this.#isLimited || this.#graceEndsMs > 0 && millis() < this.#graceEndsMs) return false
    const { limits } = this.#settings
    const { now } = this.#sync
    const simulated = due === undefined ? undefined : Limits.simulatedTime(limits, due, now)
    return this.#reach(simulated ?? Limits.events(limits, this.#runner.events, now) ?? this.#realTimePassed())
  }

  /** Whether a limit is reached. It is said, if there is anybody whom it keeps from going on. */
  #reach(limit: Stuck.LimitReached | undefined): boolean {
    if (limit === undefined) return false
    if (!this.isStuck && this.watch.isAlive) {
      const fibers = this.fibers()
      this.#reached = limit.by(this.#runner.doing(), this.watch.mainAmong(fibers), fibers)
      this.fail(this.#reached)
    }
    return true
  }

  #realTimePassed(): Stuck.LimitReached | undefined {
    const { realMs } = this.#settings.limits
    return realMs !== undefined && millis() - this.#began > realMs ? this.#realTimeReached() : undefined
  }

  #realTimeReached(): Stuck.LimitReached {
    return new Stuck.LimitReached("real time", `${this.#settings.limits.realMs} ms`, this.#sync.now)
  }

  // -------------------------------------------------------------- those that run

  /** The time was read. */
  read(): void {
    const { now } = this.#sync
    this.fail(this.watch.read())
    if (this.#isLimited && millis() >= this.#graceEndsMs) {
      this.#reach(Limits.simulatedTime(this.#settings.limits, now, now))
    }
  }

  /** A slice has ended. While time `isKept` from moving, nobody can be blamed that it doesn't. */
  check(realMs: number, isKept: boolean, isPaced: boolean): void {
    if (isKept) this.watch.reset()
    else this.fail(this.watch.check(realMs))
    if (this.#isLimited && realMs >= this.#graceEndsMs) this.#reach(this.#realTimePassed())
    if (isPaced || !this.watch.isStalled(realMs)) return
    const stalled = this.watch.stalled(realMs, this.fibers())
    if (stalled !== undefined && leftMs(stalled) > LONG_SLEEP_MS) this.#settings.onStalled(stalled)
  }

  /** Handlers have added events for the same time in a round more. */
  handlersRound(): void {
    const { now } = this.#sync
    // All that is pending is looked at, so only now and then.
    if (this.watch.rounds % 1024 === 0) {
      const next = this.#sync.pending().find(({ time }) => time === now)?.event
      if (next !== undefined && "name" in next) this.watch.lastEvent = next.name
    }
    this.fail(this.watch.round())
  }

  // -------------------------------------------------------------- those that wait

  /** Starts the deadlock timer; the result cancels it. While requests to the world are under way, it waits for them. */
  awaitWorld(gate: RequestGate): () => void {
    const { deadlockAfterMs } = this.#settings
    const wait = (waitedMs: number): void => {
      const { resumptions } = this.#runner
      this.#later("deadlock", deadlockAfterMs, () => {
        if (!this.#runner.isIdle() || !this.watch.isAlive) return
        // Promises resume fibers as well: then the program gets on.
        if (this.#runner.resumptions !== resumptions) return wait(deadlockAfterMs)
        const { names } = gate
        if ((this.#sync.nextDue() ?? FOREVER) < FOREVER) this.#runner.wake()
        else if (names === "") this.deadlock()
        else if (waitedMs < gate.mostMs) wait(waitedMs + deadlockAfterMs)
        else this.deadlock(`requests to the world don't end: ${names}`)
      })
    }
    wait(deadlockAfterMs)
    return () => this.#cancels.get("deadlock")?.()
  }

  /** Time is held, for `mostMs` of real time at most: a hold that can't be ended by then is reported. The result cancels it. */
  awaitRelease(mostMs: number, holds: () => string): () => void {
    if (mostMs === Infinity) return () => {}
    this.#later("deadlock", mostMs + HOLD_GRACE_MS, () => this.deadlock(`time is held past its cap by ${holds()}`))
    return () => this.#cancels.get("deadlock")?.()
  }

  /** The program has paused itself, and may be resumed by people: if nobody does, that is a deadlock. The result cancels it. */
  awaitResume(): () => void {
    this.#later("deadlock", Math.max(this.#settings.deadlockAfterMs, MOST_PAUSED_MS), () => {
      if (this.#runner.isIdle() && this.watch.isAlive) {
        this.deadlock("time is paused by the program itself, and nobody resumes it")
      }
    })
    return () => this.#cancels.get("deadlock")?.()
  }

  /** The guest is in a handler: one that takes too long is reported, unless time `isHeld`. The result cancels it. */
  awaitHandler(isHeld: () => boolean): () => void {
    const what = `the guest has been in a handler for ${MOST_HANDLER_MS} ms of real time`
    const wait = (): void => this.#later("handler", MOST_HANDLER_MS, () => isHeld() ? wait() : this.deadlock(what))
    wait()
    return () => this.#cancels.get("handler")?.()
  }

  /** Nothing is due, and nobody can run. */
  deadlock(because?: string): void {
    const fibers = this.fibers()
    this.fail(new Stuck.Deadlock(this.#sync.now, fibers, this.watch.mainAmong(fibers), because))
  }

  #sleepers(): ReadonlyArray<{ readonly sleeper: Sleeper; readonly time: bigint }> {
    return this.#sync.pending().flatMap(({ event, time }) =>
      event instanceof Sleeper && event.isOf(this.#runner) ? [{ sleeper: event, time }] : []
    )
  }

  /** The fibers that sleep, and until when. */
  pending(): ReadonlyArray<Stuck.Waiting> {
    return this.#sleepers().map(({ sleeper, time }) => Stuck.waiting(sleeper.fiber, time, false))
  }

  /** Takes all that sleep off the guest's queue. */
  dismissSleepers(): void {
    for (const { sleeper } of this.#sleepers()) this.#runner.takeBack(sleeper)
  }

  /** Every fiber that hasn't ended, until when it sleeps, if it does, and what it waits for. */
  fibers(): ReadonlyArray<Stuck.Waiting> {
    const until = new Map<AnyFiber, bigint>(this.#sleepers().map(({ sleeper, time }) => [sleeper.fiber, time]))
    const fibers = this.watch.waiting(
      (fiber) => until.get(fiber) ?? (isAsleep(fiber) ? FOREVER : undefined),
      this.waitsFor,
      this.others?.isStanding,
    )
    return this.others === undefined ? fibers : [...fibers, ...this.others.waiting()]
  }
}
