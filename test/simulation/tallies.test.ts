import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { floatBucketOf, highestFloatIn } from "../../src/internal/simulation/Tally.ts"
import { Guest, Report, Statistics, World } from "../../src/simulation.ts"
import { random } from "../support/random.ts"

const valuesOf = (seed: number, count: number): ReadonlyArray<number> => {
  const { int } = random(seed)
  // Of both signs and all sizes.
  return Array.from({ length: count }, () => (int(1_000_001) - 500_000) * 10 ** (int(13) - 9))
}

const recorded = (values: ReadonlyArray<number>, precision?: number): Statistics.Tally => {
  const tally = new Statistics.Tally(undefined, precision)
  for (const value of values) tally.record(value)
  return tally
}

describe("a tally", () => {
  it.for([1, 2, 3])("agrees with the sorted values, of any size and sign, seed %i", (seed) => {
    const values = valuesOf(seed, 5000)
    const tally = recorded(values)
    const sorted = [...values].sort((a, b) => a - b)
    for (const share of [0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1]!
      const found = tally.quantile(share)
      expect(found >= exact && found - exact <= Math.abs(exact) / 1024, `${share}: ${found} ${exact}`).toBe(true)
    }
    expect([tally.count, tally.least, tally.most]).toEqual([5000, sorted[0], sorted.at(-1)])
    const mean = values.reduce((sum, value) => sum + value, 0) / 5000
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4999
    expect(tally.mean / mean).toBeCloseTo(1, 9)
    expect(tally.deviation / Math.sqrt(variance)).toBeCloseTo(1, 9)
  })

  it.for([4, 7, 10, 14])("has buckets in order, each value in the right one, of 2^%i for each power of 2", (b) => {
    const values = [...valuesOf(b, 3000), 0, 1, -1, 1e150, -1e150, 5e-324, -5e-324].sort((x, y) => x - y)
    let before = -Infinity
    for (const value of values) {
      const bucket = floatBucketOf(value, b)
      const highest = highestFloatIn(bucket, b)
      expect(bucket >= before && highest >= value && floatBucketOf(highest, b) === bucket, `${value}`).toBe(true)
      before = bucket
    }
  })

  it("refuses what is no number, and records nothing of it", () => {
    const tally = new Statistics.Tally("°C", 3, "heat")
    tally.record(-0)
    for (const bad of [NaN, Infinity, -Infinity, 1e151, 5n as unknown as number, "5" as unknown as number]) {
      expect(() => tally.record(bad)).toThrow(
        /value can't be .*: a number from −10\^150 to 10\^150 \(the tally "heat"\)/,
      )
    }
    expect([tally.count, Object.is(tally.least, 0), tally.quantile(1)]).toEqual([1, true, 0])
    expect(() => tally.quantile(2)).toThrow(/share can't be 2/)
    expect(() => new Statistics.Tally("", 5)).toThrow(/precision can't be 5/)
  })

  it("has the same confidence as a histogram of the same values", () => {
    const { int } = random(7)
    const histogram = new Statistics.Histogram()
    const values = Array.from({ length: 1000 }, () => int(1000))
    for (const value of values) histogram.record(BigInt(value))
    expect(recorded(values).confidence! / histogram.confidence!).toBeCloseTo(1, 12)
    expect(recorded(values.slice(0, 64)).confidence).toBe(undefined)
    // What rises for good depends on what was before.
    expect(recorded(values.map((_, i) => i)).isCorrelated).toBe(true)
  })

  it.effect.each([1, 2, 3])("is the same merged, and after JSON, seed %i", (seed) =>
    Effect.gen(function* () {
      const values = valuesOf(seed, 900)
      const snapshotOf = (values: ReadonlyArray<number>) => {
        const all = new Statistics.Statistics(() => 0n)
        const tally = all.tallyUnsafe("profit", { unit: "€" })
        for (const value of values) tally.record(value)
        return all.snapshot(0n)
      }
      const whole = snapshotOf(values)
      const [merged] = yield* Statistics.merge([snapshotOf(values.slice(0, 300)), snapshotOf(values.slice(300))])
      const [expected] = whole
      if (merged?._tag !== "Tally" || expected?._tag !== "Tally") return expect.fail("no tally")
      expect({ ...merged, mean: 0, squares: 0, deviation: 0, confidence: 0 }).toEqual(
        { ...expected, mean: 0, squares: 0, deviation: 0, confidence: 0 },
      )
      expect(merged.confidence).toBe(null)
      expect(merged.mean / expected.mean).toBeCloseTo(1, 9)
      expect(merged.deviation / expected.deviation).toBeCloseTo(1, 9)
      const json = JSON.stringify(Schema.encodeSync(Statistics.Snapshot)(whole))
      expect(Schema.decodeUnknownSync(Statistics.Snapshot)(JSON.parse(json))).toEqual(whole)
    }))

  it.effect("is in reports, with what is negative", () =>
    Effect.gen(function* () {
      const guest = Guest.make(
        "oven",
        Effect.gen(function* () {
          const error = yield* Statistics.tally("error", { unit: "K" })
          for (const value of [-1.5, 0.25, -2, 0.25]) error.record(value)
        }),
      )
      const result = yield* World.run(World.make({ guests: [guest] }))
      const report = Report.make(result)
      expect(Report.fromJson(Report.json(report))).toEqual(report)
      expect(Report.table(report).at(-1)).toBe("oven   error      4  -0.75 K  -1.5 K  0.25 K  0.25 K  0.25 K")
      expect(Report.csv(report)).toContain("oven,error,tally,K,mean,-0.75\r\n")
    }))
})
