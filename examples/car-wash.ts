/**
 * A car wash with two machines, and cars that come all the time: SimPy's "Carwash", written anew from its description.
 * Chance is another than Python's, and so are the times.
 *
 * run: examples/car-wash.ts
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { Guest, Process, Resource, World } from "../src/simulation.ts"

const [MACHINES, WASH_MINUTES, FIRST_CARS, EVERY_MINUTES] = [2, 5, 4, 7]

const carWash = Guest.make(
  "car wash",
  Effect.gen(function* () {
    const { random, now } = yield* Guest.Self
    const say = (text: string) => console.log(`${String(now() / 60_000_000_000n).padStart(2)} min: ${text}`)
    const machines = yield* Resource.make("machines", { capacity: MACHINES })

    const car = (name: string) =>
      Process.light(function* () {
        say(`${name} arrives`)
        const washed = Process.light(function* () {
          say(`${name} enters`)
          yield* Process.hold(`${WASH_MINUTES} minutes`)
          say(`${name} leaves, with ${50 + Number(random.below(50n))} % of its dirt gone`)
        })
        yield* machines.use(washed)
      })

    let cars = 0
    while (cars < FIRST_CARS) yield* Process.spawn(`car ${cars}`, car(`car ${cars++}`))
    for (;;) {
      yield* Process.hold(`${EVERY_MINUTES - 2 + Number(random.below(5n))} minutes`)
      yield* Process.spawn(`car ${cars}`, car(`car ${cars++}`))
    }
  }),
)

await Effect.runPromise(World.run(World.make({ guests: [carWash] }), { seed: 42, until: "20 minutes" }))
