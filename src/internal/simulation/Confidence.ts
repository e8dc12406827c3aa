/**
 * Confidence intervals of means of correlated values.
 *
 * By batch means: the means of batches of values in a row depend on each other less, the
 * longer the batches are. Whether they still do is tested by von Neumann's ratio (von
 * Neumann, Ann. Math. Stat. 12, 1941; in simulation: Fishman and Yarberry's LABATCH.2,
 * INFORMS J. Computing 9, 1997). Where they do, the interval is widened as if the batches'
 * means were an autoregression of order 1 (Tafazzoli, Steiger and Wilson's N-Skart, IEEE
 * Trans. Automatic Control 56, 2011), whose correlation is taken at its upper limit.
 * Where the batches are worth too few independent ones, it can't be told.
 *
 * @module
 */

import { quantile } from "./Students.ts"

/** How many batches there are at least, once there were enough values: many, as few can't be tested. */
export const BATCHES = 128

/** Into how many batches they are put together at most, for the interval itself. */
const MOST = 64

/** The quantiles of the normal distribution at 90, 95 and 97.5 %. */
const Z = { p90: 1.2815515655446004, p95: 1.6448536269514722, p975: 1.959963984540054 }

/** How many independent batches what depends on each other has to be worth, of all batches and of the {@link MOST}. */
const LEAST = 20
const LEAST_OF_MOST = 10

/** A correlation isn't taken for larger than this. */
const MOST_CORRELATED = 0.99

/** What there is to know of a row of means. */
interface Row {
  readonly count: number
  readonly variance: number
  /** One less half of von Neumann's ratio: how much each depends on the one before, 0 if it doesn't. */
  readonly correlation: number
}

const rowOf = (means: ReadonlyArray<number>): Row => {
  const count = means.length
  const mean = means.reduce((sum, each) => sum + each, 0) / count
  const squares = means.reduce((sum, each) => sum + (each - mean) * (each - mean), 0)
  const steps = means.reduce((sum, each, i) => i === 0 ? 0 : sum + (each - means[i - 1]!) * (each - means[i - 1]!), 0)
  return { count, variance: squares / (count - 1), correlation: squares === 0 ? 0 : 1 - steps / (2 * squares) }
}

/** Whether a row's means depend on each other, by how many deviations the test is to be off. */
const isCorrelated = ({ count, correlation }: Row, deviations: number): boolean =>
  correlation > deviations * Math.sqrt((count - 2) / (count * count - 1))

/** Half the interval of means that don't depend on each other. */
const plain = ({ count, variance }: Row): number => quantile(0.975, count - 1) * Math.sqrt(variance / count)

/** That of means that do: none, where they are worth fewer than `least` independent ones. */
const widened = ({ count, variance, correlation }: Row, least: number, deviations: number): number | undefined => {
  // A correlation comes out too small where the mean is that of the same values (Marriott and Pope, Biometrika 41, 1954).
  const likely = correlation + (1 + 3 * correlation) / count
  if (count * (1 - likely) < least * (1 + likely)) return undefined
  const limit = Math.min(MOST_CORRELATED, likely + deviations * Math.sqrt((1 - likely * likely) / count))
  const inflation = (1 + limit) / (1 - limit)
  // The variance comes out too small, too.
  const worth = Math.max(4, count / inflation)
  return quantile(0.975, worth - 1) * Math.sqrt(variance / (1 - 1 / worth) * inflation / count)
}

/** The means of so many batches in a row each. */
const grouped = (means: ReadonlyArray<number>, size: number): ReadonlyArray<number> =>
  Array.from({ length: Math.floor(means.length / size) }, (_, group) => {
    let sum = 0
    for (let i = group * size; i < (group + 1) * size; i++) sum += means[i]!
    return sum / size
  })

/**
 * How far the mean of all may be from the true one, at 95 % confidence, by the means of
 * batches of equally many values; `begun` is whether there is one more that isn't full.
 * None of {@link MOST} batches or fewer; `correlated` where they depend on each other so
 * much that it can't be told.
 */
export const confidenceOf = (means: ReadonlyArray<number>, begun: boolean): number | "correlated" | undefined => {
  const count = means.length + (begun ? 1 : 0)
  if (count <= MOST) return undefined
  let size = 1
  while (count > MOST * size) size *= 2
  const [all, few] = [rowOf(means), rowOf(grouped(means, size))]
  // Dependence over short times shows in the many, that over long times in the few.
  const intervals = [
    plain(few),
    ...isCorrelated(all, Z.p90) ? [widened(all, LEAST, Z.p975)] : [],
    ...isCorrelated(few, Z.p95) ? [widened(few, LEAST_OF_MOST, 0)] : [],
  ]
  let widest = 0
  for (const each of intervals) {
    if (each === undefined) return "correlated"
    widest = Math.max(widest, each)
  }
  return widest
}

/** The means of batches of numbers that come one by one: batches double in length, so that there are {@link BATCHES} to twice that. */
export class Batches {
  #sums: Array<number> = [0]
  #perBatch = 1
  #inBatch = 0

  /** The next number. */
  add(value: number): void {
    if (this.#inBatch === this.#perBatch) {
      if (this.#sums.length === 2 * BATCHES) {
        this.#sums = Array.from({ length: BATCHES }, (_, i) => this.#sums[2 * i]! + this.#sums[2 * i + 1]!)
        this.#perBatch *= 2
      }
      this.#sums.push(0)
      this.#inBatch = 0
    }
    this.#sums[this.#sums.length - 1]! += value
    this.#inBatch++
  }

  /** As {@link confidenceOf}. */
  get confidence(): number | "correlated" | undefined {
    const isFull = this.#inBatch === this.#perBatch
    const full = isFull ? this.#sums : this.#sums.slice(0, -1)
    return confidenceOf(full.map((sum) => sum / this.#perBatch), !isFull)
  }
}
