import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import * as Manifest from "../../scripts/manifest.ts"
import type { Case, Suite } from "../suite.ts"

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

const isNode = !("Deno" in globalThis) && !("Bun" in globalThis)

/** A whole process, from its start to its end, in ms; what it compiled once is in the runtime's own cache. */
const started = (name: string, program: string, folder = () => pathOf("../startup")): Case => ({
  name,
  measure: () => {
    const cwd = folder()
    const before = performance.now()
    const { status, stderr } = ChildProcess.spawnSync(
      process.execPath,
      [..."Deno" in globalThis ? ["run", "-q", "-A"] : [], Path.join(cwd, `${program}.ts`)],
      { encoding: "utf8", cwd },
    )
    const took = performance.now() - before
    if (status !== 0) throw new Error(`${program} ended with ${status}:\n${stderr}`)
    return Promise.resolve(took)
  },
})

let project: string | undefined

/** A project with the programs, and the package that `deno task build` built, as npm would install it. */
const installed = (): string => {
  if (project !== undefined) return project
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "bench-"))
  process.once("exit", () => Fs.rmSync(folder, { recursive: true }))
  Fs.cpSync(pathOf("../startup"), folder, { recursive: true })
  const modules = Path.join(folder, "node_modules")
  Fs.mkdirSync(Path.join(modules, "guest-clock"), { recursive: true })
  const manifest = Fs.readFileSync(pathOf("../../package.json"), "utf8")
  Fs.writeFileSync(Path.join(modules, "guest-clock", "package.json"), Manifest.toPacked(manifest))
  Fs.symlinkSync(pathOf("../../dist"), Path.join(modules, "guest-clock", "dist"))
  for (const name of ["effect", "@effect"]) {
    Fs.symlinkSync(pathOf(`../../node_modules/${name}`), Path.join(modules, name))
  }
  return project = folder
}

const built = (name: string, program: string): Case => ({
  ...started(name, program, installed),
  ...!Fs.existsSync(pathOf("../../dist/index.js")) && { lacks: "dist/ (deno task build)" },
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
