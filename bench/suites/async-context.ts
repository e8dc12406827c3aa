import type * as Effect from "effect/Effect"
import * as AsyncHooks from "node:async_hooks"
import process from "node:process"
import { AHEAD, numbers, sized } from "../numbers.ts"
import type { Suite } from "../suite.ts"

// Effect is imported only when it is measured: without async contexts it must find none when it is loaded.

const FIBERS = 100
const SLEEPS = sized(200_000)
const ROUNDS = 3

type Run = (program: Effect.Effect<void>) => Effect.Effect<unknown, unknown>

const onVirtualTime = async (): Promise<Run> => {
  const Effect = await import("effect/Effect")
  const { Mode, VirtualTime } = await import("../../src/index.ts")
  return (program) => Effect.provide(VirtualTime.run(program), Mode.infCpu({ start: 0n }))
}

const onBareHeap = async (): Promise<Run> => (await import("../bareHeap.ts")).run

/** ns a sleep of the second-best of some rounds, after one that doesn't count. */
const sleeping = async (on: () => Promise<Run>): Promise<number> => {
  const Effect = await import("effect/Effect")
  const run = await on()
  const took: Array<number> = []
  for (let round = 0; round <= ROUNDS; round++) {
    const next = numbers(AHEAD)
    let slept = 0
    const fiber = Effect.gen(function* () {
      while (slept++ < SLEEPS) yield* Effect.sleep(next() / 1e6)
    })
    const program = Effect.all(Array.from({ length: FIBERS }, () => fiber), { concurrency: "unbounded", discard: true })
    const before = performance.now()
    await Effect.runPromise(run(program))
    if (round > 0) took.push((performance.now() - before) / SLEEPS * 1e6)
  }
  return took.sort((a, b) => a - b)[1] ?? NaN
}

const withoutContexts = (on: () => Promise<Run>): Promise<number> => {
  const { getBuiltinModule } = process as { getBuiltinModule: (name: string) => object | undefined }
  Object.assign(process, {
    getBuiltinModule: (name: string) => name === "node:async_hooks" ? undefined : getBuiltinModule.call(process, name),
  })
  return sleeping(on)
}

/** What Effect does with an async context each time that a fiber waits. */
const alone = (): Promise<number> => {
  const times = sized(1_000_000)
  const nothing = () => {}
  let took = 0
  for (let round = 0; round <= 1; round++) {
    const before = performance.now()
    for (let i = 0; i < times; i++) {
      const resource = new AsyncHooks.AsyncResource("effect/Fiber")
      resource.runInAsyncScope(nothing)
      resource.emitDestroy()
    }
    took = (performance.now() - before) / times * 1e6
  }
  return Promise.resolve(took)
}

const suite: Suite = {
  about: "What a fiber's async context costs, 100 fibers",
  unit: "ns/sleep",
  more: false,
  apart: true,
  warmUps: 0,
  cases: [
    { name: "a bare heap", measure: () => sleeping(onBareHeap) },
    { name: "a bare heap, fibers without async contexts", measure: () => withoutContexts(onBareHeap) },
    { name: "VirtualTime", measure: () => sleeping(onVirtualTime) },
    { name: "VirtualTime, fibers without async contexts", measure: () => withoutContexts(onVirtualTime) },
    { name: "an async context made, entered, destroyed", measure: alone },
  ],
}

export default suite
