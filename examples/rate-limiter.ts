/**
 * A rate limiter checked over a simulated week: at most 100 requests in a
 * minute-long window, whatever
 * its users do. Three of them ask steadily, in bursts, and by day only.
 *
 * run: examples/rate-limiter.ts
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RateLimiter from "effect/persistence/RateLimiter"
import { Mode, VirtualTime } from "../src/index.ts"

const LIMIT = 100
const WINDOW = 60_000
const WEEK = 7 * 24 * 3_600_000

const week = Effect.gen(function* () {
  const limiter = yield* RateLimiter.RateLimiter
  /** When requests were let through, in ms: those of the last minute. */
  let recent: Array<number> = []
  let [passed, refused, most] = [0, 0, 0]

  const ask = Effect.gen(function* () {
    yield* limiter.consume({ key: "api", window: WINDOW, limit: LIMIT, onExceeded: "fail" })
    const now = yield* Clock.currentTimeMillis
    recent = [...recent.filter((time) => time > now - WINDOW), now]
    most = Math.max(most, recent.length)
    passed++
  }).pipe(Effect.catch(() =>
    Effect.sync(() => {
      refused++
    })
  ))

  const steady = Effect.forever(Effect.andThen(ask, Effect.sleep("20 seconds")))
  const bursts = Effect.forever(Effect.andThen(Effect.replicateEffect(ask, 150), Effect.sleep("67 minutes")))
  const byDay = Effect.forever(Effect.gen(function* () {
    const hour = Math.floor((yield* Clock.currentTimeMillis) / 3_600_000) % 24
    if (hour >= 8 && hour < 18) yield* ask
    yield* Effect.sleep("5 seconds")
  }))
  for (const user of [steady, bursts, byDay]) yield* Effect.forkChild(user)
  yield* Effect.sleep(WEEK)
  return { passed, refused, most }
})

const limiter = Layer.provide(RateLimiter.layer, RateLimiter.layerStoreMemory)
const { passed, refused, most } = await Effect.runPromise(
  Effect.provide(VirtualTime.run(Effect.provide(week, limiter)), Mode.infCpu({ start: 0n })),
)

console.log(`in a week: ${passed} requests let through, ${refused} refused`)
console.log(`most in any 60 s: ${most}, where windows of 60 s with ${LIMIT} each allow ${2 * LIMIT}`)
