/**
 * A calendar and clients that wait to be let in: `waitingClients.ts COUNT`. Prints the CPU time, in ms, that three
 * seconds of that take.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import process from "node:process"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import { START } from "./protocol.ts"
import { bytes } from "./rawClient.ts"

const count = Number(process.argv[2])
const cpuMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const program = Effect.gen(function* () {
  const server = yield* CalendarServer.serve({ clients: count + 1 })
  for (let id = 0; id < count; id++) yield* (yield* server.link()).write(bytes(START, 1, BigInt(id)))
  // What was left behind is collected, and code compiled, meanwhile.
  yield* Effect.sleep(2000)
  const before = cpuMs()
  yield* Effect.sleep(3000)
  const { clients } = yield* server.stats
  console.log(JSON.stringify({ clients, cpuMs: cpuMs() - before }))
  process.exit(0)
})
await Effect.runPromise(Effect.scoped(program).pipe(Effect.provide(Logger.layer([]))))
