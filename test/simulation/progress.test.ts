import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as PlatformError from "effect/PlatformError"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import * as TestClock from "effect/testing/TestClock"
import { Progress } from "../../src/simulation.ts"

const CLEAR = "\r\u001b[K"
const SECOND = 1_000_000_000n

/** Standard error that is remembered, of a terminal so many columns wide. */
const screen = (isTerminal: boolean, options?: Progress.Options, columns?: () => number) => {
  const written: Array<string> = []
  const stdio = Stdio.layerTest({
    stderr: () => Sink.forEach((chunk: string | Uint8Array) => Effect.sync(() => void written.push(String(chunk)))),
    stderrIsTerminal: Effect.succeed(isTerminal),
  })
  const terminal = columns === undefined ? Layer.empty : Layer.succeed(
    Terminal.Terminal,
    Terminal.make({
      columns: Effect.sync(columns),
      rows: Effect.succeed(24),
      size: Effect.never,
      readInput: Effect.never,
      readLine: Effect.never,
      display: () => Effect.void,
    }),
  )
  return { written, layer: Layer.provide(Progress.layer(options), Layer.merge(stdio, terminal)) }
}

/** A run at 10 times real time, as long as `body` takes. */
const watched = <A, E>(body: Effect.Effect<A, E>, until?: bigint) => {
  let looks = 0n
  // It is looked at every 0.2 s.
  const status = Effect.sync(() => ({ time: ++looks * 2n * SECOND, until, grants: Number(looks) * 100 }))
  return Effect.scoped(Effect.andThen(Progress.watching(status), body))
}

describe("progress on a terminal", () => {
  it.effect("is drawn in place five times a second, and gone at the end", () =>
    Effect.gen(function* () {
      const { written, layer } = screen(true)
      const run = yield* Effect.forkChild(Effect.provide(watched(Effect.sleep("1100 millis"), 20n * SECOND), layer))
      yield* TestClock.adjust("199 millis")
      expect(written).toEqual([])
      yield* TestClock.adjust("1 millis")
      const first = "2 s of 20 s simulated, 10 %, 10 times as fast as real time, 500 turns a second, 2 s left"
      expect(written).toEqual([CLEAR + first.slice(0, 79)])
      yield* TestClock.adjust("900 millis")
      yield* Fiber.join(run)
      expect(written).toHaveLength(6)
      expect(written[4]).toContain("10 s of 20 s simulated, 50 %")
      expect(written[5]).toBe(CLEAR)
      yield* TestClock.adjust("10 seconds")
      expect(written).toHaveLength(6)
    }))

  it.effect("is gone when the run is interrupted, and when it fails", () =>
    Effect.gen(function* () {
      const { written, layer } = screen(true)
      const interrupted = yield* Effect.forkChild(Effect.provide(watched(Effect.never), layer))
      yield* TestClock.adjust("300 millis")
      yield* Fiber.interrupt(interrupted)
      expect(written).toEqual([expect.stringContaining("simulated"), CLEAR])
      const failing = Effect.andThen(Effect.sleep("300 millis"), Effect.fail("no"))
      const failed = yield* Effect.forkChild(Effect.exit(Effect.provide(watched(failing), layer)))
      yield* TestClock.adjust("300 millis")
      yield* Fiber.join(failed)
      expect(written).toEqual([expect.anything(), CLEAR, expect.stringContaining("simulated"), CLEAR])
    }))

  it.effect("writes nothing of a run that is over before the first look", () =>
    Effect.gen(function* () {
      const { written, layer } = screen(true)
      yield* Effect.provide(watched(Effect.void), layer)
      expect(written).toEqual([])
    }))

  it.effect("fits the terminal, which may be made narrower, or not say how wide it is", () =>
    Effect.gen(function* () {
      let columns = 40
      const { written, layer } = screen(true, {}, () => columns)
      const run = yield* Effect.forkChild(Effect.provide(watched(Effect.never, 20n * SECOND), layer))
      for (const width of [40, 10, 1, 0, 200]) {
        columns = width
        yield* TestClock.adjust("200 millis")
      }
      yield* Fiber.interrupt(run)
      const lengths = written.map((text) => text.length - CLEAR.length)
      expect(lengths).toEqual([39, 9, 0, 79, expect.any(Number), 0])
      expect(lengths[4]).toBeGreaterThan(79)
    }))

  it.effect("goes on with the run when nothing can be written", () =>
    Effect.gen(function* () {
      const stdio = Stdio.layerTest({
        stderr: () => Sink.fail(PlatformError.systemError({ _tag: "BadResource", module: "Stdio", method: "stderr" })),
        stderrIsTerminal: Effect.succeed(true),
      })
      const layer = Layer.provide(Progress.layer(), stdio)
      const run = yield* Effect.forkChild(
        Effect.provide(watched(Effect.as(Effect.sleep("1 second"), "well")), layer),
      )
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(run)).toBe("well")
    }))
})

describe("progress elsewhere", () => {
  it.effect("is a line every ten seconds, which stays", () =>
    Effect.gen(function* () {
      const { written, layer } = screen(false)
      const run = yield* Effect.forkChild(Effect.provide(watched(Effect.sleep("25 seconds")), layer))
      yield* TestClock.adjust("9999 millis")
      expect(written).toEqual([])
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(run)
      expect(written).toHaveLength(2)
      expect(written[0]).toBe("2 s simulated, 0.20 times as fast as real time, 10 turns a second\n")
    }))

  it.effect("is nothing, if so it is asked; on terminals there is a line still", () =>
    Effect.gen(function* () {
      const pipe = screen(false, { lines: false })
      const terminal = screen(true, { lines: false })
      const both = Effect.all(
        [pipe, terminal].map(({ layer }) => Effect.provide(watched(Effect.sleep("1 minute")), layer)),
        {
          concurrency: "unbounded",
        },
      )
      const run = yield* Effect.forkChild(both)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(run)
      expect(pipe.written).toEqual([])
      expect(terminal.written.length).toBeGreaterThan(100)
    }))
})

describe("a line of progress", () => {
  const line = (status: Partial<Progress.Status>, realMs = 10_000) =>
    Progress.format({ time: 0n, until: undefined, grants: 0, ...status }, realMs)

  it.for<readonly [Partial<Progress.Status>, number, string]>([
    [{}, 0, "0 ns simulated"],
    [{ until: 0n }, 0, "0 ns of 0 ns simulated, 100 %"],
    [{ until: 10n * SECOND }, 1000, "0 ns of 10 s simulated, 0 %, 0.00 times as fast as real time"],
    [
      { time: 12n * SECOND, until: 10n * SECOND },
      1000,
      "12 s of 10 s simulated, 100 %, 12 times as fast as real time, 0 s left",
    ],
    [
      { time: SECOND, until: 10_000n * SECOND, events: 5000, grants: 3, guests: 4 },
      1000,
      "1 s of 10000 s simulated, 0 %, 1.00 times as fast as real time, 5000 events a second, 2 h 46 min left, " +
      "4 guests running",
    ],
    [{ time: SECOND, guests: 1 }, 1000, "1 s simulated, 1.00 times as fast as real time, 1 guest running"],
  ])("of %o after %d ms", ([status, realMs, text]) => expect(line(status, realMs)).toBe(text))
})
