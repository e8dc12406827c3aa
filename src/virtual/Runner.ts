/**
 * What runs a program's fibers on simulated time: a queue of those that can run,
 * and the guest's clock, which is asked to move on when there are none.
 *
 * ```text
 *   ┌─▶ run every fiber that can ─▶ let promises come to rest ─┐
 *   │        ▲        anything new to run? ◀──────────────────┤
 *   │        └───────────── yes ──────────────────────────────┤
 *   │                                    held, or paused? ────▶│ until that is over
 *   │                                    nothing is due? ─────▶│ deadlock
 *   └──────── the guest sleeps (SPEC 7): time moves ◀──────────┘
 * ```
 *
 * @module
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scheduler from "effect/Scheduler"
import { isStopped } from "../core/Guest.ts"
import { FOREVER } from "../core/Nanos.ts"
import { event, type Handler } from "../Event.ts"
import type { GuestClock } from "../GuestClock.ts"
import { drainMicrotasks, later, millis, nextTurn } from "../platform/EventLoop.ts"
import type { Interrupts } from "../services/Interrupts.ts"
import * as Order from "./Order.ts"
import { RunQueue } from "./RunQueue.ts"
import { Sleeper, type Waker } from "./Sleeper.ts"
import * as Stuck from "./Stuck.ts"
import { Watch } from "./Watch.ts"

/** Limits; each absent one is none. */
export interface Limits {
  /** The guest time that must not be passed, in ns. */
  readonly simulated?: bigint
  /** Real time, in ms. */
  readonly realMs?: number
  /** Times that something was due. */
  readonly events?: number
}

/** How a runner runs. */
export interface Settings {
  readonly order: Order.Order
  readonly limits: Limits
  /** Steps and reads of the time, while it stands still, that make a livelock. */
  readonly livelockAfter: number
  /** Real time, in ms, that a program without holds may be idle with nothing due. */
  readonly deadlockAfterMs: number
  /** Simulated seconds a real second; none: as fast as it goes. */
  readonly pace: number | undefined
  /** Told once, when the program can't go on. */
  readonly onStuck: (stuck: Stuck.Stuck) => void
  /** Told when the clock is dead. */
  readonly onFault: (cause: Cause.Cause<unknown>) => void
  /** Runs an effect that the guest's sleep waits for, outside of simulated time. */
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
}

/** How long a runner may keep the event loop to itself, in ms: signals, sockets and timers wait. */
const SLICE_MS = 8

/** How many tasks run before promises, and then the event loop, get their turn. */
const TASKS_PER_ROUND = 256

/** How many rounds of tasks go by between two looks at the real clock. */
const ROUNDS_PER_LOOK = 4

/** How many moves of time go by between two looks at the real clock. */
const MOVES_PER_LOOK = 64

/** Runs fibers on simulated time. */
export class Runner implements Scheduler.Scheduler, Scheduler.SchedulerDispatcher, Waker {
  readonly executionMode = "async" as const

  readonly #clock: GuestClock
  readonly #interrupts: Interrupts
  readonly #settings: Settings
  readonly #decider: Order.Decider | undefined
  readonly #began = millis()
  readonly #isLimited: boolean

  readonly #tasks: RunQueue

  #turn: "none" | "scheduled" | "running" = "none"
  #woken = false
  #cancelTurn: (() => void) | undefined
  #cancelWait: (() => void) | undefined
  #cancelLimit: (() => void) | undefined
  /** The guest's sleep, while it waits for the world. */
  #sleeping: Fiber.Fiber<unknown, unknown> | undefined
  #waking = false
  #stopped = false
  #stuck = false

  #holds = 0
  #paused = false
  #steps = 0
  #stepDone: Array<() => void> = []
  #pace: { readonly factor: number; readonly realMs: number; readonly at: bigint } | undefined

  /** Every sleeper's handler: it can run, but not here, in the middle of an interrupt. */
  readonly onDue: Handler = (_, event) => {
    const sleeper = event as Sleeper
    sleeper.isQueued = true
    this.#tasks.add(sleeper, 0)
  }
  readonly #watch: Watch
  events = 0

  constructor(clock: GuestClock, interrupts: Interrupts, settings: Settings) {
    this.#clock = clock
    this.#interrupts = interrupts
    this.#settings = settings
    this.#decider = Order.decider(settings.order)
    this.#tasks = new RunQueue(this.#decider)
    this.#watch = new Watch(clock.direct, settings.livelockAfter)
    // Nobody is woken: a guest that slept before its program begins would be interrupted by it.
    this.#pace = this.#paceOf(settings.pace)
    const { realMs, simulated, events } = settings.limits
    this.#isLimited = (realMs ?? simulated ?? events) !== undefined
    // Waits of all kinds end then, too.
    if (realMs !== undefined) this.#cancelLimit = later(realMs + 1, () => this.#fail(this.#realTimeReached(realMs)))
  }

  get decisions(): ReadonlyArray<Order.Decision> {
    return this.#decider?.decisions ?? []
  }

  // ------------------------------------------------- what Effect asks of a scheduler

  makeDispatcher(): this {
    return this
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    if (fiber !== this.#watch.running) this.#watch.note(fiber)
    return fiber.currentOpCount >= fiber.cache.maxOpsBeforeYield
  }

  scheduleTask(task: () => void, priority: number): void {
    this.#tasks.add(task, priority)
    this.wake()
  }

  flush(): void {
    this.#runTasks()
  }

  // ------------------------------------------------------- what a clock asks of it

  fallAsleep(sleeper: Sleeper, nanos: bigint): void {
    if (this.#sleeping !== undefined && this.#clock.mode === "external") return this.#fallAsleepLater(sleeper, nanos)
    this.#fallAsleep(sleeper, nanos)
    if (this.#turn === "none") this.wake()
  }

  #fallAsleep(sleeper: Sleeper, nanos: bigint): void {
    const { direct } = this.#clock
    const at = direct.now + nanos
    // Nobody wakes at the end of time.
    if (at < FOREVER) direct.addEvent(sleeper, at)
  }

  takeBack(sleeper: Sleeper): void {
    this.#clock.direct.deleteEvent(sleeper)
  }

  /**
   * The world has made a fiber go on while the guest waits for the calendar, and
   * now it wants to sleep. How late it is only the calendar knows, and the guest
   * once it is awake: the sleep begins then.
   */
  #fallAsleepLater(sleeper: Sleeper, nanos: bigint): void {
    sleeper.isQueued = true
    this.scheduleTask(() => {
      sleeper.isQueued = false
      if (sleeper.isAsleep) this.#fallAsleep(sleeper, nanos)
    }, 0)
  }

  /** The time was read. */
  read(): void {
    this.#count()
    const { simulated } = this.#settings.limits
    if (simulated !== undefined && this.#clock.direct.now > simulated) this.#fail(this.#simulatedTimeReached(simulated))
  }

  /** Whether simulated time is frozen. */
  get isHeld(): boolean {
    return this.#holds > 0
  }

  /** The program was told that it can't go on, and ends. It may get stuck in that as well. */
  forgive(): void {
    this.#stuck = false
    this.#watch.moved()
    this.wake()
  }

  /** Who sleeps, and until when. */
  pending(): ReadonlyArray<Stuck.Waiting> {
    return this.#clock.direct.pending().flatMap(({ event, time }) =>
      event instanceof Sleeper ? [Stuck.waiting(event.fiber, time)] : []
    )
  }

  // --------------------------------------------------------- what people ask of it

  /** Freezes simulated time until the result is called. */
  hold(): () => void {
    this.#holds++
    let held = true
    return () => {
      if (!held) return
      held = false
      if (--this.#holds === 0) this.#keepPace()
      this.wake()
    }
  }

  /** Simulated seconds a real second from now on; none: as fast as it goes. */
  setPace(factor: number | undefined): void {
    this.#pace = this.#paceOf(factor)
    this.wake()
  }

  /** Time stood still, and goes on from here: nothing is to be caught up with. */
  #keepPace(): void {
    this.#pace = this.#paceOf(this.#pace?.factor)
  }

  #paceOf(
    factor: number | undefined,
  ): { readonly factor: number; readonly realMs: number; readonly at: bigint } | undefined {
    return factor === undefined ? undefined : { factor, realMs: millis(), at: this.#clock.direct.now }
  }

  /** Time stands still from now on, however many fibers run. */
  pause(): void {
    this.#paused = true
  }

  /** Time goes on. */
  resume(): void {
    this.#paused = false
    this.#keepPace()
    this.wake()
  }

  /** Lets time move once to what is due next; `done` when all that follows has come to rest. */
  step(done: () => void): void {
    this.#paused = true
    this.#steps++
    this.#stepDone.push(done)
    this.wake()
  }

  /** There may be something to run. */
  wake(): void {
    this.#woken = true
    if (this.#stopped || this.#turn !== "none") return
    if (this.#sleeping !== undefined) {
      if (!this.#clock.direct.isWaking()) this.#wakeGuest()
      return
    }
    this.#turn = "scheduled"
    this.#cancelTurn = nextTurn(() => this.#run())
  }

  /** Runs nothing any more. */
  stop(): void {
    this.#stopped = true
    this.#cancelTurn?.()
    this.#cancelWait?.()
    this.#cancelLimit?.()
    this.#sleeping?.interruptUnsafe()
  }

  // ------------------------------------------------------------------- running

  #run(): void {
    this.#turn = "running"
    this.#cancelTurn = undefined
    this.#cancelWait?.()
    this.#cancelWait = undefined
    const sliceEnd = millis() + SLICE_MS
    let goOn = true
    for (let moves = 1; goOn && !this.#stopped; moves++) {
      // The program may have ended meanwhile.
      if (!this.#settle(sliceEnd) || this.#stopped) break
      this.#woken = false
      goOn = this.#advance()
      if (moves % MOVES_PER_LOOK === 0 && millis() >= sliceEnd) break
    }
    this.#turn = "none"
    // Whoever is told something while time is looked at may have something to run at once.
    if (goOn || (this.#woken && this.#sleeping === undefined)) this.wake()
  }

  /** Runs all that can run, until no promise has anything left to do either; false if that takes too long. */
  #settle(sliceEnd: number): boolean {
    for (let rounds = 1;; rounds++) {
      const ran = this.#runTasks()
      if (this.#stopped) return true
      if (drainMicrotasks === undefined) {
        // Only another turn of the event loop shows that promises have come to rest.
        if (ran) return false
      } else drainMicrotasks()
      if (this.#tasks.isEmpty) return true
      if (rounds % ROUNDS_PER_LOOK === 0 && millis() >= sliceEnd) return false
    }
  }

  /** Runs what is ready, in order, but not more than {@link TASKS_PER_ROUND}; whether there was anything. */
  #runTasks(): boolean {
    let ran = false
    for (let left = TASKS_PER_ROUND; left > 0; left--) {
      const task = this.#tasks.take(this.#clock.direct)
      if (task === undefined) break
      ran = true
      if (typeof task === "function") task()
      else task.wake()
      this.#count()
    }
    this.#watch.running = undefined
    return ran
  }

  /** Nobody can run: lets time move. False if that has to wait. */
  #advance(): boolean {
    const { direct } = this.#clock
    if (this.#holds > 0) return false
    if (this.#paused && this.#steps === 0) {
      this.#finishSteps()
      return false
    }
    if (!direct.isFree()) {
      // Some fiber's own call moves the clock: it is asked again when that is over.
      return this.#sleep(this.#interrupts.occupy(true, () => undefined))
    }
    const due = direct.nextDue()
    const limit = this.#isLimited ? this.#limitReached(due) : undefined
    if (limit !== undefined) {
      this.#fail(limit)
      return false
    }
    if (due === undefined || due >= FOREVER) {
      if (this.#paused) {
        this.#steps = 0
        return true
      }
      if (this.#clock.mode !== "off" && this.#clock.mode !== "external") {
        this.#cancelWait = later(this.#settings.deadlockAfterMs, () => this.#reportDeadlock())
        return false
      }
    } else if (!this.#paused && this.#tooEarly(due)) return false
    // The world may wake the guest while it waits, and the calendar is then asked what time it is.
    if (direct.isAhead()) return this.#sleep(this.#clock.propagateTime)
    if (this.#paused) this.#steps--
    return this.#move()
  }

  /** The guest sleeps once, and then for all else that is due at the same time. */
  #move(): boolean {
    const { direct } = this.#clock
    const before = direct.now
    do {
      const rest = direct.sleep()
      this.events++
      if (rest !== undefined) return this.#sleep(rest)
    } while (direct.nextDue() === direct.now)
    if (direct.now !== before) this.#watch.moved()
    return true
  }

  /** The guest's sleep waits for the world, or for a handler; whether it is over already. */
  #sleep(rest: Effect.Effect<void, unknown>): boolean {
    const before = this.#clock.direct.now
    const fiber = this.#settings.fork(rest)
    const slept = (exit: Exit.Exit<unknown, unknown>): boolean => {
      this.#sleeping = undefined
      this.#waking = false
      if (this.#stopped) return false
      if (exit._tag === "Failure") {
        this.#settings.onFault(exit.cause)
        return false
      }
      if (this.#clock.direct.now !== before) this.#watch.moved()
      return true
    }
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) return slept(exit)
    this.#sleeping = fiber
    fiber.addObserver((exit) => {
      if (slept(exit)) this.wake()
    })
    return false
  }

  /** Something in the real world has made fibers ready while the guest sleeps: to the guest, an interrupt. */
  #wakeGuest(): void {
    if (this.#waking) return
    this.#waking = true
    const { mode, irqEvent, snapshot } = this.#clock
    // Where it doesn't wait for the calendar, or not any more, it is about to wake by itself.
    const knock = mode !== "external" ? Effect.void : Effect.flatMap(
      snapshot,
      (state) => isStopped(state) ? Effect.ignore(irqEvent(event("wake", Effect.void))) : Effect.void,
    )
    this.#settings.fork(this.#interrupts.raise(knock))
  }

  /** At a pace, time waits for real time. */
  #tooEarly(due: bigint): boolean {
    if (this.#pace === undefined || this.#clock.mode === "off") return false
    const { factor, realMs, at } = this.#pace
    const leftMs = realMs + Number(due - at) / 1e6 / factor - millis()
    if (leftMs <= 0) return false
    this.#cancelWait = later(leftMs, () => {
      this.#cancelWait = undefined
      this.wake()
    })
    return true
  }

  #finishSteps(): void {
    const done = this.#stepDone
    this.#stepDone = []
    for (const each of done) each()
  }

  // --------------------------------------------------------- who can't go on, and why

  #limitReached(due: bigint | undefined): Stuck.LimitReached | undefined {
    const { simulated, realMs, events } = this.#settings.limits
    const now = this.#clock.direct.now
    if (simulated !== undefined && due !== undefined && due > simulated) return this.#simulatedTimeReached(simulated)
    if (events !== undefined && this.events >= events) return new Stuck.LimitReached("events", String(events), now)
    if (realMs !== undefined && millis() - this.#began > realMs) return this.#realTimeReached(realMs)
    return undefined
  }

  #simulatedTimeReached(allowed: bigint): Stuck.LimitReached {
    return new Stuck.LimitReached("simulated time", `${allowed} ns`, this.#clock.direct.now)
  }

  #realTimeReached(allowedMs: number): Stuck.LimitReached {
    return new Stuck.LimitReached("real time", `${allowedMs} ms`, this.#clock.direct.now)
  }

  #fail(stuck: Stuck.Stuck): void {
    if (this.#stuck) return
    this.#stuck = true
    this.#settings.onStuck(stuck)
  }

  #reportDeadlock(): void {
    this.#cancelWait = undefined
    const { direct } = this.#clock
    if (this.#stopped || this.#holds > 0 || this.#paused || this.#turn !== "none") return
    if ((direct.nextDue() ?? FOREVER) < FOREVER) return
    this.#fail(new Stuck.Deadlock(direct.now, this.#watch.waiting(this.pending())))
  }

  /** Interrupts every fiber that is still there. */
  interruptAll(): void {
    this.#watch.interruptAll()
  }

  /** Counts a step, or a read of the time. */
  #count(): void {
    const livelock = this.#watch.count()
    if (livelock !== undefined) this.#fail(livelock)
  }
}
