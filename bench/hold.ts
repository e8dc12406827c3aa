/**
 * The hold model: so many events are pending, and each that fires adds one at
 * random, up to a second ahead.
 *
 * @module
 */
import * as FakeTimers from "@sinonjs/fake-timers"
import * as EventQueue from "../src/core/EventQueue.ts"
import type { Nanos } from "../src/core/Nanos.ts"
import { AHEAD, numbers, sized } from "./numbers.ts"
import * as Peers from "./peers.ts"
import { type Case, millionsPerSecond, type Suite } from "./suite.ts"

/** The least that an event is: a hook, as the events of a clock are. */
export class Item extends EventQueue.Hook {}

/** A queue with so many events in it. */
export const filled = (pending: number, next: () => number): EventQueue.EventQueue<Item> => {
  let queue = EventQueue.empty<Item>()
  for (let i = 0; i < pending; i++) queue = EventQueue.add(queue, new Item(), BigInt(next()) as Nanos)
  return queue
}

/** Lets so many events fire. */
export const fire = (queue: EventQueue.EventQueue<Item>, events: number, next: () => number): void => {
  for (let left = events; left > 0; left--) {
    const { event, time } = EventQueue.first(queue)!
    queue = EventQueue.add(EventQueue.takeFirst(queue), event, (time + BigInt(next())) as Nanos)
  }
}

/** The core's queue. */
export const onQueue = (name: string, pending: number, events: number): Case => ({
  name,
  measure: () => {
    const next = numbers(AHEAD)
    const queue = filled(pending, next)
    return millionsPerSecond(events, () => Promise.resolve(fire(queue, events, next)))
  },
})

/** Timers of 1 to 10^9 ms, in one tick over as much time as so many of them take. */
const onFakeTimers = (pending: number, events: number): Case => ({
  name: "@sinonjs/fake-timers",
  measure: () => {
    const next = numbers(AHEAD)
    const clock = FakeTimers.createClock(0, Infinity)
    let fired = 0
    const handler = () => {
      fired++
      clock.setTimeout(handler, next())
    }
    for (let i = 0; i < pending; i++) clock.setTimeout(handler, next())
    const before = performance.now()
    clock.tick(Math.round(events / pending * AHEAD / 2))
    return Promise.resolve(fired / (performance.now() - before) / 1000)
  },
})

export const NS3 = "ns-3's MapScheduler"

/** The queue and its peers; fewer events for those that are slow. */
export const suite = (most: number, many: number, fewer: number): Suite => {
  const pending = sized(most)
  const events = sized(many)
  return {
    about: `Events that add another one when they fire, ${most} pending`,
    unit: "M events/s",
    more: true,
    // Compilers look again at what has run for long.
    warmUps: 3,
    cases: [
      Peers.of(NS3, Peers.cpp("hold-ns3.cc", "core"), "fire", pending, events),
      Peers.of("C++'s std::priority_queue", Peers.cpp("hold-heap.cc"), "fire", pending, events),
      Peers.of("SimPy's processes", Peers.simPy("hold.py"), pending, sized(fewer)),
      onFakeTimers(pending, sized(fewer)),
      onQueue("EventQueue", pending, events),
    ],
  }
}
