/**
 * Checks whether a calendar and its clients keep to PROTOCOL, from their messages alone, for a proxy between them.
 *
 * A {@link Conformance} is a value. {@link joined}, {@link fromClient}, {@link fromCalendar} and {@link left} take one
 * and return the next, along with the breaches that were found. They throw for no message.
 *
 * ## Who sees what when
 *
 * A proxy in between sees a client's message before the calendar has it, and the calendar's after it was sent. Each
 * direction of a connection is in order; messages of different connections may be seen in another order than the
 * calendar has sent them. So each rule is checked against what must have been known to the one who broke it:
 *
 * - *A turn* begins when RUN is seen, or START's ACK, and ends when WAIT is. In between the calendar knows of it.
 * - *A request* counts once its ACK was seen. As it is acknowledged only when the running client knows of it, whoever
 *   is told something after that is told it by a calendar that knows.
 * - *An answer* (GET, GET_TOD) is compared with what was known when the question was seen.
 * - *The calendar's time* is known from RUN and from UPDATE, from below and from above ({@link Conformance.now},
 *   {@link Conformance.latest}), if the client's offset is: that of the first one is, and others' by the time when they
 *   are let in, or else by the time of day that they are told.
 * - *A client that has broken a rule* may be disconnected at any moment. It isn't held against the calendar that others
 *   run.
 *
 * *Shared memory* isn't seen. A client that was given a slot and doesn't acknowledge RUN shares: it is believed to have
 * asked for what it gets. Rules about its requests, and about how far it has come, aren't checked.
 *
 * What isn't checked, as nobody can tell who sees one part only: the expected number of clients and their order when
 * they are let in, whether a BROADCAST reaches everybody, and that FREE_UNTIL isn't earlier than it had to be.
 *
 * @module
 */
import type { Side } from "./Breach.ts"
import type { ClientKey } from "../internal/core/CalendarState.ts"
import { MAX_BROADCASTS } from "../internal/core/ConformanceClient.ts"
import { max } from "../internal/core/Extremes.ts"
import { draftOf, found, isNever, requestsOf, type Transition } from "../internal/core/ConformanceDraft.ts"
import { type Client, type Conformance, emptyLine, itemsOf } from "../internal/core/ConformanceState.ts"
import * as IntMap from "../internal/core/IntMap.ts"
import { Op } from "./Message.ts"
import { NONE } from "./Nanos.ts"

export type * from "../internal/core/ConformanceState.ts"
export type { Transition } from "../internal/core/ConformanceDraft.ts"
export { MAX_UNANSWERED } from "../internal/core/ConformanceDraft.ts"
export { fromClient } from "../internal/core/ConformanceClient.ts"
export { fromCalendar } from "../internal/core/ConformanceCalendar.ts"

/**
 * A calendar that nobody has connected to.
 *
 * @example
 * ```ts
 * import * as Breach from "guest-clock/core/Breach"
 * import * as Conformance from "guest-clock/core/Conformance"
 * import { Op } from "guest-clock/core/Message"
 *
 * const joined = Conformance.joined(Conformance.make(), 0)
 * const { breaches } = Conformance.fromClient(joined, 0, { op: Op.Wait, seq: 1, time: 2n ** 64n - 1n })
 * for (const { rule, side } of breaches) console.log(rule, side) // not-running client
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Conformance => ({
  clients: IntMap.empty(),
  runner: undefined,
  now: 0n,
  latest: 0n,
  begun: false,
  firstTimeOfDay: undefined,
  timeOfDay: undefined,
  start: undefined,
  step: 0,
  turnEnded: 0,
  byClients: 0,
  byCalendar: 0,
})

const newcomer: Client = {
  phase: "Connected",
  id: NONE,
  questions: emptyLine,
  owed: emptyLine,
  losesQuestions: false,
  losesOwed: false,
  owesRun: false,
  owesFreeUntil: 0,
  offset: 0n,
  isExact: false,
  view: 0n,
  runs: false,
  isFirst: false,
  request: undefined,
  freeUntil: undefined,
  heard: undefined,
  limit: 0n,
  shares: "no",
  isGuilty: false,
  broadcasts: [],
  forgotten: false,
}

/**
 * Somebody has connected, by a number that nobody else has: 0 to 2^32 − 1.
 *
 * @since 0.1.0
 * @category transitions
 */
export const joined = (state: Conformance, client: ClientKey): Conformance => {
  const broadcasts: Array<bigint> = []
  for (const [, { questions }] of IntMap.entries(state.clients)) {
    for (const { message: { op, time } } of itemsOf(questions)) if (op === Op.Broadcast) broadcasts.push(time)
  }
  const forgotten = broadcasts.length > MAX_BROADCASTS
  const made = { ...newcomer, broadcasts: broadcasts.slice(-MAX_BROADCASTS), forgotten }
  return { ...state, clients: IntMap.set(state.clients, client, made) }
}

/**
 * A connection has ended, on this side first: `leftover` is how many bytes of an unfinished message the stream ended
 * with. Whatever is still seen of it is of no concern.
 *
 * @since 0.1.0
 * @category transitions
 */
export const left = (before: Conformance, key: ClientKey, side: Side, leftover = 0): Transition => {
  const client = IntMap.get(before.clients, key)
  if (client === undefined) return { state: before, breaches: [] }
  const draft = draftOf(before, key, client, side)
  if (leftover > 0) found(draft, "cut-short", `it ended ${leftover} bytes into a message of 16`)
  const { state, breaches } = draft
  // It may have been granted what it asked for, by a RUN that isn't seen any more in time.
  if (side === "client" && client.phase === "In" && !client.runs && state.latest !== undefined) {
    const { offset, isExact, shares } = client
    const isKnown = isExact && shares === "no"
    for (const at of requestsOf(client)) {
      if (!isNever(at) && state.latest !== undefined) {
        state.latest = isKnown ? max(state.latest, at + offset) : undefined
      }
    }
    if (shares !== "no") state.latest = undefined
  }
  state.clients = IntMap.remove(state.clients, key)
  if (client.runs) state.turnEnded = state.step
  if (state.runner === key) state.runner = undefined
  return { state, breaches }
}
