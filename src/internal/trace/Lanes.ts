/**
 * The types of a timeline: a trace as lanes, each with what a guest or a calendar did from when to when, and what goes
 * from one lane to another.
 *
 * @module
 */
import type { Instrument } from "../../services/Tracer.ts"
import type { TraceRecord } from "./Record.ts"

/**
 * What a guest or a calendar did for some time.
 *
 * @since 0.1.0
 * @category models
 */
export type Doing =
  /** It computes: simulated time stands still meanwhile. */
  | "run"
  /** It is busy for simulated time, step by step as its calendar says. */
  | "busy"
  /** It is busy for simulated time without asking: nobody else is due before. */
  | "free"
  /** It is idle until something is due or interrupts it; or it isn't let in yet. */
  | "wait"
  /** On a calendar: a client has the turn. */
  | "turn"

/**
 * A part of a lane. Simulated times are the calendar's if there is one; real times begin with the trace. All in ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Span {
  readonly doing: Doing
  readonly from: bigint
  readonly to: bigint
  readonly realFrom: bigint
  readonly realTo: bigint
  /** Whether real time passed for this guest itself, rather than for others that it waited for. */
  readonly own: boolean
  /** What it was that ended a wait or interrupted work, or whose turn it was. */
  readonly why: string
  /** The record it begins with, by its place in the trace. */
  readonly record: number
}

/**
 * Something that ran within a lane: a handler, or a hold, in which simulated time stands still.
 *
 * @since 0.1.0
 * @category models
 */
export interface Act {
  readonly kind: "handler" | "interrupt" | "tick" | "hold"
  readonly name: string
  readonly from: bigint
  readonly to: bigint
  readonly realFrom: bigint
  readonly realTo: bigint
  readonly record: number
}

/**
 * Something that took no time: a mark, a report or a fault.
 *
 * @since 0.1.0
 * @category models
 */
export interface Instant {
  readonly kind: "mark" | "report" | "fault"
  readonly name: string
  readonly text: string
  readonly at: bigint
  readonly real: bigint
  readonly record: number
}

/**
 * An arrow from one lane to another: a grant, an interrupt or a message of the protocol.
 *
 * @since 0.1.0
 * @category models
 */
export interface Flow {
  readonly kind: "interrupt" | "grant" | "message"
  readonly name: string
  readonly fromLane: number
  readonly toLane: number
  readonly at: bigint
  readonly real: bigint
  readonly toAt: bigint
  readonly toReal: bigint
  /** The record at its end. */
  readonly record: number
}

/**
 * A message between guests of a world: a copy of it, from its sending to its arrival. Times are in ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message {
  readonly link: string
  /** The lanes that it is from and to. */
  readonly from: number
  readonly to: number
  /** Its number: `from` and this say which it is. */
  readonly id: number
  /** Which of its copies, from 0 on. */
  readonly copy: number
  /** What it is: the tag of its content, if it has one. */
  readonly kind: string
  /** Its content, as JSON. */
  readonly text: string
  /** What its link calls it; `""` if it doesn't. */
  readonly title: string
  readonly at: bigint
  readonly real: bigint
  /** When it arrived, or would have; when it was sent, if it is lost and nobody knows. */
  readonly toAt: bigint
  readonly toReal: bigint
  /** Why it is lost. */
  readonly lost: string | undefined
  /** Whether it never came to its receiver: it is lost on its way, or under way at the end. */
  readonly isOnItsWay: boolean
  readonly isDuplicate: boolean
  readonly isCorrupted: boolean
  /** The record by which one with the same content was sent before, and lost. */
  readonly again: number | undefined
  /** The records of its sending and of its arrival. */
  readonly record: number
  readonly toRecord: number
}

/**
 * What a process of a guest of a world did for some time. Times are in ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Segment {
  /** Its number among its guest's: 0 is the program. */
  readonly pid: number
  readonly from: bigint
  readonly to: bigint
  readonly realFrom: bigint
  readonly realTo: bigint
  /** What the program calls it (`Process.state`), if it does. */
  readonly state: string
  /** What kind of thing it waits for: that time passes, a message, or what others have. */
  readonly waits: "nothing" | "time" | "message" | "others"
  /** What it waits for: `request on till`. */
  readonly what: string
  /** The processes that held that. */
  readonly whom: string
  /** What ended it: a process, or a message. */
  readonly by: string
  /** The record it begins with. */
  readonly record: number
}

/**
 * How often and how long a process waited for something, and for whom.
 *
 * @since 0.1.0
 * @category models
 */
export interface Waited {
  /** The process. */
  readonly who: string
  readonly what: string
  /** The process that held it, or that sent what was waited for. */
  readonly whom: string
  readonly times: number
  /** In ns. */
  readonly total: bigint
  /** How many were how long: two buckets for each power of two ns, of which the b-th begins with 2^(b/2 − 1) or so. */
  readonly buckets: ReadonlyArray<number>
}

/**
 * Something that was measured, or the queue of a link.
 *
 * @since 0.1.0
 * @category models
 */
export interface SeriesInfo {
  readonly lane: number
  readonly name: string
  readonly kind: Instrument | "queue"
  /** `""` where there is none. */
  readonly unit: string
}

/**
 * A series' values, in the order of their times in ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Series extends SeriesInfo {
  readonly at: ReadonlyArray<bigint>
  readonly values: ReadonlyArray<number>
}

/**
 * A guest or a calendar, without what it did.
 *
 * @since 0.1.0
 * @category models
 */
export interface LaneInfo {
  readonly name: string
  readonly kind: "guest" | "calendar"
  /** Its ID, if it is a guest that has one. */
  readonly id: bigint | undefined
  /** Its source in the trace; nothing for one that is known from its calendar only. */
  readonly source: number | undefined
  /** How often it was told to run, or for a calendar, told somebody. */
  readonly turns: number
  /** How many records it has. */
  readonly records: number
  /** What is to be added to the times of its records for those of the lane, in ns: simulated, and real. */
  readonly offset: bigint
  readonly realOffset: bigint
  /** Whether it is a guest of a world. */
  readonly isWorlds: boolean
  /** The names of its processes, by number. */
  readonly processes: ReadonlyArray<string>
  readonly waited: ReadonlyArray<Waited>
}

/**
 * One guest or calendar, with what it did.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lane extends LaneInfo {
  readonly spans: ReadonlyArray<Span>
  readonly acts: ReadonlyArray<Act>
  readonly instants: ReadonlyArray<Instant>
  readonly segments: ReadonlyArray<Segment>
}

/**
 * A trace as lanes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Timeline {
  readonly lanes: ReadonlyArray<Lane>
  readonly flows: ReadonlyArray<Flow>
  /** Of worlds, in the order in which they were sent. */
  readonly messages: ReadonlyArray<Message>
  readonly series: ReadonlyArray<Series>
  /** Where simulated time ends, in ns. */
  readonly end: bigint
  /** How much real time it took, in ns. */
  readonly real: bigint
}

/**
 * A record and its place in the trace.
 *
 * @since 0.1.0
 * @category models
 */
export interface Placed {
  readonly record: TraceRecord
  readonly place: number
}
