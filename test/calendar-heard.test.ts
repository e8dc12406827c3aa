/**
 * A guest is interrupted while another runs, which may go past what it asks for then: whoever interrupted it, the running
 * one itself here, goes on when the calendar has told it.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import { GuestClock, Mode, VirtualTime } from "../src/index.ts"
import * as Trace from "../src/trace.ts"
import { room } from "./support/rawClient.ts"

const MS = 1_000_000n

type Place = "on a unix socket" | "in this process" | "in this process, traced" | "in this process, of 6.12"
const places: ReadonlyArray<Place> = [
  "on a unix socket",
  "in this process",
  "in this process, traced",
  "in this process, of 6.12",
]

/** One runs from 10 ms on, knows that it may run to 1 s by itself, and interrupts the other for 5 ms later. */
const interrupting = (runs: Place, waits: Place) =>
  Effect.gen(function* () {
    const { path } = yield* room
    const server = yield* CalendarServer.make({ path, clients: 2 })
    const on = (place: Place, id: bigint) =>
      place === "on a unix socket"
        ? Mode.external({ socket: path, id })
        : Mode.linked(server.link(), { id, revision: place.endsWith("6.12") ? "6.12" : "5.8" })
    const seen: Array<string> = []
    const other = yield* Deferred.make<GuestClock.GuestClock>()
    const waiting = Effect.gen(function* () {
      const clock = yield* GuestClock.GuestClock
      yield* Deferred.succeed(other, clock)
      yield* clock.addEvent(GuestClock.event("late", () => void seen.push("late")), 1000n * MS)
      while (!seen.includes("late")) yield* clock.sleep
    }).pipe(Effect.provide(on(waits, 1n)))
    const running = VirtualTime.run(Effect.gen(function* () {
      // That one was let in first.
      const { irqEvent } = yield* VirtualTime.hold(Deferred.await(other))
      yield* Effect.sleep(10)
      seen.push("runs at 10 ms")
      const knock = GuestClock.event("knock", ({ now }) => void seen.push(`knock at ${now / MS} ms`))
      yield* (yield* GuestClock.GuestClock).propagateTime
      yield* VirtualTime.hold(Effect.orDie(irqEvent(knock, 5n * MS)))
      yield* Effect.sleep(100)
      seen.push("runs at 110 ms")
    })).pipe(Effect.provide(on(runs, 2n)))
    const trace = <A, E, R>(place: Place, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      place.endsWith("traced") ? Effect.provide(effect, Trace.to(Trace.ring(10_000))) : effect
    const fiber = yield* Effect.forkChild(trace(waits, waiting))
    yield* trace(runs, running)
    yield* Fiber.join(fiber)
    return seen
  }).pipe(Effect.scoped)

describe("a guest that runs", () => {
  for (const runs of places) {
    for (const waits of places) {
      it.live(
        `${runs}, and waits for one ${waits} in a hold, hears how far it may still run`,
        () =>
          Effect.gen(function* () {
            expect(yield* interrupting(runs, waits)).toEqual([
              "runs at 10 ms",
              "knock at 15 ms",
              "runs at 110 ms",
              "late",
            ])
          }),
        10_000,
      )
    }
  }
})
