/**
 * What can be wrong with a distribution of durations.
 *
 * @module
 */
import { OptionError } from "../../core/Fault.ts"
import { badList } from "../services/Checks.ts"
import type { AnyDistribution } from "./AnyDistribution.ts"

/** Checks a list of pairs, and returns what is wrong. */
export const badPairs = (option: string, given: unknown): OptionError | undefined =>
  badList(option, given) ??
    (Array.isArray(given) && !given.every((pair) => Array.isArray(pair) && pair.length === 2)
      ? new OptionError(option, given, "each is a pair: a weight, and what has it")
      : undefined)
const TAGS: ReadonlySet<string> = new Set([
  "Constant",
  "Uniform",
  "Exponential",
  "Erlang",
  "Gamma",
  "Normal",
  "LogNormal",
  "Pareto",
  "Weibull",
  "Triangular",
  "Mixture",
  "Empirical",
])

/** The longest duration that may be asked for: half of all times. */
export const MOST = 1n << 62n
/**
 * Checks a distribution that is given for `option`, and returns what is wrong.
 *
 * @example
 * ```ts
 * import { Distribution } from "guest-clock/simulation"
 *
 * const error = Distribution.check("latency", Distribution.uniform("2 millis", "1 millis"))
 * console.log(error?.message) // latency can't be 1000000: most is from 2000000 to 2^62 ns
 * ```
 *
 * @since 0.1.0
 * @category checks
 */
export const check = (option: string, distribution: AnyDistribution): OptionError | undefined => {
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
    case "Weibull":
      return badTime("the scale", distribution.scale) ?? badNumber("shape", distribution.shape, 0.1, 1000)
    case "Triangular":
      return badTime("least", distribution.least) ?? badTime("mode", distribution.mode, distribution.least) ??
        badTime("most", distribution.most, distribution.mode)
    case "Mixture":
      return badWeights(distribution.parts, (part) => check(option, part))
    case "Empirical":
      return badWeights(distribution.values, (value) => badTime("a value", value))
  }
}

/** What is wrong with a distribution is thrown. */
export const assertRight = (distribution: AnyDistribution): void => {
  const wrong = check("distribution", distribution)
  if (wrong !== undefined) throw wrong
}
