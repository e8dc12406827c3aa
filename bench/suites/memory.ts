import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import process from "node:process"
import { Mode, VirtualTime } from "../../src/index.ts"
import type { Suite } from "../suite.ts"

const FIBERS = 50_000

const { Bun, gc } = globalThis as {
  readonly Bun?: { readonly gc: (wait: boolean) => void }
  readonly gc?: () => void
}

const collect = () => {
  // What a finalizer lets go of takes another time.
  for (let times = 0; times < 5; times++) Bun === undefined ? gc?.() : Bun.gc(true)
}

const usedBytes = (): number => {
  collect()
  // Bun's timers are outside of its heap, so there the whole process is what counts.
  const { heapUsed, external, rss } = process.memoryUsage()
  return Bun === undefined ? heapUsed + external : rss
}

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
