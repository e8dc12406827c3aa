import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"

const runtimes = await Effect.runPromise(Effect.provide(Runtimes.find, NodeServices.layer))

/** The tables' words, by kind and runtime. */
const table: ReadonlyArray<readonly [kind: string, cells: { readonly [name in Runtimes.Name]: string }]> = (() => {
  const text = readFileSync("docs/virtual-time.md", "utf8")
  const lines = text.slice(text.indexOf("| what is done")).split("\n\n", 1)[0]!.split("\n").slice(2)
  return lines.map((line) => {
    const [kind, Node, Deno, Bun] = line.split("|").slice(1, -1).map((cell) => cell.trim())
    return [kind!, { Node: Node!, Deno: Deno!, Bun: Bun! }] as const
  })
})()

/** What test/support/requests.ts prints of a kind. */
interface Seen {
  readonly kind: string
  /** How often it was under way when it was asked for, and how often it wasn't twice in a row. */
  readonly seen: number
  readonly missed: number
  readonly names: ReadonlyArray<string>
  /** What was under way although all had come to rest, and when it was over. */
  readonly before: ReadonlyArray<string>
  readonly after: ReadonlyArray<string>
}

interface Held {
  readonly check: string
  readonly holds: boolean
}

/** Whether what was seen is what a word of the table says. */
const fits = (word: string, { seen, missed, before, after }: Seen): boolean => {
  if (after.length > 0 || (before.length > 0) !== (word === "for good")) return false
  switch (word) {
    case "seen":
      return seen > 0 && missed === 0
    case "at once":
      return missed === 0
    case "no":
      return seen === 0
    default:
      return word === "for good"
  }
}

const run = (words: readonly [string, ...Array<string>]) =>
  Effect.runPromise(Effect.provide(exec(words), NodeServices.layer))

describe("what was seen of a request", () => {
  const kind: Seen = { kind: "", seen: 0, missed: 0, names: [], before: [], after: [] }
  it.for([
    ["seen", { seen: 1, missed: 1 }],
    ["seen", { seen: 0, missed: 0 }],
    ["seen", { seen: 1, after: ["a file"] }],
    ["at once", { missed: 1 }],
    ["no", { seen: 1 }],
    ["no", { before: ["a file"] }],
    ["for good", {}],
    ["–", {}],
  ])("isn't taken for %s if it was %o", ([word, seen]) => {
    expect(fits(word as string, { ...kind, ...seen as Partial<Seen> })).toBe(false)
  })
})

describe.for(Runtimes.names)("requests on %s", (runtime) => {
  const seen = new Map<string, Seen>()
  const held = new Map<string, boolean>()

  beforeAll(async () => {
    // With a cache of compiled modules Bun imports them at once.
    const { code, stdout, stderr } = await run([
      "env",
      "-u",
      "NODE_COMPILE_CACHE",
      ...runtimes[runtime],
      resolve("test/support/requests.ts"),
    ])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    for (const line of stdout.trim().split("\n").map((text) => JSON.parse(text) as Seen | Held)) {
      if ("check" in line) held.set(line.check, line.holds)
      else seen.set(line.kind, line)
    }
  }, 90_000)

  it("are all in the table, and what isn't there has a dash", () => {
    const listed = table.flatMap(([kind, { [runtime]: word }]) => word === "–" ? [] : [kind])
    expect([...seen.keys()].sort()).toEqual(listed.sort())
  })

  it.for(table.filter(([, { [runtime]: word }]) => word !== "–"))("are seen as the table says: %s", ([kind, words]) => {
    const found = seen.get(kind)
    expect(found).toBeDefined()
    expect(fits(words[runtime], found!), `${words[runtime]}: ${JSON.stringify(found)}`).toBe(true)
  })

  it.for(
    [
      ["fs.readFile", { Node: /^a file \(FSREQCALLBACK\)$/, Deno: /^a file \(op_/, Bun: /^a callback of Bun's/ }],
      ["crypto.subtle.digest", { Node: /HASHREQUEST/, Deno: /SubtleCrypto\.digest/, Bun: /\(digest\)/ }],
      ["http.get", { Node: /^GET http:\/\/127/, Deno: /^GET http:\/\/127/, Bun: /^GET http:\/\/127/ }],
      ["a child process", { Node: /"sleep"/, Deno: /"sleep"/, Bun: /^a child process/ }],
    ] as const,
  )("are named: %s", ([kind, names]) => {
    const found = seen.get(kind)?.names ?? []
    expect(found.some((name) => names[runtime].test(name)), String(found)).toBe(true)
  })

  it.for([
    "what is under way before a start doesn't count",
    "what is waived doesn't count, and what begins after that does",
    "the end of a request is seen no sooner than what follows from it has run",
    "a child process is under way until its close, in each turn",
    "a look that is undone doesn't come",
    "the runtime is left as it was",
  ])("%s", (check) => {
    expect(held.get(check)).toBe(true)
  })
})

describe("in a worker of Vitest's", () => {
  it.for(["forks", "threads", "vmThreads"])("on Node, pool %s, nothing is under way at rest, and requests are seen", {
    timeout: 60_000,
  }, async (pool) => {
    const { code, stdout, stderr } = await run([
      ...runtimes.Node,
      "node_modules/vitest/vitest.mjs",
      "run",
      "--config=test/support/inWorkers.config.ts",
      `--pool=${pool}`,
      "--reporter=verbose",
    ])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout).toMatch(/Tests.*3 passed/)
  })
})
