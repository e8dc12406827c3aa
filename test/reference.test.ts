import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { pathToFileURL } from "node:url"
import { beforeAll, describe, expect, it } from "vitest"
import { document, entries } from "../scripts/reference.ts"
import { FIRST } from "./support/firstFunctions.ts"

/** What `deno doc --json` says of an export, as far as it is needed here. */
interface Declaration {
  readonly kind: string
  readonly declarationKind: string
  readonly location: { readonly filename: string; readonly line: number }
  readonly jsDoc?: { readonly doc?: string; readonly tags?: ReadonlyArray<{ readonly kind: string }> }
}

interface Documented {
  readonly nodes: {
    readonly [file: string]: {
      readonly symbols: ReadonlyArray<{ readonly name: string; readonly declarations: ReadonlyArray<Declaration> }>
    }
  }
}

/** An export of a public module, with its documentation. */
interface Export extends Declaration {
  readonly name: string
  /** The module's path below src/, without its ending. */
  readonly module: string
  /** The file that it is declared in, from the project's root. */
  readonly file: string
}

/** Files whose exports have no tags yet: they are being rewritten, or have to be split first (500 lines). */
const LATER = [
  "src/core/EventQueue.ts",
  "src/core/Guest.ts",
  "src/core/Revisions.ts",
  "src/internal/core/queue/EntryTable.ts",
]

let exports: ReadonlyArray<Export> = []

beforeAll(async () => {
  const { code, stdout, stderr, root } = await Effect.runPromise(
    Effect.provide(Effect.scoped(document("--json")), NodeServices.layer),
  )
  expect(code, stderr).toBe(0)
  const base = pathToFileURL(root).href + "/"
  const { nodes }: Documented = JSON.parse(stdout)
  exports = Object.entries(nodes).flatMap(([file, { symbols }]) =>
    symbols.flatMap(({ name, declarations }) =>
      declarations.map((each) => ({
        ...each,
        name,
        module: file.slice(`${base}src/`.length).replace(/\.ts$/, ""),
        file: each.location.filename.replace(base, ""),
      }))
    )
  )
}, 60_000)

const has = ({ jsDoc }: Export, tag: string): boolean => jsDoc?.tags?.some(({ kind }) => kind === tag) ?? false

describe("the public exports", () => {
  it("are found in every module that users can import", () => {
    expect(new Set(exports.map(({ module }) => `./src/${module}.ts`))).toEqual(new Set(entries))
    expect(exports.length).toBeGreaterThan(1000)
  })

  it("each say what they are, since which version, and in which category", () => {
    // A namespace says so in its module's comment; what is passed on, where it is declared.
    const own = exports.filter((each) =>
      each.file.startsWith("src/") && each.declarationKind === "export" && !has(each, "internal") &&
      each.kind !== "namespace" && each.kind !== "reference" && !LATER.includes(each.file)
    )
    const lacks = own.flatMap((each) => {
      const lacking = [
        ...each.jsDoc?.doc === undefined ? ["a description"] : [],
        ...["since", "category"].filter((tag) => !has(each, tag)).map((tag) => `@${tag}`),
      ]
      return lacking.length === 0 ? [] : [`${each.file}:${each.location.line + 1} ${each.name}: ${lacking.join(", ")}`]
    })
    expect([...new Set(lacks)]).toEqual([])
    expect(new Set(own.map(({ file, location: { line } }) => `${file}:${line}`)).size).toBeGreaterThan(800)
  })

  it("that people meet first, forty and more, say when to use them, with an example that runs", () => {
    const lacks = FIRST.flatMap((name) => {
      const [, module, symbol] = /^(.*)\.(\w+)$/.exec(name)!
      const found = exports.filter((each) => each.module === module && each.name === symbol)
      if (found.length === 0) return [`${name} isn't there`]
      return [
        ...found.some((each) => has(each, "example")) ? [] : [`${name}: @example`],
        ...found.some((each) => each.jsDoc?.doc?.includes("**When to use**")) ? [] : [`${name}: When to use`],
      ]
    })
    expect(lacks).toEqual([])
    expect(new Set(FIRST).size).toBeGreaterThanOrEqual(40)
  })
})
