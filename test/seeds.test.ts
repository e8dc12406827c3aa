import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Chance from "../src/internal/core/Random.ts"
import { GuestClock, Mode, VirtualTime } from "../src/index.ts"
import { type Explore, it as simulated } from "../src/testing.ts"

/** Runs in inf-cpu mode, from 1970 on. */
const run = <A, E>(program: Effect.Effect<A, E, Explore.Simulated>, options?: VirtualTime.Options) =>
  Effect.provide(VirtualTime.run(program, options), Mode.infCpu({ start: 0n }))

/** Some of each kind of draw. */
const draws = Effect.gen(function* () {
  const firsts = [yield* Random.next, yield* Random.nextInt, yield* Random.nextBetween(5, 6), yield* Random.nextBoolean]
  return [...firsts, ...yield* Random.shuffle([1, 2, 3, 4, 5, 6, 7, 8])]
})

/** When a schedule with jitter has ended, in ns. */
const jittered = Effect.gen(function* () {
  yield* Effect.repeat(Effect.void, Schedule.jittered(Schedule.spaced("1 second")).pipe(Schedule.upTo({ times: 10 })))
  return yield* Clock.monotonicTimeNanos
})

/** Fibers that wake at the same time, and draw or don't: in which order they ran, and what was decided. */
const race = (drawing: boolean) =>
  Effect.gen(function* () {
    const order: Array<number> = []
    const drawn: Array<number> = []
    yield* Effect.forEach([0, 1, 2, 3, 4], (n) =>
      Effect.gen(function* () {
        for (let round = 0; round < 4; round++) {
          yield* Effect.sleep("1 second")
          order.push(n)
          if (drawing) drawn.push(yield* Random.next)
        }
      }), { concurrency: "unbounded" })
    const { decisions } = yield* VirtualTime.VirtualTime
    return { order, drawn, decisions: [...yield* decisions] }
  })

describe("a seed", () => {
  it.live("decides what Effect's Random draws: the same each time, other numbers with another", () =>
    Effect.gen(function* () {
      const first = yield* run(draws, { seed: 7 })
      for (let again = 0; again < 20; again++) expect(yield* run(draws, { seed: 7 })).toEqual(first)
      expect(yield* run(draws, { seed: 8 })).not.toEqual(first)
    }))

  it.live("decides how a schedule with jitter goes", () =>
    Effect.gen(function* () {
      const ends = new Set<bigint>()
      for (let again = 0; again < 20; again++) ends.add(yield* run(jittered, { seed: 7 }))
      expect(ends.size).toBe(1)
      for (let seed = 0; seed < 20; seed++) ends.add(yield* run(jittered, { seed }))
      expect(ends.size).toBe(20)
    }))

  it.live("decides it in a layer as well", () =>
    Effect.gen(function* () {
      const layer = (options: VirtualTime.Options) => Layer.provideMerge(VirtualTime.layer(options), Mode.infCpu())
      const inLayer = yield* Effect.provide(draws, layer({ seed: 7 }))
      expect(inLayer).toEqual(yield* run(draws, { seed: 7 }))
      expect(yield* Effect.provide(draws, layer({ seed: 8 }))).not.toEqual(inLayer)
    }))

  it.live.each(["off", "basic", "infCpu"] as const)("decides it in mode %s", (mode) =>
    Effect.gen(function* () {
      const inMode = Effect.provide(VirtualTime.run(draws, { seed: 7 }), Mode[mode]())
      expect(yield* inMode).toEqual(yield* run(draws, { seed: 7 }))
    }))

  it.live("decides the order of what is ready by other numbers: drawing some changes no decision, nor back", () =>
    Effect.gen(function* () {
      for (let seed = 0; seed < 10; seed++) {
        const [quiet, drawing] = [yield* run(race(false), { seed }), yield* run(race(true), { seed })]
        expect(drawing.order).toEqual(quiet.order)
        expect(drawing.decisions).toEqual(quiet.decisions)
        const { drawn } = yield* run(race(true), { seed, order: { _tag: "Fifo" } })
        expect(drawn).toEqual(drawing.drawn)
        const chosen = new Map(drawing.decisions.map(({ chosen }, index) => [index, chosen]))
        const replayed = yield* run(race(true), { seed, order: { _tag: "Replayed", chosen } })
        expect(replayed).toEqual(drawing)
      }
    }))

  it.live("decides what handlers draw, whether the program or its time has called them", () =>
    Effect.gen(function* () {
      const handled = Effect.gen(function* () {
        const clock = yield* GuestClock.GuestClock
        const drawn: Array<number> = []
        const draw = GuestClock.event("draw", () => Effect.map(Random.next, (number) => void drawn.push(number)))
        yield* clock.addEvent(draw, yield* clock.after("1 second"))
        yield* clock.ndelay(2_000_000_000n)
        yield* clock.addEvent(draw, yield* clock.after("1 second"))
        yield* Effect.sleep("2 seconds")
        drawn.push(yield* Random.next)
        return drawn
      })
      const first = yield* run(handled, { seed: 7 })
      expect(new Set(first).size).toBe(3)
      expect(yield* run(handled, { seed: 7 })).toEqual(first)
      expect(first).toEqual(yield* run(Effect.all([Random.next, Random.next, Random.next]), { seed: 7 }))
    }))

  it.live("goes before what is provided around, and what the program provides goes before it", () =>
    Effect.gen(function* () {
      const seven = yield* run(draws, { seed: 7 })
      expect(yield* Random.withSeed(run(draws, { seed: 7 }), "theirs")).toEqual(seven)
      const theirs = yield* Random.withSeed(draws, "theirs")
      expect(yield* run(Random.withSeed(draws, "theirs"), { seed: 7 })).toEqual(theirs)
      expect(yield* run(Random.withSeed(draws, "theirs"))).toEqual(theirs)
      expect(yield* Random.withSeed(run(draws), "theirs")).toEqual(theirs)
    }))

  it.live("that nobody gave is 0 where nothing else decides, and none where real time does", () =>
    Effect.gen(function* () {
      const zero = yield* run(draws, { seed: 0 })
      expect(yield* run(draws)).toEqual(zero)
      expect(yield* run(draws, { order: { _tag: "Fifo" } })).toEqual(zero)
      const inMode = (mode: Layer.Layer<Mode.Services, unknown>) => Effect.provide(VirtualTime.run(draws), mode)
      for (const mode of [Mode.off(), Mode.basic()]) expect(yield* inMode(mode)).not.toEqual(zero)
    }))

  it.live("draws the same numbers as ever", () =>
    Effect.gen(function* () {
      const three = Effect.all([Random.next, Random.nextInt, Random.nextIntBetween(1, 6)])
      expect(yield* run(three, { seed: 0 })).toEqual([0.5959845036949752, 2268276046550043, 5])
      expect(yield* run(three, { seed: 0xffff_ffff })).toEqual([0.7388288352969766, -1503317530955760, 6])
    }))
})

const drawnByTests: Array<unknown> = []

describe("it.simulated", () => {
  const noting = Effect.map(Effect.all([draws, jittered]), (drawn) => void drawnByTests.push(drawn))
  for (const options of [{ seed: 7 }, { seed: 7 }, {}, {}, { seed: 8 }]) {
    simulated.simulated(`draws as the seed of ${JSON.stringify(options)} says`, () => noting, options)
  }

  it("has drawn the same with the same seed, and with none", () => {
    const [one, other, none, nor, eight] = drawnByTests
    expect(drawnByTests).toHaveLength(5)
    expect(other).toEqual(one)
    expect(nor).toEqual(none)
    expect(new Set([one, none, eight].map((drawn) => JSON.stringify(drawn, (_, x) => String(x)))).size).toBe(3)
  })
})

describe("the numbers of a seed", () => {
  const numbers = (seed: number, purpose: string, count: number) => {
    const next = Chance.fork(seed, purpose)
    return Array.from({ length: count }, next)
  }

  it("are spread evenly from 0 to below 1", () => {
    for (const seed of [0, 1, 2, 7, 0x8000_0000, 0xffff_ffff]) {
      const drawn = numbers(seed, "test", 100_000)
      const buckets = new Array<number>(100).fill(0)
      for (const number of drawn) buckets[Math.floor(number * 100)]! += 1
      const square = buckets.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
      // Chi-squared with 99 degrees of freedom: 99 ± 14; beyond these bounds is one in a million.
      expect(square).toBeGreaterThan(45)
      expect(square).toBeLessThan(180)
      expect(Math.min(...drawn.slice(0, 50_000))).toBeGreaterThanOrEqual(0)
      expect(Math.max(...drawn.slice(0, 50_000))).toBeLessThan(1)
    }
  })

  it("have nothing to do with those of another seed or purpose, from the first on", () => {
    const firsts = Array.from({ length: 10_000 }, (_, seed) => numbers(seed, "test", 1)[0]!)
    expect(new Set(firsts).size).toBe(10_000)
    const mean = firsts.reduce((sum, first) => sum + first, 0) / firsts.length
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.015)
    // Neighbours aren't alike: the correlation of 10,000 pairs has a deviation of 0.01.
    const product = firsts.reduce((sum, first, i) => sum + (first - 0.5) * ((firsts[i + 1] ?? 0.5) - 0.5), 0)
    expect(Math.abs(product / firsts.length * 12)).toBeLessThan(0.05)
    expect(numbers(7, "test", 5)).not.toEqual(numbers(7, "tesu", 5))
    expect(numbers(7, "test", 5)).toEqual(numbers(7, "test", 5))
  })
})
