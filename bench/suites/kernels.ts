import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Kernel from "../../interop/uml/Kernel.ts"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import { type Case, Lacking, type Suite } from "../suite.ts"

/** Two kernels of one release, from the first turn that is granted to the last: µs a grant. */
const lockstep = (version: Kernel.Version): Case => ({
  name: `two kernels of Linux ${version}`,
  measure: () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const socket = `${yield* fs.makeTempDirectoryScoped({ prefix: "bench-" })}/calendar`
        let granted = 0
        let first = 0
        let last = 0
        const onGrant = () => {
          last = performance.now()
          if (granted++ === 0) first = last
        }
        const calendar = yield* CalendarServer.make({ path: socket, clients: 2, onGrant })
        const kernels = yield* Effect.forEach(
          [1, 2],
          (id) => Kernel.boot(version, { socket, id, run: { times: 5000, us: 1000 } }),
        )
        for (const { ended } of kernels) yield* ended
        yield* calendar.ended
        return (last - first) / granted * 1000
      }).pipe(
        Kernel.watched,
        Effect.scoped,
        // One that isn't there is left out. One that dies fails, and says what it died of.
        Effect.catchTag(["NotBuilt", "NotStarted"], ({ message }) => Effect.die(new Lacking(`a kernel: ${message}`))),
        Effect.provide(NodeServices.layer),
      ),
    ),
})

const suite: Suite = {
  about: "Two kernels in lockstep, each sleeping 5,000 × 1 ms",
  unit: "µs/grant",
  more: false,
  warmUps: 1,
  cases: [lockstep("6.1"), lockstep("6.12")],
}

export default suite
