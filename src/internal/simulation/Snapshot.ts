/**
 * Readings of instruments as plain data, which can be stored, sent to another process, and merged.
 *
 * @module
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { OptionError } from "../../core/Fault.ts"
import { orFail } from "../services/Unsafe.ts"
import { type TallyContents, tallyDeviation, tallyQuantile, tallyUnion } from "./Tally.ts"
import { type Bucket, type Contents, deviationOf, meanOf, quantileOf, union } from "./Histogram.ts"
import { bounded, type LevelContents, levelMean, type Sample, type Summary, summaryOf } from "./Instruments.ts"

/** What all readings have. */
interface Common {
  readonly name: string
  /** `""` where there is none. */
  readonly unit: string
}

/** How sure a mean is. */
interface Sureness {
  /**
   * How far the mean may be from the true one, at 95 % confidence; none of 64 values or fewer, none of merged ones,
   * and none of `correlated` ones.
   */
  readonly confidence: number | null
  /** There where values depend on those before them so much that these are too few to tell the confidence. */
  readonly correlated?: true
}

/**
 * The reading of an instrument at the end of a run. Times are in ns.
 *
 * @since 0.1.0
 * @category models
 */
export type Reading =
  | Common & { readonly _tag: "Counter"; readonly value: bigint }
  | Common & LevelContents & {
    readonly _tag: "Level"
    /** Over time. */
    readonly mean: number
  }
  | Common & TallyContents & Sureness & {
    readonly _tag: "Tally"
    readonly deviation: number
    readonly p50: number
    readonly p90: number
    readonly p99: number
    readonly p999: number
  }
  | Common & Contents & Sureness & {
    readonly _tag: "Histogram"
    readonly mean: number
    readonly deviation: number
    readonly p50: bigint
    readonly p90: bigint
    readonly p99: bigint
    readonly p999: bigint
  }
  | Common & {
    readonly _tag: "Series"
    /** How many samples each of these stands for. */
    readonly every: number
    readonly samples: ReadonlyArray<Sample>
    /** What all samples come to, those included that weren't kept; what there is of them, where this is missing. */
    readonly summary?: Summary
  }

/**
 * The readings of all of a guest's instruments, in the order in which they were made.
 *
 * @since 0.1.0
 * @category models
 */
export type Snapshot = ReadonlyArray<Reading>

const common = { name: Schema.String, unit: Schema.String }
const Whole = Schema.BigIntFromString

const OneSample: Schema.Codec<Sample, unknown> = Schema.Struct({ time: Whole, value: Schema.Number })

const Buckets: Schema.Codec<ReadonlyArray<Bucket>, unknown> = Schema.Array(Schema.Tuple([Schema.Number, Schema.Number]))

const spread = {
  count: Schema.Number,
  mean: Schema.Number,
  deviation: Schema.Number,
  confidence: Schema.NullOr(Schema.Number),
  correlated: Schema.optionalKey(Schema.Literal(true)),
}

/**
 * The schema by which snapshots are stored and sent: as JSON, with bigints as strings.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Snapshot: Schema.Codec<Snapshot, unknown> = Schema.Array(Schema.TaggedUnion({
  Counter: { ...common, value: Whole },
  Level: {
    ...common,
    value: Schema.Number,
    mean: Schema.Number,
    least: Schema.Number,
    most: Schema.Number,
    time: Whole,
    integral: Whole,
    fraction: Schema.Number,
  },
  Tally: {
    ...common,
    ...spread,
    least: Schema.Number,
    p50: Schema.Number,
    p90: Schema.Number,
    p99: Schema.Number,
    p999: Schema.Number,
    most: Schema.Number,
    squares: Schema.Number,
    precision: Schema.Number,
    buckets: Buckets,
  },
  Histogram: {
    ...common,
    ...spread,
    least: Whole,
    p50: Whole,
    p90: Whole,
    p99: Whole,
    p999: Whole,
    most: Whole,
    sum: Whole,
    squares: Whole,
    precision: Schema.Number,
    buckets: Buckets,
  },
  Series: {
    ...common,
    every: Schema.Number,
    samples: Schema.Array(OneSample),
    summary: Schema.optionalKey(Schema.Struct({
      count: Schema.Number,
      sum: Schema.Number,
      least: Schema.Number,
      most: Schema.Number,
      last: OneSample,
    })),
  },
}))

/** What a level shows. */
export const readLevel = (name: string, unit: string, contents: LevelContents): Reading => {
  const { value, least, most, time, integral, fraction } = contents
  return { _tag: "Level", name, unit, value, mean: levelMean(contents), least, most, time, integral, fraction }
}

/** What a histogram shows. */
export const readHistogram = (
  name: string,
  unit: string,
  contents: Contents,
  confidence: number | null,
  isCorrelated: boolean,
): Reading => ({
  _tag: "Histogram",
  name,
  unit,
  count: contents.count,
  mean: meanOf(contents),
  deviation: deviationOf(contents),
  confidence,
  ...isCorrelated && { correlated: true },
  least: contents.least,
  p50: quantileOf(contents, 0.5),
  p90: quantileOf(contents, 0.9),
  p99: quantileOf(contents, 0.99),
  p999: quantileOf(contents, 0.999),
  most: contents.most,
  sum: contents.sum,
  squares: contents.squares,
  precision: contents.precision,
  buckets: contents.buckets,
})

/** What a tally shows. */
export const readTally = (
  name: string,
  unit: string,
  contents: TallyContents,
  confidence: number | null,
  isCorrelated: boolean,
): Reading => ({
  _tag: "Tally",
  name,
  unit,
  count: contents.count,
  mean: contents.mean,
  deviation: tallyDeviation(contents),
  confidence,
  ...isCorrelated && { correlated: true },
  least: contents.least,
  p50: tallyQuantile(contents, 0.5),
  p90: tallyQuantile(contents, 0.9),
  p99: tallyQuantile(contents, 0.99),
  p999: tallyQuantile(contents, 0.999),
  most: contents.most,
  squares: contents.squares,
  precision: contents.precision,
  buckets: contents.buckets,
})

/** Two readings in one; the second is the later. */
const both = (a: Reading, b: Reading): Reading => {
  const { name, unit } = a
  if (unit !== b.unit) throw new OptionError("unit", b.unit, `${name} is in "${unit}" already`)
  if (a._tag === "Counter" && b._tag === "Counter") return { ...a, value: a.value + b.value }
  if (a._tag === "Level" && b._tag === "Level") {
    return readLevel(name, unit, {
      value: b.value,
      least: Math.min(a.least, b.least),
      most: Math.max(a.most, b.most),
      time: a.time + b.time,
      integral: a.integral + b.integral,
      fraction: a.fraction + b.fraction,
    })
  }
  // What has nothing takes nothing away: who merges it knows the order of values still.
  const onlyOf = <R extends Sureness & { readonly count: number }>(a: R, b: R): readonly [number | null, boolean] => {
    const only = b.count === 0 ? a : a.count === 0 ? b : undefined
    return [only?.confidence ?? null, only?.correlated === true]
  }
  if (a._tag === "Histogram" && b._tag === "Histogram") {
    return readHistogram(name, unit, union(a, b), ...onlyOf(a, b))
  }
  if (a._tag === "Tally" && b._tag === "Tally") return readTally(name, unit, tallyUnion(a, b), ...onlyOf(a, b))
  if (a._tag === "Series" && b._tag === "Series") {
    const every = multiple(a.every, b.every)
    const [one, other] = [a.summary ?? summaryOf(a.samples), b.summary ?? summaryOf(b.samples)]
    const summary = one === undefined ? other : other === undefined ? one : summaries(one, other)
    const samples = inOrder(thinned(a, every), thinned(b, every))
    return { _tag: "Series", name, unit, every, samples, ...summary !== undefined && { summary } }
  }
  throw new OptionError("name", name, `that is a ${a._tag} and a ${b._tag}`)
}

const summaries = (a: Summary, b: Summary): Summary => ({
  count: a.count + b.count,
  sum: bounded(a.sum + b.sum),
  least: Math.min(a.least, b.least),
  most: Math.max(a.most, b.most),
  // As the samples are in order.
  last: a.last.time > b.last.time ? a.last : b.last,
})

const divisor = (a: number, b: number): number => b === 0 ? a : divisor(b, a % b)

const multiple = (a: number, b: number): number => a / divisor(a, b) * b

const thinned = ({ samples, every }: { readonly samples: ReadonlyArray<Sample>; readonly every: number }, to: number) =>
  samples.filter((_, index) => index % (to / every) === 0)

/** By time; of the same, the first's come first. */
const inOrder = (a: ReadonlyArray<Sample>, b: ReadonlyArray<Sample>): ReadonlyArray<Sample> =>
  [...a, ...b].sort((one, other) => one.time < other.time ? -1 : one.time > other.time ? 1 : 0)

/**
 * Snapshots in one, of the guests of a run for example, or of runs with several seeds:
 * instruments of the same name become one, in the order in which they first come.
 *
 * - Counters are added up.
 * - A level's mean is that over all the time for which it was measured, its value that of
 *   the last snapshot.
 * - A histogram or a tally is as if it had recorded all values, with the fewest digits of any; where
 *   more than one has values, it has no confidence.
 * - Samples of series are put in order of time, of equally many each; their mean, least and
 *   most are those of all.
 *
 * All but `value` of levels, and the order, are the same however snapshots are ordered. In
 * whichever groups they are merged, the result is the same, but where series differ in
 * `every`, and for the last bits of what tallies, and levels and series that aren't whole numbers come to.
 *
 * Fails with an `OptionError` where what has one name is of two kinds, or in two units.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Statistics } from "guest-clock/simulation"
 *
 * const one = new Statistics.Statistics(() => 0n)
 * const other = new Statistics.Statistics(() => 0n)
 * for (const statistics of [one, other]) {
 *   const wait = statistics.histogramUnsafe("wait")
 *   for (let ns = 1n; ns <= 100n; ns++) wait.record(ns)
 * }
 * const merged = await Effect.runPromise(Statistics.merge([one.snapshot(0n), other.snapshot(0n)]))
 * for (const each of merged) if (each._tag === "Histogram") console.log(each.count, each.p90) // 200 90n
 * ```
 *
 * @since 0.1.0
 * @category statistics
 */
export const merge = (snapshots: ReadonlyArray<Snapshot>): Effect.Effect<Snapshot, OptionError> =>
  orFail(() => {
    const merged = new Map<string, Reading>()
    for (const reading of snapshots.flat()) {
      const found = merged.get(reading.name)
      merged.set(reading.name, found === undefined ? reading : both(found, reading))
    }
    return [...merged.values()]
  })
