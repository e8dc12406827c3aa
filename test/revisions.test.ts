/**
 * What the later revisions of the clock do otherwise (SPEC 11), beside what the recorded cases show.
 *
 * @module
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import * as Guest from "../src/core/Guest.ts"
import { names, type Revision, revisions } from "../src/core/Revisions.ts"
import { event, type GuestClock as Clock } from "../src/GuestClock.ts"
import { GuestClock, Mode, VirtualTime } from "../src/index.ts"
import * as Replay from "../src/internal/trace/Replay.ts"
import * as Trace from "../src/trace.ts"
import { FakeCalendar, settled, withClock } from "./support/fakes.ts"
import { describeState } from "./support/hand.ts"
import { show } from "./support/wire.ts"

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

const LATER = ["6.1", "6.12"] as const

describe("a revision", () => {
  it.live("is that of the clock that was made with it, in every mode; 5.8 unless it is given", () =>
    Effect.gen(function* () {
      const of = Effect.map(GuestClock.GuestClock, ({ revision }) => revision)
      for (const revision of [undefined, ...names]) {
        const given = revision === undefined ? {} : { revision }
        const modes = [
          Mode.off(given),
          Mode.basic(given),
          Mode.infCpu(given),
          Mode.fromBootOptions(["time-travel"], given),
        ]
        for (const mode of modes) expect(yield* Effect.provide(of, mode)).toBe(revision ?? "5.8")
        const external = Effect.gen(function* () {
          const { link } = yield* CalendarServer.serve({ clients: 1 })
          return yield* Effect.provide(of, Mode.linked(link(), given))
        })
        expect(yield* Effect.scoped(external)).toBe(revision ?? "5.8")
      }
    }))

  it.live("that there isn't is an OptionError that lists those that there are", () =>
    Effect.gen(function* () {
      for (const revision of ["6.6", "", 6.12, null]) {
        const options = { revision: revision as Revision }
        for (
          const mode of [
            Mode.off(options),
            Mode.basic(options),
            Mode.infCpu(options),
            Mode.external({ socket: "/x", ...options }),
          ]
        ) {
          const error = yield* Effect.flip(Effect.provide(GuestClock.GuestClock, mode) as Effect.Effect<unknown, Error>)
          expect(error).toMatchObject({ _tag: "OptionError", option: "revision", given: revision })
          expect(error.message).toContain("5.8, 6.1, 6.12")
        }
      }
    }))

  it("is a record of what differs: 6.1 and 6.12 part where BROADCAST and START are concerned", () => {
    expect({ ...revisions["6.1"], revision: "6.12", broadcasts: true, pollsForStart: true }).toEqual(revisions["6.12"])
  })
})

describe.each(LATER)("a guest of Linux %s", (revision) => {
  const clockOf = <A, E>(
    mode: Guest.Mode,
    f: (fakes: Parameters<Parameters<typeof withClock<A, E>>[1]>[0]) => Effect.Effect<A, E, never>,
  ) => withClock(mode, f, { revision })

  it.live("handles what fell due in a delay when that is over, in order, with the time that it is then (11.1)", () =>
    clockOf("inf-cpu", ({ clock }) =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        for (const at of [3n, 1n, 2n]) {
          yield* clock.addEvent(event(`e${at}`, ({ now }, { name }) => void seen.push(`${name} at ${now}`)), at)
        }
        yield* clock.ndelay(10n)
        expect(seen).toEqual(["e1 at 10", "e2 at 10", "e3 at 10"])
      })))

  it.live(
    "handles a hundred thousand events that fell due in one delay, and none twice",
    () =>
      clockOf("inf-cpu", ({ clock }) =>
        Effect.gen(function* () {
          let handled = 0
          for (let at = 1; at <= 100_000; at++) clock.addEventUnsafe(event("e", () => void handled++), BigInt(at))
          yield* clock.ndelay(100_000n)
          expect(handled).toBe(100_000)
        })),
    60_000,
  )

  it.live("a handler's own delay makes no other handler run inside of it; what falls due then comes next (11.1)", () =>
    clockOf("inf-cpu", ({ clock }) =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const note = (name: string) => Effect.sync(() => seen.push(name))
        yield* clock.addEvent(
          event("slow", Effect.andThen(note("begin"), Effect.andThen(clock.ndelay(100n), note("end")))),
          1n,
        )
        yield* clock.addEvent(event("other", note("other")), 50n)
        yield* clock.ndelay(10n)
        expect(seen).toEqual(["begin", "end", "other"])
        expect(yield* clock.now).toBe(110n)
      })))

  it.live("what is due is pending until it is handled: it isn't added again, and can be deleted (11.1)", () =>
    clockOf("inf-cpu", ({ clock }) =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const second = event("second", () => void seen.push("second"))
        const third = event("third", () => void seen.push("third"))
        yield* clock.addEvent(
          event("first", ({ addEvent, deleteEvent }) => {
            seen.push("first")
            addEvent(second, 1000n)
            expect(deleteEvent(third)).toBe(true)
            expect(deleteEvent(third)).toBe(false)
          }),
          1n,
        )
        yield* clock.addEvent(second, 2n)
        yield* clock.addEvent(third, 3n)
        yield* clock.ndelay(10n)
        expect(seen).toEqual(["first", "second"])
        expect(describeState(yield* clock.snapshot)).toContain("[]")
      })))

  it.live("ticks that fall due in one masked stretch are one tick (11.1)", () =>
    clockOf("inf-cpu", ({ clock }) =>
      Effect.gen(function* () {
        let ticks = 0
        yield* clock.clockEvent.onTick(() => void ticks++)
        yield* clock.clockEvent.periodic
        yield* clock.ndelay(55_000_000n)
        expect(ticks).toBe(1)
        yield* clock.sleep
        expect([ticks, yield* clock.now]).toEqual([2, 60_000_000n])
      })))

  it.live("alarms of the host's timer that find interrupts masked are one tick, and a stale one is none (11.1)", () =>
    withClock("basic", ({ clock, hostTimer, interrupts }) =>
      Effect.gen(function* () {
        let ticks = 0
        yield* clock.clockEvent.onTick(() => void ticks++)
        yield* clock.clockEvent.periodic
        const mask = interrupts.mask()
        yield* hostTimer.goOff
        yield* hostTimer.goOff
        expect(ticks).toBe(0)
        interrupts.unmask(mask)
        yield* interrupts.deliver
        expect([ticks, yield* clock.now]).toEqual([1, 10_000_000n])
        yield* clock.clockEvent.nextEvent(5n)
        const again = interrupts.mask()
        yield* hostTimer.goOff
        yield* clock.clockEvent.shutdown
        interrupts.unmask(again)
        yield* interrupts.deliver
        expect(ticks).toBe(1)
      }), { revision }))

  it.live("sends no REQUEST for a time before freeUntil, and no UPDATE twice for one time (11.4)", () =>
    withClock("external", ({ clock, calendar }) =>
      Effect.gen(function* () {
        const fiber = yield* fork(clock.ndelay(10n))
        calendar.say(7, 500, 100n)
        calendar.say(6, 501, 10n)
        yield* Fiber.join(fiber)
        calendar.got.length = 0
        yield* clock.addEvent(event("e", () => {}), 50n)
        yield* clock.ndelay(20n)
        yield* clock.propagateTime
        yield* clock.propagateTime
        expect(calendar.got.map(({ op, time }) => [op, time])).toEqual([[5, 30n]])
        yield* fork(clock.ndelay(70n))
        yield* settled
        expect(calendar.got.map(({ op }) => op)).toEqual([5, 2, 3])
        expect((yield* clock.snapshot).external).toMatchObject({ freeUntil: undefined, waiting: 1 })
      }), { revision }))

  it.live("asks the calendar for the time of day at the first read of the wall clock, and never again (11.2)", () =>
    Effect.gen(function* () {
      const calendar = new FakeCalendar()
      calendar.timeOfDay = 1000n
      calendar.time = 0n
      yield* withClock("external", ({ clock }) =>
        Effect.gen(function* () {
          calendar.got.length = 0
          expect(yield* clock.wallClock).toBe(1000n)
          expect(calendar.got).toEqual([])
        }), { revision, calendar })
      // What withClock reads is the first.
      const fresh = new FakeCalendar()
      const said: Array<string> = []
      fresh.handle = (message) => {
        said.push(show(message))
        fresh.acknowledge(message)
      }
      yield* withClock("external", () => Effect.void, { revision, calendar: fresh })
      expect(said).toEqual(["START#1 NONE", "GET_TOD#2 NONE", "GET#3 NONE"])
      said.length = 0
      yield* withClock("external", ({ clock }) => Effect.map(clock.wallClock, (wall) => expect(wall).toBe(77n)), {
        revision,
        calendar: fresh,
        start: 77n,
      })
      expect(said).toEqual(["START#1 NONE"])
    }))

  it.live("an interrupt that arrives during an exchange is handled right after it, what is due before (11.3)", () =>
    withClock("external", ({ clock, calendar, interrupts }) =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        const { handle } = calendar
        calendar.handle = () => {}
        const exchange = yield* fork(clock.addEvent(event("e", () => {}), 9n))
        yield* fork(interrupts.raise(Effect.sync(() => seen.push(interrupts.context()))))
        yield* settled
        expect(seen).toEqual([])
        calendar.handle = handle
        calendar.acknowledge(calendar.got[0]!)
        yield* Fiber.join(exchange)
        expect(seen).toEqual([{ masked: true, inInterrupt: false }])
        expect(interrupts.context()).toEqual({ masked: false, inInterrupt: false })
      }), { revision }))

  it.live("a handler that fails or dies fails what it ran in, and leaves masks, the clock and the rest as they were", () =>
    Effect.gen(function* () {
      for (const bad of [Effect.die("bug"), Effect.interrupt]) {
        yield* withClock("inf-cpu", ({ clock, interrupts }) =>
          Effect.gen(function* () {
            let rest = 0
            yield* clock.addEvent(event("bad", bad), 1n)
            yield* clock.addEvent(event("rest", () => void rest++), 2n)
            expect((yield* Effect.exit(clock.ndelay(10n)))._tag).toBe("Failure")
            expect(interrupts.context()).toEqual({ masked: false, inInterrupt: false })
            yield* clock.ndelay(1n)
            expect([rest, yield* clock.now]).toEqual([1, 11n])
          }), { revision })
      }
    }))

  it.live("handles interrupts when it is dead, too: what they want of it fails", () =>
    clockOf("inf-cpu", ({ clock, interrupts }) =>
      Effect.gen(function* () {
        const heard: Array<unknown> = []
        const note = Effect.catch(Effect.asVoid(clock.now), (error) => Effect.sync(() => void heard.push(error._tag)))
        // One arrives while it dies, one when it is dead.
        yield* clock.addEvent(
          event("last", () =>
            Effect.andThen(interrupts.raise(note), Effect.asVoid(clock.irqEvent(event("e", () => {}))))),
          1n,
        )
        expect(yield* Effect.flip(clock.ndelay(1n))).toMatchObject({ _tag: "NotExternal" })
        yield* interrupts.raise(note)
        yield* settled
        expect(heard).toEqual(["NotExternal", "NotExternal"])
        expect(interrupts.context()).toEqual({ masked: false, inInterrupt: false })
      })))

  it.live("is traced with its revision, and goes through all its states again", () =>
    Effect.gen(function* () {
      const ring = Trace.ring(100_000)
      const program = Effect.gen(function* () {
        const calendar = yield* CalendarServer.serve({ clients: 2 })
        const guest = (id: bigint) =>
          Effect.gen(function* () {
            const clock = yield* GuestClock.GuestClock
            const again = event("again", ({ now, addEvent }, self) => addEvent(self, now + 5n * id + 30n))
            yield* clock.addEvent(again, 10n)
            yield* clock.clockEvent.periodic
            yield* clock.wallClock
            for (let turn = 0; turn < 200; turn++) {
              yield* turn % 3 === 0 ? clock.sleep : clock.ndelay(40n)
              if (turn % 7 === 0) yield* clock.deleteEvent(again)
              if (turn % 7 === 0) yield* clock.addEvent(again, (yield* clock.now) + 3n)
              if (turn % 5 === 0) yield* clock.propagateTime
              yield* clock.readClockSource
            }
          }).pipe(Effect.provide(Mode.linked(calendar.link(), { id, revision })))
        yield* Effect.all([guest(1n), guest(2n)], { concurrency: 2 })
      })
      yield* Effect.scoped(program).pipe(Effect.provide(Trace.to(ring)))
      const trace = Trace.read([...Trace.write(ring.trace())].join("").split("\n"))
      const guests = trace.sources.filter(({ kind }) => kind._tag === "Guest")
      expect(guests.map(({ kind }) => kind)).toEqual(Array(2).fill({ _tag: "Guest", mode: "external", revision }))
      for (const { source } of trace.sources) {
        const end = Replay.advance(Replay.begin(trace, source))
        expect(Replay.isDivergence(end) ? { ...end, position: undefined } : "the same").toBe("the same")
      }
    }))

  it.live("runs programs on simulated time beside each other, each with its exact times", () =>
    Effect.gen(function* () {
      const calendar = yield* CalendarServer.serve({ clients: 3, start: 5_000_000_000n })
      const guest = (id: bigint, period: number) =>
        Effect.gen(function* () {
          const clock: Clock = yield* GuestClock.GuestClock
          const woke: Array<bigint> = []
          for (let nth = 0; nth < 50; nth++) {
            yield* Effect.sleep(period)
            woke.push(yield* clock.now)
          }
          expect(yield* clock.wallClock).toBe(5_000_000_000n + (yield* clock.now))
          return woke
        }).pipe(VirtualTime.run, Effect.provide(Mode.linked(calendar.link(), { id, revision })))
      const woke = yield* Effect.all([guest(1n, 1), guest(2n, 3), guest(3n, 100)], { concurrency: 3 })
      const times = (period: bigint) => Array.from({ length: 50 }, (_, nth) => BigInt(nth + 1) * period * 1_000_000n)
      expect(woke).toEqual([times(1n), times(3n), times(100n)])
    }).pipe(Effect.scoped))
})

describe("BROADCAST (11.5)", () => {
  it.live("is remembered and reported once, and sent, by a guest of 6.12", () =>
    withClock("external", ({ clock, calendar, warnings }) =>
      Effect.gen(function* () {
        expect(yield* clock.enterUser).toBe(undefined)
        const fiber = yield* fork(clock.ndelay(10n))
        yield* settled
        calendar.say(9, 500, 41n)
        calendar.say(9, 501, 42n)
        calendar.say(6, 502, 10n)
        yield* Fiber.join(fiber)
        expect([yield* clock.enterUser, yield* clock.enterUser]).toEqual([42n, undefined])
        calendar.got.length = 0
        yield* clock.broadcast(7n)
        expect(calendar.got.map(({ op, time }) => [op, time])).toEqual([[9, 7n]])
        expect(warnings).toEqual([])
      }), { revision: "6.12" }))

  it.live("is acknowledged with a warning by others, and none of theirs: that is an OptionError, and the clock lives", () =>
    Effect.gen(function* () {
      for (const [mode, revision] of [["external", "5.8"], ["external", "6.1"], ["inf-cpu", "6.12"]] as const) {
        yield* withClock(mode, ({ clock }) =>
          Effect.gen(function* () {
            const error = yield* Effect.flip(clock.broadcast(7n))
            expect(error).toMatchObject({ _tag: "OptionError", given: `${mode} ${revision}` })
            expect(yield* clock.now).toBe(0n)
          }), { revision })
      }
    }))
})

describe("states of the clock", () => {
  it("with something due stay usable, and each leads to the same again", () => {
    const [a, b] = ["a", "b"].map((name) => ({ _tag: "Event", name, handler: true }) as const)
    const start = Guest.addEvent(Guest.addEvent(Guest.make("inf-cpu", "6.12"), a!, 1n as never).state, b!, 2n as never)
    const run = (state: Guest.Guest): Guest.Guest => {
      let next = Guest.ndelay(state, 5n as never) as Guest.Next
      for (let step; (step = next.commands.find(({ _tag }) => _tag === "Resume")) !== undefined;) {
        if (step._tag !== "Resume") break
        next = Guest.resume(next.state, step.step) as Guest.Next
      }
      return next.state
    }
    const due = run(start.state)
    const taken = Guest.takeDue(due)
    expect(Guest.due(due).map(({ event, time }) => `${event.name}@${time}`)).toEqual(["a@1", "b@2"])
    expect(Guest.due(taken).map(({ event }) => event.name)).toEqual(["b"])
    expect(Guest.due(Guest.deleteEvent(due, b!)).map(({ event }) => event.name)).toEqual(["a"])
    expect(describeState(run(start.state))).toBe(describeState(due))
    expect(Guest.pending(start.state).map(({ event }) => (event as typeof a)!.name)).toEqual(["a", "b"])
  })
})
