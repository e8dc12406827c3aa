#!/usr/bin/env node
/**
 * The command `guest-clock`.
 *
 * @module
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import { CliError, Command } from "effect/cli"
import process from "node:process"
import { calendar, Failed } from "./calendar.ts"
import { guest } from "./guest.ts"
import { proxy } from "./proxy.ts"
import { trace } from "./trace.ts"

const main = Command.make("guest-clock").pipe(
  Command.withDescription("Simulated time: a clock for programs, and one for many of them at once"),
  Command.withSubcommands([calendar, guest, proxy, trace]),
)

/** What went wrong is a line for people, and an exit code. */
const report = (error: unknown) =>
  Effect.andThen(
    Console.error(`guest-clock: ${error instanceof Error ? error.message : String(error)}`),
    Effect.sync(() => {
      process.exitCode = error instanceof Failed ? error.code : 1
    }),
  )

Command.run(main, { version: "0.1.0" }).pipe(
  Effect.catch((error) =>
    // Errors of the command line are shown with the help already.
    CliError.isCliError(error) ? Effect.fail(error) : report(error)
  ),
  Effect.provide(NodeServices.layer),
  // What nobody has typed yet keeps no process alive.
  NodeRuntime.runMain({
    teardown: (exit, onExit) => Runtime.defaultTeardown(exit, (code) => code === 0 ? process.exit() : onExit(code)),
  }),
)
