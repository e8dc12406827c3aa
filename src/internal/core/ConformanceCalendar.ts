/**
 * The rules for what a calendar sends ({@link Conformance}).
 *
 * @module
 */
import type { ClientKey } from "./CalendarState.ts"
import { max, min } from "./Extremes.ts"
import {
  change,
  done,
  type Draft,
  draftOf,
  found,
  isNever,
  MAX_UNANSWERED,
  requestsOf,
  type Transition,
} from "./ConformanceDraft.ts"
import { added, type Client, type Conformance, emptyLine, itemsOf, type Question, taken } from "./ConformanceState.ts"
import * as IntMap from "./IntMap.ts"
import { isOp, KNOWN_OPS, type Message, nameOf, Op, operations } from "../../core/Message.ts"

/**
 * A calendar has sent a message, which the client hasn't been given yet. `descriptors` is how many came with it;
 * nothing, where that can't be seen.
 *
 * @since 0.1.0
 * @category transitions
 */
export const fromCalendar = (
  before: Conformance,
  key: ClientKey,
  message: Message,
  descriptors?: number,
): Transition => {
  const client = IntMap.get(before.clients, key)
  if (client === undefined) return { state: before, breaches: [] }
  const draft = draftOf(before, key, client, "calendar", message)
  if (message.op === Op.Ack) calendarAcknowledged(draft, message, descriptors)
  else told(draft, message)
  return done(draft)
}

const calendarAcknowledged = (draft: Draft, ack: Message, descriptors: number | undefined): void => {
  let { questions } = draft.client
  if (draft.client.losesQuestions) return
  let next = taken(questions)
  // Nor is the WAIT of somebody who shares memory acknowledged.
  while (next !== undefined && next[0].isOptional && next[0].message.seq !== ack.seq) next = taken(questions = next[1])
  if (next === undefined) return found(draft, "ack-order", "nothing waits for an ACK")
  const [question, rest] = next
  const { message: { op, seq, time } } = question
  if (seq !== ack.seq) return found(draft, "ack-order", `the next ACK is that of ${nameOf(op)} #${seq}`)
  change(draft, { questions: rest })
  if (question.isViolation) {
    return found(draft, "violator-stays", `it answers ${nameOf(op)} #${seq}, which broke a rule`)
  }
  const mayHaveTime = op === Op.Get || op === Op.GetTimeOfDay ||
    op === Op.Start && descriptors !== 0 && ack.time <= 0xffffn
  if (ack.time !== 0n && !mayHaveTime) found(draft, "ack-time", `an ACK of ${nameOf(op)} has the time 0`)
  switch (op) {
    case Op.Start:
      return letIn(draft, descriptors !== 0 && (ack.time & 0xffffn) !== 0n)
    case Op.Request:
      return requested(draft, question)
    case Op.Update:
      return moved(draft, time)
    case Op.Get:
      return answered(draft, question, ack.time)
    case Op.GetTimeOfDay:
      return answeredTimeOfDay(draft, question, ack.time)
  }
}

/** Another client that runs, if that is the calendar's fault. */
const otherRunner = ({ state, key, client }: Draft): Client | undefined => {
  if (state.runner === undefined || state.runner === key || client.isGuilty) return undefined
  const runner = IntMap.get(state.clients, state.runner)
  return runner?.isGuilty === true ? undefined : runner
}

const begins = (draft: Draft, changes: Partial<Client>): void => {
  const { state, key, client: { isGuilty } } = draft
  // Whose WAIT was sent too early may have had its turn before the one that runs.
  if (isGuilty) state.latest = undefined
  if (!isGuilty || state.runner === undefined) state.runner = key
  change(draft, { runs: true, ...changes })
}

const letIn = (draft: Draft, hasSlot: boolean): void => {
  const { state } = draft
  const other = otherRunner(draft)
  if (other !== undefined) found(draft, "one-runs", `client ${other.id} runs`)
  const isExact = !draft.client.isGuilty && (!state.begun || state.latest === state.now)
  state.begun = true
  const shares = hasSlot ? "maybe" : "no"
  begins(draft, { phase: "In", offset: state.now, isExact, isFirst: true, view: 0n, limit: 0n, shares })
}

/** A client's request as a time of the calendar's, if it is known and there is one. */
const dueAt = ({ request, shares, offset, isExact }: Client): bigint | undefined =>
  request === undefined || !isExact || shares !== "no" || isNever(request.at) ? undefined : request.at + offset

/**
 * The earliest request of a client that waits, other than this one, and that was acknowledged before `since`; no earlier
 * than now.
 */
const earliestOther = (
  { state, key }: Draft,
  since: number,
): { readonly id: bigint; readonly at: bigint } | undefined => {
  let earliest: { readonly id: bigint; readonly at: bigint } | undefined
  for (const [other, client] of IntMap.entries(state.clients)) {
    if (other === key || client.runs || client.isGuilty) continue
    const at = client.request !== undefined && client.request.acknowledged < since ? dueAt(client) : undefined
    if (at !== undefined && (earliest === undefined || at < earliest.at)) earliest = { id: client.id, at }
  }
  return earliest && { id: earliest.id, at: max(earliest.at, state.now) }
}

const requested = (draft: Draft, { message: { time }, step }: Question): void => {
  const { state, client } = draft
  const { request, questions } = client
  // Repeated unchanged, it keeps its place.
  if (isNever(time)) change(draft, { request: undefined })
  else if (request?.at !== time) change(draft, { request: { at: time, asked: step, acknowledged: state.step } })
  const runner = otherRunner(draft)
  const at = dueAt(draft.client)
  if (runner === undefined || at === undefined || runner.heard === undefined) return
  if (!runner.isExact || runner.shares !== "no" || runner.isFirst) return
  // One that came after it is what the calendar may know by now.
  for (const { message } of itemsOf(questions)) if (message.op === Op.Request) return
  const heard = runner.heard + runner.offset
  // What is due before now is due now, which may be later than what was seen.
  if (state.latest !== undefined && max(at, state.latest) < heard && !isEarlier(draft, at)) {
    found(draft, "request-not-heard", `client ${runner.id} runs, and has heard that it may run up to ${heard} ns`)
  }
}

/** Whether somebody else who waits has asked, or may have, for no later a time: so it was that one who became the earliest. */
const isEarlier = ({ state, key }: Draft, than: bigint): boolean => {
  for (const [other, client] of IntMap.entries(state.clients)) {
    if (other === key || other === state.runner) continue
    for (const at of requestsOf(client)) {
      if (!client.isExact || max(at + client.offset, state.now) <= max(than, state.now)) return true
    }
  }
  return false
}

/** UPDATE was taken. */
const moved = (draft: Draft, to: bigint): void => {
  const { state, client: { offset, freeUntil, isFirst } } = draft
  const reached = freeUntil === undefined || isFirst ? to : min(to, freeUntil)
  state.now = max(state.now, reached + offset)
  if (state.latest !== undefined) state.latest = max(state.latest, state.now)
}

const answered = (draft: Draft, { view, ran, now }: Question, time: bigint): void => {
  const { state, client: { offset, isExact, shares, isGuilty } } = draft
  if (time < view) return found(draft, "time-went-back", `client time was ${view} ns already`)
  if (ran && shares === "no" && !isGuilty && time !== view) {
    return found(draft, "current-time", `it runs, and its time is ${view} ns`)
  }
  if (isExact && time + offset < now) {
    return found(draft, "current-time", `it was ${now - offset} ns already when it asked`)
  }
  change(draft, { view: max(draft.client.view, time) })
  // A client that had run ahead of a request that came later is told its own time.
  if (!isExact || time === view) return
  state.now = max(state.now, time + offset)
  if (state.latest !== undefined) state.latest = max(state.latest, state.now)
}

const answeredTimeOfDay = (draft: Draft, question: Question, time: bigint): void => {
  const { state, client: { offset, isExact, runs, questions, shares, freeUntil, isGuilty } } = draft
  state.firstTimeOfDay ??= time
  // Times of day wrap at 2^64, so only differences count.
  const timeOfDay = BigInt.asIntN(64, time - state.firstTimeOfDay)
  if (question.timeOfDay !== undefined && timeOfDay < question.timeOfDay) {
    return found(draft, "time-went-back", `the time of day was ${question.timeOfDay - timeOfDay} ns later already`)
  }
  state.timeOfDay = state.timeOfDay === undefined ? timeOfDay : max(state.timeOfDay, timeOfDay)
  if (state.start !== undefined) {
    const at = timeOfDay - state.start
    if (at < question.now) {
      return found(draft, "current-time", `it was ${question.now - at} ns later already when it asked`)
    }
    state.now = max(state.now, at)
    if (state.latest !== undefined) state.latest = max(state.latest, state.now)
  }
  // While it runs and moves no time, its own time and the calendar's are known at once.
  const isStill = question.ran && runs && !isGuilty && questions.size === 0 && shares !== "yes" &&
    draft.client.view === question.view && (freeUntil === undefined || freeUntil >= question.view)
  if (!isStill) return
  if (state.start === undefined) {
    if (isExact && state.latest === state.now && question.view + offset === state.now) {
      state.start = timeOfDay - state.now
    }
  } else if (!isExact || offset + question.view < timeOfDay - state.start && draft.client.isFirst) {
    const now = timeOfDay - state.start
    change(draft, { offset: now - question.view, isExact: true })
    state.now = max(state.now, now)
    state.latest = state.now
  }
}

/** What a calendar says that is to be acknowledged. */
const told = (draft: Draft, message: Message): void => {
  const { op, time } = message
  if (!isOp(op)) found(draft, "unknown-op", KNOWN_OPS)
  else if (operations[op].sender === "client") found(draft, "clients-own", "a calendar sent it")
  else if (op === Op.Run) run(draft, time)
  else if (op === Op.FreeUntil) freeUntil(draft, time)
  else passedOn(draft, time)
  const { owed, shares } = draft.client
  if (draft.client.losesOwed) return
  if (owed.size >= MAX_UNANSWERED) {
    found(draft, "unanswered", `${MAX_UNANSWERED} messages before it aren't acknowledged`, "client")
    return change(draft, { owed: emptyLine, losesOwed: true, owesRun: false, owesFreeUntil: 0 })
  }
  change(draft, { owed: added(owed, { message, isOptional: op === Op.Run && shares !== "no" }) })
}

const passedOn = (draft: Draft, value: bigint): void => {
  const { phase, broadcasts, forgotten } = draft.client
  if (phase === "Connected") return found(draft, "not-let-in", "it hasn't sent START")
  const index = broadcasts.indexOf(value)
  if (index >= 0) change(draft, { broadcasts: broadcasts.toSpliced(index, 1) })
  else if (!forgotten) found(draft, "broadcast-not-sent", "nobody else has sent that")
}

const freeUntil = (draft: Draft, time: bigint): void => {
  const { phase, runs, owesFreeUntil, isFirst } = draft.client
  if (phase !== "In") return found(draft, "not-let-in", "its START isn't acknowledged")
  change(draft, { freeUntil: time, owesFreeUntil: owesFreeUntil + 1 })
  if (runs && !isFirst) checkFreeUntil(draft, draft.state.turnEnded)
}

const checkFreeUntil = (draft: Draft, since: number): void => {
  const { freeUntil, offset, isExact, shares } = draft.client
  if (freeUntil === undefined || !isExact || shares !== "no") return
  const earliest = earliestOther(draft, since)
  if (earliest !== undefined && freeUntil + offset > earliest.at) {
    found(
      draft,
      "free-until-past-request",
      `it may run up to ${freeUntil + offset} ns, and client ${earliest.id} is to be run at ${earliest.at} ns`,
    )
  }
}

const run = (draft: Draft, time: bigint): void => {
  const { state } = draft
  const { phase, shares, isExact, offset, freeUntil, view, request, losesOwed } = draft.client
  if (phase !== "In") return found(draft, "not-let-in", "its START isn't acknowledged")
  const { turnEnded } = state
  // It was sent after the turn before had ended, and after it was asked for. What was acknowledged until then is known.
  const since = request === undefined ? turnEnded : Math.max(turnEnded, request.asked)
  checkRun(draft, time, since)
  state.now = max(state.now, time + offset)
  state.latest = isExact && shares === "no" ? state.now : undefined
  begins(draft, {
    isFirst: false,
    request: undefined,
    view: max(view, time),
    heard: freeUntil,
    limit: freeUntil ?? time,
    owesRun: !losesOwed,
  })
  if (draft.breaches.length === 0) checkFreeUntil(draft, since)
}

const checkRun = (draft: Draft, time: bigint, since: number): void => {
  const { state } = draft
  const { runs, shares, isExact, offset, freeUntil, view, request } = draft.client
  const other = otherRunner(draft)
  if (other !== undefined) return found(draft, "one-runs", `client ${other.id} runs`)
  if (runs && !draft.client.isGuilty) return found(draft, "run-while-running", "it hasn't sent WAIT")
  if (time < view) return found(draft, "time-went-back", `client time was ${view} ns already`)
  if (shares !== "no") return
  const requests = requestsOf(draft.client)
  if (requests.length === 0) return found(draft, "run-not-asked", "it has no request")
  const [first, last] = [requests.reduce(min), requests.reduce(max)]
  if (time < first) return found(draft, "run-time", `it is to be run at ${first} ns of its own time`)
  if (freeUntil === undefined) return found(draft, "free-until-missing", "it was never sent any")
  if (!isExact) return
  const at = time + offset
  if (at < state.now) return found(draft, "time-went-back", `the calendar's time was ${state.now} ns already`)
  if (state.latest !== undefined && !isNever(last) && at > max(last + offset, state.latest)) {
    const own = max(last, state.latest - offset)
    return found(draft, "run-time", `it is to be run at ${own} ns of its own time`)
  }
  const earliest = earliestOther(draft, since)
  if (earliest !== undefined && at > earliest.at) {
    return found(draft, "request-passed", `client ${earliest.id} is to be run at ${earliest.at} ns before`)
  }
  checkOrder(draft, requests.length === 1 ? request : undefined)
}

/** Whether nobody else has asked for the same time before. */
const checkOrder = (draft: Draft, request: Client["request"]): void => {
  if (request === undefined) return
  const { state, key, client: { offset } } = draft
  for (const [other, client] of IntMap.entries(state.clients)) {
    if (other === key || client.runs || client.isGuilty || client.request === undefined) continue
    // The calendar had acknowledged it before this one was even sent.
    if (dueAt(client) === request.at + offset && client.request.acknowledged < request.asked) {
      return found(draft, "request-order", `client ${client.id} has asked for ${request.at + offset} ns before`)
    }
  }
}
