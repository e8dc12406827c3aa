import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { exec } from "../scripts/exec.ts"
import * as Manifest from "../scripts/manifest.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import { snippetsOf } from "./support/snippets.ts"

/** A suite as it was written for `@effect/vitest` and `TestClock`. */
const SUITE = `\
import { assert, beforeEach, describe, expect, it, layer } from "@effect/vitest"
import { assertTrue, strictEqual } from "@effect/vitest/utils"
import { Clock, Context, Deferred, Effect, Fiber, Layer, Schedule } from "effect"
import { TestClock, TestConsole } from "effect/testing"
import * as Aliased from "effect/testing/TestClock"

describe("a suite", () => {
  let begun = 0
  beforeEach(() => void begun++)

  it("has tests that are no effects", () => assert.strictEqual(begun, 1))

  it.effect("adjusts", () =>
    Effect.gen(function*() {
      let polls = 0
      const poll = Effect.sync(() => ++polls)
      const fiber = yield* Effect.forkChild(Effect.repeat(poll, Schedule.spaced("1 second")))
      yield* TestClock.adjust("10 seconds")
      strictEqual(polls, 11)
      yield* Aliased.adjust("10 seconds")
      strictEqual(polls, 21)
      assertTrue(fiber.pollUnsafe() === undefined)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.setTime(60_000)
      expect(yield* Clock.currentTimeMillis).toBe(60_000)
    }))

  it.effect("needn't", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.as(Effect.sleep("1 day"), "woken"))
      expect(yield* Fiber.join(fiber)).toBe("woken")
    }))

  it.effect("logs to a console of its own", () =>
    Effect.gen(function*() {
      yield* Effect.log("noted")
      expect(JSON.stringify(yield* TestConsole.logLines)).toContain("noted")
    }))

  it.effect("has a clock by the layer of the aliased module", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.sleep("1 hour"))
      yield* Fiber.join(fiber)
      expect(yield* Clock.currentTimeMillis).toBe(3_600_000)
    }).pipe(Effect.provide(Aliased.layer())))

  it.live("is in real time", () =>
    Effect.map(Clock.currentTimeMillis, (now) => assert.isAbove(now, 1_700_000_000_000)))

  class Begin extends Context.Service<Begin, number>()("Begin") {
    static layer = Layer.effect(Begin, Effect.andThen(Effect.sleep("1 second"), Clock.currentTimeMillis))
  }
  layer(Begin.layer)("with a layer", (it) => {
    it.effect("that is built in simulated time", () => Effect.map(Begin, (begin) => expect(begin).toBe(1000)))
    it.effect("in which tests go on", () =>
      Effect.gen(function*() {
        yield* TestClock.adjust("1 second")
        expect(yield* Clock.currentTimeMillis).toBe(2000)
      }))
  })
})
`

/** Tests that never end, each in its own way, with two seconds to do it. The marks are where they wait. */
const STUCK = `\
import { describe, it, layer } from "@effect/vitest"
import { Deferred, Effect, Layer } from "effect"
import * as TestClock from "effect/testing/TestClock"

const heartbeat = Effect.forkChild(Effect.forever(Effect.sleep("1 second")))
const wait = Deferred.await(Deferred.makeUnsafe<void>())

describe.concurrent("stuck", () => {
it.effect("nothing is due", () =>
  Effect.gen(function*() {
    yield* wait /* nothing is due */
  }))
it.effect("others go on", () =>
  Effect.gen(function*() {
    yield* heartbeat
    yield* wait /* others go on */
  }))
it.effect("real time", () =>
  Effect.gen(function*() {
    yield* TestClock.withLive(wait) /* real time */
  }))
layer(Layer.effectDiscard(Effect.forkScoped(Effect.forever(Effect.sleep("1 second")))))((it) => {
  it.effect("others in a group go on", () =>
    Effect.gen(function*() {
      yield* wait /* others in a group go on */
    }))
})
layer(Layer.empty)((it) => {
  it.effect("nothing is due in a group", () => Effect.never) /* nothing is due in a group */
})
layer(Layer.effectDiscard(wait))((it) => { /* a layer waits */
  it.effect("a layer waits", () => Effect.void)
})
layer(Layer.effectDiscard(Effect.andThen(heartbeat, wait)), { timeout: "2 seconds" })((it) => { /* a layer waits for long */
  it.effect("a layer waits for long", () => Effect.void)
})
})
// One after the other, when the others are over: these leave nobody else any time.
describe("busy", () => {
it.effect("an endless loop", () => Effect.forever(Effect.yieldNow)) /* an endless loop */
const { simulated } = it as any
simulated("too many seeds", () => Effect.sleep(1), { explore: { seeds: 1e9 } }) /* too many seeds */
it.effect("a long computation", () => Effect.forever(Effect.void)) /* a long computation */
})
`

/** As much of Vitest's JSON as is looked at. */
interface Report {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly message: string
    readonly assertionResults: ReadonlyArray<{
      readonly title: string
      readonly status: string
      readonly failureMessages: ReadonlyArray<string>
    }>
  }>
}

// deno-lint-ignore no-control-regex
const COLORS = /\x1b\[[0-9;]*m/g

let folder = ""
let printed = ""
let report: Report

const resultsOf = (file: string) => {
  const found = report.testResults.find(({ name }) => name.endsWith(file))
  return found === undefined || found.assertionResults.length === 0
    ? [{ title: String(found?.message ?? printed), status: "none", failureMessages: [] }]
    : found.assertionResults
}

/** The package as it is published, in a project of its own. */
const install = Effect.gen(function* () {
  const modules = join(folder, "node_modules")
  const own = join(modules, "guest-clock")
  mkdirSync(own, { recursive: true })
  writeFileSync(join(own, "package.json"), Manifest.toPacked(readFileSync("package.json", "utf8")))
  cpSync("src", join(own, "src"), { recursive: true })
  const built = yield* exec(["node_modules/.bin/tsc", "-p", "tsconfig.build.json", "--outDir", join(own, "dist")])
  if (built.code !== 0) return yield* Effect.die(new Error(built.stdout))
  for (const name of ["effect", "vitest", "@effect"]) symlinkSync(resolve("node_modules", name), join(modules, name))
})

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "guest-clock-moving-"))
  const page = readFileSync("docs/testclock.md", "utf8")
  const config = snippetsOf("docs/testclock.md", page)[0]?.code ?? ""
  expect(config).toContain("defineConfig")
  writeFileSync(join(folder, "vitest.config.ts"), config)
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }))
  writeFileSync(join(folder, "suite.test.ts"), SUITE)
  writeFileSync(join(folder, "stuck.test.ts"), STUCK)
  const run = Effect.gen(function* () {
    yield* install
    const node = yield* Runtimes.locate("Node")
    const vitest = [
      ...node,
      "node_modules/vitest/vitest.mjs",
      "run",
      "--testTimeout=2000",
    ] as const
    return yield* exec([...vitest, "--reporter=default", "--reporter=json", "--outputFile.json=report.json"], folder)
  })
  const { stdout, stderr } = await Effect.runPromise(Effect.provide(run, NodeServices.layer))
  printed = (stdout + stderr).replaceAll(COLORS, "")
  report = JSON.parse(readFileSync(join(folder, "report.json"), "utf8"))
}, 60_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("a suite that was written for TestClock, with the config of docs/testclock.md", () => {
  it("passes", () => {
    const results = resultsOf("suite.test.ts")
    expect(results.map(({ status, title, failureMessages }) => [status, title, ...failureMessages])).toEqual(
      results.map(({ title }) => ["passed", title]),
    )
    expect(results).toHaveLength(8)
  })
})

describe("a test that is stuck", () => {
  const ways: ReadonlyArray<readonly [title: string, error: RegExp]> = [
    ["nothing is due", /^Deadlock: /],
    ["others go on", /^Stalled: /],
    ["an endless loop", /^(Livelock|LimitReached): /],
    ["real time", /^LimitReached: /],
    ["too many seeds", /^LimitReached: .*seeds are being explored/],
    ["a long computation", /^(Livelock|LimitReached): /],
    ["others in a group go on", /^LimitReached: .*it waits/],
    ["nothing is due in a group", /^Deadlock: /],
    ["a layer waits", /^Deadlock: /],
    ["a layer waits for long", /^LimitReached: /],
  ]

  it.for(ways)("fails with a report before its time-out, which leads to the test: %s", ([title, error]) => {
    const result = resultsOf("stuck.test.ts").find((each) => each.title === title)
    const [message = ""] = result?.failureMessages ?? []
    expect(message, printed).toMatch(error)
    const line = STUCK.split("\n").findIndex((text) => text.includes(`/* ${title} */`)) + 1
    const [frame] = message.split("\n").filter((text) => /^\s*at /.test(text))
    expect(frame).toMatch(new RegExp(`stuck\\.test\\.ts:${line}:\\d+\\)?$`))
  })

  it("is shown where it waits", () => {
    expect(printed).toMatch(/❯ stuck\.test\.ts:\d+:\d+\n[^❯]* {5}yield\* wait \/\* others go on \*\/\n +\| +\^/)
  })
})
