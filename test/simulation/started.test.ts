/** A world that is started: paused, stepped, paced and ended by its handle (World.start). */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Mode from "../../src/Mode.ts"
import { Processes } from "../../src/processes.ts"
import { Guest, World } from "../../src/simulation.ts"
import * as VirtualTime from "../../src/VirtualTime.ts"
import { builtUrl } from "../support/built.ts"
import { volley } from "../support/worlds/volley.ts"

/** A result without what is of the real time, and what the calendar counts. */
const essence = ({ realMs: _, grants: _grants, messages: _messages, ...result }: World.Result) => result

const started = <A, E>(
  options: World.StartOptions,
  use: (started: World.Started<World.Result, World.RunError>) => Effect.Effect<A, E>,
  world = volley(20),
) => Effect.scoped(Effect.flatMap(World.start(world, options), use))

describe("a world that is started", () => {
  it.live("has the result of one that is run, whether it is left alone, stepped, or paused in its middle", () =>
    Effect.gen(function* () {
      const expected = essence(yield* World.run(volley(20), { journal: true }))
      const leftAlone = yield* started({ journal: true }, ({ result }) => result)
      expect(essence(leftAlone)).toEqual(expected)
      const stepped = yield* started({ journal: true, paused: true }, (handle) =>
        Effect.gen(function* () {
          let steps = 0
          while (yield* handle.step) steps++
          expect(steps).toBeGreaterThan(20)
          return yield* handle.result
        }))
      expect(essence(stepped)).toEqual(expected)
      const paused = yield* started({ journal: true, paused: true }, (handle) =>
        Effect.gen(function* () {
          yield* handle.runUntil("5 millis")
          yield* handle.pause
          yield* handle.resume
          return yield* handle.result
        }))
      expect(essence(paused)).toEqual(expected)
    }))

  it.live("does nothing while it is paused, and all that is due up to a time when it is run to that", () =>
    started({ paused: true }, (handle) =>
      Effect.gen(function* () {
        yield* Effect.sleep("50 millis")
        expect(yield* handle.status).toMatchObject({ time: 0n, paused: true })
        yield* handle.runUntil(4_500_000n)
        const stands = yield* handle.status
        expect(stands!.time).toBe(4_500_000n)
        yield* handle.runUntil("7 millis")
        expect((yield* handle.status)!.time).toBe(7_000_000n)
        yield* handle.resume
        expect((yield* handle.result).time).toBe(20_000_000n)
      })))

  it.live("is the same with its guests in processes of their own", () =>
    Effect.gen(function* () {
      const { journal } = yield* World.run(volley(20), { journal: true })
      const handled = started({ paused: true, journal: true }, (handle) =>
        Effect.gen(function* () {
          yield* handle.runUntil(4_500_000n)
          expect((yield* handle.status)!.time).toBe(4_500_000n)
          yield* handle.step
          yield* handle.resume
          return yield* handle.result
        }))
      const module = builtUrl("test/support/worlds/volley.ts")
      const apart = yield* Effect.provide(handled, Processes.layer({ module, export: "twenty" }))
      expect(apart.journal).toEqual(journal)
    }))

  it.live("is ended by its handle: the result says why, and what was left of each guest", () =>
    started({ paused: true, journal: true }, (handle) =>
      Effect.gen(function* () {
        yield* handle.runUntil("7 millis")
        yield* handle.stop("seen enough")
        const { stopped, time, guests } = yield* handle.result
        expect(stopped).toEqual({ reason: "seen enough" })
        expect(time).toBe(7_000_000n)
        expect(guests.map(({ guest }) => guest)).toEqual(["left", "right"])
        // What is asked of it now is done at once, and does nothing.
        expect(yield* handle.step).toBe(false)
        expect(yield* handle.status).toBeUndefined()
        yield* Effect.all([handle.pause, handle.resume, handle.runUntil("1 hour"), handle.stop("again")])
        expect((yield* handle.result).stopped).toEqual({ reason: "seen enough" })
      })))

  it.live("can have a single guest, whose turns are granted as those of many", () =>
    started(
      { paused: true },
      (handle) =>
        Effect.gen(function* () {
          yield* handle.runUntil("90 seconds")
          expect((yield* handle.status)!.time).toBeLessThanOrEqual(90_000_000_000n)
          yield* handle.resume
          expect((yield* handle.result).time).toBe(180_000_000_000n)
        }),
      World.make({ guests: [Guest.make("alone", Effect.repeat(Effect.sleep("1 minute"), { times: 2 }))] }),
    ))

  it.live("fails as one that is run does: a guest of it, an option, or a time that is none", () =>
    Effect.gen(function* () {
      const failing = World.make({ guests: [Guest.make("bad", Effect.fail("no")), Guest.make("good", Effect.void)] })
      const failed = yield* started({}, ({ result }) => Effect.flip(result), failing)
      expect(failed).toMatchObject({ _tag: "GuestFailed", guest: "bad" })
      expect(yield* Effect.flip(Effect.scoped(World.start(volley(2), { seed: -1 })))).toMatchObject({ option: "seed" })
      const given = yield* Effect.flip(Effect.scoped(World.start(volley(2), { paused: 1 as never })))
      expect(given).toMatchObject({ _tag: "OptionError", option: "paused", given: 1 })
      const time = yield* started({ paused: true }, ({ runUntil }) => Effect.flip(runUntil("soon" as never)))
      expect(time).toMatchObject({ _tag: "OptionError", option: "time", given: "soon" })
      const pace = yield* started({ paused: true }, ({ setPace }) => Effect.flip(setPace(-1)))
      expect(pace).toMatchObject({ _tag: "OptionError" })
    }))

  it.live("ends with the scope that it was started in", () =>
    Effect.gen(function* () {
      let ended = false
      const guest = Guest.make("guest", Effect.onExit(Effect.never, () => Effect.sync(() => void (ended = true))))
      const other = Guest.make("other", Effect.forever(Effect.sleep("1 second")))
      const world = World.make({ guests: [guest, other] })
      yield* started({}, () => Effect.sleep("20 millis"), world)
      expect(ended).toBe(true)
    }))

  it.live("can't be in a program on simulated time, and says so", () =>
    Effect.gen(function* () {
      const program = Effect.flip(Effect.scoped(World.start(volley(2))))
      const error = yield* VirtualTime.run(program).pipe(Effect.provide(Mode.infCpu()))
      expect(error).toMatchObject({ _tag: "OptionError", option: "the clock around World.start" })
    }))
})

describe("a world with limits", () => {
  it.live("fails at its first turn beyond so many, at the same time each time; one that keeps to them doesn't notice", () =>
    Effect.gen(function* () {
      const most = (turns: number) => World.run(volley(20), { limits: { turns }, journal: true })
      const error = yield* Effect.flip(most(15))
      expect(error).toMatchObject({ _tag: "LimitExceeded", limit: "turns" })
      expect(error.message).toMatch(/^world has gone on for more than 15 turns at \d+ ns$/)
      expect((yield* Effect.flip(most(15))).message).toBe(error.message)
      const { journal, grants } = yield* World.run(volley(20), { journal: true })
      expect((yield* most(grants)).journal).toEqual(journal)
    }))

  it.live("fails when it has taken so much real time, paused or not", () =>
    Effect.gen(function* () {
      const limits = { realTime: "200 millis" } as const
      const endless = World.make({ guests: [Guest.make("endless", Effect.forever(Effect.sleep("1 second")))] })
      const error = yield* Effect.flip(World.run(endless, { limits }))
      expect(error).toMatchObject({ _tag: "LimitExceeded", limit: "realTime", time: undefined })
      expect(error.message).toBe("world has gone on for more than 200ms of real time")
      const paused = yield* started({ paused: true, limits }, ({ result }) => Effect.flip(result))
      expect(paused).toMatchObject({ limit: "realTime" })
    }))

  it.live("says which limit can't be", () =>
    Effect.gen(function* () {
      for (const turns of [0, 1.5, NaN]) {
        const error = yield* Effect.flip(World.run(volley(2), { limits: { turns } }))
        expect(error).toMatchObject({ _tag: "OptionError", option: "limits.turns", given: turns })
      }
      const error = yield* Effect.flip(World.run(volley(2), { limits: { realTime: "soon" as never } }))
      expect(error).toMatchObject({ _tag: "OptionError", option: "limits.realTime", given: "soon" })
    }))
})
