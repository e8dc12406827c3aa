/**
 * What goes wrong, as a program sees it: in the error channel, by name, once;
 * and the clock dead from then on (SPEC 3).
 *
 * @module
 */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { SleepForever, TimeOutOfRange } from "../src/core/Fault.ts"
import * as Guest from "../src/core/Guest.ts"
import { type ClockError, event, type GuestClock } from "../src/GuestClock.ts"
import * as GuestClockService from "../src/GuestClock.ts"
import * as Mode from "../src/Mode.ts"
import { TraceName } from "../src/services/Tracer.ts"
import * as Interrupts from "../src/services/Interrupts.ts"
import { Guest as WorldGuest, World } from "../src/simulation.ts"
import { type Fakes, withClock } from "./support/fakes.ts"
import { describeState } from "./support/hand.ts"

const FOREVER = 2n ** 63n - 1n
const MAX = 2n ** 64n - 1n

const nothing = () => event("nothing", () => {})

/** Every way to use a clock that can fail. */
const calls = (clock: GuestClock): Record<string, Effect.Effect<unknown, ClockError>> => ({
  now: clock.now,
  after: clock.after("1 second"),
  addEvent: clock.addEvent(nothing(), 2n ** 62n),
  "addEvent without a handler": clock.addEvent(event("bare"), 2n ** 62n),
  deleteEvent: clock.deleteEvent(nothing()),
  ndelay: clock.ndelay(0n),
  sleep: clock.sleep,
  readClockSource: clock.readClockSource,
  wallClock: clock.wallClock,
  periodic: clock.clockEvent.periodic,
  nextEvent: clock.clockEvent.nextEvent(5n),
  oneShot: clock.clockEvent.oneShot,
  shutdown: clock.clockEvent.shutdown,
  irqEvent: clock.irqEvent(nothing()),
  propagateTime: clock.propagateTime,
  waitReadable: clock.waitReadable(Effect.void),
})

interface Case {
  readonly fault: string
  readonly mode: Guest.Mode
  readonly how: string
  readonly provoke: (fakes: Fakes) => Effect.Effect<unknown, ClockError>
  readonly fields?: object
}

const says = (fakes: Fakes, after: number, say: (seq: number) => void): void => {
  fakes.calendar.handle = (message) => {
    fakes.calendar.acknowledge(message)
    if (message.op === after) say(message.seq)
  }
}

const cases: ReadonlyArray<Case> = [
  ...(["basic", "inf-cpu"] as const).map((mode): Case => ({
    fault: "TimeWentBackwards",
    mode,
    how: "an event in the past comes due",
    provoke: ({ clock }) =>
      Effect.gen(function* () {
        yield* clock.ndelay(10n)
        yield* clock.addEvent(nothing(), 9n)
        yield* clock.ndelay(1n)
      }),
    fields: {
      from: 10n,
      to: 9n,
      event: "nothing",
      message: 'time can\'t go back from 10 ns to 9 ns, for which the event "nothing" was added',
    },
  })),
  {
    fault: "TimeWentBackwards",
    mode: "external",
    how: "RUN goes back",
    provoke: (fakes) => {
      says(fakes, 3, () => {
        fakes.calendar.say(7, 100, 0n)
        fakes.calendar.say(6, 101, 20n)
        fakes.calendar.say(6, 102, 19n)
      })
      // The second RUN is read along with whatever comes next.
      return Effect.andThen(fakes.clock.ndelay(20n), fakes.clock.propagateTime)
    },
    fields: { from: 20n, to: 19n },
  },
  {
    fault: "TimeWentBackwards",
    mode: "external",
    how: "GET's ACK goes back",
    provoke: (fakes) => {
      fakes.calendar.grant()
      return Effect.gen(function* () {
        yield* fakes.clock.ndelay(20n)
        fakes.calendar.time = 7n
        yield* fakes.clock.irqEvent(nothing())
      })
    },
    fields: { from: 20n, to: 7n },
  },
  ...(["basic", "inf-cpu"] as const).map((mode): Case => ({
    fault: "SleepForever",
    mode,
    how: "there is nothing to wake it",
    provoke: ({ clock }) => clock.sleep,
  })),
  ...[FOREVER, FOREVER + 1n, MAX].map((delay): Case => ({
    fault: "SleepForever",
    mode: "inf-cpu",
    how: `it is busy for ${delay} ns`,
    provoke: ({ clock }) => clock.ndelay(delay),
  })),
  {
    fault: "SleepForever",
    mode: "external",
    how: "RUN comes at the end of time",
    provoke: (fakes) => {
      says(fakes, 3, () => fakes.calendar.say(6, 100, FOREVER))
      return fakes.clock.sleep
    },
  },
  {
    fault: "EventTimeMismatch",
    mode: "external",
    how: "RUN comes too early",
    provoke: (fakes) => {
      says(fakes, 3, () => fakes.calendar.say(6, 100, 19n))
      return fakes.clock.ndelay(20n)
    },
  },
  {
    fault: "EventTimeMismatch",
    mode: "external",
    how: "RUN comes too late",
    provoke: (fakes) => {
      says(fakes, 3, () => fakes.calendar.say(6, 100, 21n))
      return fakes.clock.ndelay(20n)
    },
  },
  {
    fault: "OnStackEventDequeued",
    mode: "inf-cpu",
    how: "a handler is busy for too long",
    provoke: ({ clock }) =>
      Effect.gen(function* () {
        yield* clock.addEvent(event("busy", clock.ndelay(100n)), 5n)
        yield* clock.ndelay(10n)
      }),
  },
  {
    fault: "OnStackEventDequeued",
    mode: "inf-cpu",
    how: "a handler is busy for too long, and takes no notice",
    provoke: ({ clock }) =>
      Effect.gen(function* () {
        yield* clock.addEvent(event("busy", Effect.ignore(clock.ndelay(100n))), 5n)
        yield* clock.ndelay(10n)
      }),
  },
  {
    fault: "AckSequenceMismatch",
    mode: "external",
    how: "an ACK has another seq",
    provoke: (fakes) => {
      fakes.calendar.handle = ({ seq }) => fakes.calendar.say(0, seq + 1, 0n)
      return fakes.clock.propagateTime
    },
    fields: { expected: 4, got: 5 },
  },
  {
    fault: "LinkBroken",
    mode: "external",
    how: "the stream ends between two messages",
    provoke: (fakes) => {
      fakes.calendar.handle = () => fakes.calendar.end()
      return fakes.clock.propagateTime
    },
  },
  {
    fault: "LinkBroken",
    mode: "external",
    how: "the stream ends while it waits to run",
    provoke: (fakes) => {
      says(fakes, 3, () => fakes.calendar.end())
      return fakes.clock.ndelay(10n)
    },
  },
  {
    fault: "LinkBroken",
    mode: "external",
    how: "the stream ends while it waits for something else",
    provoke: (fakes) => {
      fakes.calendar.end()
      return fakes.clock.waitReadable(Effect.never)
    },
  },
  ...[1, 8, 15].map((bytes): Case => ({
    fault: "InvalidMessage",
    mode: "external",
    how: `the stream ends ${bytes} bytes into a message`,
    provoke: (fakes) => {
      fakes.calendar.handle = () => {
        fakes.calendar.sayBytes(new Uint8Array(bytes))
        fakes.calendar.end()
      }
      return fakes.clock.propagateTime
    },
    fields: { bytes },
  })),
  ...(["off", "basic", "inf-cpu"] as const).map((mode): Case => ({
    fault: "NotExternal",
    mode,
    how: "an interrupt from outside comes without a calendar",
    provoke: ({ clock }) => clock.irqEvent(nothing()),
  })),
]

describe("a fault", () => {
  for (const { fault, mode, how, provoke, fields } of cases) {
    it.live(`${fault} in ${mode} mode, as ${how}: in the error channel, and the clock is dead`, () =>
      withClock(mode, (fakes) =>
        Effect.gen(function* () {
          const { clock, calendar, hostTimer, interrupts } = fakes
          const exit = yield* Effect.exit(provoke(fakes))
          if (!Exit.isFailure(exit)) return expect.fail("it succeeded")
          // Once: as a failure, with no defect and no second one beside it.
          expect(exit.cause.reasons.map((reason) => reason._tag)).toEqual(["Fail"])
          const error = Cause.squash(exit.cause)
          expect(error).toBeInstanceOf(Error)
          expect(error).toMatchObject({ _tag: fault, name: fault, ...fields })
          expect((error as Error).message.length).toBeGreaterThan(20)
          expect(interrupts.context()).toEqual({ masked: false, inInterrupt: false })

          const before = yield* clock.snapshot
          const [seen, wrote, armed] = [describeState(before), calendar.got.length, hostTimer.calls.length]
          for (let round = 0; round < 2; round++) {
            for (const [name, call] of Object.entries(calls(clock))) {
              const again = yield* Effect.flip(call)
              if (again !== error) expect.fail(`${name} failed with another ${again._tag}`)
            }
          }
          // No state changes, and the world hears no more of it.
          expect(yield* clock.snapshot).toBe(before)
          expect(describeState(before)).toBe(seen)
          expect([calendar.got.length, hostTimer.calls.length]).toEqual([wrote, armed])
        })))
  }

  it.live("is caught by its name", () =>
    Effect.gen(function* () {
      for (const { fault, mode, provoke } of cases) {
        const caught = yield* withClock(mode, (fakes) =>
          provoke(fakes).pipe(
            Effect.as("nothing"),
            Effect.catchTags({
              TimeWentBackwards: ({ from, to }) => Effect.succeed(to < from ? "TimeWentBackwards" : "no"),
              SleepForever: () => Effect.succeed("SleepForever"),
              EventTimeMismatch: () => Effect.succeed("EventTimeMismatch"),
              OnStackEventDequeued: () => Effect.succeed("OnStackEventDequeued"),
              AckSequenceMismatch: () => Effect.succeed("AckSequenceMismatch"),
              LinkBroken: () => Effect.succeed("LinkBroken"),
              InvalidMessage: ({ bytes }) => Effect.succeed(bytes > 0 ? "InvalidMessage" : "no"),
              NotExternal: () => Effect.succeed("NotExternal"),
            }),
          ))
        expect(caught).toBe(fault)
      }
      const one = yield* withClock("inf-cpu", ({ clock }) =>
        clock.sleep.pipe(Effect.as("no"), Effect.catchTag("SleepForever", () => Effect.succeed("caught"))))
      expect(one).toBe("caught")
    }))

  it.live("leaves the state that was before it", () =>
    withClock("inf-cpu", ({ clock }) =>
      Effect.gen(function* () {
        yield* clock.ndelay(10n)
        yield* clock.addEvent(nothing(), 9n)
        const before = yield* clock.snapshot
        yield* Effect.flip(clock.ndelay(5n))
        const after = yield* clock.snapshot
        expect(describeState(after)).toBe(describeState(before))
        // And that state is a value that the core goes on from.
        const elsewhere = Guest.addEvent(after, nothing(), 50n as typeof before.now)
        expect(elsewhere.state.now).toBe(10n)
      })))

  it.live("is heard by the code that it interrupted, even if a handler two levels deep made it and all ignore it", () =>
    withClock("inf-cpu", ({ clock }) =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const note = (name: string) => (error: ClockError) => Effect.sync(() => seen.push(`${name} ${error._tag}`))
        const inner = event("inner", Effect.catch(clock.irqEvent(nothing()), note("inner")))
        const outer = event(
          "outer",
          Effect.andThen(clock.addEvent(inner, 7n), Effect.catch(clock.ndelay(3n), note("outer"))),
        )
        yield* clock.addEvent(outer, 5n)
        yield* Effect.catch(clock.ndelay(10n), note("main"))
        expect(seen).toEqual(["inner NotExternal", "outer NotExternal", "main NotExternal"])
      })))

  it.live("ends a dead clock's other fibers as well: those that wait for the CPU, and those that come later", () =>
    withClock("external", ({ clock, calendar }) =>
      Effect.gen(function* () {
        const waiting = yield* Effect.forkChild(Effect.flip(clock.ndelay(10n)), { startImmediately: true })
        const queued = yield* Effect.forkChild(Effect.flip(clock.ndelay(20n)), { startImmediately: true })
        const asInterrupt = yield* Effect.forkChild(Effect.flip(clock.sleep), { startImmediately: true })
        yield* Effect.yieldNow
        calendar.end()
        const errors = [yield* Fiber.join(waiting), yield* Fiber.join(queued), yield* Fiber.join(asInterrupt)]
        expect(errors[0]).toMatchObject({ _tag: "LinkBroken" })
        expect(errors[1]).toBe(errors[0])
        expect(errors[2]).toBe(errors[0])
        expect(calendar.got.filter(({ op }) => op === 3)).toHaveLength(1)
      })))

  it.live("changes nothing any more: not even whether a user process runs", () =>
    withClock("inf-cpu", ({ clock }) =>
      Effect.gen(function* () {
        yield* Effect.flip(clock.sleep)
        const before = yield* clock.snapshot
        expect(yield* Effect.flip(clock.runUserProcess(() => {}))).toBeInstanceOf(SleepForever)
        expect(yield* Effect.flip(clock.clockEvent.onTick(() => {}))).toBeInstanceOf(SleepForever)
        expect(() => clock.addEventUnsafe(nothing(), 5n)).toThrow(SleepForever)
        expect(() => clock.deleteEventUnsafe(nothing())).toThrow(SleepForever)
        expect(yield* clock.snapshot).toBe(before)
      })))

  it.live("runs no handler any more", () =>
    withClock("basic", ({ clock, hostTimer }) =>
      Effect.gen(function* () {
        let ticks = 0
        yield* clock.clockEvent.onTick(() => {
          ticks++
        })
        yield* clock.clockEvent.periodic
        yield* Effect.flip(clock.irqEvent(nothing()))
        yield* hostTimer.goOff
        yield* Effect.ignore(clock.ndelay(50_000_000n))
        expect(ticks).toBe(0)
      })))

  it.live("in external mode can't come from sleeping with interrupts on: sleep masks them itself", () =>
    withClock("external", ({ clock, calendar }) =>
      Effect.gen(function* () {
        calendar.grant()
        let ran = 0
        yield* clock.addEvent(
          event("wake", () => {
            ran++
          }),
          5n,
        )
        yield* Interrupts.unmasked(clock.sleep)
        expect(ran).toBe(1)
      })))
})

describe("a time that isn't one", () => {
  const bad = [-1n, -MAX, MAX + 1n, 2n ** 65n]

  for (const mode of ["off", "basic", "inf-cpu", "external"] as const) {
    it.live(`is a TimeOutOfRange in ${mode} mode, which changes nothing, and the clock lives on`, () =>
      withClock(mode, ({ clock, calendar, hostTimer }) =>
        Effect.gen(function* () {
          calendar.grant()
          yield* clock.addEvent(nothing(), 2n ** 40n)
          const before = yield* clock.snapshot
          const [wrote, armed] = [calendar.got.length, hostTimer.calls.length]
          for (const time of bad) {
            const calls = [
              clock.addEvent(nothing(), time),
              clock.addEvent(event("bare"), time),
              clock.ndelay(time),
              clock.clockEvent.nextEvent(time),
              clock.after(Duration.nanos(time)),
            ]
            for (const call of calls) {
              const error = yield* Effect.flip(call)
              expect(error).toBeInstanceOf(TimeOutOfRange)
              expect(error).toMatchObject({ _tag: "TimeOutOfRange", given: time })
              expect(error.message).toContain(String(time))
            }
          }
          expect(yield* clock.snapshot).toBe(before)
          expect([calendar.got.length, hostTimer.calls.length]).toEqual([wrote, armed])
          // In off mode time is the host's, and stands still here.
          yield* clock.ndelay(mode === "off" ? 0n : 1n)
        })))
  }

  it.live("may be a duration without end: as much a TimeOutOfRange", () =>
    withClock("inf-cpu", ({ clock }) =>
      Effect.gen(function* () {
        for (const duration of ["Infinity", "-Infinity", "-1 nanos"] as const) {
          expect(yield* Effect.flip(clock.after(duration)), duration).toMatchObject({ _tag: "TimeOutOfRange" })
        }
      })))

  it.live("is thrown at a handler that is a plain function, and fails the code it interrupted if it isn't caught", () =>
    withClock("inf-cpu", ({ clock }) =>
      Effect.gen(function* () {
        const caught: Array<unknown> = []
        yield* clock.addEvent(
          event("careful", ({ addEvent }) => {
            try {
              addEvent(nothing(), -1n)
            } catch (error) {
              caught.push(error)
            }
          }),
          5n,
        )
        yield* clock.ndelay(10n)
        expect(caught).toMatchObject([{ _tag: "TimeOutOfRange", given: -1n }])

        yield* clock.addEvent(event("careless", ({ addEvent }) => addEvent(nothing(), MAX + 1n)), 15n)
        expect(yield* Effect.flip(clock.ndelay(10n))).toMatchObject({ _tag: "TimeOutOfRange", given: MAX + 1n })
        // The delay was cut short where it was, and nothing of it is left.
        expect(describeState(yield* clock.snapshot)).toBe("state 15 next 15 []")
        yield* clock.ndelay(10n)
        expect(yield* clock.now).toBe(25n)
      })))

  it.live("is refused as an option of a layer, too", () =>
    Effect.gen(function* () {
      for (const start of bad) {
        for (const layer of [Mode.basic({ start }), Mode.infCpu({ start })]) {
          expect(yield* Effect.flip(Effect.provide(Effect.void, layer))).toMatchObject({
            _tag: "TimeOutOfRange",
            given: start,
          })
        }
        expect(yield* Effect.flip(Effect.provide(Effect.void, Mode.external({ socket: "/nowhere", id: start }))))
          .toMatchObject({ _tag: "TimeOutOfRange", given: start })
      }
    }))
})

describe("a boot option that isn't one", () => {
  it.live("is a BootOptionError of the layer that it was to choose", () =>
    Effect.gen(function* () {
      for (const word of ["time-travel=fast", "time-travel=ext:x:/s", "time-travel-start=-1", "time-travel=ext:"]) {
        const layer = Mode.fromBootOptions(["quiet", word])
        const error = yield* Effect.flip(Effect.provide(Effect.void, layer))
        expect(error).toMatchObject({ _tag: "BootOptionError", option: word })
        expect(error.message).toContain(JSON.stringify(word))
        const caught = yield* Effect.provide(Effect.void, layer).pipe(
          Effect.catchTag("BootOptionError", ({ allowed }) => Effect.succeed(allowed)),
        )
        expect(caught).toContain("time-travel=inf-cpu")
      }
    }))
})

describe("an event that is added for a time that is over", () => {
  /** What is logged, and the layer that has it logged there. */
  const log = () => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ logLevel, message }) => void lines.push(`${logLevel} ${message}`))
    return { lines, layer: Logger.layer([logger]) }
  }

  it.live.each(["basic", "inf-cpu", "external"] as const)(
    "is said at once, and again when it is due, in %s mode",
    (mode) =>
      Effect.gen(function* () {
        const late = event("retransmit", () => {})
        const { lines, layer } = log()
        yield* Effect.provide(
          withClock(mode, ({ clock, calendar }) =>
            Effect.gen(function* () {
              calendar.grant()
              yield* clock.ndelay(10n)
              yield* clock.addEvent(late, 10n)
              yield* clock.deleteEvent(late)
              expect(lines).toEqual([])
              yield* clock.addEvent(late, 9n)
              // It is there, as SPEC 4 has it, and being pending it stays there.
              yield* clock.addEvent(late, 8n)
              clock.addEventUnsafe(late, 7n)
              expect(clock.pendingUnsafe()).toMatchObject([{ time: 9n }])
              expect(yield* Effect.flip(clock.ndelay(1n))).toMatchObject({
                _tag: expect.stringMatching(/^(TimeWentBackwards|EventTimeMismatch)$/),
                event: "retransmit",
                message: expect.stringMatching(/10 ns.*9 ns.*"retransmit"|"retransmit".*9 ns.*10 ns/),
              })
            })),
          layer,
        )
        expect(lines).toEqual([
          'Warn guest-clock: the event "retransmit" was added for 9 ns, and it is 10 ns already: ' +
          "time can't go back, so the clock will fail when that event is due",
        ])
      }),
  )

  it.live("is said of the guest that adds it, by a handler too, and at the moment at which it does", () =>
    Effect.gen(function* () {
      const { lines: order, layer } = log()
      const late = event("late", () => {})
      const program = Effect.gen(function* () {
        const clock = yield* GuestClockService.GuestClock
        const early = event("early", ({ addEvent }) => {
          order.push("adding")
          addEvent(late, 3n)
          order.push("added")
        })
        yield* clock.addEvent(early, 5n)
        return yield* Effect.flip(Effect.forever(clock.sleep))
      })
      const fault = yield* program.pipe(
        Effect.provide(Mode.infCpu()),
        Effect.provideService(TraceName, "client"),
        Effect.provide(layer),
      )
      expect(order).toEqual([
        "adding",
        expect.stringContaining('the guest "client" added the event "late" for 3 ns, and it is 5 ns already'),
        "added",
      ])
      expect(fault).toMatchObject({ _tag: "TimeWentBackwards", from: 5n, to: 3n, event: "late" })
    }))

  it.live("is what a world's guest fails of: it is said which guest and which event, at once and in the end", () =>
    Effect.gen(function* () {
      const { lines, layer } = log()
      const careless = WorldGuest.make(
        "careless",
        Effect.gen(function* () {
          const clock = yield* GuestClockService.GuestClock
          yield* Effect.sleep("1 micro")
          yield* clock.addEvent(event("retransmit", () => {}), 300n)
          yield* Effect.sleep("1 second")
        }),
      )
      const world = World.make({ guests: [careless, WorldGuest.make("other", Effect.sleep("1 milli"))] })
      const error = yield* Effect.flip(Effect.provide(World.run(world), layer))
      expect(lines).toEqual([
        'Warn guest-clock: the guest "careless" added the event "retransmit" for 300 ns, and it is 1000 ns already: ' +
        "time can't go back, so the clock will fail when that event is due",
      ])
      expect(error.message).toMatch(/1000 ns.*300 ns.*"retransmit"|"retransmit".*300 ns.*1000 ns/)
    }))

  it.live("is late in off mode, as all may be in real time, and nothing to speak of", () =>
    Effect.gen(function* () {
      const { lines, layer } = log()
      yield* Effect.provide(
        withClock("off", ({ clock, host }) =>
          Effect.gen(function* () {
            host.pass(10n)
            expect(yield* clock.now).toBe(10n)
            yield* clock.addEvent(nothing(), 9n)
            clock.addEventUnsafe(nothing(), 9n)
            yield* clock.sleep
          })),
        layer,
      )
      expect(lines).toEqual([])
    }))
})
