/** An infinitely fast CPU, and one event. */
import * as Effect from "effect/Effect"
import { GuestClock, Mode } from "guest-clock"

const program = Effect.gen(function* () {
  const clock = yield* GuestClock.GuestClock
  yield* clock.addEvent(GuestClock.event("hello", () => {}), 1000n)
  yield* clock.sleep
})
await Effect.runPromise(Effect.provide(program, Mode.infCpu()))
