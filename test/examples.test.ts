import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { globSync, readFileSync } from "node:fs"
import { basename, resolve } from "node:path"
import { describe, expect, it } from "vitest"
import { exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"

/** The lines `run: examples/NAME.ts ARGS` in an example's head: how to run it, and what `NAME.out` is the output of. */
const runsOf = (path: string): ReadonlyArray<string> =>
  [...readFileSync(path, "utf8").matchAll(/^ \* run: (.+)$/gm)].map(([, run]) => run ?? "")

const runtimes = await Effect.runPromise(Effect.provide(Runtimes.find, NodeServices.layer))

/** What all runs of an example print, each below its command, as a terminal would show it. */
const transcript = (path: string, runtime: Runtimes.Name): Promise<string> =>
  Effect.forEach(runsOf(path), (run) =>
    Effect.gen(function* () {
      // In a folder of its own: an example may leave files or sockets where it runs.
      const folder = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped({ prefix: "guest-clock-example-" })
      const [file = "", ...args] = run.split(" ")
      const { code, stdout, stderr } = yield* exec([...runtimes[runtime], resolve(file), ...args], folder)
      return `$ ${run}\n${stdout}${code === 0 ? "" : `exit code ${code}\n${stderr}`}`
    })).pipe(
      Effect.map((outputs) => outputs.join("\n")),
      Effect.scoped,
      Effect.provide(NodeServices.layer),
      Effect.runPromise,
    )

describe.for(globSync("examples/*.ts"))("%s", (path) => {
  const name = basename(path, ".ts")

  it("says how to run it", () => {
    const runs = runsOf(path)
    expect(runs).not.toEqual([])
    for (const run of runs) expect(run.split(" ", 1)).toEqual([`examples/${name}.ts`])
  })

  it.for(Runtimes.names)(`prints examples/${name}.out on %s`, { timeout: 60_000 }, async (runtime) => {
    await expect(await transcript(path, runtime)).toMatchFileSnapshot(`../examples/${name}.out`)
  })
})
