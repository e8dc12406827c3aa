/**
 * A device on simulated time: a kick from its kernel becomes an event of the device's guest, and a completion is a call
 * to the kernel, in the guest's own turn (SPEC 9.5, both ways).
 *
 * ```text
 *   kernel, in its turn     UPDATE ── VRING_KICK ─┐            ┌─▶ goes on, as far as it may now
 *                                                 ▼            │
 *   device, waiting                      GET, an event at now + latency, REQUEST; answered
 *                              ⋮
 *   device, in its turn     takes chains, completes some ── UPDATE ── VRING_CALL ─┐        ┌─▶ next call, or WAIT
 *                                                                                 ▼        │
 *   kernel, waiting                                                    GET, its interrupt; answered
 * ```
 *
 * @module
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import { type ClockError, type Event, event } from "../../Event.ts"
import type { GuestClock } from "../../GuestClock.ts"
import * as Modes from "../../core/Modes.ts"
import { DeviceFault } from "./DeviceFault.ts"
import type { Bus, Options, Report, Request } from "./DeviceOptions.ts"
import { later } from "../platform/EventLoop.ts"
import type { Descriptor } from "../platform/native/Descriptor.ts"
import type { Libc } from "../platform/native/Libc.ts"
import * as RealTime from "../platform/RealTime.ts"
import { badNanos } from "../services/Checks.ts"
import { toEffect } from "../services/Waiting.ts"
import { isViolation, type Violation, violation } from "../virtio/Violation.ts"
import type { Chain, Virtqueue } from "../virtio/Virtqueue.ts"
import type { Poller } from "./Poller.ts"
import { type Listener, Session } from "./Session.ts"

/** How a device is, with nothing left to its defaults. */
export interface Settings extends Omit<Options, "latency" | "patience"> {
  readonly name: string
  readonly features: bigint
  readonly latency: bigint
  readonly patienceMs: number
}

/** A chain that is completed, and by what. */
interface Completion {
  readonly queue: Virtqueue
  readonly chain: Chain
  readonly answer: Uint8Array | undefined
}

/** The longest time that a device may take. */
const LONGEST = 1n << 62n

const noConfig = new Uint8Array(0)

const hasCalendar = ({ mode }: GuestClock): boolean => Modes.traits[mode].hasCalendar

/** A device, and the kernel that it has. */
export class Hosted {
  readonly #clock: GuestClock
  readonly #fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  readonly #settings: Settings
  readonly #ended = Deferred.makeUnsafe<void, DeviceFault>()
  readonly #left = Latch.makeUnsafe(true)
  readonly #kicked: ReadonlyArray<Event>
  readonly #call: Event
  /** What its functions have asked for, and is yet to come. */
  readonly #due = new Set<Event>()
  #session: Session | undefined
  #queues: Array<Virtqueue | undefined>
  #completed: Array<Completion> = []
  #hasNewConfig = false
  /** Whether a handler of the device's own runs, which calls the driver when it is done. */
  #isHandling = false
  features: bigint | undefined
  readonly bus: Bus

  constructor(clock: GuestClock, context: Context.Context<never>, settings: Settings) {
    this.#clock = clock
    this.#fork = Effect.runForkWith(context)
    this.#settings = settings
    const { name, queues } = settings
    this.#queues = Array.from({ length: queues }, () => undefined)
    this.#kicked = Array.from(
      { length: queues },
      (_, index) => event(`${name} queue ${index}`, () => this.#serve(index)),
    )
    this.#call = event(`${name} call`, () => this.#callDriver())
    this.bus = {
      now: () => clock.sync.now,
      after: (delay, action) => this.#after(delay, action),
      configChanged: () => {
        this.#hasNewConfig = true
        this.#soon()
      },
    }
  }

  get ended(): Effect.Effect<void, DeviceFault> {
    return Deferred.await(this.#ended)
  }

  // ------------------------------------------------------------- the connection

  get isTaken(): boolean {
    return this.#session !== undefined
  }

  /** Waits until no kernel is connected. */
  get hasLeft(): Effect.Effect<void> {
    return this.#left.await
  }

  refused(kernel: string): void {
    this.#report({ _tag: "Refused", device: this.#settings.name, kernel })
  }

  /** A kernel has connected. */
  connected(libc: Libc, socket: Descriptor, poller: Poller, kernel: string): Session {
    const { name: device, features, queues } = this.#settings
    this.#left.closeUnsafe()
    const offer = { features, queues, configBytes: this.#config(features).length }
    const session = this.#session = new Session(libc, socket, offer, poller, this.#listener())
    this.#report({ _tag: "Connected", device, kernel })
    return session
  }

  stop(): void {
    this.#session?.end(undefined)
    const { sync } = this.#clock
    if (sync.isDead()) return
    for (const each of [...this.#kicked, this.#call, ...this.#due]) sync.deleteEvent(each)
  }

  #config(features: bigint): Uint8Array {
    return this.#settings.config?.(features) ?? noConfig
  }

  #listener(): Listener {
    const { name: device, features } = this.#settings
    return {
      config: () => this.#config(this.features ?? features),
      onAccept: (accepted) => {
        this.features = accepted
      },
      onEnable: (queue) => {
        const isFirst = this.#queues.every((each) => each === undefined)
        this.#queues[queue.layout.queue] = queue
        if (isFirst) this.#report({ _tag: "Ready", device })
      },
      onDisable: (queue) => this.#disable(queue),
      onKick: (queue, answer) => this.#kick(queue, answer),
      onEnd: (why) => this.#gone(why),
    }
  }

  #disable(index: number): void {
    const queue = this.#queues[index]
    this.#queues[index] = undefined
    this.#completed = this.#completed.filter((each) => each.queue !== queue)
    if (this.#queues.every((each) => each === undefined)) this.#reset()
  }

  #reset(): void {
    this.features = undefined
    this.#hasNewConfig = false
    this.#settings.onReset?.(this.bus)
  }

  #gone(why: Violation | undefined): void {
    const { name: device } = this.#settings
    this.#session = undefined
    this.#queues = this.#queues.map(() => undefined)
    this.#completed = []
    this.#reset()
    if (why === undefined) {
      Deferred.doneUnsafe(this.#ended, Effect.void)
      this.#report({ _tag: "Left", device })
    } else {
      const fault = new DeviceFault(device, why.rule, why.detail)
      Deferred.doneUnsafe(this.#ended, Effect.fail(fault))
      this.#report({ _tag: "Broken", device, fault })
      this.#fork(Effect.logWarning(`guest-clock: ${fault.message}`))
    }
    this.#left.openUnsafe()
  }

  #report(report: Report): void {
    const { trace, sync } = this.#clock
    if (trace !== undefined) {
      const text = report._tag === "Broken" ? report.fault.message : `${report.device}: ${report._tag.toLowerCase()}`
      trace.note(sync.now, { _tag: "Report", name: report._tag, text })
    }
    this.#settings.onReport?.(report)
  }

  // ------------------------------------------------------------ kicks (SPEC 9.5)

  /** The driver, in its kernel's turn, has put something into a queue: that is known to the calendar before it is answered. */
  #kick(index: number, answer: () => void): void {
    this.#interrupt(this.#kicked[index]!, this.#settings.latency, answer)
  }

  /** Has an event due so many ns after the calendar's now, as an interrupt from outside, and then calls `known`. */
  #interrupt(due: Event, delay: bigint, known: () => void): void {
    const clock = this.#clock
    const { sync } = clock
    const rest = sync.isInterruptible() ? sync.irqEvent(due, delay) : this.#irqEvent(due, delay)
    if (rest === undefined) return known()
    const effect = Effect.matchCause(toEffect(rest), {
      onSuccess: known,
      // The clock is dead: nobody answers any more.
      onFailure: () => this.#session?.end(undefined),
    })
    // An interrupt isn't one of the program's fibers: those run when the guest has the turn, and this is why it gets it.
    Effect.runForkWith(RealTime.context)(effect)
  }

  #irqEvent(due: Event, delay: bigint): Effect.Effect<void, ClockError> {
    const clock = this.#clock
    if (hasCalendar(clock)) return clock.irqEvent(due, delay)
    return Effect.flatMap(clock.now, (now) => clock.addEvent(due, now + delay))
  }

  // ------------------------------------------------------------ the device's turn

  /** A queue was kicked, so long ago as the latency says. */
  #serve(index: number): Effect.Effect<void, ClockError> | void {
    return this.#handling(() => this.#takeAll(index))
  }

  /** Does something in a handler of the device's, and then calls the driver, unless more is due at this very time. */
  #handling(run: () => void): Effect.Effect<void, ClockError> | void {
    this.#isHandling = true
    try {
      run()
    } finally {
      this.#isHandling = false
    }
    if (this.#completed.length === 0 && !this.#hasNewConfig) return
    const { sync } = this.#clock
    if (sync.nextDue() !== sync.now) return this.#callDriver()
    sync.addEvent(this.#call, sync.now)
  }

  #takeAll(index: number): void {
    while (true) {
      const queue = this.#queues[index]
      const chain = queue?.take()
      if (queue === undefined || chain === undefined) return
      if (isViolation(chain)) return this.#session?.end(chain)
      this.#handle(queue, chain)
    }
  }

  #handle(queue: Virtqueue, chain: Chain): void {
    const bytes = queue.readFrom(chain)
    if (isViolation(bytes)) return this.#session?.end(bytes)
    let isDone = false
    const complete = (answer?: Uint8Array): void => {
      if (isDone) return
      isDone = true
      if (this.#queues[queue.layout.queue] !== queue) return
      this.#completed.push({ queue, chain, answer })
      this.#soon()
    }
    const request: Request = { queue: queue.layout.queue, bytes, room: chain.writableBytes, complete }
    const answer = this.#settings.handle(request, this.bus)
    if (answer === undefined) return
    if (answer instanceof Uint8Array) return complete(answer)
    if (Effect.isEffect(answer)) return this.#run(answer, complete)
    if ("refused" in answer) return this.#session?.end(violation("BadRequest", answer.refused))
    this.#after(answer.after, () => complete(answer.answer))
  }

  #run(answer: Effect.Effect<Uint8Array | void>, complete: (answer?: Uint8Array) => void): void {
    const fiber = this.#fork(answer)
    fiber.addObserver((exit) => {
      if (exit._tag === "Success") return complete(exit.value ?? undefined)
      if (Cause.hasInterruptsOnly(exit.cause)) return
      const { name } = this.#settings
      this.#fork(Effect.logError(`guest-clock: handle of the device ${JSON.stringify(name)} failed`, exit.cause))
      this.#session?.end(violation("BadRequest", "the device's own function failed, see the log"))
    })
  }

  #after(delay: bigint, action: () => void): () => void {
    const { sync } = this.#clock
    const { name } = this.#settings
    const bad = badNanos(`a delay of the device ${JSON.stringify(name)}`, delay, 0n, LONGEST)
    if (bad !== undefined) throw bad
    const due = event(name, () => {
      this.#due.delete(due)
      return this.#handling(action)
    })
    this.#due.add(due)
    sync.addEvent(due, sync.now + delay)
    return () => {
      this.#due.delete(due)
      if (!sync.isDead()) sync.deleteEvent(due)
    }
  }

  /** Something was completed: if that wasn't in a handler of the device's, the driver is called in one. */
  #soon(): void {
    const { sync } = this.#clock
    if (this.#isHandling || sync.isDead()) return
    if (sync.isStopped() && hasCalendar(this.#clock)) this.#interrupt(this.#call, 0n, () => {})
    else sync.addEvent(this.#call, sync.now)
  }

  /** Gives back what was completed, and calls the driver where it wants to be. */
  #callDriver(): Effect.Effect<void, ClockError> | void {
    const session = this.#session
    const completed = this.#completed
    this.#completed = []
    const calls: Array<number | "config"> = []
    if (this.#hasNewConfig) calls.push("config")
    this.#hasNewConfig = false
    if (session === undefined) return
    const given = new Set<Virtqueue>()
    for (const { queue, chain, answer } of completed) {
      const written = answer === undefined ? 0 : queue.writeTo(chain, answer)
      const bad = isViolation(written) ? written : queue.give(chain, written)
      if (bad !== undefined) return session.end(bad)
      given.add(queue)
    }
    for (const queue of given) {
      const wants = queue.wantsCall()
      if (isViolation(wants)) return session.end(wants)
      if (wants) calls.push(queue.layout.queue)
    }
    if (calls.length === 0) return
    return Effect.forEach(calls, (which) => this.#callOnce(session, which), { discard: true })
  }

  #callOnce(session: Session, which: number | "config"): Effect.Effect<void, ClockError> {
    const clock = this.#clock
    return Effect.andThen(
      clock.propagateTime,
      Effect.suspend(() => {
        let isAnswered = false
        let wake = () => {}
        const cancel = this.#impatient(session)
        session.call(which, () => {
          isAnswered = true
          cancel()
          wake()
        })
        if (isAnswered) return Effect.void
        const answered = Effect.callback<void>((resume) => {
          wake = () => resume(Effect.void)
          if (isAnswered) wake()
        })
        return hasCalendar(clock) ? clock.waitReadable(answered) : answered
      }),
    )
  }

  /** A kernel that doesn't answer would keep the device's turn, and all others waiting. */
  #impatient(session: Session): () => void {
    const { patienceMs } = this.#settings
    if (patienceMs === Infinity) return () => {}
    return later(patienceMs, () => session.end(violation("NoAnswer", `it hasn't answered a call for ${patienceMs} ms`)))
  }
}
