import { describe, expect } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { it } from "../../src/testing.ts"
import { journal, now, timed } from "../support/moments.ts"

describe("Effect.timeout", () => {
  it.simulated("fails with a TimeoutError exactly when the time is over", () =>
    Effect.gen(function* () {
      const [millis, exit] = yield* timed(Effect.timeout(Effect.never, "1500 millis"))
      expect(millis).toBe(1500)
      expect(Exit.isFailure(exit) && Cause.squash(exit.cause)).toBeInstanceOf(Cause.TimeoutError)
    }))

  it.simulated("hands on a value that comes a ns earlier", () =>
    Effect.gen(function* () {
      const work = Effect.as(Effect.sleep(Duration.nanos(999_999_999n)), "done")
      expect(yield* timed(Effect.timeout(work, "1 second"))).toEqual([999.999999, Exit.succeed("done")])
    }))

  it.simulated("fails where a value comes a ns later", () =>
    Effect.gen(function* () {
      const [millis, exit] = yield* timed(Effect.timeout(Effect.sleep(Duration.nanos(1_000_000_001n)), "1 second"))
      expect([millis, Exit.isFailure(exit)]).toEqual([1000, true])
    }))

  it.simulated("lets work that is due at the same time win, as it went to sleep first", () =>
    Effect.gen(function* () {
      expect(yield* timed(Effect.timeout(Effect.as(Effect.sleep("1 second"), 1), "1 second"))).toEqual([
        1000,
        Exit.succeed(1),
      ])
    }))

  it.simulated("hands on the effect's own failure", () =>
    Effect.gen(function* () {
      const work = Effect.andThen(Effect.sleep("1 second"), Effect.fail("boom"))
      expect(yield* timed(Effect.timeout(work, "2 seconds"))).toEqual([1000, Exit.fail("boom")])
    }))

  it.simulated("interrupts what takes too long", () =>
    Effect.gen(function* () {
      const { entries, note } = journal()
      yield* Effect.exit(Effect.timeout(Effect.onInterrupt(Effect.never, () => note("interrupted")), "3 seconds"))
      expect(entries).toEqual([[3000, "interrupted"]])
    }))

  it.simulated("waits for what can't be interrupted", () =>
    Effect.gen(function* () {
      const work = Effect.uninterruptible(Effect.sleep("5 seconds"))
      const [millis] = yield* timed(Effect.timeout(work, "1 second"))
      expect(millis).toBe(5000)
    }))

  it.simulated("waits for a finalizer that sleeps", () =>
    Effect.gen(function* () {
      const work = Effect.onInterrupt(Effect.never, () => Effect.sleep("2 seconds"))
      const [millis, exit] = yield* timed(Effect.timeout(work, "1 second"))
      expect([millis, Exit.isFailure(exit)]).toEqual([3000, true])
    }))

  it.simulated("of zero gives an effect that suspends no chance", () =>
    Effect.gen(function* () {
      const [millis, exit] = yield* timed(Effect.timeout(Effect.sleep(Duration.nanos(1n)), 0))
      expect([millis, Exit.isFailure(exit)]).toEqual([0, true])
    }))

  it.simulated("without end never comes", () =>
    Effect.gen(function* () {
      const work = Effect.as(Effect.sleep("100 days"), "late")
      expect(yield* timed(Effect.timeout(work, Duration.infinity))).toEqual([8_640_000_000, Exit.succeed("late")])
    }))

  it.simulated("that is inner and shorter comes first", () =>
    Effect.gen(function* () {
      const inner = Effect.timeoutOrElse(Effect.never, { duration: "1 second", orElse: () => Effect.succeed("inner") })
      const outer = Effect.timeoutOrElse(inner, { duration: "2 seconds", orElse: () => Effect.succeed("outer") })
      expect(yield* timed(outer)).toEqual([1000, Exit.succeed("inner")])
    }))

  it.simulated("that is outer and shorter comes first", () =>
    Effect.gen(function* () {
      const inner = Effect.timeoutOrElse(Effect.never, { duration: "3 seconds", orElse: () => Effect.succeed("inner") })
      const outer = Effect.timeoutOrElse(inner, { duration: "2 seconds", orElse: () => Effect.succeed("outer") })
      expect(yield* timed(outer)).toEqual([2000, Exit.succeed("outer")])
    }))

  it.simulated("leaves no timer behind that anybody could see", () =>
    Effect.gen(function* () {
      yield* Effect.timeout(Effect.sleep("1 second"), "1 hour")
    }), { timersAtEnd: "fail" })
})

describe("Effect.timeoutOption", () => {
  it.simulated("is none when the time is over", () =>
    Effect.gen(function* () {
      expect(yield* timed(Effect.timeoutOption(Effect.never, "250 millis"))).toEqual([250, Exit.succeed(Option.none())])
    }))

  it.simulated("is some of a value in time", () =>
    Effect.gen(function* () {
      const work = Effect.delay(Effect.succeed(1), "249 millis")
      expect(yield* timed(Effect.timeoutOption(work, "250 millis"))).toEqual([249, Exit.succeed(Option.some(1))])
    }))
})

describe("Effect.timeoutOrElse", () => {
  it.simulated("goes on with what it is given, which takes its own time", () =>
    Effect.gen(function* () {
      const orElse = () => Effect.delay(now, "1 second")
      expect(yield* Effect.timeoutOrElse(Effect.never, { duration: "2 seconds", orElse })).toBe(3000)
    }))

  it.simulated("doesn't touch what it is given if the effect is in time", () =>
    Effect.gen(function* () {
      let asked = 0
      const orElse = () => Effect.sync(() => ++asked)
      yield* Effect.timeoutOrElse(Effect.sleep("1 second"), { duration: "2 seconds", orElse })
      yield* Effect.sleep("1 hour")
      expect(asked).toBe(0)
    }))
})

describe("races", () => {
  it.simulated("raceFirst ends with the first to end, be it a failure", () =>
    Effect.gen(function* () {
      const fails = Effect.delay(Effect.fail("first"), "1 second")
      const later = Effect.delay(Effect.succeed("second"), "2 seconds")
      expect(yield* timed(Effect.raceFirst(fails, later))).toEqual([1000, Exit.fail("first")])
    }))

  it.simulated("race ends with the first success", () =>
    Effect.gen(function* () {
      const fails = Effect.delay(Effect.fail("first"), "1 second")
      const later = Effect.delay(Effect.succeed("second"), "2 seconds")
      expect(yield* timed(Effect.race(fails, later))).toEqual([2000, Exit.succeed("second")])
    }))

  it.simulated("raceAll ends with the quickest of many and interrupts the others then", () =>
    Effect.gen(function* () {
      const { entries, note } = journal<number>()
      const one = (seconds: number) =>
        Effect.sleep(seconds * 1000).pipe(Effect.onInterrupt(() => note(seconds)), Effect.as(seconds))
      expect(yield* timed(Effect.raceAll([one(3), one(1), one(2)]))).toEqual([1000, Exit.succeed(1)])
      expect(entries).toEqual([[1000, 3], [1000, 2]])
    }))

  it.simulated("raceFirst at the same ns is won by who went to sleep first", () =>
    Effect.gen(function* () {
      const one = (name: string) => Effect.as(Effect.sleep("1 second"), name)
      expect(yield* Effect.raceFirst(one("a"), one("b"))).toBe("a")
    }))

  it.simulated("race of a deferred and a sleep goes by the time at which it is completed", () =>
    Effect.gen(function* () {
      const deferred = yield* Deferred.make<string>()
      yield* Effect.forkChild(Effect.delay(Deferred.succeed(deferred, "deferred"), Duration.nanos(4n)))
      const asleep = Effect.as(Effect.sleep(Duration.nanos(5n)), "asleep")
      expect(yield* Effect.raceFirst(Deferred.await(deferred), asleep)).toBe("deferred")
      expect(yield* now).toBe(0.000004)
    }))

  it.simulated("a fiber's timeout doesn't stop the fiber that is awaited", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.as(Effect.sleep("10 seconds"), "done"))
      expect(yield* Effect.timeoutOption(Fiber.join(fiber), "1 second")).toEqual(Option.none())
      expect(yield* Fiber.join(fiber)).toBe("done")
      expect(yield* now).toBe(10_000)
    }))
})
