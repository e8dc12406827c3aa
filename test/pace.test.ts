import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import { Mode, VirtualTime } from "../src/index.ts"

const MS = 1_000_000n

/** When each turn was granted: its time and, in ms, the real time since this was made. */
const turns = () => {
  const from = performance.now()
  const all: Array<{ readonly time: bigint; readonly realMs: number }> = []
  return {
    now: () => performance.now() - from,
    all,
    onGrant: ({ time }: CalendarServer.Grant) => void all.push({ time, realMs: performance.now() - from }),
    /** The real time of the first turn at this time or later. */
    at: (time: bigint) =>
      Effect.gen(function* () {
        while (true) {
          const found = all.find((turn) => turn.time >= time)
          if (found !== undefined) return found.realMs
          yield* Effect.sleep(1)
        }
      }),
  }
}

/** A guest that wakes up every `ms`. */
const ticking = (server: CalendarServer.CalendarServer, id: bigint, ms: number) =>
  VirtualTime.run(Effect.forever(Effect.sleep(ms))).pipe(Effect.provide(Mode.linked(server.link(), { id })))

/**
 * What was late before may be caught up with, and a busy machine is late. What a pace must not
 * catch up with is longer in all of this.
 */
const LATE_MS = 80

describe("the pace of a calendar", () => {
  it.live("begins when as many are there as it waits for", () =>
    Effect.gen(function* () {
      const seen = turns()
      const server = yield* CalendarServer.serve({ pace: 1, clients: 2, onGrant: seen.onGrant })
      yield* Effect.forkScoped(ticking(server, 1n, 50))
      yield* Effect.sleep(400)
      const from = seen.now()
      yield* Effect.forkScoped(ticking(server, 2n, 70))
      for (const ms of [100, 140, 150, 200, 210]) {
        expect(yield* seen.at(BigInt(ms) * MS)).toBeGreaterThanOrEqual(from + ms - LATE_MS)
      }
    }).pipe(Effect.scoped))

  it.live("begins with the first guest, where none is waited for, and again with the first that comes later", () =>
    Effect.gen(function* () {
      const seen = turns()
      const server = yield* CalendarServer.serve({ pace: 1, onGrant: seen.onGrant })
      yield* Effect.sleep(400)
      const first = seen.now()
      const guest = yield* Effect.forkScoped(ticking(server, 1n, 50))
      expect(yield* seen.at(200n * MS)).toBeGreaterThanOrEqual(first + 200 - LATE_MS)
      yield* Fiber.interrupt(guest)
      yield* Effect.sleep(400)
      const { time } = yield* server.stats
      const second = seen.now()
      yield* Effect.forkScoped(ticking(server, 2n, 50))
      expect(yield* seen.at(time + 200n * MS)).toBeGreaterThanOrEqual(second + 200 - LATE_MS)
    }).pipe(Effect.scoped))

  it.live("doesn't count the first turn of a guest, in which no time may pass", () =>
    Effect.gen(function* () {
      const seen = turns()
      const server = yield* CalendarServer.serve({ pace: 1, onGrant: seen.onGrant })
      yield* Effect.forkScoped(ticking(server, 1n, 50))
      yield* seen.at(50n * MS)
      const boots = VirtualTime.run(Effect.andThen(VirtualTime.hold(Effect.sleep(400)), Effect.never))
      yield* Effect.forkScoped(Effect.provide(boots, Mode.linked(server.link(), { id: 2n })))
      while ((yield* server.status).clients.length < 2) yield* Effect.sleep(1)
      const [from, { time }] = [seen.now(), yield* server.stats]
      expect(yield* seen.at(time + 250n * MS)).toBeGreaterThanOrEqual(from + 400 + 200 - LATE_MS)
    }).pipe(Effect.scoped))

  it.live("begins anew after a pause, after steps, and after a time that it was let go to", () =>
    Effect.gen(function* () {
      const seen = turns()
      const server = yield* CalendarServer.serve({ pace: 1, onGrant: seen.onGrant })
      yield* Effect.forkScoped(ticking(server, 1n, 50))
      const stops = [
        server.pause,
        Effect.andThen(server.step, server.step),
        Effect.flatMap(server.stats, ({ time }) => server.runUntil(time + 60n * MS)),
      ]
      for (const stop of stops) {
        yield* stop
        yield* Effect.sleep(400)
        const [from, { time }] = [seen.now(), yield* server.stats]
        yield* server.resume
        expect(yield* seen.at(time + 200n * MS)).toBeGreaterThanOrEqual(from + 200 - LATE_MS)
      }
    }).pipe(Effect.scoped))

  it.live("that is set while a calendar waits for guests begins with them, too", () =>
    Effect.gen(function* () {
      const seen = turns()
      const server = yield* CalendarServer.serve({ clients: 2, onGrant: seen.onGrant })
      yield* Effect.forkScoped(ticking(server, 1n, 50))
      yield* server.setPace(1)
      yield* Effect.sleep(400)
      const from = seen.now()
      yield* Effect.forkScoped(ticking(server, 2n, 50))
      expect(yield* seen.at(200n * MS)).toBeGreaterThanOrEqual(from + 200 - LATE_MS)
    }).pipe(Effect.scoped))

  it.live("isn't caught up with after nobody has asked for a time for long", () =>
    Effect.gen(function* () {
      const seen = turns()
      const server = yield* CalendarServer.serve({ pace: 1, onGrant: seen.onGrant })
      const woken = yield* Latch.make()
      const guest = VirtualTime.run(Effect.andThen(woken.await, Effect.forever(Effect.sleep(50))))
      yield* Effect.forkScoped(Effect.provide(guest, Mode.linked(server.link(), { id: 1n })))
      while (!(yield* server.status).deadlocked) yield* Effect.sleep(1)
      yield* Effect.sleep(400)
      const from = seen.now()
      yield* woken.open
      expect(yield* seen.at(200n * MS)).toBeGreaterThanOrEqual(from + 200 - LATE_MS)
    }).pipe(Effect.scoped))
})

describe("the pace of a program", () => {
  it.live("begins when its time is to move first, not when its layer was made", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(Layer.provide(VirtualTime.layer({ pace: 1 }), Mode.infCpu()))
      yield* Effect.sleep(400)
      const from = performance.now()
      yield* Effect.provideContext(Effect.sleep(200), context)
      expect(performance.now() - from).toBeGreaterThanOrEqual(200 - LATE_MS)
    }).pipe(Effect.scoped))

  it.live("isn't caught up with after it has waited for the world", () =>
    Effect.gen(function* () {
      const world = yield* Latch.make()
      const ms = yield* Effect.forkScoped(
        VirtualTime.run(
          Effect.gen(function* () {
            yield* Effect.sleep(10)
            yield* world.await
            const from = performance.now()
            yield* Effect.sleep(200)
            return performance.now() - from
          }),
          { pace: 1, deadlockAfter: "10 seconds" },
        ).pipe(Effect.provide(Mode.infCpu())),
      )
      yield* Effect.sleep(400)
      yield* world.open
      expect(yield* Fiber.join(ms)).toBeGreaterThanOrEqual(200 - LATE_MS)
    }).pipe(Effect.scoped))
})
