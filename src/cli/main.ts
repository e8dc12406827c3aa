#!/usr/bin/env node
/**
 * The command `guest-clock`.
 *
 * @module
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"
import { CliError, Command } from "effect/cli"
import process from "node:process"
import { PATIENCE_MS } from "../internal/platform/Output.ts"
import { millis } from "../internal/platform/EventLoop.ts"
import { calendar } from "./calendar.ts"
import { codeOf, Failed, isIgnored, SIGNALS, WRONG } from "./exits.ts"
import { experiment } from "./experiment.ts"
import { guest } from "./guest.ts"
import { console, flush, stderr } from "./output.ts"
import { printableLines } from "./printable.ts"
import { proxy } from "./proxy.ts"
import { runner } from "./runner.ts"
import { trace } from "./trace.ts"

const main = Command.make("guest-clock").pipe(
  Command.withDescription("Simulated time: a clock for programs, and one for many of them at once"),
  Command.withSubcommands([calendar, experiment, guest, proxy, runner, trace]),
)

/** What went wrong as a line for people, and the exit code. What nobody foresaw comes with where it was. */
const report = (cause: Cause.Cause<unknown>): number => {
  const error = Cause.squash(cause)
  // Errors of the command line were shown with the help.
  if (CliError.isCliError(error)) return WRONG
  const isExpected = !Cause.hasDies(cause) && error instanceof Error
  const message = isExpected ? error.message : Cause.pretty(cause)
  stderr.write(`guest-clock: ${printableLines(message)}\n`)
  return error instanceof Failed ? error.code : WRONG
}

const codeOfExit = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return Number(process.exitCode ?? 0)
  return Cause.hasInterruptsOnly(exit.cause) ? codeOf("SIGINT") : report(exit.cause)
}

/** Signals that come together are one: a terminal and a shell both tell who is on it that it is gone. */
const AT_ONCE_MS = 1000

/** Runs it until it ends or a signal ends it, and exits then: what nobody has typed yet keeps no process alive. */
const runMain = Runtime.makeRunMain(({ fiber }) => {
  let ended: { readonly code: number; readonly atMs: number } | undefined
  for (const signal of Object.keys(SIGNALS) as Array<keyof typeof SIGNALS>) {
    const isMeant = signal !== "SIGHUP" || !isIgnored(signal)
    process.on(signal, () => {
      // Deno would end by a signal that nobody listens to, though it was told to ignore it.
      if (!isMeant) return
      // It takes too long for whoever says so again.
      if (ended !== undefined && millis() - ended.atMs > AT_ONCE_MS) process.exit(ended.code)
      ended ??= { code: codeOf(signal), atMs: millis() }
      fiber.interruptUnsafe(fiber.id)
    })
  }
  fiber.addObserver((exit) => {
    const code = codeOfExit(exit)
    Effect.runFork(flush(PATIENCE_MS)).addObserver(() => process.exit(ended?.code ?? code))
  })
})

Command.run(main, { version: "0.1.0" }).pipe(
  Effect.tap(flush()),
  Effect.provide(NodeServices.layer),
  Effect.provideService(Console.Console, console),
  runMain({ disableErrorReporting: true }),
)
