/**
 * A gas station with two pumps and one tank, and a truck that is called when little is left in it: SimPy's "Gas Station
 * Refueling", written anew from its description. Chance is another than Python's, and so are the cars.
 *
 * run: examples/gas-station.ts
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Container, Distribution, Guest, Process, Report, Resource, World } from "../src/simulation.ts"

/** In litres. */
const [STATION, CAR] = [200, 50]
/** Below this share the truck is called. */
const LOW = 0.25
/** Litres a second. */
const SPEED = 2

const station = Guest.make(
  "station",
  Effect.gen(function* () {
    const { random, now } = yield* Guest.Self
    const untilNext = Distribution.sampler(Distribution.uniform("30 seconds", "300 seconds"), random.fork("cars"))
    const say = (text: string) => Console.log(`${(Number(now()) / 1e9).toFixed(1).padStart(6)} s: ${text}`)
    const pumps = yield* Resource.make("pumps", { capacity: 2 })
    const tank = yield* Container.make("tank", { capacity: STATION, initial: STATION })

    const car = (name: string) =>
      Effect.gen(function* () {
        const litres = CAR - 5 - Number(random.below(21n))
        yield* say(`${name} arrives`)
        const fuelling = Effect.andThen(tank.get(litres), Process.hold(`${litres / SPEED} seconds`))
        const began = now()
        yield* pumps.use(fuelling)
        yield* say(`${name} has got ${litres} l in ${(Number(now() - began) / 1e9).toFixed(1)} s`)
      })

    const truck = Effect.gen(function* () {
      yield* Process.hold("300 seconds")
      const litres = STATION - tank.level()
      yield* tank.put(litres)
      yield* say(`the truck has brought ${litres} l`)
    })

    const watching = Effect.gen(function* () {
      if (tank.level() < LOW * STATION) {
        yield* say("the truck is called")
        const called = yield* Process.spawn("truck", truck)
        yield* called.join
      }
      yield* Process.hold("10 seconds")
    })

    yield* Process.spawn("control", Effect.forever(watching))
    for (let n = 0;; n++) {
      yield* Process.hold(untilNext())
      yield* Process.spawn(`car ${n}`, car(`car ${n}`))
    }
  }),
)

const main = Effect.gen(function* () {
  const world = World.make({ name: "gas station", guests: [station] })
  const result = yield* World.run(world, { seed: 42, until: "1000 seconds" })
  yield* Console.log("")
  for (const line of Report.table(Report.make(result))) yield* Console.log(line)
})

await Effect.runPromise(main)
