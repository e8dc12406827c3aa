/**
 * Experiments that the tests run, also in workers and on other machines.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { Distribution, Experiment, Guest, Process, Statistics, World } from "../../src/simulation.ts"

/** A queue with one server, by Lindley's recursion: so many arrivals a second, and 50 ms of service on average. */
const queue = (lambda: number) =>
  Guest.make(
    "shop",
    Effect.gen(function* () {
      const { random } = yield* Guest.Self
      const wait = yield* Statistics.histogram("wait")
      const long = yield* Statistics.tally("share of long waits")
      const served = yield* Statistics.counter("served")
      const between = Distribution.sampler(Distribution.exponential(1000 / lambda), random.fork("arrivals"))
      const service = Distribution.sampler(Distribution.exponential("50 millis"), random.fork("services"))
      let left = 0n
      while (true) {
        const gap = between()
        yield* Process.hold(gap)
        left = left > gap ? left - gap : 0n
        wait.record(left)
        long.record(left > 100_000_000n ? 1 : 0)
        served.add()
        left += service()
      }
    }),
  )

/** Over the rate of arrivals. */
export const experiment = Experiment.make({
  name: "queue",
  world: ({ lambda }) => World.make({ guests: [queue(lambda)] }),
  over: { lambda: [5, 10] },
  seeds: 6,
  warmUp: "5 seconds",
  until: "60 seconds",
  module: import.meta.url,
})

/** Fails at one point. */
export const failing = Experiment.make({
  world: ({ at }) => World.make({ guests: [Guest.make("one", at === 2 ? Effect.fail("no luck") : Effect.void)] }),
  over: { at: [1, 2] },
  seeds: 2,
  module: import.meta.url,
  export: "failing",
})

/** Takes long enough to be interrupted. */
export const long = Experiment.make({
  name: "long",
  world: ({ lambda }) => World.make({ guests: [queue(lambda)] }),
  over: { lambda: [5, 10] },
  seeds: 30,
  until: "20 minutes",
  module: import.meta.url,
  export: "long",
})

/** For three runners. */
export const clustered = Experiment.make({
  name: "clustered",
  world: ({ lambda }) => World.make({ guests: [queue(lambda)] }),
  over: { lambda: [5, 10] },
  seeds: 40,
  warmUp: "5 seconds",
  until: "10 minutes",
  module: import.meta.url,
  export: "clustered",
})
