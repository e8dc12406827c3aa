import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { assert } from "vitest"
import { Mode, VirtualTime } from "../src/index.ts"
import { Explore } from "../src/testing.ts"

/** In which order fibers ran that woke at the same instant: `abcd` where nothing decides otherwise. */
const race = (names = "abcd"): Effect.Effect<string> =>
  Effect.suspend(() => {
    let order = ""
    const one = (name: string) => Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => void (order += name)))
    return Effect.as(Effect.forEach([...names], one, { concurrency: "unbounded" }), undefined).pipe(
      Effect.flatMap(() => Effect.sync(() => order)),
    )
  })

type Program = Effect.Effect<unknown, unknown, Explore.Simulated>

/** Fails the rare way in one order of 24, and the common way in most. */
const rarely = (rare: Program, common: Program): Program =>
  Effect.flatMap(race(), (order): Program => order === "dcba" ? rare : order === "abcd" ? Effect.void : common)

/** What exploring fails with. */
const failureOf = <A, E>(program: Effect.Effect<A, E, Explore.Simulated>, options?: Explore.Options) =>
  Effect.flip(Effect.catchTag(Explore.explore(program, options), "OptionError", Effect.die))

const runWith = <A, E>(program: Effect.Effect<A, E, Explore.Simulated>, options: VirtualTime.Options) =>
  Effect.exit(Effect.provide(VirtualTime.run(program, options), Mode.infCpu({ start: 0n })))

/** First come, first served, but for these. */
const onlyWith = ({ needed }: Explore.Failure): VirtualTime.Order => ({
  _tag: "Replayed",
  chosen: new Map(needed.map(({ index, chosen }) => [index, chosen])),
})

/** The first seed from 0 on under which that is the order. */
const seedOf = (wanted: string) =>
  Effect.gen(function* () {
    for (let seed = 0;; seed++) {
      if ((yield* Effect.orDie(Effect.flatten(runWith(race(), { seed })))) === wanted) return seed
    }
  })

/** What is left of a cause between two runs: numbers of fibers aside, which are the process's. */
const shown = (cause: Cause.Cause<unknown>) =>
  cause.reasons.map((reason) =>
    Cause.isInterruptReason(reason)
      ? "interrupt"
      : [reason._tag, Cause.isFailReason(reason) ? reason.error : reason.defect]
  )

class Refused extends Data.TaggedError("Refused")<{ readonly by: string; readonly detail?: unknown }> {}

class Plain {
  readonly what: string
  constructor(what: string) {
    this.what = what
  }
}

const asserting = (actual: unknown, expected: unknown) => Effect.sync(() => assert.deepEqual(actual, expected))
const stuckIn = (span: string) => Effect.withSpan(Effect.never, span)
const both = (one: Program, other: Program) =>
  Effect.flatMap(
    Effect.all([Effect.exit(one), Effect.exit(other)]),
    (exits) =>
      Effect.failCause(exits.map((exit) => Exit.isFailure(exit) ? exit.cause : Cause.empty).reduce(Cause.combine)),
  )

/** Failures, and others that are easily taken for the same. */
const pairs: Readonly<Record<string, readonly [rare: Program, common: Program]>> = {
  "plain objects": [Effect.fail({ kind: "RARE" }), Effect.fail({ kind: "COMMON" })],
  "objects of one tag": [Effect.fail({ _tag: "Bad", at: { step: 3 } }), Effect.fail({ _tag: "Bad", at: { step: 1 } })],
  "objects of which one has more": [Effect.fail({ a: 1, b: undefined }), Effect.fail({ a: 1 })],
  "tagged errors": [Effect.fail(new Refused({ by: "rare" })), Effect.fail(new Refused({ by: "common" }))],
  "tagged errors, far inside": [
    Effect.fail(new Refused({ by: "it", detail: { path: [1, [2, { leaf: new Set(["rare"]) }]] } })),
    Effect.fail(new Refused({ by: "it", detail: { path: [1, [2, { leaf: new Set(["common"]) }]] } })),
  ],
  "errors": [Effect.fail(new Error("rare")), Effect.fail(new Error("common"))],
  "errors of two classes": [Effect.fail(new RangeError("no")), Effect.fail(new TypeError("no"))],
  "errors with causes": [
    Effect.fail(new Error("no", { cause: "rare" })),
    Effect.fail(new Error("no", { cause: "common" })),
  ],
  "errors of several errors": [
    Effect.fail(new AggregateError([new Error("rare")], "no")),
    Effect.fail(new AggregateError([new Error("common")], "no")),
  ],
  "what was thrown": [
    Effect.sync(() => {
      throw new Error("rare")
    }),
    Effect.sync(() => {
      throw new Error("common")
    }),
  ],
  "a failure and a defect": [Effect.fail("no"), Effect.die("no")],
  "an interruption and a failure": [Effect.interrupt, Effect.fail("no")],
  "a failure and an interruption": [Effect.fail("no"), Effect.interrupt],
  "two failures, and one of them": [both(Effect.fail("one"), Effect.fail("two")), Effect.fail("one")],
  "two failures, and others": [
    both(Effect.fail("one"), Effect.die("two")),
    both(Effect.fail("two"), Effect.die("one")),
  ],
  "strings": [Effect.fail("rare"), Effect.fail("common")],
  "a string and a number": [Effect.fail("1"), Effect.fail(1)],
  "numbers": [Effect.fail(NaN), Effect.fail(0)],
  "zeros": [Effect.fail(-0), Effect.fail(0)],
  "bigints": [Effect.fail(2n ** 80n), Effect.fail(2n ** 80n + 1n)],
  "null and undefined": [Effect.fail(null), Effect.fail(undefined)],
  "an empty object and an empty array": [Effect.fail({}), Effect.fail([])],
  "symbols": [Effect.fail(Symbol.for("rare")), Effect.fail(Symbol.for("common"))],
  "dates": [Effect.fail(new Date(5)), Effect.fail(new Date(6))],
  "maps": [Effect.fail(new Map([["a", 1]])), Effect.fail(new Map([["a", 2]]))],
  "bytes": [Effect.fail(new Uint8Array([1, 2])), Effect.fail(new Uint8Array([1, 3]))],
  "objects of a class": [Effect.fail(new Plain("rare")), Effect.fail(new Plain("common"))],
  "Effect's own data": [Effect.fail(Option.some("rare")), Effect.fail(Option.none())],
  "assertions": [asserting(["d", "c"], ["a"]), asserting(["b"], ["a"])],
  "deadlocks": [stuckIn("rare"), stuckIn("common")],
  "deadlocks at other times": [
    Effect.andThen(Effect.sleep("2 seconds"), Effect.never),
    Effect.andThen(Effect.sleep("1 second"), Effect.never),
  ],
}

describe("explore tells apart", () => {
  for (const [name, [rare, common]] of Object.entries(pairs)) {
    it.live(name, () =>
      Effect.gen(function* () {
        const program = rarely(rare, common)
        const seed = yield* seedOf("dcba")
        const options = { deadlockAfter: "1 millis" } as const
        const failure = yield* failureOf(program, { ...options, firstSeed: seed, seeds: 1 })
        const again = yield* runWith(program, { ...options, seed, order: onlyWith(failure) })
        if (!Exit.isFailure(again)) return expect.unreachable("the needed decisions don't fail")
        const alone = yield* runWith(rare, options)
        if (!Exit.isFailure(alone)) return expect.unreachable("the rare failure doesn't fail")
        for (const cause of [failure.failure, again.cause]) {
          const [reasons, wanted] = [shown(cause), shown(alone.cause)]
          if (!name.startsWith("deadlocks")) expect(reasons).toEqual(wanted)
          else {expect(JSON.stringify(reasons, (key, x) => key === "fiber" ? 0 : typeof x === "bigint" ? `${x}` : x))
              .toContain(name === "deadlocks" ? "rare" : "3000000000")}
        }
        expect(failure.deterministic).toBe(true)
        // To turn four around, it takes three decisions.
        expect(failure.needed.map(({ choices, chosen }) => [choices, chosen])).toEqual([[4, 3], [3, 2], [2, 1]])
      }))
  }
})

let runs = 0

/** Fails if the last comes first. */
const lastFirst = (failing: Effect.Effect<unknown, unknown>) =>
  Effect.flatMap(race(), (order) => order[0] === "d" ? failing : Effect.void)

/** What differs each time that a program is run, and is no other failure. */
const varying: Readonly<
  Record<string, readonly [failing: Effect.Effect<unknown, unknown>, where: ReadonlyArray<string>]>
> = {
  "a time stamp": [Effect.suspend(() => Effect.fail({ what: "no", at: performance.now() })), ["failure.at"]],
  "a date": [Effect.suspend(() => Effect.fail(new Refused({ by: "it", detail: new Date(++runs) }))), [
    "failure.detail",
  ]],
  "a counter": [Effect.suspend(() => Effect.fail([{ n: BigInt(++runs) }])), ["failure[0].n"]],
  "a number in a message": [Effect.suspend(() => Effect.die(new Error(`run ${++runs} failed`))), ["defect.message"]],
  "an ID in a message": [
    Effect.suspend(() => Effect.fail(`request ${crypto.randomUUID()} failed`)),
    ["failure"],
  ],
  "the numbers of fibers": [Effect.withSpan(Effect.never, "waits"), []],
  "where it was thrown": [Effect.suspend(() => Effect.die(++runs % 2 === 0 ? new Error("no") : new Error("no"))), []],
}

describe("explore takes for the same", () => {
  for (const [name, [failing, where]] of Object.entries(varying)) {
    it.live(name, () =>
      Effect.gen(function* () {
        const failure = yield* failureOf(lastFirst(failing), { deadlockAfter: "1 millis" })
        expect(failure.needed).toMatchObject([{ index: 0, choices: 4, chosen: 3 }])
        expect(failure.deterministic).toBe(true)
        expect(failure.varying).toEqual(where)
        for (const path of where) expect(failure.message).toContain(path)
        if (where.length === 0) expect(failure.message).not.toContain("each time")
      }))
  }

  it.live("a failure and the same with interruptions beside it, in any order", () =>
    Effect.gen(function* () {
      const one = Cause.fail("one"), two = Cause.die("two"), interrupt = Cause.interrupt(3)
      const causes: ReadonlyArray<ReadonlyArray<Cause.Cause<string>>> = [
        [one, two],
        [two, one],
        [interrupt, two, one],
        [two, interrupt, one, interrupt],
      ]
      const program = Effect.suspend(() =>
        lastFirst(Effect.failCause(causes[runs++ % causes.length]!.reduce((all, each) => Cause.combine(all, each))))
      )
      const failure = yield* failureOf(program)
      expect([failure.needed.length, failure.deterministic]).toEqual([1, true])
    }))
})

describe("explore says that a program isn't deterministic", () => {
  /** Fails in the runs that `fails` says, counted from 0, if the order isn't `abcd`. */
  const inRuns = (fails: (run: number) => Effect.Effect<unknown, unknown>) =>
    Effect.suspend(() => {
      const run = runs++
      return Effect.flatMap(race(), (order) => order === "abcd" ? Effect.void : fails(run))
    })

  const unusual = ({ decisions }: Explore.Failure) => decisions.filter(({ chosen }) => chosen > 0).length

  it.live("if it passes when it is run again, and has all decisions in the report", () =>
    Effect.gen(function* () {
      runs = 0
      const failure = yield* failureOf(inRuns((run) => run === 0 ? Effect.fail("once") : Effect.void), { firstSeed: 1 })
      expect(failure.deterministic).toBe(false)
      expect(failure.needed).toHaveLength(unusual(failure))
      expect(failure.message).toContain("isn't deterministic")
      expect(failure.message).toContain("run again with the same decisions, it passed")
      expect(failure.message).not.toContain("these matter")
      // Nothing was shrunk that couldn't be believed.
      expect(runs).toBe(2)
    }))

  it.live("if it fails otherwise when it is run again, and says how", () =>
    Effect.gen(function* () {
      runs = 0
      const failing = inRuns((run) => Effect.fail({ kind: run === 0 ? "FIRST" : "SECOND" }))
      const failure = yield* failureOf(failing, { firstSeed: 1 })
      expect(shown(failure.failure)).toEqual([["Fail", { kind: "FIRST" }]])
      expect(failure.deterministic).toBe(false)
      expect(failure.message).toContain("run again with the same decisions, it failed otherwise")
      expect(failure.message).toContain("SECOND")
    }))

  it.live("if the decisions that are left don't fail when they are tried once more", () =>
    Effect.gen(function* () {
      runs = 0
      const fails = (run: number) => run < 3 ? Effect.fail("early") : Effect.void
      const failure = yield* failureOf(Effect.suspend(() => Effect.andThen(race(), fails(runs++))), { firstSeed: 1 })
      expect(failure.deterministic).toBe(false)
      expect(failure.needed).toHaveLength(unusual(failure))
      expect(failure.needed.length).toBeGreaterThan(0)
      expect(failure.message).toContain("it passed")
    }))

  it.live("and lists a few dozen of thousands of decisions", () =>
    Effect.gen(function* () {
      runs = 0
      const names = Array.from({ length: 600 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join("")
      const program = Effect.suspend(() => {
        const run = runs++
        return Effect.andThen(race(names), run === 0 ? Effect.fail("once") : Effect.void)
      })
      const failure = yield* failureOf(program)
      expect(failure.needed.length).toBeGreaterThan(500)
      expect(failure.message.split("\n").length).toBeLessThan(70)
      expect(failure.message).toContain(`and ${failure.needed.length - 50} more`)
    }))
})

describe("explore", () => {
  it.live("runs each seed with the numbers of its own, and keeps them when it shrinks", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const order = yield* race()
        if ((yield* Random.next) < 0.2 && order[0] === "d") return yield* Effect.fail("unlucky")
      })
      const failure = yield* failureOf(program, { seeds: 1000 })
      expect(failure.needed).toMatchObject([{ choices: 4, chosen: 3 }])
      const { seed, order } = failure
      expect(order).toEqual(onlyWith(failure))
      for (let again = 0; again < 20; again++) {
        for (const options of [{ seed }, { seed, order }]) {
          expect(yield* runWith(program, options)).toEqual(Exit.fail("unlucky"))
        }
      }
      expect(yield* runWith(program, { seed, order: { _tag: "Fifo" } })).toEqual(Exit.void)
    }))

  it.live("finds a failure that chance alone decides, and that no decision matters to", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        yield* race()
        const drawn = yield* Random.nextIntBetween(1, 20)
        if (drawn === 13) return yield* Effect.fail(drawn)
      })
      const failure = yield* failureOf(program, { seeds: 1000 })
      expect([failure.needed, failure.deterministic]).toEqual([[], true])
      expect(failure.message).toContain(`{ seed: ${failure.seed} }`)
      expect(yield* runWith(program, { seed: failure.seed })).toEqual(Exit.fail(13))
    }))

  it.live("has the decisions of a program that can't even end", () =>
    Effect.gen(function* () {
      const program = lastFirst(Effect.uninterruptible(Effect.asVoid(Deferred.await(Deferred.makeUnsafe<void>()))))
      const failure = yield* failureOf(program, { deadlockAfter: "1 millis" })
      expect(shown(failure.failure)).toMatchObject([["Fail", { _tag: "Deadlock" }]])
      expect(failure.decisions.length).toBeGreaterThan(0)
      expect(failure.needed).toMatchObject([{ index: 0, choices: 4, chosen: 3 }])
    }))

  it.live("runs the program no more than it may to shrink, and twice to see that it fails each time", () =>
    Effect.gen(function* () {
      for (const [shrinkRuns, most] of [[0, 3], [1, 4], [5, 8]] as const) {
        runs = 0
        const program = Effect.suspend(() => {
          runs++
          return Effect.flatMap(race(), (order) => order === "abcd" ? Effect.void : Effect.fail(order))
        })
        const failure = yield* failureOf(program, { shrinkRuns, firstSeed: yield* seedOf("dcba") })
        expect(runs).toBeLessThanOrEqual(most)
        expect(failure.deterministic).toBe(true)
      }
    }))

  it.live("compares whatever a program fails with: circles, getters that throw, and a great many things", () =>
    Effect.gen(function* () {
      const circle: Record<string, unknown> = { name: "circle" }
      circle["self"] = [circle]
      const thrower = Object.defineProperty({}, "no", {
        enumerable: true,
        get: () => {
          throw new Error("don't look")
        },
      })
      const proxy = new Proxy({}, {
        ownKeys: () => {
          throw new Error("don't look")
        },
      })
      let deep: unknown = "deep"
      for (let i = 0; i < 100_000; i++) deep = [deep]
      const wide = Array.from({ length: 200_000 }, (_, i) => ({ i }))
      const own = { toJSON: () => ({ said: "by itself" }), other: runs }
      const long = "no digit in sight ".repeat(20_000) + "x".repeat(500_000)
      const failWith = {
        long,
        circle,
        thrower,
        proxy,
        deep,
        wide,
        own,
        f: () => 1,
        promise: Promise.resolve(),
        weak: new WeakMap(),
      }
      const failure = yield* failureOf(lastFirst(Effect.fail(failWith)), { shrinkRuns: 20 })
      expect([failure.needed.length, failure.deterministic, failure.varying]).toEqual([1, true, []])
      expect(failure.message).toContain("a failure that can't be printed: Error: don't look")
    }))
})
