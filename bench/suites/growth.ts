import { filled, fire, NS3, onQueue } from "../hold.ts"
import { AHEAD, numbers, sized, SMALL } from "../numbers.ts"
import * as Peers from "../peers.ts"
import type { Case, Suite } from "../suite.ts"

const POWERS = SMALL ? [2, 3] : [2, 3, 4, 5, 6, 7]
const EVENTS = sized(1_000_000)

/** Of millions a second, ns each. */
const nanos = (of: Case): Case => ({ ...of, measure: async () => 1000 / await of.measure() })

/** Its code compiled before, by fewer events: a whole round more of 10^7 would take long. */
const compiled = (of: Case): Case => ({
  ...of,
  measure: () => {
    const next = numbers(AHEAD)
    fire(filled(1000, next), sized(300_000), next)
    return of.measure()
  },
})

const suite: Suite = {
  about: "An event that adds another one when it fires, of 10² to 10⁷ pending",
  unit: "ns/event",
  more: false,
  apart: true,
  warmUps: 0,
  cases: POWERS.flatMap((power) => {
    const pending = 10 ** power
    const ns3 = `${NS3}, 10^${power}`
    return [
      nanos(Peers.of(ns3, Peers.cpp("hold-ns3.cc", "core"), "fire", pending, EVENTS)),
      nanos({
        ...Peers.of(`C++'s std::priority_queue, 10^${power}`, Peers.cpp("hold-heap.cc"), "fire", pending, EVENTS),
        against: [ns3],
      }),
      nanos({ ...compiled(onQueue(`EventQueue, 10^${power}`, pending, EVENTS)), against: [ns3] }),
    ]
  }),
}

export default suite
