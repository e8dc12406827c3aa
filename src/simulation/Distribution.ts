/**
 * Distributions of durations, as plain data: they can be printed, compared, and sent to
 * another process. What is drawn is whole ns, 0 or more, and the same to the bit on
 * every runtime.
 *
 * A draw is computed as a double and rounded to the nearest ns, a half upwards, so up to
 * 2^53 ns (104 days) nothing but the draw itself is rounded. What a constant, a uniform
 * or an empirical distribution gives is a bigint throughout. None gives more than 2^62 ns.
 *
 * Constructors take numbers and durations of any size, so that whoever is given a distribution
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
import { badList } from "../internal/services/Checks.ts"
import { durationOf, inNanos } from "../internal/services/Times.ts"
import { exp, ln } from "../internal/simulation/PortableMath.ts"
import type { Random } from "./Random.ts"

/** How durations are distributed. Times are in ns. */
export type Distribution =
  /** Always the same. */
  | { readonly _tag: "Constant"; readonly value: bigint }
  /** Each whole ns from `least` to `most`, both included, as likely as any other. */
  | { readonly _tag: "Uniform"; readonly least: bigint; readonly most: bigint }
  /** The time between events that don't know of each other. */
  | { readonly _tag: "Exponential"; readonly mean: bigint }
  /** The sum of `stages` exponential times: steadier, the more there are. */
  | { readonly _tag: "Erlang"; readonly mean: bigint; readonly stages: number }
  /** The same for any number of stages, whole or not: below 1 it is more erratic than the exponential distribution. */
  | { readonly _tag: "Gamma"; readonly mean: bigint; readonly shape: number }
  /** The bell curve; what is below 0 is drawn again, which raises its mean where `deviation` isn't small. */
  | { readonly _tag: "Normal"; readonly mean: bigint; readonly deviation: bigint }
  /** Its logarithm is normal: a long tail to the right. */
  | { readonly _tag: "LogNormal"; readonly median: bigint; readonly sigma: number }
  /** `least` and more, by a power law: the lower `shape`, the heavier its tail. Up to 2 it has no variance, up to 1 no mean. */
  | { readonly _tag: "Pareto"; readonly least: bigint; readonly shape: number }
  /** Rises from `least` to `mode` and falls to `most`. */
  | { readonly _tag: "Triangular"; readonly least: bigint; readonly mode: bigint; readonly most: bigint }
  /** One of several, each as often as its weight is of all weights. */
  | { readonly _tag: "Mixture"; readonly parts: ReadonlyArray<readonly [weight: number, part: Distribution]> }
  /** One of several values, each as often as its weight is of all weights. */
  | { readonly _tag: "Empirical"; readonly values: ReadonlyArray<readonly [weight: number, value: bigint]> }

const time = Schema.BigIntFromString
const weighted = <A>(of: Schema.Codec<A, unknown>) => Schema.Array(Schema.Tuple([Schema.Number, of]))

/** How distributions are stored and sent: as JSON, with times as texts. */
export const Distribution: Schema.Codec<Distribution, unknown> = Schema.TaggedUnion({
  Constant: { value: time },
  Uniform: { least: time, most: time },
  Exponential: { mean: time },
  Erlang: { mean: time, stages: Schema.Number },
  Gamma: { mean: time, shape: Schema.Number },
  Normal: { mean: time, deviation: time },
  LogNormal: { median: time, sigma: Schema.Number },
  Pareto: { least: time, shape: Schema.Number },
  Triangular: { least: time, mode: time, most: time },
  Mixture: { parts: weighted(Schema.suspend((): Schema.Codec<Distribution, unknown> => Distribution)) },
  Empirical: { values: weighted(time) },
})

/** Always the same. */
export const constant = (value: Duration.Input): Distribution => ({
  _tag: "Constant",
  value: inNanos(value, "a constant"),
})

/** Each whole ns from `least` to `most`, both included, as likely as any other. */
export const uniform = (least: Duration.Input, most: Duration.Input): Distribution => ({
  _tag: "Uniform",
  least: inNanos(least, "least"),
  most: inNanos(most, "most"),
})

/** The time between events that don't know of each other. */
export const exponential = (mean: Duration.Input): Distribution => ({
  _tag: "Exponential",
  mean: inNanos(mean, "the mean"),
})

/** The sum of `stages` exponential times, 1 to 1,000: steadier, the more there are. */
export const erlang = (mean: Duration.Input, stages: number): Distribution => ({
  _tag: "Erlang",
  mean: inNanos(mean, "the mean"),
  stages,
})

/** An Erlang distribution of any shape, 0.1 to 1,000,000: its deviation is mean / √shape. */
export const gamma = (mean: Duration.Input, shape: number): Distribution => ({
  _tag: "Gamma",
  mean: inNanos(mean, "the mean"),
  shape,
})

/** The bell curve around `mean`; what is below 0 is drawn again, so where `deviation` isn't small {@link mean} is higher. */
export const normal = (mean: Duration.Input, deviation: Duration.Input): Distribution => ({
  _tag: "Normal",
  mean: inNanos(mean, "the mean"),
  deviation: inNanos(deviation, "the deviation"),
})

/** Half are below `median`; `sigma`, 0 to 10, is the deviation of the logarithm. */
export const logNormal = (median: Duration.Input, sigma: number): Distribution => ({
  _tag: "LogNormal",
  median: inNanos(median, "the median"),
  sigma,
})

/** `least` and more, by a power law: P(more than x) = (least / x)^shape, with a shape from 0.1 to 1,000. */
export const pareto = (least: Duration.Input, shape: number): Distribution => ({
  _tag: "Pareto",
  least: inNanos(least, "least"),
  shape,
})

/** Rises from `least` to `mode`, and falls to `most`. */
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

/** What is wrong with a list of pairs, if anything is. */
const badPairs = (option: string, given: unknown): OptionError | undefined =>
  badList(option, given) ??
    (Array.isArray(given) && !given.every((pair) => Array.isArray(pair) && pair.length === 2)
      ? new OptionError(option, given, "each is a pair: a weight, and what has it")
      : undefined)

/** One of several, each as often as its weight is of all weights. */
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
 */
export const empirical = (
  values: ReadonlyArray<readonly [weight: number, value: Duration.Input]>,
): Distribution => ({
  _tag: "Empirical",
  values: pairs("values", values).map(([weight, value]) => [weight, inNanos(value, "a value")]),
})

/** Whether something is a distribution, rather than a duration. */
export const isDistribution = (value: Distribution | Duration.Input): value is Distribution =>
  typeof value === "object" && value !== null && "_tag" in value

/** A distribution of what may be only a duration. What is neither is thrown, as an `OptionError` of `option`. */
export const from = (value: Distribution | Duration.Input, option = "a duration"): Distribution =>
  isDistribution(value) ? value : { _tag: "Constant", value: inNanos(value, option) }

/** What is wrong with a distribution or a duration that is given for `option`, if anything is. */
export const checkInput = (option: string, value: Distribution | Duration.Input): OptionError | undefined =>
  isDistribution(value) || durationOf(value) !== undefined
    ? check(option, from(value))
    : new OptionError(option, value, 'it is a distribution, or a duration, as "5 seconds" or a number of ms')

const TAGS: ReadonlySet<string> = new Set([
  "Constant",
  "Uniform",
  "Exponential",
  "Erlang",
  "Gamma",
  "Normal",
  "LogNormal",
  "Pareto",
  "Triangular",
  "Mixture",
  "Empirical",
])

/** The longest duration that may be asked for: half of all times. */
const MOST = 1n << 62n

/**
 * What is wrong with a distribution that is given for `option`, if anything is.
 *
 * @example
 * ```ts
 * import { Distribution } from "guest-clock/simulation"
 *
 * const error = Distribution.check("latency", Distribution.uniform("2 millis", "1 millis"))
 * console.log(error?.message) // latency can't be 1000000: most is from 2000000 to 2^62 ns
 * ```
 */
export const check = (option: string, distribution: Distribution): OptionError | undefined => {
  const wrong = (given: unknown, allowed: string) => new OptionError(option, given, allowed)
  const badTime = (name: string, time: bigint, least = 0n) =>
    typeof time === "bigint" && time >= least && time <= MOST
      ? undefined
      : wrong(time, `${name} is from ${least} to 2^62 ns`)
  const badNumber = (name: string, given: number, least: number, most: number) =>
    typeof given === "number" && given >= least && given <= most
      ? undefined
      : wrong(given, `${name} is from ${least} to ${most}`)
  const badWeights = <A>(
    all: ReadonlyArray<readonly [weight: number, of: A]>,
    badOne: (of: A) => OptionError | undefined,
  ) => {
    const bad = badPairs(option, all)
    if (bad !== undefined) return bad
    let sum = 0
    for (const [weight, of] of all) {
      const bad = badNumber("a weight", weight, 0, Number.MAX_VALUE) ?? badOne(of)
      if (bad !== undefined) return bad
      sum += weight
    }
    return sum > 0 && sum < Infinity ? undefined : wrong(sum, "its weights have a finite sum greater than 0")
  }
  if (typeof distribution !== "object" || distribution === null || !TAGS.has(distribution._tag)) {
    return wrong(distribution, "it is a distribution, as `constant` and its like make them")
  }
  switch (distribution._tag) {
    case "Constant":
      return badTime("a constant", distribution.value)
    case "Uniform":
      return badTime("least", distribution.least) ?? badTime("most", distribution.most, distribution.least)
    case "Exponential":
      return badTime("the mean", distribution.mean)
    case "Erlang":
      return badTime("the mean", distribution.mean) ?? badNumber("stages", distribution.stages, 1, 1000) ??
        (Number.isInteger(distribution.stages) ? undefined : wrong(distribution.stages, "stages is a whole number"))
    case "Gamma":
      return badTime("the mean", distribution.mean) ?? badNumber("shape", distribution.shape, 0.1, 1e6)
    case "Normal":
      return badTime("the mean", distribution.mean) ?? badTime("the deviation", distribution.deviation)
    case "LogNormal":
      return badTime("the median", distribution.median) ?? badNumber("sigma", distribution.sigma, 0, 10)
    case "Pareto":
      return badTime("least", distribution.least) ?? badNumber("shape", distribution.shape, 0.1, 1000)
    case "Triangular":
      return badTime("least", distribution.least) ?? badTime("mode", distribution.mode, distribution.least) ??
        badTime("most", distribution.most, distribution.mode)
    case "Mixture":
      return badWeights(distribution.parts, (part) => check(option, part))
    case "Empirical":
      return badWeights(distribution.values, (value) => badTime("a value", value))
  }
}

/** What a draw is at most: a heavy tail may have no end, but time has. */
const CAP = Number(MOST)

const whole = (nanos: number): bigint => BigInt(Math.round(nanos < CAP ? nanos : CAP))

/** From above 0 to 1, for logarithms. */
const positive = (random: Random): number => 1 - random.number()

/** A number from the bell curve with mean 0 and deviation 1: Marsaglia's polar method, of which one half is used. */
const bell = (random: Random): number => {
  for (;;) {
    const x = 2 * random.number() - 1
    const y = 2 * random.number() - 1
    const square = x * x + y * y
    if (square < 1 && square > 0) return x * Math.sqrt(-2 * ln(square) / square)
  }
}

/** A number from the gamma distribution of mean `shape`, 1 or more: by Marsaglia and Tsang (2000). */
const gammaOf = (shape: number, random: Random): number => {
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = bell(random)
    const root = 1 + c * x
    const share = positive(random)
    if (root <= 0) continue
    const v = root * root * root
    if (ln(share) < x * x / 2 + d - d * v + d * ln(v)) return d * v
  }
}

/** Which of several is meant by a number from 0 to below 1, each having a part of that by its weight. */
const chooser = (weights: ReadonlyArray<number>): (number: number) => number => {
  let sum = 0
  // Where each one's part ends.
  const ends = Float64Array.from(weights, (weight) => sum += weight)
  return (number) => {
    const at = number * sum
    let [first, last] = [0, ends.length - 1]
    while (first < last) {
      const middle = (first + last) >>> 1
      if (ends[middle]! > at) last = middle
      else first = middle + 1
    }
    return first
  }
}

/** What is wrong with a distribution is thrown. */
const assertRight = (distribution: Distribution): void => {
  const wrong = check("distribution", distribution)
  if (wrong !== undefined) throw wrong
}

/**
 * Draws from `distribution`, one after the other; `random` is its own from now on. What
 * {@link check} finds wrong with the distribution is thrown.
 */
export const sampler = (distribution: Distribution, random: Random): () => bigint => {
  assertRight(distribution)
  return drawing(distribution, random)
}

/** As {@link sampler}, of a distribution that was checked. */
const drawing = (distribution: Distribution, random: Random): () => bigint => {
  switch (distribution._tag) {
    case "Constant": {
      const { value } = distribution
      return () => value
    }
    case "Uniform": {
      const { least, most } = distribution
      const count = most - least + 1n
      return () => least + random.below(count)
    }
    case "Exponential": {
      const mean = Number(distribution.mean)
      return () => whole(-mean * ln(positive(random)))
    }
    case "Erlang": {
      const [mean, { stages }] = [Number(distribution.mean) / distribution.stages, distribution]
      return () => {
        let sum = 0
        for (let stage = 0; stage < stages; stage++) sum -= ln(positive(random))
        return whole(mean * sum)
      }
    }
    case "Gamma": {
      const { shape } = distribution
      const scale = Number(distribution.mean) / shape
      if (shape >= 1) return () => whole(scale * gammaOf(shape, random))
      // Of one stage more, and a part of that.
      return () => whole(scale * gammaOf(shape + 1, random) * exp(ln(positive(random)) / shape))
    }
    case "Normal": {
      const [mean, deviation] = [Number(distribution.mean), Number(distribution.deviation)]
      return () => {
        // At worst, with mean 0, every second one is drawn again.
        for (;;) {
          const drawn = mean + deviation * bell(random)
          if (drawn >= 0) return whole(drawn)
        }
      }
    }
    case "LogNormal": {
      const [median, { sigma }] = [Number(distribution.median), distribution]
      return () => whole(median * exp(sigma * bell(random)))
    }
    case "Pareto": {
      const [least, { shape }] = [Number(distribution.least), distribution]
      return () => whole(least * exp(-ln(positive(random)) / shape))
    }
    case "Triangular": {
      const [least, mode, most] = [Number(distribution.least), Number(distribution.mode), Number(distribution.most)]
      const [width, rise, fall] = [most - least, mode - least, most - mode]
      return () => {
        const share = random.number()
        return share * width < rise
          ? whole(least + Math.sqrt(share * width * rise))
          : whole(most - Math.sqrt((1 - share) * width * fall))
      }
    }
    case "Mixture": {
      const choose = chooser(distribution.parts.map(([weight]) => weight))
      const draws = distribution.parts.map(([, part], index) => drawing(part, random.fork(`part ${index}`)))
      return () => draws[choose(random.number())]!()
    }
    case "Empirical": {
      const { values } = distribution
      const choose = chooser(values.map(([weight]) => weight))
      return () => values[choose(random.number())]![1]
    }
  }
}

const weightedMean = <A>(
  all: ReadonlyArray<readonly [weight: number, of: A]>,
  meanOf: (of: A) => number,
): number => {
  const sum = all.reduce((sum, [weight]) => sum + weight, 0)
  // What never happens has no say, not even with a mean without end.
  return all.reduce((total, [weight, of]) => weight === 0 ? total : total + weight * meanOf(of), 0) / sum
}

/** By how many deviations the bell curve's mean goes up where what is less than `mean` deviations below it is cut off. */
const raised = (mean: number): number => {
  const density = exp(-mean * mean / 2) / Math.sqrt(2 * Math.PI)
  // From 9 on, what is left is all of it. Before that: ½ and the density times a series (Marsaglia, 2004).
  if (mean > 9) return density
  let [sum, term] = [mean, mean]
  for (let i = 3; term > 1e-17 * sum; i += 2) sum += term *= mean * mean / i
  return density / (0.5 + density * sum)
}

/**
 * The mean before rounding, in ns; that of a Pareto distribution with a shape up to 1 is
 * infinite. What {@link check} finds wrong with the distribution is thrown.
 */
export const mean = (distribution: Distribution): number => {
  assertRight(distribution)
  return meanOf(distribution)
}

/** As {@link mean}, of a distribution that was checked. */
const meanOf = (distribution: Distribution): number => {
  switch (distribution._tag) {
    case "Constant":
      return Number(distribution.value)
    case "Uniform":
      return (Number(distribution.least) + Number(distribution.most)) / 2
    case "Exponential":
    case "Erlang":
    case "Gamma":
      return Number(distribution.mean)
    case "Normal": {
      const [mean, deviation] = [Number(distribution.mean), Number(distribution.deviation)]
      return deviation === 0 ? mean : mean + deviation * raised(mean / deviation)
    }
    case "LogNormal":
      return Number(distribution.median) * exp(distribution.sigma * distribution.sigma / 2)
    case "Pareto":
      return distribution.shape > 1
        ? Number(distribution.least) * distribution.shape / (distribution.shape - 1)
        : Infinity
    case "Triangular":
      return (Number(distribution.least) + Number(distribution.mode) + Number(distribution.most)) / 3
    case "Mixture":
      return weightedMean(distribution.parts, meanOf)
    case "Empirical":
      return weightedMean(distribution.values, Number)
  }
}

/** For people. */
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
    case "Triangular":
      return `triangular, ${distribution.least} to ${distribution.mode} to ${distribution.most} ns`
    case "Mixture":
      return `one of ${distribution.parts.map(([weight, part]) => `${weight} × (${format(part)})`).join(", ")}`
    case "Empirical":
      return `one of ${distribution.values.map(([weight, value]) => `${weight} × ${value} ns`).join(", ")}`
  }
}
