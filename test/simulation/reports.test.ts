import { describe, expect, it } from "@effect/vitest"
import { Report, Statistics } from "../../src/simulation.ts"

/** A shop with a till, whose names and values are hard on tables and on CSV. */
const shop = (): Report.Report => {
  let now = 0n
  const all = new Statistics.Statistics(() => now)
  const made = [
    all.counterUnsafe('served, "in all"'),
    all.counterUnsafe("sent", { unit: "B" }),
    all.levelUnsafe("queue"),
    all.histogramUnsafe("wait"),
    all.histogramUnsafe("nothing"),
    all.seriesUnsafe("load"),
  ]
  for (const each of made) {
    if (each instanceof Error) throw each
    if (each instanceof Statistics.Counter) each.add(12_345n)
    if (each instanceof Statistics.Level) each.set(2)
    if (each instanceof Statistics.Series) each.sample(0.5)
    if (each === made[3]) {
      for (const value of [1_000n, 1_500_000n, 3_000_000_000n]) (each as Statistics.Histogram).record(value)
    }
  }
  now = 500n
  for (const each of made) if (each instanceof Statistics.Level) each.set(0)
  now = 2000n
  return {
    world: "shop",
    seed: 7,
    time: 2000n,
    grants: 12,
    guests: [{ guest: "till", time: 2000n, statistics: all.snapshot(now) }],
  }
}

describe("a table", () => {
  it("is this, to the character", () => {
    expect(Report.table(shop())).toEqual([
      "shop, seed 7: 2 µs simulated, 12 turns",
      "",
      "guest                      count     mean   min     p50   p90   p99   max  last",
      'till   served, "in all"    12345',
      "till   sent              12345 B",
      "till   queue                          0.5     0                         2     0",
      "till   wait                    3  1.001 s  1 µs  1.5 ms   3 s   3 s   3 s",
      "till   nothing                 0     0 ns  0 ns    0 ns  0 ns  0 ns  0 ns",
      "till   load                    1      0.5   0.5                       0.5   0.5",
    ])
  })

  it("has no columns for the least and the last, where there is no series", () => {
    const [{ statistics }] = shop().guests as [Report.Report["guests"][number]]
    const guests = [{ guest: "till", time: 2000n, statistics: statistics.filter(({ name }) => name !== "load") }]
    expect(Report.table({ ...shop(), guests }).slice(2)).toEqual([
      "guest                      count     mean     p50   p90   p99   max",
      'till   served, "in all"    12345',
      "till   sent              12345 B",
      "till   queue                          0.5                         2",
      "till   wait                    3  1.001 s  1.5 ms   3 s   3 s   3 s",
      "till   nothing                 0     0 ns    0 ns  0 ns  0 ns  0 ns",
    ])
  })

  it("shows a series' mean, least, most and last, of those samples as well that weren't kept", () => {
    let now = 0n
    const all = new Statistics.Statistics(() => now)
    const series = all.seriesUnsafe("load", { capacity: 4, unit: "ns" })
    if (!(series instanceof Statistics.Series)) throw series
    const reportOf = (statistics: Statistics.Snapshot): Report.Report => ({
      ...shop(),
      guests: [{ guest: "till", time: 0n, statistics }],
    })
    const shown = (statistics: Statistics.Snapshot) => Report.table(reportOf(statistics)).slice(2)
    expect(shown(all.snapshot(0n))).toEqual([
      "guest        count  mean  min  p50  p90  p99  max  last",
      "till   load      0",
    ])
    for (let i = 0; i < 1000; i++) {
      series.sample(i === 333 ? -500 : i === 777 ? 9000 : i === 999 ? 42 : 10)
      now++
    }
    expect(series.samples.every(({ value }) => value === 10)).toBe(true)
    const expected = [
      "guest        count      mean      min  p50  p90  p99   max   last",
      "till   load   1000  18.51 ns  -500 ns                 9 µs  42 ns",
    ]
    expect(shown(all.snapshot(0n))).toEqual(expected)
    // As read back, also.
    expect(shown(Report.fromJson(Report.json(reportOf(all.snapshot(0n)))).guests[0]!.statistics)).toEqual(expected)
    // Nor is a report lost by values as large as can be.
    series.sample(Number.MAX_VALUE)
    series.sample(Number.MAX_VALUE)
    const large = reportOf(all.snapshot(0n))
    expect(Report.fromJson(Report.json(large))).toEqual(large)
    // Of a snapshot that has no more than its samples, what they tell.
    const samples = [{ time: 1n, value: 1 }, { time: 2n, value: 4 }]
    expect(shown([{ _tag: "Series", name: "load", unit: "", every: 8, samples }])[1]).toMatch(
      /^till +load +2 +2.5 +1 +4 +4$/,
    )
  })

  describe("with values that depend on each other for too long", () => {
    const statistics = () => {
      const all = new Statistics.Statistics(() => 0n)
      for (const [name, count, step] of [["wait", 100, 1000n], ["free", 100, 37n], ["few", 64, 1000n]] as const) {
        const histogram = all.histogramUnsafe(name)
        if (!(histogram instanceof Statistics.Histogram)) throw histogram
        // One rises throughout, the other jumps about.
        for (let i = 0n; i < count; i++) histogram.record(i * step % (step === 37n ? 101n : 1_000_000n))
      }
      return all.snapshot(0n)
    }
    const rising: Report.Report = { ...shop(), guests: [{ guest: "till", time: 0n, statistics: statistics() }] }

    it("says that their confidence can't be told", () => {
      const [head, wait, free, few, ...legend] = Report.table(rising).slice(2)
      expect(head).toMatch(/^guest +count +mean +p50 +p90 +p99 +max$/)
      expect(wait).toMatch(/^till +wait +100 +49\.5 µs ± \? +49\.02 µs +89\.02 µs +98\.05 µs +99 µs$/)
      expect(free).toMatch(/^till +free +100 +49\.86 ns ± [0-9.]+ ns +49 ns +90 ns +99 ns +100 ns$/)
      expect(few).toMatch(/^till +few +64 +31\.5 µs +31\.01 µs +57\.02 µs +63 µs +63 µs$/)
      expect(legend).toEqual(["", "?: can't be told, as too many values depend on those before them"])
      const narrow = Report.table(rising, { width: 25 })
      expect(narrow.slice(-3).join(" ")).toBe("?: can't be told, as too many values depend on those before them")
      for (const line of narrow) expect(line.length).toBeLessThanOrEqual(25)
    })

    it("says so as CSV and JSON", () => {
      const confidences = Report.csv(rising).split("\r\n").filter((line) => line.includes("confidence"))
      expect(confidences).toEqual([
        "till,wait,histogram,ns,confidence,?",
        expect.stringMatching(/^till,free,histogram,ns,confidence,[0-9.]+$/),
      ])
      const text = Report.json(rising)
      expect(text.match(/"name":"wait".*?"least"/)?.[0]).toContain('"confidence":null,"correlated":true,')
      expect(text.match(/"name":"few".*?"least"/)?.[0]).toContain('"confidence":null,"least"')
      expect(Report.fromJson(text)).toEqual(rising)
    })
  })

  it("says what else is known of a run, if anything is", () => {
    const extras = { events: 40, messages: 90, real: 1_500_000_000n }
    expect(Report.table(Report.make(shop(), extras))[0]).toBe(
      "shop, seed 7: 2 µs simulated, 12 turns, 40 events, 90 messages, 1.5 s of real time",
    )
    // A run's result has more than a report; what differs from run to run stays out unless it is asked for.
    expect(Report.make({ ...shop(), ...extras })).toEqual(shop())
  })

  it("is as wide as it may be at most, and loses names' ends first, then percentiles", () => {
    const report = shop()
    const full = Report.table(report)
    const widest = Math.max(...full.map((line) => line.length))
    expect(Report.table(report, { width: widest })).toEqual(full)
    for (let width = 20; width < widest; width++) {
      const lines = Report.table(report, { width })
      expect(lines).toHaveLength(full.length)
      for (const line of lines) expect(line.length, `${width}: ${line}`).toBeLessThanOrEqual(width)
    }
    expect(Report.table(report, { width: 50 }).slice(2, 5)).toEqual([
      "guest              count     mean   max  last",
      "till   served,…    12345",
      "till   sent      12345 B",
    ])
  })

  it("is bold in its heads only, and cut before that", () => {
    const plain = Report.table(shop(), { width: 30 })
    const colourful = Report.table(shop(), { width: 30, colour: true })
    expect(colourful.map((line) => line.replaceAll("\u001b[1m", "").replaceAll("\u001b[0m", ""))).toEqual(plain)
    expect(colourful.map((line) => line.startsWith("\u001b[1m") && line.endsWith("\u001b[0m"))).toEqual(
      plain.map((_, i) => i === 0 || i === 2),
    )
  })

  it("can't be of any width", () => {
    for (const width of [19, 0, 30.5, NaN, Infinity]) {
      expect(() => Report.table(shop(), { width })).toThrow(
        /width can't be .*: a whole number of 20 characters or more/,
      )
    }
  })
})

describe("CSV", () => {
  it("is this, to the byte", () => {
    expect(Report.csv(shop())).toBe(
      [
        "guest,instrument,kind,unit,statistic,value",
        'till,"served, ""in all""",counter,,value,12345',
        "till,sent,counter,B,value,12345",
        "till,queue,level,,value,0",
        "till,queue,level,,mean,0.5",
        "till,queue,level,,least,0",
        "till,queue,level,,most,2",
        "till,wait,histogram,ns,count,3",
        "till,wait,histogram,ns,sum,3001501000",
        "till,wait,histogram,ns,mean,1000500333.3333334",
        // Exactly, 1731617668.39574992…: one unit in the last place is the square root's.
        "till,wait,histogram,ns,deviation,1731617668.39575",
        "till,wait,histogram,ns,least,1000",
        "till,wait,histogram,ns,p50,1500159",
        "till,wait,histogram,ns,p90,3000000000",
        "till,wait,histogram,ns,p99,3000000000",
        "till,wait,histogram,ns,p999,3000000000",
        "till,wait,histogram,ns,most,3000000000",
        "till,nothing,histogram,ns,count,0",
        "till,nothing,histogram,ns,sum,0",
        "till,nothing,histogram,ns,mean,0",
        "till,nothing,histogram,ns,deviation,0",
        "till,nothing,histogram,ns,least,0",
        "till,nothing,histogram,ns,p50,0",
        "till,nothing,histogram,ns,p90,0",
        "till,nothing,histogram,ns,p99,0",
        "till,nothing,histogram,ns,p999,0",
        "till,nothing,histogram,ns,most,0",
        "till,load,series,,at 0,0.5",
        "",
      ].join("\r\n"),
    )
  })
})

describe("JSON", () => {
  it("is this, to the byte", () => {
    const { guests, ...head } = Report.make(shop(), { events: 40, messages: 90, real: 1_500_000_000n })
    const statistics = guests[0]!.statistics.filter(({ name }) => name === "queue" || name === "sent")
    expect(Report.json({ ...head, guests: [{ ...guests[0]!, statistics }] })).toBe(
      '{"world":"shop","seed":7,"time":"2000","grants":12,"events":40,"messages":90,"real":"1500000000","guests":[' +
        '{"guest":"till","time":"2000","statistics":[' +
        '{"_tag":"Counter","name":"sent","unit":"B","value":"12345"},' +
        '{"_tag":"Level","name":"queue","unit":"","value":0,"mean":0.5,"least":0,"most":2,"time":"2000",' +
        '"integral":"1000","fraction":0}]}]}',
    )
  })

  it("is the same whatever the order in which a report's keys were put", () => {
    const turned = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(turned)
        : typeof value === "object" && value !== null
        ? Object.fromEntries(Object.entries(value).reverse().map(([key, each]) => [key, turned(each)]))
        : value
    const report = Report.make(shop(), { events: 40, real: 5n })
    expect(Report.json(turned(report) as Report.Report)).toBe(Report.json(report))
    expect(Report.fromJson(Report.json(report))).toEqual(report)
  })
})

describe("a time for people", () => {
  it.for<readonly [bigint, string]>([
    [999_950n, "1 ms"],
    [999_949n, "999.9 µs"],
    [999_950_000n, "1 s"],
    [-999_950_000n, "-1 s"],
    [0n, "0 ns"],
    [10n ** 24n, "1000000000000000 s"],
  ])("of %i ns is %s", ([nanos, text]) => expect(Report.duration(nanos)).toBe(text))
})
