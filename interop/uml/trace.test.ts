import * as NodeServices from "@effect/platform-node/NodeServices"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import * as Trace from "../../src/trace.ts"
import * as Kernel from "./Kernel.ts"

it.live.each(Kernel.built())(
  "the calendar's trace of two kernels of Linux %s is replayed to equal states, and shows when each ran",
  (version) =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped({ prefix: "kernels-" })
      const [socket, path] = [`${folder}/calendar`, `${folder}/trace.ndjson`]
      const run = Effect.gen(function* () {
        const server = yield* CalendarServer.make({ path: socket, clients: 2 })
        const kernels = yield* Effect.forEach(
          [1, 2],
          (id) => Kernel.boot(version, { socket, id, run: { times: 500, us: 1000 } }),
        )
        for (const kernel of kernels) yield* kernel.ended
        yield* server.ended
        return yield* server.stats
      })
      const { time, grants } = yield* Effect.scoped(run).pipe(Effect.provide(Trace.toFile(path)))
      const trace = Trace.read((yield* fs.readFileString(path)).split("\n"))
      const end = Trace.Replay.advance(Trace.Replay.begin(trace, 0))
      if (Trace.Replay.isDivergence(end)) return expect.fail(`${end.what}: ${end.recorded}\n${end.replayed}`)
      // The last record is the digest of the state that the calendar itself ended in.
      expect(end.records.at(-1)!.what._tag).toBe("End")
      expect(Trace.Replay.timeOf(end)).toBe(time)
      const { lanes } = Trace.timeline(trace)
      expect(lanes.map(({ name }) => name).sort()).toEqual(["calendar", "client 1", "client 2"])
      // Being let in is a turn as well.
      expect(lanes[1]!.turns + lanes[2]!.turns).toBe(grants + 2)
      expect(lanes[1]!.turns).toBeGreaterThan(500)
    }).pipe((test) => Kernel.watched(test, "50 seconds"), Effect.scoped, Effect.provide(NodeServices.layer)),
  60_000,
)
