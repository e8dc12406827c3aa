import { describe, expect } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { it } from "../../src/testing.ts"
import { now, timed } from "../support/moments.ts"

/** What a stream gives, and when. */
const arrivals = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Stream.runCollect(Stream.mapEffect(stream, (value) => Effect.map(now, (at) => [at, value] as const)))

/** A stream that gives each number at its time, in ms, and ends with the last. */
const at = (...times: ReadonlyArray<number>) =>
  Stream.mapEffect(
    Stream.rechunk(Stream.fromIterable(times), 1),
    (time) => Effect.flatMap(now, (from) => Effect.as(Effect.sleep(time - from), time)),
  )

describe("Stream.debounce", () => {
  it.simulated("gives what nothing has followed for a while", () =>
    Effect.gen(function* () {
      const given = yield* arrivals(Stream.debounce(at(0, 100, 200, 1000, 1050, 3000), "500 millis"))
      expect(given).toEqual([[700, 200], [1550, 1050], [3000, 3000]])
    }))

  it.simulated("gives the last at once when the stream ends", () =>
    Effect.gen(function* () {
      expect(yield* arrivals(Stream.debounce(at(10, 20), "1 hour"))).toEqual([[20, 20]])
    }))

  it.simulated("lets everything through that is slow enough", () =>
    Effect.gen(function* () {
      const given = yield* arrivals(Stream.debounce(at(100, 300, 500, 700), "100 millis"))
      expect(given).toEqual([[200, 100], [400, 300], [600, 500], [700, 700]])
    }))

  it.simulated("of nothing is nothing", () =>
    Effect.gen(function* () {
      expect(yield* timed(arrivals(Stream.debounce(Stream.empty, "1 second")))).toEqual([0, Exit.succeed([])])
    }))

  it.simulated("hands on a failure at its time", () =>
    Effect.gen(function* () {
      const fails = Stream.concat(at(100), Stream.fromEffect(Effect.delay(Effect.fail("no"), 50)))
      expect(yield* timed(arrivals(Stream.debounce(fails, "1 second")))).toEqual([150, Exit.fail("no")])
    }))
})

describe("Stream.throttle", () => {
  const cost = () => 1
  const six = Stream.rechunk(Stream.range(1, 6), 1)

  it.simulated("shapes: as many as it may at once, then one each part of the time", () =>
    Effect.gen(function* () {
      const given = yield* arrivals(Stream.throttle(six, { cost, units: 2, duration: "1 second", strategy: "shape" }))
      expect(given).toEqual([[0, 1], [0, 2], [500, 3], [1000, 4], [1500, 5], [2000, 6]])
    }))

  it.simulated("shapes what is expensive for as long as it costs", () =>
    Effect.gen(function* () {
      const options = { cost: (chunk: ReadonlyArray<number>) => chunk[0]!, units: 1, duration: "1 second" } as const
      const given = yield* arrivals(Stream.throttle(Stream.rechunk(Stream.range(1, 3), 1), options))
      expect(given).toEqual([[0, 1], [2000, 2], [5000, 3]])
    }))

  it.simulated("shapes to the ns", () =>
    Effect.gen(function* () {
      const given = yield* arrivals(Stream.throttle(Stream.take(six, 3), { cost, units: 1, duration: "7 nanos" }))
      expect(given).toEqual([[0, 1], [0.000007, 2], [0.000014, 3]])
    }))

  it.simulated("doesn't touch what is slow enough", () =>
    Effect.gen(function* () {
      const given = yield* arrivals(Stream.throttle(at(0, 1000, 2000), { cost, units: 1, duration: "1 second" }))
      expect(given).toEqual([[0, 0], [1000, 1000], [2000, 2000]])
    }))

  it.simulated("enforces: drops what is too much", () =>
    Effect.gen(function* () {
      const options = { cost, units: 1, duration: "1 second", strategy: "enforce" } as const
      const given = yield* arrivals(Stream.throttle(at(0, 400, 999, 1000, 1001, 2500), options))
      expect(given).toEqual([[0, 0], [1000, 1000], [2500, 2500]])
    }))

  it.simulated("enforces with bursts that were saved up", () =>
    Effect.gen(function* () {
      const options = { cost, units: 1, duration: "1 second", burst: 2, strategy: "enforce" } as const
      const given = yield* arrivals(Stream.throttle(at(0, 1, 5000, 5000, 5000, 5000), options))
      expect(given.map(([millis]) => millis)).toEqual([0, 5000, 5000, 5000])
    }))
})

describe("Stream.groupedWithin", () => {
  it.simulated("gives what has come when the time is over", () =>
    Effect.gen(function* () {
      const given = yield* arrivals(Stream.groupedWithin(at(0, 100, 200, 1500, 1600), 10, "1 second"))
      expect(given).toEqual([[1000, [0, 100, 200]], [1600, [1500, 1600]]])
    }))

  it.simulated("gives as many as it may before the time is over", () =>
    Effect.gen(function* () {
      const given = yield* arrivals(Stream.groupedWithin(at(0, 100, 200, 300, 400), 2, "1 second"))
      expect(given).toEqual([[100, [0, 100]], [300, [200, 300]], [400, [400]]])
    }))

  it.simulated("gives no empty groups, however long nothing comes", () =>
    Effect.gen(function* () {
      const given = yield* arrivals(Stream.groupedWithin(at(0, 86_400_000), 5, "1 second"))
      expect(given).toEqual([[1000, [0]], [86_400_000, [86_400_000]]])
    }))
})

describe("a stream", () => {
  it.simulated("of ticks ticks at once and then each time", () =>
    Effect.gen(function* () {
      const given = yield* arrivals(Stream.take(Stream.tick("10 seconds"), 4))
      expect(given.map(([millis]) => millis)).toEqual([0, 10_000, 20_000, 30_000])
    }))

  it.simulated("from a schedule gives its outputs when they are due", () =>
    Effect.gen(function* () {
      const given = yield* arrivals(Stream.take(Stream.fromSchedule(Schedule.spaced("1 second")), 3))
      expect(given).toEqual([[1000, 0], [2000, 1], [3000, 2]])
    }))

  it.simulated("by a schedule spaces its elements", () =>
    Effect.gen(function* () {
      const given = yield* arrivals(Stream.schedule(Stream.make("a", "b", "c"), Schedule.spaced("2 seconds")))
      expect(given.map(([, value]) => value)).toEqual(["a", "b", "c"])
      expect(given[2]![0] - given[1]![0]).toBe(2000)
      expect(given[1]![0] - given[0]![0]).toBe(2000)
    }))

  it.simulated("repeated by a schedule begins again on time", () =>
    Effect.gen(function* () {
      const twice = Stream.repeat(Stream.make(1, 2), Schedule.upTo(Schedule.spaced("1 minute"), { times: 2 }))
      expect(yield* arrivals(twice)).toEqual([[0, 1], [0, 2], [60_000, 1], [60_000, 2], [120_000, 1], [120_000, 2]])
    }))

  it.simulated("retried by a schedule begins again after its failure", () =>
    Effect.gen(function* () {
      let tries = 0
      const flaky = Stream.fromEffect(Effect.suspend(() => ++tries < 4 ? Effect.fail("no") : Effect.succeed(tries)))
      expect(yield* arrivals(Stream.retry(flaky, Schedule.exponential("1 second")))).toEqual([[7000, 4]])
    }))

  it.simulated("with a timeout ends when nothing has come for as long", () =>
    Effect.gen(function* () {
      const given = timed(arrivals(Stream.timeout(at(100, 1000, 1100, 5000), "1 second")))
      expect(yield* given).toEqual([2100, Exit.succeed([[100, 100], [1000, 1000], [1100, 1100]])])
    }))

  it.simulated("that is halted ends at that time", () =>
    Effect.gen(function* () {
      const given = yield* arrivals(Stream.haltWhen(at(100, 200, 300, 400), Effect.sleep("250 millis")))
      expect(given).toEqual([[100, 100], [200, 200], [300, 300]])
    }))

  it.simulated("that is interrupted ends in the middle of a wait", () =>
    Effect.gen(function* () {
      const given = timed(arrivals(Stream.interruptWhen(at(100, 200, 300), Effect.sleep("250 millis"))))
      expect(yield* given).toEqual([250, Exit.succeed([[100, 100], [200, 200]])])
    }))

  it.simulated("merged of two has both in the order of their times", () =>
    Effect.gen(function* () {
      const given = yield* arrivals(Stream.merge(at(100, 300, 500), at(200, 400)))
      expect(given.map(([millis, value]) => [millis, value])).toEqual([100, 200, 300, 400, 500].map((n) => [n, n]))
    }))

  it.simulated("switched leaves an inner one when the next begins", () =>
    Effect.gen(function* () {
      const inner = (from: number) => at(from + 40, from + 80, from + 120)
      expect((yield* arrivals(Stream.switchMap(at(0, 100), inner))).map(([millis]) => millis)).toEqual([
        40,
        80,
        140,
        180,
        220,
      ])
    }))

  it.simulated("mapped concurrently takes as long as the slowest of those at once", () =>
    Effect.gen(function* () {
      const slow = Stream.mapEffect(Stream.range(1, 6), (n) => Effect.as(Effect.sleep(100), n), { concurrency: 3 })
      expect((yield* arrivals(slow)).map(([millis]) => millis)).toEqual([100, 100, 100, 200, 200, 200])
    }))

  it.simulated("from a queue waits for its elements, and ends with it", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<string, import("effect/Cause").Done>()
      yield* Effect.forkChild(Effect.gen(function* () {
        yield* Effect.sleep("1 second")
        yield* Queue.offer(queue, "a")
        yield* Effect.sleep("1 second")
        yield* Queue.end(queue)
      }))
      expect(yield* timed(arrivals(Stream.fromQueue(queue)))).toEqual([2000, Exit.succeed([[1000, "a"]])])
    }))

  it.simulated("zipped with a tick is as slow as that", () =>
    Effect.gen(function* () {
      const ticks = Stream.tick(Duration.nanos(250n))
      const given = yield* Stream.runCollect(
        Stream.mapEffect(Stream.zip(Stream.range(1, 5), ticks), () => Clock.monotonicTimeNanos),
      )
      expect(given).toEqual([0n, 250n, 500n, 750n, 1000n])
    }))
})
