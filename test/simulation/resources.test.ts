/**
 * What a guest's processes share: who gets what and when, what is given back, and what is measured of that.
 */
import { describe, expect, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { OptionError } from "../../src/core/Fault.ts"
import { Condition, Container, Guest, Process, Random, Resource, Store, World } from "../../src/simulation.ts"
import { ContainerState, Transfer } from "../../src/internal/simulation/ContainerState.ts"
import { Request, ResourceState } from "../../src/internal/simulation/ResourceState.ts"
import { Get, Put, StoreState } from "../../src/internal/simulation/StoreState.ts"

type Program<A = unknown> = Effect.Effect<A, unknown, Guest.Services>

/** Runs one guest: what it logged, with the time in ms, and its statistics by name. */
const run = (program: (log: (text: string) => Effect.Effect<void>) => Program) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logging = Effect.flatMap(Guest.Self, ({ now }) =>
      program((text) => Effect.sync(() => void lines.push(`${text} ${Number(now()) / 1e6}`))))
    const result = yield* World.run(World.make({ guests: [Guest.make("guest", logging)] }), {
      deadlockAfter: "50 millis",
    })
    const statistics = new Map(result.guests[0]!.statistics.map((reading) => [reading.name, reading]))
    return { lines, statistics, time: result.time }
  })

/** What is wrong with an option, as the error says it. */
const refusal = (program: Program) =>
  Effect.gen(function* () {
    let error: unknown
    yield* run(() => Effect.map(Effect.flip(program), (failure) => (error = failure)))
    expect(error).toBeInstanceOf(OptionError)
    return (error as OptionError).message
  })

const ms = (n: number): Duration.Input => `${n} millis`

describe("a resource", () => {
  it.live("serves those who wait in the order in which they came, and nobody who wants less overtakes", () =>
    Effect.gen(function* () {
      const { lines } = yield* run((log) =>
        Effect.gen(function* () {
          const room = yield* Resource.make("room", { capacity: 3 })
          for (const [name, units] of [["a", 2], ["b", 3], ["c", 1], ["d", 1]] as const) {
            const inside = Effect.andThen(log(`${name} in`), Process.hold(ms(10)))
            yield* Process.spawn(name, room.use(inside, { units }))
          }
          yield* Process.hold(ms(1))
          expect([room.inUse(), room.waiting()]).toEqual([2, 3])
        })
      )
      expect(lines).toEqual(["a in 0", "b in 10", "c in 20", "d in 20"])
    }))

  it.live("serves lower priority numbers first, and equals in the order in which they came", () =>
    Effect.gen(function* () {
      const { lines } = yield* run((log) =>
        Effect.gen(function* () {
          const desk = yield* Resource.make("desk")
          for (const [name, priority] of [["a", 5], ["b", 2], ["c", 1], ["d", 2], ["e", -1.5]] as const) {
            yield* Process.spawn(name, desk.use(Effect.andThen(log(name), Process.hold(ms(1))), { priority }))
          }
        })
      )
      expect(lines).toEqual(["a 0", "e 1", "c 2", "b 3", "d 4"])
    }))

  it.live("is taken from who holds it at a lower rank, who is told by whom, and what was left", () =>
    Effect.gen(function* () {
      const { lines, statistics } = yield* run((log) =>
        Effect.gen(function* () {
          const machine = yield* Resource.make("machine", { preemptive: true })
          const work = (left: Duration.Input): Program =>
            machine.use(Process.hold(left), { priority: 2 }).pipe(
              Effect.catchTag("Interrupted", (error) => {
                const cause = error.cause as Resource.Preempted
                expect(cause).toBeInstanceOf(Resource.Preempted)
                expect(cause).toMatchObject({ resource: "machine", by: "boss", priority: 1, since: 0n, at: 4_000_000n })
                return Effect.andThen(log(`left ${error.left} by ${error.by}`), work(error.left!))
              }),
            )
          yield* Process.spawn("worker", Effect.andThen(work(ms(10)), log("done")))
          yield* Process.hold(ms(4))
          yield* Process.spawn("boss", machine.use(Effect.andThen(log("boss"), Process.hold(ms(3))), { priority: 1 }))
          yield* Process.spawn("polite", machine.use(log("polite"), { priority: 0, preempt: false }))
        })
      )
      expect(lines).toEqual(["boss 4", "left 6000000 by boss 4", "polite 7", "done 13"])
      expect(statistics.get("machine preempted")).toMatchObject({ value: 1n })
    }))

  it.live("is taken from as many as it takes, the last to have got it first; and from nobody, if that isn't enough", () =>
    Effect.gen(function* () {
      const { lines } = yield* run((log) =>
        Effect.gen(function* () {
          const pool = yield* Resource.make("pool", { capacity: 4, preemptive: true })
          const user = (name: string, units: number, priority: number) =>
            Process.spawn(
              name,
              pool.use(Effect.andThen(log(name), Process.hold(ms(10))), { units, priority }).pipe(
                Effect.catchTag("Interrupted", () => log(`${name} lost it`)),
              ),
            )
          yield* user("a", 1, 3)
          yield* user("b", 1, 3)
          yield* user("c", 1, 2)
          yield* user("d", 1, 0)
          yield* Process.hold(ms(1))
          yield* user("e", 2, 1)
          yield* Process.hold(ms(1))
          yield* user("f", 3, 1)
        })
      )
      expect(lines).toEqual([
        "a 0",
        "b 0",
        "c 0",
        "d 0",
        "e 1",
        "b lost it 1",
        "a lost it 1",
        "f 11",
      ])
    }))

  it.live("that is taken before its use has begun ends that as it begins", () =>
    Effect.gen(function* () {
      const { lines } = yield* run((log) =>
        Effect.gen(function* () {
          const machine = yield* Resource.make("machine", { preemptive: true })
          const first = yield* machine.request({ priority: 0 })
          const using = machine.use(Effect.andThen(log("began"), Effect.sleep("1 hour")), { priority: 2 })
          yield* Process.spawn(
            "slow",
            Effect.catchTag(using, "Interrupted", ({ left }) => log(`lost it, ${left} left`)),
          )
          yield* Process.hold(ms(1))
          // Granted to the one, and taken by the other, before it goes on.
          yield* first.release
          yield* machine.request({ priority: 1 })
          yield* log("has it")
        })
      )
      expect(lines).toEqual(["has it 1", "began 1", "lost it, undefined left 1"])
    }))

  it.live("interrupts what a process that has requested it waits for, wherever that is", () =>
    Effect.gen(function* () {
      const { lines } = yield* run((log) =>
        Effect.gen(function* () {
          const machine = yield* Resource.make("machine", { preemptive: true })
          yield* Process.spawn(
            "holder",
            Effect.gen(function* () {
              const grant = yield* machine.request({ priority: 2 })
              expect([grant.isHeld(), grant.units, grant.since]).toEqual([true, 1, 0n])
              yield* Effect.catchTag(Process.hold("1 hour"), "Interrupted", ({ message }) => log(message))
              expect(grant.isHeld()).toBe(false)
              yield* grant.release
              yield* log(`${machine.inUse()} in use`)
            }),
          )
          yield* Process.hold(ms(2))
          yield* machine.request({ priority: 1 })
          yield* Process.hold(ms(1))
        })
      )
      expect(lines).toEqual([
        `the process "holder" was interrupted by "guest": "guest" has taken machine at 2000000 ns, which it had had since 0 ns 2`,
        "1 in use 2",
      ])
    }))

  it.live("is left by who has no patience any more, and lets those behind go on", () =>
    Effect.gen(function* () {
      const { lines, statistics } = yield* run((log) =>
        Effect.gen(function* () {
          const room = yield* Resource.make("room", { capacity: 2 })
          yield* Process.spawn("a", room.use(Process.hold(ms(10))))
          yield* Process.spawn(
            "b",
            room.use(Effect.void, { units: 2, patience: ms(4) }).pipe(
              Effect.catchTag("Reneged", ({ what, waited }) => log(`${what}, ${waited}`)),
            ),
          )
          yield* Process.spawn("c", room.use(log("c")))
          const never = room.use(Effect.void, { units: 2, patience: 0 })
          yield* Process.spawn("d", Effect.catchTag(never, "Reneged", ({ waited }) => log(`d left after ${waited}`)))
        })
      )
      expect(lines).toEqual(["d left after 0 0", "request on room, 4000000 4", "c 4"])
      expect(statistics.get("room reneged")).toMatchObject({ value: 2n })
    }))

  it.live.each([["the grant", 0], ["the end of patience", 1]] as const)(
    "at the instant at which patience ends decides for what was due first: %s",
    ([, order]) =>
      Effect.gen(function* () {
        const { lines } = yield* run((log) =>
          Effect.gen(function* () {
            const till = yield* Resource.make("till")
            const grant = yield* till.request()
            const customer = till.use(log("served"), { patience: ms(5) }).pipe(
              Effect.catchTag("Reneged", () => log("reneged")),
            )
            const releasing = Effect.andThen(Process.hold(ms(5)), grant.release)
            yield* Process.spawn("first", order === 0 ? releasing : customer)
            yield* Process.spawn("second", order === 0 ? customer : releasing)
            yield* Process.hold(ms(6))
            // Whoever it was, nothing is lost.
            expect([till.inUse(), till.waiting()]).toEqual([0, 0])
          })
        )
        expect(lines).toEqual([order === 0 ? "served 5" : "reneged 5"])
      }),
  )

  it.live("measures its queue, its waits and its utilisation", () =>
    Effect.gen(function* () {
      const { statistics } = yield* run(() =>
        Effect.gen(function* () {
          const desk = yield* Resource.make("desk", { capacity: 2 })
          for (let n = 0; n < 4; n++) yield* Process.spawn(`${n}`, desk.use(Process.hold(ms(10))))
          yield* Process.hold(ms(40))
        })
      )
      expect(statistics.get("desk queue")).toMatchObject({ _tag: "Level", mean: 0.5, most: 2 })
      expect(statistics.get("desk wait")).toMatchObject({ _tag: "Histogram", count: 4, least: 0n, most: 10_000_000n })
      expect(statistics.get("desk utilisation")).toMatchObject({ _tag: "Level", mean: 0.5, most: 1 })
    }))

  it.live("is given back by who is cut short, at whatever point", () =>
    Effect.gen(function* () {
      const { lines } = yield* run((log) =>
        Effect.gen(function* () {
          const lock = yield* Resource.make("lock")
          const grant = yield* lock.request()
          // Its time is up at the very instant of the grant, before it or after it.
          for (let n = 0; n < 3; n++) {
            const waiting = lock.use(Effect.andThen(log(`${n} in`), Effect.sleep("1 hour")))
            yield* Process.spawn(`${n}`, Effect.timeoutOption(waiting, ms(4 + n)))
          }
          yield* Process.hold(ms(5))
          yield* grant.release
          yield* Process.hold(ms(5))
          yield* log(`${lock.inUse()} in use`)
        })
      )
      expect(lines.at(-1)).toBe("0 in use 10")
    }))

  it.live("says what is wrong with its options, by name", () =>
    Effect.gen(function* () {
      const make = (options?: Resource.Options) => Resource.make("desk", options)
      const asking = (options: Resource.RequestOptions) =>
        Effect.flatMap(Resource.make("desk", { capacity: 2 }), (desk) => desk.request(options))
      const bad: ReadonlyArray<readonly [string, Program]> = [
        ["the name of a resource", Resource.make("")],
        ["the name of a resource", Effect.andThen(make(), make())],
        [`capacity of the resource "desk"`, make({ capacity: 0 })],
        [`capacity of the resource "desk"`, make({ capacity: 1.5 })],
        [`preemptive of the resource "desk"`, make({ preemptive: "yes" as unknown as boolean })],
        ["units of a request on desk", asking({ units: 3 })],
        ["units of a request on desk", asking({ units: NaN })],
        ["priority of a request on desk", asking({ priority: NaN })],
        ["patience of a request on desk", asking({ patience: -1 })],
        ["preempt of a request on desk", asking({ preempt: 1 as unknown as boolean })],
        ["preempt of a request on desk", asking({ preempt: true })],
      ]
      for (const [name, program] of bad) expect(yield* refusal(program)).toContain(name)
    }))

  it.live("is its guest's alone", () =>
    Effect.gen(function* () {
      let stolen: Resource.Resource | undefined
      const owner = Guest.make(
        "owner",
        Effect.gen(function* () {
          stolen = yield* Resource.make("desk")
          yield* Process.hold(ms(5))
        }),
      )
      const thief = Guest.make(
        "thief",
        Effect.andThen(Effect.sleep(ms(1)), Effect.suspend(() => stolen!.use(Effect.void))),
      )
      const error = yield* Effect.flip(World.run(World.make({ guests: [owner, thief] })))
      expect(error.message).toContain(`it is the guest "owner"'s`)
    }))
})

describe("a container", () => {
  it.live("serves nobody before who came first, and those who take before those who put", () =>
    Effect.gen(function* () {
      const { lines, statistics } = yield* run((log) =>
        Effect.gen(function* () {
          const tank = yield* Container.make("tank", { capacity: 10, initial: 4 })
          const get = (amount: number) =>
            Process.spawn(`get ${amount}`, Effect.andThen(tank.get(amount), log(`got ${amount}`)))
          const put = (amount: number) =>
            Process.spawn(`put ${amount}`, Effect.andThen(tank.put(amount), log(`put ${amount}`)))
          yield* get(6)
          yield* get(1)
          yield* Process.hold(ms(1))
          expect([tank.level(), tank.waitingGets()]).toEqual([4, 2])
          yield* put(5)
          yield* Process.hold(ms(1))
          expect(tank.level()).toBe(2)
          yield* put(9)
          yield* put(1)
          yield* Process.hold(ms(1))
          expect([tank.level(), tank.waitingPuts()]).toEqual([2, 2])
          yield* get(1)
          yield* Process.hold(ms(1))
          yield* get(1)
        })
      )
      expect(lines).toEqual(["put 5 1", "got 6 1", "got 1 1", "got 1 3", "put 9 3", "got 1 4", "put 1 4"])
      expect(statistics.get("tank level")).toMatchObject({ _tag: "Level", least: 0, most: 10, value: 10 })
      expect(statistics.get("tank get wait")).toMatchObject({ count: 4, most: 1_000_000n })
      expect(statistics.get("tank put queue")).toMatchObject({ most: 2, value: 0 })
    }))

  it.live("lets who has no patience go, and those behind on", () =>
    Effect.gen(function* () {
      const { lines, statistics } = yield* run((log) =>
        Effect.gen(function* () {
          const tank = yield* Container.make("tank", { initial: 3 })
          const large = tank.get(5, { patience: ms(2) })
          yield* Process.spawn("large", Effect.catchTag(large, "Reneged", ({ what }) => log(what)))
          yield* Process.spawn("small", Effect.andThen(tank.get(2), log("small")))
          yield* Process.hold(ms(3))
          expect(tank.level()).toBe(1)
        })
      )
      expect(lines).toEqual(["get on tank 2", "small 2"])
      expect(statistics.get("tank get reneged")).toMatchObject({ value: 1n })
    }))

  it.live("says what is wrong with its options and amounts, by name", () =>
    Effect.gen(function* () {
      const asking = (amount: unknown, options?: Container.Waiting) =>
        Effect.flatMap(Container.make("tank", { capacity: 8 }), (tank) => tank.put(amount as number, options))
      const bad: ReadonlyArray<readonly [string, Program]> = [
        ["the name of a container", Container.make("")],
        [`capacity of the container "tank"`, Container.make("tank", { capacity: 0 })],
        [`capacity of the container "tank"`, Container.make("tank", { capacity: NaN })],
        [`initial of the container "tank"`, Container.make("tank", { capacity: 5, initial: 6 })],
        [`initial of the container "tank"`, Container.make("tank", { initial: -1 })],
        [`initial of the container "tank"`, Container.make("tank", { initial: Infinity })],
        ["amount of a put on tank", asking(0)],
        ["amount of a put on tank", asking(-1)],
        ["amount of a put on tank", asking(9)],
        ["amount of a put on tank", asking("1")],
        ["priority of a put on tank", asking(1, { priority: Infinity })],
        ["patience of a put on tank", asking(1, { patience: NaN })],
      ]
      for (const [name, program] of bad) expect(yield* refusal(program)).toContain(name)
    }))
})

describe("a store", () => {
  it.live("hands out the first item that is wanted, to who has waited longest for it", () =>
    Effect.gen(function* () {
      const { lines, statistics } = yield* run((log) =>
        Effect.gen(function* () {
          const shelf = yield* Store.make<string>("shelf", { capacity: 2 })
          const get = (name: string, filter?: (item: string) => boolean, priority = 0) =>
            Process.spawn(
              name,
              Effect.flatMap(shelf.get({ ...filter !== undefined && { filter }, priority }), (item) =>
                log(`${name} ${item}`)),
            )
          yield* get("picky", (item) =>
            item === "pear")
          yield* get("any")
          yield* get("other")
          yield* get("urgent", () => true, -1)
          yield* Process.hold(ms(1))
          yield* shelf.put("apple")
          yield* shelf.put("apple")
          yield* Process.hold(ms(1))
          yield* shelf.put("pear")
          yield* shelf.put("fig")
          yield* shelf.put("nut")
          yield* shelf.put("oat")
          expect(shelf.items()).toEqual(["nut", "oat"])
          expect(yield* Effect.timeoutOption(shelf.put("rye"), ms(1))).toMatchObject({ _tag: "None" })
          expect([shelf.waitingPuts(), shelf.size()]).toEqual([0, 2])
        })
      )
      expect(lines).toEqual(["urgent apple 1", "any apple 1", "picky pear 2", "other fig 2"])
      expect(statistics.get("shelf items")).toMatchObject({ most: 2 })
    }))

  it.live("with an order hands out the lowest first, and equals as they came", () =>
    Effect.gen(function* () {
      const { lines } = yield* run((log) =>
        Effect.gen(function* () {
          const jobs = yield* Store.make<readonly [number, string]>("jobs", { order: ([rank]) => rank })
          for (const job of [[2, "a"], [1, "b"], [2, "c"], [1, "d"]] as const) yield* jobs.put(job)
          for (let n = 0; n < 4; n++) yield* log((yield* jobs.get())[1])
        })
      )
      expect(lines).toEqual(["b 0", "d 0", "a 0", "c 0"])
    }))

  it.live("fails who has asked for what its filter throws or doesn't say, and goes on for others", () =>
    Effect.gen(function* () {
      const { lines } = yield* run((log) =>
        Effect.gen(function* () {
          const shelf = yield* Store.make<number>("shelf")
          const odd = shelf.get({ filter: (() => 1) as unknown as () => boolean })
          yield* Process.spawn("odd", Effect.catchTag(odd, "OptionError", ({ message }) => log(message.split(":")[0]!)))
          const throwing = shelf.get({
            filter: () => {
              throw new Error("oops")
            },
          })
          yield* Process.spawn("throwing", Effect.catchDefect(throwing, (defect) => log(String(defect))))
          yield* Process.spawn("well", Effect.flatMap(shelf.get(), (item) => log(`${item}`)))
          yield* Process.hold(ms(1))
          yield* shelf.put(7)
        })
      )
      expect(lines).toHaveLength(3)
      expect(lines[0]).toContain("what the filter of a get on shelf returns")
      expect(lines.slice(1)).toEqual(["Error: oops 1", "7 1"])
    }))

  it.live("says what is wrong with its options, by name", () =>
    Effect.gen(function* () {
      const store = (options?: Store.Options<number>) => Store.make<number>("shelf", options)
      const bad: ReadonlyArray<readonly [string, Program]> = [
        ["the name of a store", Store.make("")],
        ["the name of a store", Effect.andThen(Container.make("shelf"), store())],
        [`capacity of the store "shelf"`, store({ capacity: 0 })],
        [`order of the store "shelf"`, store({ order: 1 as unknown as () => number })],
        [
          `what the order of the store "shelf" returns`,
          Effect.flatMap(store({ order: () => NaN }), (shelf) => shelf.put(1)),
        ],
        [
          "filter of a get on shelf",
          Effect.flatMap(store(), (shelf) => shelf.get({ filter: 1 as unknown as () => boolean })),
        ],
        ["patience of a get on shelf", Effect.flatMap(store(), (shelf) => shelf.get({ patience: -1 }))],
        ["priority of a put on shelf", Effect.flatMap(store(), (shelf) => shelf.put(1, { priority: NaN }))],
      ]
      for (const [name, program] of bad) expect(yield* refusal(program)).toContain(name)
    }))
})

describe("a condition", () => {
  it.live("any takes the first, and nothing of the others", () =>
    Effect.gen(function* () {
      const { lines } = yield* run((log) =>
        Effect.gen(function* () {
          const [one, other] = [yield* Store.make<number>("one"), yield* Store.make<number>("other")]
          const lock = yield* Resource.make("lock")
          const grant = yield* lock.request()
          yield* Process.spawn(
            "waiter",
            Effect.gen(function* () {
              const first = yield* Condition.any({ one: one.get(), other: other.get(), lock: lock.request() })
              yield* log(first.key === "lock" ? first.key : `${first.key} ${first.value}`)
            }),
          )
          yield* Process.hold(ms(3))
          yield* other.put(2)
          yield* one.put(1)
          yield* grant.release
          yield* Process.hold(ms(1))
          yield* log(`${one.size()} ${other.size()} ${lock.inUse()} ${lock.waiting()} ${one.waitingGets()}`)
        })
      )
      expect(lines).toEqual(["other 2 3", "1 0 0 0 0 4"])
    }))

  it.live("any takes the first that is listed of those that can be had at once, and a time-out is one of them", () =>
    Effect.gen(function* () {
      const { lines } = yield* run((log) =>
        Effect.gen(function* () {
          const [one, other] = [yield* Store.make<number>("one"), yield* Store.make<number>("other")]
          yield* one.put(1)
          yield* other.put(2)
          yield* log((yield* Condition.any({ late: Process.hold(0), other: other.get(), one: one.get() })).key)
          yield* log((yield* Condition.any({ other: other.get(), late: Process.hold(ms(5)) })).key)
          yield* log(`${one.size()} ${other.waitingGets()}`)
        })
      )
      expect(lines).toEqual(["other 0", "late 5", "1 0 5"])
    }))

  it.live("all waits for all, and gives back what it has got if one fails", () =>
    Effect.gen(function* () {
      const { lines } = yield* run((log) =>
        Effect.gen(function* () {
          const lock = yield* Resource.make("lock")
          const tank = yield* Container.make("tank", { initial: 5 })
          const shelf = yield* Store.make<string>("shelf")
          yield* shelf.put("a")
          yield* shelf.put("b")
          const all = Condition.all({
            lock: lock.request(),
            item: shelf.get(),
            amount: tank.get(2),
            large: tank.get(9, { patience: ms(4) }),
          })
          yield* Process.spawn("one", Effect.catchTag(all, "Reneged", ({ what }) => log(what)))
          yield* Process.hold(ms(1))
          yield* log(`${lock.inUse()} ${shelf.items().join()} ${tank.level()} ${tank.waitingGets()}`)
          yield* Process.hold(ms(4))
          yield* log(`${lock.inUse()} ${shelf.items().join()} ${tank.level()} ${tank.waitingGets()}`)
          const both = yield* Condition.all({ item: shelf.get(), held: Process.hold(ms(3)) })
          yield* log(`${both.item}`)
        })
      )
      expect(lines).toEqual(["1 b 3 1 1", "get on tank 4", "0 a,b 5 0 5", "a 8"])
    }))

  it.live("is interrupted as one, and can be made of conditions and of processes", () =>
    Effect.gen(function* () {
      const { lines } = yield* run((log) =>
        Effect.gen(function* () {
          const shelf = yield* Store.make<string>("shelf")
          const job = yield* Process.spawn("job", Effect.as(Process.hold(ms(7)), "well"))
          const condition = Condition.all({
            first: Condition.any({ item: shelf.get(), job: job.join }),
            pause: Process.hold(ms(2)),
          })
          const waiter = yield* Process.spawn(
            "waiter",
            Effect.catchTag(condition, "Interrupted", ({ cause }) => log(`${cause}`)),
          )
          yield* Process.hold(ms(3))
          yield* waiter.interrupt("noise")
          yield* Process.hold(ms(1))
          expect(shelf.waitingGets()).toBe(0)
          yield* log(JSON.stringify((yield* condition).first))
        })
      )
      expect(lines).toEqual(["noise 3", `{"key":"job","value":"well"} 7`])
    }))

  it.live("says what it can't be made of", () =>
    Effect.gen(function* () {
      const given = { sleep: Effect.sleep(1) } as never
      for (const what of ["any", "all"] as const) {
        expect(yield* refusal(Condition[what]({}) as Program)).toContain(`the operations of Condition.${what}`)
        expect(yield* refusal(Condition[what](given) as Program)).toContain(
          `the operation "sleep" of Condition.${what}`,
        )
      }
    }))
})

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed)
const randomOf = (seed: number): Random.Random => {
  return Random.makeUnsafe(seed)
}

describe("processes that are cut short in every way", () => {
  it.live.each(SEEDS.slice(0, 25))(
    "lose nothing, and do the same each time, with seed %i",
    (seed) =>
      Effect.gen(function* () {
        const program = (log: (text: string) => Effect.Effect<void>): Program =>
          Effect.gen(function* () {
            const random = randomOf(seed)
            const below = (n: number) => Number(random.below(BigInt(n)))
            const machine = yield* Resource.make("machine", { capacity: 3, preemptive: true })
            const room = yield* Resource.make("room", { capacity: 2 })
            const tank = yield* Container.make("tank", { capacity: 30, initial: 15 })
            const shelf = yield* Store.make<number>("shelf", { capacity: 5 })
            for (let item = 0; item < 3; item++) yield* shelf.put(item)
            const jobs: ReadonlyArray<() => Program> = [
              () =>
                machine.use(Process.hold(ms(below(6))), {
                  units: 1 + below(3),
                  priority: below(3),
                  patience: ms(below(8)),
                }),
              () => machine.use(Effect.sleep(ms(below(6))), { priority: below(3) }),
              () => Effect.andThen(machine.request({ priority: below(3) }), Process.hold(ms(below(4)))),
              () => room.use(Process.interruptible(Effect.sleep(ms(below(6)))), { units: 1 + below(2) }),
              // What is taken is put back, unless it never was.
              () =>
                Effect.uninterruptible(Effect.gen(function* () {
                  const item = yield* shelf.get({ patience: ms(below(4)) })
                  shelfs.push(item)
                })),
              () =>
                Condition.all({
                  room: room.request(),
                  machine: machine.request({ units: 1 + below(2), patience: ms(below(6)) }),
                  pause: Process.hold(ms(below(3))),
                }),
              () =>
                Condition.any({
                  room: room.request({ units: 2 }),
                  machine: machine.request(),
                  late: Process.hold(ms(below(4))),
                }),
              () =>
                Effect.andThen(
                  tank.put(1 + below(9), { patience: ms(3) }),
                  tank.get(1 + below(9), { patience: ms(3) }),
                ),
            ]
            const shelfs: Array<number> = []
            const running: Array<Process.Process> = []
            for (let n = 0; n < 80; n++) {
              const job = Effect.suspend(random.pick(jobs)!)
              const limited = random.chance(0.3) ? Effect.timeoutOption(job, ms(below(6))) : job
              const name = `${n}`
              running.push(
                yield* Process.spawn(name, Effect.flatMap(Effect.exit(limited), ({ _tag }) => log(`${name} ${_tag}`))),
              )
              const joined = running.at(-1)!
              yield* Process.spawn(`${n} joined`, Effect.exit(joined.join), { daemon: true })
              if (random.chance(0.4)) yield* random.pick(running)!.interrupt(n)
              if (random.chance(0.6)) yield* Process.hold(ms(below(3)))
            }
            yield* Process.hold("1 second")
            for (const each of running) if (!each.hasEnded()) yield* each.interrupt("over")
            yield* Process.hold(ms(20))
            for (const each of running) expect(each.hasEnded(), each.name).toBe(true)
            expect([machine.inUse(), machine.waiting(), room.inUse(), room.waiting()]).toEqual([0, 0, 0, 0])
            expect([tank.waitingGets(), tank.waitingPuts(), shelf.waitingGets()]).toEqual([0, 0, 0])
            expect(tank.level()).toBeGreaterThanOrEqual(0)
            expect([...shelfs, ...shelf.items()].sort()).toEqual([0, 1, 2])
          })
        const { lines, time } = yield* run(program)
        expect(lines.length).toBeGreaterThan(20)
        expect(yield* run(program)).toMatchObject({ lines, time })
      }),
  )
})

describe("the states behind them", () => {
  it.each(SEEDS)(
    "of a resource never lend more than there is, keep nobody waiting who could go, and hold the order, with seed %i",
    (seed) => {
      const random = randomOf(seed)
      const state = new ResourceState<Request>(4)
      const alive: Array<Request> = []
      const waiting: Array<Request> = []
      const held: Array<Request> = []
      const drop = (from: Array<Request>, what: Request) => void from.splice(from.indexOf(what), 1)
      for (let step = 0; step < 400; step++) {
        const isNew = alive.length === 0 || random.chance(0.55)
        let changes: ReturnType<typeof state.request>
        if (isNew) {
          const request = new Request(1 + Number(random.below(4n)), Number(random.below(3n)), random.chance(0.3))
          alive.push(request)
          // A naive line, sorted each time; sorting is stable.
          waiting.push(request)
          waiting.sort((a, b) => a.priority - b.priority)
          changes = state.request(request)
        } else {
          const request = random.pick(alive)!
          drop(alive, request)
          drop(waiting.includes(request) ? waiting : held, request)
          changes = state.leave(request)
          expect(state.leave(request)).toEqual([])
        }
        for (const change of changes) {
          if (change._tag === "Preempted") {
            expect(change.by.priority).toBeLessThan(change.request.priority)
            drop(held, change.request)
            drop(alive, change.request)
          } else {
            expect(change.request).toBe(waiting.shift())
            held.push(change.request)
          }
        }
        const inUse = held.reduce((sum, { units }) => sum + units, 0)
        expect(state.inUse).toBe(inUse)
        expect(inUse).toBeLessThanOrEqual(4)
        expect(state.waiting).toBe(waiting.length)
        const [first] = waiting
        if (first === undefined) continue
        expect(first.units).toBeGreaterThan(4 - inUse)
        const lower = held.filter(({ priority }) => priority > first.priority).reduce(
          (sum, { units }) => sum + units,
          0,
        )
        if (first.preempts) expect(first.units).toBeGreaterThan(4 - inUse + lower)
      }
    },
  )

  it.each(SEEDS)("of a container lose nothing, and serve in order, with seed %i", (seed) => {
    const random = randomOf(seed)
    const state = new ContainerState<Transfer>(20, 5)
    const lines: { readonly put: Array<Transfer>; readonly get: Array<Transfer> } = { put: [], get: [] }
    let level = 5
    for (let step = 0; step < 400; step++) {
      const all = [...lines.put, ...lines.get]
      let done: ReadonlyArray<Transfer>
      if (all.length === 0 || random.chance(0.7)) {
        const kind = random.chance(0.5) ? "put" : "get"
        const transfer = new Transfer(kind, 1 + Number(random.below(12n)), Number(random.below(2n)))
        lines[kind].push(transfer)
        lines[kind].sort((a, b) => a.priority - b.priority)
        done = state.begin(transfer)
      } else {
        const transfer = random.pick(all)!
        lines[transfer.kind].splice(lines[transfer.kind].indexOf(transfer), 1)
        done = state.leave(transfer)
      }
      for (const transfer of done) {
        expect(transfer).toBe(lines[transfer.kind].shift())
        level += transfer.kind === "put" ? transfer.amount : -transfer.amount
        expect(level >= 0 && level <= 20).toBe(true)
      }
      expect(state.level).toBe(level)
      if (lines.get[0] !== undefined) expect(lines.get[0].amount).toBeGreaterThan(level)
      if (lines.put[0] !== undefined) expect(level + lines.put[0].amount).toBeGreaterThan(20)
    }
  })

  it.each(SEEDS)("of a store do as a naive one does, with seed %i", (seed) => {
    const random = randomOf(seed)
    const state = new StoreState<number, Put<number>, Get<number>>(4)
    let [items, puts, gets]: [Array<number>, Array<Put<number>>, Array<Get<number>>] = [[], [], []]
    let next = 0
    const serve = () => {
      const done: Array<Put<number> | Get<number>> = []
      for (let isOver = false; !isOver;) {
        isOver = true
        for (const get of gets) {
          const found = items.find((item) => get.accepts(item))
          if (found === undefined) continue
          items = items.filter((item) => item !== found)
          gets = gets.filter((other) => other !== get)
          done.push(get)
          isOver = false
          break
        }
        if (isOver && puts.length > 0 && items.length < 4) {
          const put = puts.shift()!
          items.push(put.item.value)
          items.sort((a, b) => a % 3 - b % 3)
          done.push(put)
          isOver = false
        }
      }
      return done
    }
    for (let step = 0; step < 400; step++) {
      const waiting = [...puts, ...gets]
      let done: ReadonlyArray<Put<number> | Get<number>>
      const choice = random.number()
      if (choice < 0.4) {
        const value = next++
        const put = new Put({ value, priority: value % 3, sequence: 0 }, Number(random.below(2n)))
        puts.push(put)
        puts.sort((a, b) => a.priority - b.priority)
        done = state.put(put)
      } else if (choice < 0.8 || waiting.length === 0) {
        const wanted = Number(random.below(5n))
        const get = new Get<number>((value) => wanted === 4 || value % 4 === wanted, Number(random.below(2n)))
        gets.push(get)
        gets.sort((a, b) => a.priority - b.priority)
        done = state.get(get)
      } else {
        const one = random.pick(waiting)!
        puts = puts.filter((put) => put !== one)
        gets = gets.filter((get) => get !== one)
        done = one instanceof Put ? state.leavePut(one) : state.leaveGet(one)
      }
      const expected = serve()
      expect(new Set(done)).toEqual(new Set(expected))
      expect(state.items).toEqual(items)
      expect([state.waitingPuts, state.waitingGets]).toEqual([puts.length, gets.length])
    }
  })
})
