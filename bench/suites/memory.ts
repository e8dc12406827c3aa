import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Mode, VirtualTime } from "../../src/index.ts"
import { sized } from "../numbers.ts"
import type { Suite } from "../suite.ts"
import { usedBytes } from "../usedBytes.ts"

const FIBERS = sized(50_000)

/** The bytes of each fiber that sleeps for an hour. */
const program = Effect.gen(function* () {
  const before = usedBytes()
  const fibers: Array<Fiber.Fiber<void>> = []
  for (let i = 0; i < FIBERS; i++) fibers.push(yield* Effect.forkChild(Effect.sleep(3_600_000 + i)))
  // They all have begun when a later one has slept.
  yield* Effect.sleep("10 millis")
  const bytes = usedBytes() - before
  yield* Fiber.interruptAll(fibers)
  return bytes / FIBERS
})

const suite: Suite = {
  about: "Memory of a fiber that sleeps",
  unit: "bytes",
  more: false,
  apart: true,
  warmUps: 0,
  cases: [
    { name: "the live clock", measure: () => Effect.runPromise(program) },
    {
      name: "VirtualTime",
      measure: () => Effect.runPromise(Effect.provide(VirtualTime.run(program), Mode.infCpu({ start: 0n }))),
    },
  ],
}

export default suite
