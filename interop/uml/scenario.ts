/**
 * Runs a program with kernels as a process of its own, whose standard output is the JSON that it prints at its end.
 *
 * @module
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import process from "node:process"
import * as Kernel from "./Kernel.ts"

/** Runs it for 100 seconds of real time at most. A failure is printed, and is the exit code 1. */
export const run = <E>(program: Effect.Effect<void, E, NodeServices.NodeServices | Scope.Scope>): Promise<void> =>
  Effect.runPromise(
    Kernel.watched(program, "100 seconds").pipe(
      Effect.scoped,
      Effect.provide(NodeServices.layer),
      // Nothing is logged to standard output: on a busy machine, turns may be slow, and a calendar warns of that.
      Effect.provide(Logger.layer([])),
    ),
  ).catch((error) => {
    console.error(String(error))
    process.exitCode = 1
  })
