/**
 * A guest's instruments, by name.
 *
 * @module
 */
import { OptionError } from "../../core/Fault.ts"
import * as Course from "./Course.ts"
import type { WorldNote } from "../../services/Tracer.ts"
import { badPrecision, Histogram, PRECISION } from "./Histogram.ts"
import { badSeries, CAPACITY, Counter, Level, Series } from "./Instruments.ts"
import { readHistogram, type Reading, readLevel, readTally, type Snapshot } from "./Snapshot.ts"
import { Tally } from "./Tally.ts"

type Instrument = Counter | Level | Histogram | Tally | Series

/**
 * How values are shown.
 *
 * @since 0.1.0
 * @category models
 */
export interface Unit {
  /** What values are in: `ns` is shown as a time. Default: none. */
  readonly unit?: string
}

/**
 * How a histogram or a tally is kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface HistogramOptions extends Unit {
  /** Of how many significant digits its percentiles are right, from 1 to 4. Default: 3, which is 0.1 %. */
  readonly precision?: number
}

/**
 * How a series is kept.
 *
 * @since 0.1.0
 * @category models
 */
export interface SeriesOptions extends Unit {
  /** It keeps fewer samples than this, 2 to 1,048,576. Default: 1,024. */
  readonly capacity?: number
  /** Of how many samples it keeps one at first, 1 to 2^31. Default: 1. */
  readonly every?: number
}

const kindOf = (instrument: Instrument): Reading["_tag"] =>
  instrument instanceof Counter
    ? "Counter"
    : instrument instanceof Level
    ? "Level"
    : instrument instanceof Histogram
    ? "Histogram"
    : instrument instanceof Tally
    ? "Tally"
    : "Series"

/** What traces call them. */
const KINDS = {
  Counter: "counter",
  Level: "level",
  Histogram: "histogram",
  Tally: "histogram",
  Series: "series",
} as const

const throwIf = (bad: OptionError | undefined): void => {
  if (bad !== undefined) throw bad
}

/**
 * What is measured of a guest.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  /** When its statistics begin anew, in ns: none, where they are kept from the beginning. */
  readonly warmUp?: bigint | undefined
  /** The statistic whose course is kept, as a series. */
  readonly course?: string | undefined
}

/** The name of the series that is the course of a statistic. */
export const courseOf = (name: string): string => `${name} course`

/**
 * A guest's instruments. Where an option can't be, or the name is that of an instrument of another kind, these methods
 * throw an `OptionError`; `Statistics.counter` and its like fail with it.
 *
 * @since 0.1.0
 * @category models
 */
export class Statistics {
  readonly #now: () => bigint
  readonly #instruments = new Map<string, Instrument>()
  readonly #settings: Settings
  #course: Course.Course | undefined
  /**
   * Told each value that one of them takes, once the guest is traced.
   *
   * @internal
   */
  tell: ((note: WorldNote) => void) | undefined

  /** Of a guest with this clock, in ns. */
  constructor(now: () => bigint, settings: Settings = {}) {
    this.#now = now
    this.#settings = settings
  }

  /**
   * Forgets all that was measured until now: counters are 0 again, histograms, tallies and series are empty, and levels are
   * averaged from now on, beginning with the values that they have. `World.run` does so for all guests after `warmUp`.
   *
   * @since 0.2.0
   */
  restart(): void {
    for (const instrument of this.#instruments.values()) instrument.restart()
  }

  /** The instrument of this name, as it was made first. */
  #get<I extends Instrument>(name: string, kind: new (...args: never) => I, make: () => I): I {
    const found = this.#instruments.get(name)
    if (found instanceof kind) return found
    if (found !== undefined) throw new OptionError("name", name, `that is a ${kindOf(found)} already`)
    const made = make()
    this.#instruments.set(name, made)
    if (name === this.#settings.course) this.#follow(made)
    const { tell } = this
    if (tell !== undefined) {
      const instrument = KINDS[kindOf(made)]
      const unit = made.unit === undefined ? {} : { unit: made.unit }
      made.tell = (value: number | bigint) => tell({ _tag: "Measured", instrument, name, value, ...unit })
    }
    return made
  }

  #follow(instrument: Instrument): void {
    if (instrument instanceof Level) instrument.follow(this.#course = new Course.Times(this.#now()))
    else if (instrument instanceof Histogram || instrument instanceof Tally) {
      instrument.follow(this.#course = new Course.Values(this.#now))
    }
  }

  /** A counter; the same name is the same one. */
  counterUnsafe(name: string, { unit }: Unit = {}): Counter {
    return this.#get(name, Counter, () => new Counter(unit, name))
  }

  /** A counter; `undefined` where the name is that of an instrument of another kind. */
  counterIfFree(name: string): Counter | undefined {
    const found = this.#instruments.get(name)
    return found === undefined || found instanceof Counter ? this.counterUnsafe(name) : undefined
  }

  /** A level, of value 0 at first. */
  levelUnsafe(name: string, { unit }: Unit = {}): Level {
    return this.#get(name, Level, () => new Level(this.#now, unit, name))
  }

  /** A histogram of durations in ns, unless another unit is given. */
  histogramUnsafe(name: string, { unit = "ns", precision = PRECISION }: HistogramOptions = {}): Histogram {
    throwIf(badPrecision(precision))
    return this.#get(name, Histogram, () => new Histogram(unit, precision, name))
  }

  /** A tally of numbers of any size and sign. */
  tallyUnsafe(name: string, { unit, precision = PRECISION }: HistogramOptions = {}): Tally {
    throwIf(badPrecision(precision))
    return this.#get(name, Tally, () => new Tally(unit, precision, name))
  }

  /** A series of samples. */
  seriesUnsafe(name: string, { unit, capacity = CAPACITY, every = 1 }: SeriesOptions = {}): Series {
    throwIf(badSeries(capacity, every))
    return this.#get(name, Series, () => new Series(this.#now, unit, capacity, every, name))
  }

  /** What all of them show, with levels up to the time `now`, in ns. */
  snapshot(now: bigint): Snapshot {
    const { warmUp, course: followed } = this.#settings
    // Whose end comes before that of its warm-up has measured nothing that counts.
    if (warmUp !== undefined && now < warmUp) this.restart()
    const readings = [...this.#instruments].map(([name, instrument]) => read(name, instrument, now))
    const course = this.#course
    if (course === undefined || followed === undefined) return readings
    const { every, samples } = course
    const unit = this.#instruments.get(followed)?.unit ?? ""
    return [...readings, { _tag: "Series", name: courseOf(followed), unit, every, samples: [...samples] }]
  }
}

const read = (name: string, instrument: Instrument, now: bigint): Reading => {
  const unit = instrument.unit ?? ""
  if (instrument instanceof Counter) return { _tag: "Counter", name, unit, value: instrument.value }
  if (instrument instanceof Level) return readLevel(name, unit, instrument.contentsAt(now))
  if (instrument instanceof Series) {
    const { every, samples, summary } = instrument
    return { _tag: "Series", name, unit, every, samples: [...samples], ...summary !== undefined && { summary } }
  }
  const how = [instrument.confidence ?? null, instrument.isCorrelated] as const
  return instrument instanceof Tally
    ? readTally(name, unit, instrument.contents, ...how)
    : readHistogram(name, unit, instrument.contents, ...how)
}
