import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { describe, expect, it, layer, makeMethods, test } from "../src/testing.ts"
import * as TestClock from "../src/testing/TestClock.ts"

/** The guest time, in ms. */
const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/** What somebody counts in the background, once a second. */
class Heart extends Context.Service<Heart, { beats: number; released: boolean }>()("Heart") {
  static readonly layer = Layer.effect(
    Heart,
    Effect.gen(function* () {
      const heart = { beats: 0, released: false }
      yield* Effect.sleep("10 seconds")
      yield* Effect.forkScoped(
        Effect.forever(Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => heart.beats++))),
      )
      yield* Effect.addFinalizer(() => Effect.andThen(Effect.sleep("1 hour"), Effect.sync(() => heart.released = true)))
      return heart
    }),
  )
}

/** Answers that take a second each, from a worker that waits for questions. */
class Oracle
  extends Context.Service<Oracle, { readonly ask: (question: number) => Effect.Effect<number> }>()("Oracle") {
  static readonly layer = Layer.effect(
    Oracle,
    Effect.gen(function* () {
      const heart = yield* Heart
      const questions = yield* Queue.unbounded<readonly [number, Deferred.Deferred<number>]>()
      const work = Effect.gen(function* () {
        const [question, answer] = yield* Queue.take(questions)
        yield* Effect.sleep("1 second")
        yield* Deferred.succeed(answer, question * 2)
        heart.beats += 1000
      })
      yield* Effect.forkScoped(Effect.forever(work))
      return {
        ask: (question: number) =>
          Effect.gen(function* () {
            const answer = yield* Deferred.make<number>()
            yield* Queue.offer(questions, [question, answer])
            return yield* Deferred.await(answer)
          }),
      }
    }),
  )
}

let released: Heart["Service"] | undefined

layer(Heart.layer)("a group on simulated time", (it) => {
  it.effect("builds its layer on it", () =>
    Effect.gen(function* () {
      const heart = yield* Heart
      released = heart
      expect([heart.beats, yield* now]).toEqual([0, 10_000])
      yield* TestClock.adjust("5 seconds")
      expect(heart.beats).toBe(5)
    }))

  it.effect("has it stand still between the tests, in which what runs in the background isn't ahead", () =>
    Effect.gen(function* () {
      const heart = yield* Heart
      yield* TestClock.withLive(Effect.sleep("20 millis"))
      expect([heart.beats, yield* now]).toEqual([5, 15_000])
    }))

  it.simulated("has one time for it.simulated and it.effect", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 second")
      expect([(yield* Heart).beats, yield* now]).toEqual([6, 16_000])
    }))

  it.effect("releases what a test has acquired on it, before the next", () =>
    Effect.addFinalizer(() => Effect.sleep("4 seconds")))

  it.effect.each(["one", "another"])("has a test for each of several cases: %s", (name) =>
    Effect.gen(function* () {
      expect(yield* now).toBe(name === "one" ? 20_000 : 21_000)
      yield* Effect.sleep("1 second")
    }))

  it.layer(Oracle.layer)("and a group within it", (it) => {
    it.effect("shares its time and its layer", () =>
      Effect.gen(function* () {
        const { ask } = yield* Oracle
        const heart = yield* Heart
        yield* TestClock.adjust(0)
        const at = yield* now
        const beats = heart.beats
        expect(yield* ask(21)).toBe(42)
        yield* TestClock.adjust(0)
        expect([(yield* now) - at, heart.beats - beats]).toEqual([1000, 1001])
      }))

    it.effect.fails("fails where it waits in vain, though time goes on for others", () => Effect.never, 500)

    it.effect("goes on after that with the same layer", () =>
      Effect.gen(function* () {
        expect(yield* (yield* Oracle).ask(4)).toBe(8)
      }))
  })

  it("can have tests that are no effects", () => {
    expect(released?.beats).toBeGreaterThan(0)
  })
})

describe("after a group on simulated time", () => {
  it("all has been released, however long that takes in simulated time", () => {
    expect(released?.released).toBe(true)
  })
})

layer(Heart.layer, { simulated: { start: 1_000_000_000n, seed: 7 } })("a group whose time is given", (it) => {
  it.effect("begins when it is told to", () =>
    Effect.gen(function* () {
      yield* Heart
      expect(yield* Clock.currentTimeMillis).toBe(11_000)
    }))
})

describe.concurrent("tests that run at once in a group", () => {
  layer(Heart.layer)((it) => {
    let isDone = false
    it.effect("may have it stand still for themselves", () =>
      Effect.gen(function* () {
        const live = TestClock.withLive(Effect.sleep("5 millis").pipe(Effect.repeat({ until: () => isDone })))
        yield* Effect.all([live, live], { concurrency: "unbounded" })
      }))
    it.effect("while the others' goes on", () =>
      Effect.gen(function* () {
        const { beats } = yield* Heart
        yield* TestClock.adjust("1 minute")
        expect((yield* Heart).beats - beats).toBe(60)
        isDone = true
      }))
  })
})

describe("a group in real time", () => {
  class Begin extends Context.Service<Begin, number>()("Begin") {
    static readonly layer = Layer.effect(Begin, Clock.currentTimeMillis)
  }
  layer(Begin.layer, { excludeTestServices: true })((it) => {
    it.effect("builds its layer in real time", () =>
      Effect.gen(function* () {
        expect(yield* Begin).toBeGreaterThan(1_700_000_000_000)
        expect(yield* Clock.currentTimeMillis).toBeGreaterThan(1_700_000_000_000)
      }))
    it.simulated("has a time of its own for each test that is simulated", () =>
      Effect.gen(function* () {
        expect(yield* Begin).toBeGreaterThan(1_700_000_000_000)
        yield* Effect.sleep("1 day")
        expect(yield* Clock.currentTimeMillis).toBe(86_400_000)
      }))
  })
})

layer(Layer.empty)("a group in which nothing is due", (it) => {
  it.effect.fails("has a test that waits in vain fail with a deadlock", () => Effect.never, 60_000)
  it.effect("and goes on after that", () => Effect.sleep("1 day"))
})

const fixed = makeMethods(test.extend("port", { scope: "file" }, () => 3000))

describe("the methods for a test API with fixtures", () => {
  fixed.effect("hand fixtures to tests on simulated time", ({ port }) =>
    Effect.gen(function* () {
      yield* Effect.sleep("1 day")
      expect([port, yield* now]).toEqual([3000, 86_400_000])
    }))

  fixed.simulated("and to it.simulated", ({ port }) => Effect.sync(() => expect(port).toBe(3000)))

  fixed.layer(Layer.empty)((it) => {
    it.effect("and to those of a group", ({ port }) => Effect.sync(() => expect(port).toBe(3000)))
  })
})

describe("variants of a test on simulated time", () => {
  it.effect.skipIf(true)("isn't run if it is to be skipped", () => Effect.die("it is run"))
  it.effect.runIf(false)("isn't run unless it is to be", () => Effect.die("it is run"))
  it.simulated.skipIf(false)("is run otherwise", () => Effect.sleep("1 day"))
  it.simulated.runIf(true)("is run as well", () => Effect.sleep("1 day"))
  it.effect.fails("fails as it is expected to", () => Effect.andThen(Effect.sleep("1 day"), Effect.fail("expected")))

  it.effect.prop("is run for many values, on a clock of its own each", [], () =>
    Effect.gen(function* () {
      expect(yield* now).toBe(0)
      yield* Effect.sleep("1 second")
    }))
})
