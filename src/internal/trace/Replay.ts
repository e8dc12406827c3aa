/**
 * Goes through a trace again: the inputs that it has recorded drive one guest, a
 * calendar or a proxy alone, without its peers, through the real core.
 *
 * Every position on the way is a value. One can go on from any of them, as often
 * as one likes. What comes out of each transition is compared with what the trace
 * says: the first {@link Divergence} is where this guest-clock does something else.
 *
 * @module
 */
import * as Calendar from "../../core/Calendar.ts"
import * as Conformance from "../../core/Conformance.ts"
import { type Event, HookedEvent, type OnStack } from "../../core/Command.ts"
import { isFault } from "../../core/Fault.ts"
import * as Guest from "../../core/Guest.ts"
import * as IntMap from "../core/IntMap.ts"
import type * as Message from "../../core/Message.ts"
import type {
  CalendarOptions,
  CalendarTransition,
  GuestTransition,
  Kind,
  ProxyTransition,
  Source,
  Trace,
  TraceRecord,
} from "./Record.ts"
import { type AnyRow, type AnyTransition, type Numbered, table } from "./GuestTransitions.ts"
import * as States from "./States.ts"
import * as Texts from "./Texts.ts"

/** The state of a source after some of its records. */
export type State =
  | { readonly _tag: "Guest"; readonly guest: Guest.Guest; readonly seen: Seen }
  | { readonly _tag: "Calendar"; readonly calendar: Calendar.Calendar }
  | { readonly _tag: "Proxy"; readonly conformance: Conformance.Conformance }

/** The events and advances that have been seen so far, by their numbers. */
interface Seen {
  readonly events: IntMap.IntMap<Event>
  readonly advances: IntMap.IntMap<OnStack>
}

/** A place in the trace of one source: a value. */
export interface Position {
  readonly source: Source
  /** The records of that source, in order. */
  readonly records: ReadonlyArray<TraceRecord>
  /** How many of them have been gone through. */
  readonly at: number
  /** The state after those. */
  readonly state: State
}

/** Where a run and its trace part. */
export interface Divergence {
  readonly _tag: "Divergence"
  /** Before the record. */
  readonly position: Position
  readonly record: TraceRecord
  /** What differs: the commands, the time, the state, or that it can't be done at all. */
  readonly what: "commands" | "fault" | "time" | "state" | "input"
  readonly recorded: string
  readonly replayed: string
}

const orderOf = (order: CalendarOptions["order"]): Calendar.Options["order"] =>
  order === "first-come"
    ? { _tag: "FirstCome" }
    : order === "by-id"
    ? { _tag: "ById" }
    : { _tag: "Shuffled", seed: order.seed }

const initial = (kind: Kind): State => {
  if (kind._tag === "Guest") {
    const seen = { events: IntMap.empty<Event>(), advances: IntMap.empty<OnStack>() }
    return { _tag: "Guest", guest: Guest.make(kind.mode, kind.revision), seen }
  }
  if (kind._tag === "Proxy") return { _tag: "Proxy", conformance: Conformance.make() }
  const { clients, start, order, until, turns } = kind.options
  const allowance = { ...until !== undefined && { until }, ...turns !== undefined && { turns } }
  return { _tag: "Calendar", calendar: Calendar.make({ clients, start, order: orderOf(order)!, allowance }) }
}

/**
 * The position before the first record of a source. It takes all of them from the source's beginning on,
 * so those of a ring that has let records go can't be gone through: that is a `RangeError`.
 */
export const begin = (trace: Trace, source: number): Position => {
  const of = trace.sources[source]
  if (of === undefined) throw new RangeError(`there is no source ${source}: the trace has ${trace.sources.length}`)
  const records = trace.records.filter((record) => record.source === source)
  const first = records[0]?.n ?? 0
  if (first !== 0) throw new RangeError(`${of.name}: the first ${first} of its records are missing`)
  return { source: of, records, at: 0, state: initial(of.kind) }
}

/** An event of a trace: nobody runs its handler, but the core looks at whether it has one. */
class RecordedEvent extends HookedEvent {
  readonly name: string
  readonly handler: true | undefined
  constructor(name: string, isHandled: boolean) {
    super()
    this.name = name
    this.handler = isHandled ? true : undefined
  }
}

/** Events and advances by number, and numbers for those that are new: the same that the trace gave them. */
class Numbering implements Texts.Numbers, Numbered {
  events: IntMap.IntMap<Event>
  advances: IntMap.IntMap<OnStack>
  constructor({ events, advances }: Seen) {
    this.events = events
    this.advances = advances
  }
  event(number: number): Event | undefined
  event(event: Event): number
  event(given: Event | number): Event | number | undefined {
    if (typeof given === "number") return IntMap.get(this.events, given)
    return numbers.get(given)!
  }
  advance(number: number): OnStack | undefined
  advance(mine: OnStack): number
  advance(given: OnStack | number): OnStack | number | undefined {
    if (typeof given === "number") return IntMap.get(this.advances, given)
    let number = numbers.get(given)
    if (number === undefined) {
      numbers.set(given, number = this.advances.size)
      this.advances = IntMap.set(this.advances, number, given)
    }
    return number
  }
  /** The event of an input, which may be new. */
  input({ event: number, name, handled }: { event: number; name: string; handled?: boolean }): Event {
    const known = IntMap.get(this.events, number)
    if (known !== undefined && (handled === undefined || (known.handler !== undefined) === handled)) return known
    const event = new RecordedEvent(name, handled !== false)
    numbers.set(event, number)
    this.events = IntMap.set(this.events, number, event)
    return event
  }
}

/** The numbers of things, which are made anew whenever a transition is gone through. */
const numbers = new WeakMap<Event | OnStack, number>()

/** The recorded transition, done by the core of today. */
const guestTransition = (state: Guest.Guest, { name, input }: GuestTransition, seen: Numbering): Guest.Transition => {
  const given = (table[name] as unknown as AnyRow).read(input, seen)
  const next = (Guest[name] as AnyTransition)(state, ...given)
  return isFault(next) || "commands" in next ? next : { state: next, commands: [] }
}

const messageOf = ({ op, seq, value }: { op: number; seq: number; value: bigint }): Message.Message => ({
  op,
  seq,
  time: value,
})

const calendarTransition = (state: Calendar.Calendar, transition: CalendarTransition): Calendar.Transition => {
  switch (transition.name) {
    case "connected":
      return Calendar.connected(state, transition.input.client)
    case "clientMessage":
      return Calendar.clientMessage(state, transition.input.client, messageOf(transition.input))
    case "asked":
      return Calendar.asked(state, transition.input.client, messageOf(transition.input))
    case "disconnected":
      return Calendar.disconnected(state, transition.input.client, transition.input.leftover)
    case "allow": {
      const { until, turns } = transition.input
      return Calendar.allow(state, { ...until !== undefined && { until }, ...turns !== undefined && { turns } })
    }
  }
}

const proxyTransition = (state: Conformance.Conformance, transition: ProxyTransition): Conformance.Transition => {
  switch (transition.name) {
    case "joined":
      return { state: Conformance.joined(state, transition.input.client), breaches: [] }
    case "fromClient":
      return Conformance.fromClient(state, transition.input.client, messageOf(transition.input))
    case "fromCalendar": {
      const { client, descriptors } = transition.input
      return Conformance.fromCalendar(state, client, messageOf(transition.input), descriptors)
    }
    case "left": {
      const { client, side, leftover } = transition.input
      return Conformance.left(state, client, side === "client" ? "client" : "calendar", leftover)
    }
  }
}

interface Outcome {
  readonly state: State
  readonly time: bigint
  readonly then: ReadonlyArray<string>
  readonly fault: string | undefined
}

/** What a transition without a fault came to. */
const done = (state: State, time: bigint, then: ReadonlyArray<string>): Outcome => ({
  state,
  time,
  then,
  fault: undefined,
})

const outcomeOf = (state: State, what: GuestTransition | CalendarTransition | ProxyTransition): Outcome => {
  if (state._tag === "Proxy") {
    const { state: conformance, breaches } = proxyTransition(state.conformance, what as ProxyTransition)
    return done({ _tag: "Proxy", conformance }, conformance.now, breaches.map(Texts.breachText))
  }
  if (state._tag === "Calendar") {
    const { state: calendar, commands } = calendarTransition(state.calendar, what as CalendarTransition)
    return done({ _tag: "Calendar", calendar }, calendar.time, commands.map(Texts.calendarCommandText))
  }
  const seen = new Numbering(state.seen)
  const next = guestTransition(state.guest, what as GuestTransition, seen)
  if (isFault(next)) return { state, time: state.guest.now, then: [], fault: `${next._tag}: ${next.message}` }
  const then = next.commands.map((each) => Texts.commandText(each, seen))
  const { events, advances } = seen
  return done({ _tag: "Guest", guest: next.state, seen: { events, advances } }, next.state.now, then)
}

const digestOf = (state: State): string => {
  switch (state._tag) {
    case "Guest":
      return States.guestDigest(state.guest, new Numbering(state.seen))
    case "Calendar":
      return States.calendarDigest(state.calendar)
    case "Proxy":
      return States.proxyDigest(state.conformance)
  }
}

/** A state as lines of text, always the same for the same state. */
export const format = (state: State): string => {
  switch (state._tag) {
    case "Guest":
      return States.guestText(state.guest, new Numbering(state.seen))
    case "Calendar":
      return States.calendarText(state.calendar)
    case "Proxy":
      return States.proxyText(state.conformance)
  }
}

/** The position after the next record, or where the run parts from it. At the end, the position itself. */
export const next = (position: Position): Position | Divergence => {
  const { records, at, state } = position
  const record = records[at]
  if (record === undefined) return position
  const differs = (what: Divergence["what"], recorded: string, replayed: string): Divergence => ({
    _tag: "Divergence",
    position,
    record,
    what,
    recorded,
    replayed,
  })
  const { what } = record
  switch (what._tag) {
    case "Transition": {
      let outcome: Outcome
      try {
        outcome = outcomeOf(state, what)
      } catch (error) {
        return differs("input", what.name, `it can't be done: ${(error as Error).message}`)
      }
      if (outcome.fault !== what.fault) return differs("fault", what.fault ?? "none", outcome.fault ?? "none")
      if (outcome.then.join("\n") !== what.then.join("\n")) {
        return differs("commands", what.then.join("\n") || "none", outcome.then.join("\n") || "none")
      }
      if (outcome.time !== record.time) return differs("time", `${record.time} ns`, `${outcome.time} ns`)
      return { ...position, at: at + 1, state: outcome.state }
    }
    case "State":
    case "End": {
      const digest = digestOf(state)
      return digest === what.digest
        ? { ...position, at: at + 1 }
        : differs("state", what.digest, `${digest}\n${format(state)}`)
    }
    default:
      return { ...position, at: at + 1 }
  }
}

/** Whether a step of {@link next} came to a divergence. */
export const isDivergence = (step: Position | Divergence): step is Divergence => "_tag" in step

/** The position after so many records at most, or the first divergence on the way. */
export const advance = (position: Position, records: number = Infinity): Position | Divergence => {
  let current = position
  for (let left = records; left > 0 && current.at < current.records.length; left--) {
    const following = next(current)
    if (isDivergence(following)) return following
    current = following
  }
  return current
}

/** The simulated time of a position, in ns. */
export const timeOf = ({ state }: Position): bigint => {
  switch (state._tag) {
    case "Guest":
      return state.guest.now
    case "Calendar":
      return state.calendar.time
    case "Proxy":
      return state.conformance.now
  }
}
