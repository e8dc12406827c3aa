/**
 * The course of a measured value over a run, as the means of batches in a row, in bounded memory: what the end of a
 * warm-up is found by.
 *
 * @module
 */

/** How many batches there are at most; with as many, each two in a row become one. */
const MOST = 4096

/** Of how many values batches are at first, as MSER-5 has it. */
const FIVE = 5

/** When a batch ended, in ns, and its mean. */
export interface Batch {
  readonly time: bigint
  readonly value: number
}

/** What keeps a course. */
export interface Course {
  /** Batches that are full: when each ended, in ns, and its mean. */
  readonly samples: ReadonlyArray<Batch>
  /** How many values a batch has; of a level, 1. */
  readonly every: number
}

/** Each two batches in a row as one. */
const inPairs = (batches: ReadonlyArray<Batch>): Array<Batch> =>
  Array.from({ length: batches.length >> 1 }, (_, i) => {
    const [one, other] = [batches[2 * i]!, batches[2 * i + 1]!]
    return { time: other.time, value: (one.value + other.value) / 2 }
  })

/** The course of values that are recorded one by one. */
export class Values implements Course {
  readonly #now: () => bigint
  samples: Array<Batch> = []
  every: number = FIVE
  #count = 0
  #sum = 0

  constructor(now: () => bigint) {
    this.#now = now
  }

  /** The next value. */
  add(value: number): void {
    this.#sum += value
    if (++this.#count < this.every) return
    this.samples.push({ time: this.#now(), value: this.#sum / this.every })
    this.#count = this.#sum = 0
    if (this.samples.length < MOST) return
    this.samples = inPairs(this.samples)
    this.every *= 2
  }
}

/** The course of what has a value at any time: batches are equally long. */
export class Times implements Course {
  readonly every = 1
  samples: Array<Batch> = []
  /** How long a batch is, in ns. */
  #length = 1n
  /** Until when it was told the value. */
  #told: bigint
  /** When the batch ends that isn't full, and value × ns in it so far. */
  #end: bigint
  #area = 0

  constructor(now: bigint) {
    this.#told = now
    this.#end = now + this.#length
  }

  /** The value has been `value` since `since`, until `now`. */
  goOn(value: number, since: bigint, now: bigint): void {
    if (since > this.#told) this.#told = since
    while ((now - this.#end) / this.#length > BigInt(2 * MOST)) this.#double()
    while (this.#end <= now) {
      this.#area += Number(this.#end - this.#told) * value
      this.samples.push({ time: this.#end, value: this.#area / Number(this.#length) })
      this.#told = this.#end
      this.#end += this.#length
      this.#area = 0
      if (this.samples.length === MOST) this.#double()
    }
    if (now <= this.#told) return
    this.#area += Number(now - this.#told) * value
    this.#told = now
  }

  #double(): void {
    const isOdd = this.samples.length % 2 === 1
    if (isOdd) this.#area += this.samples.at(-1)!.value * Number(this.#length)
    // The batch that isn't full has its second half before it, or is the first half of a longer one.
    else this.#end += this.#length
    this.samples = inPairs(this.samples)
    this.#length *= 2n
  }
}
