/**
 * One distribution of each kind and more, and what is known of them: on paper, not by
 * the sources that are tested. Times are in ns.
 *
 * @module
 */
import * as Distribution from "../../src/simulation/Distribution.ts"
import { gammaBelow, lnGamma, phi } from "./sampling.ts"

/** A distribution, and what is known of it. */
export interface Known {
  readonly name: string
  readonly distribution: Distribution.Distribution
  /** The share that is below x, before rounding. */
  readonly below: (x: number) => number
  readonly mean: number
  /** None where it isn't finite, or where samples tell it badly. */
  readonly variance: number | undefined
}

const MS = 1e6

const exponentialBelow = (mean: number) => (x: number): number => x <= 0 ? 0 : 1 - Math.exp(-x / mean)

/** Whole numbers, each as likely as any other. */
const uniformBelow = (least: number, most: number) => (x: number): number =>
  Math.min(1, Math.max(0, (x - least + 0.5) / (most - least + 1)))

/** Steps of these heights at these whole numbers. */
const stepsBelow = (steps: ReadonlyArray<readonly [share: number, at: number]>) => (x: number): number =>
  steps.reduce((sum, [share, at]) => at < x ? sum + share : sum, 0)

const triangularBelow = (least: number, mode: number, most: number) => (x: number): number => {
  if (x <= least) return 0
  if (x >= most) return 1
  return x < mode
    ? (x - least) ** 2 / ((most - least) * (mode - least))
    : 1 - (most - x) ** 2 / ((most - least) * (most - mode))
}

/** Mean and variance of a normal distribution without what is below 0. */
const cutOff = (mean: number, deviation: number) => {
  const from = -mean / deviation
  const left = 1 - phi(from)
  const hazard = Math.exp(-from * from / 2) / Math.sqrt(2 * Math.PI) / left
  return {
    // What rounds to 0 begins at 0, not half a ns before.
    below: (x: number) => x <= 0 ? 0 : (phi((x - mean) / deviation) - phi(from)) / left,
    mean: mean + deviation * hazard,
    variance: deviation ** 2 * (1 + from * hazard - hazard ** 2),
  }
}

const logNormal = (median: number, sigma: number) => ({
  below: (x: number) => x <= 0 ? 0 : phi(Math.log(x / median) / sigma),
  mean: median * Math.exp(sigma ** 2 / 2),
  variance: sigma > 0.5 ? undefined : median ** 2 * Math.exp(sigma ** 2) * (Math.exp(sigma ** 2) - 1),
})

const pareto = (least: number, shape: number) => ({
  below: (x: number) => x <= least ? 0 : 1 - (least / x) ** shape,
  mean: shape > 1 ? least * shape / (shape - 1) : Infinity,
  variance: shape > 8 ? least ** 2 * shape / ((shape - 1) ** 2 * (shape - 2)) : undefined,
})

const weibull = (scale: number, shape: number) => {
  const gamma = (x: number) => Math.exp(lnGamma(x))
  return {
    below: (x: number) => x <= 0 ? 0 : 1 - Math.exp(-((x / scale) ** shape)),
    mean: scale * gamma(1 + 1 / shape),
    variance: scale ** 2 * (gamma(1 + 2 / shape) - gamma(1 + 1 / shape) ** 2),
  }
}

/** One of each kind and more. */
export const known: ReadonlyArray<Known> = [
  {
    name: "constant",
    distribution: Distribution.constant("3 millis"),
    below: stepsBelow([[1, 3 * MS]]),
    mean: 3 * MS,
    variance: 0,
  },
  {
    name: "a die",
    distribution: Distribution.uniform(1n, 6n),
    below: uniformBelow(1, 6),
    mean: 3.5,
    variance: 35 / 12,
  },
  {
    name: "uniform",
    distribution: Distribution.uniform("1 millis", "20 millis"),
    below: uniformBelow(MS, 20 * MS),
    mean: 10.5 * MS,
    variance: ((19 * MS + 1) ** 2 - 1) / 12,
  },
  {
    name: "exponential",
    distribution: Distribution.exponential("2 millis"),
    below: exponentialBelow(2 * MS),
    mean: 2 * MS,
    variance: (2 * MS) ** 2,
  },
  {
    // Over days, where a draw of few digits would show.
    name: "exponential of days",
    distribution: Distribution.exponential("30 days"),
    below: exponentialBelow(30 * 86_400_000 * MS),
    mean: 30 * 86_400_000 * MS,
    variance: (30 * 86_400_000 * MS) ** 2,
  },
  {
    name: "Erlang",
    distribution: Distribution.erlang("2 millis", 4),
    below: (x) => gammaBelow(4, x / (MS / 2)),
    mean: 2 * MS,
    variance: (2 * MS) ** 2 / 4,
  },
  {
    name: "gamma",
    distribution: Distribution.gamma("2 millis", 2.5),
    below: (x) => gammaBelow(2.5, x / (2 * MS / 2.5)),
    mean: 2 * MS,
    variance: (2 * MS) ** 2 / 2.5,
  },
  {
    name: "gamma of a shape below 1",
    distribution: Distribution.gamma("2 millis", 0.4),
    below: (x) => gammaBelow(0.4, x / (2 * MS / 0.4)),
    mean: 2 * MS,
    variance: (2 * MS) ** 2 / 0.4,
  },
  { name: "normal", distribution: Distribution.normal("10 millis", "2 millis"), ...cutOff(10 * MS, 2 * MS) },
  { name: "normal, cut off", distribution: Distribution.normal("1 millis", "2 millis"), ...cutOff(MS, 2 * MS) },
  { name: "half a bell", distribution: Distribution.normal(0, "2 millis"), ...cutOff(0, 2 * MS) },
  { name: "log-normal", distribution: Distribution.logNormal("2 millis", 0.3), ...logNormal(2 * MS, 0.3) },
  { name: "log-normal, heavy", distribution: Distribution.logNormal("2 millis", 1.2), ...logNormal(2 * MS, 1.2) },
  { name: "Pareto", distribution: Distribution.pareto("1 millis", 10), ...pareto(MS, 10) },
  { name: "Pareto, heavy", distribution: Distribution.pareto("1 millis", 2.5), ...pareto(MS, 2.5) },
  { name: "Pareto without a mean", distribution: Distribution.pareto("1 millis", 0.9), ...pareto(MS, 0.9) },
  { name: "Weibull of early failures", distribution: Distribution.weibull("2 millis", 0.7), ...weibull(2 * MS, 0.7) },
  { name: "Weibull of wear", distribution: Distribution.weibull("2 millis", 3), ...weibull(2 * MS, 3) },
  {
    name: "triangular",
    distribution: Distribution.triangular("1 millis", "2 millis", "6 millis"),
    below: triangularBelow(MS, 2 * MS, 6 * MS),
    mean: 3 * MS,
    variance: (1 + 4 + 36 - 2 - 6 - 12) / 18 * MS ** 2,
  },
  {
    name: "mixture",
    distribution: Distribution.mixture([
      [3, Distribution.exponential("1 millis")],
      [0, Distribution.pareto("1 millis", 0.5)],
      [1, Distribution.uniform("4 millis", "6 millis")],
    ]),
    below: (x) => 0.75 * exponentialBelow(MS)(x) + 0.25 * uniformBelow(4 * MS, 6 * MS)(x),
    mean: 2 * MS,
    // The mean of squares, without the mean's.
    variance: (0.75 * 2 + 0.25 * (25 + 1 / 3) - 4) * MS ** 2,
  },
  {
    name: "empirical",
    distribution: Distribution.empirical([[0, 1n], [5, 10n], [3, 20n], [0, 25n], [2, 40n]]),
    below: stepsBelow([[0.5, 10], [0.3, 20], [0.2, 40]]),
    mean: 19,
    variance: 50 + 120 + 320 - 361,
  },
]
