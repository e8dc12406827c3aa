/**
 * Records as spans of Effect's tracer, while they are made: for OTLP, or whatever
 * the tracer sends them to. Their times are simulated.
 *
 * A guest is one span, and in it are those of the times that it was busy and
 * waited, of its handlers and of its holds. A calendar is one as well, and in it
 * are its clients' turns. Marks, reports and faults are events of the outer span.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as EffectTracer from "effect/Tracer"
import { Op } from "../../core/Message.ts"
import { isIdle } from "./GuestLane.ts"
import type { CalendarTransition, GuestTransition, ProxyTransition, Source, TraceRecord } from "./Record.ts"
import type { Sink } from "./Recorder.ts"

type Attributes = Readonly<Record<string, string | number | boolean>>

/** One source. */
class SourceSpans {
  readonly #tracer: EffectTracer.Tracer
  readonly #epoch: bigint
  readonly #root: EffectTracer.Span
  readonly #handlers: Array<EffectTracer.Span> = []
  readonly #holds = new Map<string, EffectTracer.Span>()
  #idle = true
  #time = 0n
  #clients = new Map<number, bigint>()
  #turn: { readonly client: number; readonly span: EffectTracer.Span } | undefined
  #failed: string | undefined

  constructor(tracer: EffectTracer.Tracer, { name, kind }: Source, epoch: bigint) {
    this.#tracer = tracer
    this.#epoch = epoch
    const about = kind._tag === "Guest"
      ? { mode: kind.mode }
      : kind._tag === "Calendar"
      ? { clients: kind.options.clients }
      : {}
    this.#root = this.#begin(name, 0n, undefined, about)
  }

  #begin(
    name: string,
    time: bigint,
    parent: EffectTracer.Span | undefined = this.#root,
    attributes: Attributes = {},
  ): EffectTracer.Span {
    const span = this.#tracer.span({
      name,
      parent: Option.fromUndefinedOr(parent),
      annotations: Context.empty(),
      links: [],
      startTime: this.#epoch + time,
      kind: "internal",
      root: parent === undefined,
      sampled: true,
    })
    for (const [key, value] of Object.entries(attributes)) span.attribute(key, value)
    return span
  }

  #end(span: EffectTracer.Span, time: bigint, failure?: string): void {
    span.end(this.#epoch + time, failure === undefined ? Exit.void : Exit.fail(failure))
  }

  take({ time, what }: TraceRecord): void {
    if (what._tag === "Transition") this.#transition(what, time)
    this.#time = time
    switch (what._tag) {
      case "Handling":
        this.#handlers.push(this.#begin(what.name, time, this.#handlers.at(-1)))
        break
      case "Handled": {
        const handler = this.#handlers.pop()
        if (handler !== undefined) this.#end(handler, time)
        break
      }
      case "Mark":
        this.#root.event(what.name, this.#epoch + time, what.data === undefined ? {} : { data: what.data })
        break
      case "Report":
        this.#root.event(what.name, this.#epoch + time, { text: what.text })
        break
      case "Hold":
        this.#holds.set(what.name, this.#begin(`held: ${what.name}`, time))
        break
      case "Release": {
        const hold = this.#holds.get(what.name)
        this.#holds.delete(what.name)
        if (hold !== undefined) this.#end(hold, time)
        break
      }
      case "End":
        if (this.#turn !== undefined) this.#end(this.#turn.span, time)
        for (const span of [...this.#handlers.reverse(), ...this.#holds.values()]) this.#end(span, time)
        this.#end(this.#root, time, this.#failed)
        break
    }
  }

  #transition(what: GuestTransition | CalendarTransition | ProxyTransition, time: bigint): void {
    switch (what.name) {
      case "connected":
      case "allow":
        return
      case "clientMessage":
      case "asked":
      case "disconnected":
        return this.#calendar(what, time)
      case "joined":
      case "fromClient":
      case "fromCalendar":
      case "left":
        for (const text of what.then) this.#root.event("breach", this.#epoch + time, { text })
        return
    }
    this.#idle = isIdle(what) ?? this.#idle
    if (time > this.#time) {
      this.#end(this.#begin(this.#idle ? "waiting" : "busy", this.#time, this.#handlers.at(-1)), time)
    }
    if (what.fault !== undefined) {
      this.#failed = what.fault
      this.#root.event("fault", this.#epoch + time, { text: what.fault })
    }
  }

  #calendar(what: Extract<CalendarTransition, { readonly input: { readonly client: number } }>, time: bigint): void {
    const { client } = what.input
    if (what.name === "clientMessage" && what.input.op === Op.Start) this.#clients.set(client, what.input.value)
    const isOver = !("op" in what.input) || what.input.op === Op.Wait
    if (isOver && this.#turn?.client === client) {
      // What came out of it may be the next turn, at a later time.
      this.#end(this.#turn.span, this.#time)
      this.#turn = undefined
    }
    for (const command of what.then) {
      const [, key, name] = /^Send (\d+) (\w+)/.exec(command) ?? []
      if (name !== "Run") continue
      if (this.#turn !== undefined) this.#end(this.#turn.span, time)
      const next = Number(key)
      this.#turn = { client: next, span: this.#begin(`turn of client ${this.#clients.get(next) ?? next}`, time) }
    }
  }
}

/**
 * A sink that makes spans of records. `epoch` is when simulated time 0 is to have been, in ns since
 * 1970; by default when the first source began.
 *
 * @since 0.1.0
 * @category exporting
 */
export const spans = (tracer: EffectTracer.Tracer, epoch?: bigint): Sink => {
  const sources: Array<SourceSpans> = []
  let begin = epoch
  return {
    source: (source) => {
      begin ??= source.began
      sources.push(new SourceSpans(tracer, source, begin))
    },
    record: (record) => sources[record.source]?.take(record),
  }
}
