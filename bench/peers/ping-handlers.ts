/**
 * Round trips over a link of 1 ms between two guests whose handlers answer what arrives,
 * within the interrupt, each with a clock of its own, on one calendar.
 *
 *   deno run -A bench/peers/ping-handlers.ts [TIMES]
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import process from "node:process"
import { Guest, Link, World } from "../../src/simulation/index.ts"

const TIMES = Number(process.argv[2] ?? 100_000)

const wire = Link.make("wire", { ends: ["client", "server"], message: Schema.Number, latency: "1 millis" })

const client = Guest.make(
  "client",
  Effect.gen(function* () {
    const port = yield* Link.open(wire)
    const done = yield* Deferred.make<void>()
    yield* port.onArrival(({ message }) =>
      message < TIMES ? port.send(message + 1) : Effect.asVoid(Deferred.succeed(done, undefined))
    )
    yield* port.send(1)
    yield* Deferred.await(done)
  }),
)

const server = Guest.make(
  "server",
  Effect.gen(function* () {
    const port = yield* Link.open(wire)
    yield* port.onArrival(({ message }) => port.send(message))
    yield* Effect.never
  }),
  { daemon: true },
)

const world = World.make({ guests: [client, server], links: [wire] })
const { time, grants, realMs } = await Effect.runPromise(World.run(world))
console.log(`${TIMES} round trips in ${time} ns, ${grants} turns, ${(realMs / 1000).toFixed(2)} s of real time`)
