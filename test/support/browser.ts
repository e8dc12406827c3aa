/**
 * A browser for tests of pages: Chromium without a window, driven by `playwright-core`.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import process from "node:process"
import { type Browser, chromium, type Page } from "playwright-core"

/** Where Chromium is, if it is anywhere: on the path, or where the variable `CHROMIUM` says. */
export const executable: string | undefined = [
  process.env["CHROMIUM"] ?? "",
  ...(process.env["PATH"] ?? "").split(Path.delimiter).flatMap((folder) =>
    ["chromium", "chromium-browser", "google-chrome"].map((name) => Path.join(folder, name))
  ),
].find((path) => path !== "" && Fs.existsSync(path))

/** A browser that is there until the scope closes. */
export const browser: Effect.Effect<Browser, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() =>
    // Its own sandbox doesn't work for root, which CI may be; the pages are our own.
    chromium.launch({ executablePath: executable!, args: ["--no-sandbox"] })
  ),
  (browser) => Effect.promise(() => browser.close()),
)

/** A page, and what went wrong in it or was asked of the network. */
export interface Opened {
  readonly page: Page
  readonly complaints: ReadonlyArray<string>
}

/** Opens a file that draws a trace, and waits until it is drawn. */
export const open = (
  browser: Browser,
  path: string,
  { colorScheme = "light" as "light" | "dark", width = 1440, height = 860 } = {},
): Effect.Effect<Opened, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme })
      const complaints: Array<string> = []
      page.on("console", (message) => complaints.push(`console ${message.type()}: ${message.text()}`))
      page.on("pageerror", (error) => complaints.push(`error: ${error.message}`))
      page.on("request", (request) => {
        if (!request.url().startsWith("file:") && !request.url().startsWith("data:")) complaints.push(request.url())
      })
      await page.goto(`file://${path}`)
      await page.waitForSelector("html[data-drawn]")
      return { page, complaints }
    }),
    ({ page }) => Effect.promise(() => page.close()),
  )
