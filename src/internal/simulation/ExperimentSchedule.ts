/**
 * Does an experiment's runs, those of all points at the same time as far as their place allows, and says what they come to.
 * Which runs count depends on their results alone, not on where or in which order they were done.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { Tagged } from "../core/Tagged.ts"
import { OptionError } from "../../core/Fault.ts"
import * as WarmUp from "../../simulation/WarmUp.ts"
import { formatParameters, type Parameters, type Plan } from "./ExperimentPlan.ts"
import { isPrecise, measuresOf, missing, type Point, type Results } from "./ExperimentResults.ts"
import type { Job, Run, RunFailed } from "./ExperimentRun.ts"

/** How many runs there are. */
export interface Counts {
  done: number
  /** In all: as many as may have to be, where that depends on how precise they are. */
  of: number
  /** Of those that are done, how many were there before. */
  kept: number
}

/** Where runs are done. */
export interface Doing<E> {
  /** How many at the same time. */
  readonly concurrency: number
  readonly run: (job: Job) => Effect.Effect<Run, E>
}

/**
 * The warm-up of a point can't be found: its runs are too short, or nothing goes on in them.
 *
 * @since 0.1.0
 * @category errors
 */
export class WarmUpNotFound extends Tagged<"WarmUpNotFound"> {
  readonly parameters: Parameters
  readonly statistic: string
  constructor(parameters: Parameters, statistic: string) {
    const point = formatParameters(parameters)
    super(
      "WarmUpNotFound",
      `no warm-up can be found by ${JSON.stringify(statistic)}${point === "" ? "" : ` at ${point}`}: ` +
        "it changes until half of each run is over, or has too few values",
    )
    this.parameters = parameters
    this.statistic = statistic
  }
}

/** What doing an experiment's runs can end with. */
export type ScheduleError = OptionError | RunFailed | WarmUpNotFound

/** How many replications more are done at once, where `done` aren't precise enough. */
const more = (done: number, most: number, concurrency: number): number =>
  Math.min(most - done, Math.max(concurrency, Math.ceil(done / 4)))

/** How many runs there are at most. */
export const mostRuns = ({ points, most, warmUp }: Plan): number =>
  points.length * (most + (typeof warmUp === "object" ? warmUp.runs : 0))

/** Does them. `counts` is kept up to date. */
export const results = <E>(
  plan: Plan,
  { concurrency, run }: Doing<E>,
  counts: Counts,
): Effect.Effect<Results, E | ScheduleError> =>
  Effect.gen(function* () {
    const places = Semaphore.makeUnsafe(concurrency)
    const { until } = plan
    const done = (job: Job) => places.withPermit(Effect.tap(run(job), () => Effect.sync(() => counts.done++)))
    const seeds = (parameters: Parameters, from: number, count: number, rest: Partial<Job>) =>
      Effect.forEach(
        Array.from({ length: count }, (_, i) => from + i),
        (seed) => done({ parameters, seed, ...until !== undefined && { until }, ...rest }),
        { concurrency: "unbounded" },
      )

    const warmUpAt = Effect.fnUntraced(function* (parameters: Parameters) {
      const { warmUp } = plan
      if (typeof warmUp !== "object") return warmUp
      const pilots = yield* seeds(parameters, 1, warmUp.runs, { course: warmUp.mser })
      const courses = pilots.map(({ courses = [] }) => courses)
      const [first] = courses[0]!
      if (first === undefined) {
        const measured = pilots[0]!.measured.filter(({ kind }) => kind !== "Counter" && kind !== "Series")
        const names = measured.map(({ guest, name }) => `${guest} ${name}`)
        const allowed = `what has a course is ${names.join(", ") || "nothing"}`
        return yield* Effect.fail(new OptionError("warmUp.mser", warmUp.mser, allowed))
      }
      const statistic = first.reading.name.replace(/ course$/, "")
      const found = yield* WarmUp.find(courses.map((each) => each.map(({ reading }) => reading)), statistic)
      if (found === undefined) return yield* Effect.fail(new WarmUpNotFound(parameters, warmUp.mser))
      return found
    })

    const point = Effect.fnUntraced(function* (parameters: Parameters) {
      const warmUp = yield* warmUpAt(parameters)
      const rest = warmUp === undefined ? {} : { warmUp }
      let runs: ReadonlyArray<Run> = []
      // How many of them count, once that is known: the fewest that are precise.
      let counting: number | undefined
      for (let next = plan.least; next > 0 && counting === undefined;) {
        const from = runs.length
        runs = [...runs, ...yield* seeds(parameters, from + 1, next, rest)]
        const unknown = missing(runs, plan)
        if (unknown !== undefined) {
          const names = runs[0]!.measured.map(({ guest, name }) => `${guest} ${name}`)
          const allowed = `what is measured is ${names.join(", ") || "nothing"}`
          return yield* Effect.fail(new OptionError("seeds.of", unknown, allowed))
        }
        for (let count = Math.max(plan.least, from + 1); count <= runs.length && counting === undefined; count++) {
          if (plan.precision !== undefined && isPrecise(runs.slice(0, count), plan)) counting = count
        }
        next = plan.precision === undefined ? 0 : more(runs.length, plan.most, concurrency)
      }
      counts.of -= plan.most - runs.length
      const counted = runs.slice(0, counting ?? runs.length)
      return {
        parameters,
        seeds: counted.length,
        ...warmUp !== undefined && { warmUp },
        ...plan.precision !== undefined && { precise: counting !== undefined },
        measures: measuresOf(counted, plan.confidence),
      } satisfies Point
    })

    const points = yield* Effect.forEach(plan.points, point, { concurrency: "unbounded" })
    const { name: experiment, confidence, parameters } = plan
    return { experiment, confidence, parameters, points }
  })
