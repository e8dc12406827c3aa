/**
 * Makes records of what clocks and calendars tell their tracer, and passes them to a sink.
 *
 * @module
 */
import type * as Clock from "effect/Clock"
import * as Calendar from "../../core/Calendar.ts"
import * as Conformance from "../../core/Conformance.ts"
import type { Event, OnStack } from "../../core/Command.ts"
import { isFault } from "../../core/Fault.ts"
import * as Guest from "../../core/Guest.ts"
import type { Message } from "../../core/Message.ts"
import type { Mode } from "../../core/Modes.ts"
import { DEFAULT } from "../../core/Revisions.ts"
import * as PlainData from "../services/PlainData.ts"
import type {
  CalendarTrace,
  CalendarTransitions,
  GuestTrace,
  GuestTransitions,
  Note,
  ProxyTrace,
  ProxyTransitions,
  Tracer,
} from "../../services/Tracer.ts"
import type {
  CalendarInput,
  CalendarOptions,
  CalendarTransition,
  GuestTransition,
  Kind,
  ProxyInput,
  ProxyTransition,
  Source,
  TraceRecord,
  What,
} from "./Record.ts"
import { type AnyRow, type AnyTransition, type Name, rows } from "./GuestTransitions.ts"
import * as States from "./States.ts"
import * as Texts from "./Texts.ts"

/**
 * Takes records, at once: it is called in the middle of what it is told of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sink {
  readonly source: (source: Source) => void
  readonly record: (record: TraceRecord) => void
}

/** How many transitions there are, at least, between two digests of a state. */
const DIGEST_EVERY = 1000

/** And so many for each thing that is pending, as the digest tells of them all. */
const DIGEST_PENDING = 16

class Numbering implements Texts.Numbers {
  readonly #events = new WeakMap<Event, number>()
  readonly #advances = new WeakMap<OnStack, number>()
  #nextEvent = 0
  #nextAdvance = 0

  event(event: Event): number {
    let number = this.#events.get(event)
    if (number === undefined) this.#events.set(event, number = this.#nextEvent++)
    return number
  }

  advance(mine: OnStack): number {
    let number = this.#advances.get(mine)
    if (number === undefined) this.#advances.set(mine, number = this.#nextAdvance++)
    return number
  }
}

/** The records of one source. */
class Recorder {
  readonly #sink: Sink
  readonly #clock: Clock.Clock
  readonly #source: number
  readonly #began: bigint
  #n = 0
  #hasEnded = false
  /** Transitions until the next digest. */
  #untilDigest = DIGEST_EVERY

  constructor(sink: Sink, clock: Clock.Clock, source: number, name: string, kind: Kind) {
    this.#sink = sink
    this.#clock = clock
    this.#source = source
    this.#began = clock.monotonicTimeNanosUnsafe()
    sink.source({ source, name, kind, began: clock.currentTimeNanosUnsafe() })
  }

  record(time: bigint, what: What): void {
    if (this.#hasEnded) return
    const real = this.#clock.monotonicTimeNanosUnsafe() - this.#began
    this.#sink.record({ source: this.#source, n: this.#n++, time, real, what })
  }

  /** Tells of a transition to a state, and now and then of that state, which knows of so many events or clients. */
  arrived(time: bigint, made: object, size: number, digest: () => string): void {
    this.record(time, { _tag: "Transition", ...made, fault: undefined } as What)
    if (--this.#untilDigest > 0) return
    this.#untilDigest = Math.max(DIGEST_EVERY, DIGEST_PENDING * size)
    this.record(time, { _tag: "State", digest: digest() })
  }

  end(time: bigint, digest: string): void {
    this.record(time, { _tag: "End", digest })
    this.#hasEnded = true
  }
}

const nothing: ReadonlyArray<string> = []

/** What comes with a mark may be changed later. */
const asItIs = (note: Note): Note =>
  note._tag === "Mark" && note.data !== undefined ? { ...note, data: PlainData.copyOrText(note.data) } : note

const guestTrace = (recorder: Recorder): GuestTrace => {
  const numbers = new Numbering()

  const recorded = (name: Name, row: AnyRow): AnyTransition => {
    const transition = Guest[name] as AnyTransition
    return (before, ...given) => {
      // Before the transition's commands, which may have numbers of their own.
      const input = row.write(numbers, ...given)
      const next = transition(before, ...given)
      if (input === undefined) return next
      if (isFault(next)) {
        const fault = `${next._tag}: ${next.message}`
        recorder.record(before.now, { _tag: "Transition", name, input, then: nothing, fault } as GuestTransition)
        return next
      }
      const { state, commands } = "commands" in next ? next : { state: next, commands: [] }
      const then = commands.length === 0 ? nothing : commands.map((each) => Texts.commandText(each, numbers))
      const digest = () => States.guestDigest(state, numbers)
      recorder.arrived(state.now, { name, input, then }, state.pending.size, digest)
      return next
    }
  }
  const transitions = Object.fromEntries(
    rows.map(([name, row]) => [name, recorded(name, row)]),
  ) as unknown as GuestTransitions

  return {
    transitions,
    handling: ({ now }, event) =>
      recorder.record(now, {
        _tag: "Handling",
        event: event === undefined ? undefined : numbers.event(event),
        name: event?.name ?? "tick",
      }),
    handled: ({ now }) => recorder.record(now, HANDLED),
    note: (now, note) => recorder.record(now, asItIs(note)),
    end: (last) => recorder.end(last.now, States.guestDigest(last, numbers)),
  }
}

const HANDLED: What = { _tag: "Handled" }

const calendarTrace = (recorder: Recorder): CalendarTrace => {
  const to = <T extends Calendar.Transition, Name extends CalendarTransition["name"]>(
    name: Name,
    input: CalendarInput<Name>,
    next: T,
  ): T => {
    const { state, commands } = next
    const then = commands.length === 0 ? nothing : commands.map(Texts.calendarCommandText)
    recorder.arrived(state.time, { name, input, then }, state.clients.size, () => States.calendarDigest(state))
    return next
  }
  const transitions: CalendarTransitions = {
    connected: (from, client) => to("connected", { client }, Calendar.connected(from, client)),
    clientMessage: (from, client, message) =>
      to(
        "clientMessage",
        { client, op: message.op, seq: message.seq, value: message.time },
        Calendar.clientMessage(from, client, message),
      ),
    asked: (from, client, message) =>
      to(
        "asked",
        { client, op: message.op, seq: message.seq, value: message.time },
        Calendar.asked(from, client, message),
      ),
    disconnected: (from, client, leftover = 0) =>
      to("disconnected", { client, leftover }, Calendar.disconnected(from, client, leftover)),
    allow: (from, allowance) =>
      to("allow", { until: allowance.until, turns: allowance.turns }, Calendar.allow(from, allowance)),
  }
  return {
    transitions,
    note: (now, note: Note) => recorder.record(now, asItIs(note)),
    end: (last) => recorder.end(last.time, States.calendarDigest(last)),
  }
}

const proxyTrace = (recorder: Recorder): ProxyTrace => {
  const seen = <Name extends ProxyTransition["name"]>(
    name: Name,
    input: ProxyInput<Name>,
    next: Conformance.Transition,
  ): Conformance.Transition => {
    const { state, breaches } = next
    const then = breaches.length === 0 ? nothing : breaches.map(Texts.breachText)
    recorder.arrived(state.now, { name, input, then }, state.clients.size, () => States.proxyDigest(state))
    return next
  }
  const of = (client: number, { op, seq, time }: Message) => ({ client, op, seq, value: time })
  const transitions: ProxyTransitions = {
    joined: (from, client) =>
      seen("joined", { client }, { state: Conformance.joined(from, client), breaches: [] }).state,
    fromClient: (from, client, message) =>
      seen("fromClient", of(client, message), Conformance.fromClient(from, client, message)),
    fromCalendar: (from, client, message, descriptors) =>
      seen(
        "fromCalendar",
        { ...of(client, message), descriptors },
        Conformance.fromCalendar(from, client, message, descriptors),
      ),
    left: (from, client, side, leftover = 0) =>
      seen("left", { client, side, leftover }, Conformance.left(from, client, side, leftover)),
  }
  return { transitions, end: (last) => recorder.end(last.now, States.proxyDigest(last)) }
}

const optionsOf = ({ clients = 0, start = 0n, order, allowance }: Calendar.Options): CalendarOptions => ({
  clients,
  start: BigInt.asUintN(64, start),
  order: order === undefined || order._tag === "FirstCome"
    ? "first-come"
    : order._tag === "ById"
    ? "by-id"
    : { seed: order.seed },
  until: allowance?.until,
  turns: allowance?.turns,
})

/**
 * A tracer that gives the records of all that is traced to one sink. `clock` is that of real time.
 *
 * @since 0.1.0
 * @category recording
 */
export const tracerOf = (sink: Sink, clock: Clock.Clock): Tracer => {
  const tracer = make(sink, clock)
  sinks.set(tracer, sink)
  return tracer
}

const sinks = new WeakMap<Tracer, Sink>()

/** Where the records of a tracer go, if {@link tracerOf} made it. */
export const sinkOf = (tracer: Tracer): Sink | undefined => sinks.get(tracer)

/**
 * Several sinks, each of which is given everything.
 *
 * @since 0.1.0
 * @category recording
 */
export const both = (...sinks: ReadonlyArray<Sink>): Sink => ({
  source: (source) => {
    for (const sink of sinks) sink.source(source)
  },
  record: (record) => {
    for (const sink of sinks) sink.record(record)
  },
})

const make = (sink: Sink, clock: Clock.Clock): Tracer => {
  let sources = 0
  const recorder = (name: string | undefined, kind: Kind): Recorder => {
    const source = sources++
    return new Recorder(sink, clock, source, name ?? `${kind._tag.toLowerCase()} ${source}`, kind)
  }
  return {
    guest: (mode: Mode, name, traits) => {
      const { revision = DEFAULT } = traits ?? {}
      const other = revision === DEFAULT ? {} : { revision }
      return guestTrace(recorder(name, { _tag: "Guest", mode, ...other }))
    },
    calendar: (options, name) =>
      calendarTrace(recorder(name ?? "calendar", { _tag: "Calendar", options: optionsOf(options) })),
    proxy: (name) => proxyTrace(recorder(name ?? "proxy", { _tag: "Proxy" })),
  }
}
