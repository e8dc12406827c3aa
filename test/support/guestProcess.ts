/** A guest in a process of its own: it is to end by itself when its work is done. Its argument is a boot option. */
import * as Effect from "effect/Effect"
import process from "node:process"
import { GuestClock } from "../../src/GuestClock.ts"
import * as Mode from "../../src/Mode.ts"

const program = Effect.gen(function* () {
  const clock = yield* GuestClock
  yield* clock.clockEvent.periodic
  yield* clock.ndelay(10n)
  return `${clock.mode} ${yield* clock.now}`
})

Effect.runPromise(
  program.pipe(
    Effect.provide(Mode.fromBootOptions(process.argv.slice(2))),
    Effect.catch((error) => Effect.succeed(error._tag)),
  ),
).then(console.log)
