/**
 * The calendar: the end of the protocol that decides who runs when, for many
 * clients on one schedule (PROTOCOL).
 *
 * A calendar is a value. {@link connected}, {@link clientMessage} and
 * {@link disconnected} take one and return the next, along with all that must
 * now be done as {@link Command}s. No message makes them throw: a client that
 * breaks a rule loses its connection, and nobody else notices.
 *
 * ## Theory of operation
 *
 * *A client* connects, sends START, and is held back until it is let in. From
 * then on it either has the {@link Turn} or waits.
 *
 * *A turn* begins with RUN, or for a client's first turn with START's ACK, and
 * ends with the client's WAIT or its departure. As long as there is a turn, nobody
 * is let in and nothing comes off the schedule: only then can {@link proceed}
 * begin the next turn. That is how exactly one client runs at a time.
 *
 * *Time* is moved in two places, by a grant to the earliest request and by
 * UPDATE. UPDATE can't move it past what FREE_UNTIL told the running client,
 * and that is never later than the earliest request of the others: no time is
 * passed that somebody waits for.
 *
 * *A REQUEST* that the running client may go past, for all that it is known to have
 * heard, is acknowledged when that client has acknowledged the FREE_UNTIL, or is
 * gone: see `core/Answers`. All else is answered at once.
 *
 * *Whose time:* the schedule and all times in the state are the calendar's own.
 * A client's time is the calendar's minus the client's offset, on the wire only.
 *
 * ## Where PROTOCOL leaves a choice
 *
 * - *Never:* a request at or past {@link Nanos.FOREVER} takes the client's
 *   earlier one off the schedule and puts nothing on it. A kernel without a
 *   timer sends one before it waits for an interrupt, and being run then would
 *   be its end. So the calendar idles instead, and its time stays below FOREVER.
 * - *In the past:* such a request is due at once, and run with the time now.
 * - *New for it:* each turn begins with a FREE_UNTIL, even if the value is that
 *   of the client's turn before. A recent guest forgot that value when it
 *   sent WAIT, and an older one may remember a later one. Within a turn only an earlier
 *   value is new. A first turn has none: no time may pass in it.
 * - *Not heard yet:* a client's messages behind a REQUEST that isn't acknowledged yet take
 *   effect at once; only their ACKs wait, at most {@link MAX_UNANSWERED} of them. If the
 *   running client sends WAIT before it has acknowledged such a FREE_UNTIL, its turn goes
 *   on until it has: nobody is told to run while its REQUEST is unanswered.
 * - *Crossing:* a client that ran on to 50 may then be told FREE_UNTIL 20,
 *   since an interrupt from outside reached another client. Its honest
 *   UPDATE to 50 is no violation, but moves the calendar to 20 only, while its
 *   own GET says 50. A second one, to 51, is a violation.
 * - *Held back:* what a client sends between START and its ACK is taken up when
 *   it is let in, as if it came then: at most {@link MAX_HELD_BACK} messages. WAIT
 *   and UPDATE are violations at once, as it doesn't run.
 * - *Order of letting in:* those who came before the expected number was
 *   reached, by ID; then all later ones that wait, again by ID.
 * - *The expected number* counts who is there at once: who leaves before it is
 *   reached doesn't count. Once reached it is of no more concern.
 * - *BROADCAST* goes to all others that have been let in.
 * - *The end* is when the last connection goes, provided that anyone was ever
 *   let in. A client that connects even then is served, at the time it was.
 *
 * @module
 */
import { max, min } from "../internal/core/Extremes.ts"
import type {
  Allowance,
  Answered,
  Calendar,
  ClientKey,
  Command,
  Options,
  Transition,
  Turn,
} from "../internal/core/CalendarState.ts"
import { change, clientOf, type Draft, draftOf, put, turnOf } from "../internal/core/CalendarDraft.ts"
import { answer, release, timeFor } from "../internal/core/PendingAcks.ts"
import { leave, MAX_UNACKNOWLEDGED, sendToAll, tellFreeUntil, violated } from "../internal/core/CalendarSends.ts"
import { allowed, grant, isGrantable, pass } from "../internal/core/CalendarGrants.ts"
import { counted, told } from "../internal/core/CalendarState.ts"
import * as EventQueue from "./EventQueue.ts"
import { invariant } from "./Fault.ts"
import * as IntMap from "../internal/core/IntMap.ts"
import { isOp, KNOWN_OPS, type Message, nameOf, Op, operations } from "./Message.ts"
import { FOREVER, type Nanos, NONE, ZERO } from "./Nanos.ts"
import * as Schedule from "../internal/core/Schedule.ts"

export type * from "../internal/core/CalendarState.ts"
export { MAX_UNACKNOWLEDGED }

/**
 * The most messages that are held back along with START.
 *
 * @since 0.1.0
 * @category constants
 */
export const MAX_HELD_BACK = 64

/**
 * The most messages of a client that wait for their ACKs, behind a REQUEST that the running client hasn't heard of.
 *
 * @since 0.1.0
 * @category constants
 */
export const MAX_UNANSWERED = 1024

/**
 * A calendar at time 0, without clients.
 *
 * @example
 * ```ts
 * import * as Calendar from "guest-clock/core/Calendar"
 * import * as Message from "guest-clock/core/Message"
 *
 * const empty = Calendar.make({ clients: 1 })
 * const { state } = Calendar.connected(empty, 0)
 * const { commands } = Calendar.clientMessage(state, 0, { op: Message.Op.Start, seq: 1, time: 7n })
 * for (const command of commands) {
 *   if (command._tag === "Send") console.log(command.client, Message.format(command.message)) // 0 Ack #1 0
 * }
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Calendar => ({
  time: ZERO,
  start: BigInt.asUintN(64, options.start ?? 0n) as Nanos,
  expected: options.clients ?? 0,
  open: (options.clients ?? 0) <= 0,
  begun: false,
  clients: IntMap.empty(),
  schedule: Schedule.make(options.order ?? Schedule.firstCome),
  allowance: { until: FOREVER, turns: Infinity, ...options.allowance },
  gathered: EventQueue.empty(),
  late: EventQueue.empty(),
  turn: undefined,
  unanswered: IntMap.empty(),
})

const nothing: ReadonlyArray<Command> = []
const noNews: Turn["news"] = []

/**
 * A client has connected. Nothing happens until it sends START. `client` must not be in use.
 *
 * @since 0.1.0
 * @category transitions
 */
export const connected = (calendar: Calendar, client: ClientKey): Transition => {
  invariant(IntMap.get(calendar.clients, client) === undefined, "the server gives every connection a key of its own")
  const clients = IntMap.set(calendar.clients, client, {
    phase: "Connected",
    id: NONE,
    start: undefined,
    heldBack: [],
    offset: ZERO,
    reached: ZERO,
    sent: 0,
    acked: 0,
    asks: false,
  })
  return { state: { ...calendar, clients }, commands: [] }
}

/**
 * A client's connection is gone: so are its requests, and if it was running its
 * turn ends. `leftover` is how many bytes of an unfinished message its stream
 * ended with. Nothing happens if the calendar itself disconnected it before.
 *
 * @since 0.1.0
 * @category transitions
 */
export const disconnected = (calendar: Calendar, client: ClientKey, leftover = 0): Transition => {
  if (IntMap.get(calendar.clients, client) === undefined) return { state: calendar, commands: [] }
  const draft = draftOf(calendar)
  if (leftover > 0) violated(draft, client, "CutShort", undefined, `${leftover} bytes into a message of 16`)
  else leave(draft, client)
  proceed(draft)
  return draft
}

/**
 * A client's message has come in. It may be any message at all: one that breaks a
 * rule costs the client its connection, by a {@link Command} that says which.
 * Nothing happens if the calendar disconnected the client before.
 *
 * @since 0.1.0
 * @category transitions
 */
export const clientMessage = (calendar: Calendar, client: ClientKey, message: Message): Transition => {
  if (IntMap.get(calendar.clients, client) === undefined) return { state: calendar, commands: [] }
  const draft = draftOf(calendar)
  handle(draft, client, message)
  proceed(draft)
  return draft
}

/**
 * The same for a client in this very process that has been let in, which is answered at once, by a time; if it can be:
 * a REQUEST of which the running client must hear first is to be sent as a message. From the first time that it asks, it
 * is taken to know what it is told, and its ACKs are of no concern.
 *
 * @since 0.1.0
 * @category transitions
 */
export const asked = (calendar: Calendar, client: ClientKey, message: Message): Answered => {
  const asker = IntMap.get(calendar.clients, client)
  if (asker === undefined) return unchanged(calendar, undefined)
  if (asker.asks && calendar.unanswered.size === 0) {
    // Nothing changes.
    if (message.op === Op.Get) return unchanged(calendar, max(asker.reached, calendar.time) - asker.offset)
    // Nor here: it has asked for nothing that could be taken back.
    if (message.op === Op.Request && message.time >= FOREVER) {
      if (Schedule.timeOf(calendar.schedule, client) === undefined) return unchanged(calendar, 0n)
    }
  }
  const draft = draftOf(calendar, client)
  if (!asker.asks) beginsToAsk(draft, client)
  handle(draft, client, message)
  proceed(draft)
  return draft.isLater ? later(calendar, client) : draft
}

const unchanged = (state: Calendar, answer: bigint | undefined): Answered => ({
  state,
  commands: nothing,
  answer,
  isLater: false,
})

/** What was asked can't be answered yet: all that has happened is that it was asked. */
const later = (calendar: Calendar, client: ClientKey): Answered => {
  if (IntMap.get(calendar.clients, client)?.asks === true) return { ...unchanged(calendar, undefined), isLater: true }
  const draft = draftOf(calendar)
  beginsToAsk(draft, client)
  return { state: draft.state, commands: draft.commands, answer: undefined, isLater: true }
}

/** From now on it knows at once what it is told. */
const beginsToAsk = (draft: Draft, key: ClientKey): void => {
  change(draft, key, { asks: true, acked: clientOf(draft, key).sent })
  const turn = turnOf(draft, key)
  if (turn === undefined) return
  const known = turn.freeUntil
  draft.state.turn = { ...turn, runSeq: undefined, freeUntilSeq: undefined, known, news: noNews }
  release(draft)
}

/** Does what a message asks for, except for beginning the next turn. */
const handle = (draft: Draft, key: ClientKey, message: Message): void => {
  const { phase, id } = clientOf(draft, key)
  const { op } = message
  if (!isOp(op)) return violated(draft, key, "UnknownOp", message, KNOWN_OPS)
  switch (operations[op].allowed) {
    case "answering":
      return acknowledged(draft, key, message)
    case "first":
      if (phase !== "Connected") return violated(draft, key, "StartTwice", message, `it has started with ID ${id}`)
      return started(draft, key, message)
    case "never":
      return violated(draft, key, "CalendarsOwn", message, "a client sent it")
    case "started":
      if (phase === "Connected") return violated(draft, key, "BeforeStart", message, "it hasn't sent START")
      break
    case "running":
      if (phase !== "In") return violated(draft, key, "NotRunning", message, whoRuns(draft, key))
      break
  }
  if (phase === "Held") return holdBack(draft, key, message)
  const { unanswered } = draft.state
  if (unanswered.size > 0 && (IntMap.get(unanswered, key)?.length ?? 0) >= MAX_UNANSWERED) {
    return violated(draft, key, "TooManyUnanswered", message, `${MAX_UNANSWERED} messages before it are unanswered`)
  }
  switch (op) {
    case Op.Request:
      return requested(draft, key, message)
    case Op.Wait:
      return waited(draft, key, message)
    case Op.Update:
      return updated(draft, key, message)
    case Op.Broadcast:
      return broadcast(draft, key, message)
    case Op.Get:
    case Op.GetTimeOfDay:
      return answer(draft, key, message)
    case Op.Ack:
    case Op.Start:
    case Op.Run:
    case Op.FreeUntil:
      return invariant(false, "the table of operations has them dealt with above")
    default:
      return op satisfies never
  }
}

const started = (draft: Draft, key: ClientKey, message: Message): void => {
  const { state } = draft
  const id = message.time as Nanos
  change(draft, key, { phase: "Held", id, start: message })
  if (state.open) state.late = EventQueue.add(state.late, key, id)
  else state.gathered = EventQueue.add(state.gathered, key, id)
  if (state.gathered.size >= state.expected) state.open = true
}

const holdBack = (draft: Draft, key: ClientKey, message: Message): void => {
  const { heldBack } = clientOf(draft, key)
  if (heldBack.length >= MAX_HELD_BACK) {
    return violated(
      draft,
      key,
      "TooManyHeldBack",
      message,
      `${MAX_HELD_BACK} messages after START are held back already`,
    )
  }
  change(draft, key, { heldBack: [...heldBack, message] })
}

const acknowledged = (draft: Draft, key: ClientKey, message: Message): void => {
  const client = clientOf(draft, key)
  const { sent, acked, asks } = client
  if (asks) return
  const expected = (acked + 1) >>> 0
  if (sent === acked) return violated(draft, key, "UnexpectedAck", message, "nothing is waiting for an ACK")
  if (message.seq !== expected) {
    return violated(draft, key, "UnexpectedAck", message, `the next ACK is that of #${expected}`)
  }
  put(draft, key, counted(client, sent, expected))
  const turn = turnOf(draft, key)
  if (turn === undefined) return
  const freeUntilSeq = turn.freeUntilSeq === expected ? undefined : turn.freeUntilSeq
  if (turn.runSeq === expected) draft.state.turn = told(turn, undefined, freeUntilSeq)
  else if (turn.news.length > 0 && turn.news[0]!.seq === expected) {
    draft.state.turn = { ...turn, freeUntilSeq, known: turn.news[0]!.until, news: turn.news.slice(1) }
    release(draft)
  } else if (freeUntilSeq !== turn.freeUntilSeq) draft.state.turn = told(turn, turn.runSeq, freeUntilSeq)
}

const requested = (draft: Draft, key: ClientKey, message: Message): void => {
  const { state } = draft
  const at = message.time + clientOf(draft, key).offset
  const never = message.time >= FOREVER || at >= FOREVER
  state.schedule = never ? Schedule.withdraw(state.schedule, key) : Schedule.request(state.schedule, key, at as Nanos)
  if (never || state.turn?.client === key) return answer(draft, key, message)
  tellFreeUntil(draft, at as Nanos)
  answer(draft, key, message, max(at as Nanos, state.time))
}

const waited = (draft: Draft, key: ClientKey, message: Message): void => {
  if (!isRunning(draft, key)) return violated(draft, key, "NotRunning", message, whoRuns(draft, key))
  answer(draft, key, message)
  const { state } = draft
  // Somebody's REQUEST waits until this client has heard of it: so does the next turn, which may be that one's.
  state.turn = state.unanswered.size > 0 ? { ...state.turn!, isOver: true } : undefined
}

const updated = (draft: Draft, key: ClientKey, message: Message): void => {
  if (!isRunning(draft, key)) return violated(draft, key, "NotRunning", message, whoRuns(draft, key))
  const { offset } = clientOf(draft, key)
  const turn = draft.state.turn!
  const at = message.time + offset
  const now = timeFor(draft, key)
  if (message.time < now) {
    return violated(draft, key, "UpdateIntoThePast", message, `it was ${now} ns already`)
  }
  if (at > turn.limit) {
    return violated(draft, key, "UpdatePastFreeUntil", message, `it could reach ${turn.limit - offset} ns`)
  }
  answer(draft, key, message)
  const reached = at as Nanos
  // Once the last FREE_UNTIL is known to the client, it can't go on from where it is now past that.
  const settled = turn.freeUntil !== undefined && turn.freeUntilSeq === undefined
  const limit = settled ? max(reached, turn.freeUntil) : turn.limit
  change(draft, key, { reached })
  draft.state.turn = { ...turn, limit }
  draft.state.time = max(draft.state.time, min(reached, turn.freeUntil ?? draft.state.time))
}

const broadcast = (draft: Draft, key: ClientKey, message: Message): void => {
  answer(draft, key, message)
  sendToAll(draft, key, { op: Op.Broadcast, time: message.time })
}

const isRunning = (draft: Draft, key: ClientKey): boolean => {
  const turn = turnOf(draft, key)
  return turn !== undefined && turn.runSeq === undefined && !turn.isOver
}

/** For people: why a client isn't the one that runs. */
const whoRuns = (draft: Draft, key: ClientKey): string => {
  const { turn, clients } = draft.state
  const { phase } = clientOf(draft, key)
  if (phase === "Connected") return "it hasn't sent START"
  if (phase === "Held") return "it hasn't been let in"
  if (turn?.client === key && turn.isOver) return "its turn is over"
  if (turn?.client === key) return `it hasn't acknowledged ${nameOf(Op.Run)} #${turn.runSeq}`
  return turn === undefined ? "it waits" : `client ${IntMap.get(clients, turn.client)?.id} runs`
}

/** While nobody has the turn: lets the next client in, or else grants the earliest request. */
const proceed = (draft: Draft): void => {
  const { state } = draft
  if (state.turn?.isOver === true && state.unanswered.size === 0) state.turn = undefined
  if (state.turn === undefined) release(draft)
  while (state.turn === undefined && state.open) {
    const held = EventQueue.first(state.gathered) ?? EventQueue.first(state.late)
    if (held !== undefined) letIn(draft, held.event)
    else if (isGrantable(state)) grant(draft)
    else return
  }
}

const letIn = (draft: Draft, key: ClientKey): void => {
  const { state } = draft
  const { start, heldBack } = clientOf(draft, key)
  invariant(start !== undefined, "START is what put it among those to be let in")
  state.gathered = EventQueue.remove(state.gathered, key)
  state.late = EventQueue.remove(state.late, key)
  state.begun = true
  const now = state.time
  state.turn = {
    client: key,
    runSeq: undefined,
    freeUntil: undefined,
    freeUntilSeq: undefined,
    known: undefined,
    news: noNews,
    isOver: false,
    limit: now,
  }
  change(draft, key, { phase: "In", offset: now, heldBack: [] })
  answer(draft, key, start)
  for (const message of heldBack) {
    if (IntMap.get(state.clients, key) !== undefined) handle(draft, key, message)
  }
}

/**
 * From now on the calendar may go this far. Who runs by itself beyond is called back.
 * While everybody waits, time goes on to there, or to the first request before it.
 *
 * @example
 * ```ts
 * import * as Calendar from "guest-clock/core/Calendar"
 *
 * const paused = Calendar.allow(Calendar.make(), { turns: 0 }).state
 * const goesOn = Calendar.allow(paused, { turns: Infinity }).state
 * console.log(paused.allowance.turns, goesOn.allowance.turns) // 0 Infinity
 * ```
 *
 * @since 0.1.0
 * @category transitions
 */
export const allow = (calendar: Calendar, allowance: Partial<Allowance>): Transition => {
  const draft = draftOf(calendar)
  draft.state.allowance = { ...calendar.allowance, ...allowance }
  tellFreeUntil(draft, allowed(draft.state))
  proceed(draft)
  pass(draft.state)
  return draft
}
