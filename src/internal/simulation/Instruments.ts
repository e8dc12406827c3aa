/**
 * Counters, levels and series. All of it is exact, or says how exact it is; nothing grows without bound.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { OptionError } from "../../core/Fault.ts"
import type { Times } from "./Course.ts"
import { quotient, whereOf } from "./Histogram.ts"

/** Told each value that an instrument takes, where its guest is traced. */
export type Tell = (value: number | bigint) => void

/**
 * Counts, exactly however much it is.
 *
 * @since 0.1.0
 * @category models
 */
export class Counter {
  readonly unit: string | undefined
  /** @internal */
  tell: Tell | undefined
  #large = 0n
  /** What isn't in there yet: a double is quicker, and exact as far as it goes. */
  #small = 0

  /** What errors say of where a value was given; so below. */
  readonly #where: string

  /** Errors have its `name`. */
  constructor(unit?: string, name?: string) {
    this.unit = unit
    this.#where = whereOf("counter", name)
  }

  /** Counts from 0 again. */
  restart(): void {
    this.#large = 0n
    this.#small = 0
  }

  get value(): bigint {
    return this.#large + BigInt(this.#small)
  }

  /** Counts `n` more, a whole number: it throws an `OptionError` where it isn't one. */
  add(n: number | bigint = 1): void {
    this.#add(n)
    this.tell?.(this.value)
  }

  #add(n: number | bigint): void {
    if (typeof n === "bigint") {
      this.#large += n
      return
    }
    if (!Number.isSafeInteger(n)) {
      throw new OptionError("n", n, `a whole number that a double holds, or a bigint${this.#where}`)
    }
    const small = this.#small + n
    if (Number.isSafeInteger(small)) {
      this.#small = small
    } else {
      this.#large += BigInt(this.#small) + BigInt(n)
      this.#small = 0
    }
  }
}

/** A number that JSON can hold, with one 0 only. */
const finite = (value: number, where: string): number => {
  if (!Number.isFinite(value)) throw new OptionError("value", value, `a number that isn't infinite${where}`)
  return value + 0
}

/**
 * Something that has a value at any time, a queue's length for example, and its average
 * over time. Of whole numbers the sum over time is exact, and the average the double next
 * to it; what numbers have behind the point is summed up in doubles.
 *
 * @since 0.1.0
 * @category models
 */
export class Level {
  readonly unit: string | undefined
  /** @internal */
  tell: Tell | undefined
  readonly #now: () => bigint
  #began: bigint
  #since: bigint
  #value = 0
  #least = 0
  #most = 0
  /** Of value × ns: of the whole numbers below the values, and of what is above those. */
  #integral = 0n
  #fraction = 0
  /** What follows its values over time, for finding the warm-up. */
  #course: Times | undefined

  readonly #where: string

  /** Of value 0 from now on, where `now` is in ns. Errors have its `name`. */
  constructor(now: () => bigint, unit?: string, name?: string) {
    this.#now = now
    this.#began = this.#since = now()
    this.unit = unit
    this.#where = whereOf("level", name)
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

  /** Forgets its past: it is measured from now on, beginning with the value that it has. */
  restart(): void {
    this.#began = this.#since = this.#now()
    this.#integral = 0n
    this.#fraction = 0
    this.#least = this.#most = this.#value
  }

  /**
   * Tells `course` of its value over time from now on.
   *
   * @internal
   */
  follow(course: Times): void {
    this.#course = course
  }

  /** It is this from now on: it throws an `OptionError` where that is no number, or infinite. */
  set(value: number): void {
    const next = finite(value, this.#where)
    const now = this.#now()
    if (now > this.#since) {
      this.#course?.goOn(this.#value, this.#since, now)
      const { integral, fraction } = this.#until(now)
      this.#integral = integral
      this.#fraction = fraction
      this.#since = now
    }
    this.#value = next
    if (next > this.#most) this.#most = next
    if (next < this.#least) this.#least = next
    this.tell?.(next)
  }

  /** It is more by this from now on, or less: as {@link Level.set}. */
  add(difference: number): void {
    this.set(this.#value + finite(difference, this.#where))
  }

  #until(now: bigint): { readonly integral: bigint; readonly fraction: number } {
    const time = now - this.#since
    // Many levels are 0 for most of the time.
    if (time <= 0n || this.#value === 0) return { integral: this.#integral, fraction: this.#fraction }
    const whole = Math.floor(this.#value)
    return {
      integral: this.#integral + time * BigInt(whole),
      fraction: this.#fraction + (this.#value === whole ? 0 : Number(time) * (this.#value - whole)),
    }
  }

  /** All that it knows at the time `now`, in ns. */
  contentsAt(now: bigint): LevelContents {
    if (this.#course !== undefined && now > this.#since) this.#course.goOn(this.#value, this.#since, now)
    const { value, least, most } = this
    const at = now > this.#since ? now : this.#since
    return { value, least, most, time: at - this.#began, ...this.#until(at) }
  }

  /** Its average from when it was made to `now`; its value, where that is no time. */
  meanAt(now: bigint): number {
    return levelMean(this.contentsAt(now))
  }
}

/** All that a level knows: enough to merge it. */
export interface LevelContents {
  /** The last. */
  readonly value: number
  readonly least: number
  readonly most: number
  /** For how long it was measured, in ns. */
  readonly time: bigint
  /** Of value × ns: exact where all values are whole numbers, and else of the whole numbers below them. */
  readonly integral: bigint
  /** What comes to that of values that aren't whole numbers, in doubles. */
  readonly fraction: number
}

/** A level's average over its time; its value, where that is no time. */
export const levelMean = ({ value, time, integral, fraction }: LevelContents): number =>
  time === 0n ? value : quotient(integral, time) + (fraction === 0 ? 0 : fraction / Number(time))

/** What a series keeps at most, unless another capacity is asked for. */
export const CAPACITY = 1024

/** Checks a series' options, and returns what is wrong. */
export const badSeries = (capacity: number, every: number): OptionError | undefined =>
  !(Number.isInteger(capacity) && capacity >= 2 && capacity <= 1_048_576)
    ? new OptionError("capacity", capacity, "from 2 to 1,048,576 samples")
    : !(Number.isInteger(every) && every >= 1 && every <= 0x8000_0000)
    ? new OptionError("every", every, "from 1 to 2^31 samples")
    : undefined

/**
 * A value at a time, in ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sample {
  readonly time: bigint
  readonly value: number
}

/**
 * What a series' samples come to, those included that weren't kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface Summary {
  /** At least 1. */
  readonly count: number
  /** In doubles, and as large as they are at most. */
  readonly sum: number
  readonly least: number
  readonly most: number
  readonly last: Sample
}

/** A sum that JSON can hold, also of values as large as doubles are. */
export const bounded = (sum: number): number => Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, sum))

/** What samples in order of time come to: none, where there are none. */
export const summaryOf = (samples: ReadonlyArray<Sample>): Summary | undefined => {
  const last = samples.at(-1)
  if (last === undefined) return undefined
  const [count, sum] = [samples.length, samples.reduce((sum, { value }) => bounded(sum + value), 0)]
  const least = samples.reduce((least, { value }) => Math.min(least, value), Infinity)
  const most = samples.reduce((most, { value }) => Math.max(most, value), -Infinity)
  return { count, sum, least, most, last }
}

/**
 * Samples in the course of time, evenly kept: where there are as many as its capacity, every
 * second one is let go, and from then on only half as many are kept. All of them can be
 * followed live.
 *
 * @since 0.1.0
 * @category models
 */
export class Series {
  readonly unit: string | undefined
  /** @internal */
  tell: Tell | undefined
  readonly capacity: number
  readonly #where: string
  readonly #now: () => bigint
  #samples: Array<Sample> = []
  #every: number
  /** Of how many samples it keeps one at first. */
  readonly #first: number
  #skipped = 0
  #count = 0
  #sum = 0
  #least = Infinity
  #most = -Infinity
  #last: Sample | undefined
  #live: PubSub.PubSub<Sample> | undefined

  /**
   * Keeps every so manieth sample, and fewer than `capacity`, 2 to 1,048,576, of them. An
   * `OptionError` is thrown where it can't. Errors have its `name`.
   */
  constructor(now: () => bigint, unit?: string, capacity: number = CAPACITY, every: number = 1, name?: string) {
    const bad = badSeries(capacity, every)
    if (bad !== undefined) throw bad
    this.#now = now
    this.unit = unit
    this.capacity = capacity
    this.#every = this.#first = every
    this.#where = whereOf("series", name)
  }

  /** How many samples each that was kept stands for. */
  get every(): number {
    return this.#every
  }

  /** Forgets all samples. */
  restart(): void {
    this.#samples = []
    this.#every = this.#first
    this.#skipped = this.#count = this.#sum = 0
    this.#least = Infinity
    this.#most = -Infinity
    this.#last = undefined
  }

  get samples(): ReadonlyArray<Sample> {
    return this.#samples
  }

  /** What all samples come to, those included that weren't kept; none of none. */
  get summary(): Summary | undefined {
    return this.#last &&
      { count: this.#count, sum: this.#sum, least: this.#least, most: this.#most, last: this.#last }
  }

  /** The samples from now on; a slow reader misses the oldest of more than 1,024. */
  get live(): Stream.Stream<Sample> {
    return Stream.suspend(() => Stream.fromPubSub(this.#live ??= Effect.runSync(PubSub.sliding<Sample>(CAPACITY))))
  }

  /** It is this now: it throws an `OptionError` where that is no number, or infinite. */
  sample(value: number): void {
    const sample = { time: this.#now(), value: finite(value, this.#where) }
    this.#last = sample
    this.tell?.(sample.value)
    this.#count++
    this.#sum = bounded(this.#sum + sample.value)
    if (sample.value < this.#least) this.#least = sample.value
    if (sample.value > this.#most) this.#most = sample.value
    if (this.#live !== undefined) PubSub.publishUnsafe(this.#live, sample)
    const index = this.#skipped++
    if (this.#skipped === this.#every) this.#skipped = 0
    if (index !== 0) return
    this.#samples.push(sample)
    if (this.#samples.length < this.capacity) return
    const last = this.#samples.length - 1
    this.#samples = this.#samples.filter((_, index) => index % 2 === 0)
    // The next that is kept comes as long after the last that was as that came after the one before.
    this.#every *= 2
    this.#skipped = last % 2 === 0 ? 1 : this.#every / 2 + 1
    if (this.#skipped === this.#every) this.#skipped = 0
  }
}
