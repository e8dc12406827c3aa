import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import type { ChildProcessSpawner } from "effect/process"
import { describe, expect, it } from "vitest"
import { exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import { DOES_NOTHING, FAILS, type Script, type Tools, withTools } from "./support/tools.ts"

const run = <A, E>(effect: Effect.Effect<A, E, ChildProcessSpawner.ChildProcessSpawner>): Promise<A> =>
  Effect.runPromise(Effect.provide(effect, NodeServices.layer))

const says = (text: string): Script => `echo '${text}'`

describe("a runtime", () => {
  it.for<[name: "Bun" | "Node", what: string, script: Script | undefined, expected: string]>([
    ["Bun", "isn't there", undefined, "npm's bun"],
    ["Bun", "fails", FAILS, "npm's bun"],
    ["Bun", "does nothing", DOES_NOTHING, "npm's bun"],
    ["Bun", "tells its version whatever it is asked for", says("1.4.5"), "npm's bun"],
    ["Bun", "is something else of that name", says("Node 26.0.0"), "npm's bun"],
    ["Bun", "is too old", says("Bun 1.3.9"), "npm's bun"],
    ["Bun", "prints that it works, and fails", `${says("Bun 1.4.5")}; exit 1`, "npm's bun"],
    ["Bun", "works", says("Bun 1.4.0"), "bun"],
    ["Bun", "is newer", says("Bun 1.10.0"), "bun"],
    ["Bun", "is newer by far", says("Bun 2.0.1-canary.1"), "bun"],
    ["Node", "isn't there", undefined, "npm's node@26"],
    ["Node", "is an older one", says("Node 25.9.1"), "npm's node@26"],
    ["Node", "can't run TypeScript", `[ "$1" = --version ] && echo v26.1.0 || { ${FAILS}; }`, "npm's node@26"],
    ["Node", "works", says("Node 26.1.0"), "node"],
  ])("on the path is taken if it works, or else npm's: %s %s", ([name, , script, expected]) => {
    const tools: Tools = script === undefined ? {} : { [name.toLowerCase()]: script }
    return withTools(tools, async () => {
      const words = await run(Runtimes.locate(name, (name) => Effect.succeed(`npm's ${name}`)))
      expect(words).toEqual([expected])
    })
  })

  it("that npx brings is where npx says", () =>
    withTools(
      { npx: `echo "$3: $5"` },
      async () => expect(await run(Runtimes.askNpx("bun", "bun"))).toBe("bun: command -v bun"),
    ))

  it.for<[what: string, script: Script | undefined, why: RegExp]>([
    ["isn't there", undefined, /npx, which is to bring bun, can't be run/],
    ["fails", FAILS, /npx can't bring bun: error: it is broken/],
  ])(
    "that can't be had fails with what npx says, where npx %s",
    ([, npx, why]) =>
      withTools(
        npx === undefined ? {} : { npx },
        () => expect(run(Runtimes.askNpx("bun", "bun"))).rejects.toThrow(why),
      ),
  )

  it.for(Runtimes.names)("that is found is what it is said to be: %s", { timeout: 60_000 }, async (name) => {
    const [command, ...args] = await run(Runtimes.locate(name))
    const { code, stdout } = await run(exec([command, ...args, "scripts/trial.ts"]))
    expect([code, stdout.split(" ")[0]]).toEqual([0, name])
  })
})
