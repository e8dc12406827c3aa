/**
 * What a guest counts and measures while it runs, by name.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Report, Statistics, World } from "guest-clock/simulation"
 *
 * const shop = Guest.make("shop", Effect.gen(function*() {
 *   const served = yield* Statistics.counter("served")
 *   const busy = yield* Statistics.level("busy")
 *   for (let customer = 0; customer < 10; customer++) {
 *     busy.set(1)
 *     yield* Effect.sleep("3 minutes")
 *     busy.set(0)
 *     served.add()
 *     yield* Effect.sleep("1 minute")
 *   }
 * }))
 * const result = await Effect.runPromise(World.run(World.make({ guests: [shop] })))
 * console.log(Report.csv(Report.make(result)).split("\r\n")[3]) // shop,busy,level,,mean,0.75
 * ```
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { OptionError } from "../core/Fault.ts"
import { orFail } from "../internal/services/Unsafe.ts"
import type { Histogram } from "../internal/simulation/Histogram.ts"
import type { Tally } from "../internal/simulation/Tally.ts"
import type { Counter, Level, Series } from "../internal/simulation/Instruments.ts"
import { Self } from "../internal/simulation/Self.ts"
import type { HistogramOptions, SeriesOptions, Statistics, Unit } from "../internal/simulation/Statistics.ts"

export { Tally } from "../internal/simulation/Tally.ts"
export { type Bucket, Histogram } from "../internal/simulation/Histogram.ts"
export { Counter, Level, type Sample, Series, type Summary } from "../internal/simulation/Instruments.ts"
export {
  type HistogramOptions,
  type SeriesOptions,
  type Settings,
  Statistics,
  type Unit,
} from "../internal/simulation/Statistics.ts"
export { merge, type Reading, Snapshot } from "../internal/simulation/Snapshot.ts"

const ofSelf = <I>(get: (statistics: Statistics) => I): Effect.Effect<I, OptionError, Self> =>
  Effect.flatMap(Self, ({ statistics }) => orFail(() => get(statistics)))

/**
 * This guest's counter of that name. One that is of another kind already is an `OptionError`; so below.
 *
 * **When to use**
 *
 * Use it for how often something happens.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Statistics, World } from "guest-clock/simulation"
 *
 * const shop = Guest.make("shop", Effect.gen(function*() {
 *   const served = yield* Statistics.counter("served")
 *   served.add(2)
 *   console.log(served.value) // 2n
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [shop] })))
 * ```
 *
 * @since 0.1.0
 * @category instruments
 */
export const counter = (name: string, options?: Unit): Effect.Effect<Counter, OptionError, Self> =>
  ofSelf((statistics) => statistics.counterUnsafe(name, options))

/**
 * This guest's level of that name: 0 at first, and averaged over time from now on.
 *
 * **When to use**
 *
 * Use it for what has a value at each time, as the length of a queue: its mean is over time.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Statistics, World } from "guest-clock/simulation"
 *
 * const shop = Guest.make("shop", Effect.gen(function*() {
 *   const queue = yield* Statistics.level("queue")
 *   queue.set(3)
 *   queue.add(-1)
 *   console.log(queue.value) // 2
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [shop] })))
 * ```
 *
 * @since 0.1.0
 * @category instruments
 */
export const level = (name: string, options?: Unit): Effect.Effect<Level, OptionError, Self> =>
  ofSelf((statistics) => statistics.levelUnsafe(name, options))

/**
 * This guest's histogram of that name: of durations in ns, unless another unit is given.
 *
 * @since 0.1.0
 * @category instruments
 */
export const histogram = (name: string, options?: HistogramOptions): Effect.Effect<Histogram, OptionError, Self> =>
  ofSelf((statistics) => statistics.histogramUnsafe(name, options))

/**
 * This guest's tally of that name: of numbers of any size and sign, as fractions, differences or temperatures.
 *
 * **When to use**
 *
 * Use it for numbers of which each counts the same, whatever their sign.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Statistics, World } from "guest-clock/simulation"
 *
 * const shop = Guest.make("shop", Effect.gen(function*() {
 *   const errors = yield* Statistics.tally("errors")
 *   for (const error of [-0.5, 0.5, 3]) errors.record(error)
 *   console.log(errors.mean) // 1
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [shop] })))
 * ```
 *
 * @since 0.2.0
 * @category instruments
 */
export const tally = (name: string, options?: HistogramOptions): Effect.Effect<Tally, OptionError, Self> =>
  ofSelf((statistics) => statistics.tallyUnsafe(name, options))

/**
 * This guest's series of samples of that name.
 *
 * @since 0.1.0
 * @category instruments
 */
export const series = (name: string, options?: SeriesOptions): Effect.Effect<Series, OptionError, Self> =>
  ofSelf((statistics) => statistics.seriesUnsafe(name, options))
