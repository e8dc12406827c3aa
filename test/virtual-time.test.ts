import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as FsPromises from "node:fs/promises"
import { setTimeout as realSleep } from "node:timers/promises"
import * as Guest from "../src/core/Guest.ts"
import * as GuestClock from "../src/GuestClock.ts"
import * as Mode from "../src/Mode.ts"
import type { Simulated } from "../src/internal/testing/Explore.ts"
import * as VirtualTime from "../src/VirtualTime.ts"
import { journal, now } from "./support/moments.ts"

const FOREVER = 2n ** 63n - 1n

/** Runs a program on simulated time that starts at 1970. */
const run = <A, E>(program: Effect.Effect<A, E, Simulated>, options?: VirtualTime.Options) =>
  Effect.provide(VirtualTime.run(program, options), Mode.infCpu({ start: 0n }))

/** Why a program can't go on. */
const whyStuck = <A, E>(program: Effect.Effect<A, E, Simulated>, options?: VirtualTime.Options) =>
  Effect.flip(run(program, options))

/** The program's end, or `hangs` if a real while passes without one: then the test fails, and goes on. */
const orHangs = <A, E>(effect: Effect.Effect<A, E>, ms = 5000): Effect.Effect<A | "hangs", E> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkDetach(effect)
    return yield* Effect.raceFirst(Fiber.join(fiber), Effect.as(Effect.promise(() => realSleep(ms)), "hangs" as const))
  })

const pending = Effect.map(
  Effect.flatMap(GuestClock.GuestClock, (clock) => clock.snapshot),
  (guest) => Guest.pending(guest).map(({ time }) => time),
)

describe("a sleep", () => {
  it.live("is an event of the guest's at its time, which interruption deletes", () =>
    run(Effect.gen(function* () {
      const fibers = yield* Effect.forEach(
        [3n, 1n, 2n ** 62n],
        (nanos) => Effect.forkChild(Effect.sleep(Duration.nanos(nanos)), { startImmediately: true }),
      )
      expect(yield* pending).toEqual([1n, 3n, 2n ** 62n])
      yield* Fiber.interrupt(fibers[0]!)
      expect(yield* pending).toEqual([1n, 2n ** 62n])
      yield* Fiber.interruptAll(fibers)
      expect(yield* pending).toEqual([])
    })))

  it.live.each(Array.from({ length: 63 }, (_, bit) => 2n ** BigInt(bit)))(
    "of %s ns is exact",
    (nanos) =>
      run(Effect.gen(function* () {
        yield* Effect.sleep(Duration.nanos(nanos))
        expect(yield* Clock.monotonicTimeNanos).toBe(nanos)
        expect(yield* pending).toEqual([])
      })),
  )

  it.live("to the end of time or past it never ends, and is no event", () =>
    Effect.gen(function* () {
      for (const nanos of [FOREVER, FOREVER + 1n, 2n ** 64n, 2n ** 100n]) {
        const stuck = yield* whyStuck(Effect.sleep(Duration.nanos(nanos)), { deadlockAfter: 1 })
        expect(stuck).toBeInstanceOf(VirtualTime.Deadlock)
      }
      const twice = Effect.andThen(Effect.sleep(Duration.nanos(2n ** 62n)), Effect.sleep(Duration.nanos(2n ** 62n)))
      expect(yield* whyStuck(twice, { deadlockAfter: 1 })).toMatchObject({ _tag: "Deadlock", at: 2n ** 62n })
    }))

  it.live("that loses a race leaves no event", () =>
    run(Effect.gen(function* () {
      yield* Effect.raceAll([1, 2, 3].map((seconds) => Effect.sleep(seconds * 1000)))
      yield* Effect.timeout(Effect.void, "1 hour")
      yield* Effect.timeoutOption(Effect.sleep("1 hour"), 1)
      expect(yield* pending).toEqual([])
    })))

  it.live("wakes at equal times in the order of going to sleep, of 1,000 fibers and in many steps", () =>
    run(Effect.gen(function* () {
      const woken: Array<number> = []
      const one = (i: number) =>
        Effect.sleep(i % 7).pipe(
          Effect.andThen(Effect.sleep(100 - i % 7)),
          Effect.andThen(Effect.sync(() => woken.push(i))),
        )
      yield* Effect.forEach(Array.from({ length: 1000 }, (_, i) => i), one, { concurrency: "unbounded" })
      const expected = Array.from({ length: 1000 }, (_, i) => i).sort((a, b) => a % 7 - b % 7 || a - b)
      expect(woken).toEqual(expected)
    })))

  it.live.each([0, -1, Number.NEGATIVE_INFINITY, Number.NaN])("of %s ms is a yield", (millis) =>
    run(
      Effect.gen(function* () {
        yield* Effect.sleep(millis)
        expect(yield* Clock.monotonicTimeNanos).toBe(0n)
      }),
      { deadlockAfter: 1 },
    ))

  it.live("shares the guest's queue with events of other kinds", () =>
    run(Effect.gen(function* () {
      const { entries, note } = journal()
      const clock = yield* GuestClock.GuestClock
      yield* clock.addEvent(
        GuestClock.event("plain", ({ now }) => void entries.push([Number(now) / 1e6, "plain"])),
        1_000_000n,
      )
      yield* clock.addEvent(
        GuestClock.event("effect", ({ now }) =>
          Effect.sync(() => entries.push([Number(now) / 1e6, "effect"])).pipe(Effect.asVoid)),
        3_000_000n,
      )
      yield* Effect.all([
        Effect.andThen(Effect.sleep(1), note("at 1")),
        Effect.andThen(Effect.sleep(2), note("at 2")),
        Effect.andThen(Effect.sleep(3), note("at 3")),
      ], { concurrency: "unbounded" })
      expect(entries).toEqual([[1, "plain"], [1, "at 1"], [2, "at 2"], [3, "effect"], [3, "at 3"]])
    })))
})

/** `program`, beside a fiber that sleeps for 1 ns: time must not have moved when the program is over. */
const beforeTimeMoves = (program: Effect.Effect<unknown, never, Simulated>) =>
  run(Effect.gen(function* () {
    yield* Effect.forkChild(Effect.sleep(Duration.nanos(1n)), { startImmediately: true })
    yield* program
    expect(yield* Clock.monotonicTimeNanos).toBe(0n)
  }))

describe("time doesn't jump over", () => {
  for (const depth of [1, 10, 1000, 100_000]) {
    it.live(`a chain of ${depth} promises`, () =>
      beforeTimeMoves(Effect.promise(async () => {
        for (let i = 0; i < depth; i++) await null
      })))
  }

  it.live("a chain of 10,000 then's", () =>
    beforeTimeMoves(Effect.promise(() => {
      let chain = Promise.resolve()
      for (let i = 0; i < 10_000; i++) chain = chain.then(() => {})
      return chain
    })))

  it.live("microtasks that queue microtasks", () =>
    beforeTimeMoves(Effect.callback<void>((resume) => {
      let left = 1000
      const step = () => left-- === 0 ? resume(Effect.void) : queueMicrotask(step)
      queueMicrotask(step)
    })))

  it.live("async generators", () =>
    beforeTimeMoves(Effect.promise(async () => {
      const count = async function* () {
        for (let i = 0; i < 1000; i++) yield i
      }
      for await (const _ of count());
    })))

  it.live("thenables", () =>
    beforeTimeMoves(Effect.promise(async () => {
      for (let i = 0; i < 100; i++) {
        await { then: (resolve: (n: number) => void) => queueMicrotask(() => resolve(i)) }
      }
    })))

  it.live("process.nextTick", () =>
    beforeTimeMoves(Effect.callback<void>((resume) => {
      let left = 100
      const step = () => left-- === 0 ? resume(Effect.void) : process.nextTick(step)
      process.nextTick(step)
    })))

  it.live("process.nextTick and promises in turns", () =>
    beforeTimeMoves(Effect.promise(async () => {
      for (let i = 0; i < 50; i++) {
        await new Promise<void>((resolve) => process.nextTick(resolve))
        await null
      }
    })))

  it.live("promises whose fibers are woken by promises of other fibers", () =>
    beforeTimeMoves(Effect.gen(function* () {
      const queue = yield* Queue.unbounded<number>()
      yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 100 }, (_, i) => i),
          (i) => Effect.andThen(Effect.promise(() => Promise.resolve().then(() => null)), Queue.offer(queue, i)),
        ),
      )
      for (let i = 0; i < 100; i++) expect(yield* Queue.take(queue)).toBe(i)
    })))

  it.live("yields, of whatever number", () =>
    beforeTimeMoves(Effect.gen(function* () {
      for (let i = 0; i < 10_000; i++) yield* Effect.yieldNow
    })))

  it.live.each([-5, -1, 1, 10])("yields of priority %s", (priority) =>
    beforeTimeMoves(Effect.gen(function* () {
      for (let i = 0; i < 100; i++) yield* Effect.yieldNowWith(priority)
    })))

  it.live("long synchronous work, that yields by itself", () =>
    beforeTimeMoves(Effect.repeat(Effect.sync(() => 1), { times: 20_000 })))

  it.live("fibers, however they are forked", () =>
    run(Effect.gen(function* () {
      const ran: Array<string> = []
      const note = (name: string) =>
        Effect.gen(function* () {
          yield* Effect.yieldNow
          yield* Effect.promise(() => Promise.resolve())
          expect(yield* Clock.monotonicTimeNanos).toBe(0n)
          ran.push(name)
        })
      const scope = yield* Scope.make()
      yield* Effect.forkChild(note("child"))
      yield* Effect.forkChild(note("child at once"), { startImmediately: true })
      yield* Effect.forkDetach(note("detached"))
      yield* Effect.forkIn(note("in"), scope)
      yield* Effect.scoped(Effect.gen(function* () {
        yield* Effect.forkScoped(note("scoped"))
        const set = yield* FiberSet.make()
        yield* FiberSet.run(set, note("set"))
        const runFork = yield* FiberSet.runtime(set)<never>()
        runFork(note("by runtime"))
        Effect.runForkWith(yield* Effect.context<never>())(note("by runFork"))
        yield* Effect.sleep(1)
      }))
      expect(ran.sort()).toEqual(
        ["by runFork", "by runtime", "child", "child at once", "detached", "in", "scoped", "set"],
      )
    })))
})

describe("what runs at one time", () => {
  it.live("runs by priority: lower numbers first, else first come first", () =>
    run(Effect.gen(function* () {
      const order: Array<number> = []
      const at = (priority: number) =>
        Effect.andThen(Effect.yieldNowWith(priority), Effect.sync(() => order.push(priority)))
      yield* Effect.all([at(5), at(0), at(-1), at(10), at(-7), at(0), at(5)], { concurrency: "unbounded" })
      expect(order).toEqual([-7, -1, 0, 0, 5, 5, 10])
    })))

  it.live.each([[0, 1], [0, 10], [-1, 0], [-3, 5]])(
    "doesn't starve: one that yields at %s for another at %s, as with Effect's own scheduler",
    ([spinner, other]) =>
      run(
        Effect.gen(function* () {
          let flag = false
          yield* Effect.forkChild(Effect.andThen(Effect.yieldNowWith(other), Effect.sync(() => flag = true)))
          while (!flag) yield* Effect.yieldNowWith(spinner)
        }),
        { livelockAfter: 100_000 },
      ),
  )

  it.live("lets a promise come to rest beside a fiber that yields until it has", () =>
    run(
      Effect.gen(function* () {
        yield* Effect.sleep(1)
        let flag = false
        Promise.resolve().then(() => flag = true)
        while (!flag) yield* Effect.yieldNow
        expect(yield* now).toBe(1)
      }),
      { livelockAfter: 100_000 },
    ))

  it.live("lets the real world happen beside a fiber that yields until it has", () =>
    Effect.gen(function* () {
      const ended = yield* orHangs(run(
        Effect.gen(function* () {
          yield* Effect.sleep(1)
          let flag = false
          setTimeout(() => flag = true, 1)
          while (!flag) yield* Effect.yieldNow
          return "seen"
        }),
        { livelockAfter: 300_000 },
      ))
      expect(ended).toBe("seen")
    }), 20_000)
})

describe("a hold", () => {
  /** Real time passes. */
  const real = (ms: number) => Effect.promise(() => realSleep(ms))

  it.live("freezes time while real I/O is under way", () =>
    run(Effect.gen(function* () {
      const sleeper = yield* Effect.forkChild(Effect.sleep("1 hour"), { startImmediately: true })
      const text = yield* VirtualTime.hold(Effect.promise(() => FsPromises.readFile(import.meta.filename!, "utf8")))
      expect(text).toContain("A sentence that is in this file.")
      expect(yield* Clock.monotonicTimeNanos).toBe(0n)
      yield* VirtualTime.hold(real(20))
      expect(yield* Clock.monotonicTimeNanos).toBe(0n)
      yield* Fiber.join(sleeper)
      expect(yield* now).toBe(3_600_000)
    })))

  it.live("has real time inside, and simulated time outside", () =>
    run(Effect.gen(function* () {
      const before = performance.now()
      const inside = yield* VirtualTime.hold(Effect.gen(function* () {
        const from = yield* Clock.monotonicTimeNanos
        yield* Effect.sleep("30 millis")
        return (yield* Clock.monotonicTimeNanos) - from
      }))
      expect(performance.now() - before).toBeGreaterThanOrEqual(28)
      expect(inside).toBeGreaterThanOrEqual(28_000_000n)
      expect(yield* Clock.monotonicTimeNanos).toBe(0n)
    })))

  it.live("lets other fibers run that can, while time stands still", () =>
    run(Effect.gen(function* () {
      let steps = 0
      yield* Effect.forkChild(Effect.andThen(Effect.sleep(1), Effect.sync(() => steps = -1000)))
      yield* Effect.forkChild(Effect.forever(Effect.andThen(
        Effect.promise(() => new Promise((resolve) => setImmediate(resolve))),
        Effect.sync(() => steps++),
      )))
      yield* VirtualTime.hold(Effect.promise(async () => {
        while (steps < 10) await realSleep(1)
      }))
      expect(steps).toBeGreaterThanOrEqual(10)
      expect(yield* Clock.monotonicTimeNanos).toBe(0n)
    })))

  it.live("can be nested, and the outermost counts", () =>
    run(Effect.gen(function* () {
      yield* Effect.forkChild(Effect.sleep(1), { startImmediately: true })
      yield* VirtualTime.hold(Effect.gen(function* () {
        yield* VirtualTime.hold(VirtualTime.hold(real(2)))
        yield* real(5)
      }))
      expect(yield* Clock.monotonicTimeNanos).toBe(0n)
    })))

  it.live("can be concurrent with others, and the last counts", () =>
    run(Effect.gen(function* () {
      yield* Effect.forkChild(Effect.sleep(1), { startImmediately: true })
      const one = (ms: number) => Effect.andThen(VirtualTime.hold(real(ms)), Clock.monotonicTimeNanos)
      expect(yield* Effect.all([one(30), one(10), one(20)], { concurrency: 3 })).toEqual([0n, 0n, 0n])
    })))

  it.live("ends with a failure, a defect, an interruption", () =>
    run(Effect.gen(function* () {
      expect(yield* Effect.exit(VirtualTime.hold(Effect.andThen(real(1), Effect.fail("no"))))).toEqual(Exit.fail("no"))
      expect(yield* Effect.exit(VirtualTime.hold(Effect.die("dead")))).toEqual(Exit.die("dead"))
      const fiber = yield* Effect.forkChild(VirtualTime.hold(Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      yield* Effect.sleep("1 day")
      expect(yield* now).toBe(86_400_000)
    })))

  it.live("that is interrupted from the outside frees time for others", () =>
    run(Effect.gen(function* () {
      const held = yield* Effect.forkChild(VirtualTime.hold(Effect.never), { startImmediately: true })
      yield* Effect.forkChild(Effect.andThen(real(5), Fiber.interrupt(held)))
      yield* Effect.sleep("1 hour")
      expect(held.pollUnsafe() !== undefined && Exit.hasInterrupts(held.pollUnsafe()!)).toBe(true)
    })))

  it.live("past its cap fails with an error that names it, and time goes on", () =>
    run(Effect.gen(function* () {
      const error = yield* Effect.flip(VirtualTime.hold(Effect.never, { name: "the bank", cap: "20 millis" }))
      expect(error).toBeInstanceOf(VirtualTime.HoldTimedOut)
      expect(error).toMatchObject({ _tag: "HoldTimedOut", hold: "the bank", capMs: 20 })
      expect(error.message).toContain('"the bank"')
      expect(error.message).toContain("20 ms")
      expect(yield* Clock.monotonicTimeNanos).toBe(0n)
      yield* Effect.sleep(1)
      expect(yield* now).toBe(1)
    })))

  it.live("inside another is named by its own cap", () =>
    run(Effect.gen(function* () {
      const inner = VirtualTime.hold(Effect.never, { name: "inner", cap: "10 millis" })
      const error = yield* Effect.flip(VirtualTime.hold(inner, { name: "outer", cap: "5 seconds" }))
      expect(error).toMatchObject({ hold: "inner" })
    })))

  it.live("is no deadlock, however long it takes", () => run(VirtualTime.hold(real(40)), { deadlockAfter: 1 }))

  it.live("without one, real I/O happens at whatever simulated time it happens to", () =>
    run(Effect.gen(function* () {
      let at: number | undefined
      yield* Effect.forkChild(Effect.andThen(real(5), Effect.tap(now, (millis) => Effect.sync(() => at = millis))), {
        startImmediately: true,
      })
      while (at === undefined) yield* Effect.sleep("1 day")
      expect(at).toBeGreaterThan(0)
      expect(at % 86_400_000).toBe(0)
    })))

  it.live("of another fiber keeps even reads that cost time from moving it", () =>
    run(
      Effect.gen(function* () {
        const held = yield* Effect.forkChild(VirtualTime.hold(real(10)), { startImmediately: true })
        const before = yield* Clock.monotonicTimeNanos
        for (let i = 0; i < 10; i++) yield* Clock.monotonicTimeNanos
        expect((yield* Clock.Clock).monotonicTimeNanosUnsafe()).toBe(before)
        yield* Fiber.join(held)
      }),
      { readsCostTime: true },
    ))
})

describe("reading the time", () => {
  it.live("is free by default", () =>
    run(Effect.gen(function* () {
      for (let i = 0; i < 100; i++) {
        yield* Clock.currentTimeMillis
        yield* Clock.currentTimeNanos
        expect(yield* Clock.monotonicTimeNanos).toBe(0n)
      }
    })))

  it.live("costs 256 ns by any effect, if it is to, and nothing without one", () =>
    run(
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        expect(yield* Clock.monotonicTimeNanos).toBe(256n)
        expect(yield* Clock.currentTimeNanos).toBe(512n)
        yield* Clock.currentTimeMillis
        expect([clock.monotonicTimeNanosUnsafe(), clock.monotonicTimeNanosUnsafe()]).toEqual([768n, 768n])
      }),
      { readsCostTime: true },
    ))

  it.live("ends a loop that polls it", () =>
    run(
      Effect.gen(function* () {
        let reads = 0
        while ((yield* Clock.monotonicTimeNanos) < 100_000n) reads++
        expect(reads).toBe(390)
        expect((yield* Clock.Clock).monotonicTimeNanosUnsafe()).toBe(100_096n)
      }),
      { readsCostTime: true },
    ))

  it.live("lets a poller see what a sleeper does on time", () =>
    run(
      Effect.gen(function* () {
        let done = false
        yield* Effect.forkChild(Effect.andThen(Effect.sleep(Duration.nanos(10_000n)), Effect.sync(() => done = true)), {
          startImmediately: true,
        })
        while (!done) {
          yield* Clock.monotonicTimeNanos
          yield* Effect.yieldNow
        }
        expect((yield* Clock.Clock).monotonicTimeNanosUnsafe()).toBe(10_240n)
      }),
      { readsCostTime: true },
    ))

  it.live("isn't a livelock where it moves time, however often", () =>
    run(
      Effect.gen(function* () {
        while ((yield* Clock.monotonicTimeNanos) < 1_000_000n);
      }),
      { readsCostTime: true, livelockAfter: 1000 },
    ))
})

describe("the rest of a program's time", () => {
  it.live("moved by the guest's own clock is no livelock", () =>
    run(
      Effect.gen(function* () {
        const clock = yield* GuestClock.GuestClock
        for (let i = 0; i < 1000; i++) {
          yield* clock.ndelay(10n)
          yield* Effect.yieldNow
        }
        expect(yield* Clock.monotonicTimeNanos).toBe(10_000n)
      }),
      { livelockAfter: 100 },
    ))
})

describe("a deadlock", () => {
  it.live("lists the fibers that wait, with their spans, the innermost first", () =>
    Effect.gen(function* () {
      const stuck = yield* whyStuck(
        Effect.gen(function* () {
          yield* Effect.sleep("5 seconds")
          const child = yield* Effect.forkChild(
            Effect.never.pipe(Effect.withSpan("inner"), Effect.withSpan("outer")),
          )
          yield* Fiber.join(child).pipe(Effect.withSpan("main"))
        }),
        { deadlockAfter: 1 },
      )
      expect(stuck).toBeInstanceOf(VirtualTime.Deadlock)
      expect(stuck).toMatchObject({ at: 5_000_000_000n })
      const { fibers } = stuck as VirtualTime.Deadlock
      expect(fibers.map(({ where }) => where.slice(0, 2))).toEqual(
        expect.arrayContaining([["main"], ["inner", "outer"]]),
      )
      expect(stuck.message).toContain("inner < outer")
      expect(stuck.message).toContain("VirtualTime.hold")
    }))

  it.live("names the function of Effect.fn that a fiber is in", () =>
    Effect.gen(function* () {
      const waits = Effect.fn("Bank.waits")(function* () {
        yield* Effect.never
      })
      const stuck = yield* whyStuck(waits(), { deadlockAfter: 1 })
      expect(stuck.message).toContain("Bank.waits")
    }))

  it.live("doesn't list fibers that have ended", () =>
    Effect.gen(function* () {
      const stuck = yield* whyStuck(
        Effect.gen(function* () {
          yield* Effect.forEach(Array.from({ length: 3000 }, (_, i) => i), (i) => Effect.sleep(i % 10), {
            concurrency: "unbounded",
          })
          yield* Effect.never
        }),
        { deadlockAfter: 1 },
      )
      expect((stuck as VirtualTime.Deadlock).fibers).toHaveLength(1)
    }))

  it.live("lists a fiber that sleeps without end, or past the end of time, as asleep for ever", () =>
    Effect.gen(function* () {
      for (const sleep of [Duration.infinity, Duration.nanos(FOREVER)]) {
        const stuck = yield* whyStuck(Effect.sleep(sleep), { deadlockAfter: 1 })
        expect((stuck as VirtualTime.Deadlock).fibers).toMatchObject([{ asleepUntil: FOREVER }])
        expect((stuck as VirtualTime.Deadlock).message).toContain("asleep for ever")
      }
    }))

  it.live("is not, while the world may answer within the time that is allowed", () =>
    run(Effect.promise(() => realSleep(30)), { deadlockAfter: "10 seconds" }))

  it.live("is also where nothing but an event at the end of time is due", () =>
    Effect.gen(function* () {
      const stuck = yield* orHangs(whyStuck(
        Effect.gen(function* () {
          const clock = yield* GuestClock.GuestClock
          yield* clock.addEvent(GuestClock.event("never", () => {}), FOREVER)
          yield* Effect.never
        }),
        { deadlockAfter: 1 },
      ))
      expect(stuck).toMatchObject({ _tag: "Deadlock" })
    }))

  it.live("interrupts the program and runs its finalizers, sleeps included", () =>
    Effect.gen(function* () {
      const { entries, note } = journal()
      const finalizer = Effect.andThen(Effect.sleep("2 seconds"), note("finalized"))
      const stuck = yield* orHangs(whyStuck(
        Effect.andThen(Effect.sleep("1 second"), Effect.ensuring(Effect.never, finalizer)),
        { deadlockAfter: 1 },
      ))
      expect(stuck).toMatchObject({ _tag: "Deadlock", at: 1_000_000_000n })
      expect(entries).toEqual([[3000, "finalized"]])
    }))

  it.live("of a program that can't be interrupted is reported all the same", () =>
    Effect.gen(function* () {
      const stuck = yield* orHangs(whyStuck(Effect.uninterruptible(Effect.never), { deadlockAfter: 1 }))
      expect(stuck).toMatchObject({ _tag: "Deadlock" })
    }))

  it.live("whose finalizers are stuck, too, is reported all the same", () =>
    Effect.gen(function* () {
      const program = Effect.ensuring(Effect.never, Effect.never)
      const stuck = yield* orHangs(whyStuck(program, { deadlockAfter: 1 }))
      expect(stuck).toMatchObject({ _tag: "Deadlock" })
    }))
})

describe("a livelock", () => {
  it.live("is more steps than allowed while time stands still, and names the busiest fiber", () =>
    Effect.gen(function* () {
      const stuck = yield* whyStuck(
        Effect.gen(function* () {
          yield* Effect.sleep("3 seconds")
          yield* Effect.forkChild(Effect.forever(Effect.yieldNow).pipe(Effect.withSpan("busy")))
          yield* Effect.never
        }),
        { livelockAfter: 5000 },
      )
      expect(stuck).toBeInstanceOf(VirtualTime.Livelock)
      expect(stuck).toMatchObject({ at: 3_000_000_000n, steps: 5000, busiest: { where: ["busy"] } })
      expect(stuck.message).toContain("in busy")
    }))

  it.live("is also a loop that only reads the time", () =>
    Effect.gen(function* () {
      const polls = Effect.gen(function* () {
        while ((yield* Clock.currentTimeMillis) < 1000);
      })
      const stuck = yield* whyStuck(Effect.withSpan(polls, "polls"), { livelockAfter: 5000 })
      expect(stuck).toMatchObject({ _tag: "Livelock", busiest: { where: ["polls"] } })
    }))

  it.live("is also two fibers that hand work to each other", () =>
    Effect.gen(function* () {
      const stuck = yield* whyStuck(
        Effect.gen(function* () {
          const a = yield* Queue.bounded<number>(1)
          const b = yield* Queue.bounded<number>(1)
          yield* Queue.offer(a, 0)
          const move = (from: Queue.Queue<number>, to: Queue.Queue<number>) =>
            Effect.forever(Effect.flatMap(Queue.take(from), (n) => Queue.offer(to, n)))
          yield* Effect.all([move(a, b), move(b, a)], { concurrency: 2 })
        }),
        { livelockAfter: 5000 },
      )
      expect(stuck).toMatchObject({ _tag: "Livelock" })
    }))

  it.live("is not, where time moves now and then", () =>
    run(
      Effect.gen(function* () {
        for (let i = 0; i < 50; i++) {
          for (let j = 0; j < 900; j++) yield* Effect.yieldNow
          yield* Effect.sleep(Duration.nanos(1n))
        }
      }),
      { livelockAfter: 1000 },
    ))

  it.live("of a program that can't be interrupted is reported all the same", () =>
    Effect.gen(function* () {
      let stop = false
      const spin = Effect.gen(function* () {
        while (!stop) yield* Effect.yieldNow
      })
      const stuck = yield* orHangs(whyStuck(Effect.uninterruptible(spin), { livelockAfter: 5000 }))
      stop = true
      expect(stuck).toMatchObject({ _tag: "Livelock" })
    }))
})

describe("a limit", () => {
  const ticks = Effect.forever(Effect.sleep("1 second"))

  it.live("of simulated time may be reached but not passed", () =>
    Effect.gen(function* () {
      yield* run(Effect.sleep("10 seconds"), { limits: { simulatedTime: "10 seconds" } })
      const stuck = yield* whyStuck(ticks, { limits: { simulatedTime: "10 seconds" } })
      expect(stuck).toMatchObject({ _tag: "LimitReached", limit: "simulated time", at: 10_000_000_000n })
      const jump = yield* whyStuck(Effect.sleep(Duration.nanos(10_000_000_001n)), {
        limits: { simulatedTime: "10 seconds" },
      })
      expect(jump).toMatchObject({ _tag: "LimitReached", at: 0n })
    }))

  it.live("of simulated time counts what reads cost as well", () =>
    Effect.gen(function* () {
      let reads = 0
      const polls = Effect.forever(Effect.andThen(Clock.currentTimeMillis, Effect.sync(() => reads++)))
      const stuck = yield* whyStuck(polls, {
        readsCostTime: true,
        limits: { simulatedTime: "1 millis" },
        livelockAfter: 100_000,
      })
      expect(stuck).toMatchObject({ _tag: "LimitReached", limit: "simulated time" })
      expect(reads).toBeGreaterThan(3900)
    }))

  it.live("of events counts the times that something was due", () =>
    Effect.gen(function* () {
      yield* run(Effect.repeat(Effect.sleep(1), { times: 9 }), { limits: { events: 10 } })
      const stuck = yield* whyStuck(ticks, { limits: { events: 10 } })
      expect(stuck).toMatchObject({ _tag: "LimitReached", limit: "events", at: 10_000_000_000n })
    }))

  it.live("of real time ends what goes on and on", () =>
    Effect.gen(function* () {
      const began = performance.now()
      const stuck = yield* whyStuck(ticks, { limits: { realTime: "50 millis" } })
      expect(stuck).toMatchObject({ _tag: "LimitReached", limit: "real time" })
      expect(performance.now() - began).toBeGreaterThanOrEqual(49)
    }))

  it.live("of real time ends a wait at a pace", () =>
    Effect.gen(function* () {
      const stuck = yield* orHangs(whyStuck(Effect.sleep("1 hour"), { pace: 1, limits: { realTime: "50 millis" } }))
      expect(stuck).toMatchObject({ _tag: "LimitReached", limit: "real time" })
    }))

  it.live("of real time ends a wait for the world", () =>
    Effect.gen(function* () {
      const options = { deadlockAfter: "1 hour", limits: { realTime: "50 millis" } } as const
      expect(yield* orHangs(whyStuck(Effect.never, options))).toMatchObject({
        _tag: "LimitReached",
        limit: "real time",
      })
    }))

  it.live("of real time ends a hold", () =>
    Effect.gen(function* () {
      const held = VirtualTime.hold(Effect.never, { cap: "1 hour" })
      const stuck = yield* orHangs(whyStuck(held, { limits: { realTime: "50 millis" } }))
      expect(stuck).toMatchObject({ _tag: "LimitReached", limit: "real time" })
    }))

  it.live("ends a program that can't be interrupted all the same", () =>
    Effect.gen(function* () {
      let stop = false
      const program = Effect.gen(function* () {
        while (!stop) yield* Effect.sleep("1 second")
      })
      const stuck = yield* orHangs(whyStuck(Effect.uninterruptible(program), { limits: { events: 10 } }))
      stop = true
      expect(stuck).toMatchObject({ _tag: "LimitReached" })
    }))
})

describe("timers at the end", () => {
  const leaves = Effect.gen(function* () {
    yield* Effect.forkDetach(Effect.sleep("1 hour").pipe(Effect.withSpan("late")), { startImmediately: true })
    yield* Effect.sleep("1 second")
    return "over"
  })

  it.live("are allowed by default", () =>
    Effect.gen(function* () {
      expect(yield* run(leaves)).toBe("over")
    }))

  it.live("are an error that lists them, if they are to be", () =>
    Effect.gen(function* () {
      const stuck = yield* whyStuck(leaves, { timersAtEnd: "fail" })
      expect(stuck).toBeInstanceOf(VirtualTime.TimersPending)
      expect(stuck).toMatchObject({ fibers: [{ where: ["late"], asleepUntil: 3_600_000_000_000n }] })
      expect(stuck.message).toContain("in late, asleep until 3600000000000 ns")
    }))

  it.live("can be asked for meanwhile", () =>
    run(Effect.gen(function* () {
      const time = yield* VirtualTime.VirtualTime
      yield* Effect.forkChild(Effect.sleep("1 hour").pipe(Effect.withSpan("late")), { startImmediately: true })
      yield* Effect.sleep("1 second")
      expect(yield* time.sleeping).toMatchObject([{ where: ["late"], asleepUntil: 3_600_000_000_000n }])
      expect(yield* time.events).toBe(1)
    })))

  it.live("of children of the program are none: they end with it", () =>
    run(Effect.forkChild(Effect.sleep("1 hour"), { startImmediately: true }), { timersAtEnd: "fail" }))
})

/** What a program does that forks, queues, locks and races: who did what when. */
const busy = Effect.gen(function* () {
  const { entries, note } = journal()
  const queue = yield* Queue.bounded<string>(2)
  const lock = yield* Semaphore.make(2)
  const worker = (name: string) =>
    Effect.gen(function* () {
      yield* Effect.sleep(10)
      yield* Semaphore.withPermit(lock, Effect.andThen(note(`${name} in`), Effect.sleep(5)))
      yield* Queue.offer(queue, name)
      const winner = yield* Effect.raceFirst(Effect.as(Effect.sleep(7), "left"), Effect.as(Effect.sleep(7), "right"))
      yield* note(`${name} ${winner}`)
    })
  yield* Effect.forkChild(Effect.forever(Effect.flatMap(Queue.take(queue), (name) => note(`took ${name}`))))
  yield* Effect.forEach(["a", "b", "c", "d", "e"], worker, { concurrency: "unbounded" })
  const time = yield* VirtualTime.VirtualTime
  return { entries, decisions: yield* time.decisions }
})

describe("the order", () => {
  it.live("is first come, first served by default, and the same each time", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* run(busy), yield* run(busy)]
      expect(second).toEqual(first)
      expect(first.decisions).toEqual([])
      expect(first.entries.slice(0, 5)).toEqual([
        [10, "a in"],
        [10, "b in"],
        [15, "c in"],
        [15, "d in"],
        [15, "took a"],
      ])
    }))

  it.live("of 1,000 seeds is the same each time that one is run", () =>
    Effect.gen(function* () {
      const traces = new Set<string>()
      const show = (trace: unknown) =>
        JSON.stringify(trace, (_, value) => typeof value === "bigint" ? `${value}` : value)
      for (let seed = 0; seed < 1000; seed++) {
        const first = show(yield* run(busy, { seed }))
        expect(show(yield* run(busy, { seed })), `seed ${seed}`).toBe(first)
        traces.add(first)
      }
      expect(traces.size).toBeGreaterThan(900)
    }), 60_000)

  it.live("of a seed can be replayed from its decisions", () =>
    Effect.gen(function* () {
      const { entries, decisions } = yield* run(busy, { seed: 42 })
      const chosen = new Map(decisions.map(({ chosen }, index) => [index, chosen]))
      const again = yield* run(busy, { order: { _tag: "Replayed", chosen } })
      expect(again).toEqual({ entries, decisions })
    }))

  it.live("without choices is that of first come, first served", () =>
    Effect.gen(function* () {
      const replayed = yield* run(busy, { order: { _tag: "Replayed", chosen: new Map() } })
      expect(replayed.entries).toEqual((yield* run(busy)).entries)
      expect(replayed.decisions.length).toBeGreaterThan(0)
      expect(replayed.decisions.every(({ chosen, choices }) => chosen === 0 && choices > 1)).toBe(true)
    }))

  it.live("of a replay goes before a seed, and a choice that isn't there is the first", () =>
    Effect.gen(function* () {
      const order = { _tag: "Replayed", chosen: new Map([[0, 99]]) } as const
      expect((yield* run(busy, { order, seed: 1 })).entries).toEqual((yield* run(busy)).entries)
    }))

  it.live("shuffles what is due at the same time, never what is due at different ones", () =>
    Effect.gen(function* () {
      const orders = new Set<string>()
      for (let seed = 0; seed < 100; seed++) {
        const order: Array<number> = []
        const one = (i: number) => Effect.andThen(Effect.sleep(Math.floor(i / 3)), Effect.sync(() => order.push(i)))
        yield* run(Effect.forEach([3, 4, 5, 6, 7, 8], one, { concurrency: "unbounded" }), { seed })
        expect([...order.slice(0, 3)].sort()).toEqual([3, 4, 5])
        orders.add(order.join())
      }
      // Each of the 36 orders that there can be.
      expect(orders.size).toBeGreaterThan(30)
    }))
})

describe("a pace", () => {
  const elapsed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.gen(function* () {
      const from = performance.now()
      yield* effect
      return performance.now() - from
    })

  it.live("of 1 is real time", () =>
    Effect.gen(function* () {
      expect(yield* elapsed(run(Effect.sleep("40 millis"), { pace: 1 }))).toBeGreaterThanOrEqual(39)
    }))

  it.live("of 60 is a minute a second", () =>
    Effect.gen(function* () {
      expect(yield* elapsed(run(Effect.sleep("3 seconds"), { pace: 60 }))).toBeGreaterThanOrEqual(49)
    }))

  it.live("of a half is half as fast", () =>
    Effect.gen(function* () {
      expect(yield* elapsed(run(Effect.sleep("20 millis"), { pace: 0.5 }))).toBeGreaterThanOrEqual(39)
    }))

  it.live("can be changed while it runs: what waits for long is freed at once", () =>
    run(
      Effect.gen(function* () {
        const time = yield* VirtualTime.VirtualTime
        const fiber = yield* Effect.forkChild(Effect.sleep("1 day"), { startImmediately: true })
        yield* Effect.promise(() => realSleep(10))
        expect(fiber.pollUnsafe()).toBeUndefined()
        yield* time.setPace(undefined)
        yield* Fiber.join(fiber)
        expect(yield* now).toBe(86_400_000)
        yield* time.setPace(10)
        expect(yield* elapsed(Effect.sleep("400 millis"))).toBeGreaterThanOrEqual(39)
      }),
      { pace: 1 },
    ))

  it.live("doesn't change what happens", () =>
    Effect.gen(function* () {
      expect((yield* run(busy, { pace: 2 })).entries).toEqual((yield* run(busy)).entries)
    }))
})

describe("a pause", () => {
  /** A program that ticks each second, and what can be done to it from the outside. */
  const ticking = <A, E>(
    f: (time: VirtualTime.VirtualTime, ticks: ReadonlyArray<number>) => Effect.Effect<A, E>,
    options?: VirtualTime.Options,
  ) =>
    Effect.gen(function* () {
      const ticks: Array<number> = []
      const ready = yield* Deferred.make<VirtualTime.VirtualTime>()
      const program = Effect.gen(function* () {
        const time = yield* VirtualTime.VirtualTime
        yield* time.pause
        yield* Deferred.succeed(ready, time)
        for (let i = 0; i < 5; i++) {
          yield* Effect.sleep("1 second")
          ticks.push(yield* now)
        }
        return "over"
      })
      const fiber = yield* Effect.forkChild(run(program, options))
      const result = yield* f(yield* Deferred.await(ready), ticks)
      return [result, yield* Fiber.join(fiber)] as const
    })

  it.live("makes time stand still until it is resumed", () =>
    ticking((time, ticks) =>
      Effect.gen(function* () {
        yield* Effect.promise(() => realSleep(20))
        expect(ticks).toEqual([])
        yield* time.resume
      })
    ))

  it.live("lets time move step by step", () =>
    ticking((time, ticks) =>
      Effect.gen(function* () {
        yield* time.step
        expect(ticks).toEqual([1000])
        yield* Effect.promise(() => realSleep(5))
        expect(ticks).toEqual([1000])
        yield* time.step
        yield* time.step
        expect(ticks).toEqual([1000, 2000, 3000])
        yield* time.resume
      })
    ))

  it.live("is what a step makes of a program that runs", () =>
    ticking((time, ticks) =>
      Effect.gen(function* () {
        yield* time.setPace(1)
        yield* time.resume
        yield* time.pause
        expect(ticks).toEqual([])
        yield* time.setPace(undefined)
        yield* time.step
        expect(ticks).toEqual([1000])
        yield* Effect.promise(() => realSleep(10))
        expect(ticks).toEqual([1000])
        yield* time.resume
      })
    ))

  it.live("is no deadlock, however long it is", () =>
    ticking((time) => Effect.andThen(Effect.promise(() => realSleep(20)), time.resume), { deadlockAfter: 1 }))

  it.live("of a paced program costs no simulated time", () =>
    ticking((time, ticks) =>
      Effect.gen(function* () {
        yield* Effect.promise(() => realSleep(60))
        const from = performance.now()
        yield* time.resume
        while (ticks.length === 0) yield* Effect.promise(() => realSleep(1))
        expect(performance.now() - from).toBeGreaterThanOrEqual(49)
        yield* time.setPace(undefined)
      }), { pace: 20 }))

  it.live("can be stepped at any pace without waiting for real time", () =>
    Effect.gen(function* () {
      const stepped = ticking((time, ticks) =>
        Effect.gen(function* () {
          yield* time.step
          expect(ticks).toEqual([1000])
          yield* time.setPace(undefined)
          yield* time.resume
        }), { pace: 0.001 })
      expect(yield* orHangs(stepped)).not.toBe("hangs")
    }))

  it.live("can be stepped where nothing is due: then that ends at once, or is a deadlock", () =>
    Effect.gen(function* () {
      const never = yield* Deferred.make<VirtualTime.VirtualTime>()
      const fiber = yield* Effect.forkChild(run(
        Effect.gen(function* () {
          yield* Deferred.succeed(never, yield* VirtualTime.VirtualTime)
          yield* Effect.never
        }),
        { deadlockAfter: "50 millis" },
      ))
      const time = yield* Deferred.await(never)
      expect(yield* orHangs(Effect.raceFirst(time.step, Effect.ignore(Fiber.join(fiber))))).not.toBe("hangs")
      yield* Fiber.interrupt(fiber)
    }))
})

// A sentence that is in this file.
