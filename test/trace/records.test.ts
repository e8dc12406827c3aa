import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import { GuestClock, Mode, VirtualTime } from "../../src/index.ts"
import { tracerOf } from "../../src/internal/trace/Recorder.ts"
import * as Trace from "../../src/trace.ts"

/** What `program` does on a clock in inf-cpu mode, as lines. */
const traced = (
  program: Effect.Effect<unknown, unknown, Mode.Services>,
  mode: Layer.Layer<Mode.Services, unknown> = Mode.infCpu({ start: 0n }),
) =>
  Effect.gen(function* () {
    const ring = Trace.ring(10_000)
    yield* Effect.exit(Effect.provide(program, Layer.provide(mode, Trace.to(ring))))
    return ring.trace()
  })

const said = ({ records }: Trace.Trace): ReadonlyArray<string> =>
  records.map(({ time, what }) => `${time} ${Trace.describe(what)}`)

const clock = GuestClock.GuestClock

describe("a traced guest", () => {
  it.live("tells of every transition, with what went in and what came out, and of each handler", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        const guest = yield* clock
        yield* guest.addEvent(GuestClock.event("timer", () => {}), 100n)
        yield* guest.ndelay(250n)
        yield* Trace.mark("half", { at: 250n })
        const other = GuestClock.event("other", () => {})
        yield* guest.addEvent(other, 300n)
        yield* guest.deleteEvent(other)
        yield* guest.addEvent(other, 400n)
        yield* guest.sleep
      })
      expect(said(yield* traced(program))).toEqual([
        "0 boot start 0",
        "0 addEvent event 0 name timer at 100 handled true",
        "100 ndelay duration 250 → Deliver e0 timer, Resume Settle a0 busy on",
        "100 handler of timer begins",
        "100 handler ends",
        "250 resume step Settle a0 busy on",
        "half".replace(/^/, "250 mark ") + ' {"at":"250"}',
        "250 addEvent event 1 name other at 300 handled true",
        "250 deleteEvent event 1 name other",
        "250 addEvent event 1 name other at 400 handled true",
        "400 sleep masked true → Deliver e1 other",
        "400 handler of other begins",
        "400 handler ends",
        expect.stringMatching(/^400 end, state [0-9a-f]{16}$/),
      ])
    }))

  it.live("tells of the fault that ends it, and of nothing after its end", () =>
    Effect.gen(function* () {
      const lines = said(yield* traced(Effect.flatMap(clock, ({ sleep }) => Effect.andThen(Effect.exit(sleep), sleep))))
      expect(lines.at(-2)).toMatch(/^0 sleep masked true → fault SleepForever: the guest went to sleep at 0 ns/)
      expect(lines.at(-1)).toMatch(/^0 end/)
      expect(lines.length).toBe(3)
    }))

  it.live("tells of holds, and why a program can't go on", () =>
    Effect.gen(function* () {
      const program = Effect.gen(function* () {
        yield* VirtualTime.hold(Effect.sleep(1), { name: "database" })
        yield* Effect.never
      })
      const trace = yield* traced(VirtualTime.run(program, { deadlockAfter: 1 }))
      expect(said(trace).filter((line) => /hold|release|report/.test(line))).toEqual([
        "0 hold database",
        "0 release database",
        expect.stringMatching(/^0 report Deadlock: at 0 ns every fiber waits/),
      ])
    }))

  it.live("tells once, and at once, that a file lacks something, and goes on; by default that is logged at the end", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const logged: Array<unknown> = []
      let toldBefore = 0
      const program = Effect.gen(function* () {
        for (let mark = 0; mark < 17_000; mark++) yield* Trace.mark("x".repeat(50))
        toldBefore = told.length
      })
      const onIncomplete = (why: Trace.TraceIncomplete) => void told.push(`${why._tag}: ${why.message}`)
      const logger = Logger.layer([Logger.make(({ message }) => void logged.push(String(message)))])
      const run = (options: Trace.FileOptions) =>
        Effect.provide(program, Mode.infCpu().pipe(Layer.provide(Trace.toFile("/dev/full", options)))).pipe(
          Effect.provide(logger),
        )
      yield* run({ onIncomplete })
      const incomplete = /the trace \/dev\/full isn't complete: .*space/i
      expect([told, toldBefore, logged]).toEqual([[expect.stringMatching(incomplete)], 1, []])
      yield* run({})
      expect([told.length, logged]).toEqual([1, [expect.stringMatching(incomplete)]])
    }))

  it.live("isn't traced unless a tracer was there when it was made, and a mark then does nothing", () =>
    Effect.gen(function* () {
      const ring = Trace.ring(10)
      const program = Effect.andThen(Trace.mark("nowhere"), Effect.map(clock, ({ trace }) => trace))
      const inside = yield* Effect.provide(Effect.provide(program, Trace.to(ring)), Mode.infCpu({ start: 0n }))
      expect(inside).toBeUndefined()
      expect(ring.trace().sources).toEqual([])
    }))

  it.live("is called what it is named, and its calendar tells of clients that come and go", () =>
    Effect.gen(function* () {
      const ring = Trace.ring(10_000)
      const program = Effect.gen(function* () {
        const calendar = yield* CalendarServer.serve({ clients: 1, order: { seed: 7 } })
        const mode = Mode.linked(calendar.link("here"), { id: 5n }).pipe(Layer.provide(Trace.named("five")))
        yield* Effect.provide(Effect.flatMap(clock, (guest) => guest.ndelay(1000n)), mode)
      })
      yield* Effect.scoped(program).pipe(Effect.provide(Trace.to(ring)))
      const { sources } = ring.trace()
      expect(sources.map(({ name, kind }) => [name, kind])).toEqual([
        ["calendar", {
          _tag: "Calendar",
          options: { clients: 1, start: 0n, order: { seed: 7 }, until: undefined, turns: undefined },
        }],
        ["five", { _tag: "Guest", mode: "external" }],
      ])
      expect(said(ring.trace()).filter((line) => line.includes("report"))).toEqual([
        "0 report Joined: client 5 has started (here)",
        "1000 report Left: client 5 has left after 2 turns",
      ])
    }))
})

describe("a ring", () => {
  it.live("keeps the last records, and says how many it has let go", () =>
    Effect.gen(function* () {
      const ring = Trace.ring(3)
      const program = Effect.flatMap(clock, (guest) => Effect.repeat(guest.ndelay(10n), { times: 9 }))
      yield* Effect.provide(program, Layer.provide(Mode.infCpu({ start: 0n }), Trace.to(ring)))
      const { records } = ring.trace()
      expect(records.map(({ n, time }) => [n, time])).toEqual([[9, 90n], [10, 100n], [11, 100n]])
      expect(ring.dropped()).toBe(9)
      expect(() => Trace.Replay.begin(ring.trace(), 0)).toThrow("the first 9 of its records are missing")
    }))
})

it.for([0, -1, 1.5, NaN, Infinity])("a ring of %s is an error that says what can be", (capacity) => {
  expect(() => Trace.ring(capacity)).toThrow(`capacity can't be ${capacity}: it is a whole number from 1 on`)
})

describe("a trace in a file", () => {
  const inFolder = <A, E>(use: (path: string) => Effect.Effect<A, E>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-trace-"))),
      (folder) => use(Path.join(folder, "a.ndjson")),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true })),
    )

  it.live("is complete when its layer is gone, and reads back as what was recorded", () =>
    inFolder((path) =>
      Effect.gen(function* () {
        const ring = Trace.ring(1000)
        const program = Effect.flatMap(clock, (guest) => guest.ndelay(2n ** 62n))
        const mode = Mode.infCpu({ start: 2n ** 64n - 1n })
        yield* Effect.provide(program, Layer.provide(mode, Trace.toFile(path)))
        yield* Effect.provide(program, Layer.provide(mode, Trace.to(ring)))
        const read = Trace.read(Fs.readFileSync(path, "utf8").split("\n"))
        expect(said(read)).toEqual(said(ring.trace()))
        expect(read.isCut).toBe(false)
      })
    ))

  it.live("that can't be opened is an error that says which and why", () =>
    Effect.gen(function* () {
      const opened = Effect.provide(Effect.void, Trace.toFile("/nowhere/at/all"))
      expect((yield* Effect.flip(opened)).message).toMatch(/^the trace's file can't be \/nowhere\/at\/all: ENOENT/)
    }))

  it.live("is written in pieces of 64 KiB: no more is kept, however long it gets", () =>
    Effect.gen(function* () {
      const pieces: Array<number> = []
      const sink = Trace.ndjson((bytes) => pieces.push(bytes.length))
      const { transitions } = tracerOf(sink, yield* Clock.Clock).guest("inf-cpu", "long")
      let state = (yield* traced(Effect.void), (yield* snapshot))
      for (let times = 0; times < 50_000; times++) {
        const next = transitions.ndelay(state, 10n as typeof state.now)
        if ("state" in next) state = next.state
      }
      sink.flush()
      expect(Math.max(...pieces)).toBeLessThan(66_000)
      expect(pieces.length).toBeGreaterThan(40)
    }))

  const snapshot = Effect.provide(
    Effect.flatMap(clock, ({ snapshot }) => snapshot),
    Mode.infCpu({ start: 0n }),
  )

  const HEADER = '{"trace":"guest-clock","version":1}'
  const SOURCE = '{"source":0,"name":"a","began":"0","format":1,"guest":"inf-cpu"}'
  const record = (fields: object) => JSON.stringify({ s: 0, n: 0, t: "0", r: "0", ...fields })

  it("has all that records can have read back the same", () => {
    const whats: ReadonlyArray<Trace.What> = [
      { _tag: "Mark", name: 'a "mark" <b>\n', data: { a: [1, null, "ä"] } },
      { _tag: "Mark", name: "bare" },
      {
        _tag: "Sent",
        link: "wire",
        to: "b",
        id: 7,
        message: { _tag: "Ack", next: 12 },
        copies: [{ delay: 5n }, { delay: 2n ** 63n, duplicate: true, corrupted: true }],
        leaves: 3n,
      },
      { _tag: "Sent", link: "wire", to: "b", id: 8, message: null, copies: [], lost: "queue full" },
      { _tag: "Arrived", link: "wire", from: "b", id: 7, copy: 1, message: "other" },
      { _tag: "Lost", link: "wire", from: "b", to: "a", id: 7, copy: 1, why: "corrupted" },
      { _tag: "Noted", text: "got", data: [1, { a: null }] },
      { _tag: "Over" },
      { _tag: "Over", reason: "enough" },
      { _tag: "Spawned", pid: 3, name: "clerk", by: 0 },
      { _tag: "Exited", pid: 3, failure: "tired" },
      { _tag: "Waits", pid: 3, wait: 12, what: "request on till" },
      { _tag: "Waited", wait: 12, by: 0, interrupted: true },
      { _tag: "Holds", pid: 3, of: "till", units: 2 },
      { _tag: "Doing", pid: 3, state: "paying" },
      { _tag: "Measured", instrument: "level", name: "queue", value: -1.5e-7, unit: "people" },
      { _tag: "Measured", instrument: "counter", name: "served", value: -(2n ** 70n) },
      { _tag: "Hold", name: "h" },
      { _tag: "Release", name: "h" },
      { _tag: "Report", name: "Deadlock", text: "two\nlines" },
      { _tag: "Handling", event: 3, name: "timer" },
      { _tag: "Handling", event: undefined, name: "tick" },
      { _tag: "Handled" },
      { _tag: "State", digest: "0123456789abcdef" },
      { _tag: "Transition", name: "abandon", input: { steps: ["Round a0 idle"] }, then: ["Tick"], fault: undefined },
      { _tag: "Transition", name: "sleep", input: { masked: true }, then: [], fault: "SleepForever: x" },
    ]
    const trace: Trace.Trace = {
      sources: [{ source: 0, name: "a", began: 12n, kind: { _tag: "Guest", mode: "off" } }],
      records: whats.map((what, n) => ({ source: 0, n, time: 2n ** 64n - 1n, real: BigInt(n), what })),
      isCut: false,
    }
    expect(Trace.read([...Trace.write(trace)].join("").split("\n"))).toEqual(trace)
  })

  it.for(
    [
      [[], 1, "the trace is empty"],
      [["what"], 1, "no trace of guest-clock"],
      [["{}"], 1, "no trace of guest-clock"],
      [
        ['{"trace":"guest-clock","version":0}'],
        1,
        "the version of its format is 0, and this guest-clock reads 1 and 2 only",
      ],
      [['{"trace":"guest-clock","version":3}'], 1, "the version of its format is 3"],
      [[HEADER, SOURCE.replace('"format":1', '"format":3')], 2, '"format" can\'t be 3'],
      [
        [HEADER, SOURCE.replace("inf-cpu", "fast")],
        2,
        '"guest" can\'t be "fast": it is off, basic, inf-cpu or external',
      ],
      [[HEADER, record({ handled: true })], 2, '"s" can\'t be 0: there are 0 sources so far'],
      [[HEADER, SOURCE, record({ handled: true }), record({ handled: true, n: 2 })], 4, '"n" can\'t be 2'],
      [[HEADER, SOURCE, record({ t: 5, handled: true })], 3, '"t" can\'t be 5: it is a string of decimals, in ns'],
      [[HEADER, SOURCE, record({ t: "-5", handled: true })], 3, '"t" can\'t be "-5"'],
      [[HEADER, SOURCE, record({ do: "fly" })], 3, '"do" can\'t be "fly": it is one of connect, boot'],
      [[HEADER, SOURCE, record({ do: "connected", client: 1 })], 3, '"do" can\'t be "connected"'],
      [[HEADER, SOURCE, record({ do: "ndelay" })], 3, '"duration" can\'t be missing'],
      [[HEADER, SOURCE, record({ do: "sleep", masked: 1 })], 3, '"masked" can\'t be 1: it is true or false'],
      [[HEADER, SOURCE, record({ flies: true })], 3, "it says nothing"],
      [[HEADER, SOURCE, "[]"], 3, "it is no JSON object"],
      [[HEADER, SOURCE, "{", record({ handled: true })], 3, "it is no JSON"],
    ] as const,
  )("that isn't one, or of another version, is refused: %j", ([lines, line, why]) => {
    let error: unknown
    try {
      Trace.read(lines)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(Trace.BadTrace)
    expect(error).toMatchObject({ _tag: "BadTrace", line })
    expect((error as Error).message).toContain(why)
  })

  it("whose last line was cut off is read up to there, and says so", () => {
    const whole = record({ mark: "there" })
    for (let length = 1; length < whole.length; length++) {
      const { isCut, records } = Trace.read([HEADER, SOURCE, record({ handled: true }), whole.slice(0, length)])
      expect([isCut, records.length], whole.slice(0, length)).toEqual([true, 1])
    }
  })
})

describe("what comes with a mark", () => {
  const marks = (data: unknown, change: () => void) =>
    Effect.gen(function* () {
      const ring = Trace.ring(100)
      const lines: Array<string> = []
      const sink = Trace.ndjson((bytes) => void lines.push(new TextDecoder().decode(bytes)))
      const program = Effect.andThen(Trace.mark("here", data), Effect.sync(change))
      yield* Effect.provide(program, Layer.provide(Mode.infCpu({ start: 0n }), Trace.to(Trace.both(ring, sink))))
      sink.flush()
      const [kept] = ring.trace().records.flatMap(({ what }) => what._tag === "Mark" ? [what.data] : [])
      return { kept, text: lines.join("") }
    })

  it.live("is what it was at that moment, in memory as well", () =>
    Effect.gen(function* () {
      const data = { at: 5n, list: [1], map: new Map([["a", new Set([1])]]) }
      const { kept, text } = yield* marks(data, () => {
        data.list.push(2)
        data.map.clear()
        data.at = 6n
      })
      expect(kept).toEqual({ at: 5n, list: [1], map: new Map([["a", new Set([1])]]) })
      expect(text).toContain('"data":{"at":"5","list":[1],"map":[["a",[1]]]}')
    }))

  it.live("has all that is in a set, though somebody has given sets a JSON of their own", () =>
    Effect.gen(function* () {
      const before = Object.getOwnPropertyDescriptor(Set.prototype, "toJSON")
      // As Vega-Lite does when it is loaded.
      const toJSON = { value: () => "a set", configurable: true, writable: true }
      yield* Effect.acquireUseRelease(
        Effect.sync(() => Object.defineProperty(Set.prototype, "toJSON", toJSON)),
        () =>
          Effect.gen(function* () {
            const { text } = yield* marks({ all: [new Set([1, 2n])] }, () => {})
            expect(text).toContain('"data":{"all":[[1,"2"]]}')
          }),
        () =>
          Effect.sync(() => {
            Reflect.deleteProperty(Set.prototype, "toJSON")
            if (before !== undefined) Object.defineProperty(Set.prototype, "toJSON", before)
          }),
      )
    }))

  it.live("is a text where it can't be copied", () =>
    Effect.gen(function* () {
      const { kept, text } = yield* marks({ call: () => 1 }, () => {})
      expect(kept).toBe("[object Object]")
      expect(text).toContain('"data":"[object Object]"')
    }))
})
