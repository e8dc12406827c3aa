/**
 * Worlds whose guests have processes and resources, for tests that run them in one process and in many.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  Condition,
  Container,
  Distribution,
  Guest,
  Link,
  Process,
  Resource,
  Store,
  World,
} from "../../../src/simulation.ts"

const orders = Link.make("orders", { ends: ["office", "plant"], message: Schema.Number, latency: "7 millis" })

/** Sends orders at odd times, and gives up on those that take long. */
const office = Guest.make(
  "office",
  Effect.gen(function* () {
    const { random } = yield* Guest.Self
    const port = yield* Link.open(orders)
    const desk = yield* Resource.make("desk", { capacity: 2 })
    const until = Distribution.sampler(Distribution.exponential("9 millis"), random.fork("orders"))
    for (let n = 1; n <= 40; n++) {
      yield* Process.spawn(
        `clerk ${n}`,
        desk.use(Effect.andThen(Process.hold(until()), port.send(n)), { priority: n % 3, patience: "30 millis" }).pipe(
          Effect.catchTag("Reneged", ({ waited }) => Guest.note("reneged", { n, waited })),
        ),
      )
      yield* Process.hold(until())
    }
  }),
)

/** Makes what is ordered on machines that break, of parts that run out. */
const plant = Guest.make(
  "plant",
  Effect.gen(function* () {
    const { random, now } = yield* Guest.Self
    const port = yield* Link.open(orders)
    const machine = yield* Resource.make("machine", { preemptive: true })
    const parts = yield* Container.make("parts", { capacity: 50, initial: 10 })
    const jobs = yield* Store.make<number>("jobs", { capacity: 3, order: (n) => -n })
    const takes = Distribution.sampler(Distribution.exponential("8 millis"), random.fork("work"))

    const work = (left: bigint): Effect.Effect<unknown, unknown, Guest.Self> =>
      machine.use(Process.hold(left), { priority: 1 }).pipe(
        Effect.catchTag(
          "Interrupted",
          (interrupted) =>
            Effect.andThen(
              Guest.note("preempted", { left: interrupted.left, by: interrupted.by }),
              work(interrupted.left ?? 0n),
            ),
        ),
      )
    const maker = Effect.gen(function* () {
      while (true) {
        const { job } = yield* Condition.all({ job: jobs.get(), parts: parts.get(2) })
        yield* work(takes())
        yield* Guest.note("made", { job, at: now() })
      }
    })
    yield* Process.spawn("maker", maker, { daemon: true })
    yield* Process.spawn("other maker", maker, { daemon: true })
    const breaking = Effect.gen(function* () {
      yield* Process.hold("20 millis")
      yield* machine.use(Process.hold("3 millis"), { priority: 0 })
    })
    yield* Process.spawn("breaking", Effect.forever(breaking), { daemon: true })
    const truck = Effect.andThen(Process.hold("25 millis"), parts.put(12))
    yield* Process.spawn("truck", Effect.forever(truck), { daemon: true })
    yield* Process.spawn(
      "gate",
      Effect.forever(Effect.flatMap(Process.interruptible(port.receive), ({ message }) => jobs.put(message))),
      { daemon: true },
    )
    yield* Process.hold("600 millis")
  }),
)

/** Orders, queues, breakdowns: all of it at once. */
export const factory: World.World = World.make({ name: "factory", guests: [office, plant], links: [orders] })

/** The same, until a note. */
export const stopped: World.World = World.make({
  name: "stopped",
  guests: [office, plant],
  links: [orders],
  stopWhen: ({ text, data }) => text === "made" && (data as { readonly job: number }).job === 7,
})

const beat = Link.make("beat", { ends: ["heart", "watch"], message: Schema.Number })

/** Others are due at the instant at which one stops. */
export const stops: World.World = World.make({
  name: "stops",
  guests: [
    Guest.make(
      "heart",
      Effect.gen(function* () {
        const port = yield* Link.open(beat)
        yield* Process.spawn(
          "beats",
          Effect.gen(function* () {
            for (let n = 0; n < 5; n++) {
              yield* Process.hold("1 second")
              yield* port.send(n)
            }
            yield* Effect.andThen(Guest.stop("five"), Guest.note("never"))
          }).pipe(Effect.ensuring(Guest.note("too late"))),
        )
        yield* Process.spawn(
          "other",
          Effect.andThen(Process.hold("5 seconds"), Effect.andThen(Effect.yieldNow, Guest.note("never"))),
        )
        yield* Process.hold("1 minute")
      }),
    ),
    Guest.make(
      "watch",
      Effect.flatMap(
        Link.open(beat),
        (port) => Effect.forever(Effect.flatMap(port.receive, ({ message }) => Guest.note("beat", message))),
      ),
      { daemon: true },
    ),
    Guest.make("idle", Effect.andThen(Effect.sleep("1 hour"), Guest.note("never"))),
  ],
  links: [beat],
})

/** A process fails that nobody waits for. */
export const fails: World.World = World.make({
  guests: [
    Guest.make(
      "ann",
      Effect.gen(function* () {
        yield* Process.spawn("job", Effect.andThen(Process.hold("3 millis"), Effect.fail("no luck")))
        yield* Process.hold("1 second")
      }),
      { watchesFibers: false },
    ),
    Guest.make("bob", Effect.sleep("2 seconds")),
  ],
})

/** Nobody puts in what all wait for. */
export const stuck: World.World = World.make({
  guests: [
    Guest.make(
      "ann",
      Effect.gen(function* () {
        const tank = yield* Container.make("tank")
        yield* Process.spawn(
          "car 7",
          Effect.gen(function* () {
            yield* Process.hold("1 milli")
            yield* tank.get(3)
          }),
        )
        yield* Process.spawn("pump", Effect.forever(tank.get(1)), { daemon: true })
      }),
    ),
    Guest.make("bob", Effect.sleep("2 millis")),
  ],
})
