import { describe, expect } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { it } from "../../src/testing.ts"
import { journal, now, timed } from "../support/moments.ts"

describe("fibers", () => {
  it.simulated("at once take as long as the slowest", () =>
    Effect.gen(function* () {
      const all = Effect.all([3, 1, 2].map((s) => Effect.as(Effect.sleep(s * 1000), s)), { concurrency: "unbounded" })
      expect(yield* timed(all)).toEqual([3000, Exit.succeed([3, 1, 2])])
    }))

  it.simulated("one after another take as long as all", () =>
    Effect.gen(function* () {
      const all = Effect.forEach([3, 1, 2], (s) => Effect.andThen(Effect.sleep(s * 1000), now))
      expect(yield* all).toEqual([3000, 4000, 6000])
    }))

  it.simulated("two at a time take the next when one is done", () =>
    Effect.gen(function* () {
      const all = Effect.forEach([3, 1, 1, 2], (s) => Effect.andThen(Effect.sleep(s * 1000), now), { concurrency: 2 })
      expect(yield* all).toEqual([3000, 1000, 2000, 4000])
    }))

  it.simulated("of which one fails are interrupted at that time", () =>
    Effect.gen(function* () {
      const { entries, note } = journal()
      const slow = Effect.onInterrupt(Effect.sleep("1 hour"), () => note("interrupted"))
      const fails = Effect.delay(Effect.fail("no"), "2 seconds")
      expect(yield* timed(Effect.all([slow, fails], { concurrency: 2 }))).toEqual([2000, Exit.fail("no")])
      expect(entries).toEqual([[2000, "interrupted"]])
    }))

  it.simulated("of a parent end with it, and detached ones don't", () =>
    Effect.gen(function* () {
      const { entries, note } = journal()
      const ticks = (name: string) => Effect.forever(Effect.andThen(Effect.sleep("1 second"), note(name)))
      const parent = yield* Effect.forkChild(Effect.gen(function* () {
        yield* Effect.forkChild(ticks("child"))
        yield* Effect.forkDetach(ticks("detached"))
        yield* Effect.sleep(2500)
      }))
      yield* Fiber.join(parent)
      yield* Effect.sleep(2000)
      expect(entries.filter(([, name]) => name === "child").map(([at]) => at)).toEqual([1000, 2000])
      expect(entries.filter(([, name]) => name === "detached").map(([at]) => at)).toEqual([1000, 2000, 3000, 4000])
    }))

  it.simulated("in a scope end when it is closed", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { entries, note } = journal()
      yield* Effect.forkIn(Effect.onInterrupt(Effect.never, () => note("over")), scope, { startImmediately: true })
      yield* Effect.sleep("90 seconds")
      yield* Scope.close(scope, Exit.void)
      expect(entries).toEqual([[90_000, "over"]])
    }))

  it.simulated("are interrupted as a whole, which takes as long as their finalizers", () =>
    Effect.gen(function* () {
      const one = (ms: number) => Effect.onInterrupt(Effect.never, () => Effect.sleep(ms))
      const fibers = yield* Effect.forEach(
        [100, 300, 200],
        (ms) => Effect.forkChild(one(ms), { startImmediately: true }),
      )
      expect((yield* timed(Fiber.interruptAll(fibers)))[0]).toBe(300)
    }))

  it.simulated("in a map replace those of the same key", () =>
    Effect.gen(function* () {
      const { entries, note } = journal()
      const map = yield* FiberMap.make<string>()
      yield* FiberMap.run(map, "a", Effect.delay(note("first"), 200))
      yield* Effect.sleep(100)
      yield* FiberMap.run(map, "a", Effect.delay(note("second"), 200))
      yield* FiberMap.awaitEmpty(map)
      expect(entries).toEqual([[300, "second"]])
    }))
})

describe("what fibers share", () => {
  it.simulated("a deferred wakes all who wait, at its time", () =>
    Effect.gen(function* () {
      const deferred = yield* Deferred.make<number>()
      yield* Effect.forkChild(Effect.delay(Deferred.succeed(deferred, 1), Duration.nanos(77n)))
      const waits = Effect.andThen(Deferred.await(deferred), now)
      expect(yield* Effect.all([waits, waits], { concurrency: 2 })).toEqual([0.000077, 0.000077])
    }))

  it.simulated("a latch lets through while it is open", () =>
    Effect.gen(function* () {
      const latch = yield* Latch.make()
      const pass = (after: number) => Effect.delay(Effect.andThen(latch.await, now), after)
      yield* Effect.forkChild(Effect.gen(function* () {
        yield* Effect.delay(latch.open, 100)
        yield* Effect.delay(latch.close, 100)
        yield* Effect.delay(latch.open, 100)
      }))
      expect(yield* Effect.all([pass(0), pass(150), pass(250)], { concurrency: 3 })).toEqual([100, 150, 300])
    }))

  it.simulated("a semaphore lets as many in as it has permits, in their order", () =>
    Effect.gen(function* () {
      const semaphore = yield* Semaphore.make(2)
      const one = semaphore.withPermits(1)(Effect.andThen(Effect.sleep(100), now))
      expect(yield* Effect.all([one, one, one, one, one], { concurrency: 5 })).toEqual([100, 100, 200, 200, 300])
    }))

  it.simulated("a semaphore gets its permits back from who is timed out", () =>
    Effect.gen(function* () {
      const semaphore = yield* Semaphore.make(1)
      const hog = Effect.timeoutOption(semaphore.withPermits(1)(Effect.never), "5 seconds")
      const next = Effect.delay(semaphore.withPermits(1)(now), 1)
      expect(yield* Effect.all([hog, next], { concurrency: 2 })).toEqual([Option.none(), 5000])
    }))

  it.simulated("a bounded queue has those wait who offer too much", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.bounded<number>(2)
      const offers = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3, 4], (n) => Effect.andThen(Queue.offer(queue, n), now)),
      )
      const takes = yield* Effect.forEach([1, 2, 3, 4], () => Effect.delay(Queue.take(queue), 100))
      expect(takes).toEqual([1, 2, 3, 4])
      expect(yield* Fiber.join(offers)).toEqual([0, 0, 100, 200])
    }))

  it.simulated("a queue has those wait who take, in the order in which they came", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<string>()
      const take = (name: string, after: number) =>
        Effect.delay(Effect.flatMap(Queue.take(queue), (item) => Effect.map(now, (at) => [name, item, at])), after)
      yield* Effect.forkChild(Effect.forEach(["x", "y"], (item) => Effect.delay(Queue.offer(queue, item), 50)))
      expect(yield* Effect.all([take("late", 20), take("early", 10)], { concurrency: 2 })).toEqual([
        ["late", "y", 100],
        ["early", "x", 50],
      ])
    }))

  it.simulated("a sliding queue forgets what is too old", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.sliding<number>(2)
      yield* Effect.forkChild(Effect.forEach([1, 2, 3, 4, 5], (n) => Effect.delay(Queue.offer(queue, n), 10)))
      yield* Effect.sleep(45)
      expect(yield* Queue.takeAll(queue)).toEqual([3, 4])
    }))

  it.simulated("a take with a timeout loses nothing that comes later", () =>
    Effect.gen(function* () {
      const queue = yield* Queue.unbounded<string>()
      yield* Effect.forkChild(Effect.delay(Queue.offer(queue, "late"), "2 seconds"))
      expect(yield* Effect.timeoutOption(Queue.take(queue), "1 second")).toEqual(Option.none())
      expect(yield* Effect.timeoutOption(Queue.take(queue), "2 seconds")).toEqual(Option.some("late"))
      expect(yield* now).toBe(2000)
    }))

  it.simulated("a pubsub tells those who have subscribed by then", () =>
    Effect.gen(function* () {
      const pubsub = yield* PubSub.unbounded<number>()
      const { entries, note } = journal()
      const listen = (name: string, after: number) =>
        Effect.gen(function* () {
          yield* Effect.sleep(after)
          const subscription = yield* PubSub.subscribe(pubsub)
          yield* Effect.forever(Effect.flatMap(PubSub.take(subscription), (n) => note(`${name} ${n}`)))
        })
      yield* Effect.forkChild(Effect.scoped(listen("a", 0)))
      yield* Effect.forkChild(Effect.scoped(listen("b", 150)))
      yield* Effect.forEach([1, 2], (n) => Effect.delay(PubSub.publish(pubsub, n), 100))
      yield* Effect.sleep(1)
      expect(entries).toEqual([[100, "a 1"], [200, "a 2"], [200, "b 2"]])
    }))
})
