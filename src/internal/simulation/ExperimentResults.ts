/**
 * What the replications of an experiment come to, point by point.
 *
 * @module
 */
import * as Schema from "effect/Schema"
import type { Reading } from "../../simulation/Statistics.ts"
import type { Parameters, Plan } from "./ExperimentPlan.ts"
import { isMeant, type Run } from "./ExperimentRun.ts"
import * as Intervals from "./Intervals.ts"

/**
 * A statistic at one point: the mean of its values in the replications, and how sure it is.
 *
 * @since 0.1.0
 * @category models
 */
export interface Measure {
  readonly guest: string
  readonly name: string
  readonly kind: Reading["_tag"]
  /** `""` where there is none; times are in ns. */
  readonly unit: string
  /** Of what it is the mean: `mean` of histograms, tallies, levels and series, `value` of counters, `p90`, and so on. */
  readonly statistic: string
  /** In how many replications it has a value. */
  readonly count: number
  readonly mean: number
  /** Half the confidence interval, by Student's t; none of one replication. */
  readonly half: number | null
  /** The standard deviation across replications. */
  readonly deviation: number
  readonly least: number
  readonly most: number
}

/**
 * What one combination of parameters came to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Point<P extends Parameters = Parameters> {
  readonly parameters: P
  /** How many replications count. */
  readonly seeds: number
  /** Since when statistics were kept, in ns, if not from the beginning. */
  readonly warmUp?: bigint
  /** Whether it is as precise as it was to be; missing where that wasn't asked for. */
  readonly precise?: boolean
  readonly measures: ReadonlyArray<Measure>
}

/**
 * What an experiment came to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Results<P extends Parameters = Parameters> {
  readonly experiment: string
  /** Of the intervals. */
  readonly confidence: number
  /** The parameters' names, in their order. */
  readonly parameters: ReadonlyArray<string>
  readonly points: ReadonlyArray<Point<P>>
}

/**
 * How results are stored: as JSON, with times as texts.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Results: Schema.Codec<Results, unknown> = Schema.Struct({
  experiment: Schema.String,
  confidence: Schema.Number,
  parameters: Schema.Array(Schema.String),
  points: Schema.Array(Schema.Struct({
    parameters: Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Number, Schema.Boolean])),
    seeds: Schema.Number,
    warmUp: Schema.optionalKey(Schema.BigIntFromString),
    precise: Schema.optionalKey(Schema.Boolean),
    measures: Schema.Array(Schema.Struct({
      guest: Schema.String,
      name: Schema.String,
      kind: Schema.Literals(["Counter", "Level", "Histogram", "Tally", "Series"]),
      unit: Schema.String,
      statistic: Schema.String,
      count: Schema.Number,
      mean: Schema.Number,
      half: Schema.NullOr(Schema.Number),
      deviation: Schema.Number,
      least: Schema.Number,
      most: Schema.Number,
    })),
  })),
})

/** The statistic that says most of an instrument. */
export const chiefOf = (kind: Reading["_tag"]): string => kind === "Counter" ? "value" : "mean"

/** What replications come to: instruments in the order in which they first come, of the first replication's first. */
export const measuresOf = (runs: ReadonlyArray<Run>, confidence: number): ReadonlyArray<Measure> => {
  const all = new Map<
    string,
    Omit<Measure, "count" | "mean" | "half" | "deviation" | "least" | "most"> & {
      readonly values: Array<number>
    }
  >()
  for (const { measured } of runs) {
    for (const { guest, name, kind, unit, values } of measured) {
      for (const [statistic, value] of Object.entries(values)) {
        const key = JSON.stringify([guest, name, statistic])
        const found = all.get(key) ?? { guest, name, kind, unit, statistic, values: [] }
        found.values.push(value)
        all.set(key, found)
      }
    }
  }
  return [...all.values()].map(({ values, ...what }) => {
    const { half, ...rest } = Intervals.of(values, confidence)!
    // How many values there were is no time.
    const unit = what.statistic === "count" ? "" : what.unit
    return { ...what, unit, ...rest, half: half ?? null }
  })
}

/** Whether the replications are as precise as they have to be. */
export const isPrecise = (runs: ReadonlyArray<Run>, { precision, confidence }: Plan): boolean => {
  if (precision === undefined) return true
  const { of, relative } = precision
  const asked = measuresOf(runs, confidence).filter(({ guest, name, kind, statistic, mean }) =>
    statistic === chiefOf(kind) &&
    (of === undefined
      ? kind !== "Counter" && kind !== "Series" && mean !== 0
      : of.some((meant) => isMeant(meant, guest, name)))
  )
  return asked.length > 0 &&
    asked.every(({ half, mean, count }) => half !== null && count === runs.length && half <= relative * Math.abs(mean))
}

/** The name among `of` that nothing was measured by. */
export const missing = (runs: ReadonlyArray<Run>, { precision }: Plan): string | undefined =>
  precision?.of?.find((meant) =>
    !runs.some(({ measured }) => measured.some(({ guest, name }) => isMeant(meant, guest, name)))
  )
