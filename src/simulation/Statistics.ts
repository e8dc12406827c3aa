/**
 * What a guest counts and measures while it runs, by name.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Report, Statistics, World } from "guest-clock/simulation"
 *
 * const shop = Guest.make("shop", Effect.gen(function*() {
 *   const served = yield* Statistics.counter("served")
 *   const busy = yield* Statistics.level("busy")
 *   for (let customer = 0; customer < 10; customer++) {
 *     busy.set(1)
 *     yield* Effect.sleep("3 minutes")
 *     busy.set(0)
 *     served.add()
 *     yield* Effect.sleep("1 minute")
 *   }
 * }))
 * const result = await Effect.runPromise(World.run(World.make({ guests: [shop] })))
 * console.log(Report.csv(Report.make(result)).split("\r\n")[3]) // shop,busy,level,,mean,0.75
 * ```
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { OptionError } from "../core/Fault.ts"
import type { WorldNote } from "../services/Tracer.ts"
import { badPrecision, Histogram, PRECISION } from "../internal/simulation/Histogram.ts"
import { badSeries, CAPACITY, Counter, Level, Series } from "../internal/simulation/Instruments.ts"
import { readHistogram, type Reading, readLevel, type Snapshot } from "../internal/simulation/Snapshot.ts"
import { Self } from "../internal/simulation/Self.ts"

export { type Bucket, Histogram } from "../internal/simulation/Histogram.ts"
export { Counter, Level, type Sample, Series, type Summary } from "../internal/simulation/Instruments.ts"
export { merge, type Reading, Snapshot } from "../internal/simulation/Snapshot.ts"

type Instrument = Counter | Level | Histogram | Series

/** How values are shown. */
export interface Unit {
  /** What values are in: `ns` is shown as a time. Default: none. */
  readonly unit?: string
}

/** How a histogram is kept. */
export interface HistogramOptions extends Unit {
  /** Of how many significant digits its percentiles are right, from 1 to 4. Default: 3, which is 0.1 %. */
  readonly precision?: number
}

/** How a series is kept. */
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
    : "Series"

/** What traces call them. */
const KINDS = { Counter: "counter", Level: "level", Histogram: "histogram", Series: "series" } as const

/** A guest's instruments. */
export class Statistics {
  readonly #now: () => bigint
  readonly #instruments = new Map<string, Instrument>()
  /**
   * Told each value that one of them takes, once the guest is traced.
   *
   * @internal
   */
  tell: ((note: WorldNote) => void) | undefined

  constructor(now: () => bigint) {
    this.#now = now
  }

  /** The instrument of this name, as it was made first; what is of another kind already is an `OptionError`. */
  #get<I extends Instrument>(name: string, kind: new (...args: never) => I, make: () => I): I | OptionError {
    const found = this.#instruments.get(name)
    if (found instanceof kind) return found
    if (found !== undefined) return new OptionError("name", name, `that is a ${kindOf(found)} already`)
    const made = make()
    this.#instruments.set(name, made)
    const { tell } = this
    if (tell !== undefined) {
      const instrument = KINDS[kindOf(made)]
      const unit = made.unit === undefined ? {} : { unit: made.unit }
      made.tell = (value: number | bigint) => tell({ _tag: "Measured", instrument, name, value, ...unit })
    }
    return made
  }

  /** A counter; the same name is the same one. */
  counter(name: string, { unit }: Unit = {}): Counter | OptionError {
    return this.#get(name, Counter, () => new Counter(unit, name))
  }

  /** A level, of value 0 at first. */
  level(name: string, { unit }: Unit = {}): Level | OptionError {
    return this.#get(name, Level, () => new Level(this.#now, unit, name))
  }

  /** A histogram of durations in ns, unless another unit is given. */
  histogram(name: string, { unit = "ns", precision = PRECISION }: HistogramOptions = {}): Histogram | OptionError {
    return badPrecision(precision) ?? this.#get(name, Histogram, () => new Histogram(unit, precision, name))
  }

  /** A series of samples. */
  series(name: string, { unit, capacity = CAPACITY, every = 1 }: SeriesOptions = {}): Series | OptionError {
    return badSeries(capacity, every) ??
      this.#get(name, Series, () => new Series(this.#now, unit, capacity, every, name))
  }

  /** What all of them show, with levels up to the time `now`, in ns. */
  snapshot(now: bigint): Snapshot {
    return [...this.#instruments].map(([name, instrument]) => read(name, instrument, now))
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
  return readHistogram(name, unit, instrument.contents, instrument.confidence ?? null, instrument.isCorrelated)
}

const ofSelf = <I>(get: (statistics: Statistics) => I | OptionError): Effect.Effect<I, OptionError, Self> =>
  Effect.flatMap(Self, ({ statistics }) => {
    const found = get(statistics)
    return found instanceof OptionError ? Effect.fail(found) : Effect.succeed(found)
  })

/** This guest's counter of that name. One that is of another kind already is an `OptionError`; so below. */
export const counter = (name: string, options?: Unit): Effect.Effect<Counter, OptionError, Self> =>
  ofSelf((statistics) => statistics.counter(name, options))

/** This guest's level of that name: 0 at first, and averaged over time from now on. */
export const level = (name: string, options?: Unit): Effect.Effect<Level, OptionError, Self> =>
  ofSelf((statistics) => statistics.level(name, options))

/** This guest's histogram of that name: of durations in ns, unless another unit is given. */
export const histogram = (name: string, options?: HistogramOptions): Effect.Effect<Histogram, OptionError, Self> =>
  ofSelf((statistics) => statistics.histogram(name, options))

/** This guest's series of samples of that name. */
export const series = (name: string, options?: SeriesOptions): Effect.Effect<Series, OptionError, Self> =>
  ofSelf((statistics) => statistics.series(name, options))
