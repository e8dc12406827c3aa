/**
 * The journal of a world: what happened, as plain data, the same for guests in one process and in many, entry for
 * entry.
 *
 * @module
 */
import * as Formatter from "effect/Formatter"
import * as Schema from "effect/Schema"
import * as Transformation from "effect/SchemaTransformation"
import * as PlainData from "../internal/services/PlainData.ts"

/** What all entries have. */
interface Common {
  /** The time at the guest, in ns. */
  readonly time: bigint
  /**
   * A Lamport stamp: of two entries at the same time, one that brought the other about
   * has the lower one.
   */
  readonly stamp: number
  /** Whose entry it is. */
  readonly guest: string
}

/** An entry about a message. */
interface OfMessage extends Common {
  readonly link: string
  /** The guest at the other end. */
  readonly peer: string
  /** The message as JSON has it. */
  readonly message: unknown
  /** What its link calls it, if it does (`Link.Options.title`). */
  readonly title?: string
}

/**
 * One thing that happened.
 *
 * @since 0.1.0
 * @category models
 */
export type Entry =
  /** A message was sent; each copy arrives so many ns later. */
  | OfMessage & { readonly _tag: "Sent"; readonly delays: ReadonlyArray<bigint> }
  /** A message that was sent never arrives, or isn't understood when it does. */
  | OfMessage & { readonly _tag: "Lost"; readonly why: string }
  /** A message arrived: an interrupt. */
  | OfMessage & { readonly _tag: "Arrived" }
  /** A program noted something down: a copy, made then. */
  | Common & { readonly _tag: "Noted"; readonly text: string; readonly data: unknown }
  /** A program has ended. */
  | Common & { readonly _tag: "Ended" }
  /** A program has ended the world. */
  | Common & { readonly _tag: "Stopped"; readonly reason: string }

const common = { time: Schema.BigIntFromString, stamp: Schema.Number, guest: Schema.String }
const ofMessage = {
  ...common,
  link: Schema.String,
  peer: Schema.String,
  message: Schema.Unknown,
  title: Schema.optionalKey(Schema.String),
}

/** What was noted, with what JSON has no word for: bigints, dates, maps, sets, typed arrays. */
const Data = Schema.Unknown.pipe(Schema.decodeTo(
  Schema.Unknown,
  Transformation.transform({
    decode: PlainData.fromJson,
    encode: (data) => PlainData.toJson(PlainData.copy(data)),
  }),
))

/**
 * The schema by which entries are stored and sent.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Entry: Schema.Codec<Entry, unknown> = Schema.TaggedUnion({
  Sent: { ...ofMessage, delays: Schema.Array(Schema.BigIntFromString) },
  Lost: { ...ofMessage, why: Schema.String },
  Arrived: ofMessage,
  Noted: { ...common, text: Schema.String, data: Data },
  Ended: common,
  Stopped: { ...common, reason: Schema.String },
})

/**
 * All that happened, in the order of time, and of cause and effect.
 *
 * @since 0.1.0
 * @category models
 */
export type Journal = ReadonlyArray<Entry>

/**
 * The entries of all guests in one order: by time, then by stamp, then by guest, each
 * guest's own in the order they were made.
 *
 * @since 0.1.0
 * @category journals
 */
export const merge = (journals: ReadonlyArray<Journal>): Journal =>
  journals.flatMap((journal, guest) => journal.map((entry) => ({ entry, guest }))).sort((a, b) =>
    a.entry.time < b.entry.time
      ? -1
      : a.entry.time > b.entry.time
      ? 1
      : a.entry.stamp - b.entry.stamp || a.guest - b.guest
  ).map(({ entry }) => entry)

const shown = (data: unknown): string => data === undefined || data === null ? "" : ` ${JSON.stringify(data)}`

/** Where a message goes, or went, and what it is called. */
const way = (sign: string, { peer, link, title }: OfMessage): string =>
  `${sign} ${peer} on ${link}${title === undefined ? "" : `: ${title}`}`

/**
 * What happened, in a few words.
 *
 * @since 0.1.0
 * @category formatting
 */
export const title = (entry: Entry): string => {
  switch (entry._tag) {
    case "Sent":
      return way("→", entry)
    case "Lost":
      return way("✗", entry)
    case "Arrived":
      return way("←", entry)
    case "Noted":
      return `· ${entry.text}`
    case "Ended":
      return "■"
    case "Stopped":
      return `■ ${entry.reason}`
  }
}

/** A message that isn't called anything. */
const message = ({ message, title }: OfMessage): string => title === undefined ? shown(message) : ""

/** All that there is to say beside that. */
const details = (entry: Entry): string => {
  switch (entry._tag) {
    case "Sent":
      return `${message(entry)}, in ${entry.delays.join(" and ")} ns`
    case "Lost":
      return `${message(entry)}: ${entry.why}`
    case "Arrived":
      return message(entry)
    case "Noted":
      return entry.data === undefined || entry.data === null ? "" : ` ${Formatter.format(entry.data)}`
    case "Ended":
    case "Stopped":
      return ""
  }
}

/**
 * A line for people.
 *
 * **When to use**
 *
 * Use it to print what happened in a world.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Journal, World } from "guest-clock/simulation"
 *
 * const shop = Guest.make("shop", Effect.andThen(Effect.sleep("1 second"), Guest.note("open")))
 * const { journal } = await Effect.runPromise(World.run(World.make({ guests: [shop] }), { journal: true }))
 * for (const entry of journal) console.log(Journal.format(entry))
 * // 1000000000 shop       · open
 * // …
 * ```
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (entry: Entry): string =>
  `${String(entry.time).padStart(15)} ${entry.guest.padEnd(10)} ${title(entry)}${details(entry)}`
