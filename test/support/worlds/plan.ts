/**
 * Worlds as plain data that JSON can hold, so that a seed can draw one, a process can be given one, and one that
 * fails can be made smaller: who the guests are, what connects them, and what each does. Times are whole ns, as numbers.
 *
 * @module
 */
import type { Distribution } from "../../../src/simulation.ts"

/** What a link's messages are, by name: `worlds/messages.ts` has their schemas. */
export type Kind = "plain" | "rich" | "changed" | "lossy" | "number"

/** What is odd about one message. */
export type Quirk =
  /** Its sender changes it as soon as it is sent. */
  | "changed later"
  /** It has a field that its schema doesn't. */
  | "excess"
  /** Its schema doesn't allow it. */
  | "broken"
  /** Numbers that JSON has no words for. */
  | "strange numbers"
  /** Texts that don't survive everything. */
  | "strange texts"

/** What is sent: `n` tells it from others, and a handler answers it while `hops` is above 0. */
export interface Body {
  readonly n: number
  readonly hops: number
  readonly quirk?: Quirk
}

/** Something that is noted down, failed with or thrown, by name: `worlds/values.ts` has them. */
export type Value = string

/** Where something is sent: to one, or to all at the other ends. */
export interface Send {
  readonly link: string
  readonly to?: string
  readonly body: Body
}

/** What a program does. */
export type Step =
  | { readonly do: "sleep" | "busy"; readonly ns: number }
  | { readonly do: "yield" }
  | { readonly do: "send"; readonly send: Send }
  /** All at once. */
  | { readonly do: "sends"; readonly sends: ReadonlyArray<Send>; readonly atOnce: number }
  /** Gives up after so long. */
  | { readonly do: "within"; readonly ns: number; readonly steps: ReadonlyArray<Step> }
  | { readonly do: "receive"; readonly link: string; readonly within?: number }
  /** So many from the stream of arrivals. */
  | { readonly do: "stream"; readonly link: string; readonly count: number; readonly within: number }
  /** What arrives from now on is handled within the interrupt. */
  | {
    readonly do: "handle"
    readonly link: string
    readonly answer: boolean
    readonly busy?: number
    readonly fails?: Value
  }
  /** An event of the guest's own, whose handler notes something and may send. */
  | { readonly do: "timer"; readonly ns: number; readonly send?: Send; readonly fails?: Value }
  | { readonly do: "unplug" | "plugIn"; readonly link: string }
  | { readonly do: "race" | "together"; readonly arms: ReadonlyArray<ReadonlyArray<Step>> }
  /** A fiber that runs beside what follows; `then` says what becomes of it after `ns`, or nobody waits for it. */
  | {
    readonly do: "fork"
    readonly steps: ReadonlyArray<Step>
    readonly then?: "join" | "interrupt"
    readonly ns: number
  }
  | { readonly do: "repeat"; readonly times: number; readonly steps: ReadonlyArray<Step> }
  /** Notes what comes of steps that may fail. */
  | { readonly do: "try"; readonly steps: ReadonlyArray<Step> }
  | { readonly do: "note"; readonly value: Value }
  /** What all of its clocks read. */
  | { readonly do: "clocks" }
  /** Draws from the guest's own chance, and from Effect's. */
  | { readonly do: "draw" }
  | { readonly do: "measure"; readonly value: number }
  | { readonly do: "fail" | "die"; readonly value: Value }
  | { readonly do: "interrupt" }
  /** The program is over. */
  | { readonly do: "end" }

/** A guest. */
export interface GuestPlan {
  readonly name: string
  readonly steps: ReadonlyArray<Step>
  readonly daemon?: boolean
  readonly readsCostTime?: boolean
}

/** From, until, in ns. */
export type Interval = readonly [from: number, until: number]

/** How long things take, as `Distribution` has it with texts for times. */
export type Latency = ReturnType<typeof JSON.parse> & { readonly _tag: Distribution.Distribution["_tag"] }

/** A link. */
export interface LinkPlan {
  readonly name: string
  readonly ends: ReadonlyArray<string>
  readonly kind: Kind
  readonly latency?: number | Latency
  readonly bandwidth?: number
  /** Bytes of each; or more, the more hops a message has. */
  readonly size?: number | "by hops"
  readonly queue?: number
  readonly loss?: number
  readonly duplication?: number
  readonly reordering?: number
  readonly outages?: ReadonlyArray<Interval>
  readonly impairments?: {
    readonly drop?: number
    readonly corrupt?: number
    readonly duplicate?: number
    readonly delay?: number
    readonly by?: number | Latency
    readonly during?: ReadonlyArray<Interval>
    readonly outages?: ReadonlyArray<Interval>
  }
  /** What becomes of corrupted messages: another number, or what the schema doesn't allow, or a throw. */
  readonly corrupt?: "other" | "nonsense" | "throws"
}

/** A world, and how it is run. */
export interface WorldPlan {
  readonly guests: ReadonlyArray<GuestPlan>
  readonly links: ReadonlyArray<LinkPlan>
  readonly seed: number
  readonly until?: number
  readonly order?: "by-id" | "first-come" | number
}
