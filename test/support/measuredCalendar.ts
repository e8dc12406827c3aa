/**
 * A calendar in a process of its own that says what it costs: `measuredCalendar.ts SOCKET CLIENTS`. It prints a line of
 * JSON whenever it is sent one on standard input, and ends with that.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import process from "node:process"
import { createInterface } from "node:readline"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"

/** What a calendar costs, since it was asked last. */
export interface Cost {
  /** CPU time, in ms. */
  readonly cpuMs: number
  /** The most CPU time, in ms, between two turns that its event loop gave to others. */
  readonly blockedMs: number
  /** The most memory, in MiB, that the process has had. */
  readonly mib: number
  /** Messages so far, and clients now. */
  readonly messages: number
  readonly clients: number
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
const mib = (): number => process.memoryUsage().rss / 2 ** 20

const [path = "", clients = "0"] = process.argv.slice(2)
let from = cpuMs()
let last = from
let blockedMs = 0
let most = 0
const tick = () => {
  const now = cpuMs()
  blockedMs = Math.max(blockedMs, now - last)
  last = now
  most = Math.max(most, mib())
}

const program = Effect.gen(function* () {
  const server = yield* CalendarServer.make({ path, clients: Number(clients) })
  let timer: ReturnType<typeof setInterval> | undefined
  const asked = Effect.callback<void>((resume) => {
    const lines = createInterface({ input: process.stdin })
    lines.on("close", () => resume(Effect.void))
    lines.on("line", (line) => {
      tick()
      const stats = Effect.runSync(server.stats)
      const cost: Cost = {
        cpuMs: last - from,
        blockedMs,
        mib: most,
        messages: stats.messages,
        clients: stats.clients,
      }
      console.log(JSON.stringify(cost))
      blockedMs = most = 0
      from = last = cpuMs()
      // At rest it is to do nothing of its own either.
      clearInterval(timer)
      if (line === "measure") timer = setInterval(tick, 5)
    })
  })
  console.log("listens")
  yield* asked
})
await Effect.runPromise(
  Effect.scoped(program).pipe(
    Effect.provide(Logger.layer([])),
  ),
)
process.exit(0)
