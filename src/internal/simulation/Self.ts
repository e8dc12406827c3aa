/**
 * The service of a guest's program: its ports, its random streams, its statistics, and its notes for the journal.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { OptionError } from "../../core/Fault.ts"
import type { ClockError, Handling } from "../../Event.ts"
import type { Table } from "./Running.ts"
import type { Random } from "../../simulation/Random.ts"
import type { Statistics } from "./Statistics.ts"

/**
 * A message that has arrived. Times are in ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Arrival<M> {
  readonly message: M
  /** Its sender. */
  readonly from: string
  /** When, on its sender's clock. */
  readonly sentAt: bigint
  /** When it arrived, on this guest's. */
  readonly at: bigint
}

/**
 * The handler of an arriving message, an interrupt's handler. It may send.
 *
 * @since 0.1.0
 * @category models
 */
export type OnArrival<M> = (
  arrival: Arrival<M>,
  handling: Handling,
) => Effect.Effect<void, ClockError | OptionError> | void

/**
 * A guest's end of a link.
 *
 * @since 0.1.0
 * @category models
 */
export interface Port<M> {
  /** The link's name. */
  readonly link: string
  /** The guests at the other ends. */
  readonly peers: ReadonlyArray<string>
  /**
   * Sends a message to one peer, or to all of them where `to` is left out. It is on its way,
   * or lost, when this ends; it takes no time. What arrives is what the message was then, another one for each receiver.
   * A peer that isn't one is an `OptionError`, and so is a message that its link's schema doesn't allow: nothing is sent.
   */
  readonly send: (message: M, to?: string) => Effect.Effect<void, ClockError | OptionError>
  /** The next message, in order of arrival: waits for it, if none is there. */
  readonly receive: Effect.Effect<Arrival<M>>
  /** The messages as they arrive. */
  readonly arrivals: Stream.Stream<Arrival<M>>
  /** Has `handler` called on each arrival, within the interrupt, in place of {@link Port.receive}. */
  readonly onArrival: (handler: OnArrival<M>) => Effect.Effect<void>
  /** Pulls the plug at this end: what would leave or arrive here is lost, until it is plugged in again. */
  readonly unplug: Effect.Effect<void>
  /** Plugs it in again. */
  readonly plugIn: Effect.Effect<void>
}

/** A link, as who opens it knows it. */
export interface Linked<M> {
  readonly name: string
  readonly options: { readonly message: Schema.Codec<M, unknown> }
}

/**
 * The guest itself, as its program sees it: name, time, chance, statistics and links.
 *
 * @since 0.1.0
 * @category models
 */
export interface Self {
  /** What the world calls it. */
  readonly name: string
  /** Its time, in ns. */
  readonly now: () => bigint
  /** Chance that the world's seed and the guest's name alone decide. `Random` of Effect is seeded from it as well. */
  readonly random: Random
  /** What the guest counts and measures. */
  readonly statistics: Statistics
  /** This guest's end of a link. Where it has none, that is an `OptionError`. */
  readonly open: <M>(link: Linked<M>) => Effect.Effect<Port<M>, OptionError>
  /** See {@link note}. */
  readonly note: (text: string, data?: unknown) => Effect.Effect<void>
  /** See {@link stop}. */
  readonly stop: (reason: string) => Effect.Effect<never, OptionError>
  /**
   * Its processes.
   *
   * @internal
   */
  readonly processes: Table
}

/**
 * The service: the guest whose program this is.
 *
 * **When to use**
 *
 * Use it in a guest's program for its time, its chance and its statistics.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, World } from "guest-clock/simulation"
 *
 * const die = Guest.make("die", Effect.gen(function*() {
 *   const { name, now, random } = yield* Guest.Self
 *   console.log(name, now(), random.fork("throws").below(6n) < 6n) // die 0n true
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [die] })))
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export const Self: Context.Service<Self, Self> = Context.Service<Self>("guest-clock/simulation/Self")

/**
 * Notes something down in the world's journal, for people and for checkers. `data` is copied: plain objects and arrays of
 * strings, numbers, booleans and bigints, dates, maps, sets and typed arrays; of an object of a class its fields count, or
 * what its `toJSON` returns. Anything else, as a function or a promise, is a defect, which fails the guest and names it.
 *
 * **When to use**
 *
 * Use it for what checkers are to judge, and for what the journal should show to people.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, World } from "guest-clock/simulation"
 *
 * const shop = Guest.make("shop", Guest.note("open", { till: 1 }))
 * const { journal } = await Effect.runPromise(World.run(World.make({ guests: [shop] }), { journal: true }))
 * console.log(journal.map((entry) => entry._tag === "Noted" ? entry.text : entry._tag)) // [ "open", … ]
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const note = (text: string, data?: unknown): Effect.Effect<void, never, Self> =>
  Effect.flatMap(Self, (self) => self.note(text, data))

/**
 * Ends the world at this instant, which is no failure: `World.run` ends with `stopped`, which says who did it and why.
 * Nobody does anything any more, but for finalizers, of which nothing is seen. The reason is a text of 1 character or more.
 *
 * **When to use**
 *
 * Use it where the simulation has shown what it was for, before its time is up.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, World } from "guest-clock/simulation"
 *
 * const shop = Guest.make("shop", Effect.andThen(Effect.sleep("1 hour"), Guest.stop("sold out")))
 * const { stopped, time } = await Effect.runPromise(World.run(World.make({ guests: [shop] })))
 * console.log(stopped?.reason, time) // sold out 3600000000000n
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const stop = (reason: string): Effect.Effect<never, OptionError, Self> =>
  Effect.flatMap(Self, (self) => self.stop(reason))
