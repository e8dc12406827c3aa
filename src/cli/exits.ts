/**
 * How the command ends: its exit codes, and what they are for.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import process from "node:process"

/** Something that can't be done as it was asked for, or an incomplete trace. */
export const WRONG = 1
/** A trace that can't be read or written, or an option of `trace` that can't be. */
export const NO_TRACE = 2
/** A deadlock that is a failure. */
export const DEADLOCKED = 3

/** The signals that end it. Its exit code is 128 and the signal's number, as that of whoever they kill. */
export const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

/** The exit code when a signal has ended it. */
export const codeOf = (signal: keyof typeof SIGNALS): number => 128 + SIGNALS[signal]

/** What went wrong, with the exit code for it. */
export class Failed extends Error {
  readonly code: number
  constructor(message: string, code: number) {
    super(message)
    this.code = code
  }
}

/** The exit code, unless something fails later. */
export const exitWith = (code: number): Effect.Effect<void> =>
  Effect.sync(() => {
    process.exitCode = code
  })
