/**
 * Guests of one calendar in a process, each on a link of its own: `guests.ts SOCKET FIRST COUNT STEPS WAY`, with IDs from
 * FIRST on, each of which does STEPS things that its ID decides. WAY is `memory` or `messages`. Prints for each guest how
 * often it saw which times, in short, as a line of JSON; with `forever` as STEPS it is killed at some time.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import process from "node:process"
import { GuestClock, Mode } from "../../../src/index.ts"
import { random } from "../random.ts"

const [path = "", first = "", count = "", steps = "", way = ""] = process.argv.slice(2)

/** Whose clock a guest has is decided by its ID. */
const REVISIONS = ["5.8", "6.1", "6.12"] as const

const live = (id: number) =>
  Effect.gen(function* () {
    const clock = yield* GuestClock.GuestClock
    const dice = random(id)
    const seen = createHash("sha256")
    const note = Effect.map(clock.now, (now) => seen.update(`${now} `))
    const most = steps === "forever" ? Infinity : Number(steps)
    for (let step = 0; step < most; step++) {
      const duration = BigInt(1 + dice.int(2_000_000))
      const what = dice.int(10)
      if (what < 6) {
        let isOver = false
        yield* clock.addEvent(GuestClock.event("alarm", () => void (isOver = true)), (yield* clock.now) + duration)
        while (!isOver) yield* clock.sleep
      } else if (what < 8) yield* clock.ndelay(duration / 10n)
      else if (what < 9) yield* clock.propagateTime
      else seen.update(`${yield* clock.wallClock} `)
      yield* note
    }
    console.log(JSON.stringify({ id, now: String(yield* clock.now), seen: seen.digest("hex").slice(0, 16) }))
  }).pipe(
    Effect.provide(Mode.external({
      socket: path,
      id: BigInt(id),
      revision: REVISIONS[id % REVISIONS.length]!,
      sharedMemory: way === "memory",
    })),
  )

const ids = Array.from({ length: Number(count) }, (_, index) => Number(first) + index)
await Effect.runPromise(Effect.forEach(ids, live, { concurrency: "unbounded", discard: true }))
