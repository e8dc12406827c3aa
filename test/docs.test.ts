import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { type Ended, exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import { patternOf, printsOf, snippetsOf } from "./support/snippets.ts"

const snippets = ["*.md", "docs/**/*.md", "src/**/*.ts"].flatMap((pattern) => globSync(pattern)).sort()
  .flatMap((path) => snippetsOf(path, readFileSync(path, "utf8")))

/** Git ignores it. It is inside of the checkout, where `guest-clock` means the checkout, as for anybody who saves a program in it. */
const FOLDER = ".snippets"

/** Checks the types of all snippets and runs them one after the other, in one process. */
const runAll = (): Promise<Ended> => {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER)
  const main = snippets.map(({ where, code, runs }) => {
    const file = `${where.replace(/\W+/g, "-")}.ts`
    // A snippet without imports is a module, too.
    writeFileSync(`${FOLDER}/${file}`, `${code}export {}\n`)
    return `console.log("--- ${where}")\nif (${runs}) await import("./${file}").catch(console.log)\n`
  })
  // Whatever a snippet has left running ends here.
  writeFileSync(`${FOLDER}/main.ts`, `${main.join("")}Deno.exit(0)\n`)
  return Effect.gen(function* () {
    const deno = yield* Runtimes.locate("Deno")
    return yield* exec([...deno, "--check", `${FOLDER}/main.ts`])
  }).pipe(Effect.timeout("1 minute"), Effect.provide(NodeServices.layer), Effect.runPromise)
}

const { code, stdout, stderr } = await runAll()
const printed = new Map(
  stdout.split(/^--- /m).slice(1).map((part) => {
    const end = part.indexOf("\n")
    return [part.slice(0, end), part.slice(end)]
  }),
)

describe("the programs in the documents and doc comments", () => {
  it("have the right types and come to an end", () => {
    expect(code, stderr).toBe(0)
    expect(snippets.length).toBeGreaterThan(5)
  })

  it.for(snippets.filter(({ runs }) => runs))("$where prints what it says", ({ where, prints }) => {
    expect(printed.get(where)).toMatch(patternOf(prints))
  })
})

describe("the finder of programs", () => {
  it("finds those marked ts, in documents and in doc comments", () => {
    const document = "# A\n```ts\nconsole.log(1) // 1\n```\n```sh\nls\n```\n"
    const source = "/**\n * B\n * ```ts no-run\n * f()\n * ```\n */\nconst a = `\n```ts\nno()\n```\n`\n"
    expect(snippetsOf("a.md", document)).toEqual([
      { where: "a.md:2", code: "console.log(1) // 1\n", runs: true, prints: ["1"] },
    ])
    expect(snippetsOf("b.ts", source)).toEqual([{ where: "b.ts:3", code: "f()\n", runs: false, prints: [] }])
  })

  it("knows what they say they print", () => {
    const lines = [
      "// An explanation",
      "const a = 1 // another",
      'console.log("http://a") // http://a',
      "// and one line more",
      "",
      "// A third",
      "await Effect.runPromise(program) // done",
      "console.log(2)",
      "  console.log(f({",
      "    x: 1, // no output",
      "  })) // at last",
    ]
    expect(printsOf(lines)).toEqual(["http://a", "and one line more", "done", "at last"])
    const pattern = patternOf(["at … (ns)", "{ a: 1 }"])
    expect("\nat 12 (ns)\n{\n  a: 1\n}\n").toMatch(pattern)
    for (const other of ["at 12 ns { a: 1 }", "at 12 (ns)", "at 12 (ns) { a: 1 } more"]) {
      expect(other).not.toMatch(pattern)
    }
    expect("\n").toMatch(patternOf([]))
    expect("something\n").not.toMatch(patternOf([]))
  })
})
