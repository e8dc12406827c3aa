/**
 * Distributions of durations, as plain data: they can be printed, compared, and sent to
 * another process. What is drawn is whole ns, 0 or more, and the same to the bit on
 * every runtime.
 *
 * A draw is computed as a double and rounded to the nearest ns, a half upwards, so up to
 * 2^53 ns (104 days) nothing but the draw itself is rounded. What a constant, a uniform
 * or an empirical distribution gives is a bigint throughout. None gives more than 2^62 ns.
 *
 * Constructors take numbers and durations of any size, so that the function that is given a distribution
 * can say by the name of its own option what {@link check} finds wrong with it. A {@link sampler}
 * and a {@link mean} throw that. What is no duration at all, constructors throw.
 *
 * @example
 * ```ts
 * import { Distribution } from "guest-clock/simulation"
 *
 * console.log(Distribution.format(Distribution.exponential("2 millis"))) // exponential, mean 2000000 ns
 * console.log(Distribution.mean(Distribution.uniform("1 millis", "2 millis"))) // 1500000
 * ```
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { OptionError } from "../core/Fault.ts"
import { assertRight, badPairs, check } from "../internal/simulation/DistributionCheck.ts"
import type { AnyDistribution } from "../internal/simulation/AnyDistribution.ts"
import { drawing } from "../internal/simulation/DistributionDraw.ts"
import { meanOf } from "../internal/simulation/DistributionMean.ts"
import { durationOf, inNanos } from "../internal/services/Times.ts"
import type { Random } from "./Random.ts"

export { check } from "../internal/simulation/DistributionCheck.ts"

/**
 * How durations are distributed. Times are in ns.
 *
 * @since 0.1.0
 * @category models
 */
export type Distribution = AnyDistribution

const time = Schema.BigIntFromString
const weighted = <A>(of: Schema.Codec<A, unknown>) => Schema.Array(Schema.Tuple([Schema.Number, of]))

/**
 * The schema by which distributions are stored and sent: as JSON, with times as texts.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Distribution: Schema.Codec<Distribution, unknown> = Schema.TaggedUnion({
  Constant: { value: time },
  Uniform: { least: time, most: time },
  Exponential: { mean: time },
  Erlang: { mean: time, stages: Schema.Number },
  Gamma: { mean: time, shape: Schema.Number },
  Normal: { mean: time, deviation: time },
  LogNormal: { median: time, sigma: Schema.Number },
  Pareto: { least: time, shape: Schema.Number },
  Weibull: { scale: time, shape: Schema.Number },
  Triangular: { least: time, mode: time, most: time },
  Mixture: { parts: weighted(Schema.suspend((): Schema.Codec<Distribution, unknown> => Distribution)) },
  Empirical: { values: weighted(time) },
})

/**
 * Always the same.
 *
 * @since 0.1.0
 * @category constructors
 */
export const constant = (value: Duration.Input): Distribution => ({
  _tag: "Constant",
  value: inNanos(value, "a constant"),
})

/**
 * Each whole ns from `least` to `most`, both included, as likely as any other.
 *
 * @since 0.1.0
 * @category constructors
 */
export const uniform = (least: Duration.Input, most: Duration.Input): Distribution => ({
  _tag: "Uniform",
  least: inNanos(least, "least"),
  most: inNanos(most, "most"),
})

/**
 * The time between events that don't know of each other.
 *
 * **When to use**
 *
 * Use it for what comes by chance and at a constant rate: arrivals of customers, failures of machines.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Distribution, Random } from "guest-clock/simulation"
 *
 * const random = await Effect.runPromise(Random.make(7))
 * const between = Distribution.sampler(Distribution.exponential("1 minute"), random)
 * let sum = 0n
 * for (let n = 0; n < 10_000; n++) sum += between()
 * console.log(sum / 10_000n / 1_000_000_000n) // 60n
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const exponential = (mean: Duration.Input): Distribution => ({
  _tag: "Exponential",
  mean: inNanos(mean, "the mean"),
})

/**
 * The sum of `stages` exponential times, 1 to 1,000: steadier, the more there are.
 *
 * @since 0.1.0
 * @category constructors
 */
export const erlang = (mean: Duration.Input, stages: number): Distribution => ({
  _tag: "Erlang",
  mean: inNanos(mean, "the mean"),
  stages,
})

/**
 * An Erlang distribution of any shape, 0.1 to 1,000,000: its deviation is mean / √shape.
 *
 * @since 0.1.0
 * @category constructors
 */
export const gamma = (mean: Duration.Input, shape: number): Distribution => ({
  _tag: "Gamma",
  mean: inNanos(mean, "the mean"),
  shape,
})

/**
 * The bell curve around `mean`; what is below 0 is drawn again, so where `deviation` isn't small {@link mean} is higher.
 *
 * @since 0.1.0
 * @category constructors
 */
export const normal = (mean: Duration.Input, deviation: Duration.Input): Distribution => ({
  _tag: "Normal",
  mean: inNanos(mean, "the mean"),
  deviation: inNanos(deviation, "the deviation"),
})

/**
 * Half are below `median`; `sigma`, 0 to 10, is the deviation of the logarithm.
 *
 * @since 0.1.0
 * @category constructors
 */
export const logNormal = (median: Duration.Input, sigma: number): Distribution => ({
  _tag: "LogNormal",
  median: inNanos(median, "the median"),
  sigma,
})

/**
 * `least` and more, by a power law: P(more than x) = (least / x)^shape, with a shape from 0.1 to 1,000.
 *
 * @since 0.1.0
 * @category constructors
 */
export const pareto = (least: Duration.Input, shape: number): Distribution => ({
  _tag: "Pareto",
  least: inNanos(least, "least"),
  shape,
})

/**
 * The time to a failure: P(more than x) = e^−(x / scale)^shape, with a shape from 0.1 to 1,000. Shape 1 is the exponential
 * distribution; below it early failures are likelier, above it those by wear.
 *
 * @since 0.1.0
 * @category constructors
 */
export const weibull = (scale: Duration.Input, shape: number): Distribution => ({
  _tag: "Weibull",
  scale: inNanos(scale, "the scale"),
  shape,
})

/**
 * Rises from `least` to `mode`, and falls to `most`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const triangular = (least: Duration.Input, mode: Duration.Input, most: Duration.Input): Distribution => ({
  _tag: "Triangular",
  least: inNanos(least, "least"),
  mode: inNanos(mode, "mode"),
  most: inNanos(most, "most"),
})
/** A list of pairs; anything else is thrown as an `OptionError`. */
const pairs = <Pair>(option: string, given: ReadonlyArray<Pair>): ReadonlyArray<Pair> => {
  const bad = badPairs(option, given)
  if (bad !== undefined) throw bad
  return given
}

/**
 * One of several, each as often as its weight is of all weights.
 *
 * @since 0.1.0
 * @category constructors
 */
export const mixture = (
  parts: ReadonlyArray<readonly [weight: number, part: Distribution | Duration.Input]>,
): Distribution => ({
  _tag: "Mixture",
  parts: pairs("parts", parts).map(([weight, part]) => [weight, from(part, "a part")]),
})

/**
 * One of several values, each as often as its weight is of all weights: what was measured, for example.
 *
 * @example
 * ```ts
 * import { Distribution, Random } from "guest-clock/simulation"
 *
 * const measured = Distribution.empirical([[90, "2 millis"], [9, "5 millis"], [1, "200 millis"]])
 * console.log(Distribution.mean(measured)) // 4250000
 *
 * const random = Random.makeUnsafe(1)
 * const draw = Distribution.sampler(measured, random.fork("disk"))
 * console.log(draw(), draw(), draw()) // …
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const empirical = (
  values: ReadonlyArray<readonly [weight: number, value: Duration.Input]>,
): Distribution => ({
  _tag: "Empirical",
  values: pairs("values", values).map(([weight, value]) => [weight, inNanos(value, "a value")]),
})

/**
 * Whether something is a distribution, rather than a duration.
 *
 * @since 0.1.0
 * @category guards
 */
export const isDistribution = (value: Distribution | Duration.Input): value is Distribution =>
  typeof value === "object" && value !== null && "_tag" in value

/**
 * A distribution of what may be only a duration. What is neither is thrown, as an `OptionError` of `option`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const from = (value: Distribution | Duration.Input, option = "a duration"): Distribution =>
  isDistribution(value) ? value : { _tag: "Constant", value: inNanos(value, option) }

/**
 * Checks a distribution or a duration that is given for `option`, and returns what is wrong.
 *
 * @since 0.1.0
 * @category checks
 */
export const checkInput = (option: string, value: Distribution | Duration.Input): OptionError | undefined =>
  isDistribution(value) || durationOf(value) !== undefined
    ? check(option, from(value))
    : new OptionError(option, value, 'it is a distribution, or a duration, as "5 seconds" or a number of ms')

/**
 * Draws from `distribution`, one after the other; `random` is its own from now on. What
 * {@link check} finds wrong with the distribution is thrown.
 *
 * @since 0.1.0
 * @category sampling
 */
export const sampler = (distribution: Distribution, random: Random): () => bigint => {
  assertRight(distribution)
  return drawing(distribution, random)
}
/**
 * The mean before rounding, in ns; that of a Pareto distribution with a shape up to 1 is
 * infinite. What {@link check} finds wrong with the distribution is thrown.
 *
 * @since 0.1.0
 * @category sampling
 */
export const mean = (distribution: Distribution): number => {
  assertRight(distribution)
  return meanOf(distribution)
}
/**
 * For people.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (distribution: Distribution): string => {
  switch (distribution._tag) {
    case "Constant":
      return `${distribution.value} ns`
    case "Uniform":
      return `uniform, ${distribution.least} to ${distribution.most} ns`
    case "Exponential":
      return `exponential, mean ${distribution.mean} ns`
    case "Erlang":
      return `Erlang of ${distribution.stages}, mean ${distribution.mean} ns`
    case "Gamma":
      return `gamma of shape ${distribution.shape}, mean ${distribution.mean} ns`
    case "Normal":
      return `normal, mean ${distribution.mean} ns, deviation ${distribution.deviation} ns`
    case "LogNormal":
      return `log-normal, median ${distribution.median} ns, sigma ${distribution.sigma}`
    case "Pareto":
      return `Pareto, ${distribution.least} ns and more, shape ${distribution.shape}`
    case "Weibull":
      return `Weibull, scale ${distribution.scale} ns, shape ${distribution.shape}`
    case "Triangular":
      return `triangular, ${distribution.least} to ${distribution.mode} to ${distribution.most} ns`
    case "Mixture":
      return `one of ${distribution.parts.map(([weight, part]) => `${weight} × (${format(part)})`).join(", ")}`
    case "Empirical":
      return `one of ${distribution.values.map(([weight, value]) => `${weight} × ${value} ns`).join(", ")}`
  }
}
