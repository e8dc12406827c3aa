import { describe, expect } from "@effect/vitest"
import * as Cache from "effect/Cache"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pool from "effect/Pool"
import * as RcMap from "effect/RcMap"
import * as RcRef from "effect/RcRef"
import * as Resource from "effect/Resource"
import * as Schedule from "effect/Schedule"
import * as ScopedCache from "effect/ScopedCache"
import { it } from "../../src/testing.ts"
import { journal, now, timed } from "../support/moments.ts"

/** Looks up when it was asked. */
const lookup = (_: string) => now

describe("a cache", () => {
  it.simulated("keeps a value for its time to live, and not a ms longer", () =>
    Effect.gen(function* () {
      const cache = yield* Cache.make({ capacity: 10, timeToLive: "1 minute", lookup })
      expect(yield* Cache.get(cache, "a")).toBe(0)
      yield* Effect.sleep(59_999)
      expect(yield* Cache.get(cache, "a")).toBe(0)
      yield* Effect.sleep(1)
      expect(yield* Cache.get(cache, "a")).toBe(60_000)
    }))

  it.simulated("counts in ms: a fraction of one doesn't end it", () =>
    Effect.gen(function* () {
      const cache = yield* Cache.make({ capacity: 10, timeToLive: "1 milli", lookup })
      yield* Cache.get(cache, "a")
      yield* Effect.sleep(Duration.nanos(999_999n))
      expect(yield* Cache.get(cache, "a")).toBe(0)
      yield* Effect.sleep(Duration.nanos(1n))
      expect(yield* Cache.get(cache, "a")).toBe(1)
    }))

  it.simulated("keeps a value forever without one", () =>
    Effect.gen(function* () {
      const cache = yield* Cache.make({ capacity: 10, lookup })
      yield* Cache.get(cache, "a")
      yield* Effect.sleep("1000 days")
      expect(yield* Cache.get(cache, "a")).toBe(0)
    }))

  it.simulated("isn't prolonged by being read", () =>
    Effect.gen(function* () {
      const cache = yield* Cache.make({ capacity: 10, timeToLive: 100, lookup })
      const seen: Array<number> = []
      for (let i = 0; i < 6; i++) {
        seen.push(yield* Cache.get(cache, "a"))
        yield* Effect.sleep(40)
      }
      expect(seen).toEqual([0, 0, 0, 120, 120, 120])
    }))

  it.simulated("begins to count when the lookup is over", () =>
    Effect.gen(function* () {
      const slow = () => Effect.delay(now, "1 second")
      const cache = yield* Cache.make({ capacity: 10, timeToLive: "2 seconds", lookup: slow })
      expect(yield* Cache.get(cache, "a")).toBe(1000)
      yield* Effect.sleep(1999)
      expect(yield* timed(Cache.get(cache, "a"))).toEqual([0, Exit.succeed(1000)])
      yield* Effect.sleep(1)
      expect(yield* timed(Cache.get(cache, "a"))).toEqual([1000, Exit.succeed(4000)])
    }))

  it.simulated("looks up once for all who ask meanwhile", () =>
    Effect.gen(function* () {
      let lookups = 0
      const slow = () => Effect.delay(Effect.sync(() => ++lookups), "1 second")
      const cache = yield* Cache.make({ capacity: 10, timeToLive: "1 hour", lookup: slow })
      const ask = (after: number) => Effect.delay(Effect.andThen(Cache.get(cache, "a"), now), after)
      expect(yield* Effect.all([ask(0), ask(300), ask(999), ask(1500)], { concurrency: 4 })).toEqual([
        1000,
        1000,
        1000,
        1500,
      ])
      expect(lookups).toBe(1)
    }))

  it.simulated("may keep failures for less long than successes", () =>
    Effect.gen(function* () {
      let fails = true
      const cache = yield* Cache.makeWith(
        () => Effect.flatMap(now, (at) => fails ? Effect.fail(at) : Effect.succeed(at)),
        {
          capacity: 10,
          timeToLive: (exit) => Exit.isSuccess(exit) ? "1 hour" : "1 second",
        },
      )
      expect(yield* Effect.flip(Cache.get(cache, "a"))).toBe(0)
      fails = false
      yield* Effect.sleep(999)
      expect(yield* Effect.flip(Cache.get(cache, "a"))).toBe(0)
      yield* Effect.sleep(1)
      expect(yield* Cache.get(cache, "a")).toBe(1000)
      yield* Effect.sleep(3_599_999)
      expect(yield* Cache.get(cache, "a")).toBe(1000)
    }))

  it.simulated("forgets what has expired when asked whether it has it", () =>
    Effect.gen(function* () {
      const cache = yield* Cache.make({ capacity: 10, timeToLive: 10, lookup })
      yield* Cache.get(cache, "a")
      yield* Effect.sleep(9)
      expect(yield* Cache.has(cache, "a")).toBe(true)
      yield* Effect.sleep(1)
      expect(yield* Cache.has(cache, "a")).toBe(false)
    }))

  it.simulated("is refreshed to begin its time anew", () =>
    Effect.gen(function* () {
      const cache = yield* Cache.make({ capacity: 10, timeToLive: 100, lookup })
      yield* Cache.get(cache, "a")
      yield* Effect.sleep(80)
      expect(yield* Cache.refresh(cache, "a")).toBe(80)
      yield* Effect.sleep(99)
      expect(yield* Cache.get(cache, "a")).toBe(80)
      yield* Effect.sleep(1)
      expect(yield* Cache.get(cache, "a")).toBe(180)
    }))

  it.simulated("of scoped values releases one when it is looked up again after its time", () =>
    Effect.gen(function* () {
      const { entries, note } = journal()
      const cache = yield* ScopedCache.make({
        capacity: 10,
        timeToLive: "1 second",
        lookup: (key: string) => Effect.acquireRelease(note(`+${key}`), () => note(`-${key}`)),
      })
      yield* ScopedCache.get(cache, "a")
      yield* Effect.sleep(1000)
      yield* ScopedCache.get(cache, "a")
      expect(entries).toContainEqual([1000, "-a"])
      expect(entries.filter(([, what]) => what === "+a")).toEqual([[0, "+a"], [1000, "+a"]])
    }))
})

describe("a cached effect", () => {
  it.simulated("is run again when its time to live is over", () =>
    Effect.gen(function* () {
      const cached = yield* Effect.cachedWithTTL(now, "1 second")
      expect(yield* cached).toBe(0)
      yield* Effect.sleep(999)
      expect(yield* cached).toBe(0)
      yield* Effect.sleep(1)
      expect(yield* cached).toBe(1000)
    }))

  it.simulated("is run again when it was invalidated before", () =>
    Effect.gen(function* () {
      const [cached, invalidate] = yield* Effect.cachedInvalidateWithTTL(now, "1 hour")
      yield* cached
      yield* Effect.sleep(5)
      expect(yield* cached).toBe(0)
      yield* invalidate
      expect(yield* cached).toBe(5)
    }))

  it.simulated("without a time to live runs once ever", () =>
    Effect.gen(function* () {
      const cached = yield* Effect.cached(now)
      yield* Effect.sleep(7)
      expect(yield* cached).toBe(7)
      yield* Effect.sleep("100 days")
      expect(yield* cached).toBe(7)
    }))
})

describe("a shared resource", () => {
  const noted = () => {
    const { entries, note } = journal()
    return { entries, acquire: Effect.acquireRelease(note("acquired"), () => note("released")) }
  }

  it.simulated("of an RcRef is kept for a while when nobody uses it", () =>
    Effect.gen(function* () {
      const { entries, acquire } = noted()
      const ref = yield* RcRef.make({ acquire, idleTimeToLive: "10 seconds" })
      const use = (ms: number) => Effect.scoped(Effect.andThen(RcRef.get(ref), Effect.sleep(ms)))
      yield* use(1000)
      yield* Effect.sleep(9999)
      yield* use(1000)
      yield* Effect.sleep("1 hour")
      expect(entries).toEqual([[0, "acquired"], [21_999, "released"]])
    }))

  it.simulated("of an RcMap is kept for a while, each key on its own", () =>
    Effect.gen(function* () {
      const { entries, note } = journal()
      const map = yield* RcMap.make({
        lookup: (key: string) => Effect.acquireRelease(note(`+${key}`), () => note(`-${key}`)),
        idleTimeToLive: "1 second",
      })
      yield* Effect.scoped(RcMap.get(map, "a"))
      yield* Effect.sleep(500)
      yield* Effect.scoped(RcMap.get(map, "b"))
      yield* Effect.sleep("1 minute")
      expect(entries).toEqual([[0, "+a"], [500, "+b"], [1000, "-a"], [1500, "-b"]])
    }))

  it.simulated("is refreshed by its schedule", () =>
    Effect.gen(function* () {
      const resource = yield* Resource.auto(now, Schedule.spaced("1 minute"))
      expect(yield* Resource.get(resource)).toBe(0)
      yield* Effect.sleep(59_999)
      expect(yield* Resource.get(resource)).toBe(0)
      yield* Effect.sleep(2)
      expect(yield* Resource.get(resource)).toBe(60_000)
      yield* Effect.sleep("10 minutes")
      expect(yield* Resource.get(resource)).toBe(660_000)
    }))

  it.simulated("of a pool has those wait who find none free", () =>
    Effect.gen(function* () {
      let made = 0
      const pool = yield* Pool.make({ acquire: Effect.sync(() => ++made), size: 2 })
      const use = Effect.scoped(Effect.andThen(Pool.get(pool), Effect.delay(now, 100)))
      expect(yield* Effect.all([use, use, use, use, use], { concurrency: 5 })).toEqual([100, 100, 200, 200, 300])
      expect(made).toBe(2)
    }))
})
