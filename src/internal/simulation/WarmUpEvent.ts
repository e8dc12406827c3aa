/**
 * The end of a guest's warm-up.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { type ClockError, event, type GuestClock } from "../../GuestClock.ts"
import type { Statistics } from "./Statistics.ts"

/** Has statistics begin anew at a time, in ns, if there is one. */
export const restartingAt = (
  time: bigint | undefined,
  statistics: Statistics,
  clock: GuestClock,
): Effect.Effect<void, ClockError> =>
  time === undefined ? Effect.void : clock.addEvent(event("warm-up", () => statistics.restart()), time)
