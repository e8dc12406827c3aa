/**
 * Processes of the host that end with a scope: each the first of a group of its own, so that what it starts ends with it.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"

/** How a process has ended: its exit code, the signal that ended it, or why it could not be started. */
export type End =
  | { readonly _tag: "Exited"; readonly code: number }
  | { readonly _tag: "Killed"; readonly signal: string }
  | { readonly _tag: "NotStarted"; readonly why: string }

/** A process that was started. */
export interface HostProcess {
  readonly pid: number | undefined
  /** How it has ended, once it has and all that it printed was told. */
  readonly ended: Effect.Effect<End>
}

/** What is started, and who is told what it prints. */
export interface Options {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** The folder in which it runs. */
  readonly folder: string
  /** Variables beside this process's own. */
  readonly environment: { readonly [name: string]: string }
  /** Told what it prints, standard output and error, as it comes. */
  readonly onText: (text: string) => void
  /** Told at once that it has ended, though others of its group may still print. */
  readonly onEnd: () => void
}

/** How long what a process has printed may take to come after its end, in ms: others may hold its end of the pipe. */
const FLUSH_MS = 1000

const killGroup = (pid: number | undefined): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, "SIGKILL")
  } catch {
    // All of them have ended.
  }
}

/** Starts a process without input. It is killed, with all of its group, when the scope closes. To be run in real time. */
export const start = (options: Options): Effect.Effect<HostProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const { command, args, folder, environment, onText, onEnd } = options
      const ended = Deferred.makeUnsafe<End>()
      const child = ChildProcess.spawn(command, args, {
        cwd: folder,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...environment },
      })
      for (const stream of [child.stdout, child.stderr]) {
        const decoder = new TextDecoder()
        stream.on("data", (bytes: Uint8Array) => onText(decoder.decode(bytes, { stream: true })))
        stream.on("error", () => {})
      }
      const over = (end: End) => {
        if (Deferred.isDoneUnsafe(ended)) return
        child.stdout.destroy()
        child.stderr.destroy()
        Deferred.doneUnsafe(ended, Effect.succeed(end))
      }
      child.once("error", (error) => {
        over({ _tag: "NotStarted", why: error.message })
        onEnd()
      })
      child.once("exit", (code, signal) => {
        const end: End = code === null ? { _tag: "Killed", signal: String(signal) } : { _tag: "Exited", code }
        killGroup(child.pid)
        child.once("close", () => over(end))
        setTimeout(() => over(end), FLUSH_MS)
        onEnd()
      })
      return { pid: child.pid, ended: Deferred.await(ended) }
    }),
    ({ pid, ended }) => Effect.andThen(Effect.sync(() => killGroup(pid)), ended),
  )

/** Why a path is no program that can be started, if it isn't. */
export const unusable = (path: string): string | undefined => {
  try {
    const file = Fs.statSync(path)
    if (!file.isFile()) return `${path} is no file`
    // Deno lets root run anything, to go by `access`.
    return (file.mode & 0o111) === 0 ? `${path} can't be run` : undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return `${path} ${code === "ENOENT" ? "isn't there" : "can't be looked at"}`
  }
}

/** A folder for what only this process needs, which goes with the scope; with links to what is elsewhere, by name. */
export const folder = (
  prefix: string,
  links: { readonly [name: string]: string } = {},
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = Fs.mkdtempSync(Path.join(Os.tmpdir(), prefix))
      for (const [name, target] of Object.entries(links)) Fs.symlinkSync(target, Path.join(path, name))
      return path
    }),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true })),
  )
