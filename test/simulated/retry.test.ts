import { describe, expect } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import { it } from "../../src/testing.ts"
import { journal, now, timed } from "../support/moments.ts"

/** Fails with its number until the `ok`th run; notes when it ran. Takes `work` ms. */
const flaky = (ok: number, work = 0) => {
  const { entries, note } = journal<number>()
  let runs = 0
  const run = Effect.gen(function* () {
    const n = ++runs
    yield* note(n)
    if (work > 0) yield* Effect.sleep(work)
    return n < ok ? yield* Effect.fail(n) : n
  })
  return { run, times: () => entries.map(([at]) => at) }
}

describe("Effect.retry", () => {
  type Row = readonly [
    what: string,
    policy: Schedule.Schedule<unknown, number>,
    work: number,
    at: ReadonlyArray<number>,
  ]
  it.simulated.each<Row>([
    ["at once", Schedule.forever, 0, [0, 0, 0]],
    ["spaced", Schedule.spaced("1 second"), 0, [0, 1000, 2000]],
    ["spaced, from the failure", Schedule.spaced("1 second"), 250, [0, 1250, 2500]],
    ["with exponential back-off", Schedule.exponential("10 millis"), 0, [0, 10, 30, 70, 150, 310]],
    ["with exponential back-off that has a cap", Schedule.min([Schedule.exponential(10), Schedule.spaced(25)]), 0, [
      0,
      10,
      30,
      55,
      80,
    ]],
    ["with fibonacci back-off", Schedule.fibonacci("1 second"), 0, [0, 1000, 2000, 4000, 7000]],
    ["at fixed times", Schedule.fixed("1 second"), 400, [0, 1400, 2400, 3400]],
    ["in windows", Schedule.windowed("1 second"), 400, [0, 1400, 2400, 3400]],
    [
      "with a delay that the error asks for",
      Schedule.addDelay(Schedule.identity<number>(), ({ input }) => Effect.succeed(Duration.seconds(input))),
      0,
      [0, 1000, 3000, 6000],
    ],
    ["a ns later", Schedule.spaced(Duration.nanos(1n)), 0, [0, 0.000001, 0.000002]],
  ])("tries again: %s", ([, policy, work, at]) =>
    Effect.gen(function* () {
      const { run, times } = flaky(at.length, work)
      expect(yield* Effect.retry(run, policy)).toBe(at.length)
      expect(times()).toEqual(at)
      expect(yield* now).toBe(at.at(-1)! + work)
    }))

  it.simulated("fails with the last error when the schedule ends", () =>
    Effect.gen(function* () {
      const { run, times } = flaky(10)
      const policy = Schedule.upTo(Schedule.spaced("1 second"), { times: 2 })
      expect(yield* timed(Effect.retry(run, policy))).toEqual([2000, Exit.fail(3)])
      expect(times()).toEqual([0, 1000, 2000])
    }))

  it.simulated("doesn't wait for anything where there is no failure", () =>
    Effect.gen(function* () {
      expect(yield* timed(Effect.retry(Effect.succeed(1), Schedule.spaced("1 day")))).toEqual([0, Exit.succeed(1)])
    }))

  it.simulated("by times", () =>
    Effect.gen(function* () {
      expect(yield* timed(Effect.retry(flaky(10, 5).run, { times: 3 }))).toEqual([20, Exit.fail(4)])
    }))

  it.simulated("while the error is one to be tried again", () =>
    Effect.gen(function* () {
      const options = { while: (error: number) => error < 3, schedule: Schedule.spaced(100) }
      expect(yield* timed(Effect.retry(flaky(10).run, options))).toEqual([200, Exit.fail(3)])
    }))

  it.simulated("until the error is a final one", () =>
    Effect.gen(function* () {
      const options = { until: (error: number) => error === 4, schedule: Schedule.exponential(1) }
      expect(yield* timed(Effect.retry(flaky(10).run, options))).toEqual([7, Exit.fail(4)])
    }))

  it.simulated("goes by the time it has taken, work included", () =>
    Effect.gen(function* () {
      const { run, times } = flaky(100, 600)
      const policy = Schedule.upTo(Schedule.spaced("400 millis"), { duration: "2 seconds" })
      expect(yield* timed(Effect.retry(run, policy))).toEqual([3600, Exit.fail(4)])
      expect(times()).toEqual([0, 1000, 2000, 3000])
    }))

  it.simulated("with each try timed out", () =>
    Effect.gen(function* () {
      let tries = 0
      const slow = Effect.suspend(() => Effect.as(Effect.sleep(4000 - 1000 * tries++), tries))
      const patient = Effect.retry(Effect.timeout(slow, "1500 millis"), Schedule.spaced("500 millis"))
      expect(yield* timed(patient)).toEqual([7000, Exit.succeed(4)])
    }))

  it.simulated("is cut short by a timeout around it, in the middle of a wait", () =>
    Effect.gen(function* () {
      const { run, times } = flaky(1000)
      yield* Effect.timeoutOption(Effect.retry(run, Schedule.exponential("1 second")), "10 seconds")
      expect(times()).toEqual([0, 1000, 3000, 7000])
      expect(yield* now).toBe(10_000)
    }))

  it.simulated("doesn't try a defect again", () =>
    Effect.gen(function* () {
      const dies = Effect.andThen(Effect.sleep(5), Effect.die("bug"))
      expect(yield* timed(Effect.retry(dies, Schedule.spaced(1)))).toEqual([5, Exit.die("bug")])
    }))
})

describe("Effect.retryOrElse", () => {
  it.simulated("goes on with something else when the schedule ends", () =>
    Effect.gen(function* () {
      const orElse = (error: number) => Effect.delay(Effect.succeed(`after ${error}`), "1 second")
      const policy = Schedule.upTo(Schedule.spaced("2 seconds"), { times: 2 })
      expect(yield* timed(Effect.retryOrElse(flaky(9).run, policy, orElse))).toEqual([5000, Exit.succeed("after 3")])
    }))
})

describe("Effect.eventually", () => {
  it.simulated("tries until it succeeds", () =>
    Effect.gen(function* () {
      expect(yield* timed(Effect.eventually(flaky(5, 20).run))).toEqual([100, Exit.succeed(5)])
    }))
})
