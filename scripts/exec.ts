/**
 * Runs a command to its end, and says all there is to say about it.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as Stream from "effect/Stream"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"

/** A command and its arguments. */
export type Words = readonly [command: string, ...args: ReadonlyArray<string>]

/** How a command ended, and what it printed. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command without input in the folder `cwd`; its process and their children end with it. */
export const exec = (
  [command, ...args]: Words,
  cwd = ".",
): Effect.Effect<Ended, PlatformError, ChildProcessSpawner.ChildProcessSpawner> =>
  Effect.scoped(Effect.gen(function* () {
    const handle = yield* ChildProcess.make(command, args, { cwd, stdin: "ignore", forceKillAfter: "5 seconds" })
    const [stdout, stderr, code] = yield* Effect.all([
      Stream.mkString(Stream.decodeText(handle.stdout)),
      Stream.mkString(Stream.decodeText(handle.stderr)),
      handle.exitCode,
    ], { concurrency: "unbounded" })
    return { code, stdout, stderr }
  }))
