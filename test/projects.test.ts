import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { globSync, readFileSync } from "node:fs"
import { relative } from "node:path"
import denoJson from "../deno.json" with { type: "json" }
import packageJson from "../package.json" with { type: "json" }
import { exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import { slowFiles } from "./support/slowFiles.ts"

const all = globSync("test/**/*.test.ts").map((path) => path.replaceAll("\\", "/")).sort()

interface Listed {
  readonly file: string
  readonly projectName?: string
}

/** The files that Vitest itself would run for a task, and as which project's. */
const filesOf = (task: "test" | "test:quick") =>
  Effect.gen(function* () {
    const { command } = denoJson.tasks[task]
    expect(packageJson.scripts[task]).toBe(command)
    const [vitest, run, ...args] = command.split(" ")
    expect([vitest, run]).toEqual(["vitest", "run"])
    const deno = yield* Runtimes.locate("Deno")
    const list = ["node_modules/vitest/vitest.mjs", "list", "--filesOnly", "--json"]
    const { code, stdout, stderr } = yield* exec([...deno, ...list, ...args])
    expect(code, stderr).toBe(0)
    return (JSON.parse(stdout) as ReadonlyArray<Listed>).map(({ file, projectName }) => ({
      file: relative(".", file).replaceAll("\\", "/"),
      project: projectName,
    }))
  }).pipe(Effect.provide(NodeServices.layer))

describe("deno task test", () => {
  it.live(
    "runs each test file once, as a slow one if it is listed, or else as a quick one",
    () =>
      Effect.gen(function* () {
        const files = yield* filesOf("test")
        expect(files.map(({ file }) => file).sort()).toEqual(all)
        for (const { file, project } of files) expect(project, file).toBe(slowFiles.includes(file) ? "slow" : "quick")
        // A file that has gone leaves the list as well.
        expect(slowFiles.filter((file) => !all.includes(file))).toEqual([])
      }),
    60_000,
  )
})

describe("deno task test:quick", () => {
  it.live("runs all but the slow ones", () =>
    Effect.gen(function* () {
      const files = yield* filesOf("test:quick")
      expect(files.map(({ file }) => file).sort()).toEqual(all.filter((file) => !slowFiles.includes(file)))
      expect(files.length).toBeGreaterThan(30)
    }), 60_000)

  it("needs no other runtime than the one that it runs on: what does is slow, if only for the download", () => {
    for (const file of all.filter((file) => !slowFiles.includes(file))) {
      expect(readFileSync(file, "utf8"), file).not.toMatch(/Runtimes\.(?:names|find)|locate\("(?:Bun|Node)"\)/)
    }
  })
})
