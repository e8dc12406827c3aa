/**
 * Distributions of whole numbers from 0 on: how many, which one. They are plain data, as those of durations
 * (`Distribution`), and what is drawn is the same to the bit on every runtime.
 *
 * @example
 * ```ts
 * import { Discrete, Random } from "guest-clock/simulation"
 *
 * const passengers = Discrete.poisson(2.5)
 * console.log(Discrete.format(passengers), Discrete.mean(passengers)) // Poisson, mean 2.5 2.5
 *
 * const draw = Discrete.sampler(passengers, Random.makeUnsafe(1).fork("bus"))
 * console.log([draw(), draw(), draw()].every(Number.isSafeInteger)) // true
 * ```
 *
 * @since 0.2.0
 * @category chance
 * @module
 */
import * as Schema from "effect/Schema"
import { OptionError } from "../core/Fault.ts"
import * as Draw from "../internal/simulation/DiscreteDraw.ts"
import { exp, ln } from "../internal/simulation/PortableMath.ts"
import type { Random } from "./Random.ts"

/**
 * How whole numbers are distributed.
 *
 * @since 0.1.0
 * @category models
 */
export type Discrete =
  /** How many of events that don't know of each other happen in a time in which `mean` are expected. */
  | { readonly _tag: "Poisson"; readonly mean: number }
  /** How many of so many tries succeed, each with the same probability. */
  | { readonly _tag: "Binomial"; readonly trials: number; readonly probability: number }
  /** How many tries fail before one succeeds. */
  | { readonly _tag: "Geometric"; readonly probability: number }
  /** One of `items`, from 1 on: the k-th as often as k^−exponent is of the sum of all. */
  | { readonly _tag: "Zipf"; readonly items: number; readonly exponent: number }

/**
 * The schema by which they are stored and sent: as JSON.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Discrete: Schema.Codec<Discrete, unknown> = Schema.TaggedUnion({
  Poisson: { mean: Schema.Number },
  Binomial: { trials: Schema.Number, probability: Schema.Number },
  Geometric: { probability: Schema.Number },
  Zipf: { items: Schema.Number, exponent: Schema.Number },
})

/**
 * How many events happen in a time in which `mean` are expected, 0 to 10^9: the arrivals in an hour, for example.
 *
 * @since 0.1.0
 * @category constructors
 */
export const poisson = (mean: number): Discrete => ({ _tag: "Poisson", mean })

/**
 * How many of `trials` succeed, 0 to 10^9, each with a `probability` of 0 to 1.
 *
 * @since 0.1.0
 * @category constructors
 */
export const binomial = (trials: number, probability: number): Discrete => ({ _tag: "Binomial", trials, probability })

/**
 * How many tries fail before the first that succeeds, with a `probability` of 10^−9 to 1.
 *
 * @since 0.1.0
 * @category constructors
 */
export const geometric = (probability: number): Discrete => ({ _tag: "Geometric", probability })

/**
 * Which of `items` is asked for, 1 to 10^9, from 1 on, the most popular first: the k-th as often as k^−exponent is of the
 * sum of all, with an `exponent` of 0 (all alike) to 100.
 *
 * @since 0.1.0
 * @category constructors
 */
export const zipf = (items: number, exponent: number): Discrete => ({ _tag: "Zipf", items, exponent })

const MOST = 1e9

/**
 * Checks a distribution that is given for `option`, and returns what is wrong.
 *
 * @example
 * ```ts
 * import { Discrete } from "guest-clock/simulation"
 *
 * const error = Discrete.check("batch", Discrete.binomial(10, 1.5))
 * console.log(error?.message) // batch can't be 1.5: the probability is a number from 0 to 1
 * ```
 *
 * @since 0.1.0
 * @category checks
 */
export const check = (option: string, discrete: Discrete): OptionError | undefined => {
  const bad = (name: string, given: number, least: number, most: number, isWhole = false) =>
    typeof given === "number" && given >= least && given <= most && (!isWhole || Number.isInteger(given))
      ? undefined
      : new OptionError(option, given, `${name} is a ${isWhole ? "whole number" : "number"} from ${least} to ${most}`)
  switch (discrete?._tag) {
    case "Poisson":
      return bad("the mean", discrete.mean, 0, MOST)
    case "Binomial":
      return bad("trials", discrete.trials, 0, MOST, true) ?? bad("the probability", discrete.probability, 0, 1)
    case "Geometric":
      return bad("the probability", discrete.probability, 1e-9, 1)
    case "Zipf":
      return bad("items", discrete.items, 1, MOST, true) ?? bad("the exponent", discrete.exponent, 0, 100)
    default:
      return new OptionError(option, discrete, "it is a distribution, as `poisson` and its like make them")
  }
}

const assertRight = (discrete: Discrete): void => {
  const wrong = check("distribution", discrete)
  if (wrong !== undefined) throw wrong
}

/**
 * Draws from `discrete`, one after the other; `random` is its own from now on. What {@link check} finds wrong with the
 * distribution is thrown.
 *
 * @since 0.1.0
 * @category sampling
 */
export const sampler = (discrete: Discrete, random: Random): () => number => {
  assertRight(discrete)
  switch (discrete._tag) {
    case "Poisson":
      return Draw.poisson(discrete.mean, random)
    case "Binomial":
      return Draw.binomial(discrete.trials, discrete.probability, random)
    case "Geometric":
      return Draw.geometric(discrete.probability, random)
    case "Zipf":
      return Draw.zipf(discrete.items, discrete.exponent, random)
  }
}

/** Of items beyond these, sums are taken by Euler and Maclaurin's formula: what that leaves out is below 10^−16 of them. */
const SUMMED = 10_000

/** The sum of k^−exponent for k from 1 to `items`. */
const harmonic = (items: number, exponent: number): number => {
  const power = (k: number) => exp(-exponent * ln(k))
  const summed = Math.min(items, SUMMED)
  let sum = 0
  // The smallest first, so that none is lost.
  for (let k = summed; k >= 1; k--) sum += power(k)
  if (items <= SUMMED) return sum
  const [first, last] = [power(SUMMED), power(items)]
  const area = exponent === 1 ? ln(items / SUMMED) : (items * last - SUMMED * first) / (1 - exponent)
  return sum + area + (last - first) / 2 + exponent * (first / SUMMED - last / items) / 12
}

/**
 * The mean. What {@link check} finds wrong with the distribution is thrown.
 *
 * @since 0.1.0
 * @category sampling
 */
export const mean = (discrete: Discrete): number => {
  assertRight(discrete)
  switch (discrete._tag) {
    case "Poisson":
      return discrete.mean
    case "Binomial":
      return discrete.trials * discrete.probability
    case "Geometric":
      return (1 - discrete.probability) / discrete.probability
    case "Zipf":
      return harmonic(discrete.items, discrete.exponent - 1) / harmonic(discrete.items, discrete.exponent)
  }
}

/**
 * For people.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (discrete: Discrete): string => {
  switch (discrete._tag) {
    case "Poisson":
      return `Poisson, mean ${discrete.mean}`
    case "Binomial":
      return `binomial, ${discrete.trials} trials of probability ${discrete.probability}`
    case "Geometric":
      return `geometric, probability ${discrete.probability}`
    case "Zipf":
      return `Zipf, ${discrete.items} items, exponent ${discrete.exponent}`
  }
}
