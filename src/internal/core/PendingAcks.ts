/**
 * The ACKs that a calendar still has to send: to each client in the order of its messages, and a REQUEST's only when
 * the running client has acknowledged its new FREE_UNTIL (PROTOCOL).
 *
 * A REQUEST that is earlier than the running client knows of causes a FREE_UNTIL. Until that is acknowledged, the
 * running client may go past the time that was asked for. The client that asked may signal it as soon as its REQUEST is
 * acknowledged, so that ACK waits; and so do the ACKs of all that the same client says meanwhile.
 *
 * @module
 */
import type { ClientKey, Turn } from "./CalendarState.ts"
import { ask, clientOf, type Draft } from "./CalendarDraft.ts"
import * as IntMap from "./IntMap.ts"
import { ack, type Message, Op } from "../../core/Message.ts"
import type { Nanos } from "../../core/Nanos.ts"

/** The time now as a client sees it: never before what it said itself. */
export const timeFor = (draft: Draft, key: ClientKey): bigint => {
  const { reached, offset } = clientOf(draft, key)
  const { time } = draft.state
  return (reached > time ? reached : time) - offset
}

/** What the ACK of a message says now. */
const timeIn = (draft: Draft, key: ClientKey, { op }: Message): bigint => {
  const { start, time } = draft.state
  return op === Op.Get ? timeFor(draft, key) : op === Op.GetTimeOfDay ? BigInt.asUintN(64, start + time) : 0n
}

const acknowledge = (draft: Draft, key: ClientKey, message: Message): void => {
  const time = timeIn(draft, key, message)
  if (draft.asker === key) draft.answer = time
  else ask(draft, { _tag: "Send", client: key, message: ack(message, time) })
}

/** Whether `turn`'s client may go past `at` for all that it is known to have heard. */
const mayPass = (turn: Turn | undefined, at: Nanos): boolean =>
  turn?.known !== undefined && !turn.isOver && turn.known > at

/**
 * Acknowledges a message: behind those of its client that are unanswered, and if it asks to be run at `at`, not before
 * the running client has heard of that.
 */
export const answer = (draft: Draft, key: ClientKey, message: Message, at?: Nanos): void => {
  const { state } = draft
  const waits = at !== undefined && mayPass(state.turn, at)
  const line = state.unanswered.size === 0 ? undefined : IntMap.get(state.unanswered, key)
  if (!waits && line === undefined) return acknowledge(draft, key, message)
  // The client that asks is in the middle of a call.
  if (draft.asker === key) draft.isLater = true
  else state.unanswered = IntMap.set(state.unanswered, key, [...line ?? [], { message, at: waits ? at : undefined }])
}

/** Acknowledges what has waited for something that has happened. */
export const release = (draft: Draft): void => {
  const { state } = draft
  if (state.unanswered.size === 0) return
  for (const [key, line] of IntMap.entries(state.unanswered)) {
    const waiting = line.findIndex(({ at }) => at !== undefined && mayPass(state.turn, at))
    if (waiting === 0) continue
    for (const { message } of waiting < 0 ? line : line.slice(0, waiting)) acknowledge(draft, key, message)
    state.unanswered = waiting < 0
      ? IntMap.remove(state.unanswered, key)
      : IntMap.change(state.unanswered, key, line.slice(waiting))
  }
}
