import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { describe, expect, it } from "vitest"
import packageJson from "../package.json" with { type: "json" }
import { exec } from "../scripts/exec.ts"
import * as LeftOut from "../scripts/leftOut.ts"
import * as Runtimes from "../scripts/runtimes.ts"
import * as Browser from "./support/browser.ts"
import { run } from "./support/inBrowser/program.ts"

const twins = Object.entries(packageJson.browser).filter(([path]) => path.startsWith("./src/"))

/** The program for a browser, as one file. */
const bundle = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "guest-clock-browser-" })
  const bun = yield* Runtimes.locate("Bun")
  const file = `${folder}/page.js`
  const entry = resolve("test/support/inBrowser/page.ts")
  const { code, stdout, stderr } = yield* exec([
    ...bun,
    "build",
    entry,
    "--target=browser",
    `--outfile=${file}`,
  ])
  if (code !== 0) return yield* Effect.fail(new Error(stdout + stderr))
  return { text: yield* fs.readFileString(file) }
})

/** Serves files on this machine, until the scope closes: the address. */
const serving = (files: { readonly [path: string]: readonly [type: string, text: string] }) =>
  Effect.acquireRelease(
    Effect.callback<Http.Server>((resume) => {
      const server = Http.createServer(({ url = "/" }, answer) => {
        const [type, text] = files[url] ?? ["text/plain", ""]
        answer.writeHead(files[url] === undefined ? 404 : 200, { "content-type": type }).end(text)
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => (server.closeAllConnections(), server.close())),
  ).pipe(Effect.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`))

const withServices = <A, E>(effect: Effect.Effect<A, E, NodeServices.NodeServices | import("effect/Scope").Scope>) =>
  Effect.runPromise(Effect.provide(Effect.scoped(effect), NodeServices.layer))

describe("a bundle for browsers", () => {
  it.for(twins)("has for %s a module with what others use of it", async ([path, twin]) => {
    const [one, other] = await Promise.all(
      [path, twin].map((each) => import(pathToFileURL(resolve(each)).href) as Promise<object>),
    )
    const has = Object.keys(one!)
    for (const name of Object.keys(other!)) expect(has).toContain(name)
    expect(packageJson.browser).toHaveProperty([path.replace("./src/", "./dist/").replace(/\.ts$/, ".js")])
  })

  it("has nothing of Node's", { timeout: 120_000 }, () =>
    withServices(Effect.map(bundle, ({ text }) => {
      expect(text).not.toMatch(/(?:from|import|require\()\s*["']node:/)
    })))

  it("does in a page and in a worker what it does on Node", { timeout: 120_000 }, async (context) => {
    const found = await Browser.find()
    if ("lacks" in found) return LeftOut.note(context, "the library in a browser", found.lacks)
    const here = await run()
    await withServices(Effect.gen(function* () {
      const { text } = yield* bundle
      const url = yield* serving({
        "/": ["text/html", '<!doctype html><title>page</title><script type="module" src="page.js"></script>'],
        "/page.js": ["text/javascript", text],
      })
      const chromium = yield* Browser.browser(found.executable)
      const page = yield* Effect.promise(() => chromium.newPage())
      const complaints: Array<string> = []
      page.on("pageerror", (error) => complaints.push(String(error)))
      yield* Effect.promise(() => page.goto(url))
      const said = yield* Effect.promise(async () =>
        (await page.waitForFunction(() => (globalThis as { said?: ReadonlyArray<string> }).said)).jsonValue()
      )
      expect(complaints).toEqual([])
      expect(said).toEqual(here)
      const inWorker = yield* Effect.promise(() =>
        page.evaluate(() =>
          new Promise((resolve, reject) => {
            const worker = new Worker("page.js", { type: "module" })
            worker.onmessage = ({ data }) => resolve(data)
            worker.onerror = ({ message }) => reject(new Error(message))
          })
        )
      )
      expect(inWorker).toEqual(here)
    }))
  })
})
