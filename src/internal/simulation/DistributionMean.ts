/**
 * The means of distributions of durations, before rounding.
 *
 * @module
 */
import type { AnyDistribution } from "./AnyDistribution.ts"
import { exp, lnGamma } from "./PortableMath.ts"

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
/** The mean of a distribution that was checked, in ns. */
export const meanOf = (distribution: AnyDistribution): number => {
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
    case "Weibull":
      return Number(distribution.scale) * exp(lnGamma(1 + 1 / distribution.shape))
    case "Triangular":
      return (Number(distribution.least) + Number(distribution.mode) + Number(distribution.most)) / 3
    case "Mixture":
      return weightedMean(distribution.parts, meanOf)
    case "Empirical":
      return weightedMean(distribution.values, Number)
  }
}
