/**
 * A proxy's state during a transition ({@link Conformance}): a private copy, and the breaches found so far.
 *
 * @module
 */
import type { Breach, Rule, Side } from "../../core/Breach.ts"
import type { ClientKey } from "./CalendarState.ts"
import { type Client, type Conformance, itemsOf } from "./ConformanceState.ts"
import * as IntMap from "./IntMap.ts"
import { type Message, Op } from "../../core/Message.ts"
import { FOREVER } from "../../core/Nanos.ts"

/**
 * The most messages of one direction that may wait for their ACKs: what comes after isn't followed.
 *
 * @since 0.1.0
 * @category constants
 */
export const MAX_UNANSWERED = 65_536

/**
 * What became of it, and what was found wrong: one breach a message at most.
 *
 * @since 0.1.0
 * @category models
 */
export interface Transition {
  readonly state: Conformance
  readonly breaches: ReadonlyArray<Breach>
}

/** What is seen, under change. */
export interface Draft {
  state: { -readonly [Key in keyof Conformance]: Conformance[Key] }
  breaches: Array<Breach>
  readonly key: ClientKey
  client: Client
  readonly side: Side
  readonly message: Message | undefined
}

export const draftOf = (
  { step, ...state }: Conformance,
  key: ClientKey,
  client: Client,
  side: Side,
  message?: Message,
): Draft => ({ state: { ...state, step: step + 1 }, breaches: [], key, client, side, message })

export const found = (draft: Draft, rule: Rule, detail: string, by: Side = draft.side): void => {
  const { state, breaches, key: connection, client: { id }, message } = draft
  if (breaches.length > 0) return
  breaches.push({ rule, side: by, connection, id, message, time: state.now, detail })
  if (by === "client") {
    state.byClients++
    change(draft, { isGuilty: true })
  } else state.byCalendar++
}

export const change = (draft: Draft, changes: Partial<Client>): void => {
  draft.client = { ...draft.client, ...changes }
}

export const done = ({ state, key, client, breaches }: Draft): Transition => {
  state.clients = IntMap.change(state.clients, key, client)
  return { state, breaches }
}

/** What a client has asked for, as its calendar may know: one that isn't acknowledged yet may have been taken, or not. */
export const requestsOf = ({ request, questions }: Client): ReadonlyArray<bigint> => {
  const requests = request === undefined ? [] : [request.at]
  for (const { message } of itemsOf(questions)) if (message.op === Op.Request) requests.push(message.time)
  return requests
}

/** Whether a request for this time is one for never. */
export const isNever = (at: bigint): boolean => at >= FOREVER
