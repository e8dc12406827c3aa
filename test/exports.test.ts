import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as EveryExport from "../scripts/everyExport.ts"
import { exec } from "../scripts/exec.ts"
import * as Manifest from "../scripts/manifest.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import { patternOf, snippetsOf } from "./support/snippets.ts"

/** A checkout with stale JavaScript in `dist`, which nothing may come from. */
const checkout = Fs.realpathSync(Fs.mkdtempSync(Path.join(Os.tmpdir(), "guest-clock-checkout-")))

beforeAll(() => {
  for (const name of ["package.json", "deno.json", "deno.lock", "tsconfig.json", "src"]) {
    Fs.cpSync(name, Path.join(checkout, name), { recursive: true })
  }
  Fs.symlinkSync(Path.resolve("node_modules"), Path.join(checkout, "node_modules"))
  for (const source of EveryExport.exports.values()) {
    const stale = Path.join(checkout, source.replace("src", "dist").replace(/ts$/, "js"))
    Fs.mkdirSync(Path.dirname(stale), { recursive: true })
    Fs.writeFileSync(stale, `throw new Error("${source} is stale")\n`)
  }
})

afterAll(() => Fs.rmSync(checkout, { recursive: true }))

const run = async (runtime: Runtimes.Name, folder: string, program: string): Promise<string> => {
  const path = Path.join(checkout, folder, `${runtime}.ts`)
  Fs.mkdirSync(Path.dirname(path), { recursive: true })
  Fs.writeFileSync(path, program)
  const { code, stdout, stderr } = await Effect.runPromise(
    Effect.provide(
      Effect.flatMap(Runtimes.locate(runtime), (words) => exec([...words, path], Path.dirname(path))),
      NodeServices.layer,
    ),
  )
  expect(code, stderr).toBe(0)
  return stdout
}

describe("a program saved in a checkout", () => {
  const sourceOf = (source: string) => Path.join(checkout, source)

  it.for(Runtimes.names.flatMap((runtime) => ["", "a/folder/in/it"].map((folder) => [runtime, folder] as const)))(
    "has every export from the sources, each once, and nothing that is internal, on %s, in ./%s",
    { timeout: 60_000 },
    async ([runtime, folder]) => {
      const stdout = await run(runtime, folder, EveryExport.program())
      expect(EveryExport.faults(stdout, sourceOf)).toEqual([])
    },
  )

  it.for(Runtimes.names)("prints what the README says of it, on %s", { timeout: 60_000 }, async (runtime) => {
    const [example] = snippetsOf("README.md", Fs.readFileSync("README.md", "utf8"))
    expect(await run(runtime, "", example!.code)).toMatch(patternOf(example!.prints))
  })

  it("has the same on Deno by the name that the library has on JSR", { timeout: 60_000 }, async () => {
    const stdout = await run("Deno", "jsr", EveryExport.program({ as: "@guest-clock/guest-clock" }))
    expect(EveryExport.faults(stdout, sourceOf)).toEqual([])
  })
})

describe("what is wrong with a program's exports", () => {
  const good: EveryExport.Printed = {
    files: Object.fromEntries([...EveryExport.exports].map(([name, source]) => [name, `/${source}`])),
    same: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`module ${i}`, true])),
    leaks: [],
  }
  const faults = (printed: Partial<EveryExport.Printed>) =>
    EveryExport.faults(JSON.stringify({ ...good, ...printed }), (source) => `/${source}`)

  it("is nothing, a name that leads elsewhere, a module that is there twice, and one that should be internal", () => {
    expect(faults({})).toEqual([])
    const dist = "/dist/core/Nanos.js"
    expect(faults({ files: { ...good.files, "guest-clock/core/Nanos": dist } })).toEqual(
      [`guest-clock/core/Nanos is ${dist}, and not /src/core/Nanos.ts`],
    )
    expect(faults({ same: { ...good.same, "guest-clock/Mode": false } })).toEqual(["guest-clock/Mode is there twice"])
    expect(faults({ leaks: ["guest-clock/core/IntMap"] })).toEqual(["guest-clock/core/IntMap can be imported"])
    expect(faults({ same: {} }).length).toBe(1)
  })
})

describe("package.json", () => {
  const text = Fs.readFileSync("package.json", "utf8")
  const packed = Manifest.toPacked(text)

  it("leads to the sources in a checkout, and to JavaScript with types in a package", () => {
    expect(Manifest.toCheckout(text), "`npm run postpack` brings it back").toBe(text)
    const { exports, ...rest } = JSON.parse(text)
    const { exports: inPackage, ...others } = JSON.parse(packed)
    expect(others).toEqual(rest)
    expect(Object.keys(inPackage)).toEqual(Object.keys(exports))
    for (const [name, to] of Object.entries(exports)) {
      const built = (ending: string) => String(to).replace("/src/", "/dist/").replace(/\.ts$/, ending)
      expect(inPackage[name], name).toEqual(
        typeof to !== "string" || name === "./package.json"
          ? to
          : { bun: to, types: built(".d.ts"), default: built(".js") },
      )
    }
    expect(inPackage["./*"].default).toBe("./dist/*.js")
  })

  it("is turned from one into the other and back without a trace, and isn't turned twice", () => {
    expect(Manifest.toPacked(packed)).toBe(packed)
    expect(Manifest.toCheckout(packed)).toBe(text)
    expect(packed).not.toBe(text)
  })
})
