import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { describe, expect } from "vitest"
import { it } from "@effect/vitest"
import { TimeOutOfRange } from "../src/core/Fault.ts"
import { event, GuestClock } from "../src/GuestClock.ts"
import * as Mode from "../src/Mode.ts"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import { toEffect } from "../src/internal/services/Waiting.ts"
import { Interrupts } from "../src/services/Interrupts.ts"
import { OnWarning } from "../src/services/Warnings.ts"

describe("what ends in Unsafe", () => {
  it.live("does at once what the effect of that name does", () =>
    Effect.gen(function* () {
      const clock = yield* GuestClock
      const handled: Array<bigint> = []
      const first = event("first", ({ now }) => void handled.push(now))
      const second = event("second", ({ now }) => void handled.push(now))
      clock.addEventUnsafe(second, 9n)
      clock.addEventUnsafe(first, 5n)
      expect(clock.nextDueUnsafe()).toBe(5n)
      expect(clock.pendingUnsafe()).toMatchObject([{ event: first, time: 5n }, { event: second, time: 9n }])
      expect(clock.sleepUnsafe()).toBeUndefined()
      expect([clock.nowUnsafe(), yield* clock.now]).toEqual([5n, 5n])
      expect([clock.wallClockUnsafe(), yield* clock.wallClock]).toEqual([105n, 105n])
      expect([clock.deleteEventUnsafe(second), clock.deleteEventUnsafe(second)]).toEqual([true, false])
      expect(clock.nextDueUnsafe()).toBeUndefined()
      expect(handled).toEqual([5n])
    }).pipe(Effect.provide(Mode.infCpu({ start: 100n }))))

  it.live("throws what the effect fails with, and what a sleep meets that is called within another", () =>
    Effect.gen(function* () {
      const clock = yield* GuestClock
      expect(() => clock.addEventUnsafe(event("late", () => {}), -1n)).toThrow(TimeOutOfRange)
      let thrown: unknown
      yield* clock.addEvent(
        event("nested", () => {
          try {
            clock.sleepUnsafe()
          } catch (error) {
            thrown = error
          }
        }),
        1n,
      )
      yield* clock.sleep
      expect(String(thrown)).toContain("CPU is free")
      expect(yield* clock.now).toBe(1n)
    }).pipe(Effect.provide(Mode.infCpu())))

  it.live("has what it asks the world for done by settle", () =>
    Effect.gen(function* () {
      const warnings: Array<string> = []
      yield* Effect.gen(function* () {
        const clock = yield* GuestClock
        clock.addEventUnsafe(event("without a handler"), 1n)
        expect(warnings).toEqual([])
        yield* clock.settle
        expect(warnings).toEqual(["EventWithoutHandler"])
      }).pipe(
        Effect.provide(Mode.infCpu()),
        Effect.provideService(OnWarning, (warning) => Effect.sync(() => void warnings.push(warning._tag))),
      )
    }))
})

describe("a sleep beside a calendar", () => {
  it.live("that is interrupted after several waits leaves none of them behind", () =>
    Effect.scoped(Effect.gen(function* () {
      const calendar = yield* CalendarServer.serve({ clients: 2 })
      const other = Effect.gen(function* () {
        yield* (yield* GuestClock).addEvent(event("start", () => {}), 0n)
        yield* (yield* GuestClock).sleep
        return yield* Effect.never
      })
      yield* Effect.forkScoped(Effect.provide(other, Mode.linked(calendar.link(), { id: 1n })))
      const waits = Effect.gen(function* () {
        const clock = yield* GuestClock
        const interrupts = yield* Interrupts
        yield* clock.addEvent(event("later", () => {}), 10n)
        const left = clock.sync.beginSleep()
        expect(left).toBeDefined()
        const fiber = yield* Effect.forkChild(Effect.uninterruptible(toEffect(left)), { startImmediately: true })
        for (let wait = 0; wait < 3; wait++) yield* interrupts.raise(Effect.void)
        expect((yield* clock.snapshot).external?.waiting).toBe(1)
        yield* Fiber.interrupt(fiber)
        expect((yield* clock.snapshot).external?.waiting).toBe(0)
        expect(interrupts.context()).toEqual({ masked: false, inInterrupt: false })
        expect(interrupts.isFree()).toBe(true)
      })
      yield* Effect.provide(waits, Mode.linked(calendar.link(), { id: 2n }))
    })))
})
