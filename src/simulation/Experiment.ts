/**
 * Experiments: the same world with many seeds and other parameters, and what that comes to, with confidence intervals.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Distribution, Experiment, Guest, Process, Resource, World } from "guest-clock/simulation"
 *
 * const shop = (lambda: number) =>
 *   Guest.make("shop", Effect.gen(function*() {
 *     const { random } = yield* Guest.Self
 *     const till = yield* Resource.make("till")
 *     const between = Distribution.sampler(Distribution.exponential(1000 / lambda), random.fork("arrivals"))
 *     const service = Distribution.sampler(Distribution.exponential("50 millis"), random.fork("services"))
 *     while (true) {
 *       yield* Process.hold(between())
 *       yield* Process.spawn("customer", till.use(Process.hold(service())))
 *     }
 *   }))
 *
 * const results = await Effect.runPromise(Experiment.run({
 *   world: ({ lambda }) => World.make({ guests: [shop(lambda)] }),
 *   over: { lambda: [5, 10] },
 *   seeds: 5,
 *   warmUp: "10 seconds",
 *   until: "2 minutes",
 * }))
 * for (const { parameters, measures } of results.points) {
 *   const busy = measures.find(({ name }) => name === "till utilisation")
 *   console.log(parameters.lambda, Math.abs(busy!.mean - parameters.lambda * 0.05) < 0.1)
 *   // 5 true
 *   // 10 true
 * }
 * ```
 *
 * @since 0.2.0
 * @category experiments
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Tagged } from "../internal/core/Tagged.ts"
import { OptionError } from "../core/Fault.ts"
import * as RunsFile from "../internal/platform/RunsFile.ts"
import * as Workers from "../internal/platform/Workers.ts"
import { badName, badWhole } from "../internal/services/Checks.ts"
import * as Plan from "../internal/simulation/ExperimentPlan.ts"
import * as Remote from "../internal/simulation/ExperimentRemote.ts"
import type { Results } from "../internal/simulation/ExperimentResults.ts"
import { Job, Run, run as runHere, RunFailed } from "../internal/simulation/ExperimentRun.ts"
import * as Schedule from "../internal/simulation/ExperimentSchedule.ts"
import * as Progress from "./Progress.ts"

export type { Definition, FoundWarmUp, Parameters, Precision, Value } from "../internal/simulation/ExperimentPlan.ts"
export { csv, fromJson, json, table } from "../internal/simulation/ExperimentReport.ts"
export { html, plot, type PlotOptions, spec } from "../internal/simulation/ExperimentPlot.ts"
export { PlotFailed } from "../internal/platform/Plots.ts"
export { type Measure, type Point, Results } from "../internal/simulation/ExperimentResults.ts"
export { type Job, type Run, RunFailed } from "../internal/simulation/ExperimentRun.ts"
export { WarmUpNotFound } from "../internal/simulation/ExperimentSchedule.ts"

/**
 * The options of an experiment.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Worker threads that do the runs: 1 to 1,024, or `"all"`, one for each core. The experiment has to say its `module`.
   * The results are the same to the bit. Default: none; runs are done here, one after the other.
   */
  readonly workers?: number | "all"
  /**
   * A file that keeps what came of each run, a line of JSON each: it is made, or gone on with. An experiment
   * that is interrupted or killed loses only the runs that weren't done; those with the same parameters, seed, `until` and `warmUp` are
   * taken from there. That the world itself has changed since isn't seen.
   */
  readonly file?: string
}

/**
 * The file is none, or can't be read or written.
 *
 * @since 0.1.0
 * @category errors
 */
export class FileFailed extends Tagged<"FileFailed"> {
  readonly path: string
  constructor(path: string, why: string) {
    super("FileFailed", `the file ${JSON.stringify(path)} can't keep the runs: ${why}`)
    this.path = path
  }
}

/**
 * The workers, or other machines, can't do runs any more.
 *
 * @since 0.1.0
 * @category errors
 */
export class PlaceFailed extends Tagged<"PlaceFailed"> {
  constructor(why: string) {
    super("PlaceFailed", why)
  }
}

/**
 * What an experiment can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type ExperimentError = Schedule.ScheduleError | FileFailed | PlaceFailed

/**
 * Where an experiment's runs are done.
 *
 * @since 0.1.0
 * @category models
 */
export interface Place {
  /** How many at the same time. */
  readonly concurrency: number
  /** Does a run of the experiment that `module` exports as `export`. */
  readonly run: (
    job: Job,
    where: { readonly module: string; readonly export: string; readonly experiment: string },
  ) => Effect.Effect<Run, RunFailed | PlaceFailed>
}

/**
 * Where runs are done without `workers`: in this process, unless another is provided (`Cluster.layer`).
 *
 * @since 0.1.0
 * @category references
 */
export const CurrentPlace: Context.Reference<Place | undefined> = Context.Reference<Place | undefined>(
  "guest-clock/simulation/Experiment/Place",
  { defaultValue: () => undefined },
)

/**
 * An experiment, to be exported by its module: the definition as it is.
 *
 * **When to use**
 *
 * Use it for the default export of a module that `guest-clock experiment` or worker threads run.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Experiment, Guest, World } from "guest-clock/simulation"
 *
 * const experiment = Experiment.make({
 *   world: ({ hours }) => World.make({ guests: [Guest.make("guest", Effect.sleep(`${hours} hours`))] }),
 *   over: { hours: [1, 2] },
 *   seeds: 2,
 * })
 * console.log((await Effect.runPromise(Experiment.run(experiment))).points.length) // 2
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <P extends Plan.Parameters>(definition: Plan.Definition<P>): Plan.Definition<P> => definition

/** Worker threads as a place. */
const inWorkers = (count: number): Effect.Effect<Place, PlaceFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const pool = yield* Effect.mapError(Workers.pool(Remote.WORKER, count), ({ message }) => new PlaceFailed(message))
    return {
      concurrency: count,
      run: (job, { module, export: exported }) =>
        pool.run(Remote.encode({ module, export: exported, job })).pipe(
          Effect.map(Remote.decode),
          Effect.mapError(({ message }) => new RunFailed(job.parameters, job.seed, message)),
        ),
    }
  })

const encodeJob = Schema.encodeSync(Job)
const encodeRun = Schema.encodeSync(Run)

/** The runs that a file has, by what they are runs of, and how one is added. */
const kept = (path: string, experiment: string) =>
  Effect.gen(function* () {
    const failed = (error: { readonly message: string }) => new FileFailed(path, error.message)
    const file = yield* RunsFile.open(path, { "guest-clock": "runs", version: 1, experiment }).pipe(
      Effect.catchTag("OtherFile", ({ line }) =>
        Effect.fail(
          failed({ message: `it isn't one of the experiment ${JSON.stringify(experiment)}, but begins ${line}` }),
        )),
      Effect.catchTag("PlatformError", (error) => Effect.fail(failed(error))),
    )
    const runs = new Map<string, Run>()
    for (const line of file.lines) {
      const { job, run } = line as { readonly job?: unknown; readonly run?: unknown }
      try {
        if (job !== undefined) {
          runs.set(JSON.stringify(job), Remote.decode(run))
        }
      } catch {
        // A line that isn't whole is a run that is done again.
      }
    }
    return {
      find: (job: Job) => runs.get(JSON.stringify(encodeJob(job))),
      add: (job: Job, run: Run) => Effect.mapError(file.add({ job: encodeJob(job), run: encodeRun(run) }), failed),
    }
  })

/** Checks how it is to be run, and returns what is wrong. */
const badOptions = ({ workers, file }: Options, module: string | undefined): OptionError | undefined =>
  (workers === undefined || workers === "all" ? undefined : badWhole("workers", workers, 1, 1024)) ??
    (file === undefined ? undefined : badName("file", file)) ??
    (workers === undefined || module !== undefined
      ? undefined
      : new OptionError("workers", workers, "the experiment has to say its `module`, where workers find it"))

/**
 * Runs an experiment: all its points, with as many seeds as it takes. The same experiment has the same results each time,
 * in this process, in workers and on many machines, to the bit.
 *
 * It fails when a run does (`RunFailed`, with its parameters and seed), when an option can't be (`OptionError`), and when no
 * warm-up can be found (`WarmUpNotFound`). `Progress.layer()` shows how many runs are left.
 *
 * **When to use**
 *
 * Use it to compare designs: it says how sure each mean is.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Experiment, Guest, Statistics, World } from "guest-clock/simulation"
 *
 * const shop = Guest.make("shop", Effect.gen(function*() {
 *   const { random } = yield* Guest.Self
 *   const customers = yield* Statistics.counter("customers")
 *   customers.add(random.below(100n))
 * }))
 * const { points } = await Effect.runPromise(Experiment.run({ world: () => World.make({ guests: [shop] }), seeds: 10 }))
 * console.log(points[0]!.measures.map(({ name, count }) => `${name}: ${count} runs`)) // [ "customers: 10 runs" ]
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const run = <P extends Plan.Parameters>(
  definition: Plan.Definition<P> & Options,
): Effect.Effect<Results<P>, ExperimentError> =>
  Effect.gen(function* () {
    const plan = Plan.plan(definition)
    if (plan instanceof OptionError) return yield* Effect.fail(plan)
    const { workers, file: path } = definition
    const bad = badOptions(definition, plan.module)
    if (bad !== undefined) return yield* Effect.fail(bad)
    const provided = yield* CurrentPlace
    const place = workers === undefined ? provided : yield* inWorkers(workers === "all" ? Workers.cores() : workers)
    const { module, export: exported, name: experiment } = plan
    if (place !== undefined && module === undefined) {
      const allowed = "it is the module that exports the experiment, where others find it: `import.meta.url`"
      return yield* Effect.fail(new OptionError("module", module, allowed))
    }
    const file = path === undefined ? undefined : yield* kept(path, experiment)
    const counts: Schedule.Counts = { done: 0, of: Schedule.mostRuns(plan), kept: 0 }
    yield* Progress.watching(Effect.sync((): Progress.Runs => ({ _tag: "Runs", ...counts })))
    const doing = (job: Job): Effect.Effect<Run, RunFailed | PlaceFailed> =>
      place === undefined ? runHere(plan.world, job) : place.run(job, { module: module!, export: exported, experiment })
    const found = yield* Schedule.results(plan, {
      concurrency: place?.concurrency ?? 1,
      run: (job): Effect.Effect<Run, RunFailed | PlaceFailed | FileFailed> => {
        const before = file?.find(job)
        if (before !== undefined) {
          counts.kept++
          return Effect.succeed(before)
        }
        return file === undefined ? doing(job) : Effect.tap(doing(job), (run) => file.add(job, run))
      },
    }, counts)
    return found as Results<P>
  }).pipe(Effect.scoped)
