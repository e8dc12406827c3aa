/**
 * What people give to a simulation, and what they get where it can't be: an `OptionError` that says which one it
 * is, what was given and what is allowed, and no bare `RangeError` or `TypeError`. Each row of the tables is fed with
 * everything that is odd, and says what of it is allowed after all.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import { OptionError } from "../../src/core/Fault.ts"
import { GuestClock, Mode, VirtualTime } from "../../src/index.ts"
import {
  Checker,
  Device,
  Devices,
  Distribution,
  Guest,
  Impairment,
  Link,
  Random,
  Statistics,
  World,
} from "../../src/simulation.ts"

/** What is given in turn, as types wouldn't allow it. */
const odd: ReadonlyArray<unknown> = [
  NaN,
  Infinity,
  -Infinity,
  -1,
  0,
  1,
  1.5,
  7,
  2 ** 64,
  1e306,
  1e-320,
  -1n,
  0n,
  5n,
  2n ** 64n,
  2n ** 64n - 1n,
  2n ** 2000n,
  "",
  "soon",
  "-1 second",
  "1 millis",
  null,
  true,
  [],
  [NaN, 1],
  {},
  { seconds: NaN },
  () => 5,
  Object.create(null),
]

const label = (value: unknown): string =>
  typeof value === "bigint"
    ? `${value}n`
    : typeof value === "object"
    ? JSON.stringify(value)
    : typeof value === "string"
    ? JSON.stringify(value)
    : String(value)

type Given = never
type Allows = (value: unknown) => boolean
/** What errors call it, what is allowed, and what is done with it. */
type Row = readonly [option: string, allows: Allows, use: (value: Given) => unknown]

const anyOf = (...values: ReadonlyArray<unknown>): Allows => (value) => values.includes(value)
const share = anyOf(0, 1, 1e-320)
const wholeFrom = (least: number, most = Number.MAX_SAFE_INTEGER): Allows => (value) =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= most
const orInfinity = (allows: Allows): Allows => (value) => value === Infinity || allows(value)
const nanos = (least: bigint, most: bigint): Allows => (value) =>
  typeof value === "bigint" && value >= least && value <= most
/** A duration that fits a simulation. */
const simulated = anyOf(0, 1, 1.5, 7, 1e-320, 0n, 5n, "1 millis")
/** One of real time may be as long as one likes. */
const real: Allows = (value) =>
  simulated(value) || anyOf(Infinity, 2 ** 64, 1e306)(value) || typeof value === "bigint" && value > 0n
const pace = anyOf(1, 1.5, 7)
const isName: Allows = (value) => typeof value === "string" && value !== ""
const seed = wholeFrom(0, 0xffff_ffff)

/** Everything that is thrown, and everything that an effect ends with. */
const endOf = async (use: () => unknown): Promise<Exit.Exit<unknown, unknown>> => {
  try {
    const used = use()
    return Effect.isEffect(used)
      ? await Effect.runPromiseExit(used as Effect.Effect<unknown, unknown>)
      : used instanceof OptionError
      ? Exit.fail(used)
      : Exit.succeed(used)
  } catch (error) {
    return Exit.die(error)
  }
}

/** What a guest failed with is the cause of its failure. */
const root = (error: unknown): unknown => error instanceof World.GuestFailed ? error.cause ?? error : error

const check = ([option, allows, use]: Row) => async () => {
  for (const value of odd) {
    const exit = await endOf(() => use(value as Given))
    const given = `${option} given ${label(value)}`
    if (allows(value)) {
      expect(Exit.isSuccess(exit) ? "allowed" : Cause.pretty(exit.cause), given).toBe("allowed")
      continue
    }
    if (Exit.isSuccess(exit)) expect.fail(`${given} was allowed`)
    const error = root(Cause.squash(exit.cause))
    expect(error, given).toBeInstanceOf(OptionError)
    const { option: named, message } = error as OptionError
    expect(named, given).toContain(option)
    expect(message, given).toMatch(/^[^]+ can't be [^]+: [^]{5,}$/)
  }
}

const rows = (table: ReadonlyArray<Row>) => it.for(table.map((row, index) => [`${row[0]} (${index})`, row] as const))

const idle = (name: string, options?: Guest.Options) => Guest.make(name, Effect.void, options)
const two = World.make({ guests: [idle("a"), idle("b")] })
const one = World.make({ guests: [idle("a")] })
const linked = (options: Partial<Link.Options<number>>) =>
  World.run(World.make({
    guests: [idle("a"), idle("b")],
    links: [Link.make("l", { ends: ["a", "b"], message: Schema.Number, ...options })],
  }))
/** A link on which the first guest sends. */
const sending = (options: Partial<Link.Options<number>>) =>
  World.run(World.make({
    guests: [Guest.make("a", Effect.flatMap(Link.open(wire(options)), (port) => port.send(1))), idle("b")],
    links: [wire(options)],
  }))
const wire = (options: Partial<Link.Options<number>>) =>
  Link.make("l", { ends: ["a", "b"], message: Schema.Number, ...options })

describe("options of a link are named where they can't be", () => {
  rows([
    ['latency of the link "l"', simulated, (latency) => linked({ latency })],
    [
      'bandwidth of the link "l"',
      (v) => wholeFrom(1)(v) || typeof v === "bigint" && v > 0n,
      (bandwidth) => linked({ bandwidth }),
    ],
    ['queue of the link "l"', orInfinity(wholeFrom(1)), (queue) => linked({ queue })],
    ['loss of the link "l"', share, (loss) => linked({ loss })],
    ['duplication of the link "l"', share, (duplication) => linked({ duplication })],
    ['reordering of the link "l"', share, (reordering) => linked({ reordering })],
    ['outages of the link "l"', (v) => Array.isArray(v) && v.length === 0, (outages) => linked({ outages })],
    ['outages of the link "l"', nanos(0n, 9n), (from) => linked({ outages: [{ from, until: 10n }] })],
    [
      'outages of the link "l"',
      (v) => typeof v === "bigint" && v > 1n,
      (until) => linked({ outages: [{ from: 1n, until }] }),
    ],
    ['ends of the link "l"', () => false, (ends) => linked({ ends })],
    ['size of the link "l"', (v) => typeof v === "function", (size) => linked({ size })],
    ['size of the link "l"', wholeFrom(0), (bytes) => sending({ bandwidth: 1000, size: () => bytes })],
    [
      'impairments of the link "l"',
      (v) => typeof v === "object" && v !== null,
      (impairments) => linked({ impairments }),
    ],
    ['impairments of the link "l".drop', share, (drop) => linked({ impairments: { drop } })],
    ['impairments of the link "l".by', () => false, (by) => linked({ impairments: { by } })],
    [
      'impairments of the link "l".during',
      (v) => Array.isArray(v) && v.length === 0,
      (during) => linked({ impairments: { during } }),
    ],
    [
      "the name of a link",
      isName,
      (name) =>
        World.run(World.make({ ...two, links: [Link.make(name, { ends: ["a", "b"], message: Schema.Number })] })),
    ],
  ])("%s", ([, row]) => check(row)())
})

describe("options of a world are named where they can't be, for one guest as for two", () => {
  for (const world of [one, two]) {
    rows([
      ["seed", seed, (seed) => World.run(world, { seed })],
      ["until", simulated, (until) => World.run(world, { until })],
      ["start", nanos(0n, 2n ** 64n - 1n), (start) => World.run(world, { start })],
      ["pace", pace, (pace) => World.run(world, { pace })],
      ["order", () => false, (order) => World.run(world, { order })],
      ["order.seed", seed, (seed) => World.run(world, { order: { seed } })],
      ["deadlockAfter", real, (deadlockAfter) => World.run(world, { deadlockAfter })],
      ["realTime", (v) => Array.isArray(v) && v.length === 0, (realTime) => World.run(world, { realTime })],
    ])(`%s, of ${world.guests.length}`, ([, row]) => check(row)())
  }
  rows([
    ["the name of a guest", isName, (name) => World.run(World.make({ guests: [idle(name)] }))],
    [
      'livelockAfter of the guest "a"',
      orInfinity(wholeFrom(1, Infinity)),
      (livelockAfter) => World.run(World.make({ guests: [idle("a", { livelockAfter })] })),
    ],
    ["guests", () => false, (guests) => World.run(World.make({ guests }))],
    [
      "links",
      (v) => Array.isArray(v) && v.length === 0,
      (links) => World.run(World.make({ guests: [idle("a")], links })),
    ],
  ])("%s", ([, row]) => check(row)())
})

const virtual = (options: VirtualTime.Options) => Effect.provide(VirtualTime.run(Effect.void, options), Mode.infCpu())

describe("options of simulated time are named where they can't be", () => {
  rows([
    ["seed", seed, (seed) => virtual({ seed })],
    ["order._tag", () => false, (order) => virtual({ order: { _tag: order } as never })],
    ["order.seed", seed, (seed) => virtual({ order: { _tag: "Seeded", seed } })],
    ["order.chosen", () => false, (chosen) => virtual({ order: { _tag: "Replayed", chosen } })],
    [
      "order.chosen",
      wholeFrom(0),
      (chosen) => virtual({ order: { _tag: "Replayed", chosen: new Map([[0, chosen]]) } }),
    ],
    ["pace", pace, (pace) => virtual({ pace })],
    ["limits.events", orInfinity(wholeFrom(0, Infinity)), (events) => virtual({ limits: { events } })],
    ["limits.simulatedTime", real, (simulatedTime) => virtual({ limits: { simulatedTime } })],
    ["limits.realTime", real, (realTime) => virtual({ limits: { realTime } })],
    ["livelockAfter", orInfinity(wholeFrom(1, Infinity)), (livelockAfter) => virtual({ livelockAfter })],
    ["livelockAfterRealTime", real, (livelockAfterRealTime) => virtual({ livelockAfterRealTime })],
    ["deadlockAfter", real, (deadlockAfter) => virtual({ deadlockAfter })],
    ["stalledAfter", real, (stalledAfter) => virtual({ stalledAfter })],
    ["stalled", () => false, (stalled) => virtual({ stalled })],
    ["requests", () => false, (requests) => virtual({ requests })],
    ["timersAtEnd", () => false, (timersAtEnd) => virtual({ timersAtEnd })],
    ["cap", real, (cap) => Effect.provide(VirtualTime.run(VirtualTime.hold(Effect.void, { cap })), Mode.infCpu())],
    ["pace", pace, (factor) =>
      Effect.provide(
        VirtualTime.run(Effect.flatMap(VirtualTime.VirtualTime, (time) => time.setPace(factor))),
        Mode.infCpu(),
      )],
    ["pace", pace, (pace) => Effect.scoped(CalendarServer.serve({ pace }))],
  ])("%s", ([, row]) => check(row)())
})

const random = () => Random.makeUnsafe(1)
const draw = (distribution: Distribution.Distribution) => Distribution.sampler(distribution, random())()
const upTo62 = anyOf(0, 1, 1.5, 7, 1e-320, 0n, 5n, "1 millis")
const number = (least: number, most: number): Allows => (value) =>
  typeof value === "number" && value >= least && value <= most
const TEN = "10 millis"

describe("a pace", () => {
  it.live.each([1e9, 1e-9])("of %d is allowed, and its times stay times", (pace) =>
    Effect.gen(function* () {
      const sleeping = (name: string) => Guest.make(name, Effect.sleep(pace > 1 ? "10000 days" : 0))
      for (const guests of [[sleeping("a")], [sleeping("a"), sleeping("b")]]) {
        const { time } = yield* World.run(World.make({ guests }), { pace })
        expect(time).toBe(pace > 1 ? 864_000_000_000_000_000n : 0n)
      }
      const program = Effect.sleep(pace > 1 ? "10000 days" : 0)
      yield* Effect.provide(VirtualTime.run(program, { pace }), Mode.infCpu())
    }))
})

describe("times of a clock", () => {
  it.live.each(["soon", NaN, [], {}, null].map((given) => ({ given })))(
    "can't be $given, and say so",
    ({ given }) =>
      Effect.gen(function* () {
        const clock = yield* GuestClock.GuestClock
        const exit = yield* Effect.exit(clock.after(given as Given))
        expect(Exit.isFailure(exit) && Cause.squash(exit.cause)).toMatchObject({
          _tag: "OptionError",
          option: "a duration",
        })
      }).pipe(Effect.provide(Mode.infCpu())),
  )

  it.live("are bigints: another number is out of range", () =>
    Effect.gen(function* () {
      const clock = yield* GuestClock.GuestClock
      for (const given of [5, NaN, -1n, 2n ** 64n] as ReadonlyArray<unknown> as ReadonlyArray<Given>) {
        const event = GuestClock.event("event", () => {})
        for (
          const use of [
            clock.ndelay(given),
            clock.addEvent(event, given),
            VirtualTime.run(VirtualTime.setWallClock(given)),
          ]
        ) {
          const error = yield* Effect.flip(use)
          expect(error).toMatchObject({ _tag: "TimeOutOfRange", given })
        }
      }
    }).pipe(Effect.provide(Mode.infCpu())))
})

describe("chance is named where it can't be", () => {
  rows([
    ["seed", seed, (seed) => Random.make(seed)],
    ["n", nanos(1n, 2n ** 64n), (n) => random().below(n)],
    ["probability", share, (probability) => random().chance(probability)],
    ["", upTo62, (value) => draw(Distribution.constant(value))],
    ["", upTo62, (least) => draw(Distribution.uniform(least, TEN))],
    ["", upTo62, (most) => draw(Distribution.uniform(0n, most))],
    ["", upTo62, (mean) => draw(Distribution.exponential(mean))],
    ["", upTo62, (mean) => draw(Distribution.erlang(mean, 2))],
    ["distribution", wholeFrom(1, 1000), (stages) => draw(Distribution.erlang(5n, stages))],
    ["distribution", number(0.1, 1e6), (shape) => draw(Distribution.gamma(5n, shape))],
    ["", upTo62, (mean) => draw(Distribution.gamma(mean, 2))],
    ["", upTo62, (mean) => draw(Distribution.normal(mean, 1n))],
    ["", upTo62, (deviation) => draw(Distribution.normal(1n, deviation))],
    ["", upTo62, (median) => draw(Distribution.logNormal(median, 1))],
    ["distribution", number(0, 10), (sigma) => draw(Distribution.logNormal(5n, sigma))],
    ["", upTo62, (least) => draw(Distribution.pareto(least, 2))],
    ["distribution", number(0.1, 1000), (shape) => draw(Distribution.pareto(5n, shape))],
    ["", upTo62, (least) => draw(Distribution.triangular(least, TEN, TEN))],
    ["", upTo62, (mode) => draw(Distribution.triangular(0n, mode, TEN))],
    ["", upTo62, (most) => draw(Distribution.triangular(0n, 0n, most))],
    ["", () => false, (parts) => draw(Distribution.mixture(parts))],
    ["distribution", number(1e-320, Number.MAX_VALUE), (weight) => draw(Distribution.mixture([[weight, 5n]]))],
    ["", upTo62, (part) => draw(Distribution.mixture([[1, part]]))],
    ["", () => false, (values) => draw(Distribution.empirical(values))],
    ["", upTo62, (value) => draw(Distribution.empirical([[1, value]]))],
    ["distribution", () => false, (distribution) => draw(distribution)],
    ["distribution", () => false, (_tag) => draw({ _tag } as never)],
    ["distribution", nanos(0n, 1n << 62n), (value) => draw({ _tag: "Constant", value })],
    ["distribution", () => false, (distribution) => Distribution.mean(distribution)],
    ["impairments.drop", share, (drop) => Impairment.decider({ drop }, random())],
    ["impairments.corrupt", share, (corrupt) => Impairment.decider({ corrupt }, random())],
    ["impairments.duplicate", share, (duplicate) => Impairment.decider({ duplicate }, random())],
    ["impairments.delay", share, (delay) => Impairment.decider({ delay }, random())],
    ["impairments.by", () => false, (by) => Impairment.decider({ by }, random())],
    ["swarm.horizon", nanos(1n, 1n << 62n), (horizon) => Impairment.swarm(random(), { horizon })],
    ["swarm.most", share, (most) => Impairment.swarm(random(), { horizon: 9n, most })],
    ["swarm.outages", wholeFrom(0, 1000), (outages) => Impairment.swarm(random(), { horizon: 9n, outages })],
    [
      "swarm.kinds",
      (v) => Array.isArray(v) && v.length === 0,
      (kinds) => Impairment.swarm(random(), { horizon: 9n, kinds }),
    ],
  ])("%s", ([, row]) => check(row)())

  it("says which of a distribution's numbers it is, and where it was given", async () => {
    const messages = [
      [
        () => linked({ latency: Distribution.exponential(-1) }),
        /^latency of the link "l" can't be -1000000: the mean is from 0/,
      ],
      [
        () => linked({ latency: Distribution.uniform(2, 1) }),
        /^latency of the link "l" can't be 1000000: most is from 2000000/,
      ],
      [() => linked({ latency: Distribution.empirical([]) }), /^latency of the link "l" can't be 0: its weights/],
      [
        () => linked({ latency: Distribution.erlang(5n, 0) }),
        /^latency of the link "l" can't be 0: stages is from 1 to 1000/,
      ],
      [
        () => linked({ latency: "soon" as never }),
        /^latency of the link "l" can't be soon: it is a distribution, or a duration/,
      ],
      [() => draw(Distribution.mixture([[1, Distribution.erlang(5n, 0)]])), /^distribution can't be 0: stages/],
      [() => Distribution.uniform(NaN, 1), /^least can't be NaN: it is a duration/],
      [() => World.run(one, { until: NaN }), /^until can't be NaN: it is a time from 0 on/],
    ] as const
    for (const [use, words] of messages) {
      const exit = await endOf(use)
      expect(Exit.isFailure(exit) && (Cause.squash(exit.cause) as Error).message).toMatch(words)
    }
  })
})

/** On a clock of its own. */
const onClock = <A, E>(effect: Effect.Effect<A, E, VirtualTime.VirtualTime | GuestClock.GuestClock>) =>
  Effect.provide(VirtualTime.run(effect), Mode.infCpu())

const register = (use: Device.Register) => Device.registers("device", () => ({ R: use }))
const served = (serving: Partial<Device.Serving<number, number>>) =>
  onClock(Effect.gen(function* () {
    const server = yield* Device.server<number, number>("device", {
      serve: () => ({ time: 5n, response: 1 }),
      ...serving,
    })
    // The second and the third have to be chosen from.
    yield* Effect.all([1, 2, 3].map(server.submit), { concurrency: "unbounded" })
  }))
const submitted = (request: Devices.DiskRequest) =>
  onClock(Effect.flatMap(Devices.disk("disk"), (disk) => disk.submit(request)))

describe("what devices are given is named where it can't be", () => {
  rows([
    [
      "accessTime",
      nanos(0n, 1n << 62n),
      (accessTime) => onClock(Device.registers("device", () => ({}), { accessTime })),
    ],
    ["accessTime", nanos(0n, 1n << 62n), (accessTime) => onClock(Devices.timer("timer", { accessTime }))],
    ["accessTime", nanos(0n, 1n << 62n), (accessTime) => onClock(Devices.uart("uart", { accessTime }))],
    [
      'a delay of the device "device"',
      nanos(0n, 2n ** 64n - 1n),
      (delay) =>
        onClock(Device.registers("device", ({ after }) => {
          after(delay, () => {})
          return {}
        })),
    ],
    ['a delay of the device "device"', nanos(0n, 2n ** 64n - 1n), (delay) =>
      onClock(Effect.andThen(
        // Past the end of time as well.
        Effect.sleep("1 second"),
        Effect.flatMap(
          Device.registers("device", ({ after }) => ({ R: { write: () => void after(delay, () => {}) } })),
          (device) => device.write("R", 1n),
        ),
      ))],
    [
      "what is read from R of device",
      nanos(-(2n ** 63n), 2n ** 64n - 1n),
      (value) => onClock(Effect.flatMap(register({ read: () => value }), (device) => device.read("R"))),
    ],
    [
      "what is written to R of device",
      nanos(-(2n ** 63n), 2n ** 64n - 1n),
      (value) => onClock(Effect.flatMap(register({ write: () => {} }), (device) => device.write("R", value))),
    ],
    ["time that serve of device returns", nanos(0n, 10n), (time) => served({ serve: () => ({ time, response: 1 }) })],
    ["time that serve of device returns", () => false, (result) => served({ serve: () => result })],
    ["what choose of device returns", anyOf(0), (index) => served({ choose: () => index })],
    ["PERIOD of timer", nanos(0n, 2n ** 63n - 1n), (period) => {
      // What isn't of 64 bits is a matter of registers.
      const isValue = nanos(0n, 2n ** 64n - 1n)(period)
      return onClock(Effect.gen(function* () {
        const timer = yield* Devices.timer("timer")
        yield* timer.write("PERIOD", isValue ? period : 2n ** 63n as Given)
        yield* timer.write("CONTROL", Devices.TIMER_RUN)
      }))
    }],
    ["tracks", wholeFrom(1), (tracks) => onClock(Devices.disk("disk", { tracks }))],
    ["sectorsPerTrack", wholeFrom(1), (sectorsPerTrack) => onClock(Devices.disk("disk", { sectorsPerTrack }))],
    ["settleTime", nanos(0n, 1n << 62n), (settleTime) => onClock(Devices.disk("disk", { settleTime }))],
    ["timePerTrack", nanos(0n, 1n << 62n), (timePerTrack) => onClock(Devices.disk("disk", { timePerTrack }))],
    ["revolution", nanos(1n, 1n << 62n), (revolution) => onClock(Devices.disk("disk", { revolution }))],
    ["schedule", () => false, (schedule) => onClock(Devices.disk("disk", { schedule }))],
    ["sector of disk", wholeFrom(0, 49_999_999), (sector) => submitted({ sector, count: 1 })],
    ["count of disk", wholeFrom(1, 50_000_000), (count) => submitted({ sector: 0, count })],
    ["baud", wholeFrom(1), (baud) => onClock(Devices.uart("uart", { baud }))],
    ["fifo", wholeFrom(1), (fifo) => onClock(Devices.uart("uart", { fifo }))],
    [
      "a byte that arrives at uart",
      wholeFrom(0, 255),
      (byte) => onClock(Effect.map(Devices.uart("uart"), (uart) => uart.arrive(byte))),
    ],
  ])("%s", ([, row]) => check(row)())

  it.live("has a request that can't be served fail alone, and the device goes on", () =>
    onClock(Effect.gen(function* () {
      const disk = yield* Devices.disk("disk")
      const [bad, good] = yield* Effect.all(
        [Effect.exit(disk.submit({ sector: NaN, count: 1 })), disk.submit({ sector: 0, count: 1 })],
        { concurrency: "unbounded" },
      )
      expect(Exit.isFailure(bad) && (Cause.squash(bad.cause) as Error).message).toMatch(/^sector of disk can't be NaN/)
      expect(good.transfer).toBeGreaterThan(0n)
    })))

  it.live("has the OptionErrors that a register's own functions throw in the error channel", () =>
    onClock(Effect.gen(function* () {
      const timer = yield* Devices.timer("timer")
      const error = yield* Effect.flip(timer.write("PERIOD", 2n ** 64n - 1n))
      expect(error).toMatchObject({ _tag: "OptionError", option: "PERIOD of timer", given: 2n ** 64n - 1n })
      expect(error.message).toContain("from 0 to 2^63 − 1")
      yield* timer.write("PERIOD", 2n ** 63n - 1n)
      // Twice as long is past the end of time.
      yield* timer.write("CONTROL", Devices.TIMER_RUN | Devices.TIMER_PERIODIC)
      yield* Effect.sleep("1 day")
      yield* timer.write("CONTROL", 0n)
      yield* timer.write("CONTROL", Devices.TIMER_RUN)
      yield* Effect.sleep("1 day")
      expect(yield* timer.read("STATUS")).toBe(0n)
    })))
})

const measured = () => new Statistics.Statistics(() => 0n)
const finite: Allows = (value) => typeof value === "number" && Number.isFinite(value)

describe("what is measured is named where it can't be", () => {
  rows([
    ["value", nanos(0n, 2n ** 64n - 1n), (value) => measured().histogramUnsafe("h").record(value)],
    ["value", nanos(0n, 2n ** 64n - 1n), (value) => new Statistics.Histogram().record(value)],
    ["share", share, (share) => new Statistics.Histogram().quantile(share)],
    ["precision", wholeFrom(1, 4), (precision) => measured().histogramUnsafe("h", { precision })],
    [
      "n",
      (v) => wholeFrom(-9)(v) || typeof v === "bigint",
      (n) => measured().counterUnsafe("c").add(n),
    ],
    ["value", finite, (value) => measured().levelUnsafe("l").set(value)],
    ["value", finite, (difference) => measured().levelUnsafe("l").add(difference)],
    ["value", finite, (value) => measured().seriesUnsafe("s").sample(value)],
    ["capacity", wholeFrom(2, 1_048_576), (capacity) => measured().seriesUnsafe("s", { capacity })],
    ["every", wholeFrom(1, 2 ** 31), (every) => measured().seriesUnsafe("s", { every })],
  ])("%s", ([, row]) => check(row)())

  it.live("says so at once, at the time, and what a guest had measured until then isn't lost", () =>
    Effect.gen(function* () {
      const guest = Guest.make(
        "a",
        Effect.gen(function* () {
          const wait = yield* Statistics.histogram("wait")
          wait.record(1n)
          yield* Effect.sleep("1 second")
          try {
            wait.record(1.5 as never)
          } catch (error) {
            yield* Guest.note((error as Error).message)
          }
          wait.record(3n)
        }),
      )
      const { guests, journal } = yield* World.run(World.make({ guests: [guest] }), { journal: true })
      expect(guests[0]!.statistics[0]).toMatchObject({ _tag: "Histogram", count: 2, sum: 4n })
      expect(journal[0]).toMatchObject({
        time: 1_000_000_000n,
        text: 'value can\'t be 1.5: from 0 up to, not including, 2^64, as a bigint (the histogram "wait")',
      })
    }))
})

const checked = (checker: Checker.Checker) =>
  World.run(World.make({ guests: [Guest.make("a", Guest.note("n", 1))], checkers: [checker] }))

describe("what a checker's functions return is named where it can't be", () => {
  rows([
    [
      'what the checker "c" reads',
      (v) => typeof v === "bigint" || typeof v === "number" && !Number.isNaN(v),
      (value) => checked(Checker.monotonic("c", "n", () => value)),
    ],
    [
      'what the checker "c" reads',
      (v) => Array.isArray(v) && v.length === 2,
      (value) => checked(Checker.agreement("c", "n", () => value)),
    ],
    ['what the checker "c" is told', anyOf(true), (value) => checked(Checker.always("c", () => value))],
    ['what the checker "c" is told', anyOf(true), (value) => checked(Checker.eventually("c", () => value))],
  ])("%s", ([, row]) => check(row)())

  it.live("and that one throws is found, with the note at which it did", () =>
    Effect.gen(function* () {
      const thrower = Checker.always("c", () => {
        throw new TypeError("no such thing")
      })
      const error = yield* Effect.flip(checked(thrower))
      expect(error).toMatchObject({ _tag: "CheckFailed", finding: { checker: "c", time: 0n, seen: [{ text: "n" }] } })
      expect(error.message).toBe("c: it throws TypeError: no such thing, at 0 ns (seed 0)")
      expect(error.cause).toBeInstanceOf(TypeError)
    }))
})

describe("a world's end", () => {
  const ticker = (name: string, every: bigint) =>
    Guest.make(name, Effect.forever(Effect.andThen(Effect.sleep(every), Guest.note("tick"))))
  const ticks = (name: string, { journal }: World.Result) =>
    journal.flatMap((entry) => entry._tag === "Noted" && entry.guest === name ? [entry.time] : [])

  it.live.each([1, 2, 3])("comes after what is due exactly then, with %i guests", (count) =>
    Effect.gen(function* () {
      const guests = ["a", "b", "c"].slice(0, count).map((name) => ticker(name, 100n))
      const at = (until: bigint) => World.run(World.make({ guests }), { until, journal: true })
      const times = (last: number) => Array.from({ length: last }, (_, n) => BigInt(n + 1) * 100n)
      for (const [until, last] of [[0n, 0], [99n, 0], [100n, 1], [300n, 3], [399n, 3]] as const) {
        const result = yield* at(until)
        expect(result.time).toBe(until)
        for (const { name } of guests) expect(ticks(name, result)).toEqual(times(last))
      }
    }))

  it.live.each([1, 2])(
    "is that of its programs where they end before, with %i guests",
    (count) =>
      Effect.gen(function* () {
        const guests = ["a", "b"].slice(0, count).map((name) => Guest.make(name, Effect.sleep(100n)))
        expect((yield* World.run(World.make({ guests }), { until: 250n })).time).toBe(100n)
      }),
  )

  it.live.each([1, 2])("comes in real time at a pace, with %i guests", (count) =>
    Effect.gen(function* () {
      const guests = ["a", "b"].slice(0, count).map((name) => Guest.make(name, Effect.sleep("40 millis")))
      const { realMs } = yield* World.run(World.make({ guests }), { pace: 0.5 })
      expect(realMs).toBeGreaterThanOrEqual(79)
    }))
})
