import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Processes } from "../../src/processes.ts"
import { Journal, World } from "../../src/simulation.ts"
import { builtUrl } from "../support/built.ts"
import * as worlds from "../support/worlds/failures.ts"

type Name = keyof typeof worlds

/** Runs a world by its name: in one process, or each guest in its own. */
const run = (name: Name, where: string, options: World.Options = {}) => {
  const module = builtUrl("test/support/worlds/failures.ts")
  const layer = where === "in one process" ? Layer.empty : Processes.layer({ module, export: name })
  return Effect.provide(World.run(worlds[name], options), layer)
}

const places = ["in one process", "as processes"]

/** What a world fails with in each place. */
const failures = (name: Name, options?: World.Options) =>
  Effect.forEach(places, (where) => Effect.flip(run(name, where, options)), { concurrency: "unbounded" })

const journals = (name: Name) =>
  Effect.map(
    Effect.forEach(places, (where) => run(name, where, { journal: true }), { concurrency: "unbounded" }),
    (results) => results.map(({ journal }) => journal) as [Journal.Journal, Journal.Journal],
  )

type Expected = { readonly [field: string]: unknown }

const both = (name: Name, expected: Expected, why: RegExp) =>
  Effect.gen(function* () {
    const [here, apart] = yield* failures(name, { journal: true })
    expect(here).toMatchObject({ _tag: "GuestFailed", ...expected })
    expect(here?.message).toMatch(why)
    expect(apart).toMatchObject({ _tag: "GuestFailed", ...expected, why: (here as World.GuestFailed).why })
    expect(apart?.message).toBe(here?.message)
    const withoutJournal = yield* Effect.flip(run(name, "in one process"))
    expect(withoutJournal).toMatchObject({ _tag: "GuestFailed", ...expected, message: here?.message })
  })

describe("a message", () => {
  it.live.each<readonly [Name, Expected, RegExp]>([
    [
      "badMessage",
      { guest: "ann", time: 0n, link: "wire" },
      /a message on the link "wire" can't be \{"n":"nonsense"\}: Expected number/,
    ],
    ["badMessageOnSlowLink", { guest: "ann", time: 0n, link: "wire" }, /Expected number.*at \["n"\]/],
    ["badNumber", { guest: "ann", time: 2_000_000n, link: "wire" }, /can't be 1\.5: Expected an integer/],
    ["badBounds", { guest: "ann", time: 0n, link: "wire" }, /can't be \{"n":11\}/],
    ["badGetter", { guest: "ann", time: 0n, link: "wire" }, /a message on the link "wire" can't be .*: no number/],
    ["slowCodec", { guest: "ann", time: 0n, link: "wire" }, /a message on the link "wire" can't be \{"n":1\}: /],
    [
      "corruptToNonsense",
      { guest: "ann", time: 0n, link: "wire" },
      /what a message is corrupted to on the link "wire" can't be.*nonsense/,
    ],
    ["corruptThrows", { guest: "ann", time: 0n, link: "wire" }, /corrupted to on the link "wire".*no idea/],
  ])(
    "that breaks its schema fails its guest, link and why named, in both places (%s)",
    ([name, expected, why]) => both(name, expected, why),
    60_000,
  )

  it.live("that breaks its schema is an error of send, which a program may see to", () =>
    Effect.gen(function* () {
      const [here, apart] = yield* journals("badMessageCaught")
      expect(apart).toEqual(here)
      expect(here.find(({ _tag }) => _tag === "Noted")).toMatchObject({
        data: { tag: "OptionError", message: expect.stringContaining('the link "wire" can\'t be {"n":"nonsense"}') },
      })
      expect(here.filter(({ _tag }) => _tag === "Sent")).toHaveLength(1)
    }), 60_000)

  it.live("is what it was when it was sent, and each receiver's own", () =>
    Effect.gen(function* () {
      const [here, apart] = yield* journals("changed")
      expect(apart).toEqual(here)
      const message = { n: 0, tags: ["first"], any: { list: ["one"] } }
      const messages = here.flatMap((entry) => "message" in entry ? [entry.message] : [])
      expect(messages).toEqual(Array(6).fill(message))
      const got = here.flatMap((entry) => entry._tag === "Noted" ? [entry.data] : [])
      expect(got).toEqual(Array(4).fill(message))
    }), 60_000)

  it.live("that is under way to a guest that ends is lost there, with why", () =>
    Effect.gen(function* () {
      const [here, apart] = yield* journals("endedReceiver")
      expect(apart).toEqual(here)
      const lost = here.flatMap((entry) =>
        entry._tag === "Lost" ? [[entry.guest, entry.peer, entry.message, entry.time, entry.why]] : []
      )
      // The first has arrived at 5 ms, the second at 7, when bob ends: what was sent at 2 ms is due then as well.
      const arrived = here.flatMap((entry) => entry._tag === "Arrived" ? [entry.message] : [])
      const under = [1, 2, 3].filter((n) => !arrived.includes(n))
      expect(lost).toEqual([
        ...under.map((n) => ["bob", "ann", n, 7_000_000n, "ended"]),
        ["ann", "bob", 4, 8_000_000n, "left"],
        ["ann", "bob", 5, 10_000_000n, "left"],
      ])
      expect(under).toContain(2)
      expect(arrived.length + lost.length).toBe(6)
    }), 60_000)
})

describe("a note", () => {
  it.live(
    "is what it was at that moment, the same in both places, with whatever kinds of values",
    () =>
      Effect.gen(function* () {
        const [here, apart] = yield* journals("noted")
        expect(apart).toEqual(here)
        const [all, bigint, ...nothing] = here.flatMap((entry) => entry._tag === "Noted" ? [entry.data] : [])
        expect(all).toEqual({
          at: 0n,
          when: new Date(1234),
          map: new Map<unknown, unknown>([["a", 1n], [new Date(1), { deep: [1n] }]]),
          set: new Set([1, "one", 1n]),
          numbers: [NaN, -Infinity, -0, 0.1],
          bytes: new Uint8Array([1, 2, 255]),
          wide: new BigInt64Array([-5n]),
          nothing: [undefined, null],
          $: "bigint",
          of: "no number",
          text: "\ud800 – ok",
          error: { name: "TypeError", message: "no" },
        })
        expect(bigint).toBe(5n)
        expect(nothing).toEqual([null, null])
        expect(here.map(Journal.format).join("\n")).toContain("· bigint 5n")
      }),
    60_000,
  )

  it.live.each<readonly [Name, RegExp]>([
    ["notedFunction", /the data of the note "odd" can't be noted: deep\[1\]\.call is a function/],
    ["notedPromise", /the data of the note "odd" can't be noted: later is a Promise/],
    ["notedCycle", /the data of the note "odd" can't be noted: self\.data is an object that it is in itself/],
  ])(
    "of what can't be copied is refused at once, by name (%s)",
    ([name, why]) => both(name, { guest: "ann", time: 0n }, why),
    60_000,
  )
})

describe("a handler", () => {
  it.live.each<readonly [Name, string, string]>([
    ["badHandler", "bad", "retransmit"],
    ["badHandlerEffect", "bad", "retransmit"],
    ["badHandlerWhileBusy", "bad", "retransmit"],
    ["badArrival", "bob", "wire from ann"],
    ["badDevice", "bad", "doubler"],
  ])("that throws fails its guest, with time and event (%s)", ([name, guest, event]) =>
    both(
      name,
      { guest, event, time: 7_000_000n },
      new RegExp(`the guest "${guest}" failed at 7000000 ns: in the handler of "${event}": boom`),
    ), 60_000)

  it.live("leaves its error as the cause", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run("badHandler", "in one process"))
      expect(error.cause).toBeInstanceOf(Error)
      expect(error.cause).toMatchObject({ message: "boom" })
    }))

  it.live(
    "of a register that throws fails its guest, the register named",
    () =>
      both(
        "badRegister",
        { guest: "bad", time: 7_000_000n, event: "doubler.GO" },
        /in the handler of "doubler\.GO": boom/,
      ),
    60_000,
  )
})

describe("what a guest fails with", () => {
  it.live.each<readonly [Name, string]>([
    ["failsWithTag", "NotFound"],
    ["failsWithFields", 'NotFound {"id":5n}'],
    ["failsWithMessage", "NotFound: no such user"],
    ["failsWithTaggedError", 'NotFound {"id":5n}'],
    ["failsWithObject", '{"code":5}'],
    ["failsWithNothing", "undefined"],
    ["failsWithMany", "one; too"],
  ])("is readable, and the same in both places (%s)", ([name, why]) =>
    Effect.gen(function* () {
      const [here, apart] = yield* failures(name)
      expect(here).toMatchObject({ guest: "bad", why })
      expect(apart).toMatchObject({ guest: "bad", why })
    }), 60_000)
})

describe("a fiber that nobody waits for", () => {
  it.live.each<readonly [Name, RegExp, bigint]>([
    ["child", /a fiber that nobody waits for, in job, failed: boom$/, 5_000_000n],
    ["detached", /a fiber that nobody waits for failed: NoLuck$/, 5_000_000n],
    ["scoped", /a fiber that nobody waits for failed: boom$/, 5_000_000n],
    ["atOnce", /a fiber that nobody waits for failed: boom$/, 0n],
    ["grandchild", /a fiber that nobody waits for failed: NoLuck$/, 5_000_000n],
    ["atTheEnd", /a fiber that nobody waits for failed: boom$/, 0n],
  ])("fails its guest when it fails (%s)", ([name, why, time]) => both(name, { guest: "bad", time }, why), 60_000)

  it.live.each(places)("fails nobody if somebody sees to it, %s", (where) =>
    Effect.gen(function* () {
      const { journal } = yield* run("seenTo", where, { journal: true })
      expect(journal.find(({ _tag }) => _tag === "Noted")).toMatchObject({ data: [false, true] })
    }), 60_000)

  it.live.each(places)("fails nobody if its guest allows that, %s", (where) =>
    Effect.gen(function* () {
      expect((yield* run("allowed", where)).time).toBe(1_000_000_000n)
    }), 60_000)
})

describe("a guest whose clock a fault has ended", () => {
  it.live("fails its world, also one that comes to its end while that guest fails", () =>
    Effect.gen(function* () {
      for (const until of [undefined, "1 second"] as const) {
        const [here, apart] = yield* failures("deadClock", until && { until })
        expect(here).toMatchObject({ _tag: "GuestFailed", guest: "bad", time: 1_000_000n })
        expect(apart?.message).toBe(here?.message)
      }
    }), 60_000)

  it.live(
    "doesn't leave its world waiting when the calendar has closed the connection as it sent",
    () =>
      Effect.gen(function* () {
        const running = Effect.exit(run("sendsWhileBusy", "in one process"))
        expect(yield* Effect.timeoutOption(running, "20 seconds")).toMatchObject({ _tag: "Some" })
      }),
    60_000,
  )

  it.live(
    "fails its world where a fiber's own call has ended it, while the others sleep",
    () => both("deadInChild", { guest: "bad", time: 1_000_000n }, /can't go back from 1000000 ns to 0 ns/),
    60_000,
  )
})

describe("a world with a guest that refuses to be interrupted", () => {
  it.live("ends all the same when another one fails, as processes", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(run("stubborn", "as processes"))
      expect(error).toMatchObject({ _tag: "GuestFailed", guest: "bad", why: "no more" })
    }), 60_000)
})
