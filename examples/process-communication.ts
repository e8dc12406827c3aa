/**
 * Processes that talk to each other by stores: one to one, and then one to many, each with a pipe of its own. SimPy's
 * "Process Communication", written anew from its description. Chance is another than Python's, and so are the times.
 *
 * run: examples/process-communication.ts
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { Guest, Process, Store, World } from "../src/simulation.ts"

/** A message, and when it was sent, in seconds. */
type Message = readonly [at: number, text: string]

/** Guests that generate messages for so many consumers. */
const talk = (consumers: number) =>
  Guest.make(
    `one to ${consumers}`,
    Effect.gen(function* () {
      const { random, now } = yield* Guest.Self
      const seconds = (least: number, most: number) =>
        `${least + Number(random.below(BigInt(most - least)))} seconds` as const
      const at = () => Number(now()) / 1e9
      const pipes: Array<Store.Store<Message>> = []
      for (let n = 0; n < consumers; n++) pipes.push(yield* Store.make<Message>(`pipe ${n}`))

      yield* Process.spawn(
        "generator",
        Process.light(function* () {
          for (;;) {
            yield* Process.hold(seconds(6, 10))
            for (const pipe of pipes) yield* pipe.put([at(), `the generator says hello at ${at()}`])
          }
        }),
      )
      for (const [n, pipe] of pipes.entries()) {
        yield* Process.spawn(
          `consumer ${n}`,
          Process.light(function* () {
            for (;;) {
              const [sent, text] = yield* pipe.get()
              const how = sent < at() ? "late, " : "waiting, "
              console.log(`at ${String(at()).padStart(2)} consumer ${n} was ${how}and received: ${text}`)
              yield* Process.hold(seconds(4, 8))
            }
          }),
        )
      }
    }),
  )

for (const consumers of [1, 2]) {
  console.log(`One generator, and ${consumers} ${consumers === 1 ? "consumer" : "consumers"}:`)
  await Effect.runPromise(World.run(World.make({ guests: [talk(consumers)] }), { seed: 42, until: "60 seconds" }))
}
