/**
 * Effect's Scheduler on a guest's clock: runs fibers that can run, and advances the clock when none can.
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
 * All of that happens in slices of a few ms of real time. Between two of them the event loop has its turn, and it is
 * looked at whether the program gets on.
 *
 * @module
 */
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scheduler from "effect/Scheduler"
import { type ModeTraits, traits } from "../../core/Modes.ts"
import { FOREVER } from "../../core/Nanos.ts"
import { type Event, event, type Handler } from "../../Event.ts"
import type { GuestClock } from "../../GuestClock.ts"
import { drainMicrotasks, isInTurn, later, millis, nextTurn } from "../platform/EventLoop.ts"
import type { Interrupts } from "../../services/Interrupts.ts"
import type { Unfinished } from "../services/Waiting.ts"
import { BusyTime } from "./BusyTime.ts"
import { GuestSleep } from "./GuestSleep.ts"
import { type Dispatched, Exclusion } from "./Exclusion.ts"
import * as Order from "./Order.ts"
import { RequestGate } from "./RequestGate.ts"
import { RunControl } from "./RunControl.ts"
import { type Runnable, RunQueue, type Task } from "./RunQueue.ts"
import type { Sleeper, Waker } from "./Sleeper.ts"
import type { Settings } from "./Settings.ts"
import { Supervisor } from "./Supervisor.ts"
import type { Other, Watch } from "./Watch.ts"
import { YieldLoop } from "./YieldLoop.ts"

/** How long a runner may keep the event loop to itself, in ms: signals, sockets and timers wait. */
const SLICE_MS = 8

/** How many tasks run before promises, and then the event loop, get their turn; fewer, where that is real time's as well. */
const TASKS_PER_TURN = 64
const TASKS_PER_REAL_TURN = 4

/** Weight, in ordinary tasks, of one that ran until its operation budget was used up. */
const LONG_TASK = 16

/** Moves of time, and events within one, between two checks of the real clock. */
const MOVES_PER_CHECK = 64
const EVENTS_PER_CHECK = 1024

/** Operations between two watchdog checks within one fiber, however many it may do at once. */
const OPERATIONS_PER_CHECK = 2048

/** How often fibers may be resumed by promises alone before they have to take turns with others. */
const MOST_RESUMED = 2000

/** An instant with as many events may be one that never ends. */
const MANY_EVENTS = 10_000

/** Longest gap, in ms, between two slices that the livelock watchdog counts in external mode, where guests may answer each other for ever. */
const MOST_MS_WITH_OTHERS = 5

/** Runs fibers on simulated time. */
export class Runner implements Scheduler.Scheduler, Scheduler.SchedulerDispatcher, Waker {
  readonly executionMode = "async" as const
  /** Sees that the program gets on. */
  readonly supervisor: Supervisor
  /** What people can do to its time. */
  readonly control: RunControl
  /** What was decided so far. */
  readonly decisions: ReadonlyArray<Order.Decision>
  readonly #clock: GuestClock
  readonly #mode: ModeTraits
  readonly #interrupts: Interrupts
  readonly #settings: Settings
  readonly #tasks: RunQueue
  readonly #gate: RequestGate
  readonly #watch: Watch
  onSleep: Waker["onSleep"] = undefined
  /** How often something was due, and may be. */
  events = 0
  readonly #mostEvents: number
  readonly #yieldsCostTime: boolean
  readonly #waitsForRequests: boolean
  /** Longest gap, in ms, before the next slice that the watchdog counts as busy time: any, if there was more to do. */
  #countedGapMs = 0
  /** How many of the tasks that were there when the round began haven't run. */
  #roundLeft = 0
  /** Whether time waits for requests to the world, or at a pace; and whether a fiber has run since it was to move. */
  #isDelayed = false
  #hasRun = false
  /** How many tasks may still run in this turn. */
  #tasksLeft = 0
  /** How often fibers were resumed; and how often since tasks last ran. */
  resumptions = 0
  #resumed = 0
  #turn: "none" | "scheduled" | "running" = "none"
  #woken = false
  #cancelTurn: (() => void) | undefined
  #cancelWait: (() => void) | undefined
  readonly #guestSleep: GuestSleep
  #cancelHandlerWatch: (() => void) | undefined
  #stopped = false
  readonly #busy: BusyTime
  readonly #keptOut: Exclusion

  /** Whether events are left of the instant that time has moved to. */
  #inInstant = false
  /** How many events there were in this instant. */
  #eventsInInstant = 0
  readonly #yields = new YieldLoop()
  /** Whether time has moved in this slice. */
  #hasMoved = false

  /** Every sleeper's handler: marks the fiber runnable. It resumes outside of interrupt context. */
  readonly onDue: Handler = (_, event) => {
    const sleeper = event as Sleeper
    sleeper.isQueued = true
    this.#tasks.add(sleeper, 0)
  }
  /** Sentinel event at the end of an instant's queue: each time it fires, one round of handlers is over. */
  readonly #endOfRound = event("end of round", ({ now, addEvent }) => {
    this.events--
    if (this.#clock.sync.nextDue() !== now) return
    this.supervisor.handlersRound()
    addEvent(this.#endOfRound, now)
  })

  constructor(clock: GuestClock, interrupts: Interrupts, settings: Settings) {
    this.#clock = clock
    this.#mode = traits[clock.mode]
    this.#interrupts = interrupts
    this.#settings = settings
    this.#tasks = new RunQueue(Order.decider(settings.order))
    this.decisions = this.#tasks.decisions
    this.supervisor = new Supervisor(clock.sync, this, settings)
    this.#watch = this.supervisor.watch
    this.#yieldsCostTime = settings.yieldsCostTime
    this.#waitsForRequests = settings.waitsForRequests
    this.#mostEvents = settings.limits.events ?? Infinity
    this.#gate = new RequestGate(settings, () => this.wake())
    this.control = new RunControl(clock.sync, settings.pace, () => this.wake())
    this.#busy = new BusyTime(clock)
    this.#keptOut = new Exclusion(clock, interrupts, this.#tasks, this.#watch, this)
    this.#guestSleep = new GuestSleep(clock, interrupts, settings.fork)
  }

  // ------------------------------------------------- what Effect asks of a scheduler

  makeDispatcher(): this {
    return this
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    if ((this.#interrupts.occupants.holders > 0 || this.#keptOut.suspensions > 0) && this.#keptOut.keeps(fiber)) {
      return true
    }
    // It may have begun with another scheduler.
    if (fiber !== this.#watch.running) {
      if (this.#tasks.keptOut > 0 && this.#keptOut.isBehind(fiber, this.#watch.running)) return true
      this.#watch.note(fiber)
    }
    const operations = fiber.currentOpCount
    if (operations === 1) return this.#resumes()
    if (operations < fiber.cache.maxOpsBeforeYield) {
      return operations >= OPERATIONS_PER_CHECK && operations % OPERATIONS_PER_CHECK === 0 && this.#takesTooLong()
    }
    this.#tasksLeft -= LONG_TASK
    return true
  }

  /** A fiber begins to run, or to run on. It waits for its turn if promises alone have resumed too many. */
  #resumes(): boolean {
    this.#hasRun = true
    this.resumptions++
    return ++this.#resumed > MOST_RESUMED
  }

  /** No fiber runs, and time stands still, until the result is called. */
  suspend(): () => void {
    return this.#keptOut.suspend(this.control.hold("suspend"))
  }

  /** A fiber that doesn't yield by itself has to, where the program can't go on. */
  #takesTooLong(): boolean {
    if (!this.#isKept()) this.supervisor.fail(this.#watch.round())
    this.#check()
    return this.supervisor.isStuck
  }

  scheduleTask(task: Task, priority = 0): void {
    this.#keptOut.add(task, priority)
    this.wake()
  }

  /** Whether what is no fiber may run at its turn; if not, it has another one as soon as it may. */
  mayRun(runnable: Runnable & Dispatched & Other): boolean {
    this.#hasRun = true
    this.resumptions++
    const isKeptOut = this.#keptOut.keepsTask(runnable)
    if (isKeptOut) this.scheduleTask(runnable)
    else this.#watch.noteOther(runnable)
    return !isKeptOut
  }

  flush(): void {
    this.#runTasks()
  }

  // ------------------------------------------------------- what a clock asks of it

  fallAsleep(sleeper: Event, nanos: bigint): void {
    const { sync } = this.#clock
    const at = sync.now + nanos
    // Nobody wakes at the end of time, nor after the program.
    if (at < FOREVER && !this.#stopped) sync.addEvent(sleeper, at)
    // The calendar is told of it at once, though another fiber keeps the guest busy.
    if (sync.isBusy()) this.#settings.fork(sync.settle)
    if (this.#turn === "none") this.wake()
  }

  takeBack(sleeper: Event): void {
    if (!this.#clock.sync.isDead()) this.#clock.sync.deleteEvent(sleeper)
  }

  /** The program was told that it can't go on, and ends. It may get stuck in that as well. */
  forgive(): void {
    this.supervisor.forgive()
    if (this.control.isPausedWithin) this.control.resume()
    this.wake()
  }

  /** Whether a fiber is one of those that it runs. */
  readonly runs = (fiber: Fiber.Fiber<unknown, unknown>): boolean => fiber.cache.scheduler === this

  /** There may be something to run. */
  wake(): void {
    this.#woken = true
    if (this.#stopped || this.#turn !== "none") return
    if (this.#guestSleep.isUnderWay) return this.#guestSleep.wake()
    this.#turn = "scheduled"
    this.#cancelTurn = nextTurn(() => this.#run())
  }

  /** Runs nothing any more, and takes all that sleep off the guest's queue. */
  stop(): void {
    this.#stopped = true
    this.#cancelTurn?.()
    this.#cancelWait?.()
    this.control.stop()
    this.supervisor.stop()
    this.#guestSleep.interrupt()
    this.supervisor.dismissSleepers()
    if (!this.#clock.sync.isDead()) this.#clock.sync.deleteEvent(this.#endOfRound)
  }

  // ------------------------------------------------------------------- running

  #run(): void {
    // It is woken again when it may go on.
    this.#cancelTurn = undefined
    if (this.#keptOut.suspensions > 0) return void (this.#turn = "none")
    this.#turn = "running"
    this.#cancelWait?.()
    this.#cancelWait = undefined
    const began = millis()
    const sliceEnd = began + SLICE_MS
    this.#watch.begin(began, this.#countedGapMs)
    if (this.#countedGapMs === 0) this.#busy.begin()
    // What arrives at a guest resumes fibers as it arrives, and runs handlers.
    if (this.#countedGapMs === MOST_MS_WITH_OTHERS) this.supervisor.fail(this.#watch.round())
    this.#hasMoved = false
    let goOn = true
    for (let moves = 1; goOn && !this.#stopped; moves++) {
      if (!this.#inInstant && !this.#settle(sliceEnd) || this.#stopped) break
      this.#woken = false
      goOn = this.#inInstant && this.#clock.sync.isFree() ? this.#move(sliceEnd) : this.#advance(sliceEnd)
      if ((this.#inInstant || moves % MOVES_PER_CHECK === 0) && millis() >= sliceEnd) break
    }
    if (!this.#stopped) this.#check()
    if (!this.#stopped && this.#hasMoved && !this.control.isHeld) this.#gate.warn()
    this.#turn = "none"
    const isBusy = goOn || !this.#tasks.isEmpty
    const isWithOthers = this.#guestSleep.isUnderWay && this.#mode.hasCalendar
    this.#countedGapMs = isBusy ? Infinity : isWithOthers ? MOST_MS_WITH_OTHERS : 0
    if (goOn || !this.#guestSleep.isUnderWay && (this.#woken || isBusy)) this.wake()
    else if (!this.#stopped && !this.#guestSleep.isUnderWay && this.#mode.hasCalendar) this.#listen()
  }

  /** The guest runs and waits for the world, which may wait for another guest on its calendar. */
  #listen(): void {
    const wait = this.#cancelWait
    const stop = this.#clock.sync.listen()
    this.#cancelWait = () => (wait?.(), stop())
  }

  /** Whether something keeps time from moving, so that nobody can be blamed that it doesn't. */
  readonly #isKept = (): boolean => this.control.isHeld || this.control.isPaused || this.#isDelayed

  readonly #check = (): void => this.supervisor.check(millis(), this.#isKept(), this.control.isPaced)

  /** Runs all that can run, until no promise has anything left to do either; false if that takes too long. */
  #settle(sliceEnd: number): boolean {
    for (;;) {
      const ran = this.#runTasks()
      if (this.#stopped || this.#clock.sync.isBusy()) return true
      drainMicrotasks?.()
      if (ran && (this.#yieldsCostTime || drainMicrotasks === undefined)) {
        this.#passRealTime(sliceEnd)
        return !this.#tasks.isEmpty && this.#yieldsCostTime && this.#yields.costs(this.#watch.rounds)
      }
      if (this.#tasks.isEmpty) {
        this.#yields.ended()
        return true
      }
      if (millis() >= sliceEnd) {
        this.#passRealTime(sliceEnd)
        return false
      }
    }
  }

  /** Runs what is ready, in order, but not more than {@link TASKS_PER_TURN}; whether there was anything. */
  #runTasks(): boolean {
    let ran = false
    this.#resumed = 0
    for (
      this.#tasksLeft = this.#busy.isReal ? TASKS_PER_REAL_TURN : TASKS_PER_TURN;
      this.#tasksLeft > 0;
      this.#tasksLeft--
    ) {
      if (this.#clock.sync.isBusy()) break
      const task = this.#tasks.take(this.#clock.sync)
      if (task === undefined) break
      ran = true
      if (typeof task === "function") task()
      else task.wake()
      // On Effect's own scheduler promises have their turn between the fibers of any two programs.
      if (this.#yieldsCostTime) drainMicrotasks?.()
      if (--this.#roundLeft <= 0 && this.#beginRound()) break
    }
    return ran
  }

  /** All that could run has, once. Whether the event loop is to have its turn now. */
  #beginRound(): boolean {
    this.#roundLeft = this.#tasks.size
    const livelock = this.#watch.round()
    if (livelock !== undefined && !this.#isKept()) this.supervisor.fail(livelock)
    return this.#yieldsCostTime
  }

  /** The program is busy for so long that in real time somebody may be due: in off and basic mode, that is so. */
  #passRealTime(sliceEnd: number): void {
    const { isHeld, isPaused } = this.control
    if (!this.#busy.isReal || isHeld || isPaused || !this.#clock.sync.isFree()) return
    const due = this.#busy.due()
    if (due === undefined || this.control.leftMs(due) > 0) return
    if (!this.supervisor.forbids(due)) this.#move(sliceEnd)
  }

  /** Nobody can run, or all only yield to each other: lets time move. False if that has to wait. */
  #advance(sliceEnd: number): boolean {
    const { control } = this
    const { sync } = this.#clock
    if (control.isHeld) {
      this.#cancelWait = this.supervisor.awaitRelease(control.heldAtMostMs, () => control.holds)
      return false
    }
    if (control.standsStill) {
      control.finishSteps()
      if (control.isPausedWithin) this.#cancelWait = this.supervisor.awaitResume()
      return false
    }
    if (!sync.isFree()) {
      // Some fiber's own call moves the clock: it is asked again when that is over.
      return this.#sleep(this.#interrupts.occupy(true, () => undefined))
    }
    const due = sync.nextDue()
    if (this.supervisor.forbids(due)) return false
    if (due === undefined || due >= FOREVER) {
      if (!this.#tasks.isEmpty) return true
      if (control.isPaused) {
        control.dropSteps()
        return true
      }
      if (this.#mode.skipsIdleTime) {
        this.#cancelWait = control.awaiting(this.supervisor.awaitWorld(this.#gate))
        return false
      }
    } else if (!this.#mode.followsHost && control.leftMs(due) > 0) {
      this.#isDelayed = true
      this.#cancelWait = later(control.leftMs(due), () => this.wake())
      return false
    }
    if (this.#waitsForRequests && due !== sync.now && !this.#mode.followsHost) {
      // In a loop of yields each round was a turn of the event loop already.
      const gate = this.#gate.ask(this.#hasRun && this.#tasks.isEmpty)
      this.#hasRun = false
      this.#isDelayed = gate !== "open"
      if (gate !== "open") {
        this.#cancelWait = control.awaiting(gate)
        return false
      }
    }
    // The world may wake the guest while it waits, and the calendar is then asked what time it is.
    if (sync.isAhead()) return this.#sleep(this.#clock.propagateTime)
    control.stepped()
    this.#busy.begin(due)
    return this.#move(sliceEnd)
  }

  /** The guest sleeps once, and then for all else that is due at the same time, if the slice allows. */
  #move(sliceEnd: number): boolean {
    const { sync } = this.#clock
    const before = sync.now
    this.#watch.running = undefined
    let rest: Unfinished<unknown>
    this.#inInstant = true
    do {
      if (this.supervisor.isStuck || this.events >= this.#mostEvents && this.supervisor.forbids(undefined)) {
        this.#inInstant = false
        return false
      }
      rest = sync.beginSleep()
      this.events++
      this.#inInstant = rest === undefined && sync.nextDue() === sync.now
      if (++this.#eventsInInstant % EVENTS_PER_CHECK === 0) {
        if (this.#eventsInInstant >= MANY_EVENTS && this.#inInstant) sync.addEvent(this.#endOfRound, sync.now)
        if (millis() >= sliceEnd) break
      }
    } while (this.#inInstant && !this.#stopped)
    if (sync.now !== before) this.#moved()
    return rest === undefined || this.#sleep(rest, this.#awake)
  }

  #moved(): void {
    this.#hasMoved = true
    this.#isDelayed = false
    this.#watch.moved()
    this.#yields.moved()
    this.#eventsInInstant = 0
  }

  /** What is left of the guest's sleep, or of another operation, is done; whether it is over already. */
  #sleep(rest: Unfinished<unknown>, goOn = () => this.wake()): boolean {
    const before = this.#clock.sync.now
    const isSleep = goOn === this.#awake
    const over = this.#guestSleep.begin(rest, (exit) => {
      this.#cancelHandlerWatch?.()
      if (this.#slept(exit, before, isSleep)) goOn()
    })
    if (over !== undefined) return this.#slept(over, before, isSleep)
    if (this.#mode.skipsIdleTime) {
      this.#cancelHandlerWatch = this.supervisor.awaitHandler(() => this.control.isHeld)
    }
    return false
  }

  /** Whether the program can go on, now that the guest has slept. */
  #slept(exit: Exit.Exit<void, unknown>, before: bigint, isSleep: boolean): boolean {
    if (this.#stopped) return false
    if (exit._tag === "Failure") {
      this.#settings.onFault(exit.cause)
      return false
    }
    const { sync } = this.#clock
    if (sync.now !== before) this.#moved()
    // What is due at one time is all delivered before fibers run, whether the calendar was asked between two or not.
    if (isSleep) this.#inInstant = sync.nextDue() === sync.now
    return true
  }

  /** The guest has woken up: in a turn of the event loop, the program goes on at once. */
  readonly #awake = (): void => {
    if (this.#turn !== "none" || !isInTurn()) return this.wake()
    this.#woken = true
    this.#run()
  }

  // ------------------------------------------------------ whether the program gets on

  /** Nobody can run, and nobody is to. */
  readonly isIdle = (): boolean => !this.#stopped && !this.control.isHeld && this.#turn === "none"

  /** What it does, for people. */
  doing(): string {
    const { holds, isPaused } = this.control
    if (holds !== "") return `simulated time is held by ${holds}`
    if (isPaused) return "simulated time is paused"
    if (this.#guestSleep.isUnderWay) return "the guest waits for its calendar, its host, or a handler of its own"
    if (this.#gate.names !== "") return `requests to the world are under way: ${this.#gate.names}`
    if (this.#hasMoved) return "time runs off"
    return this.#tasks.isEmpty ? "nothing is due" : `fibers run, for ${this.#watch.rounds} rounds since time last moved`
  }
}
