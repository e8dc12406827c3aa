/**
 * A guest that has much to say to a calendar that doesn't read, and then ends: its process has to, too.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import process from "node:process"
import * as SocketLink from "../../src/platform/SocketLink.ts"

const program = Effect.gen(function* () {
  const link = yield* SocketLink.connect(process.argv[2] ?? "")
  yield* link.write(new Uint8Array(4_000_000))
  console.log("said")
})
await Effect.runPromise(Effect.scoped(program))
console.log("ended")
