/**
 * A program that knows nothing of this library, on four clocks: a boot option
 * says which, as on a kernel's command line.
 *
 * run: examples/anywhere.ts
 * run: examples/anywhere.ts time-travel
 * run: examples/anywhere.ts time-travel=inf-cpu
 * run: examples/anywhere.ts time-travel=ext:7:anywhere-example.sock
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import process from "node:process"
import * as CalendarServer from "../src/calendar/CalendarServer.ts"
import type { OptionError } from "../src/core/Fault.ts"
import { BootOptions, Mode, VirtualTime } from "../src/index.ts"

/** Tens of milliseconds since `began`, rounded down: what real time can keep as well. */
const tens = (began: number) => Effect.map(Clock.currentTimeMillis, (now) => Math.floor((now - began) / 10) * 10)

const program = Effect.gen(function* () {
  const began = yield* Clock.currentTimeMillis
  const queue = yield* Queue.unbounded<string>()
  const kettle = Effect.andThen(Effect.sleep("62 millis"), Queue.offer(queue, "the kettle boils"))
  const toast = Effect.andThen(Effect.sleep("35 millis"), Queue.offer(queue, "the toast is done"))
  const cooking = yield* Effect.forkChild(Effect.all([kettle, toast], { concurrency: 2 }))
  for (let i = 0; i < 2; i++) {
    const what = yield* Queue.take(queue)
    const at = yield* tens(began)
    console.log(`${what}${at >= 30 ? "" : ", too early"}`)
  }
  yield* Fiber.join(cooking)
  const late = yield* Effect.sleep("1 minute").pipe(Effect.timeoutOption("5 millis"))
  console.log(`waiting for the post: ${late._tag === "None" ? "gave up" : "it came"}`)
})

/** A calendar where the boot options want one. */
const calendar = (words: ReadonlyArray<string>): Layer.Layer<never, CalendarServer.ListenError | OptionError> => {
  const options = BootOptions.parse(words)
  return "timeTravel" in options && options.timeTravel.mode === "external"
    ? Layer.effectDiscard(CalendarServer.make({ path: options.timeTravel.path }))
    : Layer.empty
}

const words = process.argv.slice(2)
await VirtualTime.run(program).pipe(
  Effect.provide(Layer.provide(Mode.fromBootOptions(words), calendar(words))),
  Effect.runPromise,
)
