import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { Distribution, Experiment, Guest, Process, Progress, Statistics, World } from "../../src/simulation.ts"
import { experiment, failing } from "../support/experiments.ts"

/** A guest that records so many values around a mean, each a second after the other. */
const dice = (mean: number, values = 20) =>
  World.make({
    guests: [Guest.make(
      "dice",
      Effect.gen(function* () {
        const { random } = yield* Guest.Self
        const tally = yield* Statistics.tally("pips")
        const rolls = yield* Statistics.counter("rolls")
        for (let i = 0; i < values; i++) {
          yield* Process.hold("1 second")
          tally.record(mean + random.number() - 0.5)
          rolls.add()
        }
      }),
    )],
  })

const measureOf = (results: Experiment.Results<never>, point: number, name: string, statistic: string) =>
  (results as Experiment.Results).points[point]!.measures.find((each) =>
    each.name === name && each.statistic === statistic
  )!

describe("an experiment", () => {
  it.effect("has a point for each combination, with means and intervals by Student's t across seeds", () =>
    Effect.gen(function* () {
      const { points, parameters } = yield* Experiment.run({
        world: ({ mean, values }) => dice(mean, values),
        over: { mean: [10, 20], values: [5, 50] },
        seeds: 4,
      })
      expect(parameters).toEqual(["mean", "values"])
      expect(points.map(({ parameters }) => parameters)).toEqual([
        { mean: 10, values: 5 },
        { mean: 10, values: 50 },
        { mean: 20, values: 5 },
        { mean: 20, values: 50 },
      ])
      const means: Array<number> = []
      for (const seed of [1, 2, 3, 4]) {
        const { guests } = yield* World.run(dice(10, 5), { seed })
        const [tally] = guests[0]!.statistics
        means.push((tally as { readonly mean: number }).mean)
      }
      const mean = means.reduce((sum, each) => sum + each, 0) / 4
      const deviation = Math.sqrt(means.reduce((sum, each) => sum + (each - mean) ** 2, 0) / 3)
      const measure = points[0]!.measures.find(({ name, statistic }) => name === "pips" && statistic === "mean")!
      expect(measure).toMatchObject({ guest: "dice", kind: "Tally", count: 4, least: Math.min(...means) })
      expect(measure.mean).toBeCloseTo(mean, 12)
      // 3.182 is the table's value for 3 degrees of freedom.
      expect(measure.half! / (deviation / 2)).toBeCloseTo(3.182, 3)
      expect(points[1]!.measures.find(({ name }) => name === "rolls")).toMatchObject({
        statistic: "value",
        mean: 50,
        half: 0,
      })
    }))

  it.effect("needs no parameters, and one seed has no interval", () =>
    Effect.gen(function* () {
      const { points } = yield* Experiment.run({ world: () => dice(3), seeds: 1 })
      expect(points).toMatchObject([{ parameters: {}, seeds: 1 }])
      expect(points[0]!.measures[0]).toMatchObject({ count: 1, half: null, deviation: 0 })
    }))

  it.effect("stops at a precision, with the fewest seeds that have it, or says that it hasn't", () =>
    Effect.gen(function* () {
      const run = (relative: number, most: number) =>
        Experiment.run({
          world: ({ mean }) => dice(mean),
          over: { mean: [1, 10] },
          seeds: { relative, most, least: 3, of: "dice pips" },
        })
      const { points } = yield* run(0.02, 60)
      expect(points.map(({ precise }) => precise)).toEqual([true, true])
      // What varies less needs fewer.
      expect(points[1]!.seeds).toBe(3)
      expect(points[0]!.seeds).toBeGreaterThan(5)
      const measure = points[0]!.measures[0]!
      expect(measure.half! / measure.mean).toBeLessThanOrEqual(0.02)
      // With one seed fewer it wasn't yet.
      const before = yield* Experiment.run({ world: () => dice(1), seeds: points[0]!.seeds - 1 })
      expect(before.points[0]!.measures[0]!.half! / before.points[0]!.measures[0]!.mean).toBeGreaterThan(0.02)
      const few = yield* run(0.0001, 4)
      expect(few.points).toMatchObject([{ precise: false, seeds: 4 }, { precise: false, seeds: 4 }])
      expect(Experiment.table(few).at(-1)).toBe("not as precise as asked for: mean 1; mean 10")
    }))

  /** A queue that begins with many who wait for long. */
  const settling = (minutes: number) =>
    World.make({
      guests: [Guest.make(
        "shop",
        Effect.gen(function* () {
          const wait = yield* Statistics.histogram("wait")
          const { now, random } = yield* Guest.Self
          const draw = Distribution.sampler(Distribution.exponential("1 second"), random.fork("waits"))
          for (let i = 0; i < 3000; i++) {
            yield* Process.hold("1 second")
            wait.record(draw() + (now() < BigInt(minutes) * 60_000_000_000n ? 30_000_000_000n : 0n))
          }
        }),
      )],
    })

  it.effect("leaves a warm-up out, which it finds by MSER-5 at each point", () =>
    Effect.gen(function* () {
      const found = yield* Experiment.run({
        world: ({ minutes }) => settling(minutes),
        over: { minutes: [5, 10] },
        seeds: 3,
        warmUp: { mser: "shop wait", runs: 2 },
      })
      const warmUps = found.points.map(({ warmUp }) => Number(warmUp) / 60e9)
      expect(warmUps[0]).toBeGreaterThanOrEqual(4.9)
      expect(warmUps[0]).toBeLessThan(6)
      expect(warmUps[1]).toBeGreaterThanOrEqual(9.9)
      expect(warmUps[1]).toBeLessThan(11)
      for (const { measures } of found.points) expect(measures[0]!.mean / 1e9).toBeCloseTo(1, 1)
      expect(Experiment.table(found)[2]).toMatch(/^minutes {2}seeds +since {2}guest/)
      const error = yield* Effect.flip(
        Experiment.run({ world: () => settling(26), warmUp: { mser: "wait" }, seeds: 2 }),
      )
      expect(error).toMatchObject({ _tag: "WarmUpNotFound", message: expect.stringContaining('by "wait"') })
    }))

  it.effect("fails with the run that did, its parameters and seed", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Experiment.run(failing))
      expect(error).toMatchObject({
        _tag: "RunFailed",
        parameters: { at: 2 },
        seed: 1,
        message: 'the run of at 2 with seed 1 failed: the guest "one" failed at 0 ns: no luck',
      })
      const thrown = yield* Effect.flip(Experiment.run({
        world: (): World.World => {
          throw new Error("no world")
        },
      }))
      expect(thrown.message).toBe("the run with seed 1 failed: no world")
      const none = yield* Effect.flip(Experiment.run({ world: () => 5 as unknown as World.World }))
      expect(none.message).toContain("returned no world")
      const short = yield* Effect.flip(Experiment.run({ world: () => dice(1), warmUp: "1 hour" }))
      expect(short.message).toContain("it ended at 20000000000 ns, before its warm-up of 3600000000000 ns was over")
    }))

  it.effect.each<readonly [{ readonly [option: string]: unknown }, string]>([
    [{ world: 5 }, "world can't be 5: it is a function of the parameters"],
    [{ name: "" }, "name can't be"],
    [{ over: [1] }, "over can't be"],
    [{ over: { a: [] } }, "over.a can't be"],
    [{ over: { a: 5 } }, "over.a can't be 5: it is a list of 1 value or more"],
    [{ over: { a: [NaN] } }, "over.a can't be NaN: a value is a text, a finite number, true or false"],
    [{ over: { a: [undefined] } }, "over.a can't be undefined"],
    [{ over: { a: [1, 1] } }, "over.a can't be 1: each value is there once"],
    [
      { over: Object.fromEntries("abcde".split("").map((name) => [name, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]])) },
      "over can't be 100000",
    ],
    [{ seeds: 0 }, "seeds can't be 0: it is a whole number from 1 to 10000"],
    [{ seeds: 2.5 }, "seeds can't be 2.5"],
    [{ seeds: "10" }, "seeds can't be 10"],
    [{ seeds: { relative: 0, most: 5 } }, "seeds.relative can't be 0: it is a number above 0 and below 1"],
    [{ seeds: { relative: 0.1 } }, "seeds.most can't be undefined"],
    [{ seeds: { relative: 0.1, most: 5, least: 6 } }, "seeds.least can't be 6: it is a whole number from 2 to 5"],
    [{ seeds: { relative: 0.1, most: 5, of: [""] } }, "seeds.of can't be"],
    [
      { seeds: { relative: 0.1, most: 5, of: "pops" } },
      "seeds.of can't be pops: what is measured is dice pips, dice rolls",
    ],
    [{ warmUp: "soon" }, "warmUp can't be soon"],
    [{ warmUp: "2 hours", until: "1 hour" }, "warmUp can't be 7200000000000: it is before `until`"],
    [{ warmUp: { mser: 5 } }, "warmUp.mser can't be 5"],
    [{ warmUp: { mser: "pips", runs: 0 } }, "warmUp.runs can't be 0"],
    [{ warmUp: { mser: "rolls" } }, "warmUp.mser can't be rolls: what has a course is dice pips"],
    [{ until: -1 }, "until can't be -1"],
    [{ confidence: 1 }, "confidence can't be 1: it is a number above 0 and below 1"],
    [{ confidence: "95 %" }, "confidence can't be 95 %"],
    [{ workers: 0 }, "workers can't be 0: it is a whole number from 1 to 1024"],
    [{ workers: "some" }, "workers can't be some"],
    [{ workers: 2 }, "workers can't be 2: the experiment has to say its `module`"],
    [{ file: "" }, "file can't be"],
    [{ module: "" }, "module can't be"],
    [{ export: "" }, "export can't be"],
  ])("that can't be is told by name: %o", ([options, message]) =>
    Effect.gen(function* () {
      const definition = { world: () => dice(1), seeds: 2, ...options } as Parameters<typeof Experiment.run>[0]
      const error = yield* Effect.flip(Experiment.run(definition))
      expect(error._tag).toBe("OptionError")
      expect(error.message).toContain(message)
    }))

  it.live("keeps its runs in a file, and goes on with them, whatever was cut off", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/dice.runs`
      let made = 0
      const run = (seeds: number) =>
        Experiment.run({
          world: ({ mean }) => {
            made++
            return dice(mean)
          },
          over: { mean: [1, 2] },
          seeds,
          file,
        })
      const few = yield* run(3)
      expect(made).toBe(6)
      expect(yield* run(3)).toEqual(few)
      expect(made).toBe(6)
      // Killed while it wrote the last line.
      const text = yield* fs.readFileString(file)
      expect(text.split("\n")).toHaveLength(8)
      yield* fs.writeFileString(file, text.slice(0, -20))
      const more = yield* run(4)
      expect(made).toBe(9)
      expect(more).toEqual(yield* Experiment.run({ world: ({ mean }) => dice(mean), over: { mean: [1, 2] }, seeds: 4 }))
      expect(yield* run(4)).toEqual(more)
      expect(made).toBe(9)
      // Others are other runs.
      yield* Experiment.run({ world: () => dice(1), seeds: 1, until: "1 minute", file })
      const other = yield* Effect.flip(Experiment.run({ name: "other", world: () => dice(1), file }))
      expect(other).toMatchObject({
        _tag: "FileFailed",
        message: expect.stringContaining('it isn\'t one of the experiment "other"'),
      })
      const nowhere = yield* Effect.flip(Experiment.run({ world: () => dice(1), file: "/nowhere/at/all" }))
      expect(nowhere).toMatchObject({ _tag: "FileFailed", path: "/nowhere/at/all" })
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("keeps what was done before it was interrupted", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* fs.makeTempDirectoryScoped()}/dice.runs`
      const definition = { world: () => dice(1, 3000), seeds: 200, file }
      const timedOut = yield* Effect.timeoutOption(Experiment.run(definition), "1500 millis")
      expect(timedOut._tag).toBe("None")
      const done = (yield* fs.readFileString(file)).split("\n").length - 2
      expect(done).toBeGreaterThan(0)
      expect(done).toBeLessThan(200)
      let made = 0
      yield* Experiment.run({
        ...definition,
        seeds: done,
        world: () => {
          made++
          return dice(1, 3000)
        },
      })
      expect(made).toBe(0)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("shows how many runs are left", () =>
    Effect.gen(function* () {
      const shown: Array<string> = []
      const display: Progress.Display = {
        everyMs: 20,
        show: (status, realMs) => Effect.sync(() => shown.push(Progress.format(status, realMs))),
        end: Effect.sync(() => shown.push("end")),
      }
      yield* Experiment.run({ world: () => dice(1, 2000), seeds: 20 }).pipe(
        Effect.provideService(Progress.CurrentDisplay, display),
      )
      expect(shown.at(-1)).toBe("end")
      expect(shown.filter((line) => line === "end")).toHaveLength(1)
      for (const line of shown.slice(0, -1)) expect(line).toMatch(/^\d+ of 20 runs, \d+ %(, \d+ s left)?$/)
      expect(Progress.format({ _tag: "Runs", done: 30, of: 100, kept: 10 }, 60_000)).toBe(
        "30 of 100 runs, 30 %, 10 of them were done before, 3 min 30 s left",
      )
    }))
})

describe("results", () => {
  const results = Effect.cached(Experiment.run(experiment)).pipe(Effect.runSync)

  it.effect("are a table, to the character", () =>
    Effect.gen(function* () {
      expect(Experiment.table(yield* results)).toEqual([
        "queue: 2 points, 12 replications, measured from 5 s on, ± at 95 %",
        "",
        "lambda  seeds  guest                                      mean     least      most",
        "     5      6  shop   wait                 18.12 ms ± 3.473 ms  13.23 ms  22.42 ms",
        "     5      6  shop   share of long waits    0.06129 ± 0.01488   0.04906   0.08741",
        "     5      6  shop   served                     279.7 ± 18.47       258       300",
        "    10      6  shop   wait                 52.83 ms ± 5.514 ms     43 ms  58.39 ms",
        "    10      6  shop   share of long waits     0.1913 ± 0.02555     0.162    0.2247",
        "    10      6  shop   served                       549 ± 18.12       528       566",
      ])
      const [bold] = Experiment.table(yield* results, { colour: true })
      expect(bold!.startsWith("\u001b[1mqueue") && bold!.endsWith("\u001b[0m")).toBe(true)
    }))

  it.effect("are CSV, and JSON that can be read again", () =>
    Effect.gen(function* () {
      const all = yield* results
      const lines = Experiment.csv(all).split("\r\n")
      expect(lines[0]).toBe(
        "lambda,guest,instrument,kind,unit,statistic,replications,mean,half,deviation,least,most",
      )
      const { mean, half, deviation, least, most } = measureOf(all as never, 0, "wait", "p90")
      expect(lines).toContain(`5,shop,wait,histogram,ns,p90,6,${mean},${half},${deviation},${least},${most}`)
      expect(lines).toHaveLength(2 * (7 + 7 + 1) + 2)
      expect(Experiment.fromJson(Experiment.json(all))).toEqual(all)
    }))

  it.effect("are plots: points with intervals over a parameter, and a curve beside them", () =>
    Effect.gen(function* () {
      const all = yield* results
      const beside = { name: "theory", points: [[5, 16_700_000], [10, 50_000_000]] as const }
      const svg = yield* Experiment.plot(all, { y: "wait", beside })
      expect(svg).toMatch(/^<svg [^]*<\/svg>$/)
      expect(svg).toContain("wait in ms")
      expect(svg).toContain("theory")
      // Two points, and an interval for each.
      expect(svg.match(/aria-roledescription="point"/g)).toHaveLength(2)
      const spec = (yield* Experiment.spec(all, { y: "wait", beside })) as {
        readonly layer: ReadonlyArray<{ readonly data: unknown }>
      }
      const { mean, half } = measureOf(all as never, 0, "wait", "mean")
      expect(spec.layer[2]!.data).toMatchObject({
        values: [{ x: 5, y: mean / 1e6, low: (mean - half!) / 1e6, high: (mean + half!) / 1e6 }, { x: 10 }],
      })
      const page = yield* Experiment.html(all, [{ y: "wait" }, { y: "wait", statistic: "p99" }])
      expect(page.match(/<svg/g)).toHaveLength(2)
      expect(page).toContain("18.12 ms ± 3.473 ms")
      expect(page).not.toMatch(/<script|src=|href="http/)
    }))

  it.effect.each<readonly [Experiment.PlotOptions, string]>([
    [{ y: "wiat" }, "y can't be wiat: what is measured is shop wait (mean)"],
    [{ y: "wait", statistic: "p12" }, "y can't be wait"],
    [{ y: "wait", x: "mu" }, "x can't be mu: the parameters are lambda"],
    [{ y: "wait", series: "mu" }, "series can't be mu: the parameters are lambda"],
    [{ y: "wait", width: 5 }, "width can't be 5"],
    [{ y: "wait", height: NaN }, "height can't be NaN"],
  ])("can't be drawn with %o", ([options, message]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Experiment.plot(yield* results, options))
      expect(error._tag).toBe("OptionError")
      expect(error.message).toContain(message)
    }))
})
