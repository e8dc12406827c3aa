/**
 * Worker threads that do jobs, which are plain data, one at a time: on Node, Bun and Deno by the same `effect/workers`.
 *
 * @module
 */
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Worker from "effect/workers/Worker"
import * as WorkerRunner from "effect/workers/WorkerRunner"
import { availableParallelism } from "node:os"
import { Worker as Thread } from "node:worker_threads"
import { Tagged } from "../core/Tagged.ts"

/** A worker has ended, or can't be started. */
export class WorkerFailed extends Tagged<"WorkerFailed"> {
  constructor(message: string) {
    super("WorkerFailed", message)
  }
}

/** How many workers keep all cores busy. */
export const cores = (): number => availableParallelism()

/** What a worker is told. */
interface Question {
  readonly n: number
  readonly job: unknown
}

/** What it answers the question of that number with: the answer, or what went wrong. */
type Answer = { readonly n: number } & ({ readonly answer: unknown } | { readonly failed: string })

/** Workers that wait for jobs. */
export interface Pool {
  /** Has the next one that is free do a job. */
  readonly run: (job: unknown) => Effect.Effect<unknown, WorkerFailed>
}

/** One worker, from when it is started until the scope closes. */
const start = (id: number): Effect.Effect<
  (job: unknown) => Effect.Effect<unknown, WorkerFailed>,
  WorkerFailed,
  Worker.WorkerPlatform | Worker.Spawner | Scope.Scope
> =>
  Effect.gen(function* () {
    const platform = yield* Worker.WorkerPlatform
    const failed = (error: { readonly message: string }) => new WorkerFailed(error.message)
    const worker = yield* Effect.mapError(platform.spawn<Answer, Question>(id), failed)
    const ended = yield* Deferred.make<never, WorkerFailed>()
    let asked = 0
    let waiting = Deferred.makeUnsafe<unknown, WorkerFailed>()
    const hearing = worker.run((answer) =>
      Effect.suspend(() => {
        // The answer to an earlier job, whose fiber was interrupted: it is dropped.
        if (answer.n !== asked) return Effect.void
        return "failed" in answer
          ? Deferred.fail(waiting, new WorkerFailed(answer.failed))
          : Deferred.succeed(waiting, answer.answer)
      })
    )
    yield* Effect.forkScoped(Effect.catch(hearing, (error) => Deferred.fail(ended, failed(error))))
    return (job: unknown) =>
      Effect.suspend(() => {
        const answer = waiting = Deferred.makeUnsafe<unknown, WorkerFailed>()
        return Effect.andThen(
          Effect.mapError(worker.send({ n: ++asked, job }), failed),
          Effect.raceFirst(Deferred.await(answer), Deferred.await(ended)),
        )
      })
  })

/** So many workers that run the module at `url`, until the scope closes. What they wait for then is ended with them. */
export const pool = (url: URL, count: number): Effect.Effect<Pool, WorkerFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const free = yield* Queue.unbounded<(job: unknown) => Effect.Effect<unknown, WorkerFailed>>()
    const threads: Array<Thread> = []
    const spawn = () => {
      const thread = new Thread(url)
      threads.push(thread)
      return thread
    }
    const workers = yield* Effect.forEach(Array.from({ length: count }, (_, id) => id), start).pipe(
      Effect.provide(NodeWorker.layer(spawn)),
    )
    yield* Queue.offerAll(free, workers)
    // One in the middle of a job would hear of its end only after that.
    yield* Effect.addFinalizer(() => Effect.promise(() => Promise.all(threads.map((thread) => thread.terminate()))))
    return {
      run: (job: unknown) =>
        Effect.acquireUseRelease(Queue.take(free), (worker) => worker(job), (worker) => Queue.offer(free, worker)),
    }
  })

/** In a worker: does jobs until the main thread has no more. A job that fails is answered by what it failed with. */
export const serve = (
  handle: (job: unknown) => Effect.Effect<unknown, { readonly message: string }>,
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const platform = yield* WorkerRunner.WorkerRunnerPlatform
    const runner = yield* platform.start<Answer, Question>()
    yield* runner.run((port, { n, job }) =>
      handle(job).pipe(
        Effect.map((answer): Answer => ({ n, answer })),
        Effect.catch((error) => Effect.succeed<Answer>({ n, failed: error.message })),
        Effect.catchDefect((defect) => Effect.succeed<Answer>({ n, failed: String(defect) })),
        Effect.flatMap((answer) => runner.send(port, answer)),
      )
    )
  }).pipe(Effect.provide(NodeWorkerRunner.layer), Effect.orDie)
