import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import { GuestClock } from "../../src/index.ts"
import { Processes } from "../../src/processes.ts"
import {
  Checker,
  Distribution,
  Guest,
  Journal,
  Link,
  Progress,
  Report,
  Statistics,
  World,
} from "../../src/simulation.ts"
import * as Trace from "../../src/trace.ts"
import { builtUrl } from "../support/built.ts"
import * as worlds from "../support/worlds/two.ts"

const places = (name: string) => Processes.layer({ module: builtUrl("test/support/worlds/two.ts"), export: name })

const shown = ({ journal }: World.Result) => journal.map(Journal.format).join("\n")

describe("a world", () => {
  it.live.each([1, 2, 3])(
    "does the same in one process, again, and as four processes, with seed %i",
    (seed) =>
      Effect.gen(function* () {
        const options = { seed, journal: true }
        const here = yield* World.run(worlds.bustle, options)
        const tags = new Set(here.journal.map(({ _tag }) => _tag))
        expect(tags).toEqual(new Set(["Sent", "Lost", "Arrived", "Noted", "Ended"]))
        expect(here.journal.length).toBeGreaterThan(200)
        const again = yield* World.run(worlds.bustle, options)
        expect(shown(again)).toBe(shown(here))
        const apart = yield* Effect.provide(World.run(worlds.bustle, options), places("bustle"))
        expect(shown(apart)).toBe(shown(here))
        expect(Report.json(Report.make(apart))).toBe(Report.json(Report.make(here)))
      }),
    60_000,
  )

  it.live("does otherwise with another seed, and the same in any order of guests that meet at no time", () =>
    Effect.gen(function* () {
      const one = yield* World.run(worlds.bustle, { seed: 1, journal: true })
      const other = yield* World.run(worlds.bustle, { seed: 2, journal: true })
      expect(shown(other)).not.toBe(shown(one))
      const shuffled = yield* World.run(worlds.bustle, { seed: 1, journal: true, order: { seed: 9 } })
      expect(shuffled.time).toBeGreaterThan(0n)
    }))

  it.live("has entries in an order of cause and effect, and time that never goes back", () =>
    Effect.gen(function* () {
      const { journal } = yield* World.run(worlds.bustle, { seed: 5, journal: true })
      let last = 0n
      const stamps = new Map<string, number>()
      for (const { time, guest, stamp } of journal) {
        expect(time >= last).toBe(true)
        last = time
        expect(stamp).toBeGreaterThan(stamps.get(guest) ?? 0)
        stamps.set(guest, stamp)
      }
    }))

  it.live("delivers at the ns, while the receiver sleeps, is busy, or is at it", () =>
    Effect.gen(function* () {
      const wire = Link.make("wire", { ends: ["one", "other"], message: Schema.Number, latency: 1000n })
      const arrived: Array<bigint> = []
      const one = Guest.make(
        "one",
        Effect.gen(function* () {
          const port = yield* Link.open(wire)
          for (const pause of [500n, 2000n, 300n, 1n]) {
            yield* Effect.sleep(pause)
            yield* port.send(1)
          }
        }),
      )
      const other = Guest.make(
        "other",
        Effect.gen(function* () {
          const clock = yield* GuestClock.GuestClock
          const port = yield* Link.open(wire)
          yield* port.onArrival(({ at, sentAt }, { now }) => {
            expect(now).toBe(at)
            expect(at - sentAt).toBe(1000n)
            arrived.push(at)
          })
          yield* clock.ndelay(1600n)
          yield* Effect.sleep(1500n)
          yield* clock.ndelay(5000n)
          expect(clock.nowUnsafe()).toBe(8100n)
        }),
      )
      yield* World.run(World.make({ guests: [one, other], links: [wire] }))
      expect(arrived).toEqual([1500n, 3500n, 3800n, 3801n])
    }))

  it.live("knows what a guest sends from a handler", () =>
    Effect.gen(function* () {
      const wire = Link.make("wire", { ends: ["one", "other"], message: Schema.Number, latency: "1 millis" })
      const times: Array<bigint> = []
      const one = Guest.make(
        "one",
        Effect.gen(function* () {
          const port = yield* Link.open(wire)
          for (let i = 0; i < 3; i++) {
            yield* port.send(i)
            times.push((yield* port.receive).at)
          }
        }),
      )
      const echo = Guest.make(
        "other",
        Effect.gen(function* () {
          const port = yield* Link.open(wire)
          yield* port.onArrival(({ message }) => Effect.orDie(port.send(message)) as Effect.Effect<void>)
          yield* Effect.never
        }),
        { daemon: true },
      )
      yield* World.run(World.make({ guests: [one, echo], links: [wire] }))
      expect(times).toEqual([2_000_000n, 4_000_000n, 6_000_000n])
    }))

  it.live("loses what arrives at an end that is unplugged, and what leaves there", () =>
    Effect.gen(function* () {
      const wire = Link.make("wire", { ends: ["one", "other"], message: Schema.Number, latency: 10n })
      const got: Array<number> = []
      const one = Guest.make(
        "one",
        Effect.gen(function* () {
          const port = yield* Link.open(wire)
          for (let n = 0; n < 5; n++) {
            yield* port.send(n)
            yield* Effect.sleep(100n)
            if (n === 2) yield* port.unplug
            if (n === 3) yield* port.plugIn
          }
        }),
      )
      const other = Guest.make(
        "other",
        Effect.gen(function* () {
          const port = yield* Link.open(wire)
          yield* port.onArrival(({ message }) => void got.push(message))
          yield* Effect.sleep(50n)
          yield* port.unplug
          yield* Effect.sleep(100n)
          yield* port.plugIn
          yield* Effect.sleep(1000n)
        }),
      )
      const { journal } = yield* World.run(World.make({ guests: [one, other], links: [wire] }), { journal: true })
      expect(got).toEqual([0, 2, 4])
      expect(journal.flatMap((entry) => entry._tag === "Lost" ? [[entry.guest, entry.why]] : [])).toEqual([
        ["other", "unplugged"],
        ["one", "unplugged"],
      ])
    }))

  it.live("ends when time is up, with everything as of then", () =>
    Effect.gen(function* () {
      const ticker = (name: string, every: bigint) =>
        Guest.make(
          name,
          Effect.gen(function* () {
            const ticks = yield* Statistics.counter("ticks")
            while (true) {
              yield* Effect.sleep(every)
              ticks.add()
            }
          }),
        )
      const world = World.make({ guests: [ticker("slow", 300n), ticker("fast", 100n)] })
      const { time, guests } = yield* World.run(world, { until: 1000n })
      expect(time).toBe(1000n)
      expect(guests.map(({ statistics }) => statistics.map((each) => each._tag === "Counter" ? each.value : 0)))
        .toEqual(
          [[3n], [10n]],
        )
    }))

  it.live("waits for no daemon, and lets none go on after the last other has ended", () =>
    Effect.gen(function* () {
      const daemon = Guest.make("daemon", Effect.forever(Effect.andThen(Effect.sleep(10n), Guest.note("tick"))), {
        daemon: true,
      })
      const worker = Guest.make("worker", Effect.sleep(105n))
      const { journal, time } = yield* World.run(World.make({ guests: [daemon, worker] }), { journal: true })
      expect(time).toBe(105n)
      expect(journal.filter(({ _tag }) => _tag === "Noted").map(({ time }) => time)).toEqual(
        Array.from({ length: 10 }, (_, n) => BigInt(n + 1) * 10n),
      )
    }))
})

describe("a world that is traced", () => {
  it.live("has a trace of each guest and of the calendar, by their names, with what they sent", () =>
    Effect.gen(function* () {
      const ring = Trace.ring(100_000)
      yield* Effect.provide(World.run(worlds.bustle, { seed: 1 }), Trace.to(ring))
      const { sources, records } = ring.trace()
      expect(sources.map(({ name }) => name).sort()).toEqual(["a", "b", "bustle", "c", "d"])
      const told = new Set(records.map(({ what }) => what._tag))
      for (const tag of ["Sent", "Arrived", "Noted", "Over"] as const) expect(told).toContain(tag)
      const notes = records.flatMap(({ what }) => what._tag === "Noted" ? [what.text] : [])
      expect(notes).toContain("nothing")
      expect(records.some(({ what }) => what._tag === "Sent" && what.link === "bus" && what.lost !== undefined)).toBe(
        true,
      )
    }))
})

describe("a world that goes wrong", () => {
  it.live.each(["in one process", "as processes"])(
    "names the guest that failed, %s",
    (where) =>
      Effect.gen(function* () {
        const layer = where === "in one process" ? Layer.empty : places("failing")
        const error = yield* Effect.flip(Effect.provide(World.run(worlds.failing), layer))
        expect(error).toMatchObject({ _tag: "GuestFailed", guest: "bad", time: 10_000_000n, why: "no more" })
        expect(error.message).toBe(`the guest "bad" failed at 10000000 ns: no more`)
      }),
    30_000,
  )

  it.live("names the guest whose process was killed", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(World.run(worlds.dying), places("dying")))
      expect(error).toMatchObject({ _tag: "GuestFailed", guest: "dead", why: "its process was killed" })
    }), 30_000)

  it.live("says when a module exports no such world", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(World.run(worlds.failing), places("nothing")))
      expect(error).toMatchObject({ _tag: "GuestFailed", why: expect.stringContaining("exit code") })
    }), 30_000)

  it.live("says when all wait for each other, and who", () =>
    Effect.gen(function* () {
      const wire = Link.make("wire", { ends: ["one", "other"], message: Schema.Number })
      const waiter = (name: string) => Guest.make(name, Effect.flatMap(Link.open(wire), (port) => port.receive))
      const world = World.make({ guests: [waiter("one"), waiter("other")], links: [wire] })
      const error = yield* Effect.flip(World.run(world, { deadlockAfter: "50 millis" }))
      expect(error._tag).toBe("CalendarDeadlock")
      expect(error.message).toMatch(/one[^]*other/)
    }))

  it.live("says when a guest spins without time", () =>
    Effect.gen(function* () {
      const spinner = Guest.make("spinner", Effect.forever(Effect.yieldNow), { livelockAfter: 1000 })
      const error = yield* Effect.flip(World.run(World.make({ guests: [spinner, Guest.make("other", Effect.void)] })))
      expect(error).toMatchObject({ _tag: "GuestFailed", guest: "spinner" })
      expect(error.message).toMatch(/1000/)
    }))

  it.live.each(["in one process", "as processes"])(
    "can be interrupted at any time, %s",
    (where) =>
      Effect.gen(function* () {
        const layer = where === "in one process" ? Layer.empty : places("endless")
        const fiber = yield* Effect.forkChild(Effect.provide(World.run(worlds.endless), layer))
        yield* Effect.sleep("300 millis")
        yield* Fiber.interrupt(fiber)
      }),
    30_000,
  )

  it.live("fails with what a checker finds, and its seed", () =>
    Effect.gen(function* () {
      const world = World.make({
        guests: ["one", "other"].map((name) =>
          Guest.make(
            name,
            Effect.andThen(Effect.sleep(name === "one" ? 5n : 7n), Guest.note("decided", { key: 1, value: name })),
          )
        ),
        checkers: [Checker.agreement("they agree", "decided", (data) => {
          const { key, value } = data as { key: number; value: string }
          return [key, value]
        })],
      })
      const error = yield* Effect.flip(World.run(world, { seed: 77 }))
      expect(error.message).toBe(`they agree: other has "other" for 1, where one had "one", at 7 ns (seed 77)`)
    }))
})

describe("options of a world", () => {
  const guest = (name: string, daemon = false) => Guest.make(name, Effect.void, { daemon })
  const link = (options: Partial<Link.Options<number>>) =>
    World.make({
      guests: [guest("a"), guest("b")],
      links: [Link.make("l", { ends: ["a", "b"], message: Schema.Number, ...options })],
    })
  const two = World.make({ guests: [guest("a"), guest("b")] })

  it.live.each<readonly [World.World, World.Options, RegExp]>([
    [World.make({ guests: [] }), {}, /guests.*1 guest or more/],
    [World.make({ guests: [guest("a"), guest("a")] }), {}, /guests can't be a: .*a name of its own/],
    [World.make({ guests: [guest("a", true)] }), {}, /guests can't be a: .*not all of them are daemons/],
    [
      World.make({ ...link({}), links: [...link({}).links, ...link({}).links] }),
      {},
      /links can't be l: .*a name of its own/,
    ],
    [link({ ends: ["a"] }), {}, /ends of the link "l".*2 ends or more/],
    [link({ ends: ["a", "a"] }), {}, /ends of the link "l".*at one of its ends at most/],
    [link({ ends: ["a", "x"] }), {}, /ends of the link "l" can't be x: .*guests are a, b/],
    [link({ message: undefined as never }), {}, /message of the link "l" can't be undefined: it is a schema/],
    [link({ loss: 1.1 }), {}, /loss of the link "l".*1\.1.*from 0 to 1/],
    [link({ duplication: -0.1 }), {}, /duplication of the link "l".*-0\.1.*from 0 to 1/],
    [link({ reordering: NaN }), {}, /reordering of the link "l".*NaN.*from 0 to 1/],
    [link({ bandwidth: 0 }), {}, /bandwidth of the link "l".*0.*1 or more/],
    [link({ bandwidth: 1.5 }), {}, /bandwidth of the link "l".*1\.5.*whole number/],
    [link({ bandwidth: -5n }), {}, /bandwidth of the link "l".*-5.*1 or more/],
    [link({ queue: 0 }), {}, /queue of the link "l".*0.*1 or more/],
    [link({ latency: "Infinity" as never }), {}, /latency of the link "l"/],
    [link({ latency: Distribution.uniform(5n, 3n) }), {}, /latency of the link "l".*3/],
    [link({ outages: [{ from: 5n, until: 5n }] }), {}, /outages of the link "l".*5 to 5.*ends after that/],
    [link({ impairments: { drop: 2 } }), {}, /impairments of the link "l"\.drop.*2.*from 0 to 1/],
    [two, { seed: -1 }, /seed.*-1.*0 to 4294967295/],
    [two, { seed: 0.5 }, /seed.*0\.5/],
    [two, { realTime: ["x"] }, /realTime can't be x: .*guests are a, b/],
    [two, { pace: 0 }, /pace.*0/],
    [two, { order: { seed: -1 } }, /seed.*-1/],
    [two, { until: "-1 second" as never }, /until/],
  ])("are named where they can't be (%#)", ([world, options, words]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(World.run(world, options))
      expect(error._tag).toBe("OptionError")
      expect(error.message).toMatch(words)
    }))

  it.live("are named where a program gets them wrong", () =>
    Effect.gen(function* () {
      const wire = Link.make("wire", { ends: ["one", "other"], message: Schema.Number })
      const loner = Guest.make(
        "loner",
        Effect.gen(function* () {
          const wrongLink = yield* Effect.flip(Link.open(wire))
          expect(wrongLink.message).toMatch(/link can't be wire: loner is at the end of none/)
          yield* Statistics.counter("n")
          expect((yield* Effect.flip(Statistics.level("n"))).message).toMatch(
            /name can't be n: that is a Counter already/,
          )
        }),
      )
      const one = Guest.make(
        "one",
        Effect.gen(function* () {
          const port = yield* Link.open(wire)
          const error = yield* Effect.flip(port.send(1, "loner"))
          expect(error.message).toMatch(/to can't be loner: .*"wire" are other/)
        }),
      )
      yield* World.run(World.make({ guests: [one, Guest.make("other", Effect.void), loner], links: [wire] }))
    }))
})

describe("progress", () => {
  const screen = (terminal: boolean) => {
    const written: Array<string> = []
    const stdio = Stdio.layerTest({
      stderr: () => Sink.forEach((chunk: string | Uint8Array) => Effect.sync(() => void written.push(String(chunk)))),
      stderrIsTerminal: Effect.succeed(terminal),
    })
    return { written, layer: Layer.provide(Progress.layer(), stdio) }
  }

  it.live("is drawn in place on a terminal, and gone at the end", () =>
    Effect.gen(function* () {
      const { written, layer } = screen(true)
      const world = World.make({ guests: [Guest.make("one", Effect.sleep("1 second"))] })
      yield* Effect.provide(World.run(world, { pace: 1 }), layer)
      expect(written.length).toBeGreaterThan(2)
      expect(written[0]?.startsWith("\r\u001b[K")).toBe(true)
      expect(written[0]).toMatch(/ simulated, .* times as fast as real time/)
      expect(written.at(-1)).toBe("\r\u001b[K")
    }))

  it.live("is gone when the run is interrupted, and nothing where no display is provided", () =>
    Effect.gen(function* () {
      const { written, layer } = screen(true)
      const run = Effect.provide(World.run(worlds.endless, { pace: 1 }), layer)
      yield* Effect.timeoutOption(run, "500 millis")
      expect(written.at(-1)).toBe("\r\u001b[K")
    }))

  it("says how far it is, how fast, and how long it takes still", () => {
    const day = 86_400_000_000_000n
    expect(Progress.format({ time: day / 4n, until: day, grants: 5 }, 10_000)).toBe(
      "21600 s of 86400 s simulated, 25 %, 2160 times as fast as real time, 0.50 turns a second, 30 s left",
    )
    expect(Progress.format({ time: 1_500_000_000n, until: undefined, grants: 42 }, 1000)).toBe(
      "1.5 s simulated, 1.50 times as fast as real time, 42 turns a second",
    )
  })
})
