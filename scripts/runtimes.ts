/**
 * The runtimes that everything has to work on, and how to start them: those of
 * this machine if they are recent enough, or else the ones that `npx` brings.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { ChildProcessSpawner } from "effect/process"
import process from "node:process"
import { exec, type Words } from "./exec.ts"
import { found } from "./found.ts"

/** The runtimes' names. */
export const names = ["Deno", "Bun", "Node"] as const

/** A runtime's name. */
export type Name = typeof names[number]

/** The version of Node that is run. */
const NODE = 26

/** What a command prints, if there is one and it works. */
const printed = (...words: Words) =>
  exec(words).pipe(
    Effect.map(({ code, stdout }) => code === 0 ? stdout.trim() : undefined),
    Effect.orElseSucceed(() => undefined),
  )

/**
 * The path of a command in an npm package. It is kept, as npx takes a second
 * each time. Two npx that install the same package at once may trip each other up.
 */
const fromNpm = (name: string, command: string) =>
  exec(["npx", "-y", "-p", name, "-c", `command -v ${command}`]).pipe(
    Effect.filterOrFail(({ code }) => code === 0, ({ stderr }) => new Error(`npx can't bring ${name}: ${stderr}`)),
    Effect.retry({ times: 3, schedule: Schedule.spaced("1 second") }),
    Effect.map(({ stdout }) => stdout.trim()),
    Effect.orDie,
    (path) => found(name, path),
  )

/** What starts a TypeScript program on a runtime: these words, then the program's file. */
export const locate = (name: Name): Effect.Effect<Words, never, ChildProcessSpawner.ChildProcessSpawner> =>
  Effect.gen(function* () {
    switch (name) {
      case "Deno":
        return ["Deno" in globalThis ? process.execPath : yield* fromNpm("deno", "deno"), "run", "-q", "-A"]
      case "Bun":
        return [(yield* printed("bun", "--version")) ? "bun" : yield* fromNpm("bun", "bun")]
      case "Node": {
        const version = yield* printed("node", "--version")
        return [version?.startsWith(`v${NODE}.`) ? "node" : yield* fromNpm(`node@${NODE}`, "node")]
      }
    }
  })

/** The same for all of them. */
export const find: Effect.Effect<
  { readonly [name in Name]: Words },
  never,
  ChildProcessSpawner.ChildProcessSpawner
> = Effect.all({ Deno: locate("Deno"), Bun: locate("Bun"), Node: locate("Node") }, { concurrency: "unbounded" })
