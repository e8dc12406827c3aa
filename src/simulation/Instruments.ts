/**
 * What a run is measured with. All of it is exact, or says how exact it is; nothing
 * grows without bound.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

/** Counts. */
export class Counter {
  readonly unit: string | undefined
  #value = 0

  constructor(unit?: string) {
    this.unit = unit
  }

  get value(): number {
    return this.#value
  }

  /** Counts `n` more, a whole number. */
  add(n = 1): void {
    this.#value += n
  }
}

/**
 * Something that has a value at any time, a queue's length for example, and its average
 * over time. Values are whole numbers; the average is that of an exact sum.
 */
export class Level {
  readonly unit: string | undefined
  readonly #now: () => bigint
  readonly #began: bigint
  #since: bigint
  #value = 0
  #least = 0
  #most = 0
  /** Of value × ns. */
  #integral = 0n

  constructor(now: () => bigint, unit?: string) {
    this.#now = now
    this.#began = this.#since = now()
    this.unit = unit
  }

  get value(): number {
    return this.#value
  }

  get least(): number {
    return this.#least
  }

  get most(): number {
    return this.#most
  }

  /** It is this from now on. */
  set(value: number): void {
    const now = this.#now()
    if (now !== this.#since) {
      this.#integral += (now - this.#since) * BigInt(this.#value)
      this.#since = now
    }
    this.#value = value
    if (value > this.#most) this.#most = value
    if (value < this.#least) this.#least = value
  }

  /** It is more by this from now on, or less. */
  add(difference: number): void {
    this.set(this.#value + difference)
  }

  /** Its average from when it was made to `now`; its value, where that is no time. */
  meanAt(now: bigint): number {
    const time = now - this.#began
    if (time <= 0n) return this.#value
    return quotient(this.#integral + (now - this.#since) * BigInt(this.#value), time)
  }
}

/** a / b as the double next to it, or nearly so: exact sums don't fit one. */
export const quotient = (a: bigint, b: bigint): number => {
  const whole = a / b
  return Number(whole) + Number((a - whole * b) * 1_000_000_000n / b) / 1e9
}

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)
double[0] = 1
const HIGH = words[1] === 0 ? 0 : 1

/** 2^10 buckets for each power of 2: what is in one differs by less than 0.1 %. */
const PER_OCTAVE = 1024

/** Which bucket a value is in; below 2,048 each has its own. */
export const bucketOf = (value: number): number => {
  if (value < 2 * PER_OCTAVE) return value
  double[0] = value
  const high = words[HIGH]!
  return ((high >>> 20) - 1023 - 9) * PER_OCTAVE + ((high >>> 10) & (PER_OCTAVE - 1))
}

/** The highest value in a bucket. */
export const highestIn = (bucket: number): bigint => {
  if (bucket < 2 * PER_OCTAVE) return BigInt(bucket)
  const octave = Math.floor(bucket / PER_OCTAVE) - 1
  return (BigInt(PER_OCTAVE + bucket % PER_OCTAVE + 1) << BigInt(octave)) - 1n
}

/** How many batches there are at least, once there were enough values. */
const BATCHES = 32

/**
 * Values and how often they came: counts, sums and extremes are exact, percentiles within
 * 0.1 %, in bounded memory.
 */
export class Histogram {
  readonly unit: string | undefined
  #counts = new Float64Array(4 * PER_OCTAVE)
  #count = 0
  #sum = 0n
  #squares = 0n
  #least = 0n
  #most = 0n
  /** The sums of equally many values in a row; the last isn't full. */
  #batches: Array<bigint> = [0n]
  #perBatch = 1
  #inBatch = 0

  constructor(unit?: string) {
    this.unit = unit
  }

  get count(): number {
    return this.#count
  }

  get sum(): bigint {
    return this.#sum
  }

  get least(): bigint {
    return this.#least
  }

  get most(): bigint {
    return this.#most
  }

  /** The mean; 0 of none. */
  get mean(): number {
    return this.#count === 0 ? 0 : quotient(this.#sum, BigInt(this.#count))
  }

  /** The standard deviation; 0 of fewer than 2. */
  get deviation(): number {
    if (this.#count < 2) return 0
    const n = BigInt(this.#count)
    return Math.sqrt(quotient(this.#squares * n - this.#sum * this.#sum, n * (n - 1n)))
  }

  /** One more: a whole number from 0 on, of ns for example. */
  record(value: bigint): void {
    const bucket = bucketOf(Number(value))
    if (bucket >= this.#counts.length) this.#widen(bucket)
    this.#counts[bucket]! += 1
    if (this.#count === 0 || value < this.#least) this.#least = value
    if (value > this.#most) this.#most = value
    this.#count++
    this.#sum += value
    this.#squares += value * value
    if (this.#inBatch === this.#perBatch) this.#nextBatch()
    this.#batches[this.#batches.length - 1]! += value
    this.#inBatch++
  }

  #widen(bucket: number): void {
    const wider = new Float64Array(Math.max(bucket + 1, 2 * this.#counts.length))
    wider.set(this.#counts)
    this.#counts = wider
  }

  #nextBatch(): void {
    if (this.#batches.length === 2 * BATCHES) {
      this.#batches = Array.from({ length: BATCHES }, (_, i) => this.#batches[2 * i]! + this.#batches[2 * i + 1]!)
      this.#perBatch *= 2
    }
    this.#batches.push(0n)
    this.#inBatch = 0
  }

  /**
   * The value that a share of all, from 0 to 1, is at or below: the highest of its bucket,
   * so it is too large by less than 0.1 %. 0 of none.
   */
  quantile(share: number): bigint {
    const rank = Math.max(1, Math.ceil(share * this.#count))
    let seen = 0
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket]!
      if (seen >= rank) {
        const highest = highestIn(bucket)
        return highest < this.#most ? highest : this.#most
      }
    }
    return this.#most
  }

  /**
   * How far the mean may be from the true one, at 95 % confidence, from the means of at least
   * 32 batches of values in a row (Student's t): values may depend on those right before them,
   * as waiting times do. None of fewer than 64.
   */
  get confidence(): number | undefined {
    const full = this.#inBatch === this.#perBatch ? this.#batches : this.#batches.slice(0, -1)
    const n = full.length
    if (this.#perBatch < 2 || n < 2) return undefined
    const means = full.map((sum) => quotient(sum, BigInt(this.#perBatch)))
    const mean = means.reduce((sum, each) => sum + each, 0) / n
    const variance = means.reduce((sum, each) => sum + (each - mean) * (each - mean), 0) / (n - 1)
    return studentsT(n - 1) * Math.sqrt(variance / n)
  }

  /** Takes in all that another has recorded; but for the confidence, as if it had been recorded here. */
  merge(other: Histogram): void {
    if (other.#count === 0) return
    if (other.#counts.length > this.#counts.length) this.#widen(other.#counts.length - 1)
    other.#counts.forEach((count, bucket) => this.#counts[bucket]! += count)
    if (this.#count === 0 || other.#least < this.#least) this.#least = other.#least
    if (other.#most > this.#most) this.#most = other.#most
    this.#count += other.#count
    this.#sum += other.#sum
    this.#squares += other.#squares
    this.#batches = [0n]
    this.#perBatch = 1
    this.#inBatch = 0
  }
}

/** The 97.5 % quantile of Student's t, by the expansion of Cornish and Fisher: within 0.001 from 12 degrees of freedom on. */
const studentsT = (freedom: number): number => {
  const z = 1.959963984540054
  const [z3, z5] = [z ** 3, z ** 5]
  return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom ** 2)
}

/** What a series keeps at most. */
const CAPACITY = 1024

/** A value at a time, in ns. */
export interface Sample {
  readonly time: bigint
  readonly value: number
}

/**
 * Samples in the course of time. Where there are more than 1,024, every second one is let
 * go, and so on. All of them can be followed live.
 */
export class Series {
  readonly unit: string | undefined
  readonly #now: () => bigint
  #samples: Array<Sample> = []
  #every = 1
  #skipped = 0
  #live: PubSub.PubSub<Sample> | undefined

  constructor(now: () => bigint, unit?: string) {
    this.#now = now
    this.unit = unit
  }

  /** How many samples each that was kept stands for. */
  get every(): number {
    return this.#every
  }

  get samples(): ReadonlyArray<Sample> {
    return this.#samples
  }

  /** The samples from now on; a slow reader misses the oldest of more than 1,024. */
  get live(): Stream.Stream<Sample> {
    return Stream.suspend(() => Stream.fromPubSub(this.#live ??= Effect.runSync(PubSub.sliding<Sample>(CAPACITY))))
  }

  /** It is this now. */
  sample(value: number): void {
    const sample = { time: this.#now(), value }
    if (this.#live !== undefined) PubSub.publishUnsafe(this.#live, sample)
    if (this.#skipped++ % this.#every !== 0) return
    this.#samples.push(sample)
    if (this.#samples.length < CAPACITY) return
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0)
    // The one let go of was the last: the next that is kept comes as long after it as it came after the one before.
    this.#skipped = this.#every + 1
    this.#every *= 2
  }
}
