/**
 * What a guest did from when to when, read off its records as they come.
 *
 * @module
 */
import * as Message from "../../core/Message.ts"
import { Op } from "../../core/Message.ts"
import { type Mode, traits } from "../../core/Modes.ts"
import type { GuestTransition } from "./Record.ts"
import { dataText } from "./Texts.ts"
import type { Act, Doing, Instant, Placed, Span } from "./Lanes.ts"

/** A message of the protocol, as one end of the link saw it. */
export interface Heard {
  /** To the guest, or from it. */
  readonly way: "toGuest" | "fromGuest"
  readonly name: string
  readonly seq: number
  readonly at: bigint
  readonly real: bigint
  readonly place: number
}

/** Told what the guest did, in the guest's own times. */
export interface GuestSink {
  readonly span: (span: Span) => void
  readonly act: (act: Act) => void
  readonly instant: (instant: Instant) => void
  readonly heard: (heard: Heard) => void
  /** A GET with this number asks for the time since an interrupt has come: the event with this number. */
  readonly interrupted: (seq: number, event: number) => void
  /** An event's handler begins. */
  readonly handling: (event: number, act: Omit<Act, "to" | "realTo">) => void
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
type Begun = Omit<Act, "to" | "realTo">

/** The lane of a guest. */
export class GuestLane {
  readonly #sink: GuestSink
  readonly #mode: Mode
  readonly #handlers: Array<Begun> = []
  readonly #holds: Array<Begun> = []
  /** Events that interrupt the guest, and that haven't been handled yet. */
  readonly #entered = new Set<number>()
  #turns = 0
  #idle = true
  /** The last wait, whose reason isn't known yet, and what came after it. */
  #unexplained: Draft | undefined
  #held: Array<Draft> = []
  #waiting: boolean
  #now = 0n
  #real = 0n
  #open: { doing: Doing; from: bigint; realFrom: bigint; record: number; why: string } | undefined
  #sequence = 0
  /** The event of the last interrupt, until the guest has asked for the time. */
  #asking: number | undefined

  constructor(mode: Mode, sink: GuestSink) {
    this.#mode = mode
    this.#sink = sink
    this.#waiting = traits[mode].hasCalendar
  }

  /** When its last record was. */
  get now(): bigint {
    return this.#now
  }
  get real(): bigint {
    return this.#real
  }

  get turns(): number {
    return this.#turns
  }

  #begin(doing: Doing, record: number, why = ""): void {
    this.#open = { doing, from: this.#now, realFrom: this.#real, record, why }
  }

  #close(): void {
    if (this.#open === undefined) return
    const span: Draft = { ...this.#open, to: this.#now, realTo: this.#real, own: !this.#waiting }
    this.#open = undefined
    if (this.#waiting) this.#isUnexplained(span)
    else if (this.#unexplained === undefined) this.#tell(span)
    else this.#held.push(span)
  }

  #isUnexplained(span: Draft): void {
    this.#explain("")
    this.#unexplained = span
    this.#held = [span]
  }

  /** Says why the last wait was over, if that isn't known yet. */
  #explain(why: string): void {
    const span = this.#unexplained
    if (span !== undefined && span.why === "") span.why = why
    this.#unexplained = undefined
    const held = this.#held
    this.#held = []
    for (const each of held) this.#tell(each)
  }

  #tell(span: Draft): void {
    if (span.to === span.from && span.realTo === span.realFrom) return
    if (span.why === "") {
      span.why = span.doing === "busy" || span.doing === "free"
        ? "its work"
        : span.doing === "wait"
        ? "nothing that came"
        : ""
    }
    this.#sink.span(span)
  }

  take({ record: { time, real, what }, place }: Placed): void {
    const [before, beforeReal] = [this.#now, this.#real]
    const transition = what._tag === "Transition" ? what as GuestTransition : undefined
    if (transition !== undefined) this.#idle = isIdle(transition) ?? this.#idle
    if (this.#open === undefined) {
      ;[this.#now, this.#real] = [time, real]
      this.#begin(this.#waiting ? "wait" : "run", place, this.#waiting ? "being let in" : "")
    } else if (!this.#waiting && time > before) this.#passed(time, real, before, beforeReal, place)
    ;[this.#now, this.#real] = [time, real]

    switch (what._tag) {
      case "Handling":
        this.#explain(what.name)
        this.#handling(what.event, what.name, place)
        break
      case "Handled": {
        const handler = this.#handlers.pop()
        if (handler !== undefined) this.#sink.act({ ...handler, to: time, realTo: real })
        break
      }
      case "Mark":
        this.#instant("mark", what.name, textOf(what.data), place)
        break
      case "Noted":
        this.#instant("mark", what.text, textOf(what.data), place)
        break
      case "Over":
        this.#instant("mark", what.reason === undefined ? "its program ends" : `stops: ${what.reason}`, "", place)
        break
      case "Report":
        this.#instant("report", what.name, what.text, place)
        break
      case "Hold":
        this.#holds.push({ kind: "hold", name: what.name, from: time, realFrom: real, record: place })
        break
      case "Release": {
        const index = this.#holds.findLastIndex(({ name }) => name === what.name)
        const [hold] = index < 0 ? [] : this.#holds.splice(index, 1)
        if (hold !== undefined) this.#sink.act({ ...hold, to: time, realTo: real })
        break
      }
      case "Transition":
        this.#transition(transition!, place)
        break
    }
  }

  /** Time has moved, and nobody had to be asked. */
  #passed(time: bigint, real: bigint, before: bigint, beforeReal: bigint, place: number): void {
    ;[this.#now, this.#real] = [before, beforeReal]
    this.#close()
    this.#begin(this.#idle ? "wait" : traits[this.#mode].hasCalendar ? "free" : "busy", place)
    ;[this.#now, this.#real] = [time, real]
    const span: Draft = { ...this.#open!, to: time, realTo: real, own: true }
    this.#open = undefined
    this.#isUnexplained(span)
    this.#begin("run", place)
  }

  #handling(event: number | undefined, name: string, place: number): void {
    const isInterrupt = event !== undefined && this.#entered.delete(event)
    const kind = event === undefined ? "tick" : isInterrupt ? "interrupt" : "handler"
    const act: Begun = { kind, name, from: this.#now, realFrom: this.#real, record: place }
    this.#handlers.push(act)
    if (event !== undefined) this.#sink.handling(event, act)
  }

  #instant(kind: Instant["kind"], name: string, text: string, record: number): void {
    this.#sink.instant({ kind, name, text, at: this.#now, real: this.#real, record })
  }

  #heard(way: Heard["way"], op: number, seq: number, place: number): void {
    this.#sink.heard({ way, name: Message.nameOf(op), seq, at: this.#now, real: this.#real, place })
  }

  #transition(what: GuestTransition, place: number): void {
    if (what.fault !== undefined) {
      const [name = "fault"] = what.fault.split(":", 1)
      this.#instant("fault", name, what.fault, place)
    }
    if (what.name === "irqEvent") this.#entered.add(this.#asking = what.input.event)
    if (what.name === "beginExchange") {
      const { op } = what.input
      this.#heard("fromGuest", op, ++this.#sequence, place)
      if (op === Op.Get && this.#asking !== undefined) {
        this.#sink.interrupted(this.#sequence, this.#asking)
        this.#asking = undefined
      }
      if (op === Op.Wait) this.#waits(place)
    }
    if (what.name === "handleMessage") {
      const { op, seq } = what.input
      if (op !== Op.Ack) this.#heard("toGuest", op, seq, place)
      // The first ACK is that of START: it is let in.
      if (this.#waiting && (op === Op.Run || this.#turns === 0)) {
        this.#turns++
        this.#goesOn(place)
      }
    }
    if (!traits[this.#mode].followsHost) return
    if (what.then.some((command) => command.startsWith("AwaitHost"))) this.#waits(place)
    else if (this.#waiting && what.name === "hostTime") this.#goesOn(place)
  }

  #waits(place: number): void {
    this.#close()
    this.#waiting = true
    this.#begin(this.#idle ? "wait" : "busy", place)
  }

  #goesOn(place: number): void {
    this.#close()
    this.#waiting = false
    this.#begin("run", place)
  }

  /** There are no more records. */
  close(): void {
    this.#close()
    this.#explain("")
    const last = { to: this.#now, realTo: this.#real }
    for (const each of [...this.#handlers, ...this.#holds]) this.#sink.act({ ...each, ...last })
  }
}

const textOf = (data: unknown): string => data === undefined ? "" : typeof data === "string" ? data : dataText(data)
