/**
 * A bank with one counter, and customers of little patience: SimPy's "Bank Renege", written anew from its description.
 * Chance is another than Python's, and so is what happens.
 *
 * run: examples/bank-renege.ts
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Distribution, Guest, Process, Report, Resource, World } from "../src/simulation.ts"

const CUSTOMERS = 5

const bank = Guest.make(
  "bank",
  Effect.gen(function* () {
    const { random, now } = yield* Guest.Self
    const untilNext = Distribution.sampler(Distribution.exponential("10 minutes"), random.fork("arrivals"))
    const patience = Distribution.sampler(Distribution.uniform("1 minute", "3 minutes"), random.fork("patience"))
    const service = Distribution.sampler(Distribution.exponential("12 minutes"), random.fork("service"))
    const minutes = (nanos: bigint) => (Number(nanos) / 60e9).toFixed(3)
    const counter = yield* Resource.make("counter")

    const customer = (name: string) =>
      Effect.gen(function* () {
        const say = (text: string) => Console.log(`${minutes(now()).padStart(7)} ${name}: ${text}`)
        const arrived = now()
        yield* say("here I am")
        const served = Effect.gen(function* () {
          yield* say(`waited ${minutes(now() - arrived)}`)
          yield* Process.hold(service())
          yield* say("finished")
        })
        yield* counter.use(served, { patience: patience() }).pipe(
          Effect.catchTag("Reneged", ({ waited }) => say(`reneged after ${minutes(waited)}`)),
        )
      })

    for (let n = 0; n < CUSTOMERS; n++) {
      yield* Process.spawn(`customer ${n}`, customer(`customer ${n}`))
      yield* Process.hold(untilNext())
    }
  }),
)

const main = Effect.gen(function* () {
  const result = yield* World.run(World.make({ name: "bank", guests: [bank] }), { seed: 42 })
  yield* Console.log("")
  for (const line of Report.table(Report.make(result))) yield* Console.log(line)
})

await Effect.runPromise(main)
