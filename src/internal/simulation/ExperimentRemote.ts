/**
 * Runs of an experiment that are done elsewhere: a worker or runner imports the module that exports the experiment.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { plan } from "./ExperimentPlan.ts"
import { Job, Run, run } from "./ExperimentRun.ts"
import { OptionError } from "../../core/Fault.ts"

/** The module that a worker runs: beside this one, compiled or not. */
export const WORKER: URL = new URL(
  import.meta.url.endsWith(".ts") ? "./experimentWorker.ts" : "./experimentWorker.js",
  import.meta.url,
)

/** A run that somebody else is to do, and where its world is. */
export interface Order {
  readonly module: string
  readonly export: string
  readonly job: Job
}

/** How orders are sent. */
export const Order: Schema.Codec<Order, unknown> = Schema.Struct({
  module: Schema.String,
  export: Schema.String,
  job: Job,
})

const toJson = Schema.encodeSync(Run)
const fromJson = Schema.decodeUnknownSync(Run)
const orderToJson = Schema.encodeSync(Order)
const orderFromJson = Schema.decodeUnknownSync(Order)

/** What somebody else is told. */
export const encode = (order: Order): unknown => orderToJson(order)

/** What came of it. */
export const decode = (run: unknown): Run => fromJson(run)

/** Why a run can't be done here, for people. */
export interface Failure {
  readonly message: string
}

/** The experiment that a module exports, checked. */
export const load = (module: string, exported: string): Effect.Effect<ReturnType<typeof plan>, Failure> =>
  Effect.gen(function* () {
    const found = yield* Effect.tryPromise({
      try: (): Promise<{ readonly [name: string]: unknown }> => import(module),
      catch: (error) => ({ message: `${module} can't be imported: ${error instanceof Error ? error.message : error}` }),
    })
    const definition = found[exported]
    if (definition === undefined) {
      const names = Object.keys(found).sort().join(", ") || "nothing"
      return yield* Effect.fail({ message: `${module} exports no ${exported}, but ${names}` })
    }
    return plan(definition as Parameters<typeof plan>[0])
  })

/** Does what an order asks for; what is answered is JSON. */
export const handle = (order: unknown): Effect.Effect<unknown, Failure> =>
  Effect.gen(function* () {
    const { module, export: exported, job } = orderFromJson(order)
    const experiment = yield* load(module, exported)
    if (experiment instanceof OptionError) return yield* Effect.fail(experiment)
    // The caller reports what it failed with.
    return toJson(yield* Effect.mapError(run(experiment.world, job), ({ why }) => ({ message: why })))
  })
