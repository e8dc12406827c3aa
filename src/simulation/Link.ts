/**
 * Links carry typed messages between guests, with latency, bandwidth, queues, loss,
 * and all that can go wrong on the way. What arrives is an interrupt, at an exact ns.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Guest, Link, World } from "guest-clock/simulation"
 *
 * const wire = Link.make("wire", { ends: ["ann", "bob"], message: Schema.String, latency: "1 millis" })
 * const ann = Guest.make("ann", Effect.gen(function*() {
 *   const port = yield* Link.open(wire)
 *   yield* port.send("hello")
 * }))
 * const bob = Guest.make("bob", Effect.gen(function*() {
 *   const port = yield* Link.open(wire)
 *   const { message, from, at } = yield* port.receive
 *   console.log(message, from, at) // hello ann 1000000n
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [ann, bob], links: [wire] })))
 * ```
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import { OptionError } from "../core/Fault.ts"
import { badList, badName, badShare, badWhole } from "../internal/services/Checks.ts"
import type { Settings } from "../internal/simulation/Channel.ts"
import * as Distribution from "./Distribution.ts"
import * as Impairment from "./Impairment.ts"
import type { Random } from "./Random.ts"
import { type Port, Self } from "../internal/simulation/Self.ts"
import { codecOf } from "../internal/simulation/LinkCodec.ts"

export type { Arrival, OnArrival, Port } from "../internal/simulation/Self.ts"

/**
 * The options of a link. Each direction between two ends has its own wire, queue and chance.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<M> {
  /** The names of the guests that it connects: 2 or more. */
  readonly ends: ReadonlyArray<string>
  /**
   * What it carries. Each message is encoded to JSON and decoded when it is sent, in whichever process its receiver is:
   * fields that the schema doesn't have don't arrive, and transformations are run.
   */
  readonly message: Schema.Codec<M, unknown>
  /** How long a message is under way once it is on the wire: always the same, or drawn. Default: 0. */
  readonly latency?: Duration.Input | Distribution.Distribution
  /** Bits a second, a whole number greater than 0. Default: as many as there are, at once. */
  readonly bandwidth?: number | bigint
  /** How many bytes a message has: a whole number, 0 or more, and else `send` fails. Default: those of its JSON. */
  readonly size?: (message: M) => number
  /** The most messages that may wait for the wire, 1 or more; those beyond are lost. Default: no limit. */
  readonly queue?: number
  /** The share of messages that are lost, from 0 to 1. Default: 0. */
  readonly loss?: number
  /** The share of messages that arrive twice, from 0 to 1. Default: 0. */
  readonly duplication?: number
  /** The share of messages that later ones may overtake, being late by a second latency, from 0 to 1. Default: 0. */
  readonly reordering?: number
  /** When the link is cut, in ns: a message that is under way then is lost. Default: never. */
  readonly outages?: ReadonlyArray<Impairment.Interval>
  /** What else messages suffer. */
  readonly impairments?: Impairment.Plan
  /**
   * What becomes of a corrupted message: one that the schema allows as well, or else the guest that sent it fails.
   * Default: it is thrown away on arrival, as by a checksum.
   */
  readonly corrupt?: (message: M, random: Random) => M
  /** What a message is called in traces and in a journal's lines, in a few words. Default: its JSON, there. */
  readonly title?: (message: M) => string
}

/**
 * A link between guests, which carries messages of type `M`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Link<M> {
  readonly name: string
  readonly options: Options<M>
}

/**
 * A link whose type of messages doesn't matter, as in the list of a world's links.
 *
 * @since 0.1.0
 * @category models
 */
export type Any = Link<
  // deno-lint-ignore no-explicit-any -- what it carries is of no concern there
  any
>

/**
 * A link named `name`, of 1 character or more. What is wrong with its options, its world says.
 *
 * **When to use**
 *
 * Use it for messages between guests. `port.send` and `port.receive` are at the ends that {@link open} gives. Links of Ethernet
 * frames are `Network.cable`'s.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Guest, Link, World } from "guest-clock/simulation"
 *
 * const wire = Link.make("wire", { ends: ["ann", "bob"], message: Schema.Number, latency: "5 millis", loss: 0.5 })
 * const ann = Guest.make("ann", Effect.gen(function*() {
 *   const port = yield* Link.open(wire)
 *   for (let n = 0; n < 100; n++) yield* port.send(n)
 * }))
 * const bob = Guest.make("bob", Effect.gen(function*() {
 *   const { at } = yield* (yield* Link.open(wire)).receive
 *   console.log(at) // 5000000n
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [ann, bob], links: [wire] })))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <M>(name: string, options: Options<M>): Link<M> => ({ name, options })

/**
 * This guest's end of a link. A guest at none of its ends gets an `OptionError`.
 *
 * **When to use**
 *
 * Use it in a guest's program to get the port that it sends and receives by.
 *
 * @example
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { Guest, Link, World } from "guest-clock/simulation"
 *
 * const wire = Link.make("wire", { ends: ["ann", "bob"], message: Schema.String, latency: "1 millis" })
 * const ann = Guest.make("ann", Effect.gen(function*() {
 *   const port = yield* Link.open(wire)
 *   yield* port.send("a question")
 *   console.log((yield* port.receive).message) // an answer
 * }))
 * const bob = Guest.make("bob", Effect.gen(function*() {
 *   const port = yield* Link.open(wire)
 *   const { from } = yield* port.receive
 *   yield* port.send("an answer", from)
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [ann, bob], links: [wire] })))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = <M>(link: Link<M>): Effect.Effect<Port<M>, OptionError, Self> =>
  Effect.flatMap(Self, (self) => self.open(link))

const ends = new WeakMap<Any, ReadonlySet<string>>()

/**
 * The guests at a link's ends, as a set that is made once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const endsOf = (link: Any): ReadonlySet<string> => {
  let found = ends.get(link)
  if (found === undefined) ends.set(link, found = new Set(link.options.ends))
  return found
}

/**
 * The settings of a link's channels, with defaults.
 *
 * @since 0.1.0
 * @category constructors
 */
export const settingsOf = (link: Any): Settings => {
  const { bandwidth, queue = Infinity, loss = 0, duplication = 0, reordering = 0, outages = [], impairments } =
    link.options
  return {
    latency: Distribution.from(link.options.latency ?? 0),
    bandwidth: bandwidth === undefined ? undefined : BigInt(bandwidth),
    queue,
    loss,
    duplication,
    reordering,
    outages,
    impairments,
  }
}

/** What an option of a link is called in errors. */
const named = (link: Any, option: string): string => `${option} of the link ${JSON.stringify(link.name)}`

/**
 * The function `size` of a link, checked. Throws an `OptionError` for what can't be a size.
 *
 * @internal
 */
export const sizeOf = <M>(link: Any, size: (message: M) => number): (message: M) => number => {
  const option = named(link, "size")
  return (message) => {
    const bytes = size(message)
    const bad = badWhole(option, bytes, 0, Number.MAX_SAFE_INTEGER)
    if (bad !== undefined) throw bad
    return bytes
  }
}

/**
 * Checks a link in a world of these guests, and returns what is wrong.
 *
 * @since 0.1.0
 * @category checks
 */
export const badIn = (link: Any, guests: ReadonlySet<string>): OptionError | undefined => {
  const bad = badName("the name of a link", link.name)
  if (bad !== undefined) return bad
  const { ends, latency = 0, bandwidth, queue, outages, impairments, size, corrupt, title } = link.options
  const wrong = (option: string, given: unknown, allowed: string) =>
    new OptionError(named(link, option), given, allowed)
  const badEnds = badList(named(link, "ends"), ends)
  if (badEnds !== undefined) return badEnds
  if (ends.length < 2) return wrong("ends", ends, "it has 2 ends or more")
  if (new Set(ends).size < ends.length) return wrong("ends", ends, "each guest is at one of its ends at most")
  for (const end of ends) {
    if (!guests.has(end)) return wrong("ends", end, `the world's guests are ${[...guests].join(", ")}`)
  }
  for (const option of ["loss", "duplication", "reordering"] as const) {
    const { [option]: share = 0 } = link.options
    const bad = badShare(named(link, option), share)
    if (bad !== undefined) return bad
  }
  if (bandwidth !== undefined && !(typeof bandwidth === "bigint" ? bandwidth > 0n : isWhole(bandwidth))) {
    return wrong("bandwidth", bandwidth, "it is a whole number of bits a second, 1 or more")
  }
  if (queue !== undefined && queue !== Infinity && !isWhole(queue)) {
    return wrong("queue", queue, "it is a whole number of messages, 1 or more")
  }
  for (const [option, given] of [["size", size], ["corrupt", corrupt], ["title", title]] as const) {
    if (given !== undefined && typeof given !== "function") return wrong(option, given, "it is a function")
  }
  try {
    codecOf(link)
  } catch {
    return wrong("message", link.options.message, "it is a schema, of messages that JSON has words for")
  }
  return (outages === undefined ? undefined : Impairment.checkIntervals(named(link, "outages"), outages)) ??
    Distribution.checkInput(named(link, "latency"), latency) ??
    (impairments === undefined ? undefined : Impairment.check(impairments, named(link, "impairments")))
}

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 1
