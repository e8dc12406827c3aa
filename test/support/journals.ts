/**
 * Runs worlds, and keeps all that happened in them, for tests that compare.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { World } from "../../src/simulation.ts"

/** What has been run since this was emptied. */
export const ran: Array<Pick<World.Result, "time" | "journal"> & { readonly statistics: ReadonlyArray<unknown> }> = []

/** As `World.run`. */
export const run = (world: World.World, options: World.Options = {}): Effect.Effect<World.Result, World.RunError> =>
  Effect.tap(
    World.run(world, { ...options, journal: true }),
    ({ time, journal, guests }) =>
      Effect.sync(() => ran.push({ time, journal, statistics: guests.map(({ statistics }) => statistics) })),
  )
