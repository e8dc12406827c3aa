import * as Effect from "effect/Effect"
import * as CalendarServer from "../../src/calendar/CalendarServer.ts"
import type { Revision } from "../../src/core/Revisions.ts"
import * as Mode from "../../src/Mode.ts"
import { sized } from "../numbers.ts"
import type { Case, Suite } from "../suite.ts"
import * as WakeUps from "../wakeUps.ts"

/** For how long the guests are there, in ms of simulated time. */
const MILLIS = sized(2000)

/** Two guests of a revision, each with its period in ns: messages for each time that one wakes up. */
const messages = (name: string, periods: readonly [bigint, bigint], reads: boolean, revision: Revision): Case => ({
  name: `${name}${reads ? ", each reads its clock" : ""}, ${revision}`,
  against: [],
  measure: () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const calendar = yield* CalendarServer.serve({ clients: 2 })
        const times = periods.map((period) => Math.max(1, Math.floor(MILLIS * 1e6 / Number(period))))
        const guest = (at: number) =>
          WakeUps.periodic(times[at]!, periods[at]!, reads).pipe(
            Effect.provide(Mode.linked(calendar.link(), { id: BigInt(at), revision }), { local: true }),
          )
        yield* Effect.all([guest(0), guest(1)], { concurrency: 2 })
        return (yield* calendar.stats).messages / (times[0]! + times[1]!)
      }).pipe(Effect.scoped),
    ),
})

const MILLI = 1_000_000n

const workloads = [
  ["at the same instants", [MILLI, MILLI]],
  ["1 and 1.37 ms", [MILLI, 1_370_000n]],
  ["1 and 100 ms", [MILLI, 100n * MILLI]],
] as const

const suite: Suite = {
  about: "Messages of both directions, ACKs included, for each wake-up of two guests, by the revision of their clock",
  unit: "messages",
  more: false,
  warmUps: 0,
  cases: workloads.flatMap(([name, periods]) =>
    [false, true].flatMap((reads) =>
      (["5.8", "6.12"] as const).map((revision) => messages(name, periods, reads, revision))
    )
  ),
}

export default suite
