/**
 * What needs real time has it, whatever clock the program around it is on.
 *
 * @module
 */
import { describe, expect, it, vi } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import { GuestClock, Interrupts, Mode, VirtualTime } from "../src/index.ts"
import { running } from "../src/internal/platform/Runtime.ts"
import * as SocketLink from "../src/platform/SocketLink.ts"
import { Guest, Journal, Link, Progress, World } from "../src/simulation.ts"
import { it as simulated } from "../src/testing.ts"
import * as Trace from "../src/trace.ts"
import { ACK, START } from "./support/protocol.ts"
import { bytes, room } from "./support/rawClient.ts"
import * as worlds from "./support/worlds/two.ts"

const MS = 1_000_000n

/** Taken before anybody fakes it. */
const realMs = performance.now.bind(performance)

/** How long `effect` takes, in ms of real time. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const from = realMs()
    return Effect.map(effect, (value) => ({ value, ms: realMs() - from }))
  })

const quietly = Effect.provide(Logger.layer([]))

/** Waits for the real world, as a program on simulated time has to. */
const held = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | VirtualTime.HoldTimedOut, R> =>
  Effect.flatMap(
    Effect.serviceOption(VirtualTime.VirtualTime),
    (time) => Option.isNone(time) ? effect : time.value.hold(effect),
  )

const beside = Effect.forkChild(Effect.forever(Effect.sleep("1 second")))

/** Where programs are that need real time: each runs one as a test. */
const places: Readonly<Record<string, (name: string, program: Effect.Effect<unknown, unknown>) => void>> = {
  "on a TestClock": (name, program) => it.effect(name, () => program),
  "in VirtualTime.run": (name, program) => it.live(name, () => Effect.provide(VirtualTime.run(program), Mode.infCpu())),
  "in VirtualTime.run, with a seed and a heartbeat beside it": (name, program) =>
    it.live(name, () => Effect.provide(VirtualTime.run(Effect.andThen(beside, program), { seed: 7 }), Mode.infCpu())),
  "in it.simulated": (name, program) => simulated.simulated(name, () => program),
  "in a guest of another world": (name, program) =>
    it.live(
      name,
      () =>
        World.run(World.make({ guests: [Guest.make("one", program), Guest.make("other", Effect.sleep("1 hour"))] })),
    ),
}

const fakingTimers = <A, E>(program: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() =>
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "Date", "performance"] })
    ),
    () => program,
    () => Effect.sync(() => vi.useRealTimers()),
  )

const sleeping = Guest.make("sleeping", Effect.flatMap(GuestClock.GuestClock, (clock) => clock.sleep))
const waiting = Guest.make("waiting", Effect.never)

/** Two guests, 40 and 60 ms long. */
const short = World.make({
  guests: [Guest.make("short", Effect.sleep("40 millis")), Guest.make("long", Effect.sleep("60 millis"))],
})

const shown = ({ journal, time }: World.Result) => `${time}\n${journal.map(Journal.format).join("\n")}`

const outside = shown(await Effect.runPromise(World.run(worlds.bustle, { seed: 5, journal: true })))

/** What each of them needs real time for. */
const programs: Readonly<Record<string, Effect.Effect<unknown, unknown>>> = {
  "a world reports its deadlock": Effect.gen(function* () {
    const world = World.make({ guests: [sleeping, waiting] })
    const { value, ms } = yield* timed(Effect.flip(World.run(world, { deadlockAfter: "50 millis" })))
    expect(value).toMatchObject({ _tag: "CalendarDeadlock", clients: [{ state: "idle" }, { state: "idle" }] })
    // The pace begins a little before this does.
    expect(ms).toBeGreaterThan(40)
  }).pipe(quietly),
  "a guest that is alone in its world reports its own": Effect.gen(function* () {
    const { value, ms } = yield* timed(
      Effect.flip(World.run(World.make({ guests: [Guest.make("one", Effect.never)] }))),
    )
    expect(value).toMatchObject({ _tag: "GuestFailed", guest: "one", cause: { _tag: "Deadlock" } })
    expect(ms).toBeGreaterThan(99)
  }),
  "a world does what it does elsewhere": Effect.gen(function* () {
    const { value, ms } = yield* timed(World.run(worlds.bustle, { seed: 5, journal: true }))
    expect(shown(value)).toBe(outside)
    expect(value.realMs).toBeGreaterThan(0)
    expect(value.realMs).toBeLessThanOrEqual(ms)
  }),
  "a world keeps its pace": Effect.gen(function* () {
    const { value, ms } = yield* timed(World.run(short, { pace: 1 }))
    expect(value.time).toBe(60n * MS)
    expect(ms).toBeGreaterThan(59)
    expect(value.realMs).toBeGreaterThan(59)
  }),
  "a world has a guest in real time": Effect.gen(function* () {
    const { value, ms } = yield* timed(World.run(short, { realTime: ["long"] }))
    expect(value.time).toBeGreaterThanOrEqual(60n * MS)
    expect(ms).toBeGreaterThan(59)
  }),
  "a world's guest holds its time, up to the hold's cap": Effect.gen(function* () {
    const holding = VirtualTime.hold(Effect.never, { name: "lookup", cap: "30 millis" })
    const world = World.make({ guests: [Guest.make("holding", holding), Guest.make("other", Effect.sleep("1 hour"))] })
    const { value, ms } = yield* timed(Effect.flip(World.run(world)))
    expect(value).toMatchObject({ _tag: "GuestFailed", cause: { _tag: "HoldTimedOut", hold: "lookup" } })
    expect(ms).toBeGreaterThan(29)
  }),
  "a world shows its progress": Effect.gen(function* () {
    const looks: Array<number> = []
    const display: Progress.Display = {
      everyMs: 10,
      show: (_, realMs) => Effect.sync(() => void looks.push(realMs)),
      end: Effect.sync(() => void looks.push(Infinity)),
    }
    const { ms } = yield* timed(
      Effect.provideService(World.run(short, { pace: 0.5 }), Progress.CurrentDisplay, display),
    )
    expect(looks.length).toBeGreaterThan(1)
    looks.forEach((at, index) => expect(at).toBeGreaterThan(9 * (index + 1)))
    expect(looks.pop()).toBe(Infinity)
    expect(looks.at(-1)).toBeLessThan(ms)
  }),
  "a calendar says who is missing, who keeps the turn, and that nobody has asked for a time": Effect.gen(function* () {
    const patience = { missingAfter: "20 millis", slowTurnAfter: "30 millis", deadlockAfter: "40 millis" } as const
    const began = realMs()
    const server = yield* CalendarServer.serve({ clients: 1, ...patience })
    /** When the calendar says this, in real ms. */
    const hears = (tag: string) =>
      held(server.reports.pipe(
        Stream.takeUntil(({ _tag }) => _tag === tag),
        Stream.runDrain,
        Effect.map(() => realMs()),
      ))
    expect((yield* hears("Missing")) - began).toBeGreaterThan(19)
    const guest = Effect.gen(function* () {
      const clock = yield* GuestClock.GuestClock
      yield* clock.addEvent(GuestClock.event("turn", Effect.void), 10n)
      const asleep = realMs()
      yield* clock.sleep
      expect((yield* hears("LongTurn")) - asleep).toBeGreaterThan(29)
      const deadlock = yield* Effect.forkChild(hears("Deadlock"), { startImmediately: true })
      const idle = realMs()
      const sleeping = yield* Effect.forkChild(clock.sleep, { startImmediately: true })
      expect((yield* Fiber.join(deadlock)) - idle).toBeGreaterThan(39)
      yield* Fiber.interrupt(sleeping)
    })
    yield* Effect.provide(guest, Mode.linked(server.link("guest"), { id: 4n }))
  }).pipe(Effect.scoped, quietly),
  "a calendar keeps the pace that it is told later, and its guests theirs": Effect.gen(function* () {
    const server = yield* CalendarServer.serve({ clients: 2 })
    yield* server.setPace(2)
    const guest = (id: bigint) =>
      VirtualTime.run(Effect.sleep("100 millis")).pipe(
        Effect.provide(Mode.linked(server.link(`guest ${id}`), { id })),
      )
    const { ms } = yield* timed(held(Effect.all([guest(1n), guest(2n)], { concurrency: 2 })))
    // The pace begins a little before this does.
    expect(ms).toBeGreaterThan(40)
    expect((yield* server.stats).time).toBe(100n * MS)
  }).pipe(Effect.scoped),
  "a calendar hangs up on a client that broke a rule and doesn't read": Effect.gen(function* () {
    const server = yield* CalendarServer.serve()
    const input = yield* Queue.unbounded<Uint8Array>()
    const writes: Array<unknown> = []
    const write = (chunk: unknown) => Effect.andThen(Effect.sync(() => writes.push(chunk)), Effect.never)
    const socket = Socket.make({
      reader: Effect.succeed({
        pull: Effect.map(Queue.take(input), (chunk) => [chunk] as const),
        upgrade: () => Effect.void,
      }),
      writer: Effect.succeed({ write, writeAll: (chunks) => Effect.forEach(chunks, write, { discard: true }) }),
    })
    yield* Queue.offer(input, bytes(START, 1, 5n))
    yield* Queue.offer(input, bytes(START, 2, 5n))
    const { ms } = yield* timed(held(server.accept(socket)))
    expect(ms).toBeGreaterThan(999)
    expect(writes).toEqual([bytes(ACK, 1, 0n)])
    expect((yield* server.stats).clients).toBe(0)
  }).pipe(Effect.scoped, quietly),
  "a guest in external mode sleeps on a calendar at a socket": Effect.gen(function* () {
    const { path } = yield* room
    const server = yield* held(CalendarServer.make({ path }))
    const guest = Effect.provide(VirtualTime.run(Effect.sleep("1 day")), Mode.external({ socket: path, id: 1n }))
    yield* held(guest)
    expect(yield* held(server.ended)).toBe("left")
    expect((yield* server.stats).time).toBe(86_400_000n * MS)
  }).pipe(Effect.scoped),
  "a guest connects again to a calendar that is too busy to take it in": Effect.gen(function* () {
    const { path } = yield* room
    const [command, ...args] = running(new URL("./support/busyListener.ts", import.meta.url).href)
    const connecting = Effect.gen(function* () {
      const listener = yield* Effect.acquireRelease(
        Effect.sync(() => spawn(command, [...args, path, "300"], { stdio: ["ignore", "pipe", "inherit"] })),
        (listener) => Effect.sync(() => listener.kill("SIGKILL")),
      )
      yield* Effect.promise(() => once(listener.stdout, "data"))
      const connections = Array.from({ length: 8 }, () => SocketLink.connect(path))
      return yield* Effect.all(connections, { concurrency: "unbounded" })
    })
    expect(yield* held(Effect.scoped(connecting))).toHaveLength(8)
  }).pipe(Effect.scoped),
  "a clock in off mode, and one in basic mode, follow the host's": Effect.gen(function* () {
    const busy = Effect.flatMap(GuestClock.GuestClock, (clock) => Effect.andThen(clock.ndelay(30n * MS), clock.now))
    const off = yield* timed(held(Effect.provide(busy, Mode.off())))
    expect(off.value).toBeGreaterThanOrEqual(30n * MS)
    expect(off.ms).toBeGreaterThan(29)
    expect((yield* held(Effect.provide(busy, Mode.basic()))) >= 30n * MS).toBe(true)
  }),
  "a trace has the real time of each record": Effect.gen(function* () {
    const ring = Trace.ring(100)
    const world = World.run(short, { pace: 1 })
    yield* Effect.provide(world, Trace.to(ring))
    const { sources, records } = ring.trace()
    expect(records.at(-1)!.real).toBeGreaterThan(55n * MS)
    for (const { began } of sources) expect(began).toBeGreaterThan(1_700_000_000_000n * MS)
  }),
}

/** These take their time, and are tried in the first places only. */
const slow = [/hangs up/, /connects again/]

describe.each(Object.keys(places))("%s", (place) => {
  const isSlow = (name: string) => slow.some((pattern) => pattern.test(name))
  for (const [name, program] of Object.entries(programs)) {
    if (Object.keys(places).indexOf(place) < 2 || !isSlow(name)) places[place]!(name, program)
  }
})

describe("where timers are faked", () => {
  it.live("a program on simulated time has its deadlock reported", () =>
    fakingTimers(Effect.gen(function* () {
      const { value, ms } = yield* timed(Effect.flip(Effect.provide(VirtualTime.run(Effect.never), Mode.infCpu())))
      expect(value).toMatchObject({ _tag: "Deadlock" })
      expect(ms).toBeGreaterThan(99)
    })))

  for (const [name, program] of Object.entries(programs).slice(0, 4)) it.live(name, () => fakingTimers(program))
})

describe("a world on simulated time", () => {
  const run = <A, E>(
    program: Effect.Effect<A, E, VirtualTime.VirtualTime>,
    options?: VirtualTime.Options,
  ) => Effect.provide(VirtualTime.run(program, options), Mode.infCpu({ start: 0n }))

  it.live("takes none of that, however long it runs, and is no deadlock of it", () =>
    run(
      Effect.gen(function* () {
        yield* beside
        yield* Effect.sleep("1500 millis")
        const { value, ms } = yield* timed(World.run(short, { pace: 0.5 }))
        expect([value.time, ms > 119]).toEqual([60n * MS, true])
        expect(yield* Clock.currentTimeMillis).toBe(1500)
        yield* Effect.sleep("1 second")
        expect(yield* Clock.currentTimeMillis).toBe(2500)
      }),
      { deadlockAfter: "20 millis" },
    ))

  it.live("counts no steps and makes no decisions of the program's", () =>
    run(
      Effect.gen(function* () {
        yield* World.run(worlds.bustle)
        expect(yield* (yield* VirtualTime.VirtualTime).decisions).toEqual([])
      }),
      { livelockAfter: 1000, seed: 3 },
    ))

  it.live("lets time go on when it has failed, and when it is interrupted", () =>
    run(Effect.gen(function* () {
      expect(yield* Effect.flip(World.run(worlds.failing))).toMatchObject({ _tag: "GuestFailed", guest: "bad" })
      yield* Effect.sleep("1 second")
      const endless = yield* Effect.forkChild(World.run(worlds.endless, { pace: 1 }), { startImmediately: true })
      yield* VirtualTime.hold(Effect.sleep("20 millis"))
      expect(yield* Clock.currentTimeMillis).toBe(1000)
      yield* Fiber.interrupt(endless)
      yield* Effect.sleep("1 second")
      expect(yield* Clock.currentTimeMillis).toBe(2000)
    })))

  it.live("sends messages between its guests, which send through no clock but theirs", () =>
    run(Effect.gen(function* () {
      const wire = Link.make("wire", { ends: ["one", "other"], message: worlds.Message, latency: "1 millis" })
      const at: Array<bigint> = []
      const one = Guest.make(
        "one",
        Effect.gen(function* () {
          const port = yield* Link.open(wire)
          yield* port.send({ from: "one", n: 1n })
          at.push((yield* port.receive).at)
        }),
      )
      const other = Guest.make(
        "other",
        Effect.gen(function* () {
          const port = yield* Link.open(wire)
          yield* port.send((yield* port.receive).message)
        }),
      )
      yield* World.run(World.make({ guests: [one, other], links: [wire] }))
      expect(at).toEqual([2n * MS])
    })))
})

describe("a mode's layer", () => {
  const services = Effect.all([GuestClock.GuestClock, Interrupts.Interrupts])

  it.live.each(["off", "basic", "infCpu"] as const)(
    "in mode %s has a CPU of its own, within another's as well",
    (mode) =>
      Effect.gen(function* () {
        const inner = Effect.provide(services, Mode[mode]())
        const nested = Effect.provide(Effect.all([services, inner, inner]), Mode.infCpu())
        const [[clock, cpu], [first, firstCpu], [second, secondCpu]] = yield* nested
        expect(new Set([clock, first, second]).size).toBe(3)
        expect(new Set([cpu, firstCpu, secondCpu]).size).toBe(3)
      }),
  )

  it.live("is one clock and its CPU wherever the same layer is provided again", () =>
    Effect.gen(function* () {
      const mode = Mode.infCpu()
      const [[clock, cpu], [again, againCpu]] = yield* Effect.provide(
        Effect.all([services, Effect.provide(services, mode)]),
        Layer.provideMerge(mode, Layer.empty),
      )
      expect([again === clock, againCpu === cpu]).toEqual([true, true])
    }))
})
