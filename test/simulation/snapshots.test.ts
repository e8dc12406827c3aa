import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Path from "node:path"
import * as Schema from "effect/Schema"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import { OptionError } from "../../src/core/Fault.ts"
import { Statistics } from "../../src/simulation.ts"
import { random } from "../support/random.ts"
import { snapshotOf } from "../support/snapshot.ts"

const merged = (snapshots: ReadonlyArray<Statistics.Snapshot>): Statistics.Snapshot =>
  Effect.runSync(Statistics.merge(snapshots))

/** What a single histogram of these values shows. */
const histogramOf = (values: ReadonlyArray<bigint>, precision = 3): Statistics.Snapshot => {
  const all = new Statistics.Statistics(() => 0n)
  const histogram = all.histogramUnsafe("wait", { precision })
  if (!(histogram instanceof Statistics.Histogram)) throw histogram
  for (const value of values) histogram.record(value)
  return all.snapshot(0n)
}

const levelOf = (...values: ReadonlyArray<readonly [value: number, time: bigint]>): Statistics.Snapshot => {
  let now = 0n
  const all = new Statistics.Statistics(() => now)
  const level = all.levelUnsafe("queue")
  if (!(level instanceof Statistics.Level)) throw level
  for (const [value, time] of values) {
    level.set(value)
    now += time
  }
  return all.snapshot(now)
}

describe("a snapshot", () => {
  it.for([1, 2, 3])("is the same after JSON, in the same words, seed %i", (seed) => {
    const snapshot = snapshotOf(seed)
    const text = JSON.stringify(Schema.encodeSync(Statistics.Snapshot)(snapshot))
    const back = Schema.decodeUnknownSync(Statistics.Snapshot)(JSON.parse(text))
    expect(back).toEqual(snapshot)
    expect(JSON.stringify(Schema.encodeSync(Statistics.Snapshot)(back))).toBe(text)
  })

  it("doesn't change as its instruments do", () => {
    const all = new Statistics.Statistics(() => 0n)
    const series = all.seriesUnsafe("load")
    if (!(series instanceof Statistics.Series)) throw series
    series.sample(1)
    const snapshot = all.snapshot(0n)
    series.sample(2)
    expect(snapshot[0]).toMatchObject({ samples: [{ time: 0n, value: 1 }] })
  })

  it.live("is the same on all runtimes, to the byte, and so are tables and CSV", () =>
    Effect.gen(function* () {
      const program = Path.resolve("test/support/snapshot.ts")
      const printed = yield* Effect.forEach(
        Runtimes.names,
        (name) => Effect.flatMap(Runtimes.locate(name), (words) => exec([...words, program])),
      )
      for (const { code, stderr } of printed) expect(code, stderr).toBe(0)
      const [first, ...others] = printed.map(({ stdout }) => stdout)
      expect(first).toContain('"served"')
      for (const other of others) expect(other).toBe(first)
    }).pipe(Effect.provide(NodeServices.layer)), 60_000)
})

describe("snapshots in one", () => {
  it.for([1, 2, 3, 4, 5])("are as if one histogram had recorded all, seed %i", (seed) => {
    const { int, bigint } = random(seed)
    const parts = Array.from(
      { length: 4 },
      () => Array.from({ length: int(200) + 1 }, () => bigint(1n << BigInt(int(64) + 1))),
    )
    const [together] = merged(parts.map((part) => histogramOf(part)))
    const [one] = histogramOf(parts.flat())
    expect(together).toEqual({ ...one, confidence: null })
    // Of different precision, the least.
    const [coarse] = merged(parts.map((part, i) => histogramOf(part, [3, 2, 4, 2][i])))
    const [rough] = histogramOf(parts.flat(), 2)
    expect(coarse).toEqual({ ...rough, confidence: null })
  })

  it.for([1, 2, 3])("are the same in whichever groups they are merged, seed %i", (seed) => {
    const [a, b, c] = [snapshotOf(seed), snapshotOf(seed + 10, 1000n), snapshotOf(seed + 20)] as const
    const all = merged([a, b, c])
    expect(merged([merged([a, b]), c])).toEqual(all)
    expect(merged([a, merged([b, c])])).toEqual(all)
    expect(merged([a])).toEqual(a)
    expect(merged([a, []])).toEqual(a)
    expect(merged([])).toEqual([])
  })

  it.for([1, 2, 3])("are the same in whichever order, but for what the last value is, seed %i", (seed) => {
    const parts = [snapshotOf(seed), snapshotOf(seed + 10), snapshotOf(seed + 20)]
    const orderless = (snapshot: Statistics.Snapshot) => snapshot.map((each) => ({ ...each, value: undefined }))
    const counted = (snapshot: Statistics.Snapshot) => snapshot.find((each) => each._tag === "Counter")?.value
    const [there, back] = [merged(parts), merged(parts.toReversed())]
    expect(orderless(back)).toEqual(orderless(there))
    expect(counted(back)).toBe(counted(there))
  })

  it("have a level's mean over all of its time, and the last value", () => {
    const parts = [levelOf([4, 10n], [0, 10n]), levelOf([-1, 20n], [2, 40n])]
    expect(merged(parts)).toMatchObject([{ mean: 1.25, time: 80n, integral: 100n, least: -1, most: 4, value: 2 }])
    // Nothing was measured of this one.
    expect(merged([levelOf([3, 10n]), levelOf()])).toMatchObject([{ mean: 3, time: 10n }])
  })

  it("have series' samples in order of time, of as many each", () => {
    const seriesOf = (every: number, ...times: ReadonlyArray<bigint>): Statistics.Snapshot => [
      { _tag: "Series", name: "load", unit: "", every, samples: times.map((time) => ({ time, value: every })) },
    ]
    const times = (snapshot: Statistics.Snapshot) =>
      snapshot.map((each) => each._tag === "Series" ? [each.every, ...each.samples.map(({ time }) => time)] : [])
    expect(times(merged([seriesOf(1, 1n, 4n, 9n), seriesOf(1, 2n, 9n)]))).toEqual([[1, 1n, 2n, 4n, 9n, 9n]])
    expect(times(merged([seriesOf(1, 1n, 2n, 3n, 4n, 5n), seriesOf(4, 2n)]))).toEqual([[4, 1n, 2n, 5n]])
    expect(times(merged([seriesOf(2, 1n, 2n, 3n, 4n), seriesOf(3, 2n, 6n, 7n)]))).toEqual([[6, 1n, 2n, 4n, 7n]])
  })

  it("have of series the mean, least, most and last of all samples, kept or not", () => {
    const seriesOf = (start: bigint, ...values: ReadonlyArray<number>): Statistics.Snapshot => {
      let now = start
      const all = new Statistics.Statistics(() => now)
      const series = all.seriesUnsafe("load", { capacity: 2 })
      if (!(series instanceof Statistics.Series)) throw series
      for (const value of values) {
        series.sample(value)
        now++
      }
      return all.snapshot(now)
    }
    const summary = { count: 7, sum: 27, least: -3, most: 9, last: { time: 13n, value: 4 } }
    const [one, other] = [seriesOf(0n, 5, 9, 7), seriesOf(10n, 1, -3, 4, 4)]
    expect(merged([one, other])).toMatchObject([{ summary }])
    expect(merged([other, seriesOf(5n), one])).toMatchObject([{ summary }])
    expect(merged([seriesOf(5n), seriesOf(6n)])).toEqual(seriesOf(5n))
    // Of one that only has its samples, what they tell.
    const bare: Statistics.Snapshot = [
      { _tag: "Series", name: "load", unit: "", every: 1, samples: [{ time: 90n, value: 100 }] },
    ]
    expect(merged([one, bare])).toMatchObject([
      { summary: { count: 4, sum: 121, least: 5, most: 100, last: { time: 90n, value: 100 } } },
    ])
  })

  it("keep that the only one that has values is correlated, and don't say so of several", () => {
    const rising = histogramOf(Array.from({ length: 100 }, (_, i) => BigInt(i)))
    expect(rising).toMatchObject([{ confidence: null, correlated: true }])
    expect(merged([rising, histogramOf([])])).toEqual(rising)
    expect(merged([histogramOf([]), rising])).toEqual(rising)
    expect(merged([rising, rising])[0]).not.toHaveProperty("correlated")
  })

  it("keep the confidence of the only one that has values", () => {
    const [many] = histogramOf(Array.from({ length: 1000 }, (_, i) => BigInt(i % 7)))
    expect(many).toMatchObject({ confidence: expect.any(Number) })
    for (const parts of [[[many!], histogramOf([])], [histogramOf([]), [many!]]]) {
      expect(merged(parts)).toEqual([many])
    }
  })

  it("must be of one kind and in one unit", () => {
    const of = (make: (all: Statistics.Statistics) => unknown): Statistics.Snapshot => {
      const all = new Statistics.Statistics(() => 0n)
      make(all)
      return all.snapshot(0n)
    }
    const counter = of((all) => all.counterUnsafe("n"))
    const wrong = (...snapshots: ReadonlyArray<Statistics.Snapshot>) =>
      Effect.runSync(Effect.flip(Statistics.merge(snapshots)))
    expect(wrong(counter, of((all) => all.levelUnsafe("n")))).toMatchObject({
      _tag: "OptionError",
      message: "name can't be n: that is a Counter and a Level",
    })
    expect(wrong(counter, of((all) => all.counterUnsafe("n", { unit: "B" })))).toMatchObject({
      _tag: "OptionError",
      message: 'unit can\'t be B: n is in "" already',
    })
  })
})

describe("a registry", () => {
  it("has one instrument of a name, and names what options can't be", () => {
    const all = new Statistics.Statistics(() => 0n)
    for (const kind of ["counter", "level", "histogram", "series"] as const) {
      const made = all[`${kind}Unsafe`](kind)
      expect(all[`${kind}Unsafe`](kind)).toBe(made)
    }
    const message = (make: () => unknown): string => {
      try {
        make()
        return "none"
      } catch (error) {
        return error instanceof OptionError ? error.message : "another"
      }
    }
    expect(message(() => all.seriesUnsafe("level"))).toBe("name can't be level: that is a Level already")
    expect(message(() => all.histogramUnsafe("h", { precision: 5 }))).toMatch(/^precision can't be 5: from 1 to 4/)
    expect(message(() => all.seriesUnsafe("s", { capacity: 1 }))).toMatch(/^capacity can't be 1: from 2 to 1,048,576/)
    expect(message(() => all.seriesUnsafe("s", { every: 0.5 }))).toMatch(/^every can't be 0.5: from 1 to 2\^31/)
    // Nothing has come of those.
    expect(all.snapshot(0n)).toHaveLength(4)
  })

  it.for<readonly [number, number]>([[2, 1], [3, 1], [7, 2], [64, 5], [1024, 1]])(
    "keeps series of capacity %i evenly, every %ith at first",
    ([capacity, first]) => {
      let now = 0n
      const all = new Statistics.Statistics(() => now)
      const series = all.seriesUnsafe("s", { capacity, every: first })
      if (!(series instanceof Statistics.Series)) throw series
      for (; now < 5000n; now++) {
        series.sample(Number(now))
        expect(series.samples.length).toBeLessThan(capacity)
        const last = series.samples.length - 1
        expect(series.samples[last]!.time).toBe(BigInt(last * series.every))
        expect(Number(now) - last * series.every).toBeLessThan(series.every)
      }
      expect(series.samples.map(({ value }) => value)).toEqual(series.samples.map((_, i) => i * series.every))
      expect(() => series.sample(NaN)).toThrow(/value can't be NaN/)
    },
  )
})
