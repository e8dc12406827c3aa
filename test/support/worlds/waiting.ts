/**
 * Worlds whose guests come to wait for each other, for tests that run them in one process
 * and in many.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Guest, Link, World } from "../../../src/simulation.ts"

const wire = Link.make("wire", { ends: ["client", "server"], message: Schema.Number, latency: "1 millis" })
const alarms = Link.make("alarms", { ends: ["server", "guard"], message: Schema.Number })

/** Asks once, and then waits for what isn't asked for. */
const client = Guest.make(
  "client",
  Effect.gen(function* () {
    const port = yield* Link.open(wire)
    yield* port.send(1)
    yield* port.receive
    yield* port.receive
  }).pipe(Effect.withSpan("main")),
)

/** Answers in one fiber, and heeds alarms in another, while its own waits for both. */
const server = Guest.make(
  "server",
  Effect.gen(function* () {
    const port = yield* Link.open(wire)
    const alarm = yield* Link.open(alarms)
    const serve = Effect.forever(Effect.flatMap(port.receive, ({ message }) => port.send(message)))
    const heed = Stream.runDrain(alarm.arrivals)
    yield* Effect.all([Effect.withSpan(serve, "serve"), Effect.withSpan(heed, "heed")], { concurrency: 2 })
  }),
  { daemon: true },
)

/** Has nothing to do, and does that for ever. */
const guard = Guest.make("guard", Effect.never)

/** Ends while the others go on. */
const early = Guest.make("early", Effect.sleep("1 micro"))

/** Two ask each other for nothing. */
export const asking: World.World = World.make({
  guests: [client, server, guard],
  links: [wire, alarms],
})

/** The same, and one that has ended by then. */
export const ended: World.World = World.make({
  guests: [client, server, guard, early],
  links: [wire, alarms],
})

/** One waits for what the other, which has ended, would have sent. */
export const alone: World.World = World.make({
  guests: [
    Guest.make("client", Effect.flatMap(Link.open(wire), (port) => port.receive)),
    Guest.make("server", Effect.void),
  ],
  links: [wire],
})
