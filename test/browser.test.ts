import * as Path from "node:path"
import process from "node:process"
import { describe, expect, it } from "vitest"
import { find } from "./support/browser.ts"
import { DOES_NOTHING, FAILS, type Tools, withTools } from "./support/tools.ts"

const LACKS = String.raw`^Chromium \(Debian's package chromium, or the variable CHROMIUM\)`

describe("a browser", () => {
  it.for<[what: string, tools: Tools, lacks: RegExp]>([
    ["there is none", {}, new RegExp(`${LACKS}$`)],
    ["it fails, as a stub does that says how to install it", { "chromium-browser": FAILS }, /error: it is broken$/],
    ["it does nothing", { chromium: DOES_NOTHING }, new RegExp(`${LACKS} that works: .*/chromium: `)],
    [
      "of two neither works",
      { chromium: FAILS, "google-chrome": DOES_NOTHING },
      new RegExp(`${LACKS} that works: .*/chromium: error: it is broken$`),
    ],
  ])("is there only if it shows a page, where %s", ([, tools, lacks]) =>
    withTools(tools, async () => {
      const found = await find()
      expect("lacks" in found ? found.lacks : found.executable).toMatch(lacks)
    }))

  it("is the one that CHROMIUM names, and no other", () =>
    withTools({ chromium: FAILS }, async (folder) => {
      for (const named of [Path.join(folder, "nothing"), folder]) {
        process.env["CHROMIUM"] = named
        const found = await find()
        expect("lacks" in found ? found.lacks : "").toContain(` that works: ${named}: `)
      }
    }))
})
