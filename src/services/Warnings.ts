/**
 * What is done with the warnings of a clock, which goes on all the same (SPEC 4,
 * 9.1).
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Warning } from "../core/Fault.ts"
import * as Message from "../core/Message.ts"

/** A warning for people. */
export const format = (warning: Warning): string =>
  warning._tag === "EventWithoutHandler"
    ? "guest-clock: an event without a handler was not added"
    : `guest-clock: the calendar sent a message that means nothing to a guest: ${Message.format(warning)}`

/** Takes a clock's warnings: logs them, unless another is provided when the clock is made. */
export const OnWarning: Context.Reference<(warning: Warning) => Effect.Effect<void>> = Context.Reference(
  "guest-clock/OnWarning",
  { defaultValue: () => (warning: Warning) => Effect.logWarning(format(warning)) },
)
