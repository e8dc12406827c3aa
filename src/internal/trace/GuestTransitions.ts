/**
 * The table of a guest's transitions: how the arguments of each become the input of a record, and arguments again.
 *
 * The recorder and the replay use this list, as does all code that handles every transition.
 *
 * @module
 */
import type { Event } from "../../core/Command.ts"
import type * as Guest from "../../core/Guest.ts"
import * as Nanos from "../../core/Nanos.ts"
import type { GuestTransitions } from "../../services/Tracer.ts"
import type { GuestInput } from "./Record.ts"
import * as Texts from "./Texts.ts"

/** The transitions' names. */
export type Name = keyof GuestTransitions

/** What a transition is given besides the state. */
export type Arguments<N extends Name> = Parameters<GuestTransitions[N]> extends [Guest.Guest, ...infer Rest] ? Rest
  : never

/** Events and advances by the numbers that a trace gave them. */
export interface Numbered extends Texts.Numbered {
  /** The event of an input, which may be new. */
  readonly input: (of: { readonly event: number; readonly name: string; readonly handled?: boolean }) => Event
}

interface Row<N extends Name> {
  /** The input of the record; nothing if this isn't recorded. */
  readonly write: (numbers: Texts.Numbers, ...given: Arguments<N>) => GuestInput<N> | undefined
  /** The arguments again. */
  readonly read: (input: GuestInput<N>, numbered: Numbered) => Arguments<N>
}

const nanos = (time: bigint): Nanos.Nanos => time as Nanos.Nanos

const hostOf = ({ monotonic, wall }: GuestInput<"hostTime">): Guest.HostTime => ({
  monotonic: nanos(monotonic),
  wall: nanos(wall),
})

const named = (numbers: Texts.Numbers, event: Event) => ({ event: numbers.event(event), name: event.name })

const nothing = { write: () => ({}), read: (): [] => [] }

/** How each transition is written and read. */
export const table: { readonly [N in Name]: Row<N> } = {
  connect: { write: (_, id = Nanos.NONE) => ({ id }), read: ({ id }) => [nanos(id)] },
  boot: {
    write: (_, host, start) => ({ ...host, start }),
    read: ({ start, ...host }) => start === undefined ? [hostOf(host)] : [hostOf(host), nanos(start)],
  },
  hostTime: { write: (_, host) => host, read: (host) => [hostOf(host)] },
  addEvent: {
    write: (numbers, event, at) => ({ ...named(numbers, event), at, handled: event.handler !== undefined }),
    read: (input, numbered) => [numbered.input(input), nanos(input.at)],
  },
  deleteEvent: {
    // The clock takes back nothing but events.
    write: (numbers, event) => event._tag === "Timer" || event._tag === "OnStack" ? undefined : named(numbers, event),
    read: (input, numbered) => [numbered.input(input)],
  },
  ndelay: { write: (_, duration) => ({ duration }), read: ({ duration }) => [nanos(duration)] },
  sleep: { write: (_, masked) => ({ masked }), read: ({ masked }) => [masked] },
  readClockSource: { write: (_, interruptible) => ({ interruptible }), read: ({ interruptible }) => [interruptible] },
  periodic: nothing,
  nextEvent: { write: (_, delta) => ({ delta }), read: ({ delta }) => [nanos(delta)] },
  oneShot: nothing,
  shutdown: nothing,
  hostAlarm: { write: (_, masked) => ({ masked }), read: ({ masked }) => masked === undefined ? [] : [masked] },
  runUserProcess: { write: (_, running) => ({ running }), read: ({ running }) => [running] },
  beginExchange: { write: (_, op, value) => ({ op, value }), read: ({ op, value }) => [op, nanos(value)] },
  handleMessage: {
    write: (_, { op, seq, time }) => ({ op, seq, value: time }),
    read: ({ op, seq, value }) => [{ op, seq, time: value }],
  },
  irqEvent: {
    write: (numbers, event, delay = Nanos.ZERO) => ({
      ...named(numbers, event),
      handled: event.handler !== undefined,
      delay,
    }),
    read: (input, numbered) => [numbered.input(input), nanos(input.delay)],
  },
  propagateTime: nothing,
  readWallClock: { write: (_, host) => host, read: (host) => [hostOf(host)] },
  takeDue: nothing,
  setAlarm: { write: (_, alarm) => ({ alarm }), read: ({ alarm }) => [alarm as "none"] },
  lateAlarm: { write: (_, real) => ({ real }), read: ({ real }) => [real] },
  broadcast: { write: (_, value) => ({ value }), read: ({ value }) => [nanos(value)] },
  enterUser: nothing,
  resume: {
    write: (numbers, step) => ({ step: Texts.stepText(step, numbers) }),
    read: ({ step }, numbered) => [Texts.parseStep(step, numbered)],
  },
  abandon: {
    write: (numbers, commands) => ({
      steps: commands.flatMap((each) => each._tag === "Resume" ? [Texts.stepText(each.step, numbers)] : []),
    }),
    read: ({ steps }, numbered) => [
      steps.map((text) => ({ _tag: "Resume", step: Texts.parseStep(text, numbered) })),
    ],
  },
}

/** Any one row: who goes through them all can't say of which transition. */
export interface AnyRow {
  readonly write: (numbers: Texts.Numbers, ...given: ReadonlyArray<unknown>) => object | undefined
  readonly read: (input: object, numbered: Numbered) => ReadonlyArray<unknown>
}

/** Any one transition. */
export type AnyTransition = (state: Guest.Guest, ...given: ReadonlyArray<unknown>) => Guest.Transition | Guest.Guest

/** The table as rows. */
export const rows = Object.entries(table) as unknown as ReadonlyArray<readonly [Name, AnyRow]>
