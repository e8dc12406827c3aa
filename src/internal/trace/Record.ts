/**
 * The records of a trace, one for each thing that happened, and its sources: guests, calendars and proxies.
 *
 * A transition is recorded with all that goes into it and with the commands that
 * came out of it. So the records of one source are enough to go through all of
 * its states again, without the others (`Replay`).
 *
 * @module
 */
import { Tagged } from "../core/Tagged.ts"
import type { Mode } from "../../core/Modes.ts"
import type { AnyRevision } from "../../core/Revisions.ts"
import type { Note, WorldNote } from "../../services/Tracer.ts"

/**
 * The version of the format that is written.
 *
 * @since 0.1.0
 * @category constants
 */
export const VERSION = 2

/**
 * The versions that can be read; others are refused. Traces of version 1 lack what guests of worlds did.
 *
 * @since 0.1.0
 * @category constants
 */
export const VERSIONS: ReadonlyArray<number> = [1, 2]

/** How an input is written: a time as a string of decimals. Those with a question mark may be missing. */
type InputField = "time" | "time?" | "whole" | "count?" | "flag" | "flag?" | "text" | "texts"

/** Those of what a guest of a world does as well: values and messages as JSON has them. */
type Field = InputField | "whole?" | "text?" | "json" | "json?" | "copies" | "value"

interface Fields {
  readonly [name: string]: Field
}

const EVENT = { event: "whole", name: "text" } as const satisfies Fields
const MESSAGE = { op: "whole", seq: "whole", value: "time" } as const satisfies Fields
const HOST = { monotonic: "time", wall: "time" } as const satisfies Fields

/**
 * The transitions of a guest, and what goes into each. Times and durations are in ns.
 *
 * @since 0.1.0
 * @category constants
 */
export const GUEST_INPUTS = {
  connect: { id: "time" },
  boot: { ...HOST, start: "time?" },
  hostTime: HOST,
  addEvent: { ...EVENT, at: "time", handled: "flag" },
  deleteEvent: EVENT,
  ndelay: { duration: "time" },
  sleep: { masked: "flag" },
  readClockSource: { interruptible: "flag" },
  periodic: {},
  nextEvent: { delta: "time" },
  oneShot: {},
  shutdown: {},
  hostAlarm: { masked: "flag?" },
  runUserProcess: { running: "flag" },
  beginExchange: { op: "whole", value: "time" },
  handleMessage: MESSAGE,
  irqEvent: { ...EVENT, handled: "flag", delay: "time" },
  propagateTime: {},
  readWallClock: HOST,
  takeDue: {},
  setAlarm: { alarm: "text" },
  lateAlarm: { real: "flag" },
  broadcast: { value: "time" },
  enterUser: {},
  resume: { step: "text" },
  abandon: { steps: "texts" },
} as const satisfies { readonly [name: string]: Fields }

/**
 * The transitions of a calendar, and what goes into each.
 *
 * @since 0.1.0
 * @category constants
 */
export const CALENDAR_INPUTS = {
  connected: { client: "whole" },
  clientMessage: { client: "whole", ...MESSAGE },
  /** What a client said by shared memory, or asks without waiting for a message. */
  asked: { client: "whole", ...MESSAGE },
  disconnected: { client: "whole", leftover: "whole" },
  allow: { until: "time?", turns: "count?" },
} as const satisfies { readonly [name: string]: Fields }

/**
 * What a proxy sees: `client` is a connection's number, and `side` who has ended it first.
 *
 * @since 0.1.0
 * @category constants
 */
export const PROXY_INPUTS = {
  joined: { client: "whole" },
  fromClient: { client: "whole", ...MESSAGE },
  fromCalendar: { client: "whole", ...MESSAGE, descriptors: "count?" },
  left: { client: "whole", side: "text", leftover: "whole" },
} as const satisfies { readonly [name: string]: Fields }

/**
 * What a guest of a world does, and what is told of it: see `WorldNote`.
 *
 * @since 0.1.0
 * @category constants
 */
export const WORLD_NOTES = {
  Sent: {
    link: "text",
    to: "text",
    id: "whole",
    message: "json",
    title: "text?",
    copies: "copies",
    lost: "text?",
    leaves: "time?",
  },
  Arrived: { link: "text", from: "text", id: "whole", copy: "whole", message: "json?" },
  Lost: { link: "text", from: "text", to: "text", id: "whole", copy: "whole", why: "text" },
  Noted: { text: "text", data: "json?" },
  Over: { reason: "text?" },
  Spawned: { pid: "whole", name: "text", by: "whole" },
  Exited: { pid: "whole", failure: "text?" },
  Waits: { pid: "whole", wait: "whole", what: "text" },
  Waited: { wait: "whole", by: "whole?", interrupted: "flag?" },
  Holds: { pid: "whole", of: "text", units: "whole" },
  Doing: { pid: "whole", state: "text" },
  Measured: { instrument: "text", name: "text", value: "value", unit: "text?" },
} as const satisfies { readonly [Tag in WorldNote["_tag"]]: Fields }

type GuestInputs = typeof GUEST_INPUTS
type CalendarInputs = typeof CALENDAR_INPUTS
type ProxyInputs = typeof PROXY_INPUTS

interface Values {
  readonly "time": bigint
  readonly "time?": bigint | undefined
  readonly "whole": number
  readonly "count?": number | undefined
  readonly "flag": boolean
  readonly "flag?": boolean | undefined
  readonly "text": string
  readonly "texts": ReadonlyArray<string>
}

type Input<F> = { readonly [K in keyof F]: F[K] extends InputField ? Values[F[K]] : never }

/**
 * What goes into a guest's transition.
 *
 * @since 0.1.0
 * @category models
 */
export type GuestInput<Name extends keyof GuestInputs> = Input<GuestInputs[Name]>
/**
 * What goes into a calendar's transition.
 *
 * @since 0.1.0
 * @category models
 */
export type CalendarInput<Name extends keyof CalendarInputs> = Input<CalendarInputs[Name]>

/**
 * What goes into a proxy's transition.
 *
 * @since 0.1.0
 * @category models
 */
export type ProxyInput<Name extends keyof ProxyInputs> = Input<ProxyInputs[Name]>

interface Done {
  readonly _tag: "Transition"
  /** The commands that came out of it, as text (`Texts`). */
  readonly then: ReadonlyArray<string>
  /** The fault that it came to instead. */
  readonly fault: string | undefined
}

/**
 * A transition of a guest.
 *
 * @since 0.1.0
 * @category models
 */
export type GuestTransition = {
  readonly [Name in keyof GuestInputs]: Done & { readonly name: Name; readonly input: GuestInput<Name> }
}[keyof GuestInputs]

/**
 * A transition of a calendar.
 *
 * @since 0.1.0
 * @category models
 */
export type CalendarTransition = {
  readonly [Name in keyof CalendarInputs]: Done & { readonly name: Name; readonly input: CalendarInput<Name> }
}[keyof CalendarInputs]

/**
 * Something that a proxy has seen.
 *
 * @since 0.1.0
 * @category models
 */
export type ProxyTransition = {
  readonly [Name in keyof ProxyInputs]: Done & { readonly name: Name; readonly input: ProxyInput<Name> }
}[keyof ProxyInputs]

/**
 * What happened, by kind.
 *
 * @since 0.1.0
 * @category models
 */
export type What =
  | GuestTransition
  | CalendarTransition
  | ProxyTransition
  /** A handler begins: that of the event with this number, or of a tick. */
  | { readonly _tag: "Handling"; readonly event: number | undefined; readonly name: string }
  /** The handler that began last has ended. */
  | { readonly _tag: "Handled" }
  | Note
  /** What the state came to, in short: for those who go through it again (`States`). */
  | { readonly _tag: "State"; readonly digest: string }
  /** The same, and there is no more of this source. */
  | { readonly _tag: "End"; readonly digest: string }

/**
 * One thing that happened.
 *
 * @since 0.1.0
 * @category models
 */
export interface TraceRecord {
  /** In which source. */
  readonly source: number
  /** The how-manieth of that source it is, from 0 on. */
  readonly n: number
  /** The simulated time after it, in ns: of the guest or the calendar that is its source. */
  readonly time: bigint
  /** Real time, in ns since the source began. */
  readonly real: bigint
  readonly what: What
}

/**
 * How a calendar was made (`Calendar.Options`).
 *
 * @since 0.1.0
 * @category models
 */
export interface CalendarOptions {
  readonly clients: number
  readonly start: bigint
  readonly order: "first-come" | "by-id" | { readonly seed: number }
  readonly until: bigint | undefined
  readonly turns: number | undefined
}

/**
 * What a source is.
 *
 * @since 0.1.0
 * @category models
 */
export type Kind =
  | { readonly _tag: "Guest"; readonly mode: Mode; readonly revision?: AnyRevision }
  | { readonly _tag: "Calendar"; readonly options: CalendarOptions }
  | { readonly _tag: "Proxy" }

/**
 * A guest, a calendar or a proxy that was traced.
 *
 * @since 0.1.0
 * @category models
 */
export interface Source {
  /** Its number in this trace. */
  readonly source: number
  readonly name: string
  readonly kind: Kind
  /** When it began, in ns since 1970, as the host's clock had it. */
  readonly began: bigint
}

/**
 * A whole trace in memory.
 *
 * @since 0.1.0
 * @category models
 */
export interface Trace {
  readonly sources: ReadonlyArray<Source>
  readonly records: ReadonlyArray<TraceRecord>
  /** Whether its last line was cut off, as that of a program that was killed. */
  readonly isCut: boolean
}

/**
 * A trace that can't be read: why, and where. Lines are counted from 1.
 *
 * @since 0.1.0
 * @category errors
 */
export class BadTrace extends Tagged<"BadTrace"> {
  readonly line: number
  constructor(line: number, why: string) {
    super("BadTrace", `line ${line}: ${why}`)
    this.line = line
  }
}
