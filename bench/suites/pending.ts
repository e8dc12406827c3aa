import * as FakeTimers from "@sinonjs/fake-timers"
import * as Effect from "effect/Effect"
import { GuestClock, Mode } from "../../src/index.ts"
import * as EventQueue from "../../src/core/EventQueue.ts"
import type { Nanos } from "../../src/core/Nanos.ts"
import { filled, Item } from "../hold.ts"
import { AHEAD, numbers, sized } from "../numbers.ts"
import * as Peers from "../peers.ts"
import type { Case, Suite } from "../suite.ts"
import { usedBytes } from "../usedBytes.ts"

const PENDING = sized(1_000_000)

/** What each of so many takes, as long as what `make` returns is held. */
const bytesOf = async (count: number, make: () => Promise<unknown>): Promise<number> => {
  const before = usedBytes()
  const held = await make()
  const bytes = usedBytes() - before
  // Used once more, or it would be garbage by now.
  return held === undefined ? NaN : bytes / count
}

const each = (name: string, count: number, make: () => unknown): Case => ({
  name,
  measure: () => bytesOf(count, () => Promise.resolve(make())),
})

const onClock = Effect.gen(function* () {
  const clock = yield* GuestClock.GuestClock
  const next = numbers(AHEAD)
  const handler: GuestClock.Handler = () => {}
  for (let i = 0; i < PENDING; i++) clock.addEventUnsafe(GuestClock.event("event", handler), BigInt(next()))
  return clock
})

/** The queue alone, with events that were there before. */
const alone = async (): Promise<number> => {
  const next = numbers(AHEAD)
  const items = Array.from({ length: PENDING }, () => new Item())
  return await bytesOf(PENDING, () => {
    let queue = EventQueue.empty<Item>()
    for (const item of items) queue = EventQueue.add(queue, item, BigInt(next()) as Nanos)
    return Promise.resolve([queue, items])
  })
}

const onFakeTimers = () => {
  const next = numbers(AHEAD)
  const clock = FakeTimers.createClock(0)
  const handler = () => {}
  for (let i = 0; i < PENDING; i++) clock.setTimeout(handler, next())
  return clock
}

// The least after which its arrays have just doubled.
const GROWN = sized(1_050_000)

const suite: Suite = {
  about: "Memory of an event that is pending, of 1,000,000",
  unit: "bytes",
  more: false,
  apart: true,
  warmUps: 0,
  cases: [
    Peers.of("ns-3", Peers.cpp("hold-ns3.cc", "core"), "bytes", PENDING),
    Peers.of("C++'s std::priority_queue", Peers.cpp("hold-heap.cc"), "bytes", PENDING),
    Peers.of("SimPy, a process that sleeps", Peers.simPy("hold.py"), PENDING),
    { name: "@sinonjs/fake-timers", measure: () => bytesOf(PENDING, () => Promise.resolve(onFakeTimers())) },
    { name: "EventQueue, without the event", measure: alone },
    each("EventQueue, with an event and its hook", PENDING, () => filled(PENDING, numbers(AHEAD))),
    each("the same of 1,050,000, just grown", GROWN, () => filled(GROWN, numbers(AHEAD))),
    {
      name: "GuestClock, with its event",
      measure: () => bytesOf(PENDING, () => Effect.runPromise(Effect.provide(onClock, Mode.infCpu()))),
    },
  ],
}

export default suite
