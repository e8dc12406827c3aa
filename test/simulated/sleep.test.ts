import { describe, expect } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { it } from "../../src/testing.ts"
import { journal, now, timed } from "../support/moments.ts"

describe("Effect.sleep", () => {
  const lengths: ReadonlyArray<readonly [Duration.Input, bigint]> = [
    ["1 nano", 1n],
    ["255 nanos", 255n],
    ["1 micro", 1_000n],
    ["1 milli", 1_000_000n],
    [1.5, 1_500_000n],
    [0.000001, 1n],
    ["1 second", 1_000_000_000n],
    [Duration.nanos(1_000_000_001n), 1_000_000_001n],
    ["1 minute", 60_000_000_000n],
    ["1 hour", 3_600_000_000_000n],
    ["1 day", 86_400_000_000_000n],
    // What setTimeout can't do in one go.
    [2 ** 31, 2_147_483_648_000_000n],
    ["52 weeks", 31_449_600_000_000_000n],
    // More than a number can tell apart.
    [Duration.nanos(2n ** 53n + 1n), 2n ** 53n + 1n],
    [Duration.nanos(2n ** 62n), 2n ** 62n],
    [Duration.nanos(2n ** 63n - 2n), 2n ** 63n - 2n],
  ]
  it.simulated.each(lengths)("lasts exactly what it is told: %o", ([length, nanos]) =>
    Effect.gen(function* () {
      yield* Effect.sleep(length)
      expect(yield* Clock.monotonicTimeNanos).toBe(nanos)
      expect(yield* Clock.currentTimeNanos).toBe(nanos)
      expect(yield* Clock.currentTimeMillis).toBe(Number(nanos / 1_000_000n))
    }))

  it.simulated.each<readonly [string, Duration.Input]>([
    ["zero", 0],
    ["negative", -1],
    ["negative nanos", Duration.nanos(-5n)],
    ["minus infinity", Duration.negativeInfinity],
    ["less than half a ns", 0.0000001],
  ])("takes no time, but lets others run: %s", ([, length]) =>
    Effect.gen(function* () {
      const { entries, note } = journal()
      yield* Effect.forkChild(note("other"))
      yield* Effect.sleep(length)
      yield* note("sleeper")
      expect(entries).toEqual([[0, "other"], [0, "sleeper"]])
    }))

  it.simulated("without end is over when it is interrupted", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.sleep(Duration.infinity))
      yield* Effect.sleep("100 days")
      expect(fiber.pollUnsafe()).toBeUndefined()
      yield* Fiber.interrupt(fiber)
      expect(Exit.hasInterrupts(fiber.pollUnsafe()!)).toBe(true)
      expect(yield* now).toBe(100 * 86_400_000)
    }))

  it.simulated("one after another add up without any drift", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 1000; i++) yield* Effect.sleep(Duration.nanos(333_333_333n))
      expect(yield* Clock.monotonicTimeNanos).toBe(333_333_333_000n)
    }))

  it.simulated("that are due at the same time wake in the order in which they went to sleep", () =>
    Effect.gen(function* () {
      const order: Array<number> = []
      const at = (i: number, ms: number) =>
        Effect.sleep(10 - ms).pipe(Effect.andThen(Effect.sync(() => order.push(i))), Effect.delay(ms))
      yield* Effect.all([at(0, 3), at(1, 1), at(2, 2), at(3, 1), at(4, 3)], { concurrency: "unbounded" })
      expect(order).toEqual([1, 3, 2, 0, 4])
      expect(yield* now).toBe(10)
    }))

  it.simulated("a ns apart wake a ns apart", () =>
    Effect.gen(function* () {
      const woken: Array<bigint> = []
      const one = (nanos: bigint) =>
        Effect.sleep(Duration.nanos(nanos)).pipe(
          Effect.andThen(Clock.monotonicTimeNanos),
          Effect.map((at) => woken.push(at)),
        )
      yield* Effect.forEach([5n, 3n, 4n, 1n, 2n], one, { concurrency: "unbounded" })
      expect(woken).toEqual([1n, 2n, 3n, 4n, 5n])
    }))

  it.simulated("that is interrupted is over at once, and others keep their time", () =>
    Effect.gen(function* () {
      const { entries, note } = journal()
      const long = yield* Effect.forkChild(Effect.onInterrupt(Effect.sleep("1 hour"), () => note("interrupted")))
      const other = yield* Effect.forkChild(Effect.andThen(Effect.sleep("2 seconds"), note("other")))
      yield* Effect.sleep("1 second")
      yield* Fiber.interrupt(long)
      yield* Fiber.join(other)
      expect(entries).toEqual([[1000, "interrupted"], [2000, "other"]])
    }))

  it.simulated("can't be interrupted in an uninterruptible region before its time", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.uninterruptible(Effect.sleep("5 seconds")), {
        startImmediately: true,
      })
      yield* Effect.sleep("1 second")
      expect((yield* timed(Fiber.interrupt(fiber)))[0]).toBe(4000)
    }))

  it.simulated("in a finalizer takes its time", () =>
    Effect.gen(function* () {
      const [millis] = yield* timed(
        Effect.scoped(Effect.andThen(Effect.addFinalizer(() => Effect.sleep("3 seconds")), Effect.sleep("1 second"))),
      )
      expect(millis).toBe(4000)
    }))

  it.simulated("within a promise that runs effects with the program's services is simulated, too", () =>
    Effect.gen(function* () {
      const services = yield* Effect.context<never>()
      const at = yield* Effect.promise(() =>
        Effect.runPromiseWith(services)(Effect.andThen(Effect.sleep("7 days"), now))
      )
      expect([at, yield* now]).toEqual([604_800_000, 604_800_000])
    }))
})

describe("Effect.delay", () => {
  it.simulated("runs the effect when the time is over", () =>
    Effect.gen(function* () {
      expect(yield* Effect.delay(now, "1500 millis")).toBe(1500)
    }))

  it.simulated("doesn't run the effect if it is interrupted before", () =>
    Effect.gen(function* () {
      let ran = false
      const fiber = yield* Effect.forkChild(Effect.delay(Effect.sync(() => ran = true), "2 seconds"))
      yield* Effect.sleep("1999 millis")
      yield* Fiber.interrupt(fiber)
      yield* Effect.sleep("1 hour")
      expect(ran).toBe(false)
    }))
})

describe("Effect.timed", () => {
  it.simulated("measures a success to the ns", () =>
    Effect.gen(function* () {
      const [duration, value] = yield* Effect.timed(Effect.as(Effect.sleep(Duration.nanos(123_456_789n)), "a"))
      expect(Duration.toNanosUnsafe(duration)).toBe(123_456_789n)
      expect(value).toBe("a")
    }))

  it.simulated("measures nothing where only promises are waited for", () =>
    Effect.gen(function* () {
      const [duration] = yield* Effect.timed(Effect.promise(() => Promise.resolve().then(() => Promise.resolve(1))))
      expect(Duration.toNanosUnsafe(duration)).toBe(0n)
    }))
})

describe("the clock", () => {
  it.simulated("stands still while nobody sleeps", () =>
    Effect.gen(function* () {
      for (let i = 0; i < 5000; i++) yield* Effect.yieldNow
      expect(yield* Clock.monotonicTimeNanos).toBe(0n)
    }))

  it.simulated("has a wall that is the monotonic time from its start on", () =>
    Effect.gen(function* () {
      yield* Effect.sleep(Duration.nanos(999_999n))
      expect(yield* Clock.monotonicTimeNanos).toBe(999_999n)
      expect(yield* Clock.currentTimeNanos).toBe(1_700_000_000_000_999_999n)
      expect(yield* Clock.currentTimeMillis).toBe(1_700_000_000_000)
      yield* Effect.sleep(Duration.nanos(1n))
      expect(yield* Clock.currentTimeMillis).toBe(1_700_000_000_001)
    }), { start: 1_700_000_000_000_000_000n })

  it.simulated("says the same by all its methods", () =>
    Effect.gen(function* () {
      yield* Effect.sleep("12345678 nanos")
      const clock = yield* Clock.Clock
      expect([clock.monotonicTimeNanosUnsafe(), yield* clock.monotonicTimeNanos]).toEqual([12_345_678n, 12_345_678n])
      expect([clock.currentTimeNanosUnsafe(), yield* clock.currentTimeNanos]).toEqual([12_345_678n, 12_345_678n])
      expect(yield* clock.currentTimeMillis).toBe(12)
      expect(yield* Effect.clockWith((clock) => clock.currentTimeMillis)).toBe(12)
      // But for what schedules ask, where a fiber sleeps for parts of a millisecond.
      expect(clock.currentTimeMillisUnsafe()).toBeCloseTo(12.345678, 6)
    }))
})
