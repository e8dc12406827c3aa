/**
 * An experiment's runs on many machines, by `effect/cluster`: runners that find each other in a database, and take the runs
 * that are stored there. A runner that dies loses nothing, one that joins takes its share, and no run counts twice.
 *
 * ```ts no-run
 * import { Effect } from "effect"
 * import { Cluster } from "guest-clock/processes"
 * import { Experiment } from "guest-clock/simulation"
 *
 * const module = new URL("./mmc.ts", import.meta.url)
 * const { experiment } = await import(module.href)
 *
 * // As many of these as there are machines, or cores: `guest-clock runner mmc.ts --cluster postgres://…` is the same.
 * const runner = Cluster.runner({ module, cluster: "postgres://stats@db/experiments", listen: { host: "10.0.0.7", port: 4100 } })
 *
 * // And one that wants the results.
 * const results = await Effect.runPromise(
 *   Effect.provide(Experiment.run({ ...experiment, module }), Cluster.layer({ cluster: "postgres://stats@db/experiments" })),
 * )
 * ```
 *
 * @since 0.2.0
 * @category experiments
 * @module
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { OptionError } from "../core/Fault.ts"
import * as ClusterRuns from "../internal/processes/ClusterRuns.ts"
import { badName, badWhole } from "../internal/services/Checks.ts"
import * as Workers from "../internal/platform/Workers.ts"
import * as Remote from "../internal/simulation/ExperimentRemote.ts"
import * as Experiment from "../simulation/Experiment.ts"

export { StorageFailed } from "../internal/processes/ClusterRuns.ts"

/**
 * Where a cluster meets.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The database that has the runs, their results and who does them: a file of SQLite, for the processes of one machine, or
   * `postgres://USER:PASSWORD@HOST/DATABASE` (with the package `@effect/sql-pg`), for many. Each experiment, and each version
   * of its module's text, has tables of its own there. Results stay there: the same runs aren't done again.
   */
  readonly cluster: string
}

/**
 * How an experiment's runs are asked for.
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientOptions extends Options {
  /** How many runs are asked for at a time, 1 to 100,000: at least as many as all runners can do. Default: 256. */
  readonly concurrency?: number
}

/**
 * A runner.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunnerOptions extends Options {
  /** The module that exports the experiment. Those who ask for its runs and all runners have the same text of it. */
  readonly module: URL | string
  /** What it exports it as. Default: `experiment`. */
  readonly export?: string
  /** Where it listens for others, who have to reach it there: its host, and a port from 1 to 65,535. */
  readonly listen: { readonly host: string; readonly port: number }
  /** How many runs it does at the same time, in worker threads: 1 to 1,024. Default: 1. */
  readonly workers?: number
}

const failed = (error: { readonly message: string }) => new Experiment.PlaceFailed(error.message)

/** What asks for runs of one experiment, while the scope is open. */
const asking = (cluster: string, experiment: string, module: string) =>
  Effect.gen(function* () {
    const prefix = yield* Effect.mapError(ClusterRuns.prefixOf(experiment, module), failed)
    const services = yield* Effect.mapError(Layer.build(ClusterRuns.client(cluster, prefix)), failed)
    return yield* Effect.provide(ClusterRuns.Runs.client, services)
  })

/**
 * Has experiments run by the runners of a cluster. What is wrong with the options, or the database, is thrown at the first run.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = ({ cluster, concurrency = 256 }: ClientOptions): Layer.Layer<never, OptionError> =>
  Layer.effect(
    Experiment.CurrentPlace,
    Effect.gen(function* () {
      const bad = badName("cluster", cluster) ?? badWhole("concurrency", concurrency, 1, 100_000)
      if (bad !== undefined) return yield* Effect.fail(bad)
      const scope = yield* Effect.scope
      const one = Semaphore.makeUnsafe(1)
      const clients = new Map<string, Effect.Success<ReturnType<typeof asking>>>()
      const clientOf = (experiment: string, module: string) =>
        one.withPermit(Effect.gen(function* () {
          const name = JSON.stringify([experiment, module])
          const found = clients.get(name) ??
            (yield* Scope.provide(asking(cluster, experiment, module), scope))
          clients.set(name, found)
          return found
        }))
      return {
        concurrency,
        run: (job, { module, export: exported, experiment }) =>
          Effect.gen(function* () {
            const client = yield* clientOf(experiment, module)
            const order = JSON.stringify(Remote.encode({ module, export: exported, job }))
            // The same run is the same one wherever the module is.
            const key = ClusterRuns.digest(
              exported,
              JSON.stringify(Remote.encode({ module: "", export: exported, job })),
            )
            const answer = yield* client(key).Do({ key, order }).pipe(
              Effect.catchTag(
                "Failed",
                ({ why }) => Effect.fail(new Experiment.RunFailed(job.parameters, job.seed, why)),
              ),
              Effect.mapError((error) => error instanceof Experiment.RunFailed ? error : failed(error)),
            )
            return Remote.decode(JSON.parse(answer))
          }),
      } satisfies Experiment.Place
    }),
  ) as Layer.Layer<never, OptionError>

/**
 * What a runner can end with.
 *
 * @since 0.1.0
 * @category errors
 */
export type RunnerError = OptionError | Experiment.PlaceFailed

/**
 * Does runs of an experiment that others ask for, for as long as it isn't interrupted. Several of them share the runs.
 *
 * @since 0.1.0
 * @category layers
 */
export const runner = (options: RunnerOptions): Effect.Effect<never, RunnerError> =>
  Effect.gen(function* () {
    const { cluster, module, export: exported = "experiment", listen, workers = 1 } = options
    const bad = badName("cluster", cluster) ?? badWhole("workers", workers, 1, 1024) ??
      badName("listen.host", listen?.host) ?? badWhole("listen.port", listen?.port, 1, 65_535)
    if (bad !== undefined) return yield* Effect.fail(bad)
    const url = String(module)
    const experiment = yield* Effect.mapError(Remote.load(url, exported), failed)
    if (experiment instanceof OptionError) return yield* Effect.fail(experiment)
    const prefix = yield* Effect.mapError(ClusterRuns.prefixOf(experiment.name, url), failed)
    // The runs themselves are done elsewhere: this thread has to be heard of.
    const pool = yield* Effect.mapError(Workers.pool(Remote.WORKER, workers), failed)
    const places = Semaphore.makeUnsafe(workers)
    const doing = ClusterRuns.Runs.toLayer({
      Do: ({ payload }) =>
        places.withPermit(Effect.suspend(() => {
          const { job } = JSON.parse(payload.order) as { readonly job: unknown }
          return pool.run({ module: url, export: exported, job })
        })).pipe(
          Effect.map((answer) => JSON.stringify(answer)),
          Effect.mapError(({ message }) => ({ _tag: "Failed" as const, why: message })),
        ),
    }, { maxIdleTime: "10 seconds" })
    const layer = doing.pipe(Layer.provide(ClusterRuns.runner(cluster, prefix, listen)))
    return yield* Effect.mapError(Layer.launch(layer as Layer.Layer<never, { readonly message: string }>), failed)
  }).pipe(Effect.scoped)
