/**
 * Worlds that tests run in one process and in many.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { GuestClock } from "../../../src/index.ts"
import { Distribution, Guest, Link, Statistics, World } from "../../../src/simulation.ts"

export const Message = Schema.Struct({ from: Schema.String, n: Schema.BigInt })

const names = ["a", "b", "c", "d"]

const bus = Link.make("bus", {
  ends: names,
  message: Message,
  latency: Distribution.exponential("300 micros"),
  bandwidth: 10_000_000n,
  loss: 0.05,
  duplication: 0.05,
  reordering: 0.1,
  impairments: { corrupt: 0.05, drop: 0.02, delay: 0.1, outages: [{ from: 4_000_000n, until: 6_000_000n }] },
})

/** Sends to all, or to one, at random times; is busy for each that it gets; and sleeps in between. */
const talker = (name: string, index: number) =>
  Guest.make(
    name,
    Effect.gen(function* () {
      const clock = yield* GuestClock.GuestClock
      const { random, now } = yield* Guest.Self
      const port = yield* Link.open(bus)
      const flight = yield* Statistics.histogram("flight")
      const pending = yield* Statistics.level("pending")
      for (let n = 0n; now() < 12_000_000n; n++) {
        yield* port.send({ from: name, n }, random.chance(0.5) ? undefined : random.pick(port.peers))
        if (random.chance(0.3)) yield* clock.ndelay(random.below(500_000n))
        pending.set(Number(n % 3n))
        const got = yield* Effect.timeoutOption(port.receive, random.below(2_000_000n) + 1n)
        if (Option.isNone(got)) {
          yield* Guest.note("nothing")
          continue
        }
        flight.record(got.value.at - got.value.sentAt)
        yield* clock.ndelay(BigInt(index) * 10_000n)
      }
    }),
    { daemon: index === 3 },
  )

/** Four guests on a bus on which everything happens that can. */
export const bustle: World.World = World.make({ name: "bustle", guests: names.map(talker), links: [bus] })

/** One whose guest fails. */
export const failing: World.World = World.make({
  guests: [
    Guest.make("good", Effect.sleep("1 second")),
    Guest.make("bad", Effect.andThen(Effect.sleep("10 millis"), Effect.fail("no more"))),
  ],
})

/** One whose guest never ends, nor says anything. */
export const endless: World.World = World.make({
  guests: [Guest.make("one", Effect.forever(Effect.sleep("1 second"))), Guest.make("other", Effect.sleep("9 days"))],
})

/** One whose guest ends its process. */
export const dying: World.World = World.make({
  guests: [
    Guest.make("good", Effect.forever(Effect.sleep("1 second"))),
    Guest.make(
      "dead",
      Effect.andThen(Effect.sleep("10 millis"), Effect.sync(() => process.kill(process.pid, "SIGKILL"))),
    ),
  ],
})
