import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { setTimeout as realSleep } from "node:timers/promises"
import { GuestClock } from "../../src/GuestClock.ts"
import { Guest, Link, World } from "../../src/simulation.ts"

let ticks = 0

/** Takes as much real time as time of others takes to pass. */
const realWait = async () => {
  for (ticks = 0; ticks < 1000;) await realSleep(10)
}
const realIo = Effect.promise(realWait)

/** Sleeps in small steps, so that time goes on all the while. */
const ticking = (name: string, steps: number) =>
  Guest.make(
    name,
    Effect.gen(function* () {
      for (let step = 0; step < steps; step++, ticks++) yield* Effect.sleep(1)
    }),
    { daemon: true },
  )

describe("a guest that has waited for the real world without a hold", () => {
  for (const how of ["a promise", "a fiber that waited for one", "a callback"] as const) {
    it.live(`reads its calendar's time, and sleeps from there, after ${how}`, () =>
      Effect.gen(function* () {
        const times: Array<bigint> = []
        const guest = Guest.make(
          "guest",
          Effect.gen(function* () {
            const { now } = yield* Guest.Self
            if (how === "a promise") yield* realIo
            else if (how === "a callback") {
              yield* Effect.callback<void>((resume) => void realWait().then(() => resume(Effect.void)))
            } else yield* Fiber.join(yield* Effect.forkChild(realIo))
            times.push(now(), yield* Clock.monotonicTimeNanos, (yield* GuestClock).nowUnsafe())
            yield* Effect.sleep("1 second")
            times.push(now())
          }),
        )
        const world = World.make({ guests: [guest, ticking("one", 10_000_000), ticking("other", 10_000_000)] })
        const { time } = yield* World.run(world)
        expect(times[0]).toBeGreaterThan(0n)
        expect(new Set(times.slice(0, 3)).size).toBe(1)
        expect(times[3]).toBe(times[0]! + 1_000_000_000n)
        expect(time).toBe(times[3])
      }), 5_000)
  }
})

describe("a fiber beside one that is busy", () => {
  it.live("sleeps as long as it says, on a calendar", () =>
    Effect.gen(function* () {
      const woke: Array<bigint> = []
      const guest = Guest.make(
        "guest",
        Effect.gen(function* () {
          const { now } = yield* Guest.Self
          const clock = yield* GuestClock
          yield* Effect.forkChild(Effect.gen(function* () {
            for (let i = 0; i < 3; i++) {
              yield* Effect.sleep(1)
              woke.push(now())
            }
          }))
          yield* Effect.yieldNow
          yield* clock.ndelay(10_000_000n)
          yield* Effect.sleep(5)
        }),
      )
      const other = Guest.make("other", Effect.sleep(100))
      yield* World.run(World.make({ guests: [guest, other] }))
      expect(woke[0]).toBeGreaterThanOrEqual(1_000_000n)
      expect(woke).toHaveLength(3)
    }))
})

const wire = Link.make("wire", { ends: ["ann", "bob"], message: Schema.Number, latency: 5n })

describe("concurrent sends", () => {
  it.live("arrive in the order in which they were sent", () =>
    Effect.gen(function* () {
      const got: Array<number> = []
      const ann = Guest.make(
        "ann",
        Effect.gen(function* () {
          const port = yield* Link.open(wire)
          yield* Effect.all([1, 2, 3, 4, 5].map((n) => port.send(n)), { concurrency: "unbounded" })
        }),
      )
      const bob = Guest.make(
        "bob",
        Effect.gen(function* () {
          const port = yield* Link.open(wire)
          for (let n = 0; n < 5; n++) got.push((yield* port.receive).message)
        }),
      )
      yield* World.run(World.make({ guests: [ann, bob], links: [wire] }))
      expect(got).toEqual([1, 2, 3, 4, 5])
    }))
})
