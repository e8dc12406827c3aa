/**
 * States of guests and calendars as text, always the same for the same state, and
 * in short as a digest.
 *
 * @module
 */
import type * as Calendar from "../../core/Calendar.ts"
import type * as Conformance from "../../core/Conformance.ts"
import type { Pending } from "../../core/Command.ts"
import * as EventQueue from "../../core/EventQueue.ts"
import * as Guest from "../../core/Guest.ts"
import * as IntMap from "../core/IntMap.ts"
import { DEFAULT } from "../../core/Revisions.ts"
import * as Message from "../../core/Message.ts"
import type { Numbers } from "./Texts.ts"

const pendingText = (event: Pending, numbers: Numbers): string => {
  switch (event._tag) {
    case "Timer":
      return "timer"
    case "OnStack":
      return "busy"
    default:
      return `e${numbers.event(event)} ${event.name}`
  }
}

const orNone = (value: { toString: () => string } | undefined): string => value === undefined ? "none" : String(value)

/** What the host's clocks have no part in. */
const guestOwn = (state: Guest.Guest, numbers: Numbers): string => {
  const { external, settings: { timer, userProcess } } = state
  const lines = [
    `now ${state.now}`,
    `next event ${state.nextEvent}`,
    `timer ${timer.periodic ? "periodic" : "once"} ${timer.interval}`,
    `user mode ${userProcess}`,
  ]
  if (external !== undefined) {
    const { awaiting } = external
    lines.push(
      `waiting ${external.waiting}, ${external.stopped ? "stopped" : "running"}, ran ${external.ran}`,
      `previous request ${orNone(external.previousRequest)}`,
      `free until ${orNone(external.freeUntil)}`,
      `sequence ${external.sequence}`,
      `awaiting ${awaiting === undefined ? "nothing" : `${Message.nameOf(awaiting.op)} #${awaiting.sequence}`}`,
      `known ${external.known}`,
      `warned ${external.warned}`,
    )
  }
  const { revision, propagated, broadcast } = state.settings
  if (revision.defersHandlers) {
    lines.push(
      `due ${state.deferred.due.size}, alarm ${state.deferred.alarm}`,
      `propagated ${propagated}`,
      `broadcast ${broadcast.value} ${broadcast.isFresh ? "fresh" : "reported"}`,
    )
  }
  for (const { event, time } of Guest.pending(state)) lines.push(`pending ${time} ${pendingText(event, numbers)}`)
  return lines.join("\n")
}

/** All of a guest's state, as lines. */
export const guestText = (state: Guest.Guest, numbers: Numbers): string => {
  const { mode: { mode }, start, host, revision: { revision } } = state.settings
  const name = revision === DEFAULT ? "" : ` revision ${revision}`
  const hosts = host === undefined ? "" : `\nhost ${host.monotonic} ${host.wall} boot ${host.boot}`
  return `mode ${mode}${name}\nstart ${start ?? 0}${hosts}\n${guestOwn(state, numbers)}`
}

const clientText = (key: number, client: Calendar.Client): string =>
  `client ${key} ${client.phase} id ${client.id} offset ${client.offset} reached ${client.reached} sent ${client.sent} ` +
  `acked ${client.acked} held back ${client.heldBack.map(Message.format).join(", ") || "nothing"}` +
  (client.asks ? " asks" : "")

const entriesText = (name: string, queue: EventQueue.EventQueue<number>): ReadonlyArray<string> =>
  EventQueue.entries(queue).map(({ event, time }) => `${name} ${time} client ${event}`)

/** All of a calendar's state, as lines. */
export const calendarText = (state: Calendar.Calendar): string => {
  const { turn, schedule, allowance } = state
  return [
    `time ${state.time}`,
    `start ${state.start}`,
    `expected ${state.expected}, ${state.open ? "open" : "closed"}, ${state.begun ? "begun" : "not begun"}`,
    `allowance ${allowance.turns} turns until ${allowance.until}`,
    `order ${schedule.order} ${schedule.random} arranged ${orNone(schedule.arranged)}`,
    turn === undefined
      ? "turn nobody's"
      : `turn client ${turn.client} run ${orNone(turn.runSeq)} free until ${orNone(turn.freeUntil)} ` +
        `${orNone(turn.freeUntilSeq)} limit ${turn.limit}`,
    ...[...IntMap.entries(state.clients)].map(([key, client]) => clientText(key, client)),
    ...entriesText("request", schedule.requests),
    ...entriesText("gathered", state.gathered),
    ...entriesText("late", state.late),
  ].join("\n")
}

const seenText = (key: number, client: Conformance.Client): string => {
  const { request, freeUntil, heard, broadcasts } = client
  return [
    `client ${key} ${client.phase} id ${client.id} offset ${client.isExact ? "" : "at least "}${client.offset}`,
    `view ${client.view} ${client.runs ? client.isFirst ? "runs first" : "runs" : "waits"} limit ${client.limit}`,
    `request ${request === undefined ? "none" : `${request.at} ${request.asked} ${request.acknowledged}`}`,
    `free until ${orNone(freeUntil)} heard ${orNone(heard)} shares ${client.shares}`,
    `owes ${client.owed.size} is owed ${client.questions.size} broadcasts ${broadcasts.length}`,
    `${client.isGuilty ? "guilty" : "innocent"}`,
  ].join(" ")
}

/** All of what a proxy has seen, as lines. */
export const proxyText = (state: Conformance.Conformance): string =>
  [
    `time ${state.now} at latest ${orNone(state.latest)}`,
    `runner ${state.runner === undefined ? "nobody" : `client ${state.runner}`}`,
    `time of day ${orNone(state.timeOfDay)} start ${orNone(state.start)}`,
    `step ${state.step} turn ended ${state.turnEnded} breaches ${state.byClients} ${state.byCalendar}`,
    ...[...IntMap.entries(state.clients)].map(([key, client]) => seenText(key, client)),
  ].join("\n")

/** 64 bits of a text, as 16 hexadecimal digits (cyrb53's two halves, whole). */
export const hash = (text: string): string => {
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    a = Math.imul(a ^ code, 2654435761)
    b = Math.imul(b ^ code, 1597334677)
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909)
  return [a, b].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("")
}

/**
 * A guest's state in short, without what the host's clocks have brought: two runs
 * that do the same at different times of day have the same.
 */
export const guestDigest = (state: Guest.Guest, numbers: Numbers): string => hash(guestOwn(state, numbers))

/** A calendar's state in short. */
export const calendarDigest = (state: Calendar.Calendar): string => hash(calendarText(state))

/** The same for what a proxy has seen. */
export const proxyDigest = (state: Conformance.Conformance): string => hash(proxyText(state))
