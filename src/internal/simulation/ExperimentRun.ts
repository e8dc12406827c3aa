/**
 * One run of an experiment: what there is to do, as data, and what came of it. The same in this process, in workers and on
 * other machines.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Tagged } from "../core/Tagged.ts"
import * as Progress from "../../simulation/Progress.ts"
import { courseOf } from "./Statistics.ts"
import type { Reading } from "../../simulation/Statistics.ts"
import * as World from "../../simulation/World.ts"
import { formatParameters, type Parameters, type Plan, type Value } from "./ExperimentPlan.ts"

const Time = Schema.BigIntFromString

const ParametersSchema: Schema.Codec<Parameters, unknown> = Schema.Record(
  Schema.String,
  Schema.Union([Schema.String, Schema.Number, Schema.Boolean]) as Schema.Codec<Value, Value>,
)

/**
 * A run that is to be done. Times are in ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Job {
  readonly parameters: Parameters
  readonly seed: number
  readonly until?: bigint
  readonly warmUp?: bigint
  /** The statistic whose course is wanted, by its name, or by guest and name. */
  readonly course?: string
}

/**
 * How jobs are stored and sent.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Job: Schema.Codec<Job, unknown> = Schema.Struct({
  parameters: ParametersSchema,
  seed: Schema.Number,
  until: Schema.optionalKey(Time),
  warmUp: Schema.optionalKey(Time),
  course: Schema.optionalKey(Schema.String),
})

/** What an instrument showed at the end of a run: its statistics, by name, as doubles. */
export interface Measured {
  readonly guest: string
  readonly name: string
  readonly kind: Reading["_tag"]
  readonly unit: string
  readonly values: { readonly [statistic: string]: number }
}

/**
 * What came of a run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Run {
  /** When it ended, in ns. */
  readonly time: bigint
  readonly measured: ReadonlyArray<Measured>
  /** The courses of statistics that were asked for. */
  readonly courses?: ReadonlyArray<{ readonly guest: string; readonly reading: Course }>
}

/** A series of the means of batches. */
type Course = Extract<Reading, { readonly _tag: "Series" }>

/**
 * How what came of runs is stored and sent: doubles as they are, to the bit.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Run: Schema.Codec<Run, unknown> = Schema.Struct({
  time: Time,
  measured: Schema.Array(Schema.Struct({
    guest: Schema.String,
    name: Schema.String,
    kind: Schema.Literals(["Counter", "Level", "Histogram", "Tally", "Series"]),
    unit: Schema.String,
    values: Schema.Record(Schema.String, Schema.Number),
  })),
  courses: Schema.optionalKey(Schema.Array(Schema.Struct({
    guest: Schema.String,
    reading: Schema.TaggedStruct("Series", {
      name: Schema.String,
      unit: Schema.String,
      every: Schema.Number,
      samples: Schema.Array(Schema.Struct({ time: Time, value: Schema.Number })),
    }),
  }))),
}) as unknown as Schema.Codec<Run, unknown>

/**
 * A run failed, so that there is nothing to tell of its point.
 *
 * @since 0.1.0
 * @category errors
 */
export class RunFailed extends Tagged<"RunFailed"> {
  readonly parameters: Parameters
  readonly seed: number
  /** What it failed with, for people. */
  readonly why: string
  constructor(parameters: Parameters, seed: number, why: string) {
    const point = formatParameters(parameters)
    super("RunFailed", `the run ${point === "" ? "" : `of ${point} `}with seed ${seed} failed: ${why}`)
    this.parameters = parameters
    this.seed = seed
    this.why = why
  }
}

/** Whether a statistic is meant by a name, or by guest and name. */
export const isMeant = (meant: string, guest: string, name: string): boolean =>
  meant === name || meant === `${guest} ${name}`

/** What counts of a reading: nothing of an instrument that has no values. */
const valuesOf = (reading: Reading): Measured["values"] | undefined => {
  switch (reading._tag) {
    case "Counter":
      return { value: Number(reading.value) }
    case "Level":
      return { mean: reading.mean, most: reading.most }
    case "Tally":
    case "Histogram": {
      const { count, mean, deviation, p50, p90, p99, most } = reading
      if (count === 0) return undefined
      const quantiles = { p50: Number(p50), p90: Number(p90), p99: Number(p99), most: Number(most) }
      return { mean, count, deviation, ...quantiles }
    }
    case "Series": {
      const { summary } = reading
      return summary && { mean: summary.sum / summary.count, count: summary.count }
    }
  }
}

/** The name of the statistic that is meant, in a world with these guests. */
const nameOf = (meant: string, guests: ReadonlyArray<string>): string => {
  const guest = guests.find((guest) => meant.startsWith(`${guest} `))
  return guest === undefined ? meant : meant.slice(guest.length + 1)
}

/** Does a job. */
export const run = (world: Plan["world"], job: Job): Effect.Effect<Run, RunFailed> => {
  const { parameters, seed, until, warmUp, course } = job
  const failed = (error: unknown) =>
    new RunFailed(parameters, seed, error instanceof Error ? error.message : String(error))
  return Effect.gen(function* () {
    const made = yield* Effect.try({ try: () => world(parameters), catch: failed })
    const names = Array.isArray(made?.guests) ? made.guests.map(({ name }) => name) : undefined
    if (names === undefined) return yield* Effect.fail(failed("`world` returned no world, as World.make makes it"))
    const result = yield* World.run(made, {
      seed,
      ...until !== undefined && { until },
      ...warmUp !== undefined && { warmUp },
      ...course !== undefined && { course: nameOf(course, names) },
    }).pipe(
      Effect.mapError((error) => failed(error)),
      Effect.provideService(Progress.CurrentDisplay, undefined),
    )
    if (warmUp !== undefined && result.time <= warmUp) {
      return yield* Effect.fail(failed(`it ended at ${result.time} ns, before its warm-up of ${warmUp} ns was over`))
    }
    const readings = result.guests.flatMap(({ guest, statistics }) => statistics.map((reading) => ({ guest, reading })))
    const isCourse = ({ guest, reading }: { readonly guest: string; readonly reading: Reading }) =>
      course !== undefined && reading._tag === "Series" && reading.name === courseOf(nameOf(course, names)) &&
      isMeant(course, guest, nameOf(course, names))
    return {
      time: result.time,
      measured: readings.filter((each) => !isCourse(each)).flatMap(({ guest, reading }) => {
        const { name, unit, _tag: kind } = reading
        const values = valuesOf(reading)
        return values === undefined ? [] : [{ guest, name, kind, unit, values }]
      }),
      ...course !== undefined && { courses: readings.filter(isCourse) as NonNullable<Run["courses"]> },
    }
  })
}
