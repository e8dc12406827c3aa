/**
 * `deno task package`: packs the npm package, installs it into an empty project,
 * and uses it there as others would: its types with `tsc`, and itself on each
 * runtime. Closes with `N passed, N failed`.
 *
 * @module
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import manifest from "../package.json" with { type: "json" }
import * as ClosingLine from "./closingLine.ts"
import { type Ended, exec, type Words } from "./exec.ts"
import * as Runtimes from "./runtimes.ts"

const ROOT = fileURLToPath(new URL("..", import.meta.url))

/** What somebody might write who has just installed the package. */
const PROGRAM = `\
import { Effect } from "effect"
import { BootOptions, GuestClock, Mode } from "guest-clock"
import * as Nanos from "guest-clock/core/Nanos"

const program = Effect.gen(function* () {
  const clock: GuestClock.GuestClock = yield* GuestClock.GuestClock
  const event = GuestClock.event("hello", ({ now }) => console.log(\`hello at \${now} ns\`))
  yield* clock.addEvent(event, yield* clock.after("1 day"))
  yield* clock.sleep
  return yield* clock.now
})
const now: bigint = await Effect.runPromise(Effect.provide(program, Mode.fromBootOptions(["time-travel=inf-cpu"])))
console.log(now === Nanos.parse("86400000000000"), BootOptions.allowed.length)
`

const PRINTS = "hello at 86400000000000 ns\ntrue 4\n"

const PROJECT = { name: "empty", private: true, type: "module" }

const TSCONFIG = {
  compilerOptions: { target: "es2024", module: "nodenext", strict: true, noEmit: true, types: ["node"] },
  files: ["app.ts"],
}

/** What must be in the package, and what must not. */
const MUST = ["src/index.ts", "dist/index.js", "dist/index.d.ts", "README.md", "LICENSE", "CHANGELOG.md"]
const MUST_NOT = /^(test|examples|scripts|docs|\.)/

const counts: Array<ClosingLine.Count> = []

/** One check: a command has to succeed, and what it prints may have to be right, too. */
const check = Effect.fnUntraced(function* (
  what: string,
  words: Words,
  cwd: string,
  wrong: (stdout: string) => string | undefined = () => undefined,
) {
  const { code, stdout, stderr }: Ended = yield* Effect.catch(
    exec(words, cwd),
    (error) => Effect.succeed({ code: -1, stdout: "", stderr: String(error) }),
  )
  const why = code === 0 ? wrong(stdout) : `exit code ${code}\n${stdout}${stderr}`
  counts.push(why === undefined ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 })
  yield* Console.log(why === undefined ? `✓ ${what}` : `✗ ${what}: ${why}`)
  return { good: why === undefined, stdout }
})

const whatIsWrongInside = (stdout: string): string | undefined => {
  const packed: ReadonlyArray<string> = JSON.parse(stdout)[0].files.map(({ path }: { path: string }) => path)
  const missing = MUST.filter((path) => !packed.includes(path))
  const extra = packed.filter((path) => MUST_NOT.test(path))
  return missing.length + extra.length === 0 ? undefined : `it lacks ${missing}, and shouldn't have ${extra}`
}

const printsRight = (stdout: string) => stdout === PRINTS ? undefined : `it printed\n${stdout}instead of\n${PRINTS}`

const checkPackage = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { devDependencies } = manifest
  const project = yield* fs.makeTempDirectoryScoped({ prefix: "guest-clock-package-" })
  const write = (name: string, text: string) => fs.writeFileString(path.join(project, name), text)

  const packed = yield* check(
    "npm pack builds it and packs what belongs there",
    ["npm", "pack", "--json", "--silent", "--pack-destination", project],
    ROOT,
    whatIsWrongInside,
  )
  if (!packed.good) return

  yield* write("package.json", JSON.stringify(PROJECT))
  yield* write("tsconfig.json", JSON.stringify(TSCONFIG))
  yield* write("app.ts", PROGRAM)
  const tarball = `./${JSON.parse(packed.stdout)[0].filename}`
  const tools = (["typescript", "@types/node"] as const).map((name) => `${name}@${devDependencies[name]}`)
  const install: Words = ["npm", "install", "--no-audit", "--no-fund", "--save-exact", tarball, ...tools]
  const installed = yield* check("npm installs it with what it needs into an empty project", install, project)
  if (!installed.good) return

  yield* check("tsc finds its types", [path.join("node_modules", ".bin", "tsc"), "-p", "."], project)
  for (const name of Runtimes.names) {
    yield* check(`a program runs on ${name}`, [...yield* Runtimes.locate(name), "app.ts"], project, printsRight)
  }
})

const main = Effect.gen(function* () {
  yield* checkPackage
  const total = ClosingLine.sum(counts)
  yield* Console.log(ClosingLine.format(total))
  yield* Effect.sync(() => {
    process.exitCode = total.failed === 0 ? 0 : 1
  })
})

main.pipe(Effect.scoped, Effect.provide(NodeServices.layer), NodeRuntime.runMain)
