/** What of Effect a program with a sleep and a layer loads anyway. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

class Zero extends Context.Service<Zero, number>()("Zero") {}
const program = Effect.andThen(Effect.sleep(0), Zero)
await Effect.runPromise(Effect.provide(program, Layer.succeed(Zero, 0)))
