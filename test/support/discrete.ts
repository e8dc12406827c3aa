/**
 * Distributions of whole numbers, and what is known of them: on paper, not by the sources that are tested.
 *
 * @module
 */
import * as Discrete from "../../src/simulation/Discrete.ts"
import { lnGamma } from "./sampling.ts"

/** A distribution, and the probability of each whole number. */
export interface Known {
  readonly name: string
  readonly discrete: Discrete.Discrete
  readonly probability: (k: number) => number
  readonly mean: number
}

const poisson = (mean: number): Known => ({
  name: `Poisson ${mean}`,
  discrete: Discrete.poisson(mean),
  probability: (k) => Math.exp(k * Math.log(mean) - mean - lnGamma(k + 1)),
  mean,
})

const binomial = (n: number, p: number): Known => ({
  name: `binomial ${n} ${p}`,
  discrete: Discrete.binomial(n, p),
  probability: (k) =>
    k > n ? 0 : Math.exp(
      lnGamma(n + 1) - lnGamma(k + 1) - lnGamma(n - k + 1) + k * Math.log(p) + (n - k) * Math.log1p(-p),
    ),
  mean: n * p,
})

const geometric = (p: number): Known => ({
  name: `geometric ${p}`,
  discrete: Discrete.geometric(p),
  probability: (k) => p * (1 - p) ** k,
  mean: (1 - p) / p,
})

const zipf = (items: number, exponent: number): Known => {
  let [sum, first] = [0, 0]
  for (let k = items; k >= 1; k--) {
    sum += k ** -exponent
    first += k ** (1 - exponent)
  }
  return {
    name: `Zipf ${items} ${exponent}`,
    discrete: Discrete.zipf(items, exponent),
    probability: (k) => k < 1 || k > items ? 0 : k ** -exponent / sum,
    mean: first / sum,
  }
}

/** Small and large ones of each kind. */
export const knownDiscrete: ReadonlyArray<Known> = [
  poisson(0.3),
  poisson(11.9),
  poisson(12),
  poisson(100),
  poisson(20_000),
  binomial(15, 0.3),
  binomial(16, 0.9),
  binomial(1000, 0.02),
  binomial(100_000, 0.5),
  geometric(0.9),
  geometric(0.01),
  zipf(10, 1),
  zipf(1000, 0.8),
  zipf(50_000, 1.2),
  zipf(30, 0),
  zipf(1_000_000, 3),
]
