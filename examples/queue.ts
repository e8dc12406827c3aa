/**
 * A queue with one server (M/M/1) for a simulated day: 20 customers a second, each of
 * whom takes 25 ms on average. Theory says that they wait for 25 ms.
 *
 * run: examples/queue.ts
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { GuestClock } from "../src/index.ts"
import { Distribution, Guest, Report, Statistics, World } from "../src/simulation.ts"

const shop = Guest.make(
  "shop",
  Effect.gen(function* () {
    const clock = yield* GuestClock.GuestClock
    const { random } = yield* Guest.Self
    const wait = yield* Statistics.histogram("wait")
    const queue = yield* Statistics.level("queue")
    const untilNext = Distribution.sampler(Distribution.exponential("50 millis"), random.fork("arrivals"))
    const service = Distribution.sampler(Distribution.exponential("25 millis"), random.fork("services"))

    /** When those arrived who wait: the first is at `next`. */
    let waiting: Array<bigint> = []
    let next = 0
    let busy = false
    const arrival = GuestClock.event("arrival", ({ now, addEvent }) => {
      addEvent(arrival, now + untilNext())
      if (busy) {
        waiting.push(now)
        queue.add(1)
      } else {
        busy = true
        wait.record(0n)
        addEvent(departure, now + service())
      }
    })
    const departure = GuestClock.event("departure", ({ now, addEvent }) => {
      const arrived = waiting[next]
      if (arrived === undefined) {
        busy = false
        waiting = []
        next = 0
      } else {
        next++
        queue.add(-1)
        wait.record(now - arrived)
        addEvent(departure, now + service())
      }
    })
    yield* clock.addEvent(arrival, untilNext())
    yield* Effect.sleep("1 day")

    const theory = 25_000_000
    const off = 100 * Math.abs(wait.mean - theory) / theory
    yield* Console.log(`mean wait ${Report.duration(wait.mean)}, ${off.toFixed(2)} % from theory\n`)
  }),
)

const main = Effect.gen(function* () {
  const result = yield* World.run(World.make({ name: "M/M/1", guests: [shop] }), { seed: 1 })
  for (const line of Report.table(Report.make(result))) yield* Console.log(line)
})

await Effect.runPromise(main)
