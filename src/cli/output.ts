/**
 * The command's standard output and standard error, and Effect's console on them.
 *
 * @module
 */
import type * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { format } from "node:util"
import * as Output from "../internal/platform/Output.ts"

const noticed = (dropped: number): string =>
  `guest-clock: ${dropped} ${dropped === 1 ? "line was" : "lines were"} dropped, as nobody read`

/** How standard output says that lines were dropped: as JSON where that is what it carries. */
let noticeOnStdout = (dropped: number): string => `${noticed(dropped)}\n`

/** Standard output. */
export const stdout: Output.Output = Output.open(1, (dropped) => noticeOnStdout(dropped))
/** Standard error. */
export const stderr: Output.Output = Output.open(2, (dropped) => `${noticed(dropped)}\n`)

/** From now on standard output is lines of JSON. */
export const speakJson: Effect.Effect<void> = Effect.sync(() => {
  noticeOnStdout = (lines) => `${JSON.stringify({ event: "dropped", lines })}\n`
})

/** For how long a reader that reads nothing is waited for in the end: a pager for as long as it likes. */
let patienceMs = Infinity

/** From now on a clock runs: no reader may hold it up, nor its end. */
export const holdNobodyUp: Effect.Effect<void> = Effect.sync(() => {
  patienceMs = Output.PATIENCE_MS
})

/** What Effect and its `cli` print, to where the command does. */
export const console: Console.Console = Object.assign(Object.create(globalThis.console), {
  log: (...args: ReadonlyArray<unknown>) => stdout.write(`${format(...args)}\n`),
  error: (...args: ReadonlyArray<unknown>) => stderr.write(`${format(...args)}\n`),
})

/** Waits until all was written, as long as somebody reads it: for so many ms at most if nobody does. */
export const flush = (mostMs = Infinity): Effect.Effect<void> =>
  Effect.suspend(() => {
    const ms = Math.min(mostMs, patienceMs)
    return Effect.all([stdout.flush(ms), stderr.flush(ms)], { concurrency: 2, discard: true })
  })
