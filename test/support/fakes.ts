/**
 * A world in memory that a test moves by hand: a calendar, a host timer and the
 * host's clocks, and a clock of the real service among them.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Warning } from "../../src/core/Fault.ts"
import type * as Guest from "../../src/core/Guest.ts"
import type { Revision } from "../../src/core/Revisions.ts"
import type { Nanos } from "../../src/core/Nanos.ts"
import * as GuestClock from "../../src/GuestClock.ts"
import * as Cpu from "../../src/platform/Cpu.ts"
import { HostClock } from "../../src/services/HostClock.ts"
import { HostTimer } from "../../src/services/HostTimer.ts"
import { Interrupts } from "../../src/services/Interrupts.ts"
import { Link } from "../../src/services/Link.ts"
import { OnWarning } from "../../src/services/Warnings.ts"
import { underTest } from "./revision.ts"
import { fromBytes, type Msg, toBytes } from "./wire.ts"

const FOREVER = 2n ** 63n - 1n
const NONE = 2n ** 64n - 1n

/** A calendar at the other end of a link in memory. It acknowledges what it gets, unless told otherwise. */
export class FakeCalendar {
  /** What the guest wrote, in order. */
  readonly got: Array<Msg> = []
  /** How many reads and polls are under way. */
  readers = 0
  /** Does what a calendar does with a message of the guest's own, or with an ACK. */
  handle: (message: Msg) => void = (message) => this.acknowledge(message)
  time = 0n
  timeOfDay = 0n
  #arrived: Array<Uint8Array> = []
  readonly #waiting = new Set<() => void>()

  say(op: number, seq: number, time: bigint): void {
    this.sayBytes(toBytes({ op, seq, time }))
  }

  sayBytes(bytes: Uint8Array): void {
    this.#arrived.push(bytes)
    for (const wake of [...this.#waiting]) wake()
  }

  /** The stream ends. */
  end(): void {
    this.sayBytes(new Uint8Array(0))
  }

  /** Answers with ACK, with the time that GET and GET_TOD ask for. */
  acknowledge({ op, seq }: Msg): void {
    if (op !== 0) this.say(0, seq, op === 4 ? this.time : op === 8 ? this.timeOfDay : 0n)
  }

  /** From now on the guest, which runs, is run again whenever it wants to, as soon as it has said that it waits. */
  grant(): void {
    let requested: bigint | undefined
    let running = true
    let seq = 1000
    this.handle = (message) => {
      this.acknowledge(message)
      if (message.op === 2) requested = message.time
      if (message.op === 3) running = false
      if (running || requested === undefined || requested >= FOREVER) return
      running = true
      if (requested > this.time) this.time = requested
      requested = undefined
      this.say(6, seq++, this.time)
    }
  }

  readonly link: Link = {
    write: (bytes) =>
      Effect.sync(() => {
        const message = fromBytes(bytes)
        this.got.push(message)
        this.handle(message)
      }),
    close: Effect.void,
    readable: Effect.suspend(() => this.#arrived.length > 0 ? Effect.void : this.#wait),
    read: Effect.suspend(() => this.#read),
    poll: (other) => {
      const link = Effect.as(Effect.suspend(() => this.#arrived.length > 0 ? Effect.void : this.#wait), "link" as const)
      return other === undefined ? link : Effect.raceFirst(Effect.as(other, "other" as const), link)
    },
  }

  /** Takes at the very last step, so that an interruption loses nothing that has arrived. */
  get #read(): Effect.Effect<Uint8Array> {
    const take = () => this.#arrived[0]!.length === 0 ? this.#arrived[0]! : this.#arrived.shift()!
    return this.#arrived.length > 0
      ? Effect.sync(take)
      : Effect.flatMap(this.#wait, () => Effect.suspend(() => this.#read))
  }

  get #wait(): Effect.Effect<void> {
    return Effect.callback((resume) => {
      this.readers++
      const wake = () => {
        if (!this.#waiting.delete(wake)) return
        this.readers--
        resume(Effect.void)
      }
      this.#waiting.add(wake)
      return Effect.sync(() => {
        if (this.#waiting.delete(wake)) this.readers--
      })
    })
  }
}

/** A host timer that a test sets off. */
export class FakeHostTimer {
  /** What was done to it, in order. */
  readonly calls: Array<string> = []
  readonly #alarms = new Set<Effect.Effect<void>>()

  /** Who listens to it. */
  get listeners(): number {
    return this.#alarms.size
  }

  /** It goes off. */
  readonly goOff: Effect.Effect<void> = Effect.suspend(() => Effect.forEach([...this.#alarms], (alarm) => alarm)).pipe(
    Effect.asVoid,
  )

  readonly timer: HostTimer = {
    armOnce: (delay) => Effect.sync(() => this.calls.push(`once ${delay}`)),
    armEvery: (interval) => Effect.sync(() => this.calls.push(`every ${interval}`)),
    disarm: Effect.sync(() => this.calls.push("disarm")),
    release: Effect.void,
    onAlarm: (alarm) =>
      Effect.acquireRelease(
        Effect.sync(() => this.#alarms.add(alarm)),
        () => Effect.sync(() => this.#alarms.delete(alarm)),
      ).pipe(Effect.asVoid),
  }
}

/** The host's clocks, which stand still until a test moves them. */
export class FakeHostClock {
  now = 1_000_000n
  wallAtZero = 1_700_000_000_000_000_000n
  readonly #sleepers = new Set<{ readonly until: bigint; readonly wake: () => void }>()

  /** The times that are waited for. */
  get waitedFor(): ReadonlyArray<bigint> {
    return [...this.#sleepers].map(({ until }) => until)
  }

  /** Time passes. */
  pass(duration: bigint): void {
    this.now += duration
    for (const sleeper of [...this.#sleepers]) {
      if (sleeper.until <= this.now) sleeper.wake()
    }
  }

  readonly clock: HostClock = {
    monotonic: () => this.now,
    wall: () => this.wallAtZero + this.now,
    sleepUntil: (until) =>
      Effect.callback((resume) => {
        const sleeper = {
          until,
          wake: () => {
            this.#sleepers.delete(sleeper)
            resume(Effect.void)
          },
        }
        this.#sleepers.add(sleeper)
        if (until <= this.now) sleeper.wake()
        return Effect.sync(() => {
          this.#sleepers.delete(sleeper)
        })
      }),
  }
}

/** A booted clock, and the world it is in. */
export interface Fakes {
  readonly clock: GuestClock.GuestClock
  readonly unbooted: GuestClock.Unbooted
  readonly interrupts: Interrupts
  readonly calendar: FakeCalendar
  readonly hostTimer: FakeHostTimer
  readonly host: FakeHostClock
  readonly warnings: ReadonlyArray<Warning>
}

/** Runs `f` with a clock of its own in a world of its own. */
export const withClock = <A, E>(
  mode: Guest.Mode,
  f: (fakes: Fakes) => Effect.Effect<A, E, Interrupts>,
  options: { readonly start?: bigint; readonly calendar?: FakeCalendar; readonly revision?: Revision } = {},
): Effect.Effect<A, E | GuestClock.ClockError> => {
  const calendar = options.calendar ?? new FakeCalendar()
  const hostTimer = new FakeHostTimer()
  const host = new FakeHostClock()
  const warnings: Array<Warning> = []
  return Effect.gen(function* () {
    const interrupts = yield* Interrupts
    const unbooted = yield* GuestClock.make(mode, options.revision ?? underTest.revision)
    if (mode === "external") yield* unbooted.connect(NONE as Nanos)
    yield* unbooted.boot(options.start as Nanos | undefined)
    // What was said at boot is not what tests are about; and a later revision says it at the first read.
    yield* unbooted.clock.wallClock
    calendar.got.length = 0
    return yield* f({ clock: unbooted.clock, unbooted, interrupts, calendar, hostTimer, host, warnings })
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.mergeAll(
      Cpu.layer,
      Layer.succeed(Link, calendar.link),
      Layer.succeed(HostTimer, hostTimer.timer),
      Layer.succeed(HostClock, host.clock),
    )),
    Effect.provideService(OnWarning, (warning) => Effect.sync(() => warnings.push(warning))),
  )
}

/** Lets other fibers run until nothing more happens that needs no outside help. */
export const settled: Effect.Effect<void> = Effect.repeat(Effect.yieldNow, { times: 50 })
