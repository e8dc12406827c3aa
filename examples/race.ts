/**
 * A race that one order in fifty shows, found by `explore`: fifty workers wake at
 * the same instant, and the pool is closed by whoever comes first, if that is the
 * last one to have gone to sleep.
 *
 * run: examples/race.ts
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import { Mode, VirtualTime } from "../src/index.ts"
import { Explore } from "../src/testing.ts"

const WORKERS = 50

const program = Effect.gen(function* () {
  const open = yield* Ref.make(true)
  const begun = yield* Ref.make(0)
  const worker = (id: number) =>
    Effect.gen(function* () {
      yield* Effect.sleep("1 second")
      // The bug: the last worker takes it for granted that all others have begun.
      if (id === WORKERS - 1 && (yield* Ref.get(begun)) === 0) yield* Ref.set(open, false)
      yield* Ref.update(begun, (n) => n + 1)
      if (!(yield* Ref.get(open))) return yield* Effect.fail(`worker ${id} found the pool closed`)
    })
  yield* Effect.forEach(Array.from({ length: WORKERS }, (_, id) => id), worker, { concurrency: "unbounded" })
})

await Effect.runPromise(Effect.provide(VirtualTime.run(program), Mode.infCpu({ start: 0n })))
console.log("first come, first served: nobody finds the pool closed")

const report = (failure: Explore.Failure) =>
  Effect.sync(() => {
    console.log(`explored seeds 0 to ${failure.seed}`)
    console.log(failure.message.split("\n").slice(0, 4).join("\n"))
  })
await Effect.runPromise(Effect.catchTag(Explore.explore(program, { seeds: 500 }), "ExploreFailure", report))
