import * as Effect from "effect/Effect"
import { GuestClock, Mode } from "../../src/index.ts"
import { NS3, onQueue } from "../hold.ts"
import { AHEAD, numbers, sized } from "../numbers.ts"
import * as Peers from "../peers.ts"
import type { Case, Suite } from "../suite.ts"

const PENDING = sized(10_000)
const EVENTS = sized(1_000_000)

/** So many events with a plain handler that adds the event again; `sleep` lets one fire. */
const onClock = (
  name: string,
  drive: (clock: GuestClock.GuestClock, goesOn: () => boolean) => Effect.Effect<void, GuestClock.ClockError>,
): Case => ({
  name,
  measure: () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const clock = yield* GuestClock.GuestClock
        const next = numbers(AHEAD)
        let fired = 0
        const handler: GuestClock.Handler = ({ now, addEvent }, event) => {
          fired++
          addEvent(event, now + BigInt(next()))
        }
        for (let i = 0; i < PENDING; i++) {
          yield* clock.addEvent(GuestClock.event("hold", handler), BigInt(next()))
        }
        const before = performance.now()
        yield* drive(clock, () => fired < EVENTS)
        return EVENTS / (performance.now() - before) / 1000
      }).pipe(Effect.provide(Mode.infCpu({ start: 0n }))),
    ),
})

const suite: Suite = {
  about: "The whole clock: plain handlers that add their event again, 10,000 pending",
  unit: "M events/s",
  more: true,
  cases: [
    Peers.of(NS3, Peers.cpp("hold-ns3.cc", "core"), "fire", PENDING, EVENTS),
    onQueue("EventQueue alone", PENDING, EVENTS),
    onClock("clock.sleepUnsafe() in a loop", (clock, goesOn) =>
      Effect.sync(() => {
        while (goesOn()) clock.sleepUnsafe()
      })),
    onClock("yield* clock.sleep in a loop", (clock, goesOn) =>
      Effect.gen(function* () {
        while (goesOn()) yield* clock.sleep
      })),
  ],
}

export default suite
