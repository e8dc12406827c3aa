/**
 * What a guest did from when to when, read off its records.
 *
 * @module
 */
import { Op } from "../../core/Message.ts"
import * as Message from "../../core/Message.ts"
import { type Mode, traits } from "../../core/Modes.ts"
import type { GuestTransition } from "./Record.ts"
import { dataText } from "./Texts.ts"
import type { Act, Doing, Instant, Placed, Span } from "./Timeline.ts"

/** A message, as one end of the link saw it. */
export interface Heard {
  /** To the guest, or from it. */
  readonly way: "toGuest" | "fromGuest"
  readonly name: string
  readonly seq: number
  readonly at: bigint
  readonly real: bigint
  readonly place: number
}

/** How a guest's own times are to be understood. In ns. */
interface Place {
  readonly mode: Mode
  readonly isExternal: boolean
  /** The calendar's time when the guest was let in. */
  readonly offset: bigint
  /** The real time of the trace when the guest's records began. */
  readonly real: bigint
}

interface Made {
  readonly spans: ReadonlyArray<Span>
  readonly acts: ReadonlyArray<Act>
  readonly instants: ReadonlyArray<Instant>
  readonly heard: ReadonlyArray<Heard>
  readonly turns: number
}

/** What a transition says about whether the guest is idle, if it says anything. */
export const isIdle = (transition: GuestTransition): boolean | undefined => {
  switch (transition.name) {
    case "sleep":
      return true
    case "ndelay":
    case "readClockSource":
      return false
    case "resume": {
      const [, , how] = transition.input.step.split(" ", 3)
      return how === "idle" ? true : how === "busy" ? false : undefined
    }
    default:
      return undefined
  }
}

type Draft = { -readonly [Key in keyof Span]: Span[Key] }

/** The lane of a guest. */
export const guestLane = (records: ReadonlyArray<Placed>, { mode, isExternal, offset, real: base }: Place): Made => {
  const spans: Array<Draft> = []
  const acts: Array<Act> = []
  const instants: Array<Instant> = []
  const heard: Array<Heard> = []
  const handlers: Array<Omit<Act, "to" | "realTo">> = []
  const holds: Array<Omit<Act, "to" | "realTo">> = []
  const entered = new Set<number>()
  let turns = 0
  let idle = true
  /** Waits that have ended and whose reason isn't known yet. */
  let unexplained: Draft | undefined
  let waiting = isExternal
  let [now, real] = [0n, base]
  let open: { doing: Doing; from: bigint; realFrom: bigint; record: number; why: string } | undefined
  let sequence = 0

  const begin = (doing: Doing, record: number, why = "") => {
    open = { doing, from: now, realFrom: real, record, why }
  }
  const close = () => {
    if (open === undefined) return
    const span: Draft = { ...open, to: now, realTo: real, own: !waiting }
    if (span.to > span.from || span.realTo > span.realFrom) spans.push(span)
    if (waiting) unexplained = span
    open = undefined
  }
  const explain = (why: string) => {
    if (unexplained !== undefined && unexplained.why === "") unexplained.why = why
    unexplained = undefined
  }

  for (const { record: { time, real: ownReal, what }, place } of records) {
    const [before, beforeReal] = [now, real]
    const [at, realAt] = [time + offset, ownReal + base]
    const transition = what._tag === "Transition" ? what as GuestTransition : undefined
    if (transition !== undefined) idle = isIdle(transition) ?? idle
    if (open === undefined) {
      ;[now, real] = [at, realAt]
      begin(waiting ? "wait" : "run", place, waiting ? "being let in" : "")
    } else if (!waiting && at > before) {
      // Time moved, and nobody had to be asked.
      ;[now, real] = [before, beforeReal]
      close()
      begin(idle ? "wait" : isExternal ? "free" : "busy", place)
      ;[now, real] = [at, realAt]
      close()
      unexplained = spans.at(-1)
      begin("run", place)
    }
    ;[now, real] = [at, realAt]

    switch (what._tag) {
      case "Handling":
      case "Handled":
        if (what._tag === "Handled") {
          const handler = handlers.pop()
          if (handler !== undefined) acts.push({ ...handler, to: at, realTo: realAt })
          break
        }
        explain(what.name)
        handlers.push({
          kind: what.event === undefined ? "tick" : entered.has(what.event) ? "interrupt" : "handler",
          name: what.name,
          from: at,
          realFrom: realAt,
          record: place,
        })
        break
      case "Mark":
        instants.push({ kind: "mark", name: what.name, text: textOf(what.data), at, real: realAt, record: place })
        break
      case "Report":
        instants.push({ kind: "report", name: what.name, text: what.text, at, real: realAt, record: place })
        break
      case "Hold":
        holds.push({ kind: "hold", name: what.name, from: at, realFrom: realAt, record: place })
        break
      case "Release": {
        const index = holds.findLastIndex(({ name }) => name === what.name)
        const [hold] = index < 0 ? [] : holds.splice(index, 1)
        if (hold !== undefined) acts.push({ ...hold, to: at, realTo: realAt })
        break
      }
      case "Transition": {
        if (what.fault !== undefined) {
          const [name = "fault"] = what.fault.split(":", 1)
          instants.push({ kind: "fault", name, text: what.fault, at, real: realAt, record: place })
        }
        if (what.name === "irqEvent") entered.add(what.input.event)
        if (what.name === "beginExchange") {
          sequence++
          heard.push({
            way: "fromGuest",
            name: Message.nameOf(what.input.op),
            seq: sequence,
            at,
            real: realAt,
            place,
          })
          if (what.input.op === Op.Wait) {
            close()
            waiting = true
            begin(idle ? "wait" : "busy", place)
          }
        }
        if (what.name === "handleMessage") {
          const { op, seq } = what.input
          if (op !== Op.Ack) heard.push({ way: "toGuest", name: Message.nameOf(op), seq, at, real: realAt, place })
          // The first ACK is that of START: it is let in.
          if (waiting && (op === Op.Run || turns === 0)) {
            close()
            waiting = false
            turns++
            begin("run", place)
          }
        }
        if (traits[mode].followsHost && what.then.some((command) => command.startsWith("AwaitHost"))) {
          close()
          waiting = true
          begin(idle ? "wait" : "busy", place)
        } else if (traits[mode].followsHost && waiting && what.name === "hostTime") {
          close()
          waiting = false
          begin("run", place)
        }
        break
      }
    }
  }
  close()
  const last = { to: now, realTo: real }
  for (const each of [...handlers, ...holds]) acts.push({ ...each, ...last })
  acts.sort((a, b) => a.record - b.record)
  for (const span of spans) {
    if (span.why !== "") continue
    span.why = span.doing === "busy" || span.doing === "free"
      ? "its work"
      : span.doing === "wait"
      ? "nothing that came"
      : ""
  }
  return { spans, acts, instants, heard, turns }
}

const textOf = (data: unknown): string => data === undefined ? "" : typeof data === "string" ? data : dataText(data)
