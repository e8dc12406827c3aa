/**
 * A calendar's server that offers its memory to kernels: `memoryCalendar.ts SOCKET CLIENTS SHARING`, where CLIENTS are
 * expected, and at most SHARING can share the memory; none, if that is 0. Prints what happened when all clients have
 * left, as JSON.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import process from "node:process"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import * as Status from "../../src/calendar/Status.ts"

/** What is as it should be: one that is alone has its turn for long. */
const QUIET: ReadonlyArray<CalendarServer.Report["_tag"]> = ["Joined", "Left", "LongTurn"]

const [path = "", clients = "", sharing = ""] = process.argv.slice(2)

await Effect.runPromise(
  Effect.gen(function* () {
    const reports: Array<string> = []
    const server = yield* CalendarServer.make({
      path,
      clients: Number(clients),
      ...sharing === "0" ? { sharedMemory: false } : { maxSharing: Number(sharing) },
      onReport: (report) => {
        if (report._tag === "Dropped") reports.push(report.why)
        else if (!QUIET.includes(report._tag)) reports.push(report._tag)
      },
    })
    console.error("listening")
    yield* server.ended
    const { grants, messages, sharedGrants, time, left } = yield* server.status
    const { user, system } = process.cpuUsage()
    const cpuMs = Math.round((user + system) / 1000)
    const sharers = left.filter(({ sharesMemory }) => sharesMemory).length
    const offsets = left.map(({ offset }) => offset).sort((a, b) => a < b ? -1 : 1)
    console.log(Status.toJson({ grants, messages, sharedTurns: sharedGrants, sharers, reports, time, offsets, cpuMs }))
  }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))),
)
