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
import * as Schema from "effect/Schema"
import { OptionError } from "../core/Fault.ts"
import { Counter, Histogram, Level, type Sample, Series } from "./Instruments.ts"
import { Self } from "./Self.ts"

export { Counter, Histogram, Level, type Sample, Series } from "./Instruments.ts"

/** What all readings have. */
interface Common {
  readonly name: string
  /** `""` where there is none. */
  readonly unit: string
}

/** What an instrument shows at the end of a run. Times are in ns. */
export type Reading =
  | Common & { readonly _tag: "Counter"; readonly value: number }
  | Common & {
    readonly _tag: "Level"
    /** The last. */
    readonly value: number
    /** Over time. */
    readonly mean: number
    readonly least: number
    readonly most: number
  }
  | Common & {
    readonly _tag: "Histogram"
    readonly count: number
    readonly mean: number
    readonly deviation: number
    /** How far the mean may be from the true one, at 95 % confidence; none of fewer than 64 values. */
    readonly confidence: number | null
    readonly least: bigint
    readonly p50: bigint
    readonly p90: bigint
    readonly p99: bigint
    readonly p999: bigint
    readonly most: bigint
  }
  | Common & {
    readonly _tag: "Series"
    /** How many samples each of these stands for. */
    readonly every: number
    readonly samples: ReadonlyArray<Sample>
  }

/** What all of a guest's instruments show, in the order in which they were made. */
export type Snapshot = ReadonlyArray<Reading>

const common = { name: Schema.String, unit: Schema.String }
const Time = Schema.BigIntFromString

/** How snapshots are stored and sent. */
export const Snapshot: Schema.Codec<Snapshot, unknown> = Schema.Array(Schema.TaggedUnion({
  Counter: { ...common, value: Schema.Number },
  Level: { ...common, value: Schema.Number, mean: Schema.Number, least: Schema.Number, most: Schema.Number },
  Histogram: {
    ...common,
    count: Schema.Number,
    mean: Schema.Number,
    deviation: Schema.Number,
    confidence: Schema.NullOr(Schema.Number),
    least: Time,
    p50: Time,
    p90: Time,
    p99: Time,
    p999: Time,
    most: Time,
  },
  Series: {
    ...common,
    every: Schema.Number,
    samples: Schema.Array(Schema.Struct({ time: Time, value: Schema.Number })),
  },
}))

type Instrument = Counter | Level | Histogram | Series

/** How values are shown. */
export interface Unit {
  /** What values are in: `ns` is shown as a time. Default: none. */
  readonly unit?: string
}

const kindOf = (instrument: Instrument): Reading["_tag"] =>
  instrument instanceof Counter
    ? "Counter"
    : instrument instanceof Level
    ? "Level"
    : instrument instanceof Histogram
    ? "Histogram"
    : "Series"

/** A guest's instruments. */
export class Statistics {
  readonly #now: () => bigint
  readonly #instruments = new Map<string, Instrument>()

  constructor(now: () => bigint) {
    this.#now = now
  }

  /** The instrument of this name; what is of another kind already is an `OptionError`. */
  #get<I extends Instrument>(name: string, kind: new (...args: never) => I, make: () => I): I | OptionError {
    const found = this.#instruments.get(name)
    if (found instanceof kind) return found
    if (found !== undefined) return new OptionError("name", name, `that is a ${kindOf(found)} already`)
    const made = make()
    this.#instruments.set(name, made)
    return made
  }

  /** A counter; the same name is the same one. */
  counter(name: string, { unit }: Unit = {}): Counter | OptionError {
    return this.#get(name, Counter, () => new Counter(unit))
  }

  /** A level, of value 0 at first. */
  level(name: string, { unit }: Unit = {}): Level | OptionError {
    return this.#get(name, Level, () => new Level(this.#now, unit))
  }

  /** A histogram of durations in ns, unless another unit is given. */
  histogram(name: string, { unit = "ns" }: Unit = {}): Histogram | OptionError {
    return this.#get(name, Histogram, () => new Histogram(unit))
  }

  /** A series of samples. */
  series(name: string, { unit }: Unit = {}): Series | OptionError {
    return this.#get(name, Series, () => new Series(this.#now, unit))
  }

  /** What all of them show, with levels up to the time `now`, in ns. */
  snapshot(now: bigint): Snapshot {
    return [...this.#instruments].map(([name, instrument]) => read(name, instrument, now))
  }
}

const read = (name: string, instrument: Instrument, now: bigint): Reading => {
  const unit = instrument.unit ?? ""
  if (instrument instanceof Counter) return { _tag: "Counter", name, unit, value: instrument.value }
  if (instrument instanceof Level) {
    const { value, least, most } = instrument
    return { _tag: "Level", name, unit, value, mean: instrument.meanAt(now), least, most }
  }
  if (instrument instanceof Series) {
    return { _tag: "Series", name, unit, every: instrument.every, samples: instrument.samples }
  }
  return {
    _tag: "Histogram",
    name,
    unit,
    count: instrument.count,
    mean: instrument.mean,
    deviation: instrument.deviation,
    confidence: instrument.confidence ?? null,
    least: instrument.least,
    p50: instrument.quantile(0.5),
    p90: instrument.quantile(0.9),
    p99: instrument.quantile(0.99),
    p999: instrument.quantile(0.999),
    most: instrument.most,
  }
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
export const histogram = (name: string, options?: Unit): Effect.Effect<Histogram, OptionError, Self> =>
  ofSelf((statistics) => statistics.histogram(name, options))

/** This guest's series of samples of that name. */
export const series = (name: string, options?: Unit): Effect.Effect<Series, OptionError, Self> =>
  ofSelf((statistics) => statistics.series(name, options))
