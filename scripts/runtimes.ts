/**
 * The runtimes that everything has to work on, and how to start them: those of
 * this machine if they work and are recent enough, or else the ones that `npx` brings.
 *
 * @module
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { ChildProcessSpawner } from "effect/process"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { exec, type Words } from "./exec.ts"
import { found } from "./found.ts"

/** The runtimes' names. */
export const names = ["Deno", "Bun", "Node"] as const

/** A runtime's name. */
export type Name = typeof names[number]

/** Where `npx` finds them, and the oldest of this machine that will do. */
const SOURCES = {
  Bun: { name: "bun", command: "bun", oldest: [1, 4] },
  Node: { name: "node@26", command: "node", oldest: [26, 0] },
} as const

const trial = fileURLToPath(new URL("./trial.ts", import.meta.url))

/** One that takes longer to say its name has hung. */
const PATIENCE = Duration.seconds(30)

/** Whether a command is this runtime, recent enough, and runs TypeScript. */
const works = (name: keyof typeof SOURCES, command: string) =>
  exec([command, trial]).pipe(
    Effect.timeout(PATIENCE),
    Effect.map(({ code, stdout }) => {
      const [, found, major, minor] = /^(\w+) (\d+)\.(\d+)\..*\n$/.exec(stdout) ?? []
      const [least, leastMinor] = SOURCES[name].oldest
      return code === 0 && found === name &&
        (Number(major) > least || Number(major) === least && Number(minor) >= leastMinor)
    }),
    Effect.orElseSucceed(() => false),
  )

/**
 * Asks npx for the path of a command in an npm package. Two npx that install the same
 * package at once may trip each other up.
 */
export const askNpx = (
  name: string,
  command: string,
): Effect.Effect<string, Error, ChildProcessSpawner.ChildProcessSpawner> =>
  exec(["npx", "-y", "-p", name, "-c", `command -v ${command}`]).pipe(
    Effect.mapError((error) => new Error(`npx, which is to bring ${name}, can't be run: ${error.message}`)),
    Effect.flatMap(({ code, stdout, stderr }) =>
      code === 0 && stdout.trim() !== "" ? Effect.succeed(stdout.trim()) : Effect.fail({ stderr })
    ),
    Effect.retry({ times: 3, schedule: Schedule.spaced("1 second"), while: (error) => "stderr" in error }),
    Effect.mapError((error) => "stderr" in error ? new Error(`npx can't bring ${name}: ${error.stderr}`) : error),
  )

/** The path of a command in an npm package. It is kept, as npx takes a second each time. */
const fromNpm = (name: string, command: string) => Effect.orDie(found(name, askNpx(name, command)))

/**
 * What starts a TypeScript program on a runtime: these words, then the program's file.
 * `bring` finds what this machine hasn't got.
 */
export const locate = (
  name: Name,
  bring: typeof fromNpm = fromNpm,
): Effect.Effect<Words, never, ChildProcessSpawner.ChildProcessSpawner> =>
  Effect.gen(function* () {
    if (name === "Deno") {
      return ["Deno" in globalThis ? process.execPath : yield* bring("deno", "deno"), "run", "-q", "-A"]
    }
    const { command, name: inNpm } = SOURCES[name]
    return [(yield* works(name, command)) ? command : yield* bring(inNpm, command)]
  })

/** The oldest Node that the package is for. */
export const oldestNode: Effect.Effect<Words, never, ChildProcessSpawner.ChildProcessSpawner> = Effect.map(
  fromNpm("node@22.19", "node"),
  (node) => [node],
)

/** What starts a program on each of them. */
export const find: Effect.Effect<
  { readonly [name in Name]: Words },
  never,
  ChildProcessSpawner.ChildProcessSpawner
> = Effect.all({ Deno: locate("Deno"), Bun: locate("Bun"), Node: locate("Node") }, { concurrency: "unbounded" })
