/**
 * A cable on which each message takes ten seconds: SimPy's "Event Latency", written anew from its description. There, a
 * class for cables takes half of the program; here a link is one.
 *
 * run: examples/latency-cable.ts
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Guest, Link, Process, World } from "../src/simulation.ts"

const cable = Link.make("cable", { ends: ["sender", "receiver"], message: Schema.String, latency: "10 seconds" })

const sender = Guest.make(
  "sender",
  Effect.gen(function* () {
    const { now } = yield* Guest.Self
    const port = yield* Link.open(cable)
    for (;;) {
      yield* Process.hold("5 seconds")
      yield* port.send(`the sender sent this at ${now() / 1_000_000_000n}`)
    }
  }),
)

const receiver = Guest.make(
  "receiver",
  Effect.gen(function* () {
    const port = yield* Link.open(cable)
    for (;;) {
      const { message, at } = yield* port.receive
      console.log(`received this at ${at / 1_000_000_000n} while ${message}`)
    }
  }),
)

await Effect.runPromise(World.run(World.make({ guests: [sender, receiver], links: [cable] }), { until: "100 seconds" }))
