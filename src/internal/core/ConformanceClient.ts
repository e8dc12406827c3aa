/**
 * The rules for what clients send ({@link Conformance}).
 *
 * @module
 */
import type { Rule } from "../../core/Breach.ts"
import type { ClientKey } from "./CalendarState.ts"
import { max } from "./Extremes.ts"
import { change, done, type Draft, draftOf, found, MAX_UNANSWERED, type Transition } from "./ConformanceDraft.ts"
import { added, type Conformance, emptyLine, type Question, taken } from "./ConformanceState.ts"
import * as IntMap from "./IntMap.ts"
import { isOp, KNOWN_OPS, type Message, nameOf, Op, operations } from "../../core/Message.ts"
import { type Nanos, NONE } from "../../core/Nanos.ts"

/** How many BROADCASTs are kept that a client wasn't sent yet. */
export const MAX_BROADCASTS = 64

/**
 * A client has sent a message, which the calendar hasn't been given yet.
 *
 * @since 0.1.0
 * @category transitions
 */
export const fromClient = (before: Conformance, key: ClientKey, message: Message): Transition => {
  const client = IntMap.get(before.clients, key)
  if (client === undefined) return { state: before, breaches: [] }
  const draft = draftOf(before, key, client, "client", message)
  if (message.op === Op.Ack) clientAcknowledged(draft, message)
  else asked(draft, message)
  return done(draft)
}

const clientAcknowledged = (draft: Draft, { seq, time }: Message): void => {
  let { owed, shares } = draft.client
  if (draft.client.losesOwed) return
  let next = taken(owed)
  // Who shares memory acknowledges no RUN.
  while (next !== undefined && next[0].isOptional && next[0].message.seq !== seq) next = taken(owed = next[1])
  if (next === undefined) return found(draft, "ack-order", "nothing waits for an ACK")
  const [{ message }, rest] = next
  if (message.seq !== seq) {
    return found(draft, "ack-order", `the next ACK is that of ${nameOf(message.op)} #${message.seq}`)
  }
  if (time !== 0n) found(draft, "ack-time", `an ACK of ${nameOf(message.op)} has the time 0`)
  if (message.op === Op.FreeUntil) {
    change(draft, { owesFreeUntil: draft.client.owesFreeUntil - 1, heard: message.time })
  }
  if (message.op === Op.Run) {
    // So it doesn't share, and has come no further by itself than it says.
    if (shares !== "no" && draft.client.runs && draft.client.isExact) draft.state.latest = draft.state.now
    shares = "no"
    change(draft, { owesRun: false })
  }
  change(draft, { owed: rest, shares })
}

/** What a client sends that is to be acknowledged. */
const asked = (draft: Draft, message: Message): void => {
  const { state } = draft
  const { phase, id, view, runs, shares, questions } = draft.client
  let isViolation = false
  const violated = (rule: Rule, detail: string) => {
    // What may be all right when the calendar takes it, as the client was let in or told to run meanwhile, isn't held
    // against the calendar.
    isViolation = rule === "start-twice" || rule === "calendars-own" || rule === "unknown-op"
    found(draft, rule, detail)
  }
  const { op } = message
  switch (isOp(op) ? operations[op].allowed : undefined) {
    case "first":
      if (phase !== "Connected") violated("start-twice", `it has started with ID ${id}`)
      else change(draft, { phase: "Held", id: message.time as Nanos })
      break
    case "started":
      if (phase !== "In") {
        violated("before-let-in", phase === "Held" ? "it hasn't been let in" : "it hasn't sent START")
      } else if (op === Op.Get || op === Op.GetTimeOfDay) checkTimeField(message, violated)
      if (op === Op.Broadcast) broadcast(draft, message.time)
      break
    case "running":
      if (!runs) violated("not-running", phase === "In" ? "it waits" : "it hasn't been let in")
      else if (shares === "no" && draft.client.owesRun) violated("not-running", "it hasn't acknowledged RUN")
      else if (op === Op.Update) updated(draft, message.time, violated)
      else waited(draft, message, violated)
      break
    case "never":
      violated("calendars-own", "a client sent it")
      break
    case undefined:
      violated("unknown-op", KNOWN_OPS)
  }
  if (draft.client.losesQuestions) return
  if (questions.size >= MAX_UNANSWERED) {
    found(draft, "unanswered", `${MAX_UNANSWERED} messages before it aren't acknowledged`, "calendar")
    return change(draft, { questions: emptyLine, losesQuestions: true })
  }
  const question: Question = {
    message,
    step: state.step,
    view,
    ran: runs,
    now: state.now,
    timeOfDay: state.timeOfDay,
    isViolation,
    isOptional: op === Op.Wait && draft.client.shares !== "no",
  }
  change(draft, { questions: added(questions, question) })
}

type Violated = (rule: Rule, detail: string) => void

const checkTimeField = ({ op, time }: Message, violated: Violated): void => {
  if (time !== NONE) violated("time-field", `a client's ${nameOf(op)} has no time, and this one has ${time}`)
}

const updated = (draft: Draft, to: bigint, violated: Violated): void => {
  const { state } = draft
  const { view, limit, freeUntil, owesFreeUntil, offset, isExact, shares, isFirst } = draft.client
  if (to < view) return violated("update-into-the-past", `it was ${view} ns already`)
  if (shares === "no" && to > limit) return violated("update-past-free-until", `it could reach ${limit} ns`)
  // Once it has heard of the last FREE_UNTIL it can't go on from where it is now past that.
  const settled = freeUntil !== undefined && owesFreeUntil === 0 && !isFirst
  change(draft, { view: to, limit: settled ? max(to, freeUntil) : limit })
  if (state.latest !== undefined) state.latest = isExact ? max(state.latest, to + offset) : undefined
}

const waited = (draft: Draft, message: Message, violated: Violated): void => {
  checkTimeField(message, violated)
  // In its first turn it has had no RUN to acknowledge.
  const shares = draft.client.owesRun ? "yes" : draft.client.shares
  change(draft, { runs: false, isFirst: false, owesRun: false, shares })
  if (draft.state.runner === draft.key) draft.state.runner = undefined
  draft.state.turnEnded = draft.state.step
}

const broadcast = ({ state, key }: Draft, value: bigint): void => {
  for (const [other, client] of IntMap.entries(state.clients)) {
    if (other === key) continue
    const broadcasts = [...client.broadcasts, value]
    const forgotten = client.forgotten || broadcasts.length > MAX_BROADCASTS
    state.clients = IntMap.change(state.clients, other, {
      ...client,
      broadcasts: broadcasts.slice(-MAX_BROADCASTS),
      forgotten,
    })
  }
}
