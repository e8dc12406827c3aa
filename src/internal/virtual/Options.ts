/**
 * The options of `VirtualTime`, and their checks.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import { OptionError } from "../../core/Fault.ts"
import { badChoice, badDuration, badPace, badSeed, badWhole } from "../services/Checks.ts"
import type * as Order from "./Order.ts"

/**
 * How a program is run on simulated time. All of it has a default that suits most.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Decides all chance: an unsigned 32-bit number. What is ready at the same instant runs in an order that this
   * number alone decides, and Effect's `Random` draws from numbers of its own that do so as well. Default: first come,
   * first served; and `Random` is what is provided around the run, or else, in inf-cpu mode, that of seed 0.
   */
  readonly seed?: number
  /** Runs in exactly this order; `VirtualTime.decisions` is where it comes from. `seed` decides `Random` still. */
  readonly order?: Order.Order
  /** Each effectful read of the time costs 256 ns of it, so that polling loops end (SPEC 8). Default: reads are free. */
  readonly readsCostTime?: boolean
  /** Simulated seconds a real second, 10^-9 to 10^9: 1 is real time, 60 a minute a second. Default: as fast as it goes. */
  readonly pace?: number
  /** Fails with `LimitReached` rather than pass one. Default: none. */
  readonly limits?: {
    readonly simulatedTime?: Duration.Input
    readonly realTime?: Duration.Input
    readonly events?: number
  }
  /**
   * Rounds, while time stands still, that are a `Livelock`: in a round, every fiber that can run does once. So are as
   * many reads of the time by one fiber, if nobody else does anything meanwhile. Default: 1,000,000.
   */
  readonly livelockAfter?: number
  /**
   * Real time, spent in a hundred rounds or more while time stands still, that is a `Livelock` as well. Default: 3 s,
   * for a guest on a calendar 4 s.
   */
  readonly livelockAfterRealTime?: Duration.Input
  /**
   * Real time for which a program may wait for the world without a hold, with nothing due, before that is a `Deadlock`.
   * Default: 1 s; 100 ms where `requests` are looked at. As long as any of those is under way it is 30 s at least.
   */
  readonly deadlockAfter?: Duration.Input
  /**
   * Real time in which the program's main fiber doesn't run, while simulated time goes on for others and isn't tied to
   * real time: after that, what `stalled` says is done, and again each time that twice as much has passed. Default: 10 s.
   */
  readonly stalledAfter?: Duration.Input
  /** What is done then: a warning is logged, the program fails with `Stalled`, or nothing. Default: `warn`. */
  readonly stalled?: "warn" | "fail" | "ignore"
  /**
   * Whether loops of yields, and of sleeps of zero, cost time, as they do in real time. Each round of them is then a turn
   * of the event loop; and after 10,000 rounds in which time hasn't moved, it goes on to what is due next, if there is
   * anything. The same loop is then less waited for: a quarter of the rounds each time, but at least 64. So what waits in
   * a loop for a sleeper ends. Default: no, both are free; `guest-clock/testing` has it on.
   */
  readonly yieldsCostTime?: boolean
  /**
   * What is done where time is about to move while a request to the world is under way that the runtime can tell of:
   * a file, a hash, a connection, the look-up of a name (docs/virtual-time.md, "Real requests"). `wait` has time stand
   * still until it is over: each jump then takes a look of the event loop at the world. `warn` logs a warning, once.
   * With `ignore` nobody looks, which is the fastest. Default: `ignore`; `wait` in `guest-clock/testing`.
   */
  readonly requests?: "wait" | "warn" | "ignore"
  /** What it is when the program of a `VirtualTime.run` has ended and fibers of it still sleep. Default: `allow`. */
  readonly timersAtEnd?: "allow" | "fail"
}

/** Checks an order, and returns what is wrong. */
const badOrder = (order: Order.Order | undefined): OptionError | undefined => {
  if (order === undefined) return undefined
  const bad = badChoice("order._tag", order?._tag, ["Fifo", "Seeded", "Replayed"])
  if (bad !== undefined || order._tag === "Fifo") return bad
  if (order._tag === "Seeded") return badSeed("order.seed", order.seed)
  if (!(order.chosen instanceof Map)) return new OptionError("order.chosen", order.chosen, "it is a Map")
  for (const [decision, chosen] of order.chosen) {
    const bad = badWhole("order.chosen", decision, 0, Number.MAX_SAFE_INTEGER) ??
      badWhole("order.chosen", chosen, 0, Number.MAX_SAFE_INTEGER)
    if (bad !== undefined) return bad
  }
  return undefined
}

/** Checks an option that may be left out, and returns what is wrong. */
const optional = <A>(given: A | undefined, bad: (given: A) => OptionError | undefined): OptionError | undefined =>
  given === undefined ? undefined : bad(given)

/** Checks a number of steps that are a livelock, and returns what is wrong. */
export const badLivelockAfter = (option: string, given: number | undefined): OptionError | undefined =>
  optional(given, (given) => badWhole(option, given, 1, Infinity))

/** Checks the options, and returns what is wrong. */
export const badIn = (options: Options): OptionError | undefined => {
  const { limits } = options
  const duration = (option: string, given: Duration.Input | undefined) =>
    optional(given, (given) => badDuration(option, given))
  const choice = (option: string, given: string | undefined, allowed: ReadonlyArray<string>) =>
    optional(given, (given) => badChoice(option, given, allowed))
  return optional(options.seed, (seed) => badSeed("seed", seed)) ?? badOrder(options.order) ?? badPace(options.pace) ??
    optional(limits?.events, (events) => badWhole("limits.events", events, 0, Infinity)) ??
    badLivelockAfter("livelockAfter", options.livelockAfter) ??
    duration("livelockAfterRealTime", options.livelockAfterRealTime) ??
    duration("deadlockAfter", options.deadlockAfter) ??
    duration("stalledAfter", options.stalledAfter) ??
    duration("limits.simulatedTime", limits?.simulatedTime) ??
    duration("limits.realTime", limits?.realTime) ??
    choice("stalled", options.stalled, ["warn", "fail", "ignore"]) ??
    choice("requests", options.requests, ["wait", "warn", "ignore"]) ??
    choice("timersAtEnd", options.timersAtEnd, ["allow", "fail"])
}
