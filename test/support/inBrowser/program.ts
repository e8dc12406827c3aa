/**
 * What the library does in a browser, as text: the same program runs on Node, and must say the same.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Mode, VirtualTime } from "guest-clock"
import { CalendarServer } from "guest-clock/calendar"
import { Guest, Link, Statistics, World } from "guest-clock/simulation"
import * as Explore from "../../../src/internal/testing/Explore.ts"
import * as Trace from "guest-clock/trace"
import * as Layer from "effect/Layer"

const wire = Link.make("wire", {
  ends: ["client", "server"],
  message: Schema.Number,
  latency: "1 millis",
  loss: 0.2,
})

const world = World.make({
  guests: [
    Guest.make(
      "client",
      Effect.gen(function* () {
        const port = yield* Link.open(wire)
        const { random } = yield* Guest.Self
        const answers = yield* Statistics.counter("answers")
        for (let n = 0; n < 50; n++) {
          yield* Effect.sleep(Duration.nanos(random.below(1_000_000n)))
          yield* port.send(n)
          const answer = yield* Effect.timeoutOption(port.receive, "5 millis")
          if (answer._tag === "Some") answers.add()
        }
      }),
    ),
    Guest.make(
      "server",
      Effect.gen(function* () {
        const port = yield* Link.open(wire)
        while (true) yield* port.send((yield* port.receive).message + 1)
      }),
      { daemon: true },
    ),
  ],
  links: [wire],
})

const day = Effect.andThen(Effect.sleep("1 day"), Clock.currentTimeMillis)

const orders = Effect.gen(function* () {
  const log: Array<string> = []
  const step = (name: string) => Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => log.push(name)))
  yield* Effect.all([step("open"), step("write")], { concurrency: 2 })
  if (log[0] !== "open") return yield* Effect.fail("written before it was open")
})

/** A line for each thing that was tried. */
export const run = async (): Promise<ReadonlyArray<string>> => {
  const said: Array<string> = []
  const tried = async (name: string, effect: Effect.Effect<unknown, unknown>) => {
    const exit = await Effect.runPromiseExit(effect)
    said.push(`${name}: ${exit._tag === "Success" ? JSON.stringify(exit.value) : String(exit.cause)}`)
  }
  await tried("a day in inf-cpu mode", Effect.provide(VirtualTime.run(day), Mode.infCpu({ start: 0n })))
  await tried("a day in basic mode", Effect.provide(VirtualTime.run(Effect.sleep("1 day")), Mode.basic()))
  const began = performance.now()
  await tried("20 ms in off mode", Effect.provide(VirtualTime.run(Effect.sleep("20 millis")), Mode.off()))
  said.push(`took real time: ${performance.now() - began >= 20}`)
  const result = await Effect.runPromise(World.run(world, { seed: 7, journal: true }))
  said.push(
    `a world: ${result.time} ns, ${JSON.stringify(result.journal, (_, v) => typeof v === "bigint" ? `${v}` : v)}`,
  )
  const explored = Effect.catchTag(
    Explore.explore(orders),
    "ExploreFailure",
    ({ seed, needed }) => Effect.succeed([seed, needed.length]),
  )
  await tried("explore", explored)
  const ring = Trace.ring(10_000)
  await Effect.runPromise(Effect.provide(World.run(world, { seed: 7 }), Trace.to(ring)))
  const page = [...Trace.page(ring.trace(), { title: "in a browser" })].join("")
  said.push(
    `a page: ${/<title>in a browser/.test(page)}, ${Trace.summary(Trace.timeline(ring.trace())).lanes.length} lanes`,
  )
  const failing = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.map(Effect.flip(effect), (error) => (error as { _tag: string })._tag)
  await tried(
    "no calendar",
    failing(Effect.provide(Effect.void, Layer.fresh(Mode.external({ socket: "/nowhere/at/all" })))),
  )
  await tried("no server", failing(Effect.scoped(CalendarServer.make({ path: "/nowhere/at/all" }))))
  return said
}
