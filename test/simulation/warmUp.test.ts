import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Times, Values } from "../../src/internal/simulation/Course.ts"
import { Distribution, Guest, Report, Statistics, WarmUp, World } from "../../src/simulation.ts"
import { random } from "../support/random.ts"

const MINUTE = 60_000_000_000n

/** A guest that measures one of each kind every minute, at second 30, for so many minutes. */
const measuring = (minutes: number) =>
  Guest.make(
    "meter",
    Effect.gen(function* () {
      const counter = yield* Statistics.counter("count")
      const level = yield* Statistics.level("level")
      const histogram = yield* Statistics.histogram("histogram")
      const tally = yield* Statistics.tally("tally")
      const series = yield* Statistics.series("series")
      yield* Effect.sleep("30 seconds")
      for (let minute = 0; minute < minutes; minute++) {
        counter.add()
        level.set(minute + 1)
        histogram.record(BigInt(minute))
        tally.record(-minute)
        series.sample(minute)
        yield* Effect.sleep("1 minute")
      }
    }),
  )

const other = Guest.make("other", Effect.sleep("10 minutes"))

const readingsOf = (result: World.Result) =>
  Object.fromEntries(result.guests[0]!.statistics.map((each) => [each.name, each]))

describe("a warm-up", () => {
  it.effect.each([[[measuring(10)]], [[measuring(10), other]]])(
    "isn't in what is measured after it (%#)",
    ([guests]) =>
      Effect.gen(function* () {
        const world = World.make({ guests: guests! })
        const result = yield* World.run(world, { warmUp: "4 minutes" })
        expect(result.warmUp).toBe(4n * MINUTE)
        const { count, level, histogram, tally, series } = readingsOf(result)
        expect(count).toMatchObject({ value: 6n })
        // 4 from minute 4 to 4.5, and so on to 10 from 9.5 to 10.5.
        expect(level).toMatchObject({ value: 10, least: 4, most: 10, time: 13n * MINUTE / 2n })
        expect((level as { readonly mean: number }).mean).toBeCloseTo((4 / 2 + 5 + 6 + 7 + 8 + 9 + 10) / 6.5, 12)
        expect(histogram).toMatchObject({ count: 6, least: 4n, most: 9n, sum: 39n })
        expect(tally).toMatchObject({ count: 6, least: -9, most: -4, mean: -6.5 })
        expect(series).toMatchObject({ samples: [4, 5, 6, 7, 8, 9].map((value) => ({ value })) })
        expect(Report.table(Report.make(result))[0]).toContain("measured from 240 s on")
        expect(Report.fromJson(Report.json(Report.make(result))).warmUp).toBe(4n * MINUTE)
        // What was measured from the beginning has more.
        expect(readingsOf(yield* World.run(world))["count"]).toMatchObject({ value: 10n })
      }),
  )

  it.effect("leaves nothing of a guest that ends before it", () =>
    Effect.gen(function* () {
      const result = yield* World.run(World.make({ guests: [measuring(2), other] }), { warmUp: "5 minutes" })
      const { count, histogram, tally } = readingsOf(result)
      expect([count, histogram, tally]).toMatchObject([{ value: 0n }, { count: 0 }, { count: 0 }])
    }))

  it.effect.each(
    [
      [{ warmUp: "soon" }, /warmUp can't be .*: it is a duration from 0 on/],
      [{ warmUp: -5n }, /warmUp can't be .*: it is a duration from 0 on/],
      [
        { warmUp: "1 minute", until: "1 minute" },
        /warmUp can't be 60000000000: it is before `until`, which is 60000000000 ns/,
      ],
      [{ course: "" }, /course can't be/],
    ] as const,
  )("that can't be is told by name: %o", ([options, message]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(World.run(World.make({ guests: [other] }), options as World.Options))
      expect(error).toMatchObject({ _tag: "OptionError", message: expect.stringMatching(message) })
    }))
})

describe("a course", () => {
  it.for([7, 20_000, 100_003])("has the means of batches in a row, of %i values", (count) => {
    let now = 0n
    const course = new Values(() => now)
    const values = Array.from({ length: count }, (_, i) => i % 97)
    for (const value of values) {
      now++
      course.add(value)
    }
    const { every, samples } = course
    expect(samples.length).toBe(Math.floor(count / every))
    expect(samples.length).toBeLessThan(4096)
    samples.forEach(({ time, value }, i) => {
      const batch = values.slice(i * every, (i + 1) * every)
      expect([time, value]).toEqual([BigInt((i + 1) * every), expect.closeTo(batch.reduce((a, b) => a + b) / every, 9)])
    })
  })

  it.for([1, 2, 3, 4])("has a level's means over equal times, seed %i", (seed) => {
    const { int } = random(seed)
    let now = BigInt(int(1000))
    const began = now
    const level = new Statistics.Level(() => now)
    const course = new Times(now)
    level.follow(course)
    const steps: Array<readonly [number, number]> = []
    for (let i = 0; i < 300; i++) {
      const [value, time] = [int(10) / 4, int(4) === 0 ? int(1000) * int(10_000) : int(30)]
      steps.push([value, time])
      level.set(value)
      now += BigInt(time)
    }
    level.contentsAt(now)
    const { samples } = course
    const length = samples[1]!.time - samples[0]!.time
    expect(samples.length).toBeGreaterThan(1000)
    expect(samples.length).toBeLessThan(4097)
    expect(samples.at(-1)!.time).toBeGreaterThan(now - length)
    // The area under all of them is that under the level.
    const until = Number(samples.at(-1)!.time - began)
    let [area, at] = [0, 0]
    for (const [value, time] of steps) {
      area += value * Math.max(0, Math.min(time, until - at))
      at += time
    }
    expect(samples.reduce((sum, { value }) => sum + value * Number(length), 0) / area).toBeCloseTo(1, 9)
    samples.forEach(({ time }, i) => expect(time).toBe(began + length * BigInt(i + 1)))
  })
})

describe("MSER-5", () => {
  it("deletes what comes before a jump, and nothing of what has none", () => {
    const { int } = random(5)
    const noise = Array.from({ length: 400 }, () => int(100))
    expect(WarmUp.mser(noise.map((value, i) => i < 60 ? value + 500 : value))).toBe(60)
    expect(WarmUp.mser(noise)).toBeLessThan(40)
    expect(WarmUp.mser(noise.map(() => 5))).toBe(0)
  })

  it("can't tell of a run that goes on changing, or is too short", () => {
    expect(WarmUp.mser(Array.from({ length: 100 }, (_, i) => i))).toBe(undefined)
    expect(WarmUp.mser([1, 2, 3])).toBe(undefined)
  })

  /** Customers of whom those in the first so many minutes wait for far longer. */
  const queue = (longFor: number) =>
    Guest.make(
      "shop",
      Effect.gen(function* () {
        const wait = yield* Statistics.histogram("wait")
        const { now, random } = yield* Guest.Self
        const draw = Distribution.sampler(Distribution.exponential("1 second"), random.fork("waits"))
        const busy = yield* Statistics.level("busy")
        for (let customer = 0; customer < 3000; customer++) {
          yield* Effect.sleep("1 second")
          const isLong = now() < BigInt(longFor) * MINUTE
          wait.record(draw() + (isLong ? 20_000_000_000n : 0n))
          busy.set(isLong ? 1 : (customer % 5) / 50)
        }
      }),
    )

  it.effect("finds the end of a warm-up in runs of a world, by values and by levels", () =>
    Effect.gen(function* () {
      for (const course of ["wait", "busy"]) {
        const runs: Array<Statistics.Snapshot> = []
        for (const seed of [1, 2, 3]) {
          const { guests } = yield* World.run(World.make({ guests: [queue(10)] }), { seed, course })
          runs.push(guests[0]!.statistics)
        }
        const found = yield* WarmUp.find(runs, course)
        expect(Number(found) / Number(MINUTE), course).toBeGreaterThanOrEqual(9.9)
        expect(Number(found) / Number(MINUTE), course).toBeLessThan(10.5)
      }
    }))

  it.effect("says what there is where a statistic has no course", () =>
    Effect.gen(function* () {
      const statistics = new Statistics.Statistics(() => 0n)
      statistics.histogramUnsafe("wait")
      statistics.counterUnsafe("served")
      const error = yield* Effect.flip(WarmUp.find([statistics.snapshot(0n)], "wiat"))
      expect(error.message).toBe("name can't be wiat: what was measured is wait")
    }))
})
