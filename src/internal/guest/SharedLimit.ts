/**
 * How far a guest may run by itself that shares its calendar's memory: nobody tells it that this has become less, so it
 * is looked up each time that its clock may move (docs/shared-memory.md).
 *
 * @module
 */
import { isFault } from "../../core/Fault.ts"
import type { Guest } from "../../core/Guest.ts"
import type { DirectLink } from "../../services/Link.ts"
import type { GuestTransitions } from "../../services/Tracer.ts"

/** `core`, whose advances keep to the limit that `link` knows of, if it is one that knows. */
export const limited = (core: GuestTransitions, link: DirectLink | undefined): GuestTransitions => {
  const limit = link?.limit
  if (limit === undefined) return core
  /** It is as if FREE_UNTIL had come; nobody waits for an ACK of that. */
  const heeding = (state: Guest): Guest => {
    const message = limit()
    const next = message === undefined ? undefined : core.handleMessage(state, message)
    return next === undefined || isFault(next) ? state : next.state
  }
  return {
    ...core,
    ndelay: (state, duration) => core.ndelay(heeding(state), duration),
    sleep: (state, masked) => core.sleep(heeding(state), masked),
    readClockSource: (state, interruptible) => core.readClockSource(heeding(state), interruptible),
    resume: (state, step) => core.resume(step._tag === "Round" ? heeding(state) : state, step),
  }
}
