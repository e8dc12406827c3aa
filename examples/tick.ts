/**
 * A clock event device ticking: first every 10 ms, then when it is told to, as a
 * kernel without a periodic tick would have it.
 *
 * run: examples/tick.ts
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { GuestClock, Mode } from "../src/index.ts"

const program = Effect.gen(function* () {
  const clock = yield* GuestClock.GuestClock
  const { clockEvent } = clock
  console.log(`${clockEvent.name}, HZ 100`)

  let ticks = 0
  yield* clockEvent.onTick(({ now }) => console.log(`tick ${++ticks} at ${now} ns`))
  yield* clockEvent.periodic
  // One sleep waits for one event: the first three ticks.
  for (let i = 0; i < 3; i++) yield* clock.sleep

  // A guest that is busy is interrupted by its ticks.
  yield* clock.ndelay(25_000_000n)
  console.log(`done with the work at ${yield* clock.now} ns`)

  // Tickless: each tick says when the next one is. The device adds a nanosecond.
  yield* clockEvent.onTick(({ now }) => {
    console.log(`tick ${++ticks} at ${now} ns`)
    return ticks < 8 ? clockEvent.nextEvent(2_500_000n) : clockEvent.shutdown
  })
  yield* clockEvent.nextEvent(500n)
  while (ticks < 8) yield* clock.sleep

  // With the device shut down there is nothing that could wake the guest.
  yield* Effect.catchTag(clock.sleep, "SleepForever", (fault) => Effect.sync(() => console.log(`${fault}`)))
})

await Effect.runPromise(Effect.provide(program, Mode.infCpu()))
