import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { exec } from "../scripts/exec.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import { DOES_NOTHING, FAILS, type Script, withTools } from "./support/tools.ts"

const locate = (name: Runtimes.Name) => Effect.runPromise(Effect.provide(Runtimes.locate(name), NodeServices.layer))

/** An `npx` that brings what nobody has. */
const NPX: Script = `echo "/from-npm/$3"`

const says = (text: string): Script => `echo '${text}'`

describe("a runtime", () => {
  it.for<[name: "Bun" | "Node", what: string, script: Script | undefined, expected: string]>([
    ["Bun", "isn't there", undefined, "/from-npm/bun"],
    ["Bun", "fails", FAILS, "/from-npm/bun"],
    ["Bun", "does nothing", DOES_NOTHING, "/from-npm/bun"],
    ["Bun", "tells its version whatever it is asked for", says("1.4.5"), "/from-npm/bun"],
    ["Bun", "is something else of that name", says("Node 26.0.0"), "/from-npm/bun"],
    ["Bun", "is too old", says("Bun 1.3.9"), "/from-npm/bun"],
    ["Bun", "prints that it works, and fails", `${says("Bun 1.4.5")}; exit 1`, "/from-npm/bun"],
    ["Bun", "works", says("Bun 1.4.0"), "bun"],
    ["Bun", "is newer", says("Bun 1.10.0"), "bun"],
    ["Bun", "is newer by far", says("Bun 2.0.1-canary.1"), "bun"],
    ["Node", "isn't there", undefined, "/from-npm/node@26"],
    ["Node", "is an older one", says("Node 25.9.1"), "/from-npm/node@26"],
    ["Node", "can't run TypeScript", `[ "$1" = --version ] && echo v26.1.0 || { ${FAILS}; }`, "/from-npm/node@26"],
    ["Node", "works", says("Node 26.1.0"), "node"],
  ])("on the path is taken if it works, or else npm's: %s %s", ([name, , script, expected]) =>
    withTools(
      { npx: NPX, ...script !== undefined && { [name.toLowerCase()]: script } },
      async () => expect(await locate(name)).toEqual([expected]),
    ))

  it.for<[what: string, script: Script | undefined, why: RegExp]>([
    ["isn't there", undefined, /npx, which is to bring bun, can't be run/],
    ["fails", FAILS, /npx can't bring bun: error: it is broken/],
    ["does nothing", DOES_NOTHING, /npx can't bring bun/],
  ])(
    "that can't be had fails with what npx says, where npx %s",
    ([, npx, why]) => withTools(npx === undefined ? {} : { npx }, () => expect(locate("Bun")).rejects.toThrow(why)),
  )

  it.for(Runtimes.names)("that is found is what it is said to be: %s", { timeout: 60_000 }, async (name) => {
    const [command, ...args] = await locate(name)
    const { code, stdout } = await Effect.runPromise(
      Effect.provide(exec([command, ...args, "scripts/trial.ts"]), NodeServices.layer),
    )
    expect([code, stdout.split(" ")[0]]).toEqual([0, name])
  })
})
