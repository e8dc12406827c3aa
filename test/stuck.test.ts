import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { MaxOpsBeforeYield } from "effect/Scheduler"
import * as TestClock from "effect/testing/TestClock"
import { setTimeout as realSleep } from "node:timers/promises"
import * as GuestClock from "../src/GuestClock.ts"
import * as Mode from "../src/Mode.ts"
import { Guest, Link, World } from "../src/simulation.ts"
import type { Simulated } from "../src/internal/testing/Explore.ts"
import * as VirtualTime from "../src/VirtualTime.ts"

/** Runs a program on simulated time that starts at 1970. */
const run = <A, E>(program: Effect.Effect<A, E, Simulated>, options?: VirtualTime.Options) =>
  Effect.provide(VirtualTime.run(program, options), Mode.infCpu({ start: 0n }))

/** Why a program can't go on, or `hangs` if it doesn't say so in time for a test. */
const whyStuck = <A, E>(program: Effect.Effect<A, E, Simulated>, options?: VirtualTime.Options, ms = 4500) =>
  Effect.raceFirst(Effect.flip(run(program, options)), Effect.as(Effect.promise(() => realSleep(ms)), "hangs" as const))

const logged = () => {
  const lines: Array<string> = []
  return { lines, layer: Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]) }
}

const clock = GuestClock.GuestClock

describe("handlers that keep time from moving", () => {
  it.live("as one that adds itself again for now are a livelock that names the event", () =>
    Effect.gen(function* () {
      const again: GuestClock.Event = GuestClock.event("again", ({ now, addEvent }) => addEvent(again, now))
      const program = Effect.gen(function* () {
        yield* (yield* clock).addEvent(again, 5n)
        yield* Effect.sleep(1)
      })
      const stuck = yield* whyStuck(program, { livelockAfter: 1000 })
      expect(stuck).toMatchObject({ _tag: "Livelock", at: 5n, event: "again" })
    }))

  it.live("as two that add each other are a livelock, by real time alone as well", () =>
    Effect.gen(function* () {
      const ping: GuestClock.Event = GuestClock.event("ping", ({ now, addEvent }) => addEvent(pong, now))
      const pong: GuestClock.Event = GuestClock.event("pong", ({ now, addEvent }) => addEvent(ping, now))
      const program = Effect.gen(function* () {
        yield* (yield* clock).addEvent(ping, 5n)
        yield* Effect.sleep(1)
      })
      const stuck = yield* whyStuck(program, { livelockAfter: Infinity, livelockAfterRealTime: "300 millis" })
      expect(stuck).toMatchObject({ _tag: "Livelock", at: 5n })
      expect(String(stuck)).toMatch(/"p[io]ng"/)
    }))

  it.live("leave the event loop its turns", () =>
    Effect.gen(function* () {
      let turns = 0
      const timer = setInterval(() => turns++, 1)
      const again: GuestClock.Event = GuestClock.event("again", ({ now, addEvent }) => addEvent(again, now))
      yield* whyStuck(Effect.flatMap(clock, (c) => Effect.andThen(c.addEvent(again, 5n), Effect.sleep(1))), {
        livelockAfterRealTime: "200 millis",
        livelockAfter: Infinity,
      })
      clearInterval(timer)
      expect(turns).toBeGreaterThan(5)
    }))

  it.live("are none where there are merely many, in one round or in a few", () =>
    run(
      Effect.gen(function* () {
        let handled = 0
        const each = (left: number) =>
          GuestClock.event("each", ({ now, addEvent }) => {
            handled++
            if (left > 0) addEvent(each(left - 1), now)
          })
        const c = yield* clock
        for (let i = 0; i < 30_000; i++) yield* c.addEvent(each(3), 5n)
        yield* Effect.sleep(1)
        expect(handled).toBe(120_000)
        expect(c.pendingUnsafe()).toEqual([])
      }),
      { livelockAfter: 100 },
    ))

  it.live("end a clock without a program on simulated time, too", () =>
    Effect.gen(function* () {
      const again: GuestClock.Event = GuestClock.event("again", ({ now, addEvent }) => addEvent(again, now))
      const c = yield* clock
      yield* c.addEvent(again, 5n)
      expect(yield* Effect.flip(c.ndelay(10n))).toMatchObject({ _tag: "TimeStandsStill", at: 5n })
      expect(yield* Effect.flip(c.now)).toMatchObject({ _tag: "TimeStandsStill" })
    }).pipe(Effect.provide(Mode.infCpu())), 30_000)

  it.live("that are effects and never end are reported", () =>
    Effect.gen(function* () {
      const never = GuestClock.event("never", Effect.never)
      const program = Effect.flatMap(clock, (c) => Effect.andThen(c.addEvent(never, 5n), Effect.sleep(1)))
      const stuck = yield* whyStuck(program, { limits: { realTime: "300 millis" } })
      expect(stuck).toMatchObject({ _tag: "LimitReached" })
      expect(String(stuck)).toContain("handler")
    }))
})

describe("a limit of events", () => {
  it.live("holds within one instant, too", () =>
    Effect.gen(function* () {
      let woken = 0
      const sleepers = Effect.all(
        Array.from({ length: 1000 }, () => Effect.andThen(Effect.sleep(5), Effect.sync(() => woken++))),
        { concurrency: "unbounded" },
      )
      const stuck = yield* whyStuck(sleepers, { limits: { events: 10 } })
      expect(stuck).toMatchObject({ _tag: "LimitReached", limit: "events" })
      expect(woken).toBeLessThanOrEqual(10)
    }))

  it.live("counts handlers as it does fibers", () =>
    Effect.gen(function* () {
      let handled = 0
      const again: GuestClock.Event = GuestClock.event("again", ({ now, addEvent }) => {
        handled++
        addEvent(again, now)
      })
      const stuck = yield* whyStuck(
        Effect.flatMap(clock, (c) => Effect.andThen(c.addEvent(again, 5n), Effect.sleep(1))),
        { limits: { events: 10 } },
      )
      expect(stuck).toMatchObject({ _tag: "LimitReached", at: 5n })
      expect(handled).toBe(10)
    }))
})

describe("a fiber that keeps busy", () => {
  const recursion = (n: number): Effect.Effect<number> => Effect.suspend(() => recursion(n + 1))
  const generator = Effect.gen(function* () {
    for (;;) yield* Effect.sync(() => {})
  })
  const promises = Effect.gen(function* () {
    for (;;) yield* Effect.promise(() => Promise.resolve())
  })

  it.live.each(
    [
      ["in a loop without a yield", Effect.forever(Effect.void)],
      ["in a recursion", recursion(0)],
      ["in a generator", generator],
      ["in a loop of promises", promises],
      ["in a loop that is never to yield", Effect.provideService(generator, MaxOpsBeforeYield, 2 ** 52)],
      ["in a loop of yields", Effect.forever(Effect.yieldNow)],
    ] as const,
  )("%s is a livelock in time for a test, with its span, running", ([, loop]) =>
    Effect.gen(function* () {
      const stuck = yield* whyStuck(Effect.withSpan(loop, "busy bee"), { livelockAfterRealTime: "1 second" })
      expect(stuck).toMatchObject({ _tag: "Livelock" })
      expect(String(stuck)).toMatch(/in busy bee.*, running/)
    }), 10_000)

  it.live("is found by default", () =>
    Effect.gen(function* () {
      expect(yield* whyStuck(Effect.forever(Effect.void), {}, 12_000)).toMatchObject({ _tag: "Livelock" })
    }), 15_000)

  it.live(
    "is none among 20,000 that take 8 steps each and read the time, however many that are together",
    () =>
      Effect.gen(function* () {
        let steps = 0
        const process = Effect.gen(function* () {
          for (let i = 0; i < 8; i++) {
            yield* Clock.currentTimeMillis
            yield* Effect.yieldNow
            steps++
          }
        })
        yield* run(Effect.forEach(Array(20_000), () => process, { concurrency: "unbounded", discard: true }), {
          livelockAfter: 1000,
          livelockAfterRealTime: "10 millis",
        })
        expect(steps).toBe(160_000)
      }),
    30_000,
  )

  it.live("polling the clock in plain code is told by a defect", () =>
    Effect.gen(function* () {
      const poll = Effect.clockWith((clock) =>
        Effect.sync(() => {
          while (clock.monotonicTimeNanosUnsafe() < 5n);
        })
      )
      const exit = yield* Effect.exit(run(poll))
      expect(String(exit._tag === "Failure" && Cause.squash(exit.cause))).toContain("Livelock")
    }), 30_000)
})

describe("two guests that answer each other over a link without latency", () => {
  const wire = Link.make("wire", { ends: ["ann", "bob"], message: Schema.Int })
  const receives = (begins: boolean) =>
    Effect.gen(function* () {
      const port = yield* Link.open(wire)
      if (begins) yield* port.send(0)
      for (;;) yield* port.send((yield* port.receive).message + 1)
    })
  const handles = (begins: boolean) =>
    Effect.gen(function* () {
      const port = yield* Link.open(wire)
      yield* port.onArrival(({ message }) => Effect.ignore(port.send(message + 1)))
      if (begins) yield* port.send(0)
      yield* Effect.sleep("1 second")
    })

  it.live.each([["in fibers", receives], ["in handlers", handles]] as const)(
    "%s are a livelock",
    ([, program]) =>
      Effect.gen(function* () {
        const guests = [Guest.make("ann", program(true)), Guest.make("bob", program(false))]
        const failed = yield* Effect.flip(World.run(World.make({ guests, links: [wire] })))
        expect(failed).toMatchObject({ _tag: "GuestFailed" })
        expect(String(failed)).toContain("time stands still at 0 ns")
      }),
    20_000,
  )
})

describe("a program that waits while time runs off", () => {
  const heartbeat = Effect.forever(Effect.sleep("1 second")).pipe(Effect.withSpan("heartbeat"))
  const waiting = Effect.gen(function* () {
    yield* Effect.forkChild(heartbeat)
    yield* Effect.withSpan(Effect.never, "answer")
  })

  it.live("is warned of, with what it waits for and how far time has run", () =>
    Effect.gen(function* () {
      const { lines, layer } = logged()
      const stuck = yield* Effect.flip(
        run(waiting, { stalledAfter: "100 millis", limits: { realTime: "250 millis" } }),
      ).pipe(Effect.provide(layer))
      expect(stuck).toMatchObject({ _tag: "LimitReached" })
      expect(lines.join("\n")).toMatch(/while time ran from 0 ns to \d{10,} ns.*in answer.*heartbeat/s)
      // 100 ms, and twice that.
      expect(lines.length).toBeLessThanOrEqual(2)
    }))

  it.live("fails, if it is to", () =>
    Effect.gen(function* () {
      const stuck = yield* whyStuck(waiting, { stalled: "fail", stalledAfter: "100 millis" })
      expect(stuck).toMatchObject({ _tag: "Stalled", since: 0n, main: { where: ["answer"] } })
    }))

  it.live("isn't, where its main fiber gets on, nor at a pace", () =>
    Effect.gen(function* () {
      const getsOn = Effect.gen(function* () {
        yield* Effect.forkChild(heartbeat)
        for (let i = 0; i < 100; i++) {
          yield* Effect.andThen(Effect.sleep("10 seconds"), VirtualTime.hold(Effect.sleep(3)))
        }
      })
      yield* run(getsOn, { stalled: "fail", stalledAfter: "100 millis" })
      const paced = Effect.gen(function* () {
        yield* Effect.forkChild(heartbeat)
        yield* Fiber.join(yield* Effect.forkChild(Effect.sleep("30 seconds")))
      })
      yield* run(paced, { stalled: "fail", stalledAfter: "20 millis", pace: 100 })
    }))

  it.live("says at which line it waits, and in which its fibers do", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* atWork() {
        const answer = yield* Deferred.make<void>()
        yield* Effect.forkChild(Effect.gen(function* helper() {
          yield* Queue.take(yield* Queue.unbounded<void>())
        }))
        yield* Deferred.await(answer)
      })
      const stuck = yield* whyStuck(program, { deadlockAfter: 1 })
      expect(stuck).toMatchObject({ _tag: "Deadlock" })
      const { fibers, message, stack } = stuck as VirtualTime.Deadlock
      expect(fibers[0]!.lines[0]).toMatch(/^at atWork \(.*stuck\.test\.ts:\d+:\d+\)$/)
      expect(message).toMatch(/#\d+ at helper \(.*stuck\.test\.ts/)
      // Whoever shows the error's place shows the program, not what found it out.
      expect(stack!.split("\n").find((line) => line.trim().startsWith("at "))).toContain("at atWork")
    }))

  it.live("can go on after it was asked where it is", () =>
    Effect.gen(function* () {
      const { layer } = logged()
      const program = Effect.gen(function* () {
        const answer = yield* Deferred.make<number>()
        yield* Effect.forkChild(
          Effect.andThen(
            Effect.repeat(Effect.sleep("1 second"), Schedule.recurs(20_000)),
            Deferred.succeed(answer, 42),
          ),
        )
        return yield* Deferred.await(answer)
      })
      expect(yield* Effect.provide(run(program, { stalledAfter: "10 millis" }), layer)).toBe(42)
    }))
})

describe("a program in real time", () => {
  const modes = [["off", Mode.off()], ["basic", Mode.basic()]] as const

  it.live.each(modes)("in %s mode wakes who is due beside a loop of yields", ([, mode]) =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        let isOver = false
        yield* Effect.forkChild(Effect.andThen(Effect.sleep(30), Effect.sync(() => isOver = true)))
        let rounds = 0
        while (!isOver) yield* Effect.as(Effect.yieldNow, rounds++)
        return rounds
      })
      const from = performance.now()
      const done = Effect.provide(VirtualTime.run(program), mode)
      const rounds = yield* Effect.raceFirst(done, Effect.as(Effect.promise(() => realSleep(4000)), 0))
      expect(rounds).toBeGreaterThan(10)
      expect(performance.now() - from).toBeGreaterThan(25)
    }), 10_000)

  it.live.each(modes)("in %s mode ends a loop without yields by a time-out", ([, mode]) =>
    Effect.gen(function* () {
      const program = Effect.timeoutOption(Effect.forever(Effect.void), 30)
      const done = Effect.provide(VirtualTime.run(program), mode)
      const ended = yield* Effect.raceFirst(done, Effect.as(Effect.promise(() => realSleep(4000)), "hangs"))
      expect(ended).toMatchObject({ _tag: "None" })
    }), 10_000)

  it.live("in basic mode is as late as it was busy, and no later", () =>
    Effect.gen(function* () {
      const woken: Array<bigint> = []
      const sleeper = (ms: number) =>
        Effect.andThen(
          Effect.sleep(ms),
          Effect.flatMap(Clock.monotonicTimeNanos, (now) => Effect.sync(() => woken.push(now))),
        )
      const program = Effect.gen(function* () {
        yield* Effect.forkChild(Effect.all([sleeper(10), sleeper(20), sleeper(30)], { concurrency: "unbounded" }))
        while (woken.length < 3) yield* Effect.yieldNow
      })
      yield* Effect.provide(VirtualTime.run(program), Mode.basic())
      // Each wakes at its own time, though the clock is looked at every few ms only.
      expect(woken).toEqual([10_000_000n, 20_000_000n, 30_000_000n])
    }))
})

describe("a pause", () => {
  it.live("of the program's own, with nobody to end it, is reported", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        yield* (yield* VirtualTime.VirtualTime).pause
        yield* Effect.sleep("1 second")
      })
      const stuck = yield* whyStuck(program)
      expect(stuck).toMatchObject({ _tag: "Deadlock" })
      expect(String(stuck)).toContain("paused by the program itself")
    }), 10_000)

  it.live("of the program's own doesn't keep it from ending", () =>
    Effect.gen(function* () {
      let ended = false
      const program = Effect.gen(function* () {
        yield* (yield* VirtualTime.VirtualTime).pause
        yield* Effect.ensuring(
          Effect.sleep("1 second"),
          Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => ended = true)),
        )
      })
      yield* whyStuck(program)
      expect(ended).toBe(true)
    }), 10_000)
})

describe("under another clock", () => {
  const waits = Effect.flip(run(Effect.never, { deadlockAfter: 20 }))

  it.effect("as TestClock, a deadlock is noticed", () =>
    Effect.gen(function* () {
      expect(yield* waits).toMatchObject({ _tag: "Deadlock" })
    }))

  it.effect("as TestClock, a hold's cap is of real time", () =>
    Effect.gen(function* () {
      const held = VirtualTime.hold(Effect.promise(() => realSleep(1000)), { cap: "20 millis" })
      expect(yield* Effect.flip(run(held))).toMatchObject({ _tag: "HoldTimedOut" })
      yield* TestClock.adjust("1 day")
    }))

  it.effect("as TestClock, each mode runs to its end", () =>
    Effect.gen(function* () {
      for (const mode of [Mode.off(), Mode.basic(), Mode.infCpu()]) {
        yield* Effect.provide(VirtualTime.run(Effect.sleep(5)), mode)
      }
    }))

  it.live("as simulated time, a deadlock is noticed, and is the inner program's alone", () =>
    Effect.gen(function* () {
      const outer = Effect.gen(function* () {
        expect(yield* waits).toMatchObject({ _tag: "Deadlock" })
        yield* Effect.sleep("1 second")
        return yield* Clock.monotonicTimeNanos
      })
      expect(yield* run(outer, { deadlockAfter: 1 })).toBe(1_000_000_000n)
    }))

  it.live("as simulated time, the inner program takes none of it", () =>
    Effect.gen(function* () {
      const inner = run(Effect.andThen(Effect.sleep("1 day"), VirtualTime.hold(Effect.sleep(50))))
      const outer = Effect.gen(function* () {
        const heartbeat = yield* Effect.forkChild(Effect.forever(Effect.sleep(1)))
        yield* inner
        yield* Effect.provide(VirtualTime.run(Effect.sleep(30)), Mode.off())
        yield* Fiber.interrupt(heartbeat)
        return yield* Clock.monotonicTimeNanos
      })
      expect(yield* run(outer, { deadlockAfter: 1 })).toBe(0n)
    }))
})

describe("the layer", () => {
  const world = (options: VirtualTime.Options = {}) =>
    Layer.provideMerge(VirtualTime.layer(options), Mode.infCpu({ start: 0n }))

  it.live("reports nothing while nothing of it runs", () =>
    Effect.gen(function* () {
      const { lines, layer } = logged()
      const runtime = ManagedRuntime.make(Layer.provideMerge(world({ deadlockAfter: 1 }), layer))
      yield* Effect.addFinalizer(() => Effect.promise(() => runtime.dispose()))
      yield* Effect.promise(() => runtime.runPromise(Effect.sleep("1 day")))
      yield* Effect.promise(() => realSleep(50))
      expect(lines).toEqual([])
    }).pipe(Effect.scoped))

  it.live("reports each deadlock, with its reason in the cause", () =>
    Effect.gen(function* () {
      const { lines, layer } = logged()
      const runtime = ManagedRuntime.make(Layer.provideMerge(world({ deadlockAfter: 1 }), layer))
      yield* Effect.addFinalizer(() => Effect.promise(() => runtime.dispose()))
      for (let i = 1; i <= 3; i++) {
        const why = yield* Effect.promise(() => runtime.runPromise(Effect.never).then(() => undefined, (why) => why))
        expect(why).toMatchObject({ _tag: "Deadlock" })
        expect(lines.length).toBe(i)
        yield* Effect.promise(() => runtime.runPromise(Effect.sleep("1 day")))
      }
    }).pipe(Effect.scoped))

  it.live("lets a program that is interrupted run its finalizers, sleeps included", () =>
    Effect.gen(function* () {
      let ended = false
      const { layer } = logged()
      const program = Effect.ensuring(Effect.never, Effect.andThen(Effect.sleep(5), Effect.sync(() => ended = true)))
      const exit = yield* Effect.exit(
        Effect.forkDetach(Effect.provide(program, Layer.provideMerge(world({ deadlockAfter: 1 }), layer))).pipe(
          Effect.flatMap(Fiber.join),
        ),
      )
      expect(exit._tag).toBe("Failure")
      expect(ended).toBe(true)
    }))
})

describe("a second run on one clock", () => {
  it.live("finds nothing of the first one's", () =>
    Effect.gen(function* () {
      yield* VirtualTime.run(
        Effect.gen(function* () {
          yield* Effect.forkDetach(Effect.sleep("1 day"), { startImmediately: true })
          yield* Effect.forkDetach(Effect.forever(Effect.sleep("1 minute")), { startImmediately: true })
          yield* Effect.sleep("1 second")
        }),
      )
      const c = yield* clock
      expect(c.pendingUnsafe()).toEqual([])
      yield* VirtualTime.run(Effect.sleep("1 second"), { timersAtEnd: "fail" })
      expect(yield* c.now).toBe(2_000_000_000n)
      expect(yield* Effect.flip(VirtualTime.run(Effect.never, { deadlockAfter: 1 }))).toMatchObject({
        _tag: "Deadlock",
        at: 2_000_000_000n,
      })
    }).pipe(Effect.provide(Mode.infCpu())))

  it.live("finds nothing of what the first one's fibers do afterwards", () =>
    Effect.gen(function* () {
      yield* VirtualTime.run(
        Effect.forkDetach(Effect.andThen(Effect.promise(() => realSleep(20)), Effect.sleep("1 day")), {
          startImmediately: true,
        }),
      )
      yield* Effect.promise(() => realSleep(40))
      expect((yield* clock).pendingUnsafe()).toEqual([])
    }).pipe(Effect.provide(Mode.infCpu())))
})

describe("a hold past its cap", () => {
  it.live("says who slept meanwhile", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        yield* Effect.forkChild(Effect.withSpan(Effect.sleep("1 hour"), "nap"), { startImmediately: true })
        yield* VirtualTime.hold(Effect.promise(() => realSleep(1000)), { name: "query", cap: "20 millis" })
      })
      const stuck = yield* Effect.flip(run(program))
      expect(stuck).toMatchObject({ _tag: "HoldTimedOut", fibers: [{ where: ["nap"] }] })
      expect(String(stuck)).toMatch(/"query".*in nap.*asleep until 3600000000000 ns/s)
    }))
})

describe("a limit of real time", () => {
  it.live.each(
    [
      ["a hold", VirtualTime.hold(Effect.promise(() => realSleep(2000)), { name: "query" }), /held by "query"/],
      ["a wait while time runs", Effect.raceFirst(Effect.never, Effect.forever(Effect.sleep(1))), /time runs off/],
      ["the world", Effect.promise(() => realSleep(2000)), /nothing is due/],
      ["a pause", Effect.flatMap(VirtualTime.VirtualTime, (t) => Effect.andThen(t.pause, Effect.sleep(1))), /paused/],
    ] as const,
  )("says what a program was doing: %s", ([, program, what]) =>
    Effect.gen(function* () {
      const stuck = yield* whyStuck(Effect.withSpan(program, "my test"), {
        limits: { realTime: "200 millis" },
        deadlockAfter: "1 minute",
      })
      expect(stuck).toMatchObject({ _tag: "LimitReached" })
      expect(String(stuck)).toMatch(what)
      expect(String(stuck)).toContain("my test")
    }))

  it.live("ends a program that doesn't end, however it was told", () =>
    Effect.gen(function* () {
      const stubborn = Effect.uninterruptible(Effect.forever(Effect.sleep(1)))
      expect(yield* whyStuck(stubborn, { limits: { realTime: "200 millis" } }, 2000)).toMatchObject({
        _tag: "LimitReached",
      })
    }))
})

describe("the wall clock", () => {
  it.live("can be set forwards and back, while the monotonic clock goes on", () =>
    run(Effect.gen(function* () {
      const read = Effect.all([Clock.currentTimeMillis, Clock.currentTimeNanos, Clock.monotonicTimeNanos])
      const sleeper = yield* Effect.forkChild(Effect.sleep("1 hour"), { startImmediately: true })
      yield* Effect.sleep("1 second")
      yield* VirtualTime.setWallClock(1_700_000_000_000_000_000n)
      expect(yield* read).toEqual([1_700_000_000_000, 1_700_000_000_000_000_000n, 1_000_000_000n])
      yield* Effect.sleep("1 second")
      expect(yield* read).toEqual([1_700_000_001_000, 1_700_000_001_000_000_000n, 2_000_000_000n])
      yield* VirtualTime.setWallClock(0n)
      expect(yield* read).toEqual([0, 0n, 2_000_000_000n])
      yield* Fiber.join(sleeper)
      expect(yield* read).toEqual([3_598_000, 3_598_000_000_000n, 3_600_000_000_000n])
    })))

  it.live("can't be set outside of 64 bits, and keeps what it was", () =>
    run(Effect.gen(function* () {
      for (const to of [-1n, 2n ** 64n]) {
        expect(yield* Effect.flip(VirtualTime.setWallClock(to))).toMatchObject({ _tag: "TimeOutOfRange" })
      }
      expect(yield* Clock.currentTimeMillis).toBe(0)
    })))
})

describe("loops that cost time", () => {
  it.live("are free, where they are not to, and stop time for good", () =>
    Effect.gen(function* () {
      const program = Effect.andThen(Effect.forkChild(Effect.forever(Effect.sleep(0))), Effect.sleep(100))
      expect(yield* whyStuck(program, { livelockAfter: 10_000 })).toMatchObject({ _tag: "Livelock" })
    }))

  it.live.each(
    [
      ["yields", Effect.forever(Effect.yieldNow)],
      ["sleeps of zero", Effect.forever(Effect.sleep(0))],
      ["computations", Effect.forever(Effect.void)],
      ["promises", Effect.forever(Effect.promise(() => Promise.resolve()))],
    ] as const,
  )("of %s end by a time-out, the same each time", ([, loop]) =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        let rounds = 0
        yield* Effect.forkChild(Effect.forever(Effect.andThen(Effect.yieldNow, Effect.sync(() => rounds++))))
        const ended = yield* Effect.timeoutOption(loop, "1 hour")
        return [ended._tag, yield* Clock.monotonicTimeNanos, rounds]
      })
      const first = yield* run(program, { yieldsCostTime: true })
      expect(first.slice(0, 2)).toEqual(["None", 3_600_000_000_000n])
      expect(yield* run(program, { yieldsCostTime: true })).toEqual(first)
    }), 20_000)

  it.live("wait less and less for one and the same loop, and as long as at first for the next", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const rounds: Array<number> = []
        for (const until of [1, 1, 1, 5]) {
          let over = false
          yield* Effect.forkChild(Effect.andThen(Effect.sleep(until), Effect.sync(() => over = true)))
          let count = 0
          while (!over) yield* Effect.as(Effect.yieldNow, count++)
          rounds.push(count)
        }
        yield* Effect.sleep(1)
        let over = false
        yield* Effect.forkChild(Effect.andThen(Effect.sleep(1), Effect.sync(() => over = true)))
        let count = 0
        while (!over) yield* Effect.as(Effect.yieldNow, count++)
        return [...rounds, count]
      })
      const rounds = yield* run(program, { yieldsCostTime: true })
      for (const [i, about] of [10_000, 2500, 625, 156, 10_000].entries()) {
        expect(Math.abs(rounds[i]! - about)).toBeLessThan(10)
      }
    }))

  it.live("are still a livelock where nothing is due", () =>
    Effect.gen(function* () {
      expect(yield* whyStuck(Effect.forever(Effect.yieldNow), { yieldsCostTime: true }, 12_000)).toMatchObject({
        _tag: "Livelock",
      })
    }), 15_000)
})

describe("a schedule finer than a millisecond", () => {
  it.live.each(
    [2_500n, 100n, 250n, 333n, 1_500n, 2_100n, 700n, 1n].map((micros) => [`${micros} micros`, micros] as const),
  )("of %s keeps its grid", ([interval, micros]) =>
    run(Effect.gen(function* () {
      const ran: Array<bigint> = []
      yield* Effect.repeat(
        Effect.flatMap(Clock.monotonicTimeNanos, (now) => Effect.sync(() => ran.push(now))),
        Schedule.upTo(Schedule.fixed(interval as `${number} micros`), { times: 100 }),
      )
      expect(ran).toEqual(Array.from({ length: 101 }, (_, i) => BigInt(i) * micros * 1000n))
    })))

  it.live("keeps it from a wall clock of today on, between two milliseconds as well", () =>
    Effect.gen(function* () {
      for (const start of [1_700_000_000_000_000_000n, 1_700_000_000_123_456_789n]) {
        const ran: Array<bigint> = []
        const program = Effect.repeat(
          Effect.flatMap(Clock.monotonicTimeNanos, (now) => Effect.sync(() => ran.push(now))),
          Schedule.upTo(Schedule.fixed("1250 micros"), { times: 100 }),
        )
        yield* Effect.provide(VirtualTime.run(program), Mode.infCpu({ start }))
        expect(ran).toEqual(Array.from({ length: 101 }, (_, i) => BigInt(i) * 1_250_000n))
      }
    }))

  it.live("keeps it where what it runs takes time", () =>
    run(Effect.gen(function* () {
      const ran: Array<bigint> = []
      yield* Effect.repeat(
        Effect.flatMap(
          Clock.monotonicTimeNanos,
          (now) => Effect.andThen(Effect.sync(() => ran.push(now)), Effect.sleep("300 micros")),
        ),
        Schedule.upTo(Schedule.fixed("2500 micros"), { times: 20 }),
      )
      // The grid begins when it has run once.
      expect(ran).toEqual([0n, ...Array.from({ length: 20 }, (_, i) => 300_000n + BigInt(i + 1) * 2_500_000n)])
    })))
})

describe("what was found by a reader", () => {
  it.live("time moves beside a loop of yields while it waits for requests, too", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        yield* Effect.forkChild(Effect.forever(Effect.yieldNow))
        yield* Effect.sleep("1 second")
        return yield* Clock.monotonicTimeNanos
      })
      for (const requests of ["wait", "warn", "ignore"] as const) {
        expect(yield* run(program, { requests, yieldsCostTime: true })).toBe(1_000_000_000n)
      }
    }))

  it.live("requests of one name that follow each other are each waited for", () =>
    Effect.gen(function* () {
      const hash = Effect.promise(() => crypto.subtle.digest("SHA-256", new Uint8Array(2_000_000)))
      const program = Effect.gen(function* () {
        yield* Effect.forkChild(Effect.forever(Effect.sleep("1 second")))
        for (let i = 0; i < 3; i++) {
          yield* hash
          yield* VirtualTime.hold(Effect.sleep(150))
        }
        yield* Effect.replicateEffect(hash, 60)
        return yield* Clock.monotonicTimeNanos
      })
      expect(yield* run(program, { requests: "wait", deadlockAfter: 100 })).toBe(0n)
    }), 20_000)

  it.live("a layer says once that a limit is reached, and nothing while nothing runs", () =>
    Effect.gen(function* () {
      const { lines, layer } = logged()
      const world = (options: VirtualTime.Options) =>
        Layer.provideMerge(Layer.provideMerge(VirtualTime.layer(options), Mode.infCpu({ start: 0n })), layer)
      const idle = ManagedRuntime.make(world({ limits: { realTime: 20 } }))
      yield* Effect.promise(() => idle.runPromise(Effect.void))
      yield* Effect.promise(() => realSleep(100))
      expect(lines).toEqual([])
      yield* Effect.promise(() => idle.dispose())
      const busy = ManagedRuntime.make(world({ limits: { events: 3 } }))
      const ended = busy.runPromise(Effect.forever(Effect.sleep(1))).then(() => undefined, (why) => why)
      expect(yield* Effect.promise(() => ended)).toMatchObject({ _tag: "LimitReached" })
      yield* Effect.promise(() => realSleep(100))
      expect(lines.length).toBe(1)
      yield* Effect.promise(() => busy.dispose())
    }))

  it.live("a limit isn't passed by who can't be interrupted, before the grace", () =>
    Effect.gen(function* () {
      const woken: Array<number> = []
      const naps = Effect.forEach([1, 2], (i) => Effect.andThen(Effect.sleep(700), Effect.sync(() => woken.push(i))))
      const c = yield* clock
      yield* Effect.flip(VirtualTime.run(Effect.uninterruptible(naps), { limits: { simulatedTime: "1 second" } }))
      expect(woken.length).toBeGreaterThanOrEqual(1)
      expect(c.nowUnsafe() <= 1_400_000_000n).toBe(true)
    }).pipe(Effect.provide(Mode.infCpu())))

  it.live.each([[{ events: 3 }], [{ realTime: 300 }], [{ simulatedTime: 3 }]] as const)(
    "a program past a limit of %o has time to end",
    ([limits]) =>
      Effect.gen(function* () {
        let ended = false
        const last = Effect.andThen(Effect.sleep(20), Effect.sync(() => ended = true))
        yield* whyStuck(Effect.ensuring(Effect.forever(Effect.sleep(1)), last), { limits })
        expect(ended).toBe(true)
      }),
  )

  it.live("a run that can't end can be interrupted", () =>
    Effect.gen(function* () {
      const stubborn = run(Effect.uninterruptible(Effect.never), { deadlockAfter: 20 })
      const ended = Effect.timeoutOption(stubborn, 5)
      const hung = Effect.as(Effect.promise(() => realSleep(3000)), "hangs")
      expect(yield* Effect.raceFirst(Effect.exit(ended), hung)).not.toBe("hangs")
    }))

  it.live("who yields beside a hold is in no livelock", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        yield* Effect.forkChild(Effect.forever(Effect.yieldNow))
        yield* VirtualTime.hold(Effect.promise(() => realSleep(400)))
      })
      yield* run(program, { livelockAfter: 1000, livelockAfterRealTime: 50 })
    }))

  it.live("a program of one fiber whose reads move time isn't stalled, nor is one whose pace was set later", () =>
    Effect.gen(function* () {
      const reads = Effect.gen(function* () {
        for (let i = 0; i < 300_000; i++) yield* Clock.monotonicTimeNanos
      })
      yield* run(reads, { readsCostTime: true, stalled: "fail", stalledAfter: 20 })
      const paced = Effect.gen(function* () {
        yield* (yield* VirtualTime.VirtualTime).setPace(100)
        yield* Effect.forkChild(Effect.forever(Effect.sleep(100)))
        yield* Fiber.join(yield* Effect.forkChild(Effect.sleep("20 seconds")))
      })
      yield* run(paced, { stalled: "fail", stalledAfter: 20 })
    }))

  it.live("who is asked where they wait go on as they would have", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const other = yield* Effect.forkChild(
          Effect.gen(function* () {
            yield* [Effect.sleep("1 hour")] as unknown as Iterable<Effect.Effect<void>>
            return "result"
          }) as unknown as Effect.Effect<string>,
          { startImmediately: true },
        )
        yield* (yield* VirtualTime.VirtualTime).sleeping
        yield* Effect.ignore(VirtualTime.hold(Effect.promise(() => realSleep(100)), { cap: 5 }))
        return yield* Fiber.join(other)
      })
      expect(yield* run(program)).toBe("result")
    }))

  it.live("a report is made whatever Error.prepareStackTrace makes of stacks", () =>
    Effect.gen(function* () {
      const before = Error.prepareStackTrace
      Error.prepareStackTrace = (_, sites) => sites
      const stuck = yield* whyStuck(
        Effect.gen(function* () {
          yield* Effect.never
        }),
        { deadlockAfter: 1 },
      )
      Error.prepareStackTrace = before
      expect(stuck).toMatchObject({ _tag: "Deadlock" })
    }))

  it.live("in basic mode a limit of simulated time holds beside a loop of yields, and holds aren't caught up with", () =>
    Effect.gen(function* () {
      const loop = Effect.gen(function* () {
        yield* Effect.forkChild(Effect.sleep(300))
        yield* Effect.forever(Effect.yieldNow)
      })
      const limited = VirtualTime.run(loop, { limits: { simulatedTime: 100 } })
      expect(yield* Effect.flip(Effect.provide(limited, Mode.basic()))).toMatchObject({ _tag: "LimitReached" })
      const held = Effect.gen(function* () {
        let isOver = false
        yield* Effect.forkChild(Effect.andThen(Effect.sleep(200), Effect.sync(() => isOver = true)))
        yield* VirtualTime.hold(Effect.promise(() => realSleep(150)))
        const from = performance.now()
        while (!isOver) yield* Effect.yieldNow
        return performance.now() - from
      })
      expect(yield* Effect.provide(VirtualTime.run(held), Mode.basic())).toBeGreaterThan(150)
    }))

  it.live("steps that weren't made are none, after a resume or the end", () =>
    Effect.gen(function* () {
      const ready = yield* Deferred.make<VirtualTime.VirtualTime>()
      const program = Effect.gen(function* () {
        const time = yield* VirtualTime.VirtualTime
        yield* Deferred.succeed(ready, time)
        yield* VirtualTime.hold(Effect.promise(() => realSleep(60)))
        yield* Effect.sleep("1 second")
      })
      const fiber = yield* Effect.forkChild(run(program))
      const time = yield* Deferred.await(ready)
      const step = yield* Effect.forkChild(time.step, { startImmediately: true })
      yield* time.resume
      yield* Fiber.join(step)
      yield* Fiber.join(fiber)
      yield* time.step
    }))

  it.live("an event that is added from outside is seen", () =>
    Effect.gen(function* () {
      const c = yield* clock
      let handled = false
      const event = GuestClock.event("outside", () => void (handled = true))
      setTimeout(() => c.addEventUnsafe(event, 5n), 10)
      yield* Effect.flip(VirtualTime.run(Effect.never, { deadlockAfter: 50 }))
      expect(handled).toBe(true)
    }).pipe(Effect.provide(Mode.infCpu())))
})

describe("what was found by an attacker", () => {
  const until = (ms: number) => Effect.promise(() => realSleep(ms))

  it.live("a program that waits for the world again and again, each time for less, is in no deadlock", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        for (let i = 0; i < 30; i++) yield* until(10)
      })
      yield* run(program, { deadlockAfter: 60 })
      yield* run(program, { deadlockAfter: 60, requests: "wait" })
    }))

  const burn = (ms: number) =>
    Effect.sync(() => {
      for (const from = performance.now(); performance.now() - from < ms;);
    })
  const toil = Effect.forever(Effect.andThen(burn(10), Effect.yieldNow))

  it.live("long tasks are counted by what they take, and keep to a limit", () =>
    Effect.gen(function* () {
      expect(yield* whyStuck(toil, { livelockAfterRealTime: "1 second" }, 8000)).toMatchObject({ _tag: "Livelock" })
      const limits = { realTime: "300 millis" } as const
      expect(yield* whyStuck(toil, { limits })).toMatchObject({ _tag: "LimitReached" })
    }), 20_000)

  it.live.each([["off", Mode.off()], ["basic", Mode.basic()]] as const)(
    "in %s mode who is due wakes beside long tasks, and polling the clock ends",
    ([, mode]) =>
      Effect.gen(function* () {
        let woken = 0
        const program = Effect.gen(function* () {
          yield* Effect.forkChild(Effect.forever(Effect.andThen(Effect.sleep(20), Effect.sync(() => woken++))))
          for (let i = 0; i < 60; i++) yield* Effect.andThen(burn(10), Effect.yieldNow)
        })
        yield* Effect.provide(VirtualTime.run(program), mode)
        expect(woken).toBeGreaterThan(4)
        const polls = Effect.gen(function* () {
          const from = yield* Clock.currentTimeMillis
          while ((yield* Clock.currentTimeMillis) < from + 200);
        })
        yield* Effect.provide(VirtualTime.run(polls), mode)
      }),
    20_000,
  )

  it.live("time that creeps past a sleep of an hour is said to", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        yield* Effect.forkChild(Effect.forever(Effect.sleep("1 nanos")))
        yield* Effect.sleep("1 hour")
      })
      const stuck = yield* whyStuck(program, { stalled: "fail", stalledAfter: "200 millis" })
      expect(stuck).toMatchObject({ _tag: "Stalled", main: { asleepUntil: 3_600_000_000_000n } })
    }))

  it.live("a hold that its cap can't end is reported", () =>
    Effect.gen(function* () {
      const held = VirtualTime.hold(Effect.uninterruptible(Effect.never), { name: "query", cap: 20 })
      const stuck = yield* whyStuck(held)
      expect(stuck).toMatchObject({ _tag: "Deadlock" })
      expect(String(stuck)).toContain('held past its cap by "query"')
    }))

  it.live("a limit of any kind names who was there", () =>
    Effect.gen(function* () {
      const naps = Effect.withSpan(Effect.forever(Effect.sleep("1 minute")), "naps")
      for (const limits of [{ simulatedTime: "90 seconds" }, { events: 2 }] as const) {
        expect(String(yield* whyStuck(naps, { limits }))).toMatch(/in naps/)
      }
    }))

  it.live.each(
    [
      ["2500 micros", 1, 8],
      ["700 micros", 0, 20],
      ["100 micros", 0, 40],
      ["1 millis", 0, 8],
    ] as const,
  )("a grid of %s is kept where a run takes %s ms", ([interval, work, times]) =>
    Effect.gen(function* () {
      for (const first of [0n, 333_000n]) {
        const ran: Array<bigint> = []
        const program = Effect.gen(function* () {
          yield* Effect.sleep(Duration.nanos(first))
          const note = Effect.map(Clock.monotonicTimeNanos, (now) => void ran.push(now - first))
          yield* Effect.repeat(
            Effect.andThen(note, Effect.sleep(work)),
            Schedule.upTo(Schedule.fixed(interval), { times }),
          )
        })
        yield* run(program)
        const grid = ran.slice(1).map((time) =>
          Number(time - BigInt(work) * 1_000_000n) %
          (Number.parseFloat(interval) * (interval.endsWith("micros") ? 1000 : 1_000_000))
        )
        expect(grid.every((off) => off === 0), String(ran)).toBe(true)
        expect(new Set(ran).size).toBe(times + 1)
      }
    }))
})
