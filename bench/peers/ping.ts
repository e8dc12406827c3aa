/**
 * 100,000 round trips over a link of 1 ms on one clock, as its peers have it: two fibers,
 * and a link that is a queue behind a sleep.
 *
 *   deno run -A bench/peers/ping.ts
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { GuestClock, Mode, VirtualTime } from "../../src/index.ts"

const TIMES = 100_000

const link = Effect.map(Queue.unbounded<number>(), (queue) => ({
  put: (packet: number) => Effect.forkChild(Effect.andThen(Effect.sleep(1), Queue.offer(queue, packet))),
  get: Queue.take(queue),
}))

const program = Effect.gen(function* () {
  const [there, back] = [yield* link, yield* link]
  yield* Effect.forkChild(Effect.forever(Effect.flatMap(there.get, back.put)))
  for (let packet = 0; packet < TIMES; packet++) {
    yield* there.put(packet)
    yield* back.get
  }
  return yield* (yield* GuestClock.GuestClock).now
})

const begun = performance.now()
const now = await Effect.runPromise(Effect.provide(VirtualTime.run(program), Mode.infCpu()))
console.log(`${TIMES} round trips in ${now} ns, ${((performance.now() - begun) / 1000).toFixed(2)} s of real time`)
