/**
 * The four modes as layers: whose time it is, whose timers, what is released
 * (SPEC 1, 7, 8).
 *
 * @module
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import process from "node:process"
import { inspect } from "node:util"
import * as Guest from "../src/core/Guest.ts"
import type { Nanos } from "../src/core/Nanos.ts"
import * as GuestClock from "../src/GuestClock.ts"
import * as Mode from "../src/Mode.ts"
import * as Cpu from "../src/platform/Cpu.ts"
import * as NativeTimer from "../src/platform/NativeTimer.ts"
import { HostClock } from "../src/services/HostClock.ts"
import { HostTimer } from "../src/services/HostTimer.ts"
import * as Interrupts from "../src/services/Interrupts.ts"
import { Link } from "../src/services/Link.ts"
import { built } from "./support/built.ts"
import { FakeCalendar, FakeHostClock, FakeHostTimer, settled, withClock } from "./support/fakes.ts"
import { isOfFirst } from "./support/revision.ts"
import { until } from "./support/socketCalendar.ts"
import { show } from "./support/wire.ts"

const MODES = ["off", "basic", "inf-cpu", "external"] as const
const ON = { masked: false, inInterrupt: false }
const HANDLING = { masked: true, inInterrupt: true }

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })
const note = (into: Array<string>, name: string) =>
  GuestClock.event(name, ({ now }) => {
    into.push(`${name} at ${now}`)
  })

describe("an event", () => {
  it.live("is shown by its name and handler, not with the queue that it is in, and as JSON by its name", () =>
    withClock("inf-cpu", ({ clock }) =>
      Effect.gen(function* () {
        const event = GuestClock.event("retransmit", function again() {})
        yield* clock.addEvent(event, 10n)
        expect(inspect(event)).toBe("{ _tag: 'Event', name: 'retransmit', handler: [Function: again] }")
        expect(JSON.stringify([event])).toBe(`[{"_tag":"Event","name":"retransmit"}]`)
      })))

  it.live.each(["basic", "inf-cpu"] as const)(
    "may be a copy by a spread, or frozen: each has an identity of its own, in %s mode",
    (mode) =>
      withClock(mode, ({ clock }) =>
        Effect.gen(function* () {
          const seen: Array<string> = []
          const event = note(seen, "event")
          const copy = { ...event, handler: note(seen, "copy").handler }
          const frozen = Object.freeze(note(seen, "frozen"))
          const start = yield* clock.now
          for (const each of [event, copy, frozen, frozen]) yield* clock.addEvent(each, start + 5n)
          yield* clock.addEvent({ ...copy }, start + 5n)
          expect(yield* clock.deleteEvent(event)).toBe(true)
          expect(yield* clock.deleteEvent(event)).toBe(false)
          yield* clock.ndelay(10n)
          expect(seen.map((line) => line.split(" ")[0])).toEqual(["copy", "frozen", "copy"])
          expect(yield* clock.deleteEvent(frozen)).toBe(false)
        })),
  )
})

describe("a CPU", () => {
  it.live("can be taken apart, and made another of, as any service", () =>
    withClock("inf-cpu", ({ interrupts }) =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const { raise, mask, unmask, deliver } = { ...interrupts }
        const masked = mask()
        yield* raise(Effect.sync(() => seen.push("raised")))
        expect(seen).toEqual([])
        unmask(masked)
        yield* deliver
        expect(seen).toEqual(["raised"])
      })))
})

describe("a mode", () => {
  it.live("names its clock event device (SPEC 1)", () =>
    Effect.gen(function* () {
      const names = {
        "off": "posix-timer",
        "basic": "time-travel-timer",
        "inf-cpu": "time-travel-timer-infcpu",
        "external": "time-travel-timer-external",
      }
      for (const mode of MODES) {
        yield* withClock(mode, ({ clock }) =>
          Effect.sync(() => {
            expect([clock.mode, clock.clockEvent.name]).toEqual([mode, names[mode]])
          }))
      }
    }))

  it.live("programs the host timer, the queue, or both (SPEC 8)", () =>
    Effect.gen(function* () {
      const expected = {
        "off": [["every 10000000", "once 500", "once 1", "disarm"], 0],
        "basic": [["every 10000000", "once 500", "once 1", "disarm"], 1],
        "inf-cpu": [[], 1],
        "external": [[], 1],
      }
      for (const mode of MODES) {
        yield* withClock(mode, ({ clock, hostTimer, calendar }) =>
          Effect.gen(function* () {
            yield* clock.clockEvent.periodic
            yield* clock.clockEvent.nextEvent(499n)
            yield* clock.clockEvent.oneShot
            const { pending } = yield* clock.snapshot
            yield* clock.clockEvent.shutdown
            expect([hostTimer.calls, pending.size], mode).toEqual(expected[mode])
            expect((yield* clock.snapshot).pending.size).toBe(0)
            expect(calendar.got.map(show)).toEqual(
              mode === "external" ? ["REQUEST#4 10000000", "REQUEST#5 500", "REQUEST#6 1"] : [],
            )
          }))
      }
    }))

  if (isOfFirst()) {
    it.live("has a wall clock: the option's, or else the host's at boot; off, the host's; external, its calendar's", () =>
      Effect.gen(function* () {
        const host = 1_700_000_000_001_000_000n
        for (const start of [undefined, 0n, 5n, 2n ** 64n - 1n]) {
          const options = start === undefined ? {} : { start }
          for (const mode of ["basic", "inf-cpu"] as const) {
            yield* withClock(mode, ({ clock }) =>
              Effect.gen(function* () {
                expect(yield* clock.wallClock).toBe(start ?? host)
                yield* clock.ndelay(7n)
                expect(yield* clock.wallClock).toBe(BigInt.asUintN(64, (start ?? host) + 7n))
              }), options)
          }
          yield* withClock("off", ({ clock, host: clocks }) =>
            Effect.gen(function* () {
              expect(yield* clock.wallClock).toBe(host)
              clocks.pass(9n)
              clocks.wallAtZero += 100n
              expect(yield* clock.wallClock).toBe(host + 109n)
            }), options)
          const calendar = new FakeCalendar()
          calendar.time = 40n
          calendar.timeOfDay = 1000n
          yield* withClock("external", ({ clock }) =>
            Effect.gen(function* () {
              expect([yield* clock.now, yield* clock.wallClock]).toEqual([40n, 1000n])
            }), { ...options, calendar })
        }
        // A calendar whose time of day is less than its time: the sum is right all the same.
        const calendar = new FakeCalendar()
        calendar.time = 1000n
        calendar.timeOfDay = 40n
        yield* withClock("external", ({ clock }) =>
          Effect.gen(function* () {
            expect([yield* clock.now, yield* clock.wallClock]).toEqual([1000n, 40n])
          }), { calendar })
      }))
  }

  if (isOfFirst()) {
    it.live("counts in its clock source by 256 ns; a read costs as much where it can be interrupted, but for off", () =>
      Effect.gen(function* () {
        for (const mode of ["basic", "inf-cpu"] as const) {
          yield* withClock(mode, ({ clock }) =>
            Effect.gen(function* () {
              expect(yield* clock.readClockSource).toBe(1n)
              expect(yield* Interrupts.masked(clock.readClockSource)).toBe(1n)
              const inHandler: Array<bigint> = []
              yield* clock.addEvent(
                GuestClock.event("read", Effect.map(clock.readClockSource, (value) => void inHandler.push(value))),
                400n,
              )
              expect(yield* clock.readClockSource).toBe(2n)
              expect([inHandler, yield* clock.now]).toEqual([[1n], 512n])
            }))
        }
        yield* withClock("off", ({ clock, host }) =>
          Effect.gen(function* () {
            expect(yield* clock.readClockSource).toBe(host.now / 256n)
            host.pass(1000n)
            expect(yield* clock.readClockSource).toBe(host.now / 256n)
            expect(yield* clock.now).toBe(1000n)
          }))
        yield* withClock("external", ({ clock, calendar }) =>
          Effect.gen(function* () {
            calendar.grant()
            expect(yield* clock.readClockSource).toBe(1n)
            expect(calendar.got.map(show)).toEqual(["REQUEST#4 256", "WAIT#5 NONE", "ACK#1000 0"])
          }))
      }))
  }

  it.live("waits for something else in external mode only; in the others it returns at once (SPEC 9.5)", () =>
    Effect.gen(function* () {
      for (const mode of MODES) {
        yield* withClock(mode, ({ clock }) =>
          Effect.gen(function* () {
            const fiber = yield* fork(clock.waitReadable(Effect.never))
            yield* settled
            expect(fiber.pollUnsafe() !== undefined, mode).toBe(mode !== "external")
            yield* Fiber.interrupt(fiber)
          }))
      }
    }))

  it.live("boots in any world, as a layer", () =>
    Effect.gen(function* () {
      for (const mode of MODES) {
        const calendar = new FakeCalendar()
        const hostTimer = new FakeHostTimer()
        const world = Layer.mergeAll(
          Cpu.layer,
          Layer.succeed(Link, calendar.link),
          Layer.succeed(HostTimer, hostTimer.timer),
          Layer.succeed(HostClock, new FakeHostClock().clock),
        )
        const wall = yield* Effect.flatMap(GuestClock.GuestClock, ({ wallClock }) => wallClock).pipe(
          Effect.provide(Mode.layer(mode, { start: 77n as Nanos, id: 5n as Nanos })),
          Effect.provide(world),
        )
        expect(wall, mode).toBe(mode === "off" ? 1_700_000_000_001_000_000n : mode === "external" ? 0n : 77n)
        expect(calendar.got.map(show)).toEqual(
          mode === "external" ? ["START#1 5", "GET_TOD#2 NONE", "GET#3 NONE"] : [],
        )
        expect(hostTimer.listeners).toBe(0)
      }
    }))
})

describe("the host's alarm (SPEC 8)", () => {
  it.live("ticks in off mode: masked and in interrupt context, relayed first to a user process", () =>
    withClock("off", ({ clock, hostTimer, interrupts }) =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        yield* clock.clockEvent.onTick(() => void seen.push(["tick", interrupts.context()]))
        yield* hostTimer.goOff
        yield* clock.runUserProcess(() => void seen.push(["relay", interrupts.context()]))
        yield* hostTimer.goOff
        yield* clock.runUserProcess(undefined)
        yield* hostTimer.goOff
        expect(seen).toEqual([["tick", HANDLING], ["relay", HANDLING], ["tick", HANDLING], ["tick", HANDLING]])
        expect(interrupts.context()).toEqual(ON)
      })))

  it.live("moves a basic guest to its next event first, and a periodic timer event on by its interval", () =>
    withClock("basic", ({ clock, hostTimer }) =>
      Effect.gen(function* () {
        const ticks: Array<bigint> = []
        yield* clock.clockEvent.onTick(({ now }) => void ticks.push(now))
        yield* clock.clockEvent.periodic
        yield* hostTimer.goOff
        yield* hostTimer.goOff
        expect(ticks).toEqual([10_000_000n, 20_000_000n])
        expect(Guest.pending(yield* clock.snapshot).map(({ time }) => time)).toEqual([30_000_000n])
        yield* clock.clockEvent.nextEvent(99n)
        yield* hostTimer.goOff
        expect(ticks).toEqual([10_000_000n, 20_000_000n, 20_000_100n])
        expect(Guest.pending(yield* clock.snapshot)).toEqual([])
      })))

  it.live("that finds interrupts masked ticks when they are on again", () =>
    withClock("basic", ({ clock, hostTimer }) =>
      Effect.gen(function* () {
        let ticks = 0
        yield* clock.clockEvent.onTick(() => void ticks++)
        yield* clock.clockEvent.nextEvent(99n)
        yield* Interrupts.masked(Effect.andThen(
          hostTimer.goOff,
          Effect.sync(() => expect(ticks).toBe(0)),
        ))
        expect(ticks).toBe(1)
        expect(yield* clock.now).toBe(100n)
      })))

  it.live("that finds the guest busy in real time interrupts it, which then goes on to its end", () =>
    withClock("off", ({ clock, hostTimer, host }) =>
      Effect.gen(function* () {
        const ticks: Array<bigint> = []
        yield* clock.clockEvent.onTick(({ now }) => void ticks.push(now))
        const fiber = yield* fork(clock.ndelay(1000n))
        yield* settled
        host.pass(300n)
        yield* fork(hostTimer.goOff)
        yield* settled
        expect([ticks, fiber.pollUnsafe()]).toEqual([[300n], undefined])
        host.pass(699n)
        yield* settled
        expect(fiber.pollUnsafe()).toBe(undefined)
        host.pass(1n)
        yield* Fiber.join(fiber)
        expect(yield* clock.now).toBe(1000n)
      })))

  it.live("wakes a guest that sleeps in real time", () =>
    withClock("off", ({ clock, hostTimer, host }) =>
      Effect.gen(function* () {
        let ticks = 0
        yield* clock.clockEvent.onTick(() => void ticks++)
        const fiber = yield* fork(clock.sleep)
        yield* settled
        host.pass(300n)
        yield* fork(hostTimer.goOff)
        yield* Fiber.join(fiber)
        expect(ticks).toBe(1)
        expect(host.waitedFor).toEqual([])
        expect(Guest.pending(yield* clock.snapshot)).toEqual([])
      })))

  it.live("means nothing to a guest without a host timer", () =>
    Effect.gen(function* () {
      for (const mode of ["inf-cpu", "external"] as const) {
        yield* withClock(mode, ({ clock, hostTimer }) =>
          Effect.gen(function* () {
            let ticks = 0
            yield* clock.clockEvent.onTick(() => void ticks++)
            yield* clock.clockEvent.periodic
            const before = yield* clock.snapshot
            yield* hostTimer.goOff
            expect(ticks).toBe(0)
            expect(yield* clock.snapshot).toBe(before)
          }))
      }
    }))
})

describe("off mode", () => {
  it.live("keeps the host's time, from 0 at boot, and never goes back", () =>
    withClock("off", ({ clock, host }) =>
      Effect.gen(function* () {
        expect(yield* clock.now).toBe(0n)
        host.pass(5n)
        expect(yield* clock.now).toBe(5n)
        host.now -= 3n
        expect(yield* clock.now).toBe(5n)
        host.now += 4n
        expect(yield* clock.now).toBe(6n)
      })))

  it.live("delivers events when the host's clock has come to them, those that are late at once, in order", () =>
    withClock("off", ({ clock, host }) =>
      Effect.gen(function* () {
        const order: Array<string> = []
        yield* clock.addEvent(note(order, "b"), 200n)
        yield* clock.addEvent(note(order, "a"), 100n)
        yield* clock.addEvent(note(order, "c"), 900n)
        const fiber = yield* fork(clock.ndelay(500n))
        yield* settled
        expect(order).toEqual([])
        host.pass(350n)
        yield* settled
        expect(order).toEqual(["a at 350", "b at 350"])
        host.pass(150n)
        yield* Fiber.join(fiber)
        expect(order).toHaveLength(2)
        // Work took a while: c is late.
        host.pass(1000n)
        yield* clock.sleep
        expect(order).toEqual(["a at 350", "b at 350", "c at 1500"])
      })))

  it.live("lets an earlier event in that is added while it waits", () =>
    withClock("off", ({ clock, host }) =>
      Effect.gen(function* () {
        const order: Array<string> = []
        yield* clock.addEvent(note(order, "late"), 300n)
        const fiber = yield* fork(clock.ndelay(500n))
        yield* settled
        yield* clock.addEvent(note(order, "early"), 100n)
        host.pass(100n)
        yield* settled
        expect(order).toEqual(["early at 100"])
        host.pass(400n)
        yield* Fiber.join(fiber)
        expect(order).toEqual(["early at 100", "late at 500"])
      })))

  it.live("takes as long as it says by the real host's clock, and delivers in order", () =>
    Effect.gen(function* () {
      const clock = yield* GuestClock.GuestClock
      const order: Array<string> = []
      const name = (name: string) =>
        GuestClock.event(name, () => {
          order.push(name)
        })
      const begin = process.hrtime.bigint()
      const now = yield* clock.now
      yield* clock.addEvent(name("third"), now + 6_000_000n)
      yield* clock.addEvent(name("first"), now + 2_000_000n)
      yield* clock.addEvent(name("second"), now + 4_000_000n)
      yield* clock.ndelay(7_000_000n)
      expect(process.hrtime.bigint() - begin).toBeGreaterThanOrEqual(7_000_000n)
      expect(yield* clock.now).toBeGreaterThanOrEqual(now + 7_000_000n)
      expect(order).toEqual(["first", "second", "third"])
    }).pipe(Effect.provide(Mode.off())))

  it.live("ticks by a real timer of the host, not before its time, again and again", () =>
    Effect.gen(function* () {
      const clock = yield* GuestClock.GuestClock
      const ticks: Array<bigint> = []
      yield* clock.clockEvent.onTick(({ now }) => void ticks.push(now))
      const begin = yield* clock.now
      yield* clock.clockEvent.periodic
      yield* until(() => ticks.length >= 3)
      yield* clock.clockEvent.shutdown
      for (const [n, tick] of ticks.entries()) {
        expect(tick - begin).toBeGreaterThanOrEqual(10_000_000n * BigInt(n + 1))
      }
      const once = ticks.length
      yield* clock.clockEvent.nextEvent(999_999n)
      yield* until(() => ticks.length > once)
    }).pipe(Effect.provide(Mode.off())))
})

describe("basic mode", () => {
  it.live("jumps where it is idle: an hour of ticks takes no hour", () =>
    Effect.gen(function* () {
      const clock = yield* GuestClock.GuestClock
      let ticks = 0
      yield* clock.clockEvent.onTick(() => void ticks++)
      yield* clock.clockEvent.nextEvent(3_599_999_999_999n)
      yield* clock.sleep
      expect([ticks, yield* clock.now]).toEqual([1, 3_600_000_000_000n])
    }).pipe(Effect.provide(Mode.basic())))

  it.live("disarms the host timer before it sleeps, and arms it afterwards for the simulated time that is left", () =>
    withClock("basic", ({ clock, hostTimer }) =>
      Effect.gen(function* () {
        yield* clock.clockEvent.nextEvent(99n)
        yield* clock.addEvent(note([], "a"), 30n)
        yield* clock.sleep
        expect(hostTimer.calls).toEqual(["once 100", "disarm", "once 70"])
        yield* clock.sleep
        expect(hostTimer.calls.slice(3)).toEqual(["disarm"])
        yield* clock.clockEvent.periodic
        yield* clock.sleep
        expect(hostTimer.calls.slice(4)).toEqual(["every 10000000", "disarm", "every 10000000"])
      })))

  it.live("is moved by the real timer while it doesn't sleep", () =>
    Effect.gen(function* () {
      const clock = yield* GuestClock.GuestClock
      const ticks: Array<bigint> = []
      yield* clock.clockEvent.onTick(({ now }) => void ticks.push(now))
      yield* clock.clockEvent.nextEvent(1_999_999n)
      yield* until(() => ticks.length > 0)
      expect(ticks).toEqual([2_000_000n])
    }).pipe(Effect.provide(Mode.basic())))
})

describe("the host's timer", () => {
  /** A timer of the host on clocks that the test moves, and the alarms it gave. */
  const withTimer = (f: (timer: HostTimer, host: FakeHostClock, alarms: Array<bigint>) => Effect.Effect<void>) =>
    Effect.gen(function* () {
      const host = new FakeHostClock()
      host.now = 0n
      const alarms: Array<bigint> = []
      yield* Effect.scoped(Effect.gen(function* () {
        const timer = yield* HostTimer
        yield* timer.onAlarm(Effect.sync(() => alarms.push(host.now)))
        yield* f(timer, host, alarms)
      })).pipe(Effect.provide(NativeTimer.layer), Effect.provide(Layer.succeed(HostClock, host.clock)))
      // Released with its layer, whatever it was armed for.
      yield* settled
      expect(host.waitedFor).toEqual([])
    })
  const pass = (host: FakeHostClock, duration: bigint) =>
    Effect.andThen(Effect.sync(() => host.pass(duration)), settled)

  it.live("goes off once, at its time", () =>
    withTimer((timer, host, alarms) =>
      Effect.gen(function* () {
        yield* timer.armOnce(10n)
        yield* settled
        yield* pass(host, 9n)
        expect(alarms).toEqual([])
        yield* pass(host, 1n)
        yield* pass(host, 100n)
        expect(alarms).toEqual([10n])
      })
    ))

  it.live("goes off again and again, by its interval from when it was armed, however late it was", () =>
    withTimer((timer, host, alarms) =>
      Effect.gen(function* () {
        yield* timer.armEvery(10n)
        yield* settled
        for (const duration of [10n, 14n, 6n, 25n, 4n, 1n]) yield* pass(host, duration)
        expect(alarms).toEqual([10n, 24n, 30n, 55n, 60n])
      })
    ))

  it.live("has one thing to do at a time: arming it replaces what it was armed for, disarming ends it", () =>
    withTimer((timer, host, alarms) =>
      Effect.gen(function* () {
        yield* timer.armEvery(10n)
        yield* timer.armOnce(25n)
        yield* settled
        yield* pass(host, 20n)
        expect(alarms).toEqual([])
        yield* timer.armOnce(25n)
        yield* settled
        yield* pass(host, 24n)
        expect(alarms).toEqual([])
        yield* pass(host, 1n)
        expect(alarms).toEqual([45n])
        yield* timer.armEvery(5n)
        yield* settled
        yield* pass(host, 5n)
        yield* timer.disarm
        yield* pass(host, 50n)
        expect(alarms).toEqual([45n, 50n])
      })
    ))

  it.live("may be armed anew by its own alarm", () =>
    withTimer((timer, host, alarms) =>
      Effect.scoped(Effect.gen(function* () {
        let left = 2
        yield* timer.onAlarm(Effect.suspend(() => left-- > 0 ? timer.armOnce(3n) : Effect.void))
        yield* timer.armOnce(10n)
        yield* settled
        for (let i = 0; i < 10; i++) yield* pass(host, 2n)
        expect(alarms).toEqual([10n, 14n, 18n])
      }))
    ))
})

describe("what a mode holds", () => {
  it.live("is released when its scope closes, and on interruption: the host timer's listener, the waits", () =>
    Effect.gen(function* () {
      for (const mode of MODES) {
        for (const end of ["closed", "interrupted"]) {
          const seen: Array<{ listeners: number }> = []
          const waits: Array<FakeHostClock> = []
          const program = withClock(mode, ({ clock, hostTimer, host }) => {
            seen.push(hostTimer)
            waits.push(host)
            return end === "closed" ? Effect.void : Effect.andThen(clock.clockEvent.periodic, clock.ndelay(50n)).pipe(
              Effect.andThen(Effect.never),
            )
          })
          const fiber = yield* fork(program)
          yield* settled
          yield* Fiber.interrupt(fiber)
          expect(seen.map(({ listeners }) => listeners), `${mode}, ${end}`).toEqual([0])
          expect(waits[0]!.waitedFor, `${mode}, ${end}`).toEqual([])
        }
      }
    }))

  it.live("is no more than its scope: a clock used after that changes nothing outside", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Mode.off(), scope)
      const clock = yield* Effect.provideContext(GuestClock.GuestClock, context)
      let ticks = 0
      yield* clock.clockEvent.onTick(() => void ticks++)
      yield* clock.clockEvent.nextEvent(1_000_000n)
      yield* Scope.close(scope, Exit.void)
      yield* Effect.sleep("5 millis")
      expect(ticks).toBe(0)
    }))

  it.live(
    "keeps no process alive, in off and basic mode with a periodic host timer as little as in inf-cpu",
    () =>
      Effect.gen(function* () {
        if (!("Deno" in globalThis)) return
        const file = built("test/support/guestProcess.ts")
        for (const [words, output] of [[[], /^off \d+ \(0\)$/], [["time-travel"], /^basic 10 \(0\)$/]] as const) {
          const result = yield* Effect.callback<string>((resume) => {
            const child = spawn(process.execPath, ["run", "-q", "-A", file, ...words])
            let text = ""
            child.stdout.on("data", (data) => text += data)
            child.stderr.on("data", (data) => text += data)
            child.on("close", (code) => resume(Effect.succeed(`${text.trim()} (${code})`)))
          })
          expect(result).toMatch(output)
        }
      }),
    60_000,
  )
})
