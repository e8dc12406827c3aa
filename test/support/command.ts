/**
 * The command `guest-clock`, as a process of its own.
 *
 * @module
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Runtimes from "../../scripts/runtimes.ts"
import { built } from "./built.ts"

const MAIN = built("src/cli/main.ts")

/** A command that runs, and what it has printed so far. */
export class Running {
  stdout = ""
  stderr = ""
  readonly child: ChildProcess.ChildProcessWithoutNullStreams
  readonly ended: Promise<number | string>
  readonly #seen: Array<() => void> = []

  constructor(words: ReadonlyArray<string>) {
    const [command = "", ...args] = words
    this.child = ChildProcess.spawn(command, args)
    this.child.stdout.on("data", (chunk) => {
      this.stdout += chunk
      for (const look of this.#seen) look()
    })
    this.child.stderr.on("data", (chunk) => {
      this.stderr += chunk
      for (const look of this.#seen) look()
    })
    this.ended = new Promise((resolve) => this.child.on("close", (code, signal) => resolve(code ?? signal ?? "?")))
  }

  /** Waits until this was printed, wherever. */
  printed(pattern: RegExp): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = `${this.stdout}\n${this.stderr}`.match(pattern)
        if (found !== null) resolve(found)
      }
      this.#seen.push(look)
      look()
      void this.ended.then((code) => {
        look()
        reject(new Error(`ended with ${code} and without ${pattern}:\n${this.stdout}\n${this.stderr}`))
      })
    })
  }

  /** What was printed as JSON. */
  get events(): ReadonlyArray<Record<string, unknown>> {
    return this.stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line))
  }
}

/** Where a command is tried. */
export interface Room {
  readonly folder: string
  readonly socket: string
  /** The words that start the command on the runtime that the room is for. */
  readonly words: ReadonlyArray<string>
  /** Starts any other command. */
  readonly spawn: (...words: ReadonlyArray<string>) => Running
  /** Starts the command on the runtime that the room is for. */
  readonly start: (...args: ReadonlyArray<string>) => Running
}

const room = (runtime: Runtimes.Name) =>
  Effect.gen(function* () {
    const words = yield* Runtimes.locate(runtime).pipe(Effect.provide(NodeServices.layer))
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-cli-"))),
      (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true })),
    )
    const all: Array<Running> = []
    yield* Effect.addFinalizer(() => Effect.sync(() => all.forEach(({ child }) => child.kill("SIGKILL"))))
    const spawn = (...words: ReadonlyArray<string>): Running => {
      const running = new Running(words)
      all.push(running)
      return running
    }
    return {
      folder,
      socket: Path.join(folder, "calendar"),
      words: [...words, MAIN],
      spawn,
      start: (...args) => spawn(...words, MAIN, ...args),
    } satisfies Room
  })

/** A test with a folder of its own, on one runtime; what it has started ends with it. */
export const inRoom = (
  runtime: Runtimes.Name,
  test: (room: Room) => Promise<void>,
): Effect.Effect<void, never, Scope.Scope> => Effect.flatMap(room(runtime), (made) => Effect.promise(() => test(made)))
