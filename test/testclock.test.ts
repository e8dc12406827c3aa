import * as Clock from "effect/Clock"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Effects from "effect/testing/TestClock"
import * as TestConsole from "effect/testing/TestConsole"
import { describe, expect, Explore, it } from "../src/testing.ts"
import * as TestClock from "../src/testing/TestClock.ts"
import { Mode, VirtualTime } from "../src/index.ts"

/** The guest time, in ms. */
const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/** What a defect says. */
const messageOf = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "it succeeded"

describe("TestClock.adjust on simulated time", () => {
  it.effect("wakes in order all that is due until then, and nothing that is due later", () =>
    Effect.gen(function* () {
      const woken: Array<string> = []
      const wake = (name: string, after: Duration.Input) =>
        Effect.forkChild(Effect.andThen(Effect.sleep(after), Effect.sync(() => woken.push(name))))
      yield* wake("third", "3 seconds")
      yield* wake("first", "1 second")
      yield* wake("late", "3001 millis")
      yield* wake("second", "2 seconds")
      yield* TestClock.adjust("3 seconds")
      expect(woken).toEqual(["first", "second", "third"])
      expect(yield* now).toBe(3000)
    }))

  it.effect("waits until all that follows from what is due has come to rest: forks, promises, other fibers", () =>
    Effect.gen(function* () {
      const done = yield* Deferred.make<void>()
      let steps = 0
      const hops = Effect.gen(function* () {
        for (let i = 0; i < 20; i++) {
          yield* Effect.promise(() => Promise.resolve())
          yield* Effect.yieldNow
          steps++
        }
        yield* Effect.forkChild(Effect.andThen(Effect.yieldNow, Deferred.succeed(done, undefined)))
        yield* Deferred.await(done)
        steps++
      })
      // Whoever falls asleep after the adjustment has begun is due at the same time as its end, and comes after it.
      yield* Effect.forkChild(
        Effect.andThen(Effect.sleep("500 millis"), Effect.andThen(Effect.sleep("500 millis"), hops)),
      )
      yield* TestClock.adjust("1 second")
      expect(steps).toBe(21)
      expect(yield* now).toBe(1000)
    }))

  it.effect("finds the time where it left it, however long the test runs without waiting", () =>
    Effect.gen(function* () {
      let beats = 0
      yield* Effect.forkChild(Effect.forever(Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => ++beats))))
      for (let minute = 1; minute <= 5; minute++) {
        yield* TestClock.adjust("1 minute")
        for (let i = 0; i < 100; i++) yield* Effect.yieldNow
        yield* Effect.promise(() => Promise.resolve())
        expect(beats).toBe(minute * 60)
      }
    }))

  it.effect("isn't needed: who waits for a fiber has time move by itself", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.sleep("1 hour"))
      yield* Fiber.join(fiber)
      expect(yield* now).toBe(3_600_000)
    }))

  it.effect("of 0 lets the others run, and time stand still", () =>
    Effect.gen(function* () {
      let hasRun = false
      yield* Effect.forkChild(Effect.andThen(Effect.yieldNow, Effect.sync(() => hasRun = true)))
      yield* Effect.forkChild(Effect.sleep("1 nanos"))
      yield* TestClock.adjust(0)
      expect(hasRun).toBe(true)
      expect(yield* now).toBe(0)
    }))

  it.effect("by less than 0 sets the wall clock back, to 1970 at most, and lets no sleep begin again", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("10 seconds")
      const sleeper = yield* Effect.forkChild(Effect.sleep("5 seconds"))
      yield* TestClock.adjust("-4 seconds")
      expect([yield* Clock.currentTimeMillis, yield* now]).toEqual([6000, 10_000])
      yield* TestClock.adjust("-1 hour")
      expect([yield* Clock.currentTimeMillis, yield* now]).toEqual([0, 10_000])
      yield* TestClock.adjust(Duration.negativeInfinity)
      expect(sleeper.pollUnsafe()).toBeUndefined()
      yield* TestClock.adjust("5 seconds")
      expect(sleeper.pollUnsafe()).toBeDefined()
    }))

  it.effect("to infinity goes on for as long as anything is due, and not beyond", () =>
    Effect.gen(function* () {
      let ended = false
      const chain = Effect.all([Effect.sleep("1 day"), Effect.sleep("365 days"), Effect.sleep("1 nanos")])
      yield* Effect.forkChild(Effect.andThen(chain, Effect.sync(() => ended = true)))
      yield* Effect.forkChild(Effect.never)
      yield* TestClock.adjust(Duration.infinity)
      expect(ended).toBe(true)
      expect(yield* Clock.monotonicTimeNanos).toBe(366n * 86_400n * 1_000_000_000n + 1n)
    }))

  it.effect("beyond the end of time says how much there is", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 day")
      const exit = yield* Effect.exit(
        TestClock.adjust("300 weeks").pipe(Effect.andThen(TestClock.adjust("16000 weeks"))),
      )
      expect(messageOf(exit)).toContain(`${2n ** 63n - 1n - 86_400n * 2101n * 1_000_000_000n} ns from now`)
    }))

  it.effect("by several fibers is done for one after the other", () =>
    Effect.gen(function* () {
      const times = yield* Effect.all(
        [1, 2, 3].map((seconds) => Effect.andThen(TestClock.adjust(Duration.seconds(seconds)), now)),
        { concurrency: "unbounded" },
      )
      expect(times).toEqual([1000, 3000, 6000])
    }))

  it.effect("can be interrupted, and the next one made", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(TestClock.adjust("1 hour"))
      yield* Effect.sleep("1 minute")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 minute")
      expect(yield* now).toBe(120_000)
    }))
})

describe("a loop in a simulated test, beside one that sleeps", () => {
  const loops: ReadonlyArray<readonly [string, Effect.Effect<never>]> = [
    ["yields", Effect.forever(Effect.yieldNow)],
    ["sleeps of zero", Effect.forever(Effect.sleep(0))],
    ["computations", Effect.forever(Effect.void)],
    ["promises", Effect.forever(Effect.promise(() => Promise.resolve()))],
  ]

  it.effect.each(loops)("of %s ends by a time-out", ([, loop]) =>
    Effect.gen(function* () {
      yield* Effect.timeoutOption(loop, "1 hour")
      expect(yield* now).toBe(3_600_000)
    }))

  it.effect.each(loops)("of %s lets an adjustment end where it is to", ([, loop]) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(loop)
      const sleeper = yield* Effect.forkChild(Effect.sleep("2 hours"))
      yield* TestClock.adjust("1 hour")
      expect([yield* now, sleeper.pollUnsafe()]).toEqual([3_600_000, undefined])
      yield* TestClock.adjust("1 hour")
      expect([yield* now, sleeper.pollUnsafe()]).toEqual([7_200_000, Exit.void])
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("that is repeated in no time costs none", () =>
    Effect.gen(function* () {
      let n = 0
      yield* Effect.repeat(Effect.sync(() => ++n), { times: 1000 })
      expect([n, yield* now]).toEqual([1001, 0])
    }))
})

describe("TestClock.setTime on simulated time", () => {
  it.effect("goes on to a time", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.sleep("10 hours"))
      yield* TestClock.setTime(Duration.toMillis("10 hours"))
      expect(fiber.pollUnsafe()).toBeDefined()
      expect(yield* Clock.currentTimeMillis).toBe(36_000_000)
    }))

  it.effect("is exact where a number of ns isn't", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_700_000_000_000.5)
      expect(yield* Clock.currentTimeNanos).toBe(1_700_000_000_000_500_000n)
      yield* TestClock.setTime(1_700_000_000_001)
      expect(yield* Clock.monotonicTimeNanos).toBe(1_700_000_000_001_000_000n)
    }))

  it.effect("back to a time sets the wall clock only", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(2000)
      yield* TestClock.setTime(500)
      expect([yield* Clock.currentTimeMillis, yield* now]).toEqual([500, 2000])
      yield* TestClock.setTime(1000)
      expect([yield* Clock.currentTimeMillis, yield* now]).toEqual([1000, 2500])
    }))

  it.effect("to infinity goes on for as long as anything is due", () =>
    Effect.gen(function* () {
      yield* Effect.forkChild(Effect.sleep("1 day"))
      yield* TestClock.setTime(Infinity)
      expect(yield* now).toBe(86_400_000)
    }))

  it.effect.each([NaN, -Infinity])("can't be told %s", (timestamp) =>
    Effect.gen(function* () {
      expect(messageOf(yield* Effect.exit(TestClock.setTime(timestamp)))).toContain(
        "it is a number of ms since 1970, or Infinity",
      )
    }))
})

describe("TestClock.withLive on simulated time", () => {
  it.effect("is in real time, in which simulated time stands still", () =>
    Effect.gen(function* () {
      let beats = 0
      yield* Effect.forkChild(Effect.forever(Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => ++beats))))
      yield* TestClock.adjust("1 second")
      const [before, after] = yield* TestClock.withLive(
        Effect.all([Clock.currentTimeMillis, Effect.andThen(Effect.sleep("30 millis"), Clock.currentTimeMillis)]),
      )
      expect(after - before).toBeGreaterThanOrEqual(29)
      expect(before).toBeGreaterThan(1_700_000_000_000)
      expect([beats, yield* now]).toEqual([1, 1000])
    }))

  it.effect("ends when it is interrupted", () =>
    Effect.gen(function* () {
      const live = yield* Effect.forkChild(TestClock.withLive(Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(live)
      yield* Effect.sleep("1 hour")
      expect(yield* now).toBe(3_600_000)
    }))
})

describe("the clock of a simulated test", () => {
  it.effect("is adjusted by Effect's own module as well", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.sleep("1 minute"))
      yield* Effects.adjust("1 minute")
      expect(fiber.pollUnsafe()).toBeDefined()
      yield* Effects.setTime(90_000)
      const read = Effects.testClockWith((clock) => Effect.sync(() => clock.currentTimeMillisUnsafe()))
      expect(yield* read).toBe(90_000)
      expect(yield* Effects.withLive(Clock.currentTimeMillis)).toBeGreaterThan(1_700_000_000_000)
    }))

  it.simulated("can be adjusted in it.simulated", () =>
    Effect.gen(function* () {
      yield* Effects.adjust("1 minute")
      yield* TestClock.adjust("1 minute")
      expect(yield* now).toBe(120_000)
    }))

  it.simulated("can be adjusted under each order", () =>
    Effect.gen(function* () {
      const fibers = yield* Effect.all([1, 2, 3].map(() => Effect.forkChild(Effect.sleep("1 second"))))
      yield* Effects.adjust("1 second")
      expect(fibers.map((fiber) => fiber.pollUnsafe() !== undefined)).toEqual([true, true, true])
    }), { explore: { seeds: 20 } })

  it.live("can be adjusted in VirtualTime.run, with nothing provided", () =>
    Effect.gen(function* () {
      const program = Effect.andThen(TestClock.adjust("1 hour"), now)
      const run = VirtualTime.run(Effect.andThen(VirtualTime.hold(Effect.void), program))
      expect(yield* Effect.provide(run, Mode.infCpu({ start: 0n }))).toBe(3_600_000)
      const explored = Explore.explore(program, { seeds: 3 })
      yield* explored
    }))

  it.live("says what is missing where time isn't simulated", () =>
    Effect.gen(function* () {
      expect(messageOf(yield* Effect.exit(TestClock.adjust("1 second")))).toContain(
        "there is no simulated time to adjust",
      )
    }))

  it.effect("comes with a console", () =>
    Effect.gen(function* () {
      yield* Effect.logError("not seen")
      const { log } = console
      expect(log).toBe(console.log)
      yield* Effect.sync(() => {})
      yield* TestConsole.testConsoleWith((testConsole) => Effect.sync(() => testConsole.log("noted")))
      expect(yield* TestConsole.logLines).toContain("noted")
    }))
})

describe("TestClock.make on simulated time", () => {
  it.effect("is a clock by itself, which only moves by hand", () =>
    Effect.gen(function* () {
      yield* Effect.sleep("1 hour")
      const clock = yield* TestClock.make()
      expect(clock.currentTimeMillisUnsafe()).toBe(0)
      let at = 0n
      const sleeper = clock.sleep(Duration.seconds(1)).pipe(
        Effect.andThen(clock.monotonicTimeNanos),
        Effect.tap((nanos) => Effect.sync(() => at = nanos)),
      )
      const fiber = yield* Effect.forkChild(sleeper)
      yield* clock.adjust("999 millis")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* clock.adjust("2 seconds")
      expect([at, clock.monotonicTimeNanosUnsafe()]).toEqual([1_000_000_000n, 2_999_000_000n])
      expect(yield* now).toBe(3_600_000)
    }))

  it.live("is one in real time, too", () =>
    Effect.gen(function* () {
      const clock = yield* TestClock.make()
      let beats = 0
      const beat = Effect.andThen(clock.sleep(Duration.seconds(1)), Effect.sync(() => ++beats))
      yield* Effect.forkChild(Effect.forever(beat))
      yield* Effect.sleep("5 millis")
      expect(clock.monotonicTimeNanosUnsafe()).toBe(0n)
      yield* clock.adjust("10 seconds")
      expect([beats, clock.currentTimeMillisUnsafe()]).toEqual([10, 10_000])
    }))

  it.effect("takes no time of the test's, and leaves it alone", () =>
    Effect.gen(function* () {
      const clock = yield* TestClock.make()
      yield* Effect.sleep("1 hour")
      yield* clock.adjust("1 day")
      yield* Effect.sleep("1 hour")
      expect([yield* now, clock.currentTimeMillisUnsafe()]).toEqual([7_200_000, 86_400_000])
    }))
})

describe("TestClock.layer on simulated time", () => {
  const hour = Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.sleep("1 hour"))
    yield* TestClock.adjust("59 minutes")
    expect(fiber.pollUnsafe()).toBeUndefined()
    yield* Fiber.join(fiber)
    return yield* now
  })

  it.live("has a program's time begin at 1970, and move by itself", () =>
    Effect.gen(function* () {
      expect(yield* Effect.provide(hour, TestClock.layer())).toBe(3_600_000)
      expect(yield* Effect.provide(hour, TestClock.layer({ warningDelay: "1 second" }))).toBe(3_600_000)
    }))

  it("needs nothing around it", async () => {
    expect(await Effect.runPromise(Effect.provide(hour, TestClock.layer()))).toBe(3_600_000)
  })

  it.effect("takes no time of the test around it", () =>
    Effect.gen(function* () {
      yield* Effect.sleep("1 minute")
      expect(yield* Effect.provide(hour, TestClock.layer())).toBe(3_600_000)
      expect(yield* now).toBe(60_000)
    }))

  it.live("interrupts a program that can't go on, with the reason", () =>
    Effect.gen(function* () {
      const exit = yield* Fiber.await(yield* Effect.forkChild(Effect.provide(Effect.never, TestClock.layer())))
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("Deadlock")
    }))
})

describe("two fibers of a simulated test", () => {
  it.effect("have promises come to rest between them, as on Effect's own scheduler", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const fiber = (name: string) =>
        Effect.sync(() => {
          order.push(name)
          Promise.resolve().then(() => {}).then(() => order.push(`${name}'s promise`))
        })
      yield* Effect.sleep("1 second")
      yield* Effect.forkChild(fiber("one"))
      yield* Effect.forkChild(fiber("another"))
      yield* TestClock.adjust(0)
      expect(order).toEqual(["one", "one's promise", "another", "another's promise"])
    }))
})
