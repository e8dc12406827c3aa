/**
 * 1,000 nodes gossip: a node that hears a rumour for the first time tells it to three others,
 * picked at random, as soon as it has slept on it. How fast it spreads, and whom it misses.
 *
 * run: examples/gossip.ts
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Distribution, Guest, Link, World } from "../src/simulation.ts"

const NODES = 1000
const FANOUT = 3

const names = Array.from({ length: NODES }, (_, index) => `node ${index + 1}`)

const network = Link.make("network", {
  ends: names,
  message: Schema.String,
  latency: Distribution.logNormal("20 millis", 0.5),
  loss: 0.02,
})

const node = (name: string) =>
  Guest.make(
    name,
    Effect.gen(function* () {
      const { random, now } = yield* Guest.Self
      const port = yield* Link.open(network)
      const rumour = name === names[0] ? "the king is dead" : (yield* port.receive).message
      yield* Guest.note("heard", String(now()))
      yield* Effect.sleep("10 millis")
      for (let told = 0; told < FANOUT; told++) {
        const peer = random.pick(port.peers)
        yield* port.send(rumour, peer)
      }
    }),
    // Some never hear of it: nobody waits for them.
    { daemon: true },
  )

const clock = Guest.make("clock", Effect.sleep("2 seconds"))

const world = World.make({ name: "gossip", guests: [...names.map(node), clock], links: [network] })

const main = Effect.gen(function* () {
  const { journal } = yield* World.run(world, { seed: 1, journal: true })
  const heard = journal.flatMap((entry) => entry._tag === "Noted" ? [entry.time] : [])
  for (const share of [1, 10, 50, 90]) {
    const time = heard[Math.ceil(NODES * share / 100) - 1]
    yield* Console.log(`${String(share).padStart(3)} % have heard after ${time} ns`)
  }
  const sent = journal.filter(({ _tag }) => _tag === "Sent").length
  const lost = journal.filter((entry) => entry._tag === "Lost" && entry.why === "loss").length
  yield* Console.log(`${heard.length} of ${NODES} have heard; ${sent} messages were sent, and ${lost} got lost`)
})

await Effect.runPromise(main)
