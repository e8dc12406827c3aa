/**
 * Worker threads in a browser: there are none, so starting one fails.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { Tagged } from "../core/Tagged.ts"
import type { Pool } from "../platform/Workers.ts"

/** A worker can't be started. */
export class WorkerFailed extends Tagged<"WorkerFailed"> {
  constructor(message: string) {
    super("WorkerFailed", message)
  }
}

/** How many workers keep all cores busy. */
export const cores = (): number => 1

/** Fails: no worker can be started. */
export const pool = (): Effect.Effect<Pool, WorkerFailed> =>
  Effect.fail(new WorkerFailed("there are no worker threads in a browser"))
