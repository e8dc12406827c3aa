/**
 * Worker threads in a browser: there are none of these, and whoever asks for them is told so.
 *
 * @module
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { Pool } from "../platform/Workers.ts"

/** A worker can't be started. */
export class WorkerFailed extends Data.TaggedError("WorkerFailed")<{ readonly message: string }> {}

/** How many workers keep all cores busy. */
export const cores = (): number => 1

/** Fails: no worker can be started. */
export const pool = (): Effect.Effect<Pool, WorkerFailed> =>
  Effect.fail(new WorkerFailed({ message: "there are no worker threads in a browser" }))
