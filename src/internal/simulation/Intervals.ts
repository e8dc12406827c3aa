/**
 * Confidence intervals of means across replications, which don't depend on each other.
 *
 * @module
 */
import { quantile } from "./Students.ts"

/** What values of replications come to. */
export interface Interval {
  readonly count: number
  readonly mean: number
  /** Half the confidence interval; none of one value. */
  readonly half: number | undefined
  /** The standard deviation, with n − 1; 0 of one value. */
  readonly deviation: number
  readonly least: number
  readonly most: number
}

/**
 * The mean ± t · s / √n of n values, with t of Student's distribution with n − 1 degrees of freedom; `confidence` is from
 * above 0 to below 1. Nothing of no values.
 */
export const of = (values: ReadonlyArray<number>, confidence: number): Interval | undefined => {
  const count = values.length
  if (count === 0) return undefined
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const squares = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0)
  const deviation = count === 1 ? 0 : Math.sqrt(squares / (count - 1))
  return {
    count,
    mean,
    half: count === 1 ? undefined : quantile((1 + confidence) / 2, count - 1) * deviation / Math.sqrt(count),
    deviation,
    least: values.reduce((least, value) => value < least ? value : least, Infinity),
    most: values.reduce((most, value) => value > most ? value : most, -Infinity),
  }
}
