/**
 * Interrupts: masks, handlers, waits that are interrupted, and fibers that are
 * (SPEC 6, 9.4).
 *
 * @module
 */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Guest from "../src/core/Guest.ts"
import { type ClockError, event, type GuestClock } from "../src/GuestClock.ts"
import * as Cpu from "../src/platform/Cpu.ts"
import * as Interrupts from "../src/services/Interrupts.ts"
import { FakeCalendar, type Fakes, settled, withClock } from "./support/fakes.ts"
import { describeState } from "./support/hand.ts"
import { isOfFirst } from "./support/revision.ts"
import { show } from "./support/wire.ts"

const ON = { masked: false, inInterrupt: false }
const MASKED = { masked: true, inInterrupt: false }
const HANDLING = { masked: true, inInterrupt: true }

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

/** How a fiber has ended by now, without waiting for it. */
const endOf = <A, E>(fiber: Fiber.Fiber<A, E>): "waits" | "done" | "failed" => {
  const exit = fiber.pollUnsafe()
  return exit === undefined ? "waits" : Exit.isSuccess(exit) ? "done" : "failed"
}

/** Runs `effect` with interrupts that nobody has masked. */
const withCpu = <A, E>(
  f: (interrupts: Interrupts.Interrupts) => Effect.Effect<A, E, Interrupts.Interrupts>,
): Effect.Effect<A, E> => Effect.provide(Effect.flatMap(Interrupts.Interrupts, f), Cpu.layer)

/** The three ways to end other than well. */
const badEnds: Record<string, Effect.Effect<void, string>> = {
  "a failure": Effect.fail("no"),
  "a defect": Effect.die("bug"),
  "an interruption": Effect.interrupt,
}

describe("masking", () => {
  it.live("is off at first, nests, and is undone level by level", () =>
    withCpu((cpu) =>
      Effect.gen(function* () {
        const seen: Array<boolean> = []
        const look = Effect.sync(() => seen.push(cpu.context().masked))
        const inner = Effect.andThen(look, Effect.andThen(Interrupts.unmasked(look), look))
        yield* look
        yield* Interrupts.masked(Effect.andThen(look, Effect.andThen(Interrupts.masked(inner), look)))
        yield* Interrupts.unmasked(look)
        yield* look
        expect(seen).toEqual([false, true, true, false, true, true, false, false])
      })
    ))

  for (const [name, bad] of Object.entries(badEnds)) {
    it.live(`is undone after ${name}, on each level`, () =>
      withCpu((cpu) =>
        Effect.gen(function* () {
          const seen: Array<boolean> = []
          const look = Effect.sync(() => seen.push(cpu.context().masked))
          yield* Interrupts.masked(
            Effect.gen(function* () {
              yield* Effect.exit(Interrupts.unmasked(Effect.andThen(look, bad)))
              yield* look
              yield* Effect.exit(Interrupts.masked(Effect.andThen(look, bad)))
              yield* look
              return yield* bad
            }),
          ).pipe(Effect.exit)
          expect(seen).toEqual([false, true, true, true])
          expect(cpu.context()).toEqual(ON)
        })
      ))
  }

  it.live("is undone when its fiber is interrupted while it waits", () =>
    withCpu((cpu) =>
      Effect.gen(function* () {
        const fiber = yield* fork(Interrupts.masked(Interrupts.unmasked(Interrupts.masked(Effect.never))))
        expect(cpu.context()).toEqual(MASKED)
        yield* Fiber.interrupt(fiber)
        expect(cpu.context()).toEqual(ON)
      })
    ))
})

describe("fibers that mask at the same time", () => {
  it.live("leave interrupts on when all of them are done, and masked as long as one isn't", () =>
    withCpu((cpu) =>
      Effect.gen(function* () {
        const [first, second] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const a = yield* fork(Interrupts.masked(Deferred.await(first)))
        const b = yield* fork(Interrupts.masked(Deferred.await(second)))
        yield* Deferred.succeed(first, undefined)
        yield* Fiber.join(a)
        const between = cpu.context()
        yield* Deferred.succeed(second, undefined)
        yield* Fiber.join(b)
        expect([between, cpu.context()]).toEqual([MASKED, ON])
      })
    ))

  it.live("do no harm to a guest that waits for RUN meanwhile", () =>
    withClock("external", ({ clock, calendar, interrupts }) =>
      Effect.gen(function* () {
        const done = yield* Deferred.make<void>()
        const other = yield* fork(Interrupts.masked(Deferred.await(done)))
        const waiting = yield* fork(clock.ndelay(100n))
        yield* settled
        yield* Deferred.succeed(done, undefined)
        yield* Fiber.join(other)
        calendar.say(6, 500, 100n)
        yield* Fiber.join(waiting)
        expect(interrupts.context()).toEqual(ON)
      })))
})

describe("a raised interrupt", () => {
  it.live("is handled at once on a free CPU: masked and in interrupt context", () =>
    withCpu((cpu) =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        yield* Interrupts.raise(Effect.sync(() => seen.push(cpu.context())))
        expect(seen).toEqual([HANDLING])
        expect(cpu.context()).toEqual(ON)
      })
    ))

  it.live("waits while interrupts are masked; those that wait are handled in order, once, on unmasking", () =>
    withCpu((cpu) =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const handler = (name: string) =>
          Effect.sync(() => {
            seen.push(`${name} ${cpu.context().masked}`)
          })
        yield* Interrupts.masked(
          Effect.gen(function* () {
            yield* Interrupts.raise(handler("a"))
            yield* Interrupts.masked(Interrupts.raise(handler("b")))
            expect(seen).toEqual([])
          }),
        )
        expect(seen).toEqual(["a true", "b true"])
        yield* Interrupts.masked(Interrupts.unmasked(Effect.void))
        expect(seen).toHaveLength(2)
      })
    ))

  it.live("is handled where a masked stretch turns interrupts on, before anything else there", () =>
    withCpu(() =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        yield* Interrupts.masked(
          Effect.gen(function* () {
            yield* Interrupts.raise(Effect.sync(() => seen.push("handled")))
            seen.push("masked")
            yield* Interrupts.unmasked(Effect.sync(() => seen.push("on")))
            seen.push("masked again")
          }),
        )
        expect(seen).toEqual(["masked", "handled", "on", "masked again"])
      })
    ))

  for (const [name, bad] of Object.entries(badEnds)) {
    it.live(`is handled as well where the masked stretch ended in ${name}`, () =>
      withCpu((cpu) =>
        Effect.gen(function* () {
          let handled = 0
          const count = Effect.sync(() => {
            handled++
          })
          yield* Effect.exit(Interrupts.masked(Effect.andThen(Interrupts.raise(count), bad)))
          expect(handled).toBe(1)
          expect(cpu.context()).toEqual(ON)
        })
      ))
  }

  it.live("of another one's handler comes after it: handlers don't nest, since they are masked", () =>
    withCpu((cpu) =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        yield* Interrupts.raise(
          Effect.gen(function* () {
            seen.push("first begins")
            yield* cpu.raise(Effect.sync(() => seen.push("second")))
            yield* Effect.yieldNow
            seen.push("first ends")
          }),
        )
        expect(seen).toEqual(["first begins", "first ends", "second"])
      })
    ))

  it.live("whose handler dies harms neither the masks nor those behind it", () =>
    withCpu((cpu) =>
      Effect.gen(function* () {
        let handled = 0
        const masked = Interrupts.masked(
          Effect.andThen(
            Interrupts.raise(Effect.die("bug")),
            Interrupts.raise(Effect.sync(() => {
              handled++
            })),
          ),
        )
        yield* Effect.exit(masked)
        expect(cpu.context()).toEqual(ON)
        // At the latest when interrupts are next turned on.
        yield* Interrupts.unmasked(Effect.void)
        expect(handled).toBe(1)
      })
    ))

  it.live("whose handler dies as well as the next one's leaves a CPU that is free", () =>
    withClock("inf-cpu", ({ clock, interrupts }) =>
      Effect.gen(function* () {
        yield* clock.addEvent(
          event(
            "raises",
            Effect.andThen(interrupts.raise(Effect.die("one")), interrupts.raise(Effect.die("two"))),
          ),
          5n,
        )
        yield* Effect.exit(clock.ndelay(10n))
        expect(interrupts.context()).toEqual(ON)
        const next = yield* fork(clock.ndelay(10n))
        yield* settled
        expect(endOf(next)).toBe("done")
        yield* Fiber.interrupt(next)
      })))

  if (isOfFirst()) {
    it.live("is not handled between a message and its ACK, but right after it", () => {
      const calendar = new FakeCalendar()
      return withClock("external", ({ clock, interrupts }) =>
        Effect.gen(function* () {
          const seen: Array<string> = []
          calendar.handle = () => {}
          const fiber = yield* fork(clock.propagateTime)
          expect(interrupts.context().masked).toBe(true)
          yield* fork(interrupts.raise(Effect.sync(() => seen.push("handled"))))
          yield* settled
          expect(seen).toEqual([])
          calendar.say(0, calendar.got[0]!.seq, 0n)
          yield* Fiber.join(fiber)
          expect(seen).toEqual(["handled"])
        }), { calendar })
    })
  }
})

describe("a guest that waits for RUN", () => {
  if (isOfFirst()) {
    it.live("is interruptible: the handler runs masked and in interrupt context, and polling starts over", () =>
      withClock("external", ({ clock, interrupts, calendar }) =>
        Effect.gen(function* () {
          const seen: Array<unknown> = []
          const fiber = yield* fork(clock.ndelay(100n))
          yield* settled
          for (let round = 1; round <= 3; round++) {
            expect([calendar.readers, interrupts.context()]).toEqual([1, ON])
            yield* interrupts.raise(Effect.sync(() => seen.push(interrupts.context())))
            yield* settled
            expect(seen).toHaveLength(round)
          }
          expect(seen).toEqual([HANDLING, HANDLING, HANDLING])
          expect(endOf(fiber)).toBe("waits")
          calendar.say(6, 500, 100n)
          yield* Fiber.join(fiber)
          expect(calendar.got.map(show)).toEqual(["REQUEST#4 100", "WAIT#5 NONE", "ACK#500 0"])
          expect(calendar.readers).toBe(0)
        })))
  }

  if (isOfFirst()) {
    it.live("waits with interrupts on even where they are masked, and has them masked again afterwards", () =>
      withClock("external", ({ clock, interrupts, calendar }) =>
        Effect.gen(function* () {
          const seen: Array<unknown> = []
          const fiber = yield* fork(
            Interrupts.masked(
              Effect.andThen(clock.ndelay(100n), Effect.sync(() => seen.push(interrupts.context()))),
            ),
          )
          yield* settled
          expect(interrupts.context()).toEqual(ON)
          calendar.say(6, 500, 100n)
          yield* Fiber.join(fiber)
          expect(seen).toEqual([MASKED])
          expect(interrupts.context()).toEqual(ON)
        })))
  }

  if (isOfFirst()) {
    it.live("hears of an earlier event that an interrupt adds, and asks for it", () =>
      withClock("external", ({ clock, calendar, interrupts }) =>
        Effect.gen(function* () {
          const order: Array<bigint> = []
          const early = event("early", ({ now }) => {
            order.push(now)
          })
          const fiber = yield* fork(clock.ndelay(100n))
          yield* settled
          yield* interrupts.raise(Effect.ignore(clock.addEvent(early, 40n)))
          yield* settled
          expect(calendar.got.map(show)).toEqual(["REQUEST#4 100", "WAIT#5 NONE", "REQUEST#6 40"])
          calendar.say(6, 500, 40n)
          yield* settled
          expect(order).toEqual([])
          // RUN moved time for what is not first any more: the next round asks for that.
          expect(calendar.got.slice(3).map(show)).toEqual(["ACK#500 0", "REQUEST#7 40", "WAIT#8 NONE"])
          calendar.say(6, 501, 40n)
          yield* settled
          expect(order).toEqual([40n])
          calendar.say(6, 502, 100n)
          yield* Fiber.join(fiber)
          expect(yield* clock.now).toBe(100n)
        })))
  }

  if (isOfFirst()) {
    it.live("takes an operation of another fiber for an interrupt", () =>
      withClock("external", ({ clock, calendar, interrupts }) =>
        Effect.gen(function* () {
          const fiber = yield* fork(clock.ndelay(100n))
          yield* settled
          const device = event("device", () => {})
          calendar.time = 30n
          yield* clock.irqEvent(device)
          expect(calendar.got.slice(2).map(show)).toEqual(["GET#6 NONE", "REQUEST#7 30"])
          expect(yield* clock.now).toBe(30n)
          expect(yield* clock.deleteEvent(device)).toBe(true)
          expect(interrupts.context()).toEqual(ON)
          expect(endOf(fiber)).toBe("waits")
        })))
  }

  it.live("takes one that masks interrupts around what it does as well, at the latest when it has waited", () =>
    withClock("external", ({ clock, calendar, interrupts }) =>
      Effect.gen(function* () {
        const waiting = yield* fork(clock.ndelay(100n))
        yield* settled
        const other = yield* fork(
          Interrupts.masked(clock.addEvent(event("other", () => {}), 200n)),
        )
        yield* settled
        calendar.say(6, 500, 100n)
        yield* settled
        expect([endOf(waiting), endOf(other)]).toEqual(["done", "done"])
        expect(interrupts.context()).toEqual(ON)
      })))

  it.live("lets nobody else advance time meanwhile: two delays don't interleave", () =>
    withClock("external", ({ clock, calendar }) =>
      Effect.gen(function* () {
        const first = yield* fork(clock.ndelay(100n))
        const second = yield* fork(clock.ndelay(10n))
        const third = yield* fork(clock.ndelay(1n))
        yield* settled
        expect(calendar.got.map(show)).toEqual(["REQUEST#4 100", "WAIT#5 NONE"])
        calendar.say(6, 500, 100n)
        yield* settled
        expect([endOf(first), endOf(second)]).toEqual(["done", "waits"])
        calendar.say(6, 501, 110n)
        yield* settled
        expect([endOf(second), endOf(third)]).toEqual(["done", "waits"])
        calendar.say(6, 502, 111n)
        yield* Fiber.join(third)
        expect(yield* clock.now).toBe(111n)
      })))

  it.live("is freed by a handler that dies: the wait is over, the masks are as they were, the clock lives", () =>
    withClock("external", ({ clock, calendar, interrupts }) =>
      Effect.gen(function* () {
        const fiber = yield* fork(clock.ndelay(100n))
        yield* settled
        yield* Effect.exit(interrupts.raise(Effect.die("bug")))
        yield* settled
        expect(endOf(fiber)).toBe("failed")
        expect(interrupts.context()).toEqual(ON)
        expect(describeState(yield* clock.snapshot)).toContain("[] waiting 0")
        expect(calendar.readers).toBe(0)
        yield* clock.addEvent(event("on it goes", () => {}), 300n)
      })))
})

describe("a fiber that is interrupted", () => {
  it.live("while it waits for RUN leaves at once; nothing of its advance is left", () =>
    withClock("external", ({ clock, calendar, interrupts }) =>
      Effect.gen(function* () {
        const fiber = yield* fork(clock.ndelay(100n))
        yield* settled
        yield* Fiber.interrupt(fiber)
        expect(interrupts.context()).toEqual(ON)
        expect(calendar.readers).toBe(0)
        expect(describeState(yield* clock.snapshot)).toContain("[] waiting 0")
        yield* clock.addEvent(event("later", () => {}), 300n)
        expect(calendar.got.map(show)).toEqual(["REQUEST#4 100", "WAIT#5 NONE", "REQUEST#6 300"])
      })))

  it.live("while it waits for RUN leaves the guest stopped to its calendar: the next wait sends no second WAIT", () =>
    withClock("external", ({ clock, calendar }) =>
      Effect.gen(function* () {
        const fiber = yield* fork(clock.ndelay(100n))
        yield* settled
        yield* Fiber.interrupt(fiber)
        const next = yield* fork(clock.ndelay(50n))
        yield* settled
        // PROTOCOL, "Violations": WAIT by a client that isn't running costs it its connection.
        expect(calendar.got.filter(({ op }) => op === 3)).toHaveLength(1)
        expect(calendar.got.filter(({ op }) => op === 2).map(({ time }) => time)).toEqual([100n, 50n])
        calendar.say(6, 500, 50n)
        yield* Fiber.join(next)
        expect(yield* clock.now).toBe(50n)
        // And from then on it is as ever.
        const after = yield* fork(clock.ndelay(1n))
        yield* settled
        expect(calendar.got.filter(({ op }) => op === 3)).toHaveLength(2)
        calendar.say(6, 501, 51n)
        yield* Fiber.join(after)
      })))

  it.live("just before its RUN came lets that RUN move time, and the next delay begins there", () =>
    withClock("external", ({ clock, calendar }) =>
      Effect.gen(function* () {
        yield* Fiber.interrupt(yield* fork(clock.ndelay(100n)))
        calendar.grant()
        calendar.time = 100n
        calendar.say(6, 500, 100n)
        const next = yield* fork(clock.ndelay(1n))
        yield* settled
        // It can't be busy until 1 any more: that is long past.
        expect(endOf(next)).toBe("done")
        expect(yield* clock.now).toBe(101n)
      })))

  if (isOfFirst()) {
    it.live("between a message and its ACK: the next exchange takes the late ACK in and goes on", () =>
      withClock("external", ({ clock, calendar, interrupts }) =>
        Effect.gen(function* () {
          calendar.handle = () => {}
          const fiber = yield* fork(clock.propagateTime)
          expect(calendar.got.map(show)).toEqual(["UPDATE#4 0"])
          yield* Fiber.interrupt(fiber)
          expect(interrupts.context()).toEqual(ON)
          const next = yield* fork(clock.addEvent(event("next", () => {}), 70n))
          yield* settled
          expect([endOf(next), calendar.got.length]).toEqual(["waits", 1])
          calendar.say(7, 100, 5n)
          calendar.say(0, 4, 0n)
          yield* settled
          expect(calendar.got.slice(1).map(show)).toEqual(["ACK#100 0", "REQUEST#5 70"])
          calendar.say(0, 5, 0n)
          yield* Fiber.join(next)
          expect((yield* clock.snapshot).external).toMatchObject({ freeUntil: 5n, previousRequest: 70n })
        })))
  }

  if (isOfFirst()) {
    it.live("between GET and its ACK has the late ACK set the time all the same", () =>
      withClock("external", ({ clock, calendar }) =>
        Effect.gen(function* () {
          calendar.handle = () => {}
          const fiber = yield* fork(clock.irqEvent(event("irq", () => {})))
          yield* Fiber.interrupt(fiber)
          calendar.say(0, 4, 33n)
          calendar.handle = (message) => calendar.acknowledge(message)
          yield* clock.propagateTime
          expect(yield* clock.now).toBe(33n)
          expect(calendar.got.map(show)).toEqual(["GET#4 NONE", "UPDATE#5 0"])
        })))
  }

  if (isOfFirst()) {
    it.live("before its REQUEST was sent leaves a clock that still has it to send", () =>
      withClock("external", ({ clock, calendar }) =>
        Effect.gen(function* () {
          calendar.handle = () => {}
          yield* Fiber.interrupt(yield* fork(clock.propagateTime))
          // This one waits for the late ACK before it says anything.
          yield* Fiber.interrupt(yield* fork(clock.addEvent(event("first", () => {}), 5n)))
          expect(calendar.got.map(show)).toEqual(["UPDATE#4 0"])
          calendar.say(0, 4, 0n)
          calendar.handle = (message) => calendar.acknowledge(message)
          const first = describeState(yield* clock.snapshot).includes("[first@5]")
          const advance = yield* fork(clock.ndelay(9n))
          yield* settled
          const told = calendar.got.filter(({ op }) => op === 2).map(({ time }) => time)
          expect(told.at(-1)).toBe(first ? 5n : 9n)
          yield* Fiber.interrupt(advance)
        })))
  }

  it.live("while it carries out another fiber's operation as an interrupt does that one no harm", () =>
    withClock("external", ({ clock, calendar }) =>
      Effect.gen(function* () {
        const carrier = yield* fork(clock.ndelay(100n))
        yield* settled
        calendar.handle = () => {}
        const other = yield* fork(clock.addEvent(event("other", () => {}), 50n))
        yield* settled
        expect(calendar.got.at(-1)).toMatchObject({ op: 2, time: 50n })
        const interrupted = yield* fork(Fiber.interrupt(carrier))
        yield* settled
        calendar.say(0, 6, 0n)
        calendar.handle = (message) => calendar.acknowledge(message)
        yield* settled
        expect([endOf(interrupted), endOf(other)]).toEqual(["done", "done"])
        expect(describeState(yield* clock.snapshot)).toContain("[other@50] waiting 0")
      })))

  it.live("while it waits for the CPU gives its place up to the next", () =>
    withClock("external", ({ clock, calendar }) =>
      Effect.gen(function* () {
        yield* fork(clock.ndelay(100n))
        const second = yield* fork(clock.ndelay(10n))
        const third = yield* fork(clock.ndelay(1n))
        yield* settled
        yield* Fiber.interrupt(second)
        calendar.say(6, 500, 100n)
        yield* settled
        expect(calendar.got.slice(2).map(show)).toEqual(["ACK#500 0", "REQUEST#6 101", "WAIT#7 NONE"])
        calendar.say(6, 501, 101n)
        yield* Fiber.join(third)
      })))

  if (isOfFirst()) {
    it.live("before its operation's turn as an interrupt came takes that back", () =>
      withClock("external", ({ clock, calendar }) =>
        Effect.gen(function* () {
          calendar.handle = () => {}
          const exchange = yield* fork(clock.propagateTime)
          const late = yield* fork(clock.addEvent(event("late", () => {}), 70n))
          yield* settled
          yield* Fiber.interrupt(late)
          calendar.say(0, 4, 0n)
          yield* Fiber.join(exchange)
          yield* settled
          expect(calendar.got).toHaveLength(1)
          expect(describeState(yield* clock.snapshot)).toContain("[]")
        })))
  }

  it.live("in off mode, while it waits for the host's clock, leaves nothing behind", () =>
    withClock("off", ({ clock, host, interrupts }) =>
      Effect.gen(function* () {
        const fiber = yield* fork(clock.ndelay(100n))
        yield* settled
        expect(host.waitedFor).toEqual([1_000_100n])
        yield* Fiber.interrupt(fiber)
        expect(host.waitedFor).toEqual([])
        expect(interrupts.context()).toEqual(ON)
        expect(describeState(yield* clock.snapshot)).toContain("[]")
      })))
})

describe("a handler", () => {
  it.live("runs masked and in interrupt context, each kind of it, and afterwards both are as they were", () =>
    withClock("basic", ({ clock, unbooted, interrupts }) =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        const look = (name: string) => () => {
          seen.push([name, interrupts.context()])
        }
        yield* clock.clockEvent.onTick(look("tick"))
        yield* clock.runUserProcess(look("relay"))
        yield* clock.addEvent(event("plain", look("plain")), 1n)
        yield* clock.addEvent(event("effect", Effect.sync(look("effect"))), 2n)
        yield* clock.addEvent(event("slow", Effect.andThen(Effect.yieldNow, Effect.sync(look("slow")))), 3n)
        yield* clock.clockEvent.nextEvent(3n)
        yield* clock.ndelay(10n)
        yield* Effect.sync(look("after"))
        yield* clock.clockEvent.oneShot
        yield* unbooted.hostAlarm
        yield* Effect.sync(look("after"))
        expect(seen).toEqual([
          ["plain", HANDLING],
          ["effect", HANDLING],
          ["slow", HANDLING],
          ["relay", HANDLING],
          ["tick", HANDLING],
          ["after", ON],
          ["relay", HANDLING],
          ["tick", HANDLING],
          ["after", ON],
        ])
      })))

  const bad: Record<string, () => Effect.Effect<void, ClockError> | void> = {
    "throws": () => {
      throw new Error("bug")
    },
    "dies": () => Effect.die(new Error("bug")),
    "dies later": () => Effect.andThen(Effect.yieldNow, Effect.die(new Error("bug"))),
    "interrupts itself": () => Effect.interrupt,
    "interrupts itself later": () => Effect.andThen(Effect.yieldNow, Effect.interrupt),
    "is interrupted with interrupts on": () =>
      Effect.provideService(Interrupts.unmasked(Effect.interrupt), Interrupts.Interrupts, cpu.current!),
  }
  const cpu: { current: Interrupts.Interrupts | undefined } = { current: undefined }

  for (const [what, handler] of Object.entries(bad)) {
    it.live(`that ${what} leaves the masks as they were, nothing of the advance, and a clock that lives`, () =>
      withClock("inf-cpu", ({ clock, interrupts }) =>
        Effect.gen(function* () {
          cpu.current = interrupts
          yield* clock.addEvent(event("bad", handler), 5n)
          const exit = yield* Effect.exit(clock.ndelay(10n))
          if (what.includes("interrupts itself") || what.includes("is interrupted")) {
            expect(Exit.hasInterrupts(exit)).toBe(true)
          } else if (what === "leaves interrupts on") expect(Exit.isSuccess(exit)).toBe(true)
          else expect(Exit.isFailure(exit) && Cause.squash(exit.cause)).toEqual(new Error("bug"))
          expect(interrupts.context()).toEqual(ON)
          const now = yield* clock.now
          expect(describeState(yield* clock.snapshot)).toMatch(/\[\]$/)
          yield* clock.ndelay(10n)
          expect(yield* clock.now).toBe(now + 10n)
        })))

    it.live(`that ${what} does no harm to a sleep or a tick either`, () =>
      withClock("basic", ({ clock, interrupts }) =>
        Effect.gen(function* () {
          cpu.current = interrupts
          yield* clock.clockEvent.onTick(handler)
          yield* clock.clockEvent.periodic
          yield* Effect.exit(
            Interrupts.masked(clock.sleep),
          )
          expect(interrupts.context()).toEqual(ON)
          expect(describeState(yield* clock.snapshot)).toMatch(/\[timer@20000000\]$/)
          yield* clock.clockEvent.shutdown
          yield* clock.ndelay(10n)
        })))
  }

  if (isOfFirst()) {
    it.live("that is a function has what it asked for told to the calendar in order, when it has returned", () =>
      withClock("external", ({ clock, calendar }) =>
        Effect.gen(function* () {
          calendar.grant()
          const told: Array<number> = []
          const later = ["a", "b", "c"].map((name) => event(name, () => {}))
          const busy = event("busy", ({ addEvent, deleteEvent, now }) => {
            addEvent(later[0]!, now + 30n)
            addEvent(later[1]!, now + 20n)
            addEvent(later[1]!, now + 1n)
            addEvent(later[2]!, now + 10n)
            expect(deleteEvent(later[2]!)).toBe(true)
            expect(deleteEvent(later[2]!)).toBe(false)
            told.push(calendar.got.length)
          })
          yield* clock.addEvent(busy, 5n)
          yield* clock.sleep
          expect(calendar.got.map(show).slice(0, told[0])).toEqual(["REQUEST#4 5", "WAIT#5 NONE", "ACK#1000 0"])
          expect(calendar.got.map(show).slice(told[0])).toEqual([
            "REQUEST#6 35",
            "REQUEST#7 25",
            "REQUEST#8 15",
            "REQUEST#9 25",
          ])
        })))
  }

  if (isOfFirst()) {
    it.live("may work in many fibers at once: its operations come one after the other all the same", () =>
      withClock("external", ({ clock, calendar }) =>
        Effect.gen(function* () {
          calendar.grant()
          const seen: Array<bigint> = []
          const note = () => event("note", ({ now }) => void seen.push(now))
          yield* clock.addEvent(
            event(
              "many",
              Effect.all([clock.addEvent(note(), 20n), clock.addEvent(note(), 15n), clock.addEvent(note(), 30n)], {
                concurrency: "unbounded",
                discard: true,
              }),
            ),
            5n,
          )
          const fiber = yield* fork(clock.ndelay(50n))
          yield* settled
          expect(endOf(fiber)).toBe("done")
          expect(seen).toEqual([15n, 20n, 30n])
        })))
  }

  if (isOfFirst()) {
    it.live("may leave a fiber behind that uses the clock while it waits again: as an interrupt", () =>
      withClock("external", ({ clock, calendar }) =>
        Effect.gen(function* () {
          calendar.grant()
          const go = yield* Deferred.make<void>()
          const left: Array<Fiber.Fiber<void, ClockError>> = []
          yield* clock.addEvent(
            event(
              "forks",
              Effect.map(
                Effect.forkDetach(
                  Effect.andThen(Deferred.await(go), clock.addEvent(event("x", () => {}), 60n)),
                  { startImmediately: true },
                ),
                (fiber) => void left.push(fiber),
              ),
            ),
            5n,
          )
          // RUN comes for 5, and not yet for 100.
          const granting = calendar.handle
          calendar.handle = (message) => calendar.time > 0n ? calendar.acknowledge(message) : granting(message)
          const fiber = yield* fork(clock.ndelay(100n))
          yield* settled
          expect([endOf(fiber), calendar.readers]).toEqual(["waits", 1])
          yield* Deferred.succeed(go, undefined)
          yield* settled
          expect(endOf(left[0]!)).toBe("done")
          expect(calendar.got.at(-1)).toMatchObject({ op: 2, time: 60n })
          expect(calendar.readers).toBe(1)
          calendar.say(6, 2000, 60n)
          yield* settled
          calendar.say(6, 2001, 60n)
          yield* settled
          calendar.say(6, 2002, 100n)
          yield* settled
          expect(endOf(fiber)).toBe("done")
        })))
  }
})

// ----------------------------------------------------- interruption anywhere

/** A scheduler that has the first fiber it sees give way once, at its `at`th step, and be interrupted there. */
class Tripwire implements Scheduler.Scheduler {
  readonly executionMode = "async" as const
  tripped = false
  #steps = 0
  #target: Fiber.Fiber<unknown, unknown> | undefined
  readonly #at: number
  readonly #inner = new Scheduler.MixedScheduler()
  constructor(at: number) {
    this.#at = at
  }
  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    this.#target ??= fiber
    if (fiber !== this.#target || this.tripped || ++this.#steps < this.#at) return false
    this.tripped = true
    queueMicrotask(() => fiber.interruptUnsafe())
    return true
  }
  makeDispatcher(): Scheduler.SchedulerDispatcher {
    return this.#inner.makeDispatcher()
  }
}

/** Something that takes the CPU, waits, masks or talks, in a world of its own; and what must work afterwards. */
interface Interruptible {
  readonly mode: Guest.Mode
  readonly prepare?: (fakes: Fakes) => Effect.Effect<void, ClockError>
  readonly run: (fakes: Fakes) => Effect.Effect<unknown, ClockError, Interrupts.Interrupts>
}

const slowHandler = (clock: GuestClock) =>
  event(
    "slow",
    Effect.gen(function* () {
      yield* Effect.yieldNow
      yield* clock.addEvent(event("inner", () => {}), (yield* clock.now) + 1n)
      yield* clock.ndelay(1n)
    }),
  )

const withEvents = ({ clock }: Fakes) =>
  Effect.gen(function* () {
    yield* clock.addEvent(event("plain", () => {}), 3n)
    yield* clock.addEvent(slowHandler(clock), 5n)
  })

const granted = (fakes: Fakes) =>
  Effect.suspend(() => {
    fakes.calendar.grant()
    return withEvents(fakes)
  })

const interruptible: Record<string, Interruptible> = {
  "a delay": { mode: "inf-cpu", prepare: withEvents, run: ({ clock }) => clock.ndelay(20n) },
  "a delay with nothing to do": { mode: "inf-cpu", run: ({ clock }) => clock.ndelay(20n) },
  "a masked delay": {
    mode: "inf-cpu",
    prepare: withEvents,
    run: ({ clock }) => Interrupts.masked(clock.ndelay(20n)),
  },
  "an unmasked stretch": {
    mode: "inf-cpu",
    run: ({ clock, interrupts }) =>
      Effect.provideService(
        Interrupts.masked(Effect.andThen(Interrupts.raise(Effect.yieldNow), Interrupts.unmasked(clock.ndelay(5n)))),
        Interrupts.Interrupts,
        interrupts,
      ),
  },
  "a raised interrupt": {
    mode: "inf-cpu",
    run: ({ clock, interrupts }) => interrupts.raise(Effect.ignore(Effect.andThen(Effect.yieldNow, clock.ndelay(2n)))),
  },
  "a sleep": { mode: "basic", prepare: withEvents, run: ({ clock }) => Effect.andThen(clock.sleep, clock.sleep) },
  "a tick": {
    mode: "basic",
    prepare: ({ clock }) =>
      Effect.andThen(clock.clockEvent.onTick(() => Effect.yieldNow), clock.clockEvent.nextEvent(5n)),
    run: ({ clock }) => clock.sleep,
  },
  "a host alarm": {
    mode: "basic",
    prepare: ({ clock }) =>
      Effect.andThen(clock.clockEvent.onTick(() => Effect.yieldNow), clock.clockEvent.nextEvent(5n)),
    run: ({ unbooted }) => unbooted.hostAlarm,
  },
  "a read of the clock source": { mode: "inf-cpu", prepare: withEvents, run: ({ clock }) => clock.readClockSource },
  "a delay with a calendar": { mode: "external", prepare: granted, run: ({ clock }) => clock.ndelay(20n) },
  "a sleep with a calendar": { mode: "external", prepare: granted, run: ({ clock }) => clock.sleep },
  "an interrupt from outside": {
    mode: "external",
    prepare: granted,
    run: ({ clock }) => clock.irqEvent(event("irq", () => {})),
  },
  "an event that is added": {
    mode: "external",
    prepare: granted,
    run: ({ clock }) => clock.addEvent(event("added", () => {}), 2n),
  },
  "an update": { mode: "external", prepare: granted, run: ({ clock }) => clock.propagateTime },
  "a wait for something else": {
    mode: "external",
    prepare: (fakes) => Effect.map(granted(fakes), () => fakes.calendar.say(7, 900, 50n)),
    run: ({ clock }) => clock.waitReadable(Effect.repeat(Effect.yieldNow, { times: 5 })),
  },
}

describe("wherever a fiber is interrupted", () => {
  for (const [name, { mode, prepare, run }] of Object.entries(interruptible)) {
    it.live(
      `in ${name}, the CPU is free afterwards, the masks are off, and the clock goes on`,
      () =>
        Effect.gen(function* () {
          const stuck: Array<string> = []
          let at = 1
          for (let tripped = true; tripped; at++) {
            const tripwire = new Tripwire(at)
            yield* withClock(mode, (fakes) =>
              Effect.gen(function* () {
                const { clock, interrupts, calendar } = fakes
                yield* prepare?.(fakes) ?? Effect.void
                const fiber = yield* Effect.forkChild(Effect.provideService(run(fakes), Scheduler.Scheduler, tripwire))
                yield* Fiber.await(fiber)
                tripped = tripwire.tripped
                yield* settled
                const problems: Array<string> = []
                const { masked, inInterrupt } = interrupts.context()
                if (masked || inInterrupt) problems.push(`left ${masked ? "masked " : ""}${inInterrupt ? "in" : ""}`)
                const state = yield* clock.snapshot
                const pending = Guest.pending(state).filter((entry) => entry.onStack).length
                if (pending > 0) problems.push(`left ${pending} on-stack`)
                if (state.external !== undefined && state.external.waiting !== 0) problems.push("left waiting")
                if (calendar.readers > 0) problems.push("left reading")
                // What comes next: first an exchange, which takes in what is late, then time goes on.
                const next = yield* fork(
                  Effect.andThen(clock.addEvent(event("next", () => {}), 5000n), clock.ndelay(1000n)),
                )
                yield* settled
                yield* settled
                if (endOf(next) !== "done") {
                  problems.push(`then ${endOf(next)}: ${String(next.pollUnsafe() ?? "for ever")}`)
                  yield* Fiber.interrupt(next)
                }
                if (problems.length > 0) stuck.push(`at step ${at}: ${problems.join(", ")}`)
              }))
          }
          expect(at).toBeGreaterThan(2)
          expect(stuck).toEqual([])
        }),
      20_000,
    )
  }

  it.live("waiting for the CPU, the next in line gets it", () =>
    Effect.gen(function* () {
      const stuck: Array<number> = []
      for (let at = 1, tripped = true; tripped; at++) {
        const tripwire = new Tripwire(at)
        yield* withClock("external", ({ clock, calendar }) =>
          Effect.gen(function* () {
            yield* fork(clock.ndelay(100n))
            yield* settled
            const second = yield* fork(Effect.provideService(clock.ndelay(10n), Scheduler.Scheduler, tripwire))
            yield* settled
            const third = yield* fork(clock.ndelay(1n))
            yield* settled
            calendar.grant()
            calendar.say(6, 500, 100n)
            yield* Fiber.await(second)
            yield* settled
            if (endOf(third) === "waits") stuck.push(at)
            yield* Fiber.interrupt(third)
            tripped = tripwire.tripped
          }))
      }
      expect(stuck).toEqual([])
    }), 20_000)

  it.live("by its own plain handler, the CPU is free afterwards and the masks are off", () =>
    withClock("inf-cpu", ({ clock, interrupts }) =>
      Effect.gen(function* () {
        const fibers: Array<Fiber.Fiber<void, ClockError>> = []
        // As an AbortController does that a handler aborts.
        yield* clock.addEvent(event("abort", () => fibers[0]!.interruptUnsafe()), 5n)
        fibers.push(yield* Effect.forkChild(clock.ndelay(10n)))
        yield* Fiber.await(fibers[0]!)
        expect(interrupts.context()).toEqual(ON)
        expect(describeState(yield* clock.snapshot)).toMatch(/\[\]$/)
        const next = yield* fork(clock.ndelay(10n))
        yield* settled
        expect(endOf(next)).toBe("done")
        yield* Fiber.interrupt(next)
      })))
})

describe("what a stranger's review found", () => {
  it.live("a mask that is taken off while a guest waits for RUN leaves it interruptible", () =>
    withClock("external", ({ clock }) =>
      Effect.gen(function* () {
        const done = yield* Deferred.make<void>()
        const other = yield* fork(Interrupts.masked(Deferred.await(done)))
        const waiting = yield* fork(clock.ndelay(100n))
        yield* settled
        yield* Deferred.succeed(done, undefined)
        yield* Fiber.join(other)
        const irq = yield* fork(clock.addEvent(event("late", () => {}), 50n))
        yield* settled
        expect(endOf(irq)).toBe("done")
        yield* Fiber.interrupt(waiting)
      })))

  it.live("a guest that gave up waiting runs nowhere by itself, and has no time to tell", () =>
    withClock("external", ({ clock, calendar }) =>
      Effect.gen(function* () {
        // It may run on by itself up to 1000; but then it waits for RUN, and gives up.
        calendar.say(7, 400, 5n)
        yield* Fiber.interrupt(yield* fork(clock.ndelay(100n)))
        calendar.say(7, 401, 1000n)
        yield* clock.addEvent(event("later", () => {}), 500n)
        const before = calendar.got.filter(({ op }) => op === 5).length
        yield* clock.propagateTime
        expect(calendar.got.filter(({ op }) => op === 5)).toHaveLength(before)
        const next = yield* fork(clock.ndelay(1n))
        yield* settled
        expect(endOf(next)).toBe("waits")
        yield* Fiber.interrupt(next)
      })))

  if (isOfFirst()) {
    it.live("fibers of one handler take turns: their exchanges don't mix", () =>
      withClock("external", ({ clock, calendar }) =>
        Effect.gen(function* () {
          calendar.grant()
          const three = Effect.all([clock.propagateTime, clock.propagateTime, clock.propagateTime], {
            concurrency: "unbounded",
            discard: true,
          })
          yield* clock.addEvent(event("busy", three), 5n)
          yield* clock.ndelay(10n)
          expect(calendar.got.filter(({ op }) => op === 5)).toHaveLength(3)
          expect(yield* clock.now).toBe(10n)
        })))
  }

  it.live("a stale alarm of the host's timer is dropped in basic mode", () =>
    withClock("basic", ({ clock, hostTimer }) =>
      Effect.gen(function* () {
        yield* clock.clockEvent.nextEvent(1_000_000n)
        yield* clock.ndelay(2_000_000n)
        yield* hostTimer.goOff
        expect(yield* clock.now).toBe(2_000_000n)
      })))
})
