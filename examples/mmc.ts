/**
 * A bank with one, two and three tellers (M/M/c), at two loads, twenty replications each: the mean wait with its
 * 95 % interval, beside that of Erlang's formula (C), and how many of the intervals hold it. `guest-clock experiment
 * examples/mmc.ts --workers all --plot mmc.svg --y "teller wait"` runs the same on all cores, and draws it.
 *
 * run: examples/mmc.ts
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Distribution, Experiment, Guest, Process, Report, Resource, World } from "../src/simulation.ts"

const bank = (tellers: number, load: number) =>
  Guest.make(
    "bank",
    Effect.gen(function* () {
      const { random } = yield* Guest.Self
      const teller = yield* Resource.make("teller", { capacity: tellers })
      // Each takes a minute on average: so many come in a minute that each teller is busy for this share of the time.
      const between = Distribution.sampler(Distribution.exponential(60_000 / (tellers * load)), random.fork("arrivals"))
      const service = Distribution.sampler(Distribution.exponential("1 minute"), random.fork("services"))
      for (let customer = 0;; customer++) {
        yield* Process.hold(between())
        yield* Process.spawn(`customer ${customer}`, teller.use(Process.hold(service())))
      }
    }),
  )

export const experiment = Experiment.make({
  name: "M/M/c",
  world: ({ load, tellers }) => World.make({ guests: [bank(tellers, load)] }),
  over: { load: [0.5, 0.8], tellers: [1, 2, 3] },
  seeds: 20,
  warmUp: "1 hour",
  until: "12 hours",
  module: import.meta.url,
})

/** The mean wait by Erlang C, in ns. */
const erlangC = (tellers: number, load: number): number => {
  const offered = tellers * load
  let [term, sum] = [1, 0]
  for (let k = 0; k < tellers; k++) {
    sum += term
    term *= offered / (k + 1)
  }
  const waiting = term / (1 - load)
  return waiting / (sum + waiting) / (tellers * (1 - load)) * 60e9
}

const main = Effect.gen(function* () {
  const results = yield* Experiment.run(experiment)
  let covered = 0
  yield* Console.log("load  tellers  mean wait             Erlang C")
  for (const { parameters: { load, tellers }, measures } of results.points) {
    const { mean, half } = measures.find(({ name, statistic }) => name === "teller wait" && statistic === "mean")!
    const theory = erlangC(tellers, load)
    const holds = Math.abs(mean - theory) <= half!
    if (holds) covered++
    const found = `${Report.duration(mean)} ± ${Report.duration(half!)}`
    yield* Console.log(
      `${load.toFixed(1)}   ${tellers}        ${found.padEnd(20)}  ${Report.duration(theory)}${
        holds ? "" : "  outside"
      }`,
    )
  }
  yield* Console.log(`${covered} of ${results.points.length} intervals hold what Erlang C says`)
})

// Workers import this module for the experiment alone.
if (import.meta.main) await Effect.runPromise(main)
