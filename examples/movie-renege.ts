/**
 * A theatre with one counter and tickets for three movies: when one is sold out, all who wait for it leave. SimPy's "Movie
 * Renege", written anew from its description. Chance is another than Python's, and so is when that happens.
 *
 * run: examples/movie-renege.ts
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { Condition, Container, Distribution, Guest, Process, Resource, World } from "../src/simulation.ts"

const TICKETS = 50

/** What is shown, how many tickets are left, and a process that ends when there are none. */
interface Movie {
  readonly name: string
  tickets: number
  reneged: number
  soldOutAt: bigint | undefined
  readonly last: Container.Container
  readonly soldOut: Process.Process
}

const theatre = Guest.make(
  "theatre",
  Effect.gen(function* () {
    const { random, now } = yield* Guest.Self
    const untilNext = Distribution.sampler(Distribution.exponential("30 seconds"), random.fork("arrivals"))
    const counter = yield* Resource.make("counter")
    const movies: Array<Movie> = []
    for (const name of ["Python Unchained", "Kill Process", "Pulp Implementation"]) {
      const last = yield* Container.make(`last of ${name}`)
      const soldOut = yield* Process.spawn(
        `${name} is sold out`,
        Process.light(function* () {
          yield* last.get(1)
        }),
      )
      movies.push({ name, tickets: TICKETS, reneged: 0, soldOutAt: undefined, last, soldOut })
    }

    const customer = (movie: Movie, tickets: number) =>
      Process.light(function* () {
        const turn = yield* Condition.any({ counter: counter.request(), soldOut: movie.soldOut.join })
        // A moviegoer who isn't at the counter when the tickets are gone has come in vain.
        if (turn.key === "soldOut") return void movie.reneged++
        if (movie.tickets < tickets) return yield* Process.hold("30 seconds")
        movie.tickets -= tickets
        if (movie.tickets < 2) {
          movie.soldOutAt = now()
          movie.tickets = 0
          yield* movie.last.put(1)
        }
        yield* Process.hold("1 minute")
      })

    for (;;) {
      yield* Process.hold(untilNext())
      const movie = random.pick(movies)!
      const tickets = 1 + Number(random.below(6n))
      if (movie.tickets > 0) yield* Process.spawn("customer", customer(movie, tickets))
      if (movies.every(({ tickets }) => tickets === 0) && counter.waiting() === 0) break
    }
    for (const { name, soldOutAt, reneged } of movies) {
      const minutes = (Number(soldOutAt!) / 60e9).toFixed(1)
      console.log(`${name}: sold out after ${minutes} minutes, and ${reneged} who waited left`)
    }
  }),
)

await Effect.runPromise(World.run(World.make({ guests: [theatre] }), { seed: 42 }))
