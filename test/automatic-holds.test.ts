import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Dns from "node:dns/promises"
import * as FsPromises from "node:fs/promises"
import { setTimeout as realSleep } from "node:timers/promises"
import * as Mode from "../src/Mode.ts"
import type { Simulated } from "../src/internal/testing/Explore.ts"
import * as VirtualTime from "../src/VirtualTime.ts"

const run = <A, E>(program: Effect.Effect<A, E, Simulated>, options?: VirtualTime.Options) =>
  Effect.provide(VirtualTime.run(program, options), Mode.infCpu({ start: 0n }))

const hash = Effect.promise(() => crypto.subtle.digest("SHA-256", new Uint8Array(4_000_000)))
const file = Effect.promise(() => FsPromises.readFile(new URL(import.meta.url)))
const name = Effect.promise(() => Dns.lookup("localhost").catch(() => undefined))

/** What it takes in simulated time, beside a heartbeat. */
const timeOf = (effect: Effect.Effect<unknown>) =>
  Effect.gen(function* () {
    const heartbeat = yield* Effect.forkChild(Effect.forever(Effect.sleep("1 second")))
    yield* effect
    yield* Fiber.interrupt(heartbeat)
    return yield* Clock.monotonicTimeNanos
  })

describe("time that waits for requests", () => {
  it.live.each(
    [
      ["a hash", hash],
      ["ten hashes, one after the other", Effect.replicateEffect(hash, 10)],
      ["ten files at once", Effect.replicateEffect(file, 10, { concurrency: "unbounded" })],
      ["a name", name],
      ["a file, then a hash, then a name", Effect.andThen(Effect.andThen(file, hash), name)],
    ] as const,
  )("doesn't move over %s", ([, effect]) =>
    Effect.gen(function* () {
      expect(yield* run(timeOf(effect), { requests: "wait" })).toBe(0n)
    }))

  it.live("moves beside timers of the runtime, which are no requests", () =>
    Effect.gen(function* () {
      const time = yield* run(timeOf(Effect.promise(() => realSleep(50))), { requests: "wait" })
      expect(time).toBeGreaterThan(0n)
    }))

  it.live("moves on from one sleep to the next, as ever", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        for (let i = 0; i < 1000; i++) yield* Effect.sleep("1 second")
        return yield* Clock.monotonicTimeNanos
      })
      expect(yield* run(program, { requests: "wait" })).toBe(1_000_000_000_000n)
    }))

  it.live("is no deadlock, where nothing is due", () =>
    Effect.gen(function* () {
      const many = Effect.replicateEffect(hash, 100)
      yield* run(many, { requests: "wait" })
      // A deadlock is one all the same.
      const stuck = yield* Effect.flip(run(Effect.andThen(hash, Effect.never), { requests: "wait" }))
      expect(stuck).toMatchObject({ _tag: "Deadlock", at: 0n })
    }))

  it.live("names what it waited for, if a limit of real time ends that", () =>
    Effect.gen(function* () {
      const slow = Effect.gen(function* () {
        for (;;) yield* Effect.replicateEffect(hash, 4, { concurrency: "unbounded" })
      })
      const options = { requests: "wait", limits: { realTime: "300 millis" } } as const
      expect(yield* Effect.flip(run(timeOf(slow), options))).toMatchObject({ _tag: "LimitReached", at: 0n })
    }))
})

describe("time that doesn't wait for requests", () => {
  const logged = () => {
    const lines: Array<string> = []
    return { lines, layer: Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]) }
  }

  it.live("says so once, and which it was, where it is to warn", () =>
    Effect.gen(function* () {
      const { lines, layer } = logged()
      const program = timeOf(Effect.replicateEffect(hash, 40))
      expect(yield* Effect.provide(run(program, { requests: "warn" }), layer)).toBeGreaterThan(0n)
      expect(lines.length).toBe(1)
      expect(lines[0]).toMatch(/time has moved while requests .*under way: \S+/)
    }))

  it.live("says nothing where none is under way", () =>
    Effect.gen(function* () {
      const { lines, layer } = logged()
      const program = Effect.andThen(file, Effect.sleep("1 day"))
      yield* Effect.provide(
        run(Effect.andThen(Effect.sleep("1 day"), Effect.sleep("1 day")), { requests: "warn" }),
        layer,
      )
      yield* Effect.provide(run(program, { requests: "wait" }), layer)
      expect(lines).toEqual([])
    }))

  it.live("is refused by name, if it is neither", () =>
    Effect.gen(function* () {
      const bad = yield* Effect.flip(run(Effect.void, { requests: "maybe" as "wait" }))
      expect(bad).toMatchObject({ _tag: "OptionError", option: "requests" })
      expect(String(bad)).toMatch(/wait, warn, ignore/)
    }))
})
