/**
 * Processes that end with the scope, by their ids, and speak in lines.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Readline from "node:readline"

/** How much of what is printed as errors is kept. */
const LINES = 20

/** A process that runs. */
export interface Running {
  readonly pid: number
  /** How it ended, if it has. */
  readonly ended: () => string | undefined
  /** Its exit code or its signal, when it ends. */
  readonly end: Promise<string>
  readonly say: (line: string) => void
  /** The last lines of its standard error. */
  readonly errors: ReadonlyArray<string>
}

/** Starts a process, and has each line of its output heard. With the scope it is killed. */
export const start = (
  [command = "", ...args]: ReadonlyArray<string>,
  onLine: (line: string) => void,
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = ChildProcess.spawn(command, args, { stdio: "pipe" })
      const errors: Array<string> = []
      let ended: string | undefined
      // Whoever doesn't read any more ends soon, and that is told then.
      child.stdin.on("error", () => {})
      const output = Readline.createInterface(child.stdout).on("line", onLine)
      const isRead = new Promise<void>((resolve) => output.once("close", resolve))
      Readline.createInterface(child.stderr).on("line", (line) => {
        errors.push(line)
        if (errors.length > LINES) errors.shift()
      })
      const end = new Promise<string>((resolve) => {
        const over = (how: string) => {
          ended ??= how
          resolve(how)
        }
        child.once("error", (error) => over(`it can't be started: ${error.message}`))
        // All that it printed is heard first.
        child.once("close", (code, signal) => void isRead.then(() => over(signal ?? `exit code ${code}`)))
      })
      return {
        pid: child.pid ?? 0,
        ended: () => ended,
        end,
        say: (line: string) => void child.stdin.write(`${line}\n`),
        errors,
        kill: () => child.kill("SIGKILL"),
      }
    }),
    ({ kill, end }) => Effect.andThen(Effect.sync(kill), Effect.promise(() => end)),
  )
