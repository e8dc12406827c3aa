/**
 * Two guests that send each other numbers.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Guest, Link, World } from "../../../src/simulation.ts"

const wire = Link.make("wire", { ends: ["left", "right"], message: Schema.Number, latency: "1 millis" })

/** Two guests that send each other numbers, `messages` of them, an even number: the last comes to the left. */
export const volley = (messages: number): World.World => {
  const player = (name: string, serves: boolean) =>
    Guest.make(
      name,
      Effect.gen(function* () {
        const port = yield* Link.open(wire)
        if (serves) yield* port.send(0)
        while (true) {
          const { message } = yield* port.receive
          yield* Guest.note("got", message)
          if (message === messages - 1) return
          yield* port.send(message + 1)
        }
      }),
      { daemon: !serves },
    )
  return World.make({ guests: [player("left", true), player("right", false)], links: [wire] })
}

export const twenty = volley(20)
