import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import * as Calendar from "../../src/core/Calendar.ts"
import { GuestClock, Mode, VirtualTime } from "../../src/index.ts"
import { tracerOf } from "../../src/internal/trace/Recorder.ts"
import * as Trace from "../../src/trace.ts"
import { random } from "../support/random.ts"
import { type Handlers, serviceRun } from "../support/serviceRun.ts"
import { type Mode as Name, program, World } from "../support/world.ts"

const { Replay } = Trace

/** The trace as it is when it has been written and read. */
const again = (trace: Trace.Trace): Trace.Trace => Trace.read([...Trace.write(trace)].join("").split("\n"))

/** Goes through all of it; what differs is what the test fails with. */
const expectTheSame = (trace: Trace.Trace, where: string): void => {
  for (const { source, name } of trace.sources) {
    const end = Replay.advance(Replay.begin(trace, source))
    if (!Replay.isDivergence(end)) continue
    const { record, what, recorded, replayed } = end
    expect.fail(`${where}, ${name} #${record.n}, ${what}: ${Trace.describe(record.what)}\n${recorded}\n${replayed}`)
  }
}

const HANDLERS: ReadonlyArray<Handlers> = ["plain", "effect", "yielding"]

describe("a replay", () => {
  it.live.each<Name>(["off", "basic", "inf-cpu", "external"])(
    "comes to the same states in %s mode, whatever the program",
    (mode) =>
      Effect.gen(function* () {
        let records = 0
        for (let seed = 300_000; seed < 300_200; seed++) {
          const ring = Trace.ring(100_000)
          const nasty = seed % 2 === 1
          const handlers = HANDLERS[seed % 3]!
          // Plain handlers can't do all that a program may.
          const shape = handlers === "plain" ? { nasty, plain: true } : { nasty }
          const world = new World(seed, nasty)
          yield* Effect.exit(
            serviceRun(program(seed, mode, shape), world, handlers === "plain" ? "effect" : handlers).pipe(
              Effect.provide(Trace.to(ring)),
            ),
          )
          const trace = ring.trace()
          expectTheSame(again(trace), `${mode}, seed ${seed}`)
          records += trace.records.length
        }
        expect(records).toBeGreaterThan(2000)
      }),
    60_000,
  )

  it.live("of a calendar comes to the same states, whatever its clients send", () =>
    Effect.gen(function* () {
      for (let seed = 0; seed < 200; seed++) {
        const dice = random(seed)
        const ring = Trace.ring(100_000)
        const order = dice.pick<Calendar.Options["order"]>([
          { _tag: "FirstCome" },
          { _tag: "ById" },
          { _tag: "Shuffled", seed },
        ])!
        const options = { clients: dice.int(4), start: dice.bigint(1n << 64n), order }
        const { transitions, end } = tracerOf(ring, yield* Clock.Clock).calendar(options, undefined)
        let state = Calendar.make(options)
        const here = new Set<number>()
        for (let step = 0; step < 400; step++) {
          const client = dice.int(5)
          if (!here.has(client)) {
            here.add(client)
            state = transitions.connected(state, client).state
          } else if (dice.bool(0.03)) {
            here.delete(client)
            state = transitions.disconnected(state, client, dice.int(16)).state
          } else if (dice.bool(0.05)) {
            state = transitions.allow(state, dice.bool() ? { turns: dice.int(3) } : { turns: Infinity }).state
          } else {
            const message = { op: dice.int(11), seq: dice.int(20), time: dice.bigint(1000n) }
            const { state: next, commands } = transitions.clientMessage(state, client, message)
            state = next
            for (const command of commands) if (command._tag === "Disconnect") here.delete(command.client)
          }
        }
        end(state)
        expectTheSame(again(ring.trace()), `seed ${seed}`)
      }
    }))

  it.live("goes through whole programs on simulated time, and a calendar of them", () =>
    Effect.gen(function* () {
      const ring = Trace.ring(100_000)
      const program = Effect.gen(function* () {
        const calendar = yield* CalendarServer.serve({ clients: 3, order: "by-id" })
        const guest = (id: number) =>
          VirtualTime.run(Effect.repeat(Effect.sleep(id), { times: 400 })).pipe(
            Effect.provide(Mode.linked(calendar.link(), { id: BigInt(id) })),
          )
        yield* Effect.all([1, 2, 3].map(guest), { concurrency: 3 })
      })
      yield* Effect.scoped(program).pipe(Effect.provide(Trace.to(ring)))
      const trace = again(ring.trace())
      // States were compared on the way, not at the end alone.
      expect(trace.records.filter(({ what }) => what._tag === "State").length).toBeGreaterThan(4)
      expectTheSame(trace, "three guests")
    }))

  it.live("goes through what was interrupted, too", () =>
    Effect.gen(function* () {
      const ring = Trace.ring(1000)
      const program = Effect.gen(function* () {
        const clock = yield* GuestClock.GuestClock
        yield* clock.addEvent(GuestClock.event("stuck", Effect.never), 10n)
        yield* Effect.timeoutOption(clock.ndelay(100n), 5)
        yield* clock.ndelay(1000n)
      })
      yield* Effect.provide(program, Layer.provide(Mode.basic({ start: 0n }), Trace.to(ring)))
      const trace = again(ring.trace())
      expect(trace.records.some(({ what }) => what._tag === "Transition" && what.name === "abandon")).toBe(true)
      expect(trace.records.at(-1)!.time).toBe(1010n)
      expectTheSame(trace, "interrupted")
    }))

  const ringOf = Effect.gen(function* () {
    const ring = Trace.ring(1000)
    const program = Effect.gen(function* () {
      const clock = yield* GuestClock.GuestClock
      const timer = GuestClock.event("timer", ({ now, addEvent }) => addEvent(timer, now + 30n))
      yield* clock.addEvent(timer, 10n)
      yield* Effect.repeat(clock.ndelay(25n), { times: 20 })
    })
    yield* Effect.provide(program, Layer.provide(Mode.infCpu({ start: 0n }), Trace.to(ring)))
    return again(ring.trace())
  })

  it.live("can be gone back in: a position is a value, and leads to the same again", () =>
    Effect.gen(function* () {
      const trace = yield* ringOf
      const positions = [Replay.begin(trace, 0)]
      for (let at = 0; at < trace.records.length; at++) {
        const next = Replay.next(positions[at]!)
        if (Replay.isDivergence(next)) return expect.fail(next.what)
        positions.push(next)
      }
      const portraits = positions.map(({ state }) => Replay.format(state))
      const dice = random(1)
      for (let times = 0; times < 200; times++) {
        const from = dice.int(positions.length)
        const steps = dice.int(positions.length - from)
        const to = Replay.advance(positions[from]!, steps)
        if (Replay.isDivergence(to)) return expect.fail(`from ${from}, ${steps} steps: ${to.what}`)
        expect(Replay.format(to.state)).toBe(portraits[from + steps])
      }
      expect(portraits.map((portrait) => /now (\d+)/.exec(portrait)?.[1])[0]).toBe("0")
      const end = positions.at(-1)!
      expect(Replay.next(end)).toBe(end)
      expect(Replay.timeOf(end)).toBe(525n)
    }))

  it.live("stops where the run does something else than its trace, and says what", () =>
    Effect.gen(function* () {
      const trace = yield* ringOf
      const change = (n: number, what: (what: Trace.What) => object) => {
        const records = trace.records.map((record) =>
          record.n === n ? { ...record, what: { ...record.what, ...what(record.what) } as Trace.What } : record
        )
        const end = Replay.advance(Replay.begin({ ...trace, records }, 0))
        return Replay.isDivergence(end) ? [end.record.n, end.what] : "the same"
      }
      expect(change(-1, () => ({}))).toBe("the same")
      expect(change(2, () => ({ then: ["Tick"] }))).toEqual([2, "commands"])
      // What goes in otherwise is found where something else comes out.
      expect(change(2, () => ({ input: { duration: 20n } }))).toEqual([6, "time"])
      expect(change(1, () => ({ input: { event: 0, name: "timer", at: 11n, handled: true } }))).toEqual([2, "time"])
      const resume = trace.records.find(({ what }) => what._tag === "Transition" && what.name === "resume")!
      expect(change(resume.n, () => ({ input: { step: "Settle a9 busy on" } }))).toEqual([resume.n, "input"])
      expect(change(resume.n, () => ({ fault: "SleepForever: no" }))).toEqual([resume.n, "fault"])
      const last = trace.records.at(-1)!
      expect(change(last.n, () => ({ digest: "0".repeat(16) }))).toEqual([last.n, "state"])
    }))
})
