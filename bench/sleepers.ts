/**
 * Fibers that sleep at random, on each of the clocks that are compared.
 *
 * @module
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { Mode, VirtualTime } from "../src/index.ts"
import * as BareHeap from "./bareHeap.ts"
import { AHEAD, numbers, sized } from "./numbers.ts"
import * as Peers from "./peers.ts"
import { type Case, millionsPerSecond, type Suite } from "./suite.ts"

/** `fibers` of them, which sleep up to a second in whole ns, and again, until all have slept `sleeps` times. */
const program = (fibers: number, sleeps: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const next = numbers(AHEAD)
    let slept = 0
    const fiber = Effect.gen(function* () {
      while (slept++ < sleeps) yield* Effect.sleep(Duration.nanos(BigInt(next())))
    })
    return Effect.all(Array.from({ length: fibers }, () => fiber), { concurrency: "unbounded", discard: true })
  })

const onTestClock = (sleepers: Effect.Effect<void>, drive: (fiber: Fiber.Fiber<void>) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(sleepers)
    yield* drive(fiber)
    yield* Fiber.join(fiber)
  }).pipe(Effect.provide(TestClock.layer()))

const inOne = () => TestClock.adjust("1000 hours")

const inSteps = (fiber: Fiber.Fiber<void>) =>
  Effect.whileLoop({
    while: () => fiber.pollUnsafe() === undefined,
    body: () => TestClock.adjust("1 milli"),
    step: () => {},
  })

const TEST_CLOCK = "TestClock, one adjust"
const SIMPY = "SimPy's processes"

/**
 * So many fibers sleep: their sleeps a second, over `many` of them, or over `fewer` where they
 * are slow. Many, as the fibers have to begin as well, and be compiled.
 */
export const suite = (most: number, many: number, fewer: number): Suite => {
  const fibers = sized(most)
  const on = (
    name: string,
    times: number,
    run: (program: Effect.Effect<void>) => Effect.Effect<void, unknown>,
  ): Case => {
    const sleeps = sized(times)
    return { name, measure: () => millionsPerSecond(sleeps, () => Effect.runPromise(run(program(fibers, sleeps)))) }
  }
  return {
    about: `${fibers} fibers that sleep at random`,
    unit: "M sleeps/s",
    more: true,
    cases: [
      on(TEST_CLOCK, fewer, (program) => onTestClock(program, inOne)),
      on("TestClock, 1 ms steps", fewer, (program) => onTestClock(program, inSteps)),
      on("a bare heap", many, BareHeap.run),
      Peers.of(SIMPY, Peers.simPy("hold.py"), fibers, sized(many)),
      {
        ...on("VirtualTime", many, (program) => Effect.provide(VirtualTime.run(program), Mode.infCpu({ start: 0n }))),
        against: [TEST_CLOCK, SIMPY],
      },
    ],
  }
}
