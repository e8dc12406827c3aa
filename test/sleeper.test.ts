import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { AsyncLocalStorage } from "node:async_hooks"
import * as Guest from "../src/core/Guest.ts"
import * as GuestClock from "../src/GuestClock.ts"
import * as Mode from "../src/Mode.ts"
import * as Suspension from "../src/internal/platform/Suspension.ts"
import type { Simulated } from "../src/internal/testing/Explore.ts"
import { Sleeper, type Waker } from "../src/internal/virtual/Sleeper.ts"
import * as VirtualTime from "../src/VirtualTime.ts"

const run = <A, E>(program: Effect.Effect<A, E, Simulated>) =>
  Effect.provide(VirtualTime.run(program), Mode.infCpu({ start: 0n }))

const now = Clock.monotonicTimeNanos
const nanos = (count: number) => Effect.sleep(Duration.nanos(BigInt(count)))

const pending = Effect.map(
  Effect.flatMap(GuestClock.GuestClock, (clock) => clock.snapshot),
  (guest) => Guest.pending(guest).map(({ time }) => time),
)

/** A waker that keeps what sleeps until it is woken by hand. */
const byHand = () => {
  const asleep = new Set<Sleeper>()
  const waker: Waker = {
    fallAsleep: (sleeper) => void asleep.add(sleeper as Sleeper),
    takeBack: (sleeper) => void asleep.delete(sleeper as Sleeper),
    onDue: () => {},
  }
  const wakeAll = () => {
    for (const sleeper of [...asleep]) {
      asleep.delete(sleeper)
      sleeper.wake()
    }
  }
  return { asleep, waker, wakeAll }
}

/** Fibers as they are, and as those would be that have nothing but what their type says. */
const kinds = [
  ["a fiber that can be suspended by hand", (fiber: Fiber.Fiber<unknown, unknown>) => fiber],
  [
    "a fiber that Effect alone can suspend",
    (fiber: Fiber.Fiber<unknown, unknown>) => Object.create(fiber, { yieldWith: { value: undefined } }) as typeof fiber,
  ],
] as const

describe.each(kinds)("%s", (_, seen) => {
  const sleepBy = (waker: Waker) => Effect.withFiber((fiber) => Sleeper.suspend(waker, seen(fiber), 1n, true))

  it.live("sleeps until it is woken, again and again", () =>
    Effect.gen(function* () {
      const { asleep, waker, wakeAll } = byHand()
      let woken = 0
      const sleep = Effect.andThen(sleepBy(waker), Effect.sync(() => woken++))
      const loop = Effect.andThen(Effect.andThen(sleep, sleep), Effect.andThen(sleep, sleep))
      const fiber = yield* Effect.forkChild(loop, { startImmediately: true })
      for (let times = 0; times < 3; times++) {
        expect([woken, asleep.size]).toEqual([times, 1])
        wakeAll()
      }
      yield* Fiber.interrupt(fiber)
      expect([woken, asleep.size]).toEqual([3, 0])
    }))

  it.live("is taken back when it is interrupted, and waking it then does nothing", () =>
    Effect.gen(function* () {
      const { asleep, waker } = byHand()
      let ended = 0
      const sleeping = Effect.ensuring(sleepBy(waker), Effect.sync(() => ended++))
      const fiber = yield* Effect.forkChild(sleeping, { startImmediately: true })
      const [sleeper] = asleep
      yield* Fiber.interrupt(fiber)
      expect(asleep.size).toBe(0)
      sleeper!.wake()
      expect(Exit.hasInterrupts(yield* Fiber.await(fiber))).toBe(true)
      expect(ended).toBe(1)
    }))

  it.live("sleeps on when it is interrupted where it can't be", () =>
    Effect.gen(function* () {
      const { asleep, waker, wakeAll } = byHand()
      let woken = false
      const sleeping = Effect.uninterruptible(Effect.andThen(sleepBy(waker), Effect.sync(() => woken = true)))
      const fiber = yield* Effect.forkChild(sleeping, { startImmediately: true })
      fiber.interruptUnsafe()
      expect([woken, asleep.size]).toEqual([false, 1])
      wakeAll()
      yield* Fiber.await(fiber)
      expect(woken).toBe(true)
    }))

  it.live("doesn't fall asleep if it was interrupted on the way", () =>
    Effect.gen(function* () {
      const { asleep, waker } = byHand()
      const sleeping = Effect.withFiber((fiber) => {
        fiber.interruptUnsafe()
        return sleepBy(waker)
      })
      const fiber = yield* Effect.forkChild(sleeping, { startImmediately: true })
      expect(Exit.hasInterrupts(yield* Fiber.await(fiber))).toBe(true)
      expect(asleep.size).toBe(0)
    }))
})

describe("what waits for a callback by hand", () => {
  /** How often it was taken back, and what ends it. */
  const waiting = () => {
    const seen = { takenBack: 0, resume: (_: Effect.Effect<string, string>): void => {} }
    const effect = Suspension.callback<string, string>((resume) => {
      seen.resume = resume
      return () => seen.takenBack++
    })
    return { seen, effect }
  }

  it.live("goes on with what it is given first, and isn't taken back", () =>
    Effect.gen(function* () {
      const { seen, effect } = waiting()
      const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
      seen.resume(Effect.andThen(Effect.yieldNow, Effect.succeed("one")))
      seen.resume(Effect.succeed("other"))
      expect(yield* Fiber.join(fiber)).toBe("one")
      expect(seen.takenBack).toBe(0)
    }))

  it.live("fails with what it is given", () =>
    Effect.gen(function* () {
      const { seen, effect } = waiting()
      const fiber = yield* Effect.forkChild(Effect.flip(effect), { startImmediately: true })
      seen.resume(Effect.fail("why"))
      expect(yield* Fiber.join(fiber)).toBe("why")
    }))

  it.live("doesn't stand still if it is told at once", () =>
    Effect.gen(function* () {
      let takenBack = 0
      const atOnce = Suspension.callback<string>((resume) => {
        resume(Effect.succeed("at once"))
        return () => takenBack++
      })
      expect(Effect.runSync(atOnce)).toBe("at once")
      expect(takenBack).toBe(0)
    }))

  it.live("is taken back once when it is interrupted, before anything else happens", () =>
    Effect.gen(function* () {
      const { seen, effect } = waiting()
      const before: Array<number> = []
      const watched = Effect.onInterrupt(effect, () => Effect.sync(() => before.push(seen.takenBack)))
      const fiber = yield* Effect.forkChild(watched, { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      seen.resume(Effect.succeed("late"))
      expect(Exit.hasInterrupts(yield* Fiber.await(fiber))).toBe(true)
      expect([seen.takenBack, before]).toEqual([1, [1]])
    }))

  it.live("dies of what the callback throws", () =>
    Effect.gen(function* () {
      const broken = Suspension.callback<never>(() => {
        throw new Error("broken")
      })
      expect(Exit.hasDies(yield* Effect.exit(broken))).toBe(true)
    }))
})

describe("a fiber's sleeper", () => {
  it.live("is the same for each of its sleeps, but for those of another clock", () =>
    Effect.gen(function* () {
      const [one, other] = [byHand(), byHand()]
      const seen: Array<Sleeper> = []
      const sleeps = Effect.forEach([one, one, other, one], ({ waker }) =>
        Effect.withFiber((fiber) => Sleeper.suspend(waker, fiber, 1n, true)))
      const fiber = yield* Effect.forkChild(sleeps, { startImmediately: true })
      for (const { asleep, wakeAll } of [one, one, other, one]) {
        seen.push(...asleep)
        wakeAll()
      }
      yield* Fiber.join(fiber)
      expect(seen.length).toBe(4)
      expect(seen[1]).toBe(seen[0])
      expect(seen[2]).not.toBe(seen[0])
    }))

  it.live("that was due when its fiber was interrupted doesn't wake the next sleep before its time", () =>
    run(Effect.gen(function* () {
      const woken: Array<bigint> = []
      const victim = yield* Effect.forkChild(
        Effect.onInterrupt(nanos(10), () => Effect.andThen(nanos(5), Effect.map(now, (time) => woken.push(time)))),
        { startImmediately: false },
      )
      // Due at the same time, and first: the victim is in the run queue when it is interrupted.
      yield* nanos(10)
      yield* Fiber.interrupt(victim)
      expect(woken).toEqual([15n])
      expect(yield* now).toBe(15n)
      expect(yield* pending).toEqual([])
    })))

  it.live("is no other fiber's, though all of them run the same effect", () =>
    run(Effect.gen(function* () {
      const woken: Array<bigint> = []
      const sleep = yield* Clock.clockWith((clock) => Effect.succeed(clock.sleep(Duration.nanos(7n))))
      const later = Effect.andThen(nanos(2), sleep)
      yield* Effect.forEach([sleep, later, sleep], (each) =>
        Effect.andThen(each, Effect.map(now, (at) => woken.push(at))), {
        concurrency: "unbounded",
      })
      expect(woken).toEqual([7n, 7n, 9n])
    })))

  it.live("of one time within another wakes each by its own", () =>
    run(Effect.gen(function* () {
      yield* nanos(3)
      const inner = yield* Effect.scoped(run(Effect.andThen(nanos(100), now)))
      yield* nanos(4)
      expect([inner, yield* now]).toEqual([100n, 7n])
    })))
})

describe("what AsyncLocalStorage holds", () => {
  const storage = new AsyncLocalStorage<string>()
  const held = Effect.sync(() => storage.getStore())

  it.live("is each fiber's own, however often it sleeps, ends, or is interrupted", () =>
    run(Effect.gen(function* () {
      const seen: Array<unknown> = []
      const look = Effect.map(held, (value) => seen.push(value))
      const fiber = (name: string, each: number) =>
        Effect.withFiber((parent) =>
          Effect.succeed(storage.run(name, () =>
            Effect.runForkWith(parent.context)(
              Effect.onInterrupt(
                Effect.gen(function* () {
                  for (let times = 0; times < 3; times++) {
                    yield* nanos(each)
                    yield* look
                  }
                  yield* Effect.never
                }),
                () => Effect.andThen(nanos(1), look),
              ),
            )))
        )
      const fibers = [yield* fiber("one", 10), yield* fiber("other", 11)]
      yield* nanos(1000)
      expect(seen).toEqual(["one", "other", "one", "other", "one", "other"])
      yield* Fiber.interruptAll(fibers)
      expect(seen.slice(6)).toEqual(["one", "other"])
      expect(yield* held).toBe(undefined)
    })))

  it.live("is what was entered last, sleeps later, and nobody else's", () =>
    run(Effect.gen(function* () {
      const seen: Array<unknown> = []
      const entering = Effect.gen(function* () {
        yield* nanos(10)
        storage.enterWith("entered")
        yield* nanos(10)
        seen.push(yield* held)
        storage.enterWith("entered again")
        yield* Effect.yieldNow
        yield* nanos(10)
        seen.push(yield* held)
      })
      const other = Effect.andThen(Effect.andThen(nanos(15), nanos(20)), Effect.map(held, (value) => seen.push(value)))
      yield* Effect.all([entering, other], { concurrency: "unbounded" })
      expect(seen).toEqual(["entered", "entered again", undefined])
    })))
})
