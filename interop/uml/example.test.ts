import * as NodeServices from "@effect/platform-node/NodeServices"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { resolve } from "node:path"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import * as Kernel from "./Kernel.ts"
import { folder, live } from "./support.ts"

// With a kernel left out there is no example: leftOut.ts says so.
it.live.each(Kernel.built().length === Kernel.versions.length ? Runtimes.names : [])(
  "two kernels and a program on %s do the same each time",
  (runtime) =>
    Effect.gen(function* () {
      const words = yield* Runtimes.locate(runtime)
      const { code, stdout, stderr } = yield* exec([...words, resolve("examples/kernels/main.ts")])
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
      yield* Effect.promise(() => expect(stdout).toMatchFileSnapshot("../../examples/kernels/main.out"))
    }).pipe(Effect.provide(NodeServices.layer)),
)

// The document's kernels are those that both Debian 12 and 13 have.
if (Kernel.built().includes("6.12")) {
  live(
    "the document's commands boot two kernels by hand",
    Effect.gen(function* () {
      const [, commands = ""] = /^By hand.*?```sh\n(.*?)```$/ms.exec(Fs.readFileSync("docs/kernels.md", "utf8")) ?? []
      const socket = `${yield* folder}/calendar`
      const cli = [...yield* Runtimes.locate("Deno"), resolve("src/cli/main.ts")].map((word) => `'${word}'`).join(" ")
      const script = `guest-clock() { ${cli} "$@"; }\n${commands}wait\n`
        .replaceAll("/tmp/calendar", socket)
        .replace("cache=~/.cache/guest-clock/uml\n", `cache='${Kernel.cache()}'\n`)
      const { code, stdout, stderr } = yield* exec(["bash", "-c", script])
      expect({ code, slept: stdout.match(/^GUEST slept 5000 x 1000 us: 5\.258535936 s/gm)?.length }, stdout + stderr)
        .toEqual({ code: 0, slept: 2 })
    }),
  )
}

it("the document shows what the example prints", () => {
  const printed = Fs.readFileSync("examples/kernels/main.out", "utf8")
  expect(Fs.readFileSync("docs/kernels.md", "utf8")).toContain(printed)
})
