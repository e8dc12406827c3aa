import { describe, expect } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { Explore, it } from "../src/testing.ts"

describe("it.simulated", () => {
  it.simulated("runs on a clock that starts at 1970 and jumps", () =>
    Effect.gen(function* () {
      expect(yield* Clock.currentTimeMillis).toBe(0)
      yield* Effect.sleep("365 days")
      expect(yield* Clock.currentTimeMillis).toBe(365 * 86_400_000)
    }))

  it.simulated("starts when it is told to", () =>
    Effect.gen(function* () {
      expect(yield* Clock.currentTimeNanos).toBe(1_700_000_000_000_000_001n)
    }), { start: 1_700_000_000_000_000_001n })

  it.simulated.fails("fails on a deadlock", () => Deferred.await(Deferred.makeUnsafe<void>()))

  it.simulated.each([1, 2])("runs once for each case: %s", (n) => Effect.sync(() => expect([1, 2]).toContain(n)))

  it.simulated("explores the orders of what is ready at the same instant", () =>
    Effect.gen(function* () {
      yield* Effect.all([Effect.sleep("1 second"), Effect.sleep("1 second")], { concurrency: 2 })
    }), { explore: { seeds: 10 } })
})

/** Fails if of `n` fibers that wake at the same time the last is the first to run. */
const race = (n: number) =>
  Effect.gen(function* () {
    const order: Array<number> = []
    const one = (i: number) => Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => order.push(i)))
    yield* Effect.forEach(Array.from({ length: n }, (_, i) => i), one, { concurrency: "unbounded" })
    if (order[0] === n - 1) return yield* Effect.fail("the last was first")
  })

/** What exploring fails with. */
const failureOf = <A, E>(program: Effect.Effect<A, E, Explore.Simulated>, options?: Explore.Options) =>
  Effect.flip(Effect.catchTag(Explore.explore(program, options), "OptionError", Effect.die))

describe("explore", () => {
  it.live("finds an order that one seed in fifty shows, and the one decision that matters", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(race(50), { seeds: 1000 })
      expect(failure.needed).toHaveLength(1)
      expect(failure.needed[0]).toMatchObject({ at: 1_000_000_000n, choices: 50, chosen: 49 })
      expect(failure.message).toContain(`{ seed: ${failure.seed} }`)
      expect(failure.decisions.length).toBeGreaterThan(40)
      const again = yield* failureOf(race(50), { seeds: 1, firstSeed: failure.seed })
      expect([again.decisions, again.needed]).toEqual([failure.decisions, failure.needed])
    }))

  it.live("says so where the order doesn't matter", () =>
    Effect.gen(function* () {
      const failure = yield* failureOf(Effect.andThen(race(3), Effect.fail("no")))
      expect(failure.needed).toEqual([])
      expect(failure.message).toContain("It fails in any order")
    }))

  it.live.each<readonly [Explore.Options, string, unknown]>([
    [{ seeds: 0 }, "seeds", 0],
    [{ seeds: 1.5 }, "seeds", 1.5],
    [{ firstSeed: -1 }, "firstSeed", -1],
    [{ firstSeed: 0xffff_ffff, seeds: 2 }, "seeds", 2],
    [{ shrinkRuns: NaN }, "shrinkRuns", NaN],
    [{ pace: 0 }, "pace", 0],
  ])("can't be told %o", ([options, option, given]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Explore.explore(Effect.fail("not run"), options))
      expect(error).toMatchObject({ _tag: "OptionError", option, given })
    }))

  it.live("succeeds if no seed fails", () => Explore.explore(Effect.sleep("1 second"), { seeds: 5 }))
})
