/**
 * Handles a calendar's messages while its guest runs and the program waits for the real world: a new FREE_UNTIL must be
 * acknowledged at once. The guest whose REQUEST caused it gets its ACK only then (PROTOCOL), and may be the one
 * that the program waits for.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { awaitsAck, isStopped } from "../../core/Guest.ts"
import type { Interrupts } from "../../services/Interrupts.ts"
import { toEffect } from "../services/Waiting.ts"
import type { Interpreter } from "./Interpreter.ts"

const nothing = () => {}

/** Whether `guest` runs, and no operation of its own is under way, which would hear for itself. */
const isListening = (guest: Interpreter, interrupts: Interrupts): boolean =>
  guest.fault === undefined && interrupts.isFree() && !isStopped(guest.state) && !awaitsAck(guest.state)

/** Hears what has arrived; whether anything has. */
const hear = ({ inbox, heed }: Interpreter): boolean => {
  let hasHeard = false
  for (let message = inbox.next(); message !== undefined; message = inbox.next()) {
    hasHeard = true
    const rest = heed(message, Effect.interruptible)
    if (rest !== undefined) Effect.runFork(Effect.ignore(toEffect(rest)))
  }
  return hasHeard
}

/** Has `guest` hear at once what its calendar says, until the result is called. */
export const listen = (guest: Interpreter, interrupts: Interrupts): () => void => {
  const { onReadable } = guest.inbox
  // A calendar that is asked tells it by itself.
  if (onReadable === undefined || guest.inquire !== undefined) return nothing
  let cancel = nothing
  const onMessage = (): void => {
    // What can be read and is no message is the end of the link, which the next operation finds.
    if (isListening(guest, interrupts) && hear(guest)) cancel = onReadable(onMessage)
  }
  cancel = onReadable(onMessage)
  return () => cancel()
}

/** Has a calendar in this process tell `guest` at once, by messages, where it can hear them. */
export const beTold = (guest: Interpreter, interrupts: Interrupts): void => {
  if (guest.inquire !== undefined) return
  guest.local?.onTold({
    canHear: () => isListening(guest, interrupts),
    hear: () => {
      if (isListening(guest, interrupts)) hear(guest)
    },
  })
}
