import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { resolve } from "node:path"
import { describe, expect, it } from "vitest"
import { type Ended, exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import { patternOf, printsOf, snippetsOf } from "./support/snippets.ts"

/** What is printed, without what runtimes write in their own ways: quotes, and commas behind the last of several. */
const plain = (text: string): string => text.replaceAll("'", '"').replace(/,(\s*[\]}])/g, "$1")

const snippets = ["*.md", "docs/**/*.md", "src/**/*.ts"].flatMap((pattern) => globSync(pattern)).sort()
  .flatMap((path) => snippetsOf(path, readFileSync(path, "utf8")))

/** Git ignores it. It is inside of the checkout, where `guest-clock` means the checkout, as for anybody who saves a program in it. */
const FOLDER = ".snippets"

/** Saves all snippets, and a program that runs them one after the other, in one process. */
const save = (): void => {
  rmSync(FOLDER, { recursive: true, force: true })
  mkdirSync(FOLDER)
  const main = snippets.map(({ where, code, runs }) => {
    const file = `${where.replace(/\W+/g, "-")}.ts`
    // A snippet without imports is a module, too.
    writeFileSync(`${FOLDER}/${file}`, `${code}export {}\n`)
    return `console.log("--- ${where}")\nif (${runs}) await import("./${file}").catch(console.log)\n`
  })
  // Whatever a snippet has left running ends here.
  writeFileSync(`${FOLDER}/main.ts`, `import process from "node:process"\n${main.join("")}process.exit(0)\n`)
}

/** Runs all snippets on a runtime. Deno checks their types, too. */
const runAll = (runtime: Runtimes.Name) =>
  Effect.gen(function* () {
    const words = yield* Runtimes.locate(runtime)
    // In a folder of its own: a snippet may leave files where it runs.
    const folder = `${FOLDER}/on ${runtime}`
    mkdirSync(folder)
    const main = resolve(FOLDER, "main.ts")
    const ended: Ended = yield* exec([...words, ...runtime === "Deno" ? ["--check"] : [], main], folder)
    const printed = new Map(
      ended.stdout.split(/^--- /m).slice(1).map((part) => {
        const end = part.indexOf("\n")
        return [part.slice(0, end), part.slice(end)]
      }),
    )
    return { runtime, ...ended, printed }
  }).pipe(Effect.timeout("1 minute"))

save()
const before = readdirSync(".")
const ran = await Effect.runPromise(
  Effect.provide(Effect.forEach(Runtimes.names, runAll, { concurrency: "unbounded" }), NodeServices.layer),
)

describe("the programs in the documents and doc comments", () => {
  it.for(ran)("have the right types, which Deno checks, and come to an end on $runtime", ({ code, stderr }) => {
    expect(code, stderr).toBe(0)
    expect(snippets.length).toBeGreaterThan(5)
  })

  it("leave nothing in the checkout but in the folder in which they ran", () => {
    expect(readdirSync(".")).toEqual(before)
    for (const runtime of Runtimes.names) expect(readdirSync(`${FOLDER}/on ${runtime}`)).toContain("a.trace")
  })

  it.for(snippets.filter(({ runs }) => runs))("$where prints what it says", ({ where, prints }) => {
    for (const { runtime, printed } of ran) {
      const text = printed.get(where) ?? "nothing"
      // Deno writes objects as the documents do.
      if (runtime === "Deno") expect(text).toMatch(patternOf(prints))
      else expect(plain(text), runtime).toMatch(patternOf(prints.map(plain)))
    }
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
