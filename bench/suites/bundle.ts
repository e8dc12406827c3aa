import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as Zlib from "node:zlib"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import type { Case, Suite } from "../suite.ts"

const pathOf = (file: string): string => fileURLToPath(new URL(`../${file}`, import.meta.url))

/** What a program and all that it needs come to, made small by Bun's bundler and by gzip, in kB. */
const bundled = (name: string, program: string, ...outside: ReadonlyArray<string>): Case => ({
  name,
  against: [],
  measure: () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "bench-"))
        yield* Effect.addFinalizer(() => Effect.sync(() => Fs.rmSync(folder, { recursive: true })))
        const [bun] = yield* Runtimes.locate("Bun")
        const out = Path.join(folder, "bundle.js")
        const externals = outside.map((each) => `--external=${each}`)
        const { code, stdout, stderr } = yield* exec(
          [
            bun,
            "build",
            "--minify",
            "--target=node",
            ...externals,
            `--outfile=${out}`,
            pathOf(program),
          ],
          pathOf(".."),
        )
        if (code !== 0) return yield* Effect.fail(new Error(stdout + stderr))
        const text = Fs.readFileSync(out)
        // The core is for wherever JavaScript runs.
        if (name.includes("core") && /\bimport\b|\brequire\b/.test(text.toString())) {
          return yield* Effect.fail(new Error(`${name} imports something:\n${text.toString().slice(0, 500)}`))
        }
        return Zlib.gzipSync(text, { level: 9 }).length / 1000
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    ),
})

const EFFECT = ["effect", "effect/*", "@effect/*"]

const suite: Suite = {
  about: "Size of a bundle: minified, gzip",
  unit: "kB",
  more: false,
  warmUps: 0,
  anywhere: true,
  cases: [
    bundled("Effect: a sleep and a layer", "startup/effect.ts"),
    bundled("the core's queue", "bundle/queue.ts"),
    bundled("all of the core", "bundle/core.ts"),
    bundled("an event in inf-cpu, without Effect", "startup/event.ts", ...EFFECT),
    bundled("an event in inf-cpu, with Effect", "startup/event.ts"),
    bundled("a fiber on VirtualTime, without Effect", "startup/sleep.ts", ...EFFECT),
    bundled("a fiber on VirtualTime, with Effect", "startup/sleep.ts"),
    bundled("@sinonjs/fake-timers", "bundle/fakeTimers.ts"),
  ],
}

export default suite
