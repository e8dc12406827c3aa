import * as NodeServices from "@effect/platform-node/NodeServices"
import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { resolve } from "node:path"
import { exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"

/** What the demo prints, but for what real time it took. */
const simulated = (stdout: string): string => stdout.replaceAll(/^(real|ratio) .*$/gm, "$1 …")

it.live.each(Runtimes.names)(
  "the demo draws the same timeline on %s each time, and says what it took",
  (runtime) =>
    Effect.gen(function* () {
      const runtimes = yield* Runtimes.find
      const { code, stdout } = yield* exec([...runtimes[runtime], resolve("examples/demo/main.ts")])
      expect(code).toBe(0)
      expect(stdout).toMatch(/^real {7}\d+\.\d{3} s, after \d+\.\d{3} s to start 3 processes$/m)
      expect(stdout).toMatch(/^ratio {6}\d+\.\d\d simulated seconds a real second$/m)
      expect(stdout).not.toContain("\x1b")
      yield* Effect.promise(() => expect(simulated(stdout)).toMatchFileSnapshot("../examples/demo/main.out"))
    }).pipe(Effect.provide(NodeServices.layer)),
  60_000,
)
