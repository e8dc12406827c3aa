/**
 * The command's exit codes and signals.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
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

/**
 * Whether this process was started so that the signal does nothing, as by `nohup`. Bun knows; Node forgets it as it
 * starts, and Deno half a second later, which may be before this is asked.
 */
export const isIgnored = (signal: keyof typeof SIGNALS): boolean => {
  try {
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(Fs.readFileSync("/proc/self/status", "utf8")) ?? []
    return (BigInt(`0x${mask}`) >> BigInt(SIGNALS[signal] - 1) & 1n) === 1n
  } catch {
    return false
  }
}

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
