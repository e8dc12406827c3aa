/**
 * Retries with exponential back-off against a service that is down for a minute
 * and flaky afterwards: how long until it answers, to the millisecond, and how
 * often it is asked.
 *
 * run: examples/retry.ts
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Mode, VirtualTime } from "../src/index.ts"

const seconds = Effect.map(Clock.currentTimeMillis, (millis) => (millis / 1000).toFixed(1).padStart(5))

/** Takes 200 ms to answer; down until 60 s, and then it fails every other time. */
const service = () => {
  let asked = 0
  return Effect.gen(function* () {
    const nth = ++asked
    yield* Effect.sleep("200 millis")
    const down = (yield* Clock.currentTimeMillis) < 60_000
    const outcome = down ? "down" : nth % 2 === 0 ? "flaky" : "ok"
    console.log(`${yield* seconds} s  attempt ${nth}: ${outcome}`)
    return outcome === "ok" ? nth : yield* Effect.fail(outcome)
  })
}

const patient = Effect.retry(service(), Schedule.exponential("500 millis"))

const hasty = service().pipe(
  Effect.retry({ schedule: Schedule.exponential("500 millis"), times: 10 }),
  Effect.timeout("20 seconds"),
)

const simulate = <A, E>(program: Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.exit(Effect.provide(VirtualTime.run(program), Mode.infCpu({ start: 0n }))))

console.log("without a time-out:")
const answered = await simulate(patient)
console.log(answered._tag === "Success" ? `answered at attempt ${answered.value}` : "gave up")
console.log("with a time-out of 20 s:")
const gaveUp = await simulate(hasty)
console.log(gaveUp._tag === "Success" ? `answered at attempt ${gaveUp.value}` : "gave up")
