/**
 * The service that handles a clock's warnings (SPEC 4, 9.1).
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Warning } from "../core/Fault.ts"
import * as Message from "../core/Message.ts"

/**
 * A warning for people.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (warning: Warning): string =>
  warning._tag === "EventWithoutHandler"
    ? "guest-clock: an event without a handler was not added"
    : `guest-clock: the calendar sent a message that means nothing to a guest: ${Message.format(warning)}`

/**
 * An event that is added for a time that is over, for people; `guest` is the guest's name, if it has one. Times are in ns.
 *
 * @since 0.1.0
 * @category formatting
 */
export const formatPast = (guest: string | undefined, event: string, at: bigint, now: bigint): string => {
  const what = `the event ${JSON.stringify(event)}`
  const added = guest === undefined ? `${what} was added` : `the guest ${JSON.stringify(guest)} added ${what}`
  return `guest-clock: ${added} for ${at} ns, and it is ${now} ns already: ` +
    "time can't go back, so the clock will fail when that event is due"
}

/**
 * Takes a clock's warnings: logs them, unless another is provided when the clock is made.
 *
 * @since 0.1.0
 * @category references
 */
export const OnWarning: Context.Reference<(warning: Warning) => Effect.Effect<void>> = Context.Reference(
  "guest-clock/OnWarning",
  { defaultValue: () => (warning: Warning) => Effect.logWarning(format(warning)) },
)
