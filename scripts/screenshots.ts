/**
 * `deno task screenshots`: writes pictures of the demo's trace, in light, and of a TCP
 * transfer's, in dark, to docs/, with the Chromium that is on the path.
 *
 * @module
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { fileURLToPath } from "node:url"
import * as Tcp from "../examples/worlds/tcp.ts"
import { World } from "../src/simulation.ts"
import * as Trace from "../src/trace.ts"
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
  const pages = { light: `${folder}/demo.html`, dark: `${folder}/tcp.html` }
  const trace = `${folder}/demo.trace`
  for (
    const words of [
      [path("examples/demo/main.ts"), "--trace", trace],
      [path("src/cli/main.ts"), "trace", "view", trace, "-o", pages.light, "--title", "deno task demo"],
    ]
  ) {
    const { code, stderr } = yield* exec([...deno, ...words])
    if (code !== 0) return yield* Effect.fail(new Error(stderr))
  }
  const ring = Trace.ring(1_000_000)
  yield* Effect.provide(World.run(Tcp.make({ segments: 200, loss: 0.04 }), { seed: 1 }), Trace.to(ring))
  yield* fs.writeFileString(pages.dark, [...Trace.page(ring.trace(), { title: "a TCP transfer" })].join(""))
  const chromium = yield* browser(found.executable)
  for (const colorScheme of ["light", "dark"] as const) {
    const { page: opened } = yield* open(chromium, pages[colorScheme], { colorScheme, width: 1360, height: 780 })
    yield* Effect.promise(async () => {
      if (colorScheme === "dark") {
        // Messages that are lost, and the first that is sent again.
        await opened.evaluate(() => {
          const { view, redraw } = (globalThis as unknown as {
            readonly timeline: { readonly view: { from: bigint; length: number }; readonly redraw: () => void }
          }).timeline
          view.from = 200_000_000n
          view.length = 260_000_000
          redraw()
        })
      }
      // Until all of it has been drawn.
      await opened.waitForTimeout(500)
      await opened.screenshot({ path: path(`docs/trace-${colorScheme}.png`) })
    })
    yield* Console.log(`docs/trace-${colorScheme}.png`)
  }
})

program.pipe(Effect.scoped, Effect.provide(NodeServices.layer), NodeRuntime.runMain)
