import * as NodeServices from "@effect/platform-node/NodeServices"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { resolve } from "node:path"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import * as Kernel from "./Kernel.ts"

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

it("the document shows what the example prints", () => {
  const printed = Fs.readFileSync("examples/kernels/main.out", "utf8")
  expect(Fs.readFileSync("docs/kernels.md", "utf8")).toContain(printed)
})
