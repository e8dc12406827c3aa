/**
 * Sees that a program gets on, and says so where it can't: limits, livelocks, deadlocks, and waits that don't end.
 *
 * @module
 */
import { FOREVER } from "../core/Nanos.ts"
import type { Direct } from "../Event.ts"
import { later, millis } from "../platform/EventLoop.ts"
import type { AnyFiber } from "../platform/Suspended.ts"
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

/** What a program that has used up its real time may still take to end, as a share of that, and at most, in ms. */
const GRACE = 0.2
const MOST_GRACE_MS = 5000

/** What a supervisor asks of its runner. */
export interface Supervised extends Waker {
  /** How often something was due. */
  readonly events: number
  /** What it does, for people. */
  readonly doing: () => string
  /** Whether nobody can run, and nobody is to. */
  readonly isIdle: () => boolean
}

/** One runner's supervisor. */
export class Supervisor {
  readonly watch: Watch
  /** Whether the program was told that it can't go on, and hasn't begun to end. */
  isStuck = false
  readonly #direct: Direct
  readonly #runner: Supervised
  readonly #settings: SupervisorSettings
  readonly #isLimited: boolean
  readonly #began = millis()
  #cancelLimit: (() => void) | undefined

  constructor(direct: Direct, runner: Supervised, settings: SupervisorSettings) {
    this.#direct = direct
    this.#runner = runner
    this.#settings = settings
    this.watch = new Watch(direct, settings, this.#began)
    this.#isLimited = Limits.isAny(settings.limits)
    const { realMs } = settings.limits
    if (realMs !== undefined) this.#limitRealTime(realMs + 1, Math.min(realMs * GRACE, MOST_GRACE_MS))
  }

  /** Waits of all kinds end then; and what doesn't end even so is given up after a grace. */
  #limitRealTime(ms: number, graceMs: number): void {
    this.#cancelLimit = later(ms, () => {
      this.fail(this.#realTimeReached())
      this.#limitRealTime(graceMs, graceMs)
    })
  }

  stop(): void {
    this.#cancelLimit?.()
  }

  /** The program can't go on, if there is a reason. */
  fail(stuck: Stuck.Stuck | undefined): void {
    if (stuck === undefined || this.isStuck) return
    this.isStuck = true
    this.#settings.onStuck(stuck)
  }

  /** The program ends. It may get stuck in that as well. */
  forgive(): void {
    this.isStuck = false
    this.watch.reset()
  }

  // ------------------------------------------------------------------- limits

  /** Whether a limit is reached that forbids to move on to `due`: then the program is told. */
  forbids(due: bigint | undefined): boolean {
    if (!this.#isLimited) return false
    const { limits } = this.#settings
    const { now } = this.#direct
    const reached = due === undefined ? undefined : Limits.simulatedTime(limits, due, now)
    this.fail(reached ?? Limits.events(limits, this.#runner.events, now) ?? this.#realTimePassed())
    return this.isStuck
  }

  #realTimePassed(): Stuck.LimitReached | undefined {
    const { realMs } = this.#settings.limits
    return realMs !== undefined && millis() - this.#began > realMs ? this.#realTimeReached() : undefined
  }

  #realTimeReached(): Stuck.LimitReached {
    const fibers = this.fibers()
    const state = { is: this.#runner.doing(), main: this.watch.mainAmong(fibers), fibers }
    return new Stuck.LimitReached("real time", `${this.#settings.limits.realMs} ms`, this.#direct.now, state)
  }

  // -------------------------------------------------------------- those that run

  /** The time was read. */
  read(): void {
    const { now } = this.#direct
    this.fail(this.watch.read() ?? Limits.simulatedTime(this.#settings.limits, now, now))
  }

  /** A slice of running has ended. */
  look(realMs: number): void {
    this.fail(this.watch.look(realMs) ?? (this.#isLimited ? this.#realTimePassed() : undefined))
    if (!this.watch.isStalled(realMs)) return
    const stalled = this.watch.stalled(realMs, this.fibers())
    // One that sleeps is on its way.
    if (stalled !== undefined && (stalled.main.asleepUntil ?? FOREVER) >= FOREVER) this.#settings.onStalled(stalled)
  }

  /** Handlers have added events for the same time in a round more. */
  handlersRound(): void {
    const { now } = this.#direct
    // All that is pending is looked at, so only now and then.
    if (this.watch.rounds % 1024 === 0) {
      const next = this.#direct.pending().find(({ time }) => time === now)?.event
      if (next !== undefined && "name" in next) this.watch.lastEvent = next.name
    }
    this.fail(this.watch.round())
  }

  // -------------------------------------------------------------- those that wait

  /**
   * Nothing is due. The world may yet have something to say, be it after `leastMs` of real time; if it hasn't, that is a
   * deadlock. What is returned takes the wait back.
   */
  awaitWorld(gate: RequestGate, leastMs = 0): () => void {
    const mostMs = Math.max(this.#settings.deadlockAfterMs, leastMs)
    let waitedMs = 0
    let cancel = () => {}
    const wait = () => {
      cancel = later(mostMs, () => {
        waitedMs += mostMs
        if (!this.#runner.isIdle() || !this.watch.isAlive) return
        if (leastMs > 0) this.deadlock("time is paused by the program itself, and nobody resumes it")
        else if ((this.#direct.nextDue() ?? FOREVER) < FOREVER) return
        else if (waitedMs < gate.mostMs && gate.names !== "") wait()
        else this.deadlock()
      })
    }
    wait()
    return () => cancel()
  }

  /** The guest is in a handler: one that takes longer than `mostMs` of real time is reported, unless that is taken back. */
  awaitHandler(mostMs: number): () => void {
    return later(mostMs, () => this.deadlock(`the guest has been in a handler for ${mostMs} ms of real time`))
  }

  /** Nothing is due, and nobody can run. */
  deadlock(because?: string): void {
    const fibers = this.fibers()
    this.fail(new Stuck.Deadlock(this.#direct.now, fibers, this.watch.mainAmong(fibers), because))
  }

  #sleepers(): ReadonlyArray<{ readonly sleeper: Sleeper; readonly time: bigint }> {
    return this.#direct.pending().flatMap(({ event, time }) =>
      event instanceof Sleeper && event.isOf(this.#runner) ? [{ sleeper: event, time }] : []
    )
  }

  /** Who sleeps, and until when. */
  pending(): ReadonlyArray<Stuck.Waiting> {
    return this.#sleepers().map(({ sleeper, time }) => Stuck.waiting(sleeper.fiber, time))
  }

  /** Takes all that sleep off the guest's queue. */
  dismissSleepers(): void {
    for (const { sleeper } of this.#sleepers()) this.#runner.takeBack(sleeper)
  }

  /** Every fiber that hasn't ended, and until when it sleeps, if it does. */
  fibers(): ReadonlyArray<Stuck.Waiting> {
    const until = new Map<AnyFiber, bigint>(this.#sleepers().map(({ sleeper, time }) => [sleeper.fiber, time]))
    return this.watch.waiting((fiber) => until.get(fiber) ?? (isAsleep(fiber) ? FOREVER : undefined))
  }
}
