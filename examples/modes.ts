/**
 * One program on four clocks: a boot option says which.
 *
 * ```sh
 * deno run -A examples/modes.ts                              # off: real time
 * deno run -A examples/modes.ts time-travel                  # basic
 * deno run -A examples/modes.ts time-travel=inf-cpu
 * deno run -A examples/modes.ts time-travel=ext:7:PATH       # a calendar decides
 * ```
 *
 * Where nobody listens at PATH yet, the example has a calendar of its own there.
 *
 * run: examples/modes.ts
 * run: examples/modes.ts time-travel
 * run: examples/modes.ts time-travel=inf-cpu
 * run: examples/modes.ts time-travel=inf-cpu time-travel-start=1000000000000000000
 * run: examples/modes.ts time-travel=ext:7:modes-example.sock
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import process from "node:process"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import type { OptionError } from "../src/core/Fault.ts"
import { BootOptions, GuestClock, Mode } from "../src/index.ts"

const MILLI = 1_000_000n

const program = Effect.gen(function* () {
  const clock = yield* GuestClock.GuestClock
  console.log(`${clock.mode}: ${clock.clockEvent.name}`)
  // In real time nothing happens early, and everything a little late.
  const at = (time: bigint, due: bigint) => clock.mode === "off" && time >= due ? `${due} ns or later` : `${time} ns`

  const began = yield* clock.now
  const blink = (count: number): GuestClock.Event =>
    GuestClock.event(`blink ${count}`, ({ now }) => {
      blinks++
      console.log(`blink ${count} at ${at(now - began, due(count))}`)
    })
  const due = (count: number) => BigInt(count) * 100n * MILLI
  let blinks = 0

  for (const count of [3, 1, 2]) yield* clock.addEvent(blink(count), began + due(count))
  yield* clock.ndelay(150n * MILLI)
  console.log(`150 ms of work are done at ${at((yield* clock.now) - began, 150n * MILLI)}`)
  // In real time the work may have taken until the next blink.
  while (blinks < 3) yield* clock.sleep

  // Work itself costs no time on a simulated clock.
  const before = yield* clock.now
  for (let i = 0; i < 100_000; i++) Math.sqrt(i)
  const spent = (yield* clock.now) - before
  console.log(`computing took ${clock.mode === "off" ? "real" : "no"} time: ${clock.mode === "off" || spent === 0n}`)
  if (process.argv.some((word) => word.startsWith("time-travel-start"))) {
    console.log(`the wall clock says ${yield* clock.wallClock} ns since 1970`)
  }
})

/** A calendar at the path that the boot options name, unless somebody listens there already. */
const calendar = (words: ReadonlyArray<string>): Layer.Layer<never, CalendarServer.ListenError | OptionError> => {
  const options = BootOptions.parse(words)
  if (!("timeTravel" in options) || options.timeTravel.mode !== "external") return Layer.empty
  const made = CalendarServer.make({ path: options.timeTravel.path })
  return Layer.effectDiscard(
    Effect.catchIf(made, (error) => error._tag === "ListenError" && error.reason === "InUse", () => Effect.void),
  )
}

const words = process.argv.slice(2)
const unknown = words.filter((word) => !BootOptions.isBootOption(word))
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(" ")}; allowed: ${BootOptions.allowed.join(", ")}`)
  process.exit(1)
}
await program.pipe(
  Effect.provide(Layer.provide(Mode.fromBootOptions(words), calendar(words))),
  // Bad options are told to people, not thrown at them.
  Effect.catch((error) =>
    Effect.sync(() => {
      console.error(String(error))
      process.exitCode = 1
    })
  ),
  Effect.runPromise,
)
