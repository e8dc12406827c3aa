import { execFileSync } from "node:child_process"
import process from "node:process"
import { describe, expect, it } from "vitest"
import * as EventQueue from "../src/core/EventQueue.ts"
import type { Nanos } from "../src/core/Nanos.ts"
import { type Random, random } from "./support/random.ts"

/** An event: what matters is which one it is, so its name is for people. */
interface Event {
  readonly name: number
  readonly hook?: EventQueue.Hook
}

type Queue = EventQueue.EventQueue<Event>
type Entry = EventQueue.Entry<Event>

/** The sentence of SPEC 4, word for word. */
const naiveAdd = (list: ReadonlyArray<Entry>, added: Entry): ReadonlyArray<Entry> => {
  const before = list.findIndex((entry) =>
    entry.time > added.time || (entry.time === added.time && entry.onStack && added.onStack)
  )
  return before < 0 ? [...list, added] : [...list.slice(0, before), added, ...list.slice(before)]
}

const plain = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> =>
  entries.map(({ event, time, onStack }) => `${event.name}@${time}${onStack ? " on-stack" : ""}`)

/** A version, and what it must hold for good. */
interface Kept {
  readonly queue: Queue
  readonly list: ReadonlyArray<Entry>
}

/** Compares without `expect` as long as all is well, since there are hundreds of thousands of versions. */
const check = ({ queue, list }: Kept, events: ReadonlyArray<Event>): void => {
  const times = new Map(list.map(({ event, time }) => [event, time]))
  const asked = events.map((event) => EventQueue.has(queue, event) ? EventQueue.timeOf(queue, event) : undefined)
  const first = EventQueue.first(queue)
  const entries = EventQueue.entries(queue)
  const isRight = queue.size === list.length && first?.event === list[0]?.event && entries.length === list.length &&
    entries.every(({ event, time, onStack }, place) => {
      const expected = list[place]!
      return event === expected.event && time === expected.time && onStack === expected.onStack
    }) && events.every((event, place) => asked[place] === times.get(event))
  if (isRight) return
  expect([queue.size, first?.event.name, ...plain(entries), ...asked])
    .toEqual([list.length, list[0]?.event.name, ...plain(list), ...events.map((event) => times.get(event))])
  expect.fail("an entry is of another event with the same name")
}

/** Takes entries off one by one, which the heap's own order decides, unlike the sorting in `entries`. */
const drained = (queue: Queue): ReadonlyArray<Entry> => {
  const entries: Array<Entry> = []
  for (let rest = queue; rest.size > 0; rest = EventQueue.takeFirst(rest)) entries.push(EventQueue.first(rest)!)
  return entries
}

/** Where the doubles under the heap, or 64 bits, are at their limits. */
const EDGES = [0n, 1n << 32n, 1n << 53n, 1n << 60n, 1n << 63n, (1n << 64n) - 6n]

const someTime = (from: Random): Nanos => (from.pick(EDGES) + from.bigint(6n)) as Nanos

const step = (from: Random, { queue, list }: Kept, events: ReadonlyArray<Event>, time: () => Nanos): Kept => {
  const event = from.pick(events)
  if (!EventQueue.has(queue, event)) {
    const added = { event, time: time(), onStack: from.bool(0.3) }
    return { queue: EventQueue.add(queue, event, added.time, added.onStack), list: naiveAdd(list, added) }
  }
  if (from.bool()) return { queue: EventQueue.takeFirst(queue), list: list.slice(1) }
  return { queue: EventQueue.remove(queue, event), list: list.filter((entry) => entry.event !== event) }
}

/**
 * Each of these with a chance of four by their number. The gaps between those taken are geometric: that takes
 * as many draws as are taken, not as there are.
 */
const few = <A>(from: Random, all: ReadonlyArray<A>): ReadonlyArray<A> => {
  const missed = Math.log1p(-4 / all.length)
  const gap = () => Math.floor(Math.log(1 - from.int(2 ** 32) / 2 ** 32) / missed)
  const taken: Array<A> = []
  for (let place = gap(); place < all.length; place += 1 + gap()) taken.push(all[place]!)
  return taken
}

/** Runs a case for each seed; a failure says which seed it was. */
const forSeeds = (count: number, run: (from: Random) => void): void => {
  for (let seed = 1; seed <= count; seed++) {
    try {
      run(random(seed))
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
    }
  }
}

const shuffled = <A>(from: Random, xs: ReadonlyArray<A>): ReadonlyArray<A> =>
  xs.map((x) => [from.int(2 ** 32), x] as const).sort(([a], [b]) => a - b).map(([, x]) => x)

class Hooked extends EventQueue.Hook implements Event {
  readonly name: number
  constructor(name: number) {
    super()
    this.name = name
  }
}

/** One in three is a hook, one has one, and one has none. */
const events = (count: number): ReadonlyArray<Event> =>
  Array.from(
    { length: count },
    (_, name) => [new Hooked(name), { name, hook: new EventQueue.Hook() }, { name }][name % 3]!,
  )

const filled = (pending: ReadonlyArray<Event>): Queue =>
  pending.reduce((queue, event) => EventQueue.add(queue, event, BigInt(event.name) as Nanos), EventQueue.empty<Event>())

const at = (time: number): Nanos => BigInt(time) as Nanos

describe("the order of the queue", () => {
  const [a, b, c, d, e] = events(5) as [Event, Event, Event, Event, Event]
  const names = (queue: Queue): ReadonlyArray<number> => drained(queue).map(({ event }) => event.name)

  it("is by time, and first in, first out at equal times", () => {
    let queue = EventQueue.add(EventQueue.empty<Event>(), a, at(2))
    queue = EventQueue.add(queue, b, at(1))
    queue = EventQueue.add(queue, c, at(2))
    queue = EventQueue.add(queue, d, at(1))
    expect(names(queue)).toEqual([1, 3, 0, 2])
  })

  it("puts a newer on-stack entry in front of the older one, wherever that stands", () => {
    let queue = EventQueue.add(EventQueue.empty<Event>(), a, at(1))
    queue = EventQueue.add(queue, b, at(1), true)
    queue = EventQueue.add(queue, c, at(1))
    queue = EventQueue.add(queue, d, at(1), true)
    queue = EventQueue.add(queue, e, at(1), true)
    expect(names(queue)).toEqual([0, 4, 3, 1, 2])
  })

  it("puts an on-stack entry last once the older ones are gone", () => {
    let queue = EventQueue.add(EventQueue.empty<Event>(), a, at(1), true)
    queue = EventQueue.add(queue, b, at(1))
    queue = EventQueue.add(EventQueue.remove(queue, a), c, at(1), true)
    expect(names(queue)).toEqual([1, 2])
  })

  it("tells times apart that are one nanosecond apart, up to 2^64 - 1", () => {
    const times = EDGES.flatMap((edge) => [edge, edge + 1n, edge + 2n, edge + 3n, edge + 4n, edge + 5n])
    const from = random(1)
    let queue = EventQueue.empty<bigint>()
    for (const time of shuffled(from, times)) queue = EventQueue.add(queue, time, time as Nanos)
    for (const time of times) {
      expect(EventQueue.first(queue)).toMatchObject({ event: time, time })
      queue = EventQueue.takeFirst(queue)
    }
  })

  it("goes back to what it was when a removal is undone, at equal times too", () => {
    const queue = [a, b, c, d].reduce((q, event) => EventQueue.add(q, event, at(1)), EventQueue.empty<Event>())
    const without = EventQueue.remove(queue, b)
    const back = EventQueue.add(without, b, at(1))
    expect(names(queue)).toEqual([0, 1, 2, 3])
    expect(names(EventQueue.add(queue, e, at(1)))).toEqual([0, 1, 2, 3, 4])
    expect(names(back)).toEqual([0, 2, 3, 1])
    expect(names(without)).toEqual([0, 2, 3])
  })
})

describe("the functions of the queue", () => {
  const [a, b] = events(2) as [Event, Event]

  it("have nothing to say about an empty queue", () => {
    const queue = EventQueue.empty<Event>()
    expect(queue.size).toBe(0)
    expect(EventQueue.first(queue)).toBeUndefined()
    expect(EventQueue.entries(queue)).toEqual([])
    expect(EventQueue.has(queue, a)).toBe(false)
    expect(EventQueue.timeOf(queue, a)).toBeUndefined()
  })

  it("return the very same queue when an event that isn't pending is removed", () => {
    const queue = EventQueue.add(EventQueue.empty<Event>(), a, at(1))
    expect(EventQueue.remove(queue, b)).toBe(queue)
    const later = EventQueue.takeFirst(queue)
    expect(EventQueue.remove(later, a)).toBe(later)
    expect(EventQueue.remove(queue, b)).toBe(queue)
  })

  it("give the very same queue where an event to be added is pending already", () => {
    const queue = EventQueue.add(EventQueue.empty<Event>(), a, at(1))
    expect(EventQueue.add(queue, a, at(2))).toBe(queue)
    check({ queue, list: [{ event: a, time: at(1), onStack: false }] }, [a, b])
  })

  it("throw on a bug, and leave the queue as it was", () => {
    const queue = EventQueue.add(EventQueue.empty<Event>(), a, at(1))
    expect(() => EventQueue.takeFirst(EventQueue.empty<Event>())).toThrow("bug in guest-clock")
    check({ queue, list: [{ event: a, time: at(1), onStack: false }] }, [a, b])
  })

  it("tell events apart as a Map does, whatever they are", () => {
    const all = [undefined, null, 0, "", NaN, "0", 1n, Symbol.iterator]
    let queue = EventQueue.empty<unknown>()
    for (const event of all) queue = EventQueue.add(queue, event, at(1))
    for (const event of all) expect(EventQueue.has(queue, event)).toBe(true)
    expect(EventQueue.entries(queue).map(({ event }) => event)).toEqual(all)
    for (const event of all) queue = EventQueue.remove(queue, event)
    expect(queue.size).toBe(0)
  })

  it("keep two queues apart", () => {
    const one = EventQueue.add(EventQueue.empty<Event>(), a, at(1))
    expect(EventQueue.has(EventQueue.empty<Event>(), a)).toBe(false)
    expect(EventQueue.has(one, a)).toBe(true)
  })
})

describe("every version of a queue", () => {
  it("agrees for good with a naive sorted array", () => {
    forSeeds(1500, (from) => {
      const all = events(1 + from.int(20))
      const few = shuffled(from, [...EDGES]).slice(0, 1 + from.int(2))
      const time = from.bool() ? () => someTime(from) : () => (few[from.int(few.length)]! + from.bigint(3n)) as Nanos
      let newest: Kept = { queue: EventQueue.empty<Event>(), list: [] }
      const kept = [newest]
      for (let i = from.int(80); i >= 0; i--) {
        newest = step(from, newest, all, time)
        kept.push(newest)
      }
      const orders = [kept, kept.toReversed(), shuffled(from, kept)]
      for (const order of orders) for (const one of order) check(one, all)
      for (const { queue, list } of shuffled(from, kept).slice(0, 5)) {
        expect(plain(drained(queue))).toEqual(plain(list))
      }
      for (const one of kept) check(one, all)
    })
  })

  it("agrees with it where the same events are in several queues at once", () => {
    forSeeds(60, (from) => {
      const some = events(12)
      const kept: Array<Kept> = [0, 1, 2].map(() => ({ queue: EventQueue.empty(), list: [] }))
      for (let nth = 0; nth < 300; nth++) {
        // A queue goes on from any version of it or of another, or is new.
        const on = from.int(4)
        const before = from.bool(0.05) ? { queue: EventQueue.empty<Event>(), list: [] } : from.pick(kept)
        const next = step(from, before, some, () => someTime(from))
        if (on === 3) kept.push(next)
        else kept[on] = next
      }
      for (const each of shuffled(from, kept)) check(each, some)
    })
  })

  it("can be branched from, into a whole tree of versions", () => {
    forSeeds(300, (from) => {
      const all = events(1 + from.int(20))
      const kept: Array<Kept> = [{ queue: EventQueue.empty<Event>(), list: [] }]
      for (let i = from.int(150); i >= 0; i--) kept.push(step(from, from.pick(kept), all, () => someTime(from)))
      for (const one of shuffled(from, kept)) check(one, all)
      for (const { queue, list } of kept) expect(plain(drained(queue))).toEqual(plain(list))
    })
  })

  it("stays right over the copies that long histories and long journeys leave behind", () => {
    forSeeds(6, (from) => {
      const all = events(5 + from.int(60))
      const kept: Array<Kept> = []
      let branches: ReadonlyArray<Kept> = Array(3).fill({ queue: EventQueue.empty<Event>(), list: [] })
      for (let round = 0; round < 60; round++) {
        branches = branches.map((branch) => {
          let newest = branch
          for (let i = from.int(300); i > 0; i--) {
            newest = step(from, newest, all, () => someTime(from))
            if (from.int(10) === 0) kept.push(newest)
          }
          return newest
        })
        if (from.int(4) === 0) branches = [...branches.slice(1), from.pick(kept)]
      }
      for (const one of shuffled(from, kept)) check(one, all.slice(0, 3))
      for (const one of kept) check(one, all.slice(0, 3))
    })
  })

  it("agrees with it with hundreds pending, whether times are even, in clusters, equal or far apart", () => {
    const spreads: ReadonlyArray<(from: Random) => bigint> = [
      (from) => from.bigint(1_000n),
      (from) => from.bigint(1_000_000_000n),
      (from) => from.bool(0.9) ? from.bigint(50n) : 10n ** 12n + from.bigint(50n),
      (from) => from.bool(0.8) ? from.bigint(1n << 20n) : (1n << 63n) + from.bigint(3n),
      (from) => 1n << BigInt(from.int(60)),
      () => 500n,
    ]
    forSeeds(40, (from) => {
      const all = events(100 + from.int(900))
      let newest: Kept = { queue: EventQueue.empty<Event>(), list: [] }
      const kept: Array<Kept> = []
      for (let phase = 0; phase < 8; phase++) {
        const spread = from.pick(spreads)
        const size = from.int(all.length)
        const time = () => {
          // Now and then before all that is pending, as no clock does.
          const start = from.bool(0.02) ? 0n : newest.list[0]?.time ?? 0n
          return (start + spread(from)) % (1n << 64n) as Nanos
        }
        for (let left = from.int(1_200); left > 0; left--) {
          const grows = newest.list.length < size
          const choices = few(from, all)
          const fitting = choices.filter((event) => EventQueue.has(newest.queue, event) !== grows)
          newest = step(from, newest, fitting.length > 0 ? fitting : all, time)
          if (from.bool(0.005)) kept.push(newest)
        }
        kept.push(newest)
        expect(plain(drained(newest.queue))).toEqual(plain(newest.list))
        newest = from.bool(0.2) ? from.pick(kept) : newest
      }
      for (const one of shuffled(from, kept)) check(one, all)
      for (const { queue, list } of kept) expect(plain(drained(queue))).toEqual(plain(list))
    })
  })

  it("has the right first entry, looked at or not before others were added", () => {
    forSeeds(60, (from) => {
      const all = events(50 + from.int(400))
      const looks = from.pick([0, 0.1, 1])
      const spread = from.pick([3n, 1_000n, 1n << 40n])
      let newest: Kept = { queue: EventQueue.empty<Event>(), list: [] }
      for (let phase = 0; phase < 3; phase++) {
        for (const event of shuffled(from, all)) {
          if (EventQueue.has(newest.queue, event)) continue
          const added = { event, time: from.bigint(spread) as Nanos, onStack: from.bool(0.2) }
          const queue = EventQueue.add(newest.queue, event, added.time, added.onStack)
          newest = { queue, list: naiveAdd(newest.list, added) }
          if (from.bool(looks)) expect(EventQueue.first(queue)?.event).toBe(newest.list[0]?.event)
        }
        for (let left = from.int(all.length); left > 0; left--) {
          newest = { queue: EventQueue.takeFirst(newest.queue), list: newest.list.slice(1) }
          if (from.bool(looks)) expect(EventQueue.first(newest.queue)?.event).toBe(newest.list[0]?.event)
        }
      }
      expect(plain(drained(newest.queue))).toEqual(plain(newest.list))
    })
  })

  it("may have so many entries that the arrays grow and shrink", () => {
    const from = random(7)
    const all = events(20_000)
    const times = all.map(() => from.bigint(5_000n) as Nanos)
    const due = all.toSorted((x, y) => Number(times[x.name]! - times[y.name]!))
    const full = all.reduce((q, event) => EventQueue.add(q, event, times[event.name]!), EventQueue.empty<Event>())
    expect(drained(full).map(({ event }) => event.name)).toEqual(due.map((event) => event.name))
    const gone = new Set(shuffled(from, all).slice(0, 19_000))
    const thinned = [...gone].reduce((queue, event) => EventQueue.remove(queue, event), full)
    expect(thinned.size).toBe(1_000)
    const left = due.filter((event) => !gone.has(event)).map((event) => event.name)
    expect(drained(thinned).map(({ event }) => event.name)).toEqual(left)
    expect(drained(full).map(({ event }) => event.name)).toEqual(due.map((event) => event.name))
  })
})

describe("old versions", () => {
  it("can be 200,000 operations back", () => {
    const all = events(200_000)
    const early = filled(all.slice(0, 10))
    let newest = early
    for (const event of all.slice(10)) newest = EventQueue.add(newest, event, at(event.name))
    expect(EventQueue.entries(early).map(({ event }) => event.name)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(newest.size).toBe(200_000)
    expect(EventQueue.timeOf(newest, all.at(-1)!)).toBe(199_999n)
    expect(EventQueue.has(early, all.at(-1)!)).toBe(false)
  })

  it("don't cost their distance again and again when two are used in turns", () => {
    const all = events(40_000)
    const early = filled(all.slice(0, 20_000))
    let late = early
    for (const event of all.slice(20_000)) late = EventQueue.add(late, event, at(event.name))
    const startedAt = performance.now()
    let wrong = 0
    for (let i = 0; i < 20_000; i++) {
      if (EventQueue.has(early, all[30_000]!)) wrong++
      if (!EventQueue.has(late, all[30_000]!)) wrong++
    }
    expect(wrong).toBe(0)
    // Without parting, these are 800 million steps: minutes, against a fraction of a second.
    expect(performance.now() - startedAt).toBeLessThan(20_000)
  })

  it.skipIf("Bun" in globalThis)("let go of removed events, and keep few of the versions that follow them", () => {
    const program = `
      import * as EventQueue from ${JSON.stringify(new URL("../src/core/EventQueue.ts", import.meta.url).href)}
      const turn = () => new Promise((resolve) => setTimeout(resolve))
      const alive = (refs) => refs.filter((ref) => ref.deref() !== undefined).length
      let queue = EventQueue.empty()
      for (let i = 0; i < 100; i++) queue = EventQueue.add(queue, { i }, BigInt(i))
      const early = queue
      const events = []
      const versions = []
      for (let i = 0; i < 100_000; i++) {
        const first = EventQueue.first(queue)
        if (i % 10 === 0) events.push(new WeakRef(first.event))
        queue = EventQueue.add(EventQueue.takeFirst(queue), { i }, first.time + 100n)
        if (i % 10 === 0) versions.push(new WeakRef(queue))
        if (i % 1000 === 0) await turn()
      }
      await turn()
      gc()
      const counts = [alive(events), alive(versions)]
      const sizes = [EventQueue.entries(early).length, EventQueue.entries(queue).length]
      console.log(JSON.stringify([...counts, ...sizes]))
    `
    const args = "Deno" in globalThis
      ? ["eval", "--quiet", "--v8-flags=--expose-gc", program]
      : ["--expose-gc", "--input-type=module", "--eval", program]
    const [events, versions, ...sizes] = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }))
    expect(sizes).toEqual([100, 100])
    // Of 10,000. At most 562 rounds may hang on to `early`, one in ten of them counted: 57, with room to spare.
    expect(events).toBeLessThan(400)
    expect(versions).toBeLessThan(400)
  })
})
