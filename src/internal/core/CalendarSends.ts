/**
 * The messages that a calendar sends by itself (RUN, FREE_UNTIL, BROADCAST), and how a client is removed that breaks a
 * rule or leaves.
 *
 * @module
 */
import type { ClientKey } from "./CalendarState.ts"
import { ask, clientOf, type Draft, put, turnOf } from "./CalendarDraft.ts"
import { counted } from "./CalendarState.ts"
import * as EventQueue from "../../core/EventQueue.ts"
import * as IntMap from "./IntMap.ts"
import { type Message, Op } from "../../core/Message.ts"
import type { Nanos } from "../../core/Nanos.ts"
import * as Schedule from "./Schedule.ts"
import type { Rule } from "../../core/Violation.ts"

/**
 * The most messages that a client may leave unacknowledged. A guest that waits
 * acknowledges at once, but a burst of others' BROADCASTs may well be longer
 * than what one read of a socket gets.
 *
 * @since 0.1.0
 * @category constants
 */
export const MAX_UNACKNOWLEDGED = 65_536

/** Forgets a client. If it was running, its turn ends. */
export const leave = (draft: Draft, key: ClientKey): void => {
  const { state } = draft
  state.clients = IntMap.remove(state.clients, key)
  state.schedule = Schedule.withdraw(state.schedule, key)
  state.gathered = EventQueue.remove(state.gathered, key)
  state.late = EventQueue.remove(state.late, key)
  if (state.unanswered.size > 0) state.unanswered = IntMap.remove(state.unanswered, key)
  if (turnOf(draft, key)) state.turn = undefined
  if (state.clients.size === 0 && state.begun) ask(draft, { _tag: "Ended" })
}

/** A client has broken a rule. */
export const violated = (
  draft: Draft,
  key: ClientKey,
  rule: Rule,
  message: Message | undefined,
  detail: string,
): void => {
  const { id } = clientOf(draft, key)
  ask(draft, { _tag: "Disconnect", client: key, violation: { rule, id, message, detail } })
  leave(draft, key)
}

/** Sends messages that are to be acknowledged; whether that didn't cost the client its connection. */
export const send = (
  draft: Draft,
  key: ClientKey,
  ...messages: ReadonlyArray<{ readonly op: Op; readonly time: bigint }>
): boolean => {
  const client = clientOf(draft, key)
  let { sent } = client
  if (client.asks) {
    for (const { op, time } of messages) ask(draft, { _tag: "Send", client: key, message: { op, seq: sent, time } })
    return true
  }
  for (const { op, time } of messages) {
    const message = { op, seq: (sent + 1) >>> 0, time }
    if ((sent - client.acked) >>> 0 >= MAX_UNACKNOWLEDGED) {
      leavesUnanswered(draft, key, message)
      return false
    }
    sent = message.seq
    ask(draft, { _tag: "Send", client: key, message })
  }
  put(draft, key, counted(client, sent, client.acked))
  return true
}

/** Sends a message to all that were let in but one: at once, as these may be a thousand. */
export const sendToAll = (
  draft: Draft,
  except: ClientKey,
  { op, time }: { readonly op: Op; readonly time: bigint },
): void => {
  const { state } = draft
  let tooMany: Array<readonly [ClientKey, Message]> | undefined
  state.clients = IntMap.map(state.clients, (client, key) => {
    if (key === except || client.phase !== "In") return client
    const { asks, sent, acked } = client
    const message = { op, seq: asks ? sent : (sent + 1) >>> 0, time }
    if (!asks && (sent - acked) >>> 0 >= MAX_UNACKNOWLEDGED) {
      ;(tooMany ??= []).push([key, message])
      return client
    }
    ask(draft, { _tag: "Send", client: key, message })
    return asks ? client : counted(client, message.seq, acked)
  })
  for (const [key, message] of tooMany ?? []) leavesUnanswered(draft, key, message)
}

const leavesUnanswered = (draft: Draft, key: ClientKey, message: Message): void =>
  violated(draft, key, "TooManyUnacknowledged", message, `${MAX_UNACKNOWLEDGED} messages before it are unanswered`)

/** The number of the last message sent but `back`, if it is to be acknowledged. */
export const toBeAcknowledged = (draft: Draft, key: ClientKey, back = 0): number | undefined => {
  const { asks, sent } = clientOf(draft, key)
  return asks ? undefined : (sent - back) >>> 0
}

/** Tells the running client that it may run to `at` only, if that is news. Its limit stays: it may be there already. */
export const tellFreeUntil = (draft: Draft, at: Nanos): void => {
  const { turn, time } = draft.state
  if (turn?.freeUntil === undefined || turn.isOver) return
  // What was due before now is due now.
  const freeUntil = at > time ? at : time
  if (freeUntil >= turn.freeUntil) return
  const { offset } = clientOf(draft, turn.client)
  if (!send(draft, turn.client, { op: Op.FreeUntil, time: freeUntil - offset })) return
  const seq = toBeAcknowledged(draft, turn.client)
  draft.state.turn = seq === undefined
    ? { ...turn, freeUntil, known: freeUntil }
    : { ...turn, freeUntil, freeUntilSeq: seq, news: [...turn.news, { seq, until: freeUntil }] }
}
