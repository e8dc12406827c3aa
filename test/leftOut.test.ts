import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { describe, expect, it } from "vitest"
import { exec } from "../scripts/exec.ts"
import * as LeftOut from "../scripts/leftOut.ts"
import * as Runtimes from "../scripts/runtimes.ts"

/** Git ignores it. It is inside of the project, so that `vitest` is the project's. */
const FOLDER = ".snippets-left-out"

const from = (path: string) => `from ${JSON.stringify(Path.resolve(path))}`

/** Runs tests as `deno task test` does; what it printed, and the files of which it says that they left something out. */
const run = (tests: { readonly [file: string]: string }) =>
  Effect.gen(function* () {
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        Fs.rmSync(FOLDER, { recursive: true, force: true })
        Fs.mkdirSync(FOLDER)
      }),
      () => Effect.sync(() => Fs.rmSync(FOLDER, { recursive: true })),
    )
    const list = Path.join(FOLDER, "list")
    Fs.writeFileSync(
      Path.join(FOLDER, "vitest.config.ts"),
      `import { vitestReporter } ${from("scripts/closingLine.ts")}
       process.env.LEFT_OUT = ${JSON.stringify(Path.resolve(list))}
       export default { test: { include: ["*.test.ts"], reporters: ["default", vitestReporter] } }`,
    )
    for (const [file, text] of Object.entries(tests)) {
      Fs.writeFileSync(
        Path.join(FOLDER, `${file}.test.ts`),
        `import { it } from "vitest"\nimport * as LeftOut ${from("scripts/leftOut.ts")}\n${text}`,
      )
    }
    const deno = yield* Runtimes.locate("Deno")
    const { stdout } = yield* exec([...deno, "node_modules/vitest/vitest.mjs", "run", "--root", FOLDER])
    return { lines: stdout.trim().split("\n"), files: Fs.readFileSync(list, "utf8") }
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer), Effect.runPromise)

describe("what tests leave out", () => {
  it("is said once right before the closing line, with the names of the files", { timeout: 60_000 }, async () => {
    const { lines, files } = await run({
      a: `it("a", (context) => LeftOut.note(context, "the tests of a", "a tool"))`,
      b: `it("b", async (context) => {
        await LeftOut.note(context, "the tests of a", "a tool")
        await LeftOut.note(context, "the tests of b", "another")
        throw new Error("it fails none the less")
      })`,
      c: `it("c", () => {})`,
    })
    expect(lines.slice(-3)).toEqual([
      "LEFT OUT: the tests of a: a tool",
      "LEFT OUT: the tests of b: another",
      "2 passed, 1 failed",
    ])
    expect(lines.filter(LeftOut.isOne).length).toBe(2)
    expect(files.split("\n").filter((file) => file !== "").sort()).toEqual(["a.test.ts", "b.test.ts"])
  })
})
