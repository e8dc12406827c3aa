import * as FakeTimers from "@sinonjs/fake-timers"
import * as EventQueue from "../../src/core/EventQueue.ts"
import type { Nanos } from "../../src/core/Nanos.ts"
import { Item, NS3, onQueue } from "../hold.ts"
import { AHEAD, numbers, sized } from "../numbers.ts"
import * as Peers from "../peers.ts"
import { type Case, millionsPerSecond, type Suite } from "../suite.ts"

const PENDING = sized(10_000)
const PAIRS = sized(1_000_000)

/** So many events in a queue, and which of them to take out, one after the other: drawn before anything is measured. */
const prepared = () => {
  const next = numbers(AHEAD)
  const items = Array.from({ length: PENDING }, () => new Item())
  let queue = EventQueue.empty<Item>()
  for (const item of items) queue = EventQueue.add(queue, item, BigInt(next()) as Nanos)
  return { next, items, queue, order: Int32Array.from({ length: PAIRS }, () => next() % PENDING) }
}

/** One at random is taken out and added again, as often as that. */
const deleting = (): Promise<number> => {
  const { next, items, queue, order } = prepared()
  return millionsPerSecond(PAIRS, () => {
    let changed = queue
    for (const at of order) {
      const item = items[at]!
      changed = EventQueue.add(EventQueue.remove(changed, item), item, BigInt(next()) as Nanos)
    }
    return Promise.resolve()
  })
}

/** Half of them, at random, are taken out, and then added again: only one of the two is measured. */
const halves = (name: string, isMeasured: "taken out" | "added"): Case => ({
  name,
  measure: () => {
    const { next, items, queue, order } = prepared()
    const half = PENDING >> 1
    let changed = queue
    let ms = 0
    let measured = 0
    const timed = (is: boolean, run: (item: Item) => void) => {
      const before = performance.now()
      for (let i = 0; i < half; i++) run(items[i]!)
      if (!is) return
      ms += performance.now() - before
      measured += half
    }
    for (let from = 0; from + half <= PAIRS; from += half) {
      // A shuffle of the first half with all of them.
      for (let i = 0; i < half; i++) {
        const other = order[from + i]!
        const item = items[i]!
        items[i] = items[other]!
        items[other] = item
      }
      timed(isMeasured === "taken out", (item) => (changed = EventQueue.remove(changed, item)))
      timed(isMeasured === "added", (item) => (changed = EventQueue.add(changed, item, BigInt(next()) as Nanos)))
    }
    return Promise.resolve(measured / ms / 1000)
  },
})

/** A time-out, as protocols have them: added a second ahead, and taken back before it is due. */
const timingOut = (): Promise<number> => {
  const next = numbers(AHEAD)
  const items = Array.from({ length: PENDING }, () => new Item())
  let queue = EventQueue.empty<Item>()
  let now = 0n
  for (const item of items) queue = EventQueue.add(queue, item, (now++) as Nanos)
  return millionsPerSecond(PAIRS, () => {
    for (let i = 0; i < PAIRS; i++) {
      const item = items[i % PENDING]!
      now += BigInt(next())
      queue = EventQueue.add(EventQueue.remove(queue, item), item, (now + 1_000_000_000_000_000n) as Nanos)
    }
    return Promise.resolve()
  })
}

const clearing = (): Promise<number> => {
  const next = numbers(AHEAD)
  const clock = FakeTimers.createClock(0)
  const nothing = () => {}
  const timers = Array.from({ length: PENDING }, () => clock.setTimeout(nothing, next()))
  const pairs = Math.ceil(PAIRS / 10)
  return millionsPerSecond(pairs, () => {
    for (let left = pairs; left > 0; left--) {
      const at = next() % PENDING
      clock.clearTimeout(timers[at]!)
      timers[at] = clock.setTimeout(nothing, next())
    }
    return Promise.resolve()
  })
}

const ADDED = "EventQueue: half of them are added"
const FIRES = "EventQueue: one fires, one is added"
const NS3_FIRES = `${NS3}: one fires, one is added`
const ns3 = Peers.cpp("hold-ns3.cc", "core")

const suite: Suite = {
  about: "Taking out at random of 10,000, and adding again",
  unit: "M/s",
  more: true,
  cases: [
    onQueue(FIRES, PENDING, PAIRS),
    { ...halves(ADDED, "added"), against: [] },
    { ...halves("EventQueue: half of them are taken out", "taken out"), against: [ADDED] },
    { name: "EventQueue: one is taken out, one is added", measure: deleting, against: [FIRES] },
    { name: "EventQueue: the oldest is taken out, the latest added", measure: timingOut, against: [FIRES] },
    Peers.of(NS3_FIRES, ns3, "fire", PENDING, PAIRS),
    { ...Peers.of(`${NS3}: one is taken out, one is added`, ns3, "remove", PENDING, PAIRS), against: [NS3_FIRES] },
    { name: "@sinonjs/fake-timers: one is cleared, one is set", measure: clearing },
  ],
}

export default suite
