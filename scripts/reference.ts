/**
 * `deno task reference`: makes the API reference as HTML, in `reference/`, of all that users can import; `deno doc` does.
 *
 * It reads a copy of the sources without `export * from "@effect/vitest"`, whose types `deno doc` 2.9 overflows its stack
 * with; what that exports is documented by its own authors.
 *
 * @module
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import type { ChildProcessSpawner } from "effect/process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import process from "node:process"
import denoJson from "../deno.json" with { type: "json" }
import { type Ended, exec } from "./exec.ts"
import * as Runtimes from "./runtimes.ts"

/** Where the reference is made. Git ignores it. */
const FOLDER = "reference"

/** What is only passed on from `@effect/vitest`. */
const PASSED_ON = { file: "src/testing.ts", line: 'export * from "@effect/vitest"\n', all: "./src/testing/utils.ts" }

/** The files that users can import, but those that are only passed on. */
export const entries: ReadonlyArray<string> = Object.values(denoJson.exports).filter((file) => file !== PASSED_ON.all)

/** Runs `deno doc` with some options for all entries, in a copy of the sources: what it printed, and the copy's path. */
export const document = (
  ...options: ReadonlyArray<string>
): Effect.Effect<
  Ended & { readonly root: string },
  PlatformError,
  FileSystem.FileSystem | ChildProcessSpawner.ChildProcessSpawner | Scope.Scope
> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const made = yield* fs.makeTempDirectoryScoped({ prefix: "guest-clock-reference-" })
    const root = yield* fs.realPath(made)
    for (const name of ["package.json", "deno.json", "deno.lock", "src"]) {
      Fs.cpSync(name, Path.join(root, name), { recursive: true })
    }
    Fs.symlinkSync(Path.resolve("node_modules"), Path.join(root, "node_modules"))
    const testing = Path.join(root, PASSED_ON.file)
    yield* fs.writeFileString(testing, (yield* fs.readFileString(testing)).replace(PASSED_ON.line, ""))
    const [deno] = yield* Runtimes.locate("Deno")
    return { root, ...yield* exec([deno, "doc", ...options, ...entries], root) }
  })

const program = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  yield* fs.remove(FOLDER, { recursive: true, force: true })
  const { code, stderr } = yield* document("--html", "--name=guest-clock", `--output=${Path.resolve(FOLDER)}`)
  if (code === 0) return yield* Console.log(`The reference is ${FOLDER}/index.html`)
  yield* Console.error(stderr)
  process.exitCode = 1
})

if (import.meta.main) NodeRuntime.runMain(Effect.provide(Effect.scoped(program), NodeServices.layer))
