import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Guest, Link, Process, Resource, World } from "../../src/simulation.ts"
import * as Trace from "../../src/trace.ts"
import * as Tcp from "../../examples/worlds/tcp.ts"

/** What a world did, as its trace has it. */
const traced = (world: World.World, options: World.Options = {}) =>
  Effect.gen(function* () {
    const ring = Trace.ring(200_000)
    yield* Effect.provide(World.run(world, options), Trace.to(ring))
    return ring.trace()
  })

type Tag = Extract<Trace.What, { readonly _tag: string }>["_tag"]

const notes = (trace: Trace.Trace, ...tags: ReadonlyArray<Tag>): ReadonlyArray<string> =>
  trace.records.filter(({ what }) => tags.includes(what._tag)).map(({ source, time, what }) =>
    `${time} ${trace.sources[source]!.name}: ${Trace.describe(what)}`
  )

/** Two guests, of which one sends numbers and the other says what it got. */
const pair = (options: Partial<Link.Options<number>>, send: ReadonlyArray<number>, forMs = 10): World.World => {
  const wire = Link.make("wire", { ends: ["ann", "bob"], message: Schema.Number, latency: "2 millis", ...options })
  const ann = Guest.make(
    "ann",
    Effect.gen(function* () {
      const port = yield* Link.open(wire)
      for (const number of send) {
        yield* port.send(number)
        yield* Effect.sleep("1 millis")
      }
      yield* Effect.sleep(forMs)
    }),
  )
  const bob = Guest.make(
    "bob",
    Effect.gen(function* () {
      const port = yield* Link.open(wire)
      while (true) {
        const { message } = yield* port.receive
        yield* Guest.note("got", { message, big: 2n ** 60n })
      }
    }),
    { daemon: true },
  )
  return World.make({ guests: [ann, bob], links: [wire] })
}

describe("the trace of a world", () => {
  it.live("has each message with its content, when its copies arrive, and notes with their data", () =>
    Effect.gen(function* () {
      const trace = yield* traced(pair({}, [7, 8]))
      expect(notes(trace, "Sent", "Arrived", "Lost", "Noted")).toEqual([
        "0 ann: sends #1 to bob on wire 7, in 2000000 ns",
        "1000000 ann: sends #2 to bob on wire 8, in 2000000 ns",
        "2000000 bob: #1 from ann arrives on wire",
        '2000000 bob: notes got {"message":7,"big":"1152921504606846976"}',
        "3000000 bob: #2 from ann arrives on wire",
        '3000000 bob: notes got {"message":8,"big":"1152921504606846976"}',
      ])
    }))

  it.live("says of each that is lost why, and of those that arrive twice which copy it is", () =>
    Effect.gen(function* () {
      const lost = yield* traced(pair({ loss: 1 }, [7]))
      expect(notes(lost, "Sent", "Lost", "Arrived")).toEqual(["0 ann: sends #1 to bob on wire 7, lost: loss"])
      const twice = yield* traced(pair({ duplication: 1 }, [7]))
      expect(notes(twice, "Sent", "Lost", "Arrived")).toEqual([
        "0 ann: sends #1 to bob on wire 7, in 2000000 ns and in 4000000 ns, twice",
        "2000000 bob: #1 from ann arrives on wire",
        "4000000 bob: #1 from ann arrives on wire, copy 1",
      ])
      const full = yield* traced(pair({ bandwidth: 8, queue: 1 }, [7, 8]), { until: "20 millis" })
      expect(notes(full, "Sent")[1]).toBe("1000000 ann: sends #2 to bob on wire 8, lost: queue full")
      const late = yield* traced(pair({ latency: "1 hour" }, [7]))
      expect(notes(late, "Sent", "Lost")).toEqual(["0 ann: sends #1 to bob on wire 7, in 3600000000000 ns"])
    }))

  it.live("says what processes wait for, for how long, who has it, and what they do", () =>
    Effect.gen(function* () {
      const shop = Guest.make(
        "shop",
        Effect.gen(function* () {
          const till = yield* Resource.make("till")
          for (const name of ["ann", "bob"]) {
            yield* Process.spawn(name, till.use(Effect.andThen(Process.state("paying"), Process.hold("3 minutes"))))
          }
        }),
      )
      const trace = yield* traced(World.make({ guests: [shop] }))
      const { lanes, series } = Trace.timeline(trace)
      const minutes = (time: bigint): number => Number(time / 60_000_000_000n)
      const [lane] = lanes
      expect(lane!.processes).toEqual(["shop", "ann", "bob"])
      const told = lane!.segments.filter(({ pid }) => pid > 0).map((each) =>
        `${lane!.processes[each.pid]} ${minutes(each.from)} to ${minutes(each.to)} ${each.waits}: ${each.what}` +
        `${each.whom === "" ? "" : `, which ${each.whom} has`}${each.by === "" ? "" : `, until ${each.by}`}` +
        `${each.state === "" ? "" : ` (${each.state})`}`
      )
      expect(told).toEqual([
        "ann 0 to 3 time: hold (paying)",
        "bob 0 to 3 others: request on till, which ann has, until ann",
        "bob 3 to 6 time: hold (paying)",
      ])
      expect(lane!.waited.find(({ what }) => what === "request on till")).toMatchObject({
        who: "bob",
        whom: "ann",
        times: 1,
        total: 180_000_000_000n,
      })
      const queue = series.find(({ name }) => name === "till queue")!
      expect(queue.at.map((at, index) => [minutes(at), queue.values[index]])).toEqual([[0, 1], [3, 0]])
    }))

  it.live("is drawn with each message from its sending to its own arrival, and says which were sent again", () =>
    Effect.gen(function* () {
      const trace = yield* traced(Tcp.make({ segments: 60, loss: 0.05 }), { seed: 3 })
      const { messages, lanes, series } = Trace.timeline(trace)
      const sent = trace.records.flatMap(({ what, time }) => what._tag === "Sent" ? [{ ...what, time }] : [])
      const arrived = trace.records.filter(({ what }) => what._tag === "Arrived").length
      expect(messages.filter(({ lost, isOnItsWay }) => lost === undefined && !isOnItsWay).length).toBe(arrived)
      for (const { from, to, id, copy, at, toAt, lost, isOnItsWay, record, toRecord } of messages) {
        const of = sent.find((each) => each.id === id && each.to === lanes[to]!.name)!
        expect(at).toBe(of.time)
        if (lost !== undefined) expect([of.lost, of.copies.length]).toEqual([lost, 0])
        else expect(toAt - at).toBe(of.copies[copy]!.delay)
        const end = trace.records[toRecord]!
        expect(trace.records[record]!.what._tag).toBe("Sent")
        if (lost === undefined && !isOnItsWay) expect([end.time, end.what._tag]).toEqual([toAt, "Arrived"])
        expect(from).not.toBe(to)
      }
      const again = messages.filter((each) => each.again !== undefined && each.copy === 0)
      expect(again.length).toBeGreaterThan(0)
      for (const { again: before, text } of again) {
        const { what } = trace.records[before!]!
        expect(what._tag === "Sent" && what.lost !== undefined && JSON.stringify(what.message)).toBe(text)
      }
      // As long as those in it that haven't left: never more than the link's option allows.
      const queue = series.find(({ name }) => name === "queue of wire to receiver")!
      expect(Math.max(...queue.values)).toBeLessThanOrEqual(20)
      expect(Math.min(...queue.values)).toBe(0)
      expect(queue.at.every((at, index) => index === 0 || queue.at[index - 1]! <= at)).toBe(true)
    }))

  it.live("changes nothing of what the world does", () =>
    Effect.gen(function* () {
      const world = Tcp.make({ segments: 100, loss: 0.05 })
      const ring = Trace.ring(10)
      const run = World.run(world, { seed: 5, journal: true })
      const [plain, watched] = [yield* run, yield* Effect.provide(run, Trace.to(ring))]
      expect(watched.journal).toEqual(plain.journal)
      expect([watched.time, watched.grants]).toEqual([plain.time, plain.grants])
    }))
})

it.live("the state of a process is a name of 1 character or more", () =>
  Effect.gen(function* () {
    const guest = Guest.make("a", Process.state(""))
    const error = yield* Effect.flip(World.run(World.make({ guests: [guest] })))
    expect(error.message).toContain('the state of a process can\'t be ""')
  }))
