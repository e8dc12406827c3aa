import * as FakeTimers from "@sinonjs/fake-timers"
import * as EventQueue from "../../src/core/EventQueue.ts"
import type { Nanos } from "../../src/core/Nanos.ts"
import { Item, NS3, onQueue } from "../hold.ts"
import { AHEAD, numbers, sized } from "../numbers.ts"
import * as Peers from "../peers.ts"
import { millionsPerSecond, type Suite } from "../suite.ts"

const PENDING = sized(10_000)
const PAIRS = sized(1_000_000)

/** So many events, of which one at random is taken out and added again, as often as that. */
const deleting = (): Promise<number> => {
  const next = numbers(AHEAD)
  const items = Array.from({ length: PENDING }, () => new Item())
  let queue = EventQueue.empty<Item>()
  for (const item of items) queue = EventQueue.add(queue, item, BigInt(next()) as Nanos)
  return millionsPerSecond(PAIRS, () => {
    for (let left = PAIRS; left > 0; left--) {
      const item = items[next() % PENDING]!
      queue = EventQueue.add(EventQueue.remove(queue, item), item, BigInt(next()) as Nanos)
    }
    return Promise.resolve()
  })
}

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

const FIRES = "EventQueue: one fires, one is added"
const NS3_FIRES = `${NS3}: one fires, one is added`
const ns3 = Peers.cpp("hold-ns3.cc", "core")

const suite: Suite = {
  about: "Taking out one at random of 10,000, and adding it again",
  unit: "M pairs/s",
  more: true,
  cases: [
    onQueue(FIRES, PENDING, PAIRS),
    { name: "EventQueue: one is taken out, one is added", measure: deleting, against: [FIRES] },
    { name: "EventQueue: the oldest is taken out, the latest added", measure: timingOut, against: [FIRES] },
    Peers.of(NS3_FIRES, ns3, "fire", PENDING, PAIRS),
    { ...Peers.of(`${NS3}: one is taken out, one is added`, ns3, "remove", PENDING, PAIRS), against: [NS3_FIRES] },
    { name: "@sinonjs/fake-timers: one is cleared, one is set", measure: clearing },
  ],
}

export default suite
