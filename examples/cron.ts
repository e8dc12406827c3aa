/**
 * A day of cron jobs in milliseconds: a backup each night, a report each working
 * hour, a check every five minutes. It is Monday, 1 June 2026.
 *
 * run: examples/cron.ts
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Mode, VirtualTime } from "../src/index.ts"

const runs = new Map<string, Array<string>>()

/** Does nothing but take `minutes`, and notes when it began. */
const job = (name: string, minutes: number) =>
  Effect.gen(function* () {
    const began = DateTime.formatIso(yield* DateTime.now).slice(11, 16)
    runs.set(name, [...runs.get(name) ?? [], began])
    yield* Effect.sleep(`${minutes} minutes`)
  })

const every = (cron: string, name: string, minutes: number) =>
  Effect.schedule(job(name, minutes), Schedule.cron(cron, "UTC"))

const day = Effect.gen(function* () {
  yield* Effect.forkChild(every("30 2 * * *", "backup", 90))
  yield* Effect.forkChild(every("0 9-17 * * 1-5", "report", 3))
  yield* Effect.forkChild(every("*/5 * * * *", "check", 1))
  yield* Effect.sleep("1 day")
  return yield* Clock.monotonicTimeNanos
})

const monday = BigInt(Date.UTC(2026, 5, 1)) * 1_000_000n
const took = await Effect.runPromise(Effect.provide(VirtualTime.run(day), Mode.infCpu({ start: monday })))

console.log(`a day is ${took} ns`)
for (const [name, times] of runs) {
  const shown = times.length <= 9 ? times.join(" ") : `${times.slice(0, 3).join(" ")} … ${times.slice(-2).join(" ")}`
  console.log(`${name.padEnd(7)}${String(times.length).padStart(4)} times: ${shown}`)
}
