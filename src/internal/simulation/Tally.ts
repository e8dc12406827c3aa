/**
 * A tally: the count, mean, deviation and percentiles of values of any size and sign, in bounded memory.
 *
 * The mean and the sum of squares around it are kept as Welford has it (Technometrics 4, 1962), and two tallies become
 * one as Chan, Golub and LeVeque have it (1979). Percentiles come from buckets: the sign, the exponent and the first bits
 * of a double's fraction, which are the same on every runtime.
 *
 * @module
 */
import { OptionError } from "../../core/Fault.ts"
import { Batches } from "./Confidence.ts"
import { badPrecision, type Bucket, PRECISION, rankOf, SUB_BITS, whereOf } from "./Histogram.ts"
import type { Values } from "./Course.ts"

/** All that a tally knows but the order in which values came: enough to merge it. */
export interface TallyContents {
  readonly precision: number
  readonly count: number
  readonly mean: number
  /** The sum of the squares of what values are from the mean. */
  readonly squares: number
  /** 0 of none. */
  readonly least: number
  readonly most: number
  /** By bucket, ascending. */
  readonly buckets: ReadonlyArray<Bucket>
}

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)
// Which half of a double comes first is the machine's affair.
double[0] = 1
const HIGH = words[1] === 0 ? 0 : 1

/** Which bucket a number is in, of those with 2^b for each power of 2: negative for negative numbers. */
export const floatBucketOf = (value: number, b: number): number => {
  double[0] = Math.abs(value)
  const bucket = words[HIGH]! >>> (20 - b)
  return value < 0 ? -bucket - 1 : bucket
}

/** The highest number in a bucket, of those with 2^b for each power of 2. */
export const highestFloatIn = (bucket: number, b: number): number => {
  const magnitude = bucket < 0 ? -bucket - 1 : bucket
  words[HIGH] = magnitude << (20 - b) | (bucket < 0 ? 0 : (1 << (20 - b)) - 1)
  // No negative number is −0.
  words[1 - HIGH] = bucket >= 0 ? 0xffff_ffff : magnitude === 0 ? 1 : 0
  return bucket < 0 ? -double[0]! : double[0]!
}

/** The contents of two tallies in one, with the fewer digits of both: but for the last bits, as if that had recorded all. */
export const tallyUnion = (a: TallyContents, b: TallyContents): TallyContents => {
  const precision = Math.min(a.precision, b.precision)
  const counts = new Map<number, number>()
  for (const each of [a, b]) {
    for (const [bucket, count] of each.buckets) {
      // A bucket lies within one of those of fewer digits.
      const merged = floatBucketOf(highestFloatIn(bucket, SUB_BITS[each.precision]!), SUB_BITS[precision]!)
      counts.set(merged, (counts.get(merged) ?? 0) + count)
    }
  }
  const buckets = [...counts].sort(([one], [other]) => one - other)
  if (a.count === 0 || b.count === 0) return { ...a.count === 0 ? b : a, precision, buckets }
  const count = a.count + b.count
  const apart = b.mean - a.mean
  return {
    precision,
    count,
    mean: a.mean + apart * (b.count / count),
    squares: a.squares + b.squares + apart * apart * (a.count * b.count / count),
    least: Math.min(a.least, b.least),
    most: Math.max(a.most, b.most),
    buckets,
  }
}

/** The standard deviation, with n − 1; 0 of fewer than 2. */
export const tallyDeviation = ({ count, squares }: TallyContents): number =>
  count < 2 ? 0 : Math.sqrt(squares / (count - 1))

/** The value that a share of all is at or below: the highest of its bucket. */
export const tallyQuantile = ({ precision, count, least, most, buckets }: TallyContents, share: number): number => {
  const rank = rankOf(share, count)
  let seen = 0
  for (const [bucket, many] of buckets) {
    seen += many
    if (seen < rank) continue
    return Math.max(least, Math.min(most, highestFloatIn(bucket, SUB_BITS[precision]!)))
  }
  return most
}

/**
 * Numbers of any size and sign, as fractions, differences, temperatures: the count and the extremes are exact, the mean and
 * the deviation right but for their last bits, and percentiles within 0.1 % of the value, or to `precision` digits. Whole
 * numbers from 0 on, as times in ns, are kept exactly by a {@link Histogram}.
 *
 * @since 0.1.0
 * @category models
 */
export class Tally {
  readonly unit: string | undefined
  /** Of how many significant digits its percentiles are right: 1 to 4. */
  readonly precision: number
  readonly #bits: number
  readonly #where: string
  #buckets = new Map<number, number>()
  #count = 0
  #mean = 0
  #squares = 0
  #least = 0
  #most = 0
  #batches = new Batches()
  /** @internal */
  tell: ((value: number) => void) | undefined
  /** What follows its values over time, for finding the warm-up. */
  #course: Values | undefined

  /** `precision` in digits, from 1 to 4: an `OptionError` is thrown where it can't be. Errors have its `name`. */
  constructor(unit?: string, precision: number = PRECISION, name?: string) {
    const bad = badPrecision(precision)
    if (bad !== undefined) throw bad
    this.unit = unit
    this.precision = precision
    this.#bits = SUB_BITS[precision]!
    this.#where = whereOf("tally", name)
  }

  get count(): number {
    return this.#count
  }

  /** The mean; 0 of none. */
  get mean(): number {
    return this.#mean
  }

  /** The standard deviation, with n − 1; 0 of fewer than 2. */
  get deviation(): number {
    return this.#count < 2 ? 0 : Math.sqrt(this.#squares / (this.#count - 1))
  }

  get least(): number {
    return this.#least
  }

  get most(): number {
    return this.#most
  }

  /** One more: a number from −10^150 to 10^150. It throws an `OptionError`, and has recorded nothing, where it is another. */
  record(value: number): void {
    if (typeof value !== "number" || !(Math.abs(value) <= 1e150)) {
      throw new OptionError("value", value, `a number from −10^150 to 10^150${this.#where}`)
    }
    // One 0 only.
    const next = value + 0
    const bucket = floatBucketOf(next, this.#bits)
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1)
    if (this.#count === 0 || next < this.#least) this.#least = next
    if (this.#count === 0 || next > this.#most) this.#most = next
    this.#count++
    const off = next - this.#mean
    this.#mean += off / this.#count
    this.#squares += off * (next - this.#mean)
    this.#batches.add(next)
    this.tell?.(next)
    this.#course?.add(next)
  }

  /** The value that a share of all, from 0 to 1, is at or below. 0 of none; an `OptionError` is thrown where it is no share. */
  quantile(share: number): number {
    return tallyQuantile(this.contents, share)
  }

  /** How far the mean may be from the true one, at 95 % confidence: as a histogram's. */
  get confidence(): number | undefined {
    const found = this.#batches.confidence
    return found === "correlated" ? undefined : found
  }

  /** Whether values depend on those before them so much that these are too few to tell the confidence. */
  get isCorrelated(): boolean {
    return this.#batches.confidence === "correlated"
  }

  /** All that it knows, but for the order of the values. */
  get contents(): TallyContents {
    const buckets = [...this.#buckets].sort(([one], [other]) => one - other)
    const { precision } = this
    const [count, mean, squares, least, most] = [this.#count, this.#mean, this.#squares, this.#least, this.#most]
    return { precision, count, mean, squares, least, most, buckets }
  }

  /** Forgets all values. */
  restart(): void {
    this.#buckets = new Map()
    this.#count =
      this.#mean =
      this.#squares =
      this.#least =
      this.#most =
        0
    this.#batches = new Batches()
  }

  /**
   * Tells `course` of each value from now on.
   *
   * @internal
   */
  follow(course: Values): void {
    this.#course = course
  }
}
