/**
 * Histograms with percentiles, in bounded memory.
 *
 * The buckets are log-linear: below 2^(b + 1) each whole number has its own, and above
 * there are 2^b for each power of 2, so that what is in one differs by less than one part
 * in 2^b. Which bucket a value is in is found by whole numbers alone, and is the same on
 * every runtime.
 *
 * @module
 */
import { OptionError } from "../../core/Fault.ts"
import type { Values } from "./Course.ts"
import { BATCHES, confidenceOf } from "./Confidence.ts"

/** a / b as the double next to it; b is positive. */
export const quotient = (a: bigint, b: bigint): number => {
  if (a === 0n) return 0
  if (a < 0n) return -quotient(-a, b)
  // 64 bits or more of the quotient, and one that says whether there is a rest: then `Number` rounds it right.
  const shift = Math.max(0, 64 + bits(b) - bits(a))
  const scaled = a << BigInt(shift)
  const whole = scaled / b
  let result = Number(whole * b === scaled ? whole : whole | 1n)
  // 2^-shift in steps, each of which is a double.
  for (let left = shift; left > 0; left -= 512) result /= Number(1n << BigInt(Math.min(left, 512)))
  return result
}

/** How many bits a positive number has. */
const bits = (value: bigint): number => value.toString(16).length * 4 - Math.clz32(leading(value)) + 28

const leading = (value: bigint): number => Number.parseInt(value.toString(16)[0]!, 16)

/** The b of 2^b buckets for each power of 2, by significant decimal digits. */
export const SUB_BITS: ReadonlyArray<number> = [0, 4, 7, 10, 14]

/** Digits of precision that a histogram has unless others are asked for: its percentiles are within 0.1 %. */
export const PRECISION = 3

/** Checks a number of digits, and returns what is wrong. */
export const badPrecision = (precision: number): OptionError | undefined =>
  Number.isInteger(precision) && precision >= 1 && precision <= 4
    ? undefined
    : new OptionError("precision", precision, "from 1 to 4 significant digits")

/** Below this, values are reckoned with as doubles: 32 of them, and of the products of their halves, sum up exactly. */
const SMALL = 2 ** 48
const HALF = 2 ** 24
const LIMIT = 1n << 64n
/** How many values are summed up before the sums are added to the large ones. */
const PENDING = 32

/** Which bucket a whole number is in, of those with 2^b for each power of 2. */
export const bucketOf = (value: bigint, b: number): number => {
  if (value < SMALL) return smallBucketOf(Number(value), b)
  const octave = bits(value) - 1 - b
  return octave * 2 ** b + Number(value >> BigInt(octave))
}

/** The same below 2^48. */
const smallBucketOf = (value: number, b: number): number => {
  if (value < 2 ** (b + 1)) return value
  // The part above 2^24 and the part below are numbers that shifts can deal with.
  if (value < 2 ** 31) {
    const octave = 31 - Math.clz32(value) - b
    return (octave << b) + (value >>> octave)
  }
  const high = Math.floor(value / HALF)
  const octave = 55 - Math.clz32(high) - b
  return octave * (1 << b) + (octave < 24 ? Math.floor(value / (1 << octave)) : high >>> (octave - 24))
}

/** The highest value in a bucket, of those with 2^b for each power of 2. */
export const highestIn = (bucket: number, b: number): bigint => {
  const perOctave = 2 ** b
  if (bucket < 2 * perOctave) return BigInt(bucket)
  const octave = Math.floor(bucket / perOctave) - 1
  return (BigInt(perOctave + bucket % perOctave + 1) << BigInt(octave)) - 1n
}

/**
 * A bucket, and how many values are in it: at least 1.
 *
 * @since 0.1.0
 * @category models
 */
export type Bucket = readonly [bucket: number, count: number]

/** All that a histogram knows but the order in which values came: enough to merge it. */
export interface Contents {
  readonly precision: number
  readonly count: number
  readonly sum: bigint
  /** The sum of the values' squares. */
  readonly squares: bigint
  /** 0 of none. */
  readonly least: bigint
  readonly most: bigint
  /** By bucket, ascending. */
  readonly buckets: ReadonlyArray<Bucket>
}

/** The contents of two histograms in one, with the fewer digits of both: as if that had recorded all. */
export const union = (a: Contents, b: Contents): Contents => {
  const precision = Math.min(a.precision, b.precision)
  const counts = new Map<number, number>()
  for (const each of [a, b]) {
    for (const [bucket, count] of each.buckets) {
      const value = highestIn(bucket, SUB_BITS[each.precision]!)
      // A bucket lies within one of those of fewer digits.
      const merged = bucketOf(value, SUB_BITS[precision]!)
      counts.set(merged, (counts.get(merged) ?? 0) + count)
    }
  }
  const [first, second] = a.count === 0 ? [b, b] : b.count === 0 ? [a, a] : [a, b]
  return {
    precision,
    count: a.count + b.count,
    sum: a.sum + b.sum,
    squares: a.squares + b.squares,
    least: first.least < second.least ? first.least : second.least,
    most: first.most > second.most ? first.most : second.most,
    buckets: [...counts].sort(([one], [other]) => one - other),
  }
}

/** The mean of what is in there; 0 of none. */
export const meanOf = ({ count, sum }: Contents): number => count === 0 ? 0 : quotient(sum, BigInt(count))

/** The standard deviation, with n − 1, but for its last bit; 0 of fewer than 2. */
export const deviationOf = ({ count, sum, squares }: Contents): number => {
  if (count < 2) return 0
  const n = BigInt(count)
  return Math.sqrt(quotient(squares * n - sum * sum, n * (n - 1n)))
}

/** The value that a share of all is at or below, as {@link Histogram.quantile}. */
export const quantileOf = ({ precision, count, least, most, buckets }: Contents, share: number): bigint => {
  const rank = rankOf(share, count)
  let seen = 0
  for (const [bucket, many] of buckets) {
    seen += many
    if (seen >= rank) return within(highestIn(bucket, SUB_BITS[precision]!), least, most)
  }
  return most
}

/** Which of so many values in order a share of all, from 0 to 1, is at or below; an `OptionError` is thrown where it is no share. */
export const rankOf = (share: number, count: number): number => {
  if (typeof share !== "number" || !(share >= 0 && share <= 1)) throw new OptionError("share", share, "from 0 to 1")
  // 0.07 × 100 is a little more than 7 in doubles, but the 7th is meant.
  return Math.max(1, Math.ceil(share * count * (1 - 2 ** -51)))
}

const within = (value: bigint, least: bigint, most: bigint): bigint =>
  value > most ? most : value < least ? least : value

/** What errors say of where a value was given: the instrument's name, if it has one. */
export const whereOf = (kind: string, name: string | undefined): string =>
  name === undefined ? "" : ` (the ${kind} ${JSON.stringify(name)})`

/**
 * Values and how often they came: counts, sums and extremes are exact, percentiles within
 * 0.1 % unless another precision is asked for, in bounded memory: 8 KiB for each power of 2
 * of its values, and 128 for each with 4 digits.
 *
 * @since 0.1.0
 * @category models
 */
export class Histogram {
  readonly unit: string | undefined
  /** Of how many significant digits its percentiles are right: 1 to 4. */
  readonly precision: number
  readonly #bits: number
  /** What errors say of where a value was given. */
  readonly #where: string
  #counts: Float64Array
  #count = 0
  #sum = 0n
  #squares = 0n
  #least = 0n
  #most = 0n
  /** What of the above isn't in there yet: of x = h · 2^24 + l, the sums of x, h², h · l and l². */
  #pending = 0
  #x = 0
  #hh = 0
  #hl = 0
  #ll = 0
  /** The sums of equally many values in a row; the last isn't full. What is pending is a part of the last. */
  #batches: Array<bigint> = [0n]
  #perBatch = 1
  #inBatch = 0
  /** Whether the values of another are here, which came at times that nobody knows. */
  #isMerged = false
  /** What follows its values over time, for finding the warm-up. */
  #course: Values | undefined

  /** @internal */
  tell: ((value: bigint) => void) | undefined

  /** `precision` in digits, from 1 to 4: an `OptionError` is thrown where it can't be. Errors have its `name`. */
  constructor(unit?: string, precision: number = PRECISION, name?: string) {
    const bad = badPrecision(precision)
    if (bad !== undefined) throw bad
    this.unit = unit
    this.precision = precision
    this.#where = whereOf("histogram", name)
    this.#bits = SUB_BITS[precision]!
    this.#counts = new Float64Array(4 << this.#bits)
  }

  get count(): number {
    return this.#count
  }

  get sum(): bigint {
    this.#settle()
    return this.#sum
  }

  get least(): bigint {
    return this.#least
  }

  get most(): bigint {
    return this.#most
  }

  /** The mean, next to the exact one; 0 of none. */
  get mean(): number {
    return this.#count === 0 ? 0 : quotient(this.sum, BigInt(this.#count))
  }

  /** The standard deviation, with n − 1, but for its last bit; 0 of fewer than 2. */
  get deviation(): number {
    this.#settle()
    return deviationOf({ ...empty, count: this.#count, sum: this.#sum, squares: this.#squares })
  }

  /**
   * One more: a whole number from 0 up to, not including, 2^64, of ns for example, as a
   * `bigint`. It throws an `OptionError`, and has recorded nothing, where it is another.
   */
  record(value: bigint): void {
    // 1.5 would have its bucket, and be found out when all is summed up.
    const small = typeof value === "bigint" ? Number(value) : NaN
    // There are buckets up to the largest value: a mistake is not to fill the memory.
    if (!(small >= 0 && (small < SMALL || value < LIMIT))) {
      throw new OptionError("value", value, `from 0 up to, not including, 2^64, as a bigint${this.#where}`)
    }
    const bucket = small < SMALL ? smallBucketOf(small, this.#bits) : bucketOf(value, this.#bits)
    if (bucket >= this.#counts.length) this.#widen(bucket)
    this.tell?.(value)
    this.#counts[bucket]! += 1
    if (this.#count === 0 || value < this.#least) this.#least = value
    if (value > this.#most) this.#most = value
    this.#count++
    if (this.#inBatch === this.#perBatch) this.#nextBatch()
    this.#inBatch++
    if (small < SMALL) {
      const h = Math.floor(small / HALF)
      const l = small - h * HALF
      this.#x += small
      this.#hh += h * h
      this.#hl += h * l
      this.#ll += l * l
      if (++this.#pending === PENDING) this.#settle()
    } else {
      this.#sum += value
      this.#squares += value * value
      this.#batches[this.#batches.length - 1]! += value
    }
    if (this.#course !== undefined) this.#course.add(small)
  }

  /** Forgets all values. */
  restart(): void {
    this.#counts = new Float64Array(4 << this.#bits)
    this.#batches = [0n]
    this.#perBatch = 1
    this.#sum =
      this.#squares =
      this.#least =
      this.#most =
        0n
    this.#count =
      this.#inBatch =
      this.#pending =
      this.#x =
      this.#hh =
      this.#hl =
      this.#ll =
        0
    this.#isMerged = false
  }

  /**
   * Tells `course` of each value from now on.
   *
   * @internal
   */
  follow(course: Values): void {
    this.#course = course
  }

  /** Adds up what is pending. */
  #settle(): void {
    if (this.#pending === 0) return
    const x = BigInt(this.#x)
    this.#sum += x
    this.#batches[this.#batches.length - 1]! += x
    this.#squares += (BigInt(this.#hh) << 48n) + (BigInt(this.#hl) << 25n) + BigInt(this.#ll)
    this.#pending =
      this.#x =
      this.#hh =
      this.#hl =
      this.#ll =
        0
  }

  #widen(bucket: number): void {
    const wider = new Float64Array(Math.max(bucket + 1, 2 * this.#counts.length))
    wider.set(this.#counts)
    this.#counts = wider
  }

  #nextBatch(): void {
    this.#settle()
    if (this.#batches.length === 2 * BATCHES) {
      this.#batches = Array.from({ length: BATCHES }, (_, i) => this.#batches[2 * i]! + this.#batches[2 * i + 1]!)
      this.#perBatch *= 2
    }
    this.#batches.push(0n)
    this.#inBatch = 0
  }

  /**
   * The value that a share of all, from 0 to 1, is at or below: the highest of its bucket,
   * so it is too large by less than 0.1 % (one part in 2^4, 2^7, 2^10 or 2^14 with 1, 2, 3
   * or 4 digits). 0 of none. It throws an `OptionError` where `share` is no share.
   */
  quantile(share: number): bigint {
    const rank = rankOf(share, this.#count)
    let seen = 0
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket]!
      if (seen >= rank) return within(highestIn(bucket, this.#bits), this.#least, this.#most)
    }
    return this.#most
  }

  /**
   * How far the mean may be from the true one, at 95 % confidence, where values may depend
   * on those before them, as waiting times do.
   *
   * By batch means, of batches that double in length as values come. From k of them, 32 ≤ k ≤ 64,
   * with the means m₁ … mₖ and their mean m, it is t · √(Σ (mᵢ − m)² / (k − 1) / k), where t is the
   * 97.5 % quantile of Student's distribution with k − 1 degrees of freedom; values that don't
   * fill a batch are left out. Where the batches depend on each other, it is wider, by how much
   * they seem to.
   *
   * None of 64 values or fewer; none where the values {@link Histogram.isCorrelated | depend on
   * each other} for too long; and none after a {@link Histogram.merge}: nobody knows the order of
   * the values then.
   */
  get confidence(): number | undefined {
    const found = this.#confidence()
    return found === "correlated" ? undefined : found
  }

  /** Whether values depend on those before them so much that these are too few to tell the confidence. */
  get isCorrelated(): boolean {
    return this.#confidence() === "correlated"
  }

  #confidence(): number | "correlated" | undefined {
    if (this.#isMerged) return undefined
    this.#settle()
    const isFull = this.#inBatch === this.#perBatch
    const full = isFull ? this.#batches : this.#batches.slice(0, -1)
    return confidenceOf(full.map((sum) => quotient(sum, BigInt(this.#perBatch))), !isFull)
  }

  /** All that it knows, but for the order of the values. */
  get contents(): Contents {
    this.#settle()
    const buckets: Array<Bucket> = []
    this.#counts.forEach((count, bucket) => count > 0 && buckets.push([bucket, count]))
    const { precision } = this
    const [count, sum, squares, least, most] = [this.#count, this.#sum, this.#squares, this.#least, this.#most]
    return { precision, count, sum, squares, least, most, buckets }
  }

  /**
   * Takes in all that another has recorded: but for the confidence, as if it had been
   * recorded here. It throws an `OptionError` where the other has fewer digits.
   */
  merge(other: Histogram): void {
    if (other.precision < this.precision) {
      throw new OptionError("precision", other.precision, `at least the ${this.precision} digits of what takes it in`)
    }
    if (other.#count === 0) return
    const { sum, squares, least, most, buckets } = union(this.contents, other.contents)
    for (const [bucket, count] of buckets) {
      if (bucket >= this.#counts.length) this.#widen(bucket)
      this.#counts[bucket] = count
    }
    this.#count += other.#count
    this.#sum = sum
    this.#squares = squares
    this.#least = least
    this.#most = most
    this.#isMerged = true
  }
}

const empty: Contents = { precision: PRECISION, count: 0, sum: 0n, squares: 0n, least: 0n, most: 0n, buckets: [] }
