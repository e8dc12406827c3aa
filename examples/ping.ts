/**
 * Ping over a link of 1 ms: the round trip is exact to the ns.
 *
 * run: examples/ping.ts
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Guest, Journal, Link, World } from "../src/simulation.ts"

const wire = Link.make("wire", { ends: ["client", "server"], message: Schema.Number, latency: "1 millis" })

const client = Guest.make(
  "client",
  Effect.gen(function* () {
    const port = yield* Link.open(wire)
    for (let ping = 1; ping <= 3; ping++) {
      yield* port.send(ping)
      const { message, at } = yield* port.receive
      yield* Console.log(`ping ${message} is back at ${at} ns`)
      yield* Effect.sleep("1 second")
    }
  }),
)

const server = Guest.make(
  "server",
  Effect.gen(function* () {
    const port = yield* Link.open(wire)
    while (true) yield* port.send((yield* port.receive).message)
  }),
  { daemon: true },
)

const ping = World.make({ name: "ping", guests: [client, server], links: [wire] })

const main = Effect.gen(function* () {
  const { journal, time } = yield* World.run(ping, { journal: true })
  yield* Console.log(`${time} ns simulated; all that happened:\n`)
  for (const entry of journal) yield* Console.log(Journal.format(entry))
})

await Effect.runPromise(main)
