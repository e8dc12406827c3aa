/**
 * `deno task package`: follows docs/install.md to the letter. Packs the npm package,
 * installs it in each way that the page knows into empty projects, and uses it there
 * as others would. Closes with `N passed, N failed`.
 *
 * All of it happens in a copy of this checkout, and in caches of its own.
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
import { patternOf, snippetsOf } from "../test/support/snippets.ts"
import * as ClosingLine from "./closingLine.ts"
import * as EveryExport from "./everyExport.ts"
import { exec, type Words } from "./exec.ts"
import * as LeftOut from "./leftOut.ts"
import * as Manifest from "./manifest.ts"
import * as Registry from "./registry.ts"
import * as Runtimes from "./runtimes.ts"

const ROOT = fileURLToPath(new URL("..", import.meta.url))

/** What a checkout has that isn't the repository's. */
const NOT_COPIED = new Set(["node_modules", "dist", "coverage", ".git"])

/** What must be in the package, and what must not. */
const MUST = ["src/index.ts", "dist/index.js", "dist/index.d.ts", "README.md", "LICENSE", "CHANGELOG.md"]
const MUST_NOT = /^(test|examples|scripts|docs|\.)/

/** Somebody's project. Its types are checked in both ways that TypeScript can find them. */
const PROJECT = JSON.stringify({ name: "project", private: true, type: "module" })
const TSCONFIG = JSON.stringify({
  compilerOptions: { target: "es2024", module: "nodenext", strict: true, noEmit: true, types: ["node"] },
  files: ["app.ts", "types.ts"],
})
const TYPES = `\
import { GuestClock } from "guest-clock"
import * as Nanos from "guest-clock/core/Nanos"
import type { World } from "guest-clock/simulation"
import * as Mode from "guest-clock/Mode"

export const clock = (is: GuestClock.GuestClock): GuestClock.GuestClock => is
export const now: Nanos.Nanos | undefined = undefined
export type Worlds = ReadonlyArray<typeof World>
export const layer = Mode.infCpu({ start: 0n })
`

/** What only these need isn't there at first. */
const EXCEPT = { except: ["guest-clock/testing", "guest-clock/testing/utils"] }

const counts: Array<ClosingLine.Count> = []

/** One check: whatever is found wrong is said. */
const check = <E, R>(what: string, wrong: Effect.Effect<string | undefined, E, R>) =>
  Effect.gen(function* () {
    const why = yield* Effect.catch(wrong, (error) => Effect.succeed(String(error)))
    counts.push(why === undefined ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 })
    yield* Console.log(why === undefined ? `✓ ${what}` : `✗ ${what}: ${why}`)
    return why === undefined
  })

/** A command's output, or how it failed. */
const output = Effect.fnUntraced(function* (words: Words, cwd: string) {
  const { code, stdout, stderr } = yield* exec(words, cwd)
  return code === 0 ? stdout : yield* Effect.fail(`${words.join(" ")} ended with ${code}\n${stdout}${stderr}`)
})

const whatIsWrongInside = (stdout: string): string | undefined => {
  const packed: ReadonlyArray<string> = JSON.parse(stdout)[0].files.map(({ path }: { path: string }) => path)
  const missing = MUST.filter((path) => !packed.includes(path))
  const extra = packed.filter((path) => MUST_NOT.test(path))
  return missing.length + extra.length === 0 ? undefined : `it lacks ${missing}, and shouldn't have ${extra}`
}

/** The blocks of docs/install.md with commands or settings, by the names that they are marked with. */
const blocksOf = (page: string): ReadonlyMap<string, string> =>
  new Map([...page.matchAll(/^```\w+ ([\w-]+)\n([^]*?)^```$/gm)].map(([, name, text]) => [name!, text!]))

const followPage = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const page = yield* fs.readFileString(path.join(ROOT, "docs", "install.md"))
  const blocks = new Map(blocksOf(page))
  const block = (name: string) => {
    const text = blocks.get(name)
    blocks.delete(name)
    return text === undefined
      ? Effect.fail(`docs/install.md has no block that is marked ${name}`)
      : Effect.succeed(text)
  }
  const [example] = snippetsOf("README.md", yield* fs.readFileString(path.join(ROOT, "README.md")))
  const prints = patternOf(example!.prints)

  const folder = yield* Effect.flatMap(
    fs.makeTempDirectoryScoped({ prefix: "guest-clock-package-" }),
    (folder) => fs.realPath(folder),
  )
  const checkout = path.join(folder, "guest-clock")
  const bin = path.join(folder, "bin")

  // Everybody's own runtimes, by the names that the page calls them.
  const { Deno: [deno], Bun: [bun], Node: [node] } = yield* Runtimes.find
  const [oldestNode] = yield* Runtimes.oldestNode
  yield* fs.makeDirectory(bin)
  for (const [name, command] of [["deno", deno], ["bun", bun], ["node", node], ["oldest-node", oldestNode]] as const) {
    const found = command.includes("/") ? command : (yield* output(["sh", "-c", `command -v ${command}`], ROOT)).trim()
    yield* fs.symlink(yield* fs.realPath(found), path.join(bin, name))
  }
  const environment = {
    PATH: `${bin}:${process.env["PATH"]}`,
    BUN_INSTALL_CACHE_DIR: path.join(folder, "cache", "bun"),
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_loglevel: "error",
  }
  Object.assign(process.env, environment)

  const sh = (commands: string, cwd: string) =>
    output(["sh", "-e", "-c", commands.replaceAll("/path/to/guest-clock", checkout)], cwd)

  // --- In a checkout

  yield* fs.makeDirectory(checkout)
  for (const name of yield* fs.readDirectory(ROOT)) {
    if (!NOT_COPIED.has(name) && !name.startsWith(".snippets")) {
      yield* fs.copy(path.join(ROOT, name), path.join(checkout, name))
    }
  }
  yield* fs.symlink(yield* fs.realPath(path.join(ROOT, "node_modules")), path.join(checkout, "node_modules"))
  yield* fs.writeFileString(path.join(checkout, "example.ts"), example!.code)
  const inCheckout = yield* block("checkout")
  yield* check(
    "a program in a checkout prints what the README says, on each runtime",
    Effect.map(sh(inCheckout, checkout), (stdout) => {
      const times = inCheckout.match(/example\.ts/g)!.length
      const once = stdout.slice(0, stdout.length / times)
      return stdout === once.repeat(times) && prints.test(once) ? undefined : `it printed\n${stdout}`
    }),
  )
  yield* fs.remove(path.join(checkout, "example.ts"))

  /** That a program finds every export where it should be. */
  const everyExport = (
    what: string,
    command: string,
    cwd: string,
    fileOf: (source: string) => string,
    options: EveryExport.Options = {},
  ) =>
    check(
      what,
      Effect.gen(function* () {
        const file = path.join(cwd, "every-export.ts")
        yield* fs.writeFileString(file, EveryExport.program(options))
        const faults = EveryExport.faults(yield* sh(`${command} ${file}`, cwd), fileOf, options)
        yield* fs.remove(file)
        return faults.length === 0 ? undefined : faults.join("\n")
      }),
    )
  yield* everyExport(
    "every export in a checkout is a source, on the oldest Node",
    "oldest-node",
    checkout,
    (source) => path.join(checkout, source),
  )

  // --- The package

  const text = yield* fs.readFileString(path.join(checkout, "package.json"))
  const packed = yield* check(
    "npm pack builds it, and leaves package.json as it was",
    Effect.gen(function* () {
      yield* sh(yield* block("pack"), checkout)
      const left = yield* fs.readFileString(path.join(checkout, "package.json"))
      return left === text ? undefined : `package.json is\n${left}`
    }),
  )
  if (!packed) return
  const tarball = `${manifest.name}-${manifest.version}.tgz`
  yield* check(
    "it has in it what belongs there",
    Effect.map(output(["npm", "pack", "--json", "--dry-run", "--ignore-scripts"], checkout), whatIsWrongInside),
  )

  /** An empty project in which a block of the page was followed; what is there is used by `uses`. */
  const project = <E, R>(
    name: string,
    what: string,
    follow: (folder: string) => Effect.Effect<unknown, E, R>,
    uses: (folder: string) => Effect.Effect<unknown, E, R>,
  ) =>
    Effect.gen(function* () {
      const cwd = path.join(folder, name)
      yield* fs.makeDirectory(cwd)
      if (yield* check(what, Effect.as(follow(cwd), undefined))) yield* uses(cwd)
    })
  const withPackageJson = (name: string) => (cwd: string) =>
    Effect.gen(function* () {
      yield* fs.writeFileString(path.join(cwd, "package.json"), PROJECT)
      yield* fs.copyFile(path.join(checkout, tarball), path.join(cwd, tarball))
      yield* sh(yield* block(name), cwd)
    })

  /** That the README's program works, by a line of the page. */
  const runs = yield* block("run")
  const example_ = (what: string, command: string, cwd: string, line = command) =>
    check(
      `${what}: the README's program prints what it says`,
      Effect.gen(function* () {
        if (!runs.split("\n").includes(`${line} app.ts`)) return `docs/install.md doesn't say ${line} app.ts`
        yield* fs.writeFileString(path.join(cwd, "app.ts"), example!.code)
        const stdout = yield* sh(`${command} app.ts`, cwd)
        return prints.test(stdout) ? undefined : `it printed\n${stdout}`
      }),
    )

  /** That both the README's program and every export work, in the package's sources or in what was built of them. */
  const uses = (what: string, command: string, cwd: string, form: "src" | "dist", line?: string) =>
    Effect.gen(function* () {
      yield* example_(what, command, cwd, line)
      yield* everyExport(`${what}: every export is there once`, command, cwd, (source) => {
        const file = form === "src" ? source : source.replace("src", "dist").replace(/ts$/, "js")
        return path.join(cwd, "node_modules", manifest.name, file)
      }, EXCEPT)
    })

  yield* project(
    "tarball-npm",
    "npm installs the tarball",
    withPackageJson("tarball-npm"),
    (cwd) =>
      Effect.gen(function* () {
        yield* uses("the tarball, Node", "node", cwd, "dist")
        yield* uses("the tarball, the oldest Node", "oldest-node", cwd, "dist", "node")
        yield* uses("the tarball, Deno", "deno run -A", cwd, "dist")
        yield* check(
          "the command says how to use it",
          Effect.gen(function* () {
            const stdout = yield* sh(yield* block("command"), cwd)
            return /calendar/.test(stdout) ? undefined : `it printed\n${stdout}`
          }),
        )
        const { devDependencies } = manifest
        const tools = (["typescript", "@types/node"] as const).map((name) => `${name}@${devDependencies[name]}`)
        yield* check(
          "tsc finds the package's types",
          Effect.gen(function* () {
            yield* fs.writeFileString(path.join(cwd, "types.ts"), TYPES)
            yield* fs.writeFileString(path.join(cwd, "tsconfig.json"), TSCONFIG)
            yield* output(["npm", "install", "--save-dev", ...tools], cwd)
            const tsc = path.join("node_modules", ".bin", "tsc")
            yield* output([tsc, "-p", "."], cwd)
            yield* output([tsc, "-p", ".", "--module", "esnext", "--moduleResolution", "bundler"], cwd)
            return undefined
          }),
        )
        yield* check(
          "npm installs what tests need",
          Effect.as(Effect.flatMap(block("testing"), (line) => sh(line, cwd)), undefined),
        )
        for (const [runtime, command] of [["Node", "node"], ["Deno", "deno run -A"]] as const) {
          yield* everyExport(
            `the tarball, ${runtime}: every export is there once, that for tests too`,
            command,
            cwd,
            (source) =>
              path.join(cwd, "node_modules", manifest.name, source.replace("src", "dist").replace(/ts$/, "js")),
          )
        }
      }),
  )
  yield* project(
    "tarball-bun",
    "Bun installs the tarball",
    withPackageJson("tarball-bun"),
    (cwd) => uses("the tarball, Bun", "bun", cwd, "src"),
  )

  yield* check(
    "a checkout that npm links stays as it was",
    Effect.gen(function* () {
      const cwd = path.join(folder, "linked-npm")
      yield* fs.makeDirectory(cwd)
      yield* fs.writeFileString(path.join(cwd, "package.json"), PROJECT)
      yield* sh("npm install ../guest-clock", cwd)
      const left = yield* fs.readFileString(path.join(checkout, "package.json"))
      return left === text ? undefined : `package.json is\n${left}`
    }),
  )

  // --- By git

  const hasGit = yield* Effect.result(output(["git", "--version"], folder))
  if (hasGit._tag === "Failure") {
    for (const name of ["git-npm", "git-bun"]) yield* block(name)
    yield* Console.log(LeftOut.format("installing by git", "git"))
  } else {
    yield* sh(
      `git init -q && echo /node_modules >>.git/info/exclude && git add . &&
       git -c user.name=nobody -c user.email=nobody@localhost commit -q -m checkout`,
      checkout,
    )
    yield* project(
      "git-npm",
      "npm installs it by git",
      withPackageJson("git-npm"),
      (cwd) => uses("by git, Node", "node", cwd, "dist"),
    )
    yield* project(
      "git-bun",
      "Bun installs it by git",
      withPackageJson("git-bun"),
      (cwd) => uses("by git, Bun", "bun", cwd, "src"),
    )
  }

  // --- On Deno, without npm

  const denoJson = (text: string) => (cwd: string) => fs.writeFileString(path.join(cwd, "deno.json"), text)
  yield* project(
    "links",
    "Deno can be told where the checkout is",
    denoJson(yield* block("links")),
    (cwd) =>
      Effect.gen(function* () {
        yield* example_("linked, Deno", "deno run -A", cwd)
        yield* everyExport(
          "linked, Deno: every export is there once",
          "deno run -A",
          cwd,
          (source) => path.join(checkout, source),
          EXCEPT,
        )
      }),
  )

  // --- Once it is published

  const upstream = (yield* output(["npm", "config", "get", "registry"], folder)).trim()
  const url = yield* Registry.serve(
    { checkout, manifest: Manifest.toPacked(text), tarball: path.join(checkout, tarball) },
    upstream,
  )
  Object.assign(process.env, {
    npm_config_registry: url,
    NPM_CONFIG_REGISTRY: url,
    JSR_URL: url,
    npm_config_cache: path.join(folder, "cache", "npm"),
    DENO_DIR: path.join(folder, "cache", "deno"),
  })
  yield* project(
    "published-npm",
    "npm installs it from a registry",
    withPackageJson("published-npm"),
    (cwd) => uses("published, Node", "node", cwd, "dist"),
  )
  yield* project(
    "published-bun",
    "Bun installs it from a registry",
    withPackageJson("published-bun"),
    (cwd) => uses("published, Bun", "bun", cwd, "src"),
  )
  const added = (name: string) => (cwd: string) => Effect.flatMap(block(name), (line) => sh(line, cwd))
  yield* project("published-jsr", "Deno adds it from JSR", added("published-jsr"), (cwd) =>
    Effect.gen(function* () {
      yield* example_("from JSR, Deno", "deno run -A", cwd)
      yield* everyExport(
        "from JSR, Deno: every export is there once",
        "deno run -A",
        cwd,
        (source) => `/@guest-clock/guest-clock/${manifest.version}/${source}`,
        EXCEPT,
      )
    }))
  yield* project("published-deno", "Deno adds it from npm", added("published-deno"), (cwd) =>
    Effect.gen(function* () {
      yield* example_("from npm, Deno", "deno run -A", cwd)
      const root = path.join(folder, "cache", "deno", "npm", new URL(url).port)
      yield* everyExport(
        "from npm, Deno: every export is there once",
        "deno run -A",
        cwd,
        (source) =>
          path.join(root, manifest.name, manifest.version, source.replace("src", "dist").replace(/ts$/, "js")),
        EXCEPT,
      )
    }))

  yield* check(
    "nothing on the page was passed over",
    Effect.sync(() => {
      const fences = page.match(/^```.+$/gm) ?? []
      if (fences.length !== blocksOf(page).size) return `not each block has a name of its own: ${fences}`
      return blocks.size === 0 ? undefined : `${[...blocks.keys()]}`
    }),
  )
})

const main = Effect.gen(function* () {
  yield* Effect.catch(followPage, (error) => check("docs/install.md can be followed", Effect.fail(error)))
  const total = ClosingLine.sum(counts)
  yield* Console.log(ClosingLine.format(total))
  yield* Effect.sync(() => {
    process.exitCode = total.failed === 0 ? 0 : 1
  })
})

main.pipe(Effect.scoped, Effect.provide(NodeServices.layer), NodeRuntime.runMain)
