/**
 * A world of two nodes: a sensor that measures at odd times, and a controller that
 * answers after some work. The link between them is slow, and not always as slow.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Distribution, Guest, Link, Statistics, World } from "../../src/simulation.ts"

const Message = Schema.TaggedUnion({
  Measured: { value: Schema.Number },
  Adjust: { by: Schema.Number },
})

const wire = Link.make("wire", {
  ends: ["sensor", "controller"],
  message: Message,
  latency: Distribution.uniform("200 micros", "900 micros"),
  bandwidth: 1_000_000,
  loss: 0.1,
})

const sensor = Guest.make(
  "sensor",
  Effect.gen(function* () {
    const self = yield* Guest.Self
    const port = yield* Link.open(wire)
    const answers = yield* Statistics.histogram("answer")
    for (let value = 20, round = 0; round < 8; round++) {
      const asked = self.now()
      yield* port.send({ _tag: "Measured", value })
      const answer = yield* Effect.timeoutOption(port.receive, "5 millis")
      if (answer._tag === "None") yield* Guest.note("no answer")
      else if (answer.value.message._tag === "Adjust") {
        value += answer.value.message.by
        answers.record(self.now() - asked)
      }
      yield* Effect.sleep(`${1 + Math.floor(self.random.number() * 4)} millis`)
    }
  }),
)

const controller = Guest.make(
  "controller",
  Effect.gen(function* () {
    const port = yield* Link.open(wire)
    while (true) {
      const { message } = yield* port.receive
      if (message._tag !== "Measured") continue
      yield* Effect.sleep("300 micros")
      yield* port.send({ _tag: "Adjust", by: message.value > 22 ? -2 : 1 })
    }
  }),
  { daemon: true },
)

/** The world: `World.run` runs it. */
export const world = World.make({ name: "two nodes", guests: [sensor, controller], links: [wire] })
