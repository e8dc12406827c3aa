/**
 * A token ring: each station passes the token on, and sends what waits at it while it has the token.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Distribution, Guest, Link, Process, Statistics, Store, World } from "../../src/simulation.ts"

const Message = Schema.TaggedUnion({
  Token: { round: Schema.Int },
  Frame: { from: Schema.String, to: Schema.String, number: Schema.Int },
})

/** The world of a ring of so many stations, in which the token goes round so often. */
export const make = (stations: number, rounds: number): World.World => {
  const nameOf = (station: number): string => `station ${String((station + stations) % stations + 1).padStart(2, "0")}`
  const links = Array.from({ length: stations }, (_, station) =>
    Link.make(`cable ${station + 1}`, {
      ends: [nameOf(station), nameOf(station + 1)],
      message: Message,
      latency: "5 micros",
      bandwidth: 16_000_000,
      size: (message) => message._tag === "Token" ? 3 : 500,
    }))

  const guests = Array.from({ length: stations }, (_, station) => {
    const name = nameOf(station)
    const inward = links[(station + stations - 1) % stations]!
    const outward = links[station]!
    return Guest.make(
      name,
      Effect.gen(function* () {
        const [from, to] = [yield* Link.open(inward), yield* Link.open(outward)]
        const waiting = yield* Store.make<{ readonly to: string; readonly number: number }>("frames")
        const { random } = yield* Guest.Self
        const sent = yield* Statistics.counter("frames sent")
        const next = nameOf(station + 1)
        const arrivals = Distribution.sampler(Distribution.exponential("2 millis"), random)
        yield* Process.spawn(
          "traffic",
          Effect.gen(function* () {
            for (let number = 0;; number++) {
              yield* Process.hold(arrivals())
              const other = (station + 1 + Math.floor(random.number() * (stations - 1))) % stations
              yield* waiting.put({ to: nameOf(other), number })
            }
          }),
          { daemon: true },
        )
        if (station === 0) yield* to.send({ _tag: "Token", round: 1 }, next)
        while (true) {
          const { message } = yield* from.receive
          if (message._tag === "Frame") {
            // The sender takes it off the ring.
            if (message.from !== name) yield* to.send(message, next)
            continue
          }
          if (waiting.size() > 0) {
            const frame = yield* waiting.get()
            sent.add()
            yield* to.send({ _tag: "Frame", from: name, ...frame }, next)
          }
          if (station === 0 && message.round === rounds) return yield* Guest.stop("all rounds are over")
          yield* to.send({ _tag: "Token", round: message.round + (station === 0 ? 1 : 0) }, next)
        }
      }),
      { daemon: station > 0 },
    )
  })
  return World.make({ name: "a token ring", guests, links })
}

/** A ring with the usual settings, to look at. */
export const world: World.World = make(40, 3)
