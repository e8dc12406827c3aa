/** Links in worlds: what one option does to messages is its own affair, and what becomes of them is in the journal. */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Distribution, Guest, Link, World } from "../../src/simulation.ts"

const COUNT = 200

/** Sends numbers, one each µs, while `isPluggedIn`; what has come of each is in the journal. */
const run = (
  options: Partial<Link.Options<number>>,
  { seed = 1, isPluggedIn = (_n: number): boolean => true, other }: {
    readonly seed?: number
    readonly isPluggedIn?: (n: number) => boolean
    readonly other?: Link.Any
  } = {},
) => {
  const wire = Link.make("wire", {
    ends: ["a", "b"],
    message: Schema.Number,
    latency: Distribution.exponential("2 micros"),
    ...options,
  })
  const a = Guest.make(
    "a",
    Effect.gen(function* () {
      const port = yield* Link.open(wire)
      for (let n = 0; n < COUNT; n++) {
        yield* isPluggedIn(n) ? port.plugIn : port.unplug
        yield* port.send(n)
        yield* Effect.sleep(1000n)
      }
    }),
  )
  const arrived: Array<readonly [message: number, at: bigint]> = []
  const b = Guest.make(
    "b",
    Effect.gen(function* () {
      const port = yield* Link.open(wire)
      yield* port.onArrival(({ message, at }) => void arrived.push([message, at]))
      yield* Effect.sleep("1 second")
    }),
  )
  const links = other === undefined ? [wire] : [other, wire]
  return Effect.map(World.run(World.make({ guests: [a, b], links }), { seed, journal: true }), ({ journal }) => {
    const sent = journal.flatMap((entry) => entry._tag === "Sent" ? [entry] : [])
    const lost = new Map(
      journal.flatMap((entry) => entry._tag === "Lost" ? [[entry.message as number, entry.why] as const] : []),
    )
    return { arrived, delays: sent.map(({ delays }) => delays), lost }
  })
}

describe("a link in a world", () => {
  it.live.each([1, 2, 3])(
    "has each message arrive when it would without all other options, with seed %i",
    (seed) =>
      Effect.gen(function* () {
        const plain = yield* run({}, { seed })
        const variants: ReadonlyArray<Parameters<typeof run>> = [
          [{ loss: 0.4 }],
          [{ duplication: 0.4 }],
          [{ outages: [{ from: 20_000n, until: 60_000n }] }],
          [{ impairments: { drop: 0.3, outages: [{ from: 20_000n, until: 60_000n }] } }],
          [{}, { isPluggedIn: (n) => n < 50 || n >= 90 }],
          [{}, { other: Link.make("other", { ends: ["a", "b"], message: Schema.Number, loss: 0.5 }) }],
        ]
        for (const [options, more] of variants) {
          const { delays } = yield* run(options, { ...more, seed })
          let compared = 0
          delays.forEach(([first], n) => {
            if (first === undefined) return
            // After what was sent unplugged, nobody waits for that any more.
            if (more?.isPluggedIn !== undefined && n >= 50 && n < 120) return
            compared++
            expect(first, `${JSON.stringify(Object.keys(options))}, message ${n}`).toBe(plain.delays[n]![0])
          })
          expect(compared).toBeGreaterThan(80)
        }
      }),
  )

  it.live("says of each message that doesn't arrive why, and of those under way in a plan's outage", () =>
    Effect.gen(function* () {
      const outages = [{ from: 50_000n, until: 100_000n }]
      const options = { latency: "3 micros" } as const
      const own = yield* run({ ...options, outages })
      const planned = yield* run({ ...options, impairments: { outages } })
      // 47 µs after the beginning is 3 µs before the cut.
      const cut = Array.from({ length: 53 }, (_, n) => n + 47)
      expect([...own.lost].map(([n, why]) => [n, why])).toEqual(cut.map((n) => [n, "outage"]))
      expect([...planned.lost].map(([n, why]) => [n, why])).toEqual(cut.map((n) => [n, "impairment"]))
      expect(planned.arrived).toEqual(own.arrived)
    }))

  it.live("corrupts messages by a chance of their own: what is lost, sent twice or noted changes nothing of it", () =>
    Effect.gen(function* () {
      const corrupt = (message: number, random: { readonly number: () => number }) => message + random.number()
      const heard = (options: Partial<Link.Options<number>>) =>
        Effect.map(
          run({ corrupt, impairments: { corrupt: 0.5 }, ...options }),
          ({ arrived }) => new Map(arrived.map(([message]) => [Math.floor(message), message])),
        )
      const plain = yield* heard({})
      const lossy = yield* heard({ loss: 0.4 })
      expect(lossy.size).toBeLessThan(150)
      for (const [n, message] of lossy) expect(message).toBe(plain.get(n))
      const doubled = yield* run({ corrupt, impairments: { corrupt: 1 }, duplication: 1 })
      // A duplicate is corrupted as well, in its own way.
      expect(new Set(doubled.arrived.map(([message]) => message)).size).toBe(2 * COUNT)
    }))

  it.live("fails a send whose message has no size, and says which link's option it was", () =>
    Effect.gen(function* () {
      const wire = Link.make("wire", {
        ends: ["a", "b"],
        message: Schema.Number,
        bandwidth: 1_000_000,
        size: (n) => n,
      })
      const a = Guest.make(
        "a",
        Effect.gen(function* () {
          const port = yield* Link.open(wire)
          const error = yield* Effect.flip(port.send(1.5))
          expect(error).toMatchObject({ _tag: "OptionError", option: 'size of the link "wire"', given: 1.5 })
          expect(error.message).toContain("a whole number from 0")
          yield* port.send(3)
        }),
      )
      const b = Guest.make("b", Effect.flatMap(Link.open(wire), (port) => port.receive))
      const { journal } = yield* World.run(World.make({ guests: [a, b], links: [wire] }), { journal: true })
      expect(journal.flatMap((entry) => entry._tag === "Arrived" ? [entry.message] : [])).toEqual([3])
    }))
})
