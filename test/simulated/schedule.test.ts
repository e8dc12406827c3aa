import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import { it } from "../../src/testing.ts"
import { journal, now, timed } from "../support/moments.ts"

/** When an effect that takes `work` ms begins, if it is repeated by `schedule`, up to `times` times. */
const begins = <Out, E, R>(schedule: Schedule.Schedule<Out, unknown, E, R>, times: number, work = 0) =>
  Effect.gen(function* () {
    const at: Array<number> = []
    const job = Effect.gen(function* () {
      at.push(yield* now)
      if (work > 0) yield* Effect.sleep(work)
    })
    yield* Effect.repeat(job, Schedule.upTo(schedule, { times: times - 1 }))
    return at
  })

describe("a schedule", () => {
  type Row = readonly [what: string, schedule: Schedule.Schedule<unknown>, work: number, at: ReadonlyArray<number>]
  const halves = { duration: "1500 nanos" } as const
  const rows: ReadonlyArray<Row> = [
    ["spaced", Schedule.spaced("1 second"), 0, [0, 1000, 2000, 3000]],
    ["spaced, from the end of work", Schedule.spaced("1 second"), 300, [0, 1300, 2600, 3900]],
    ["spaced by ns", Schedule.spaced(Duration.nanos(7n)), 0, [0, 0.000007, 0.000014, 0.000021]],
    ["spaced by nothing", Schedule.spaced(0), 0, [0, 0, 0]],
    ["forever", Schedule.forever, 5, [0, 5, 10]],
    ["fixed", Schedule.fixed("1 second"), 0, [0, 1000, 2000, 3000]],
    ["fixed, whose work is shorter", Schedule.fixed("1 second"), 300, [0, 1300, 2300, 3300]],
    ["fixed, whose work is as long", Schedule.fixed("1 second"), 1000, [0, 2000, 4000, 6000]],
    ["fixed, that runs behind", Schedule.fixed("1 second"), 1500, [0, 2500, 4000, 5500]],
    ["fixed without an interval", Schedule.fixed(0), 10, [0, 10, 20]],
    ["windowed", Schedule.windowed("1 second"), 0, [0, 1000, 2000]],
    ["windowed, whose work is shorter", Schedule.windowed("1 second"), 300, [0, 1300, 2300, 3300]],
    ["windowed, that misses windows", Schedule.windowed("1 second"), 2500, [0, 3500, 6500, 9500]],
    ["windowed without a window", Schedule.windowed(0), 10, [0, 10, 20]],
    ["exponential", Schedule.exponential("100 millis"), 0, [0, 100, 300, 700, 1500]],
    ["exponential, by another factor", Schedule.exponential("100 millis", 1.5), 0, [0, 100, 250, 475]],
    ["exponential, in ns", Schedule.exponential(halves.duration), 0, [0, 0.0015, 0.0045, 0.0105]],
    ["exponential, rounded to ns", Schedule.exponential("1 milli", 1.0001), 0, [0, 1, 2.0001, 3.0003]],
    ["exponential, that doesn't grow", Schedule.exponential("1 second", 1), 0, [0, 1000, 2000, 3000]],
    ["fibonacci", Schedule.fibonacci("100 millis"), 0, [0, 100, 200, 400, 700, 1200]],
    ["the longest of two", Schedule.max([Schedule.exponential(100), Schedule.spaced(300)]), 0, [
      0,
      300,
      600,
      1000,
      1800,
    ]],
    ["the shortest of two", Schedule.min([Schedule.exponential(100), Schedule.spaced(300)]), 0, [
      0,
      100,
      300,
      600,
      900,
    ]],
    [
      "the shortest, of which one ends",
      Schedule.min([Schedule.upTo(Schedule.spaced(100), { times: 2 }), Schedule.spaced(300)]),
      0,
      [0, 100, 200, 500, 800],
    ],
    [
      "one after another",
      Schedule.concat(Schedule.upTo(Schedule.spaced(100), { times: 2 }), Schedule.spaced(1000)),
      0,
      [0, 100, 200, 1200, 2200],
    ],
    [
      "with a delay on top",
      Schedule.addDelay(Schedule.spaced(100), ({ attempt }) => Effect.succeed(attempt * 10)),
      0,
      [0, 110, 230, 360],
    ],
    [
      "with another delay",
      Schedule.modifyDelay(
        Schedule.exponential(100),
        ({ duration }) => Effect.succeed(Duration.min(duration, Duration.millis(150))),
      ),
      0,
      [0, 100, 250, 400],
    ],
  ]
  it.simulated.each(rows)("begins on time: %s", ([, schedule, work, at]) =>
    Effect.gen(function* () {
      expect(yield* begins(schedule, at.length, work)).toEqual(at)
    }))

  const ends: ReadonlyArray<readonly [what: string, schedule: Schedule.Schedule<unknown>, at: ReadonlyArray<number>]> =
    [
      ["after as many recurrences as it may", Schedule.recurs(3), [0, 0, 0, 0]],
      ["after one", Schedule.once, [0, 0]],
      ["after a single delay", Schedule.duration("5 seconds"), [0, 5000]],
      [
        "when its time is over, that itself included",
        Schedule.max([Schedule.spaced("1 second"), Schedule.during("3 seconds")]),
        [0, 1000, 2000, 3000, 4000],
      ],
      [
        "with the first of those of which it is the longest",
        Schedule.max([Schedule.spaced("1 second"), Schedule.recurs(2)]),
        [0, 1000, 2000],
      ],
      ["up to a duration", Schedule.upTo(Schedule.spaced("1 second"), { duration: "2 seconds" }), [
        0,
        1000,
        2000,
        3000,
      ]],
      [
        "while it is told",
        Schedule.while(Schedule.exponential(100), ({ duration }) => Duration.toMillis(duration) < 500),
        [0, 100, 300, 700],
      ],
      ["never having run without a time", Schedule.recurs(0), [0]],
    ]
  it.simulated.each(ends)("ends %s", ([, schedule, at]) =>
    Effect.gen(function* () {
      const { entries, note } = journal()
      yield* Effect.repeat(note("run"), schedule)
      expect(entries.map(([millis]) => millis)).toEqual(at)
    }))

  it.simulated.each([[0, 800], [0.5, 1000], [0.25, 900], [0.000000001, 800]])(
    "with jitter depends on nothing but Random: %s",
    ([random, millis]) =>
      Effect.gen(function* () {
        const jittered = Schedule.jittered(Schedule.spaced("1 second"))
        const at = yield* Effect.provideService(begins(jittered, 2), Random.Random, {
          nextIntUnsafe: () => 0,
          nextDoubleUnsafe: () => random,
        })
        expect(at).toEqual([0, millis])
      }),
  )

  it.simulated("with jitter and a seed is the same each time, within a fifth", () =>
    Effect.gen(function* () {
      const jittered = Schedule.jittered(Schedule.spaced("1 second"))
      const delays = (seed: string) =>
        Effect.map(begins(jittered, 11), (at) => at.slice(1).map((millis, i) => millis - at[i]!)).pipe(
          Random.withSeed(seed),
        )
      const [one, two, other] = [yield* delays("a"), yield* delays("a"), yield* delays("b")]
      expect(two.map((delay) => delay.toFixed(5))).toEqual(one.map((delay) => delay.toFixed(5)))
      expect(other).not.toEqual(one)
      expect(one.every((delay) => delay >= 799.999 && delay <= 1200.001)).toBe(true)
    }))

  it.simulated("tells an effect how often it ran, and when", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const job = Effect.gen(function* () {
        const { attempt, elapsed, elapsedSincePrevious } = yield* Schedule.CurrentMetadata
        seen.push([attempt, elapsed, elapsedSincePrevious])
        yield* Effect.sleep(50)
      })
      yield* Effect.repeat(job, Schedule.upTo(Schedule.spaced(100), { times: 3 }))
      expect(seen).toEqual([[0, 0, 0], [1, 0, 0], [2, 150, 150], [3, 300, 150]])
    }))

  it.simulated("can be stepped by hand, and sleeps", () =>
    Effect.gen(function* () {
      const step = yield* Schedule.toStepWithSleep(Schedule.exponential("1 second"))
      yield* step(undefined)
      yield* step(undefined)
      expect(yield* now).toBe(3000)
    }))
})

describe("Effect.repeat", () => {
  it.simulated("ends with the failure of the effect, at its time", () =>
    Effect.gen(function* () {
      let runs = 0
      const job = Effect.suspend(() => ++runs === 4 ? Effect.fail("fourth") : Effect.void)
      expect(yield* timed(Effect.repeat(job, Schedule.spaced("1 second")))).toEqual([3000, Exit.fail("fourth")])
    }))

  it.simulated("by times runs once more than that, at once", () =>
    Effect.gen(function* () {
      let runs = 0
      expect(yield* timed(Effect.repeat(Effect.sync(() => ++runs), { times: 5 }))).toEqual([0, Exit.succeed(6)])
    }))

  it.simulated("until a condition holds, spaced", () =>
    Effect.gen(function* () {
      const repeated = Effect.repeat(now, { until: (at) => at >= 5000, schedule: Schedule.spaced("2 seconds") })
      expect(yield* repeated).toBe(6000)
    }))

  it.simulated("while a condition holds, spaced", () =>
    Effect.gen(function* () {
      yield* Effect.repeat(now, { while: (at) => at < 5000, schedule: Schedule.spaced("2 seconds") })
      expect(yield* now).toBe(6000)
    }))

  it.simulated("is cut short by a timeout between two runs", () =>
    Effect.gen(function* () {
      const { entries, note } = journal()
      yield* Effect.timeoutOption(Effect.repeat(note("run"), Schedule.spaced("2 seconds")), "5 seconds")
      expect(entries.map(([at]) => at)).toEqual([0, 2000, 4000])
      expect(yield* now).toBe(5000)
    }))
})

describe("Effect.schedule", () => {
  it.simulated("waits before the first run", () =>
    Effect.gen(function* () {
      const { entries, note } = journal()
      yield* Effect.schedule(note("run"), Schedule.upTo(Schedule.spaced("1 second"), { times: 3 }))
      expect(entries.map(([at]) => at)).toEqual([1000, 2000, 3000])
    }))
})
