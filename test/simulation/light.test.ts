/**
 * Light processes: the same as fibers, event for event, and without one.
 */
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { World } from "../../src/simulation.ts"
import * as Programs from "../support/worlds/randomProcesses.ts"

/** All that there is to see of a run; without the numbers of fibers, which light processes don't have. */
const seen = (world: World.World) =>
  Effect.map(
    Effect.result(World.run(world, { journal: true, until: "1 second", deadlockAfter: "20 millis" })),
    (ran) =>
      Result.isSuccess(ran)
        ? {
          time: ran.success.time,
          journal: ran.success.journal,
          statistics: ran.success.guests.map(({ statistics }) => statistics),
        }
        : { failure: ran.failure.message.replace(/#\d+ in /g, "").replace(/ at [^ ]*:\d+:\d+\)?/g, "").split("\n").sort() },
  )

describe("random processes", () => {
  it.live.each(Array.from({ length: 300 }, (_, seed) => seed))(
    "do the same as fibers and as light processes, with seed %i",
    (seed) =>
      Effect.gen(function* () {
        const byFibers = yield* seen(Programs.world(Programs.fibers, seed))
        const light = yield* seen(Programs.world(Programs.light, seed))
        expect(light).toEqual(byFibers)
      }),
  )
})
