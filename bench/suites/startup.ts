import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"
import type { Case, Suite } from "../suite.ts"

const pathOf = (file: string): string => fileURLToPath(new URL(`../${file}`, import.meta.url))

const isNode = !("Deno" in globalThis) && !("Bun" in globalThis)
/** What makes Node take the sources: without it, it takes what `deno task build` made of them, as users' Node does. */
const onSources = isNode ? ["--conditions=bun"] : "Deno" in globalThis ? ["run", "-q", "-A"] : []

/** A whole process, from its start to its end, in ms; what it compiled once is in the runtime's own cache. */
const started = (name: string, program: string, args: ReadonlyArray<string> = onSources): Case => ({
  name,
  measure: () => {
    const before = performance.now()
    const { status, stderr } = ChildProcess.spawnSync(
      process.execPath,
      [...args, pathOf(`startup/${program}.ts`)],
      { encoding: "utf8", cwd: pathOf("..") },
    )
    const took = performance.now() - before
    if (status !== 0) throw new Error(`${program} ended with ${status}:\n${stderr}`)
    return Promise.resolve(took)
  },
})

const built = (name: string, program: string): Case => ({
  ...started(name, program, []),
  ...!Fs.existsSync(pathOf("../dist/index.js")) && { lacks: "dist/ (deno task build)" },
})

const suite: Suite = {
  about: "Starting, and ending",
  unit: "ms",
  more: false,
  cases: [
    started("a program that does nothing", "nothing"),
    started("import of the core's queue", "core"),
    started("Effect: a sleep and a layer", "effect"),
    started("import of the library", "library"),
    started("an event in inf-cpu", "event"),
    started("a fiber that sleeps on VirtualTime", "sleep"),
    ...isNode
      ? [
        built("import of the library, as built for npm", "library"),
        built("an event in inf-cpu, as built for npm", "event"),
        built("a fiber that sleeps on VirtualTime, as built for npm", "sleep"),
      ]
      : [],
  ],
}

export default suite
