/**
 * `deno task screenshots`: runs the demo, and writes pictures of its trace to
 * docs/, in light and dark, with the Chromium that is on the path.
 *
 * @module
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { fileURLToPath } from "node:url"
import { browser, find, open } from "../test/support/browser.ts"
import { exec } from "./exec.ts"
import * as Runtimes from "./runtimes.ts"

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))

const program = Effect.gen(function* () {
  const found = yield* Effect.promise(find)
  if ("lacks" in found) return yield* Effect.fail(new Error(`pictures need ${found.lacks}`))
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "guest-clock-screenshots-" })
  const deno = yield* Runtimes.locate("Deno")
  const [trace, page] = [`${folder}/demo.ndjson`, `${folder}/demo.html`]
  for (
    const words of [
      [path("examples/demo/main.ts"), "--trace", trace],
      [path("src/cli/main.ts"), "trace", "view", trace, "-o", page, "--title", "deno task demo"],
    ]
  ) {
    const { code, stderr } = yield* exec([...deno, ...words])
    if (code !== 0) return yield* Effect.fail(new Error(stderr))
  }
  const chromium = yield* browser(found.executable)
  for (const colorScheme of ["light", "dark"] as const) {
    const { page: opened } = yield* open(chromium, page, { colorScheme, width: 1360, height: 780 })
    yield* Effect.promise(async () => {
      if (colorScheme === "dark") {
        // In real time, with what the motor waited for.
        await opened.keyboard.press("t")
        for (let times = 0; times < 4; times++) await opened.keyboard.press("ArrowDown")
        for (let times = 0; times < 40; times++) {
          if (/until\s+interrupt[^]*who ran meanwhile[^]*brain[^]*camera/.test(await opened.innerText("#selected"))) {
            break
          }
          await opened.keyboard.press("n")
        }
        await opened.click("#fit")
      }
      // Until all of it has been drawn.
      await opened.waitForTimeout(300)
      await opened.screenshot({ path: path(`docs/trace-${colorScheme}.png`) })
    })
    yield* Console.log(`docs/trace-${colorScheme}.png`)
  }
})

program.pipe(Effect.scoped, Effect.provide(NodeServices.layer), NodeRuntime.runMain)
