/**
 * A guest that is alone in its world, without a calendar: its end (`until`) and its pace.
 *
 * @module
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ServeOptions } from "../../calendar/CalendarServer.ts"
import { type ClockError, event, type GuestClock } from "../../GuestClock.ts"
import { nextTurn } from "../platform/EventLoop.ts"
import type { Runner } from "../virtual/Runner.ts"
import { LimitReached } from "../virtual/Stuck.ts"
import type { Options } from "../../VirtualTime.ts"
import type * as Guest from "../../simulation/Guest.ts"

/** The options of a guest that is alone in its world. */
export type Standalone = Pick<ServeOptions, "until" | "pace" | "deadlockAfter">

/**
 * What its program is run with. Its own clock goes to the end of its time, whatever else is due, and no further. A fiber
 * that is busy may pass that: it does nothing after it, and neither does any other. `runner` is asked for only then.
 */
export const optionsOf = (
  guest: Guest.Options,
  { until, pace, deadlockAfter }: Standalone = {},
  clock: GuestClock,
  runner: () => Runner | undefined,
): Effect.Effect<Options, ClockError> => {
  const options: Options = {
    ...guest,
    ...pace !== undefined && { pace },
    ...deadlockAfter !== undefined && { deadlockAfter },
    ...until !== undefined && { limits: { simulatedTime: Duration.nanos(until) } },
  }
  if (until === undefined) return Effect.succeed(options)
  const end = clock.addEvent(event("until", Effect.void), until)
  const past = clock.addEvent(
    event("past until", () => {
      const running = runner()
      if (running === undefined) return
      const goOn = running.suspend()
      running.supervisor.forbids(until + 1n)
      // The program is told in the next turn.
      nextTurn(goOn)
    }),
    until + 1n,
  )
  return Effect.as(Effect.andThen(end, past), options)
}

/** Whether this is why its program was ended since its time is up. */
export const isUp = (why: unknown, { until }: Standalone = {}): boolean =>
  until !== undefined && why instanceof LimitReached && why.limit === "simulated time"
