/**
 * What a guest's calendar says while the guest runs, and its program waits for the world: that another guest wants to run
 * before this one had thought. Whoever asked for that isn't answered before this one has heard of it (PROTOCOL), and it
 * may be that one that the program waits for.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { awaitsAck, isStopped } from "../core/Guest.ts"
import type { Interrupts } from "../services/Interrupts.ts"
import { toEffect } from "../services/Rest.ts"
import type { Interpreter } from "./Interpreter.ts"

const nothing = () => {}

/** Has `guest` hear at once what its calendar says, until the result is called. */
export const listen = (guest: Interpreter, interrupts: Interrupts): () => void => {
  const { onReadable, next } = guest.inbox
  // A calendar that is asked tells it by itself.
  if (onReadable === undefined || guest.inquire !== undefined) return nothing
  let cancel = nothing
  const hear = (): void => {
    // An operation that is under way hears for itself.
    if (guest.fault !== undefined || !interrupts.isFree() || isStopped(guest.state) || awaitsAck(guest.state)) return
    let hasHeard = false
    for (let message = next(); message !== undefined; message = next()) {
      hasHeard = true
      const rest = guest.heed(message, Effect.interruptible)
      if (rest !== undefined) Effect.runFork(Effect.ignore(toEffect(rest)))
    }
    // What can be read and is no message is the end of the link, which the next operation finds.
    if (hasHeard) cancel = onReadable(hear)
  }
  cancel = onReadable(hear)
  return () => cancel()
}
