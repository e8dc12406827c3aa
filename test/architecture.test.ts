import { existsSync, globSync, readFileSync } from "node:fs"
import process from "node:process"
import { pathToFileURL } from "node:url"
import { describe, expect, it } from "vitest"
import { isOwn } from "../src/internal/platform/StackFrames.ts"
import denoJson from "../deno.json" with { type: "json" }
import packageJson from "../package.json" with { type: "json" }
import { sentenceOf } from "../scripts/files.ts"
import { circles, importsOf, modeComparisons, partOf, violations } from "./support/architecture.ts"

/** Vitest runs in the project's root. */
const files = (pattern: string): ReadonlyArray<string> => globSync(pattern).map((path) => path.replaceAll("\\", "/"))
const text = (path: string): string => readFileSync(path, "utf8")
const sources = files("src/**/*.ts")

describe("the sources", () => {
  it("are found from the project's root", () => {
    expect(process.cwd()).toBe(new URL("..", import.meta.url).pathname.replace(/\/$/, ""))
    expect(sources).toContain("src/core/Guest.ts")
    expect(sources.length).toBeGreaterThan(20)
  })

  it.for(sources)("%s imports inwards only, and leaves the world to platform", (path) => {
    expect(violations(path, text(path))).toEqual([])
  })

  it.for(sources)("%s has no more than 400 lines of code, comments left out", (path) => {
    const code = text(path).replaceAll(/^\s*\/\*[^]*?\*\/\s*$/gm, "").split("\n").filter((line) =>
      !/^\s*(\/\/.*)?$/.test(line)
    )
    expect(code.length).toBeLessThanOrEqual(400)
  })

  it.for(sources)("%s says in a sentence what it is", (path) => {
    expect(sentenceOf(text(path))).toBeDefined()
  })

  it("ask what a mode can, and never which one it is", () => {
    const others = sources.filter((path) => path !== "src/core/Modes.ts")
    expect(others.flatMap((path) => modeComparisons(text(path)).map((found) => `${path}: ${found}`))).toEqual([])
  })

  it("import each other in no circle, types included", () => {
    expect(circles(new Map(sources.map((path) => [path, text(path)])))).toEqual([])
  })

  it("are in the folders that docs/architecture.md speaks of", () => {
    const page = text("docs/architecture.md")
    expect([...new Set(sources.map(partOf))].filter((part) => part !== "index" && !page.includes(`\`${part}`))).toEqual(
      [],
    )
  })

  it("are public or for nobody else, the same for Deno, for JSR and for npm", () => {
    const exported: { readonly [name: string]: string | null } = packageJson.exports
    // As runtimes do it: by the name itself, or else by the longest pattern.
    const inPackage = (name: string): string | null => {
      const fits = (pattern: string) => name.startsWith(pattern.slice(0, -1)) && name.length >= pattern.length
      const patterns = Object.keys(exported).filter((key) => key.endsWith("*") && fits(key))
      const key = name in exported ? name : patterns.sort((a, b) => b.length - a.length)[0]
      return key === undefined ? null : exported[key]?.replace("*", name.slice(key.length - 1)) ?? null
    }
    const nameOf = (path: string) => path.replace("src", ".").replace(/\.ts$/, "").replace(/^\.\/index$/, ".")
    const isPublic = Object.fromEntries(
      sources.map((path) => [nameOf(path), `./${path}`] as const).filter(([name]) => inPackage(name) !== null),
    )
    for (const [name, path] of Object.entries(isPublic)) expect(inPackage(name), name).toBe(path)
    expect(inPackage("./internal/core/Fifo")).toBe(null)
    expect(denoJson.exports).toEqual(isPublic)
    // In a checkout, Deno goes by the map of imports.
    const imports = Object.entries(denoJson.imports).filter(([name]) => /^guest-clock(\/|$)/.test(name))
    expect(Object.fromEntries(imports)).toEqual(
      Object.fromEntries(Object.entries(isPublic).map(([name, path]) => [`guest-clock${name.slice(1)}`, path])),
    )
  })

  it("are of one version and ask for one version of what they need", () => {
    expect(packageJson.version).toBe(denoJson.version)
    for (const [name, range] of Object.entries(packageJson.peerDependencies)) {
      expect(denoJson.imports).toHaveProperty([name], `npm:${name}@${range}`)
      expect(packageJson.devDependencies).toHaveProperty([name], range.replace("^", ""))
    }
  })
})

describe("the checker of modes", () => {
  it("finds every comparison with a mode's name, and none in comments", () => {
    const source = `
      if (mode === "off" || "basic" !== mode) {}
      switch (mode) { case 'external': }
      // mode === "off"
      const modes = { "inf-cpu": 1 }, mode = "external"
    `
    expect(modeComparisons(source)).toEqual(['=== "off"', '"basic" !==', "case 'external'"])
  })
})

describe("the checker of circles", () => {
  it("finds each circle once, however long, and no mere way around", () => {
    const files = new Map([
      ["src/a.ts", `import "./b.ts"; import "effect/Effect"`],
      ["src/b.ts", `export * from "./c/c.ts"; import "./e.ts"`],
      ["src/c/c.ts", `import type { A } from "../a.ts"; import "../d.ts"`],
      ["src/d.ts", `import "./e.ts"`],
      ["src/e.ts", `type F = import("./f.ts").F`],
      ["src/f.ts", `import "./e.ts"`],
    ])
    expect(circles(files)).toEqual([["src/e.ts", "src/f.ts"], ["src/a.ts", "src/b.ts", "src/c/c.ts"]])
  })
})

describe("a line of a stack trace", () => {
  it.for(sources)("in %s is known for one of the library's own", (path) => {
    expect(isOwn(`    at f (${pathToFileURL(path).href}:1:1)`)).toBe(true)
    expect(isOwn(`    at f (${pathToFileURL(path.replace("src/", "test/")).href}:1:1)`)).toBe(false)
  })
})

describe("the checker of imports", () => {
  it("finds every kind of import, and none in comments", () => {
    const source = `
      import * as A from "./a.ts"
      import type {
        B,
      } from './b.ts'
      import "./c.ts"
      export * from "./d.ts"
      export { e } from "./e.ts"
      const f = import("./f.ts")
      type G = import("./g.ts").G
      // import "./no.ts"
      /** import { no } from "./no.ts" */
      const url = "https://example.com" // from "./no.ts"
    `
    expect(importsOf(source)).toEqual(["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts", "./f.ts", "./g.ts"])
  })

  it.for([
    ["src/core/Nanos.ts", `import * as Effect from "effect/Effect"`],
    ["src/core/Nanos.ts", `import { Link } from "../services/Link.ts"`],
    ["src/core/Nanos.ts", `const now = Date.now()`],
    ["src/core/Nanos.ts", `setTimeout(() => {}, 1)`],
    ["src/core/Nanos.ts", `const dice = Math.random()`],
    ["src/core/Nanos.ts", "const text = `${performance.now()}`"],
    ["src/services/Link.ts", `import { GuestClock } from "../GuestClock.ts"`],
    ["src/services/Link.ts", `import * as Net from "node:net"`],
    ["src/GuestClock.ts", `const Cpu = await import("./platform/Cpu.ts")`],
    ["src/GuestClock.ts", `export * from "./Mode.ts"`],
    ["src/GuestClock.ts", `import process from "node:process"`],
    ["src/Mode.ts", `import * as NodeSocket from "@effect/platform-node/NodeSocket"`],
    ["src/platform/SocketLink.ts", `import * as Mode from "../Mode.ts"`],
    ["src/calendar/CalendarServer.ts", `import * as cli from "../cli/main.ts"`],
    ["src/utils/strings.ts", ``],
  ])("finds fault with %s: %s", ([path, source]) => {
    expect(violations(path!, source!)).not.toEqual([])
  })

  it.for([
    ["src/core/Nanos.ts", `import { BadNumber } from "./Fault.ts" // not Date.now()`],
    ["src/services/Link.ts", `import * as Effect from "effect/Effect"`],
    ["src/GuestClock.ts", `import * as Guest from "./core/Guest.ts"; const why = "no Date"`],
    ["src/platform/NativeClock.ts", `import process from "node:process"; Date.now()`],
    ["src/cli/main.ts", `import * as CalendarServer from "../calendar/CalendarServer.ts"`],
  ])("finds no fault with %s: %s", ([path, source]) => {
    expect(violations(path!, source!)).toEqual([])
  })
})

describe("the house's rules", () => {
  it.for(files("test/**/*.ts"))("%s leaves no test out", (path) => {
    expect(text(path)).not.toMatch(new RegExp(String.raw`\b(?:it|test|describe)(?:\.\w+)*\.(?:${"only|skip|todo"})\b`))
  })

  it.for(files("examples/*.ts"))("%s has the output that it must print beside it", (path) => {
    expect(existsSync(path.replace(/\.ts$/, ".out"))).toBe(true)
  })
})
