/**
 * Plays a recorded case (test/vectors/README.md) through the real `GuestClock`,
 * with the world on tape, and finds the first record that differs.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { type Fault, isFault } from "../../src/core/Fault.ts"
import * as Guest from "../../src/core/Guest.ts"
import type * as Message from "../../src/core/Message.ts"
import type { Revision } from "../../src/core/Revisions.ts"
import * as Nanos from "../../src/core/Nanos.ts"
import * as GuestClock from "../../src/GuestClock.ts"
import * as Cpu from "../../src/platform/Cpu.ts"
import * as Recording from "../../src/platform/Recording.ts"
import * as Interrupts from "../../src/services/Interrupts.ts"
import { OnWarning } from "../../src/services/Warnings.ts"

/** An op of a script: its name, then its arguments. */
export type Op = readonly [name: string, ...args: ReadonlyArray<number>]

/** A record of a log. */
export type Record = { readonly [key: string]: unknown }

/** A recorded case: a script, and all that happened at the clock's edges. */
export interface Case {
  readonly name: string
  readonly mode: Guest.Mode
  readonly revision?: Revision
  readonly id?: string
  readonly start?: string
  readonly events: { readonly [event: string]: ReadonlyArray<Op> }
  readonly ticks: ReadonlyArray<ReadonlyArray<Op>>
  readonly interrupts: ReadonlyArray<ReadonlyArray<Op>>
  readonly script: ReadonlyArray<Op>
  readonly log: ReadonlyArray<Record>
}

/** The first record of a case that came out differently. */
export interface Difference {
  /** Its place in the log, from 0. */
  readonly index: number
  /** What the log has there; nothing, where it has ended. */
  readonly expected: Record | undefined
  /** What came instead; nothing, where the script ended. */
  readonly got: Record | undefined
}

class Differs extends Error {
  readonly difference: Difference
  constructor(difference: Difference) {
    super(`record ${difference.index} differs`)
    this.difference = difference
  }
}

/** A record in one canonical text, whatever the order of its keys. */
const canonical = (value: unknown): string =>
  JSON.stringify(
    value,
    (_, part) =>
      part !== null && typeof part === "object" && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => a < b ? -1 : 1))
        : part,
  )

/** Reads the log while the script runs: what the clock does must be the next record, what it hears is. */
class Log {
  #index = 0
  readonly #records: ReadonlyArray<Record>
  constructor(records: ReadonlyArray<Record>) {
    this.#records = records
  }

  /** The clock did this. */
  did(got: Record): void {
    const expected = this.#records[this.#index]
    if (canonical(expected) !== canonical(got)) this.differ(got)
    this.#index++
  }

  /** The clock asked for this; what it gets is in the record, which must have these fields in common. */
  asked(got: Record): Record {
    const expected = this.#records[this.#index]
    for (const [key, value] of Object.entries(got)) {
      if (expected === undefined || !(key in expected)) return this.differ(got)
      if (value !== undefined && expected[key] !== value) return this.differ(got)
    }
    this.#index++
    return expected as Record
  }

  /** The script is over. */
  end(): void {
    if (this.#index < this.#records.length) this.differ(undefined)
  }

  differ(got: Record | undefined): never {
    throw new Differs({ index: this.#index, expected: this.#records[this.#index], got })
  }

  /** Whether the record to come has `key`. */
  has(key: string): boolean {
    return key in (this.#records[this.#index] ?? {})
  }

  get next(): Record | undefined {
    return this.#records[this.#index]
  }

  /** The interrupts that arrived by now: those that run before the clock hears anything else. */
  get late(): ReadonlyArray<number> {
    const late: Array<number> = []
    for (const record of this.#records.slice(this.#index)) {
      if ("rx" in record || "poll" in record) break
      if (typeof record["late"] === "number") late.push(record["late"])
    }
    return late
  }
}

const HOST = { monotonic: 123_456_789_012_345n, wall: 1_700_000_000_000_000_000n }

const fields = (message: Message.Message) => [message.op, message.seq, String(message.time)]

/** Plays `recorded`; the first difference, if there is any. */
export const replay = (recorded: Case): Effect.Effect<Difference | undefined> => {
  const log = new Log(recorded.log)
  const hasBlocks = recorded.revision !== undefined
  const blocks = (blocked: boolean) => hasBlocks ? { blocked } : {}
  let handlerOfInterrupt = (_: number): Effect.Effect<void> => Effect.void
  let handlerOfLate = (_: number): Effect.Effect<void> => Effect.void
  let raise = (_: Effect.Effect<void>): void => {}
  /** Interrupts that were raised during an exchange and haven't run yet. */
  let late = 0

  const tape: Recording.Tape = {
    output: (output) => {
      switch (output._tag) {
        case "Wrote":
          return log.did({ tx: fields(output.message), masked: output.masked, ...blocks(output.blocked) })
        case "DisarmedHostTimer":
          return log.did({ host: "disable" })
        case "ArmedHostTimerEvery":
          return log.did({ host: "setInterval", ns: String(output.interval) })
        case "ArmedHostTimerOnce":
          return log.did({ host: "oneShot", ns: String(output.delay) })
      }
    },
    read: (masked, blocked) => {
      const { rx } = log.next ?? {}
      if (rx === "eof") {
        log.asked({ rx })
        return { _tag: "End", leftover: 0 }
      }
      if (rx === "short") return { _tag: "End", leftover: log.asked({ rx })["bytes"] as number }
      const heard = log.asked({ rx: undefined, masked, ...blocks(blocked) })["rx"]
      const [op, seq, time] = heard as [number, number, string]
      // Those that arrive in an exchange run at its end at the earliest.
      if (op === 0) {
        for (const k of log.late.slice(late)) {
          late++
          raise(handlerOfLate(k))
        }
      }
      return { _tag: "Message", message: { op, seq, time: BigInt(time) } }
    },
    poll: ({ withOther, masked, blocked }) => {
      const record = log.asked({ poll: withOther ? 2 : 1, masked, ...blocks(blocked) })
      return typeof record["interrupt"] === "number"
        ? { _tag: "Interrupted", handler: handlerOfInterrupt(record["interrupt"]) }
        : { _tag: "Ready", ready: withOther && record["ready"] === 0 ? "other" : "link" }
    },
  }

  const program = Effect.gen(function* () {
    const interrupts = yield* Interrupts.Interrupts
    const unbooted = yield* GuestClock.make(recorded.mode, recorded.revision)
    const { clock } = unbooted

    /** A handler began. */
    const began = (what: Record) =>
      Effect.gen(function* () {
        const at = String(yield* clock.now)
        const { masked, inInterrupt } = interrupts.context()
        log.did({ ...what, at, masked, inIrq: inInterrupt })
      })

    const run = (op: Op): Effect.Effect<void, GuestClock.ClockError, Interrupts.Interrupts> => {
      const [name, a = 0, b = 0] = op
      const event = (n: number) => {
        const found = events.get(n)
        if (found === undefined) throw new Error(`the case has no event ${n}`)
        return found
      }
      const value = (effect: Effect.Effect<bigint, GuestClock.ClockError, Interrupts.Interrupts>) =>
        Effect.map(effect, (value) => log.did({ value: String(value) }))
      switch (name) {
        case "init":
          return unbooted.boot(recorded.start === undefined ? undefined : BigInt(recorded.start) as Nanos.Nanos)
        case "addRel":
          return Effect.flatMap(clock.now, (now) => clock.addEvent(event(a), now + BigInt(b)))
        case "delete":
          return Effect.asVoid(clock.deleteEvent(event(a)))
        case "noHandler":
          return Effect.sync(() => {
            event(a).handler = undefined
          })
        case "ndelay":
          return clock.ndelay(BigInt(a))
        case "sleep":
          return clock.sleep
        case "read":
          return value(clock.readClockSource)
        case "readMasked":
          // What was due is handled before it is recorded, and may have killed the clock.
          return value(Effect.tap(Interrupts.masked(clock.readClockSource), () => clock.now))
        case "wallclock":
          return value(clock.wallClock)
        case "periodic":
          return clock.clockEvent.periodic
        case "nextEvent":
          return clock.clockEvent.nextEvent(BigInt(a))
        case "oneShot":
          return clock.clockEvent.oneShot
        case "shutdown":
          return clock.clockEvent.shutdown
        case "alarm":
          return unbooted.hostAlarm
        case "user":
          return clock.runUserProcess(a === 1 ? () => log.did({ relayAlarm: true }) : undefined)
        case "irq":
          return clock.irqEvent(event(a))
        case "propagate":
          return clock.propagateTime
        case "broadcast":
          return Effect.catchTag(clock.broadcast(BigInt(a)), "OptionError", Effect.die)
        case "enterUser":
          return Effect.map(clock.enterUser, (value) => {
            if (value !== undefined) log.did({ broadcast: String(value) })
          })
        case "waitReadable":
          return clock.waitReadable(Effect.never)
        default:
          throw new Error(`there is no op ${JSON.stringify(op)}`)
      }
    }
    const runAll = (ops: ReadonlyArray<Op>) =>
      Effect.provideService(Effect.forEach(ops, run, { discard: true }), Interrupts.Interrupts, interrupts)

    const events = new Map(
      // Ops may name events that have no handler ops of their own.
      Array.from({ length: 10 }, (_, n) => {
        const handler = Effect.andThen(began({ fire: n }), runAll(recorded.events[n] ?? []))
        return [n, GuestClock.event(String(n), handler)] as const
      }),
    )
    const who = new Map<unknown, unknown>([...events].map(([n, event]) => [event, n]))
    let tick = 0
    yield* clock.clockEvent.onTick(
      () => Effect.andThen(began({ tick: true }), Effect.suspend(() => runAll(recorded.ticks[tick++] ?? []))),
    )
    // A fault ends the clock: the main line hears of it.
    handlerOfInterrupt = (k) => Effect.ignore(runAll(recorded.interrupts[k] ?? []))
    handlerOfLate = (k) =>
      Effect.suspend(() => {
        late--
        log.did({ late: k, masked: interrupts.context().masked })
        return handlerOfInterrupt(k)
      })
    raise = (handler) => Effect.runSync(interrupts.raise(handler))

    const entries = (pending: ReturnType<typeof Guest.pending>) =>
      pending.map(({ event, time }) => [
        event._tag === "Timer" ? "timer" : event._tag === "OnStack" ? "onstack" : who.get(event),
        String(time),
      ])
    const stateOf = (guest: Guest.Guest): Record => ({
      now: String(guest.now),
      nextEvent: String(guest.nextEvent),
      pending: entries(Guest.pending(guest).slice(Guest.due(guest).length)),
      ...recorded.revision !== undefined && {
        due: entries(Guest.due(guest)),
        alarm: guest.deferred.alarm !== "none",
      },
      ...guest.external && {
        waiting: guest.external.waiting,
        previousRequest: guest.external.previousRequest?.toString() ?? null,
        freeUntil: guest.external.freeUntil?.toString() ?? null,
        ...recorded.revision !== undefined && { broadcast: String(guest.settings.broadcast.value) },
      },
    })

    const script = Effect.gen(function* () {
      // The option holds though the guest may never boot: there, that does nothing (SPEC 11.2).
      if (recorded.revision !== undefined && recorded.mode !== "off" && recorded.start !== undefined) {
        yield* run(["init"])
      }
      if (recorded.mode === "external") yield* unbooted.connect(BigInt(recorded.id ?? Nanos.NONE) as Nanos.Nanos)
      for (const op of recorded.script) {
        yield* run(op)
        log.did({ state: stateOf(yield* clock.snapshot) })
      }
    })
    yield* Effect.catch(
      script,
      (error) => Effect.sync(() => log.did({ fatal: isFault(error) ? (error as Fault)._tag : String(error) })),
    )
    log.end()
  })

  return program.pipe(
    Effect.scoped,
    Effect.provide(Layer.provideMerge(Recording.layer(tape), Layer.merge(Cpu.layer, Recording.stoppedClock(HOST)))),
    Effect.provideService(OnWarning, (warning) => Effect.sync(() => log.did({ warn: warning._tag }))),
    Effect.provideContext(Context.empty()),
    Effect.exit,
    Effect.flatMap((exit): Effect.Effect<Difference | undefined> => {
      if (Exit.isSuccess(exit)) return Effect.succeed(undefined)
      const differs = exit.cause.reasons.find((reason) => reason._tag === "Die" && reason.defect instanceof Differs)
      return differs?._tag === "Die"
        ? Effect.succeed((differs.defect as Differs).difference)
        : Effect.die(Cause.squash(exit.cause))
    }),
  )
}
