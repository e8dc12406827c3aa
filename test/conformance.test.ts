import * as Fs from "node:fs"
import { describe, expect, it } from "vitest"
import * as Breach from "../src/core/Breach.ts"
import * as Conformance from "../src/core/Conformance.ts"
import { ConformanceWorld, type Weather } from "./support/conformanceWorld.ts"
import { ACK, BROADCAST, FREE_UNTIL, GET, GET_TOD, REQUEST, RUN, START, UPDATE, WAIT } from "./support/protocol.ts"
import { random } from "./support/random.ts"

const NONE = (1n << 64n) - 1n

type Side = "client" | "calendar"
/** What is seen: who said it, on which connection, and what. */
type Line = readonly [side: Side, connection: number, op: number, seq: number, time?: bigint, descriptors?: number]

/** Somebody who watches, and what was found. */
class Watcher {
  state = Conformance.make()
  readonly found: Array<Breach.Breach> = []
  readonly #joined = new Set<number>()
  readonly #seqs = new Map<string, number>()

  see(...lines: ReadonlyArray<Line>): this {
    for (const [side, connection, op, seq, time = 0n, descriptors = 0] of lines) {
      this.join(connection)
      const message = { op, seq, time }
      const { state, breaches } = side === "client"
        ? Conformance.fromClient(this.state, connection, message)
        : Conformance.fromCalendar(this.state, connection, message, descriptors)
      this.state = state
      this.found.push(...breaches)
    }
    return this
  }

  join(connection: number): this {
    if (!this.#joined.has(connection)) this.state = Conformance.joined(this.state, connection)
    this.#joined.add(connection)
    return this
  }

  end(side: Side, connection: number, leftover = 0): this {
    const { state, breaches } = Conformance.left(this.state, connection, side, leftover)
    this.state = state
    this.found.push(...breaches)
    return this
  }

  #next(who: string): number {
    const seq = (this.#seqs.get(who) ?? 0) + 1
    this.#seqs.set(who, seq)
    return seq
  }

  /** A client asks, and is answered. */
  asks(connection: number, op: number, time = NONE, answer = 0n): this {
    const seq = this.#next(`client ${connection}`)
    return this.see(["client", connection, op, seq, time], ["calendar", connection, ACK, seq, answer])
  }

  /** It only asks. */
  says(connection: number, op: number, time = NONE): this {
    return this.see(["client", connection, op, this.#next(`client ${connection}`), time])
  }

  /** What it asked last is answered. */
  answered(connection: number, answer = 0n): this {
    return this.see(["calendar", connection, ACK, this.#seqs.get(`client ${connection}`)!, answer])
  }

  /** A client is told something, and acknowledges it. */
  told(connection: number, op: number, time: bigint): this {
    const seq = this.#next(`calendar ${connection}`)
    return this.see(["calendar", connection, op, seq, time], ["client", connection, ACK, seq])
  }

  /** It is only told. */
  tells(connection: number, op: number, time: bigint): this {
    return this.see(["calendar", connection, op, this.#next(`calendar ${connection}`), time])
  }

  /** It acknowledges what it was told last. */
  heard(connection: number): this {
    return this.see(["client", connection, ACK, this.#seqs.get(`calendar ${connection}`)!])
  }

  enters(connection: number): this {
    return this.asks(connection, START, BigInt(connection))
  }

  sleeps(connection: number, until: bigint): this {
    return this.asks(connection, REQUEST, until).asks(connection, WAIT)
  }

  runs(connection: number, time: bigint, freeUntil: bigint): this {
    return this.told(connection, FREE_UNTIL, freeUntil).told(connection, RUN, time)
  }
}

const watcher = () => new Watcher()

/** Client 0 waits for 10, client 1 for 20. */
const two = () => watcher().enters(0).sleeps(0, 10n).enters(1).sleeps(1, 20n)

/** What is found in each, and by whose message. */
const cases: ReadonlyArray<
  readonly [rule: Breach.Rule, side: Side, connection: number, what: string, make: () => Watcher]
> = [
  ["unknown-op", "client", 0, "an operation that there isn't", () => watcher().enters(0).says(0, 10)],
  ["unknown-op", "calendar", 0, "an operation that there isn't", () => watcher().enters(0).tells(0, 77, 0n)],
  ["cut-short", "client", 0, "half a message and the end", () => watcher().enters(0).end("client", 0, 7)],
  ["cut-short", "calendar", 0, "half a message and the end", () => watcher().enters(0).end("calendar", 0, 15)],
  ["ack-order", "client", 0, "an ACK that nobody waits for", () => watcher().enters(0).see(["client", 0, ACK, 1])],
  [
    "ack-order",
    "client",
    0,
    "RUN's ACK before FREE_UNTIL's",
    () => two().tells(0, FREE_UNTIL, 20n).tells(0, RUN, 10n).heard(0),
  ],
  ["ack-order", "calendar", 0, "an ACK that nobody waits for", () => watcher().enters(0).see(["calendar", 0, ACK, 9])],
  [
    "ack-order",
    "calendar",
    0,
    "WAIT's ACK before REQUEST's",
    () => watcher().enters(0).says(0, REQUEST, 5n).says(0, WAIT).answered(0),
  ],
  [
    "ack-time",
    "client",
    0,
    "an ACK of RUN with a time",
    () => two().told(0, FREE_UNTIL, 20n).see(["calendar", 0, RUN, 2, 10n], ["client", 0, ACK, 2, 10n]),
  ],
  ["ack-time", "calendar", 0, "an ACK of REQUEST with a time", () => watcher().enters(0).asks(0, REQUEST, 5n, 5n)],
  [
    "ack-time",
    "calendar",
    0,
    "START's ACK with a slot and without descriptors",
    () => watcher().asks(0, START, 1n, 1n),
  ],
  ["calendars-own", "client", 0, "RUN", () => watcher().enters(0).says(0, RUN, 5n)],
  ["calendars-own", "client", 0, "FREE_UNTIL, before START", () => watcher().says(0, FREE_UNTIL, 5n)],
  ["start-twice", "client", 0, "START, when it was let in", () => watcher().enters(0).says(0, START, 0n)],
  ["start-twice", "client", 0, "START, while it is held back", () => watcher().says(0, START, 0n).says(0, START, 1n)],
  ["before-let-in", "client", 0, "REQUEST before START", () => watcher().says(0, REQUEST, 5n)],
  ["before-let-in", "client", 0, "GET before START's ACK", () => watcher().says(0, START, 0n).says(0, GET)],
  ["before-let-in", "client", 0, "GET_TOD before START", () => watcher().says(0, GET_TOD)],
  ["before-let-in", "client", 0, "BROADCAST before START's ACK", () => watcher().says(0, START).says(0, BROADCAST, 1n)],
  ["not-running", "client", 0, "WAIT while it waits", () => two().says(0, WAIT)],
  ["not-running", "client", 1, "UPDATE while another runs", () => two().runs(0, 10n, 20n).says(1, UPDATE, 10n)],
  ["not-running", "client", 0, "WAIT before START", () => watcher().says(0, WAIT)],
  [
    "not-running",
    "client",
    0,
    "WAIT before RUN's ACK",
    () => two().told(0, FREE_UNTIL, 20n).tells(0, RUN, 10n).says(0, WAIT),
  ],
  ["update-into-the-past", "client", 0, "UPDATE before RUN's time", () => two().runs(0, 10n, 20n).says(0, UPDATE, 9n)],
  [
    "update-into-the-past",
    "client",
    0,
    "UPDATE before the last one",
    () => two().runs(0, 10n, 20n).asks(0, UPDATE, 15n).says(0, UPDATE, 14n),
  ],
  ["update-past-free-until", "client", 0, "UPDATE past it", () => two().runs(0, 10n, 20n).says(0, UPDATE, 21n)],
  ["update-past-free-until", "client", 0, "UPDATE in its first turn", () => watcher().enters(0).says(0, UPDATE, 1n)],
  [
    "update-past-free-until",
    "client",
    0,
    "UPDATE once more, when it has heard of an earlier one",
    () => two().runs(0, 10n, 20n).told(0, FREE_UNTIL, 12n).asks(0, UPDATE, 15n).says(0, UPDATE, 16n),
  ],
  ["time-field", "client", 0, "WAIT with a time", () => watcher().enters(0).says(0, WAIT, 0n)],
  ["time-field", "client", 0, "GET_TOD with a time", () => watcher().enters(0).says(0, GET_TOD, 5n)],
  ["clients-own", "calendar", 0, "GET", () => watcher().enters(0).tells(0, GET, NONE)],
  ["clients-own", "calendar", 0, "START", () => watcher().enters(0).tells(0, START, 1n)],
  ["not-let-in", "calendar", 0, "RUN before START's ACK", () => watcher().says(0, START).tells(0, RUN, 0n)],
  ["not-let-in", "calendar", 0, "FREE_UNTIL before START", () => watcher().join(0).tells(0, FREE_UNTIL, 0n)],
  [
    "not-let-in",
    "calendar",
    1,
    "BROADCAST before START",
    () => watcher().join(1).enters(0).asks(0, BROADCAST, 5n).tells(1, BROADCAST, 5n),
  ],
  ["one-runs", "calendar", 1, "RUN while another runs", () => two().runs(0, 10n, 20n).runs(1, 20n, 30n)],
  ["one-runs", "calendar", 1, "START's ACK in another's first turn", () => watcher().enters(0).enters(1)],
  [
    "one-runs",
    "calendar",
    2,
    "START's ACK in another's turn",
    () => two().says(2, START, 2n).runs(0, 10n, 20n).answered(2),
  ],
  ["run-while-running", "calendar", 0, "RUN twice", () => two().runs(0, 10n, 20n).tells(0, RUN, 10n)],
  [
    "run-not-asked",
    "calendar",
    0,
    "RUN without a REQUEST",
    () => watcher().enters(0).asks(0, WAIT).runs(0, 10n, 20n),
  ],
  [
    "run-not-asked",
    "calendar",
    0,
    "RUN where the request was taken back",
    () => watcher().enters(0).asks(0, REQUEST, 10n).asks(0, REQUEST, NONE).asks(0, WAIT).runs(0, 10n, 20n),
  ],
  ["run-time", "calendar", 0, "RUN before its request", () => two().runs(0, 9n, 20n)],
  ["run-time", "calendar", 0, "RUN after its request", () => two().runs(0, 11n, 20n)],
  [
    "run-time",
    "calendar",
    2,
    "RUN to a late client with the calendar's time",
    () => {
      const seen = two().says(2, START, 2n).runs(0, 10n, 20n).asks(0, REQUEST, 40n).says(0, WAIT).answered(0)
      return seen.answered(2).sleeps(2, 5n).runs(2, 15n, 20n)
    },
  ],
  [
    "time-went-back",
    "calendar",
    0,
    "RUN before what it was told itself",
    () => two().runs(0, 10n, 20n).asks(0, UPDATE, 15n).asks(0, REQUEST, 12n).asks(0, WAIT).runs(0, 12n, 20n),
  ],
  [
    "time-went-back",
    "calendar",
    1,
    "RUN before another's time",
    () =>
      watcher().enters(0).sleeps(0, 10n).enters(1).sleeps(1, 12n).runs(0, 10n, 12n).asks(0, UPDATE, 12n).says(0, WAIT)
        .answered(0).asks(1, REQUEST, 11n).runs(1, 11n, 20n),
  ],
  [
    "time-went-back",
    "calendar",
    0,
    "GET before what it was told",
    () => two().runs(0, 10n, 20n).asks(0, WAIT).asks(0, GET, NONE, 9n),
  ],
  [
    "time-went-back",
    "calendar",
    1,
    "a time of day before another's",
    () => two().asks(0, GET_TOD, NONE, 100n).asks(1, GET_TOD, NONE, 99n),
  ],
  ["request-passed", "calendar", 1, "RUN to who asked for later", () => two().runs(1, 20n, 30n)],
  [
    "request-order",
    "calendar",
    1,
    "RUN to who asked for the same later",
    () => watcher().enters(0).sleeps(0, 10n).enters(1).sleeps(1, 10n).runs(1, 10n, 10n),
  ],
  ["free-until-missing", "calendar", 0, "RUN without any", () => two().tells(0, RUN, 10n)],
  ["free-until-past-request", "calendar", 0, "FREE_UNTIL past another's request", () => two().runs(0, 10n, 21n)],
  [
    "free-until-past-request",
    "calendar",
    0,
    "FREE_UNTIL that is later in its turn",
    () => two().runs(0, 10n, 20n).tells(0, FREE_UNTIL, 25n),
  ],
  [
    "request-not-heard",
    "calendar",
    1,
    "REQUEST's ACK without FREE_UNTIL",
    () => two().runs(0, 10n, 20n).asks(1, REQUEST, 15n),
  ],
  [
    "request-not-heard",
    "calendar",
    1,
    "REQUEST's ACK before FREE_UNTIL's",
    () => two().runs(0, 10n, 20n).says(1, REQUEST, 15n).tells(0, FREE_UNTIL, 15n).answered(1),
  ],
  [
    "current-time",
    "calendar",
    0,
    "GET in its own turn with another time",
    () => two().runs(0, 10n, 20n).asks(0, GET, NONE, 11n),
  ],
  [
    "current-time",
    "calendar",
    1,
    "GET that doesn't know of another's UPDATE",
    () => two().runs(0, 10n, 20n).asks(0, UPDATE, 15n).asks(1, GET, NONE, 10n),
  ],
  [
    "current-time",
    "calendar",
    1,
    "a time of day that doesn't know of another's UPDATE",
    () =>
      watcher().enters(0).asks(0, GET_TOD, NONE, 100n).sleeps(0, 10n).enters(1).sleeps(1, 20n).runs(0, 10n, 20n)
        .asks(0, UPDATE, 15n).asks(1, GET_TOD, NONE, 110n),
  ],
  ["broadcast-not-sent", "calendar", 0, "BROADCAST that nobody sent", () => two().tells(0, BROADCAST, 5n)],
  ["broadcast-not-sent", "calendar", 0, "BROADCAST back", () => two().asks(0, BROADCAST, 5n).tells(0, BROADCAST, 5n)],
  [
    "broadcast-not-sent",
    "calendar",
    1,
    "BROADCAST twice",
    () => two().asks(0, BROADCAST, 5n).told(1, BROADCAST, 5n).tells(1, BROADCAST, 5n),
  ],
]

describe("a breach is named by rule, side, connection and message", () => {
  it.for(cases)("%s, by the %s, on connection %i: %s", ([rule, side, connection, _, make]) => {
    const { found } = make()
    expect(found.map((each) => [each.rule, each.side, each.connection])).toEqual([[rule, side, connection]])
    expect(Breach.format(found[0]!)).toContain(Breach.Rule[rule])
  })

  it("says the message, and the calendar's time", () => {
    const [breach] = two().runs(0, 10n, 20n).asks(0, UPDATE, 15n).says(1, UPDATE, 3n).found
    expect(breach).toMatchObject({ id: 1n, message: { op: UPDATE, seq: 4, time: 3n }, time: 15n })
  })

  it("is the calendar's if it goes on with a client that has broken a rule", () => {
    const { found } = watcher().enters(0).asks(0, START, 1n)
    expect(found.map(({ rule, side }) => [rule, side])).toEqual([["start-twice", "client"], [
      "violator-stays",
      "calendar",
    ]])
  })

  it("is said of who leaves more than 65,536 messages unanswered, once", () => {
    const asking = watcher().enters(0)
    for (let more = 0; more < 65_600; more++) asking.says(0, GET)
    expect(asking.found.map(({ rule, side }) => [rule, side])).toEqual([["unanswered", "calendar"]])
    const telling = watcher().enters(0)
    for (let more = 0; more < 65_600; more++) telling.see(["calendar", 0, FREE_UNTIL, more, 0n])
    expect(telling.found.map(({ rule, side }) => [rule, side])).toEqual([["unanswered", "client"]])
  })

  it("is of a rule that docs/proxy.md lists with its sentence, and says whose it is", () => {
    const rows = Fs.readFileSync("docs/proxy.md", "utf8").matchAll(/^\| `([\w-]+)` +\| (\w+) +\| (.*?) +\|$/gm)
    const listed = [...rows].map(([, rule, whose, sentence]) => ({ rule, whose, sentence }))
    expect(listed.map(({ rule, sentence }) => [rule, sentence])).toEqual(Object.entries(Breach.Rule))
    for (const [rule, side] of cases) {
      expect([side, "either"]).toContain(listed.find((each) => each.rule === rule)?.whose)
    }
  })

  it("has a case for every rule there is", () => {
    const tried = new Set<string>([...cases.map(([rule]) => rule), "violator-stays", "unanswered"])
    expect(Object.keys(Breach.Rule).filter((rule) => !tried.has(rule))).toEqual([])
  })
})

describe("nothing is found", () => {
  it.for<[what: string, make: () => Watcher]>([
    [
      "where a client runs on past a FREE_UNTIL that it hasn't heard of",
      () =>
        two().runs(0, 10n, 20n).says(1, REQUEST, 12n).tells(0, FREE_UNTIL, 12n).says(0, UPDATE, 15n).heard(0)
          .answered(1).answered(0),
    ],
    [
      "where RUN and a later REQUEST cross",
      () => two().says(0, REQUEST, 5n).tells(0, FREE_UNTIL, 20n).tells(0, RUN, 10n).answered(0),
    ],
    [
      "where a request is for a time that is over",
      () => two().runs(0, 10n, 20n).sleeps(0, 30n).asks(1, REQUEST, 3n).runs(1, 10n, 30n),
    ],
    ["where an older guest keeps its FREE_UNTIL", () => two().runs(0, 10n, 20n).sleeps(0, 15n).told(0, RUN, 15n)],
    [
      "where the running client is gone, and another goes on",
      () => two().runs(0, 10n, 20n).end("client", 0).runs(1, 20n, 30n),
    ],
    [
      "where the one that broke a rule is disconnected after another has been told to run",
      () => two().runs(0, 10n, 20n).says(0, START).runs(1, 20n, 30n).end("calendar", 0),
    ],
    ["where a client that shares memory acknowledges neither RUN nor is acknowledged", () => {
      const seen = watcher().see(["client", 0, START, 1, 1n], ["calendar", 0, ACK, 1, 1n, 2])
      return seen.see(
        ["client", 0, WAIT, 2, NONE],
        ["calendar", 0, RUN, 1, 70n],
        ["client", 0, WAIT, 3, NONE],
        ["calendar", 0, RUN, 2, 90n],
        ["client", 0, GET, 4, NONE],
        ["calendar", 0, ACK, 4, 95n],
      )
    }],
    ["where a late client is told its own time", () => {
      const seen = two().says(2, START, 2n).runs(0, 10n, 20n).asks(0, REQUEST, 40n).says(0, WAIT).answered(0)
      return seen.answered(2).sleeps(2, 5n).runs(2, 5n, 10n)
    }],
    [
      "where the time of day wraps",
      () =>
        watcher().enters(0).asks(0, GET_TOD, NONE, NONE - 3n).sleeps(0, 10n).runs(0, 10n, 20n).asks(
          0,
          GET_TOD,
          NONE,
          6n,
        ),
    ],
  ])("%s", ([_, make]) => {
    // What a client is guilty of itself isn't the calendar's breach.
    expect(make().found.filter(({ side, rule }) => side === "calendar" || rule !== "start-twice")).toEqual([])
  })

  const clear: Weather = { clients: 5, rogues: false, deaths: 0, late: 0, outside: 0 }

  it.for<[who: string, worlds: number, weather: Weather]>([
    ["guests of both generations", 300, clear],
    ["guests that come late and die at any moment", 150, { ...clear, deaths: 0.002, late: 0.005 }],
    ["guests that interrupts from outside reach", 100, { ...clear, outside: 0.01, late: 0.005 }],
    ["guests among rogues", 150, { clients: 5, rogues: true, late: 0.01, outside: 0.005, deaths: 0.001 }],
  ])("with %s, however their messages overtake each other", { timeout: 60_000 }, ([_, worlds, weather]) => {
    let messages = 0
    let guilty = 0
    for (let seed = 0; seed < worlds; seed++) {
      const world = new ConformanceWorld(seed, weather).run()
      messages += world.messages
      const [breach] = world.breaches.filter(({ side, connection }) =>
        side === "calendar" || world.isHonest(connection)
      )
      if (breach !== undefined) {
        throw new Error(`seed ${seed}: ${Breach.format(breach)}\n${world.log.slice(-200).join("\n")}`)
      }
      guilty += world.breaches.length
    }
    expect(messages).toBeGreaterThan(10_000)
    if (weather.rogues) expect(guilty).toBeGreaterThan(100)
  })
})

describe("what was seen", () => {
  it("is a value: it can be gone on from once more", () => {
    const seen = two()
    const { state } = seen
    const run = { op: RUN, seq: 1, time: 20n }
    const first = Conformance.fromCalendar(state, 1, run, 0)
    Conformance.fromClient(state, 0, { op: START, seq: 9, time: 0n })
    Conformance.left(state, 0, "client")
    expect(Conformance.fromCalendar(state, 1, run, 0)).toEqual(first)
  })

  it("may be any messages in any order, without a throw", () => {
    const dice = random(3)
    const times = [0n, 1n, 5n, 1n << 62n, (1n << 63n) - 1n, 1n << 63n, NONE]
    let breaches = 0
    for (let round = 0; round < 200; round++) {
      let state = Conformance.make()
      for (let key = 0; key < 4; key++) state = Conformance.joined(state, key)
      for (let step = 0; step < 200; step++) {
        const message = { op: dice.int(11), seq: dice.int(6), time: dice.pick(times) }
        const key = dice.int(5)
        const next = dice.bool(0.01)
          ? Conformance.left(state, key, dice.pick(["client", "calendar"] as const), dice.int(16))
          : dice.bool()
          ? Conformance.fromClient(state, key, message)
          : Conformance.fromCalendar(state, key, message, dice.pick([0, 2, undefined]))
        expect(next.breaches.length).toBeLessThan(2)
        expect(next.state.now).toBeGreaterThanOrEqual(state.now)
        breaches += next.breaches.length
        state = next.state
      }
      expect(state.byClients + state.byCalendar).toBeGreaterThan(0)
    }
    expect(breaches).toBeGreaterThan(1000)
  })
})
