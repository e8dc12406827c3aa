import { describe, expect } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Cron from "effect/Cron"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { it } from "../../src/testing.ts"

const nanos = (iso: string) => BigInt(Date.parse(iso)) * 1_000_000n

/** The first times at which an expression's jobs run. */
const runs = (cron: Schedule.Schedule<unknown, unknown, Cron.CronParseError>, times: number) =>
  Effect.gen(function* () {
    const at: Array<string> = []
    const job = Effect.map(DateTime.now, (date) => at.push(DateTime.formatIso(date)))
    yield* Effect.schedule(job, Schedule.upTo(cron, { times }))
    return at
  })

describe("Schedule.cron", () => {
  type Row = readonly [what: string, cron: string, zone: string, start: string, at: ReadonlyArray<string>]
  const rows: ReadonlyArray<Row> = [
    ["each minute", "* * * * *", "UTC", "2024-01-01T00:00:30Z", [
      "2024-01-01T00:01:00.000Z",
      "2024-01-01T00:02:00.000Z",
      "2024-01-01T00:03:00.000Z",
    ]],
    ["each ten seconds", "*/10 * * * * *", "UTC", "2024-01-01T00:00:55.250Z", [
      "2024-01-01T00:01:00.000Z",
      "2024-01-01T00:01:10.000Z",
    ]],
    ["on the hour", "0 * * * *", "UTC", "2024-01-01T00:00:00Z", [
      "2024-01-01T01:00:00.000Z",
      "2024-01-01T02:00:00.000Z",
    ]],
    ["at midnight", "0 0 * * *", "UTC", "2024-02-28T12:00:00Z", [
      "2024-02-29T00:00:00.000Z",
      "2024-03-01T00:00:00.000Z",
    ]],
    ["on weekdays only", "30 9 * * 1-5", "UTC", "2024-01-05T10:00:00Z", [
      "2024-01-08T09:30:00.000Z",
      "2024-01-09T09:30:00.000Z",
    ]],
    ["on the first of the month", "0 0 1 * *", "UTC", "2024-01-01T00:00:00Z", [
      "2024-02-01T00:00:00.000Z",
      "2024-03-01T00:00:00.000Z",
      "2024-04-01T00:00:00.000Z",
    ]],
    ["only in months of 31 days", "0 0 31 * *", "UTC", "2024-01-31T00:00:00Z", [
      "2024-03-31T00:00:00.000Z",
      "2024-05-31T00:00:00.000Z",
      "2024-07-31T00:00:00.000Z",
    ]],
    ["only in leap years", "0 0 29 2 *", "UTC", "2021-01-01T00:00:00Z", [
      "2024-02-29T00:00:00.000Z",
      "2028-02-29T00:00:00.000Z",
    ]],
    ["over the new year", "59 23 31 12 *", "UTC", "2023-12-31T23:59:30Z", ["2024-12-31T23:59:00.000Z"]],
    ["in another time zone", "0 8 * * *", "Asia/Tokyo", "2024-01-01T00:00:00Z", [
      "2024-01-01T23:00:00.000Z",
      "2024-01-02T23:00:00.000Z",
    ]],
    ["by the clock on the wall, when it goes forward", "0 8 * * *", "Europe/Berlin", "2024-03-30T00:00:00Z", [
      "2024-03-30T07:00:00.000Z",
      "2024-03-31T06:00:00.000Z",
    ]],
    ["by the clock on the wall, when it goes back", "0 8 * * *", "Europe/Berlin", "2024-10-26T00:00:00Z", [
      "2024-10-26T06:00:00.000Z",
      "2024-10-27T07:00:00.000Z",
    ]],
    ["at several times of a day", "0 6,12,18 * * *", "UTC", "2024-01-01T07:00:00Z", [
      "2024-01-01T12:00:00.000Z",
      "2024-01-01T18:00:00.000Z",
      "2024-01-02T06:00:00.000Z",
    ]],
  ]
  it.simulated.each(rows)("runs %s", ([, cron, zone, start, at]) =>
    Effect.gen(function* () {
      // A test's clock starts at 1970.
      yield* Effect.sleep(Date.parse(start))
      expect(yield* runs(Schedule.cron(cron, zone), at.length)).toEqual(at)
      const [last, next] = [at.at(-1)!, Cron.next(Cron.parseUnsafe(cron, zone), at.at(-2) ?? start).toISOString()]
      expect(next).toBe(last)
    }))

  it.simulated("keeps a fraction of a ms by which the clock is off, as it counts in ms", () =>
    Effect.gen(function* () {
      yield* Effect.schedule(Effect.void, Schedule.upTo(Schedule.cron("* * * * *", "UTC"), { times: 2 }))
      expect(yield* Clock.currentTimeNanos).toBe(nanos("2024-01-01T00:02:00Z") + 999_999n)
    }), { start: nanos("2024-01-01T00:00:00Z") + 999_999n })

  it.simulated("waits from the end of a job that takes longer than a minute", () =>
    Effect.gen(function* () {
      const at: Array<number> = []
      const job = Effect.andThen(
        Effect.map(Clock.currentTimeMillis, (ms) => at.push(ms / 1000)),
        Effect.sleep("90 seconds"),
      )
      yield* Effect.repeat(job, Schedule.upTo(Schedule.cron("* * * * *", "UTC"), { times: 2 }))
      expect(at).toEqual([0, 120, 240])
    }))

  it.simulated("fails where it can't be parsed, before any time", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.repeat(Effect.void, Schedule.cron("61 * * * *")))
      expect(Cron.isCronParseError(error)).toBe(true)
      expect(yield* Clock.monotonicTimeNanos).toBe(0n)
    }))

  it.simulated("runs a day of jobs of three kinds in order", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const job = (name: string, cron: string) =>
        Effect.schedule(Effect.sync(() => log.push(name)), Schedule.cron(cron, "UTC"))
      yield* Effect.all([job("h", "0 * * * *"), job("n", "0 12 * * *"), job("q", "*/15 * * * *")], {
        concurrency: "unbounded",
      }).pipe(Effect.timeoutOption("1 day"))
      const count = (name: string) => log.filter((each) => each === name).length
      // The ones at the very end went to sleep after the time-out did.
      expect([count("h"), count("n"), count("q")]).toEqual([23, 1, 95])
      expect(log.slice(0, 5)).toEqual(["q", "q", "q", "h", "q"])
    }))
})

describe("DateTime", () => {
  it.simulated("now is the simulated wall clock, and goes on", () =>
    Effect.gen(function* () {
      expect(DateTime.formatIso(yield* DateTime.now)).toBe("2024-02-28T23:59:59.999Z")
      yield* Effect.sleep("1 milli")
      expect(DateTime.formatIso(yield* DateTime.now)).toBe("2024-02-29T00:00:00.000Z")
    }), { start: nanos("2024-02-28T23:59:59.999Z") })

  it.simulated("nowAsDate is the same as a Date", () =>
    Effect.gen(function* () {
      yield* Effect.sleep("36 hours")
      expect((yield* DateTime.nowAsDate).toISOString()).toBe("1970-01-02T12:00:00.000Z")
    }))

  it.simulated("nowInCurrentZone knows summer time on simulated days", () =>
    Effect.gen(function* () {
      const hour = Effect.map(DateTime.nowInCurrentZone, DateTime.formatIsoZoned)
      expect(yield* hour).toBe("2024-03-31T01:30:00.000+01:00[Europe/Berlin]")
      yield* Effect.sleep("1 hour")
      expect(yield* hour).toBe("2024-03-31T03:30:00.000+02:00[Europe/Berlin]")
    }).pipe(DateTime.withCurrentZoneNamed("Europe/Berlin"), Effect.orDie), { start: nanos("2024-03-31T00:30:00Z") })

  it.simulated("isFuture and isPast change when the time has come", () =>
    Effect.gen(function* () {
      const noon = DateTime.makeUnsafe("1970-01-01T12:00:00Z")
      const [before, after] = [DateTime.isFuture(noon), DateTime.isPast(noon)]
      yield* Effect.sleep(43_199_999)
      expect([yield* before, yield* after]).toEqual([true, false])
      yield* Effect.sleep("1 milli")
      expect([yield* before, yield* after]).toEqual([false, false])
      yield* Effect.sleep("1 milli")
      expect([yield* before, yield* after]).toEqual([false, true])
    }))
})
