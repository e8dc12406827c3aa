import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { Checker, Distribution, type Journal, Random, Report, Statistics } from "../../src/simulation.ts"
import { bucketOf, highestIn, quotient } from "../../src/internal/simulation/Histogram.ts"
import { random } from "../support/random.ts"

const seeded = Random.makeUnsafe

describe("a histogram", () => {
  const valuesOf = (seed: number, count: number) => {
    const draw = Distribution.sampler(Distribution.logNormal("1 millis", 2), seeded(seed))
    return Array.from({ length: count }, () => draw())
  }
  const recorded = (values: ReadonlyArray<bigint>) => {
    const histogram = new Statistics.Histogram()
    for (const value of values) histogram.record(value)
    return histogram
  }

  it.for([1, 2, 3])("agrees with the sorted values, seed %i", (seed) => {
    const values = valuesOf(seed, 10_000)
    const histogram = recorded(values)
    const sorted = [...values].sort((a, b) => a < b ? -1 : a > b ? 1 : 0)
    for (const share of [0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1]!
      const found = histogram.quantile(share)
      expect(found >= exact && Number(found - exact) <= Number(exact) / 1024).toBe(true)
    }
    const sum = values.reduce((sum, value) => sum + value, 0n)
    expect([histogram.count, histogram.sum, histogram.least, histogram.most]).toEqual(
      [10_000, sum, sorted[0], sorted.at(-1)],
    )
    const mean = Number(sum) / 10_000
    expect(histogram.mean).toBeCloseTo(mean, 3)
    const variance = values.reduce((all, value) => all + (Number(value) - mean) ** 2, 0) / 9_999
    expect(histogram.deviation / Math.sqrt(variance)).toBeCloseTo(1, 9)
  })

  it.for([4, 7, 10, 14])("has buckets without gaps, each value in the right one, of 2^%i for each power of 2", (b) => {
    const fits = (value: bigint) => {
      const bucket = bucketOf(value, b)
      const highest = highestIn(bucket, b)
      const fits = highest >= value && (bucket === 0 || highestIn(bucket - 1, b) < value) &&
        highest - value <= value >> BigInt(b)
      expect(fits, `${value}`).toBe(true)
    }
    for (let value = 0n; value < 5000n; value++) fits(value)
    // Around the powers of 2, where the ways of reckoning change, and up to the largest.
    for (let power = 11n; power < 64n; power++) {
      for (let off = -3n; off <= 3n; off++) fits((1n << power) + off)
    }
    fits((1n << 64n) - 1n)
    const { bigint, int } = random(b)
    for (let i = 0; i < 5000; i++) fits(bigint(1n << BigInt(int(64) + 1)))
  })

  it.for<readonly [number, bigint]>([[0.07, 7n], [0.29, 29n], [0.5, 50n], [0.995, 100n], [0, 1n], [1, 100n]])(
    "has as the share %f of 1 to 100 the value %i",
    ([share, value]) => {
      const histogram = recorded(Array.from({ length: 100 }, (_, i) => BigInt(i + 1)))
      expect(histogram.quantile(share)).toBe(value)
    },
  )

  it.for([1, 2, 3, 4])("is as precise as it says, with %i digits", (precision) => {
    const histogram = new Statistics.Histogram("ns", precision)
    const values = valuesOf(precision, 3000)
    for (const value of values) histogram.record(value)
    const sorted = [...values].sort((a, b) => a < b ? -1 : a > b ? 1 : 0)
    for (const share of [0.01, 0.5, 0.99]) {
      const exact = sorted[Math.ceil(share * sorted.length) - 1]!
      const found = histogram.quantile(share)
      expect(found >= exact && Number(found - exact) <= Number(exact) / [16, 128, 1024, 16384][precision - 1]!).toBe(
        true,
      )
    }
  })

  it("is exact of small and large values in any order", () => {
    for (let seed = 0; seed < 30; seed++) {
      const { int, bigint } = random(seed)
      const values = Array.from({ length: int(300) + 2 }, () => bigint(1n << BigInt(int(64) + 1)))
      const histogram = new Statistics.Histogram()
      let [sum, squares] = [0n, 0n]
      for (const value of values) {
        histogram.record(value)
        sum += value
        squares += value * value
        if (int(20) === 0) expect(histogram.sum, `seed ${seed}`).toBe(sum)
      }
      const { contents } = histogram
      expect([contents.sum, contents.squares, contents.count], `seed ${seed}`).toEqual([sum, squares, values.length])
    }
  })

  it("is exact of many values in a row that are as large as doubles can be summed up", () => {
    const { bigint } = random(48)
    const values = Array.from({ length: 20_000 }, () => (1n << 48n) - 1n - bigint(1n << 20n))
    const { sum, squares } = recorded(values).contents
    expect(sum).toBe(values.reduce((all, value) => all + value, 0n))
    expect(squares).toBe(values.reduce((all, value) => all + value * value, 0n))
  })

  it("refuses what is no such value, share or number of digits, and records nothing of it", () => {
    const histogram = recorded([7n])
    for (const bad of [-1n, -(1n << 70n), 1n << 64n, 1n << 2000n]) {
      expect(() => histogram.record(bad)).toThrow(/value can't be -?\d+: from 0 up to, not including, 2\^64/)
    }
    expect([histogram.count, histogram.sum, histogram.least, histogram.quantile(1)]).toEqual([1, 7n, 7n, 7n])
    for (const bad of [NaN, -0.1, 1.1]) expect(() => histogram.quantile(bad)).toThrow(/share can't be .*: from 0 to 1/)
    for (const bad of [0, 5, 2.5, NaN]) {
      expect(() => new Statistics.Histogram("ns", bad)).toThrow(/precision can't be .*: from 1 to 4 significant digits/)
    }
    expect(() => new Statistics.Histogram("ns", 3).merge(new Statistics.Histogram("ns", 2))).toThrow(/precision/)
  })

  // How many values, how many in each batch, and the quantile of Student's t for so many batches.
  it.for<readonly [number, number, number]>([
    [65, 2, 2.03951],
    [66, 2, 2.03693],
    [101, 2, 2.00958],
    [128, 2, 1.99834],
    [129, 4, 2.03951],
    [4096, 64, 1.99834],
    [4097, 128, 2.03951],
  ])("has the confidence that the means of batches give it, of %i values in batches of %i", ([count, size, t]) => {
    const values = valuesOf(count, count)
    const full = Math.floor(count / size)
    const means = Array.from({ length: full }, (_, i) => {
      const batch = values.slice(i * size, (i + 1) * size)
      return Number(batch.reduce((sum, value) => sum + value, 0n)) / size
    })
    const mean = means.reduce((sum, each) => sum + each, 0) / full
    const variance = means.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (full - 1)
    expect(recorded(values).confidence! / Math.sqrt(variance / full)).toBeCloseTo(t, 3)
    expect(recorded(values.slice(0, 64)).confidence).toBeUndefined()
  })

  it("has no confidence once another's values are in it", () => {
    const histogram = recorded(Array.from({ length: 1000 }, () => 1000n))
    expect(histogram.confidence).toBe(0)
    histogram.merge(recorded([5n]))
    for (let i = 0; i < 200; i++) histogram.record(7n)
    expect(histogram.confidence).toBeUndefined()
  })

  it("that takes in another is as if all had been recorded in it", () => {
    const [one, other] = [valuesOf(1, 3000), valuesOf(2, 2000)]
    const merged = recorded(one)
    merged.merge(recorded(other))
    const all = recorded([...one, ...other])
    const facts = (h: Statistics.Histogram) => [h.count, h.sum, h.least, h.most, h.mean, h.deviation, h.quantile(0.9)]
    expect(facts(merged)).toEqual(facts(all))
    const empty = new Statistics.Histogram()
    empty.merge(all)
    expect(facts(empty)).toEqual(facts(all))
    all.merge(new Statistics.Histogram())
    expect(facts(all)).toEqual(facts(empty))
  })

  /** Values of which each is `rho` times as far from 10,000 as the one before, and the rest is chance. */
  const autoregressive = (rho: number, seed: number, count: number) => {
    const random = seeded(seed)
    const histogram = new Statistics.Histogram()
    let value = 0
    // Long enough for the first not to matter.
    for (let i = -200; i < count; i++) {
      value = rho * value + (random.number() - 0.5) * 4000
      if (i >= 0) histogram.record(BigInt(Math.round(100_000 + value)))
    }
    return histogram
  }

  it.for([0, 0.3, 0.5, 0.75, 0.9, 0.95])(
    "has the true mean within its confidence, where it has one, of values correlated by %f",
    (rho) => {
      const runs = 300
      let [given, covered] = [0, 0]
      for (const count of [100, 250, 500, 2000]) {
        let [givenOfThese, coveredOfThese] = [0, 0]
        for (let seed = 0; seed < runs; seed++) {
          const { mean, confidence, isCorrelated } = autoregressive(rho, seed * 10_000 + count, count)
          expect(isCorrelated).toBe(confidence === undefined)
          if (confidence === undefined) continue
          givenOfThese++
          if (Math.abs(mean - 100_000) <= confidence) coveredOfThese++
        }
        // What few runs come to tells nothing.
        if (givenOfThese >= 50) {
          expect(coveredOfThese / givenOfThese, `of ${givenOfThese} with ${count} values`).toBeGreaterThan(0.92)
        }
        given += givenOfThese
        covered += coveredOfThese
        // By how many independent values these are worth.
        const worth = count * (1 - rho) / (1 + rho)
        if (worth > 40) expect(givenOfThese / runs, `with ${count} values`).toBeGreaterThan(0.9)
        if (worth < 4) expect(givenOfThese / runs, `with ${count} values`).toBeLessThan(0.02)
      }
      expect(covered / given).toBeGreaterThan(0.94)
    },
  )

  it.for([0, 0.5, 0.9])(
    "has a confidence that isn't much wider than it has to be, of values correlated by %f",
    (rho) => {
      // The deviation of one value is 4000 / √12 / √(1 − ρ²); dependence makes that of the mean √((1 + ρ) / (1 − ρ)) times as wide.
      const [count, runs] = [4000, 50]
      const least = 1.96 * 4000 / Math.sqrt(12) / (1 - rho) / Math.sqrt(count)
      let sum = 0
      for (let seed = 0; seed < runs; seed++) sum += autoregressive(rho, seed, count).confidence!
      expect(sum / runs / least).toBeGreaterThan(0.97)
      expect(sum / runs / least).toBeLessThan(1.35)
    },
  )

  it("has the true mean of a queue's waiting times within its confidence, where it has one", () => {
    // The queue is busy for 3/4 of the time: then a wait is as long as 0.75² / 0.25 services in the mean.
    const runs = 200
    let [given, covered] = [0, 0]
    for (let seed = 0; seed < runs; seed++) {
      const random = seeded(seed)
      const histogram = new Statistics.Histogram()
      let wait = 0
      for (let i = -2000; i < 5000; i++) {
        if (i >= 0) histogram.record(BigInt(Math.round(wait * 1000)))
        wait = Math.max(0, wait - 750 * Math.log(1 - random.number()) + 1000 * Math.log(1 - random.number()))
      }
      if (histogram.confidence === undefined) continue
      given++
      if (Math.abs(histogram.mean - 2_250_000) <= histogram.confidence) covered++
    }
    expect(given / runs).toBeGreaterThan(0.9)
    expect(covered / given).toBeGreaterThan(0.92)
  })

  it("has no confidence of few values, whatever they are, which isn't because of how they are correlated", () => {
    for (let count = 0; count <= 64; count++) {
      const histogram = recorded(Array.from({ length: count }, (_, i) => BigInt(i)))
      expect([histogram.confidence, histogram.isCorrelated]).toEqual([undefined, false])
    }
    const rising = recorded(Array.from({ length: 65 }, (_, i) => BigInt(i)))
    expect([rising.confidence, rising.isCorrelated]).toEqual([undefined, true])
  })

  it("of nothing has nothing", () => {
    const empty = new Statistics.Histogram()
    expect([empty.count, empty.mean, empty.deviation, empty.quantile(0.5), empty.confidence]).toEqual(
      [0, 0, 0, 0n, undefined],
    )
  })
})

describe("a quotient", () => {
  it("is the double next to it", () => {
    // What a double is can be told from its own whole numbers: a/b is nearer to it than to its neighbours.
    const distance = (a: bigint, b: bigint, double: number): bigint => {
      const scale = 1n << 200n
      // Exact, as doubles of this size have no more than 200 bits behind the point.
      const exact = BigInt(double * 2 ** 100) * (1n << 100n)
      const difference = a * scale - exact * b
      return difference < 0n ? -difference : difference
    }
    for (let seed = 0; seed < 300; seed++) {
      const { bigint, int } = random(seed)
      const b = bigint(1n << BigInt(int(40) + 1)) + 1n
      const a = bigint(1n << BigInt(int(90) + 1)) + 1n
      const result = quotient(a, b)
      // A neighbour is 2^-52 or 2^-53 away: of all three it must be the nearest.
      for (const factor of [1 + 2 ** -52, 1 - 2 ** -53]) {
        expect(distance(a, b, result) <= distance(a, b, result * factor), `seed ${seed}`).toBe(true)
      }
      expect(quotient(-a, b)).toBe(-result)
    }
    // A little above the middle of two doubles, further behind than 64 bits.
    const many = 3n ** 40n
    expect(quotient((2n ** 53n + 1n) * many + 1n, many)).toBe(2 ** 53 + 2)
    expect(quotient((2n ** 53n + 1n) * many, many)).toBe(2 ** 53)
    expect([quotient(1n, 100_000_000_000n), quotient(0n, 3n), quotient(1n, 3n)]).toEqual([1e-11, 0, 1 / 3])
  })
})

describe("a counter", () => {
  it("is exact however much it counts", () => {
    const counter = new Statistics.Counter()
    counter.add()
    counter.add(1n)
    for (let i = 0; i < 5; i++) counter.add(Number.MAX_SAFE_INTEGER)
    counter.add(-2)
    expect(counter.value).toBe(5n * BigInt(Number.MAX_SAFE_INTEGER))
    for (const bad of [0.5, NaN, Infinity, 2 ** 53]) expect(() => counter.add(bad)).toThrow(/n can't be/)
    expect(counter.value).toBe(5n * BigInt(Number.MAX_SAFE_INTEGER))
  })
})

describe("a level", () => {
  it("has values between whole numbers as well, and averages below a billionth", () => {
    let now = 5n
    const level = new Statistics.Level(() => now)
    level.set(0.25)
    now = 15n
    level.set(-1.5)
    now = 25n
    expect(level.meanAt(now)).toBe(-0.625)
    for (const bad of [NaN, Infinity, -Infinity]) expect(() => level.set(bad)).toThrow(/value can't be/)
    expect([level.value, level.least, level.most]).toEqual([-1.5, -1.5, 0.25])
    const busy = new Statistics.Level(() => now)
    busy.set(1)
    now++
    busy.set(0)
    expect(busy.meanAt(now + 99_999_999_999n)).toBe(1e-11)
  })

  it("is its value, where it was measured for no time", () => {
    const level = new Statistics.Level(() => 5n)
    level.set(3)
    expect([level.meanAt(5n), level.meanAt(0n)]).toEqual([3, 3])
  })

  it.for([1, 2, 3])("is averaged over time, exactly, seed %i", (seed) => {
    const random = seeded(seed)
    let now = random.below(1000n)
    const began = now
    const level = new Statistics.Level(() => now)
    let integral = 0n
    for (let i = 0; i < 500; i++) {
      const value = Number(random.below(10n)) - 2
      if (random.chance(0.5)) level.set(value)
      else level.add(value - level.value)
      const pause = random.below(1n << 40n)
      integral += pause * BigInt(value)
      now += pause
    }
    expect(level.meanAt(now)).toBe(quotient(integral, now - began))
    expect([level.least, level.most]).toEqual([-2, 7])
  })
})

describe("a series", () => {
  it("keeps at most 1,024 samples, evenly, and can be followed", () =>
    Effect.runPromise(Effect.gen(function* () {
      let now = 0n
      const series = new Statistics.Series(() => now)
      const following = yield* Effect.forkChild(Stream.runCollect(Stream.take(series.live, 3)), {
        startImmediately: true,
      })
      yield* Effect.sleep("20 millis")
      for (; now < 10_000n; now++) series.sample(Number(now))
      expect(series.samples.length).toBeLessThan(1024)
      expect(series.samples.length * series.every).toBeGreaterThan(9_000)
      for (const [i, { time, value }] of series.samples.entries()) {
        expect(value).toBe(Number(time))
        if (i > 0) expect(time - series.samples[i - 1]!.time).toBe(BigInt(series.every))
      }
      expect(yield* Fiber.join(following)).toHaveLength(3)
    })))
})

const statistics = () => {
  let now = 0n
  const all = new Statistics.Statistics(() => now)
  const made = [
    all.counterUnsafe("served, in all"),
    all.levelUnsafe("queue"),
    all.histogramUnsafe("wait"),
    all.seriesUnsafe("load"),
  ] as const
  for (const each of made) if (each instanceof Error) throw each
  const [counter, level, histogram, series] = made as readonly [
    Statistics.Counter,
    Statistics.Level,
    Statistics.Histogram,
    Statistics.Series,
  ]
  counter.add(3)
  level.set(2)
  for (const value of [1_000n, 1_500_000n, 3_000_000_000n]) histogram.record(value)
  now = 500n
  level.set(0)
  series.sample(0.5)
  now = 2000n
  return all.snapshot(now)
}

const report = (): Report.Report => ({
  world: "shop",
  seed: 7,
  time: 2000n,
  grants: 12,
  guests: [{ guest: "till", time: 2000n, statistics: statistics() }],
})

describe("a report", () => {
  it("is a table for people", () => {
    expect(Report.table(report())).toEqual([
      "shop, seed 7: 2 µs simulated, 12 turns",
      "",
      "guest                  count   mean  min     p50  p90  p99  max  last",
      "till   served, in all      3",
      "till   queue                    0.5    0                    2     0",
      "till   wait                3  1.001 s  1 µs  1.5 ms  3 s  3 s  3 s",
      "till   load                1    0.5  0.5                  0.5   0.5",
    ].map((line) =>
      expect.stringMatching(new RegExp(`^${line.replaceAll(/[.()]/g, "\\$&").replaceAll(/ +/g, " +")}$`))
    ))
    expect(Report.table(report(), { colour: true })[0]).toContain("\u001b[1m")
    expect(Report.table(report()).join("")).not.toContain("\u001b")
  })

  it("is CSV, with quotes where they are needed", () => {
    const lines = Report.csv(report()).split("\r\n")
    expect(lines.slice(0, 4)).toEqual([
      "guest,instrument,kind,unit,statistic,value",
      'till,"served, in all",counter,,value,3',
      "till,queue,level,,value,0",
      "till,queue,level,,mean,0.5",
    ])
    expect(lines).toContain("till,wait,histogram,ns,most,3000000000")
    expect(lines).toContain("till,load,series,,at 500,0.5")
    expect(lines.at(-1)).toBe("")
  })

  it("is JSON, there and back", () => {
    const text = Report.json(report())
    expect(Report.fromJson(text)).toEqual(report())
    expect(text).not.toContain("\n")
    expect(() => Report.fromJson(text.replace("Counter", "Cuckoo"))).toThrow()
    expect(() => Report.fromJson("{")).toThrow()
  })

  it.for<readonly [number, string]>([
    [0, "0 ns"],
    [999, "999 ns"],
    [1000, "1 µs"],
    [1_234_567, "1.235 ms"],
    [-1_500_000, "-1.5 ms"],
    [86_400e9, "86400 s"],
    [12.3456, "12.35 ns"],
  ])("has %f ns as %s", ([nanos, text]) => expect(Report.duration(nanos)).toBe(text))
})

describe("checkers", () => {
  const note = (time: bigint, guest: string, text: string, data: unknown): Journal.Entry => ({
    _tag: "Noted",
    time,
    stamp: Number(time),
    guest,
    text,
    data,
  })
  const climbs = Checker.monotonic("it climbs", "at", (data) => data as number)

  it("find who goes back, with what was seen before", () => {
    const journal = [note(1n, "a", "at", 1), note(2n, "b", "at", 5), note(3n, "a", "at", 2), note(4n, "b", "at", 4)]
    const found = Checker.check([climbs], journal, 3)
    expect(found?.message).toBe("it climbs: b went back from 5 to 4, at 4 ns (seed 3)")
    expect(found?.finding.seen.map(({ time }) => time)).toEqual([1n, 2n, 3n, 4n])
    expect(Checker.check([climbs], journal.slice(0, 3), 3)).toBeUndefined()
  })

  it("find what never comes about, but first what must not be", () => {
    const ends = Checker.eventually("it ends", ({ text }) => text === "end")
    expect(Checker.check([ends], [note(1n, "a", "at", 1)], 9)?.message).toBe(
      "it ends: it has never come about, at the end (seed 9)",
    )
    expect(Checker.check([ends], [note(1n, "a", "end", 1)], 9)).toBeUndefined()
    const both = Checker.check([ends, climbs], [note(1n, "a", "at", 2), note(2n, "a", "at", 1)], 9)
    expect(both?.finding.checker).toBe("it climbs")
  })

  it("begin anew with each journal, and may have a state of their own", () => {
    const few = Checker.make("few", {
      initial: 0,
      next: (count) => count === 2 ? Checker.wrong("a third") : count + 1,
    })
    const journal = [1n, 2n, 3n].map((time) => note(time, "a", "x", null))
    expect(Checker.check([few], journal, 0)?.finding).toMatchObject({ why: "a third", time: 3n })
    expect(Checker.check([few], journal.slice(1), 0)).toBeUndefined()
  })
})
