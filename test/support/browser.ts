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

/** A Chromium that works, or why there is none. */
export type Found = { readonly executable: string } | { readonly lacks: string }

/** After so long one that is only tried has hung. */
const TRIAL_MS = 20_000

const launch = (executable: string): Promise<Browser> =>
  // Its own sandbox doesn't work for root, which CI may be; the pages are our own.
  chromium.launch({ executablePath: executable, args: ["--no-sandbox"], timeout: TRIAL_MS })

/** What is wrong with one that can't show a page. */
const complaintAbout = async (executable: string): Promise<string | undefined> => {
  try {
    // Playwright would leave a folder behind.
    if (!Fs.statSync(executable).isFile()) return "it is no file"
    Fs.accessSync(executable, Fs.constants.X_OK)
    const browser = await launch(executable)
    try {
      const page = await browser.newPage()
      page.setDefaultTimeout(TRIAL_MS)
      await page.setContent("<p>shown</p>")
      const shown = await page.innerText("p")
      return shown === "shown" ? undefined : `it shows ${JSON.stringify(shown)}`
    } finally {
      await browser.close()
    }
  } catch (error) {
    const lines = String((error as Error).message ?? error).split("\n").map((line) => line.trim())
    // What the browser itself says, if it says anything.
    return lines.find((line) => line.includes("[err] "))?.replace(/^.*\[err\] /, "") ?? lines[0]
  }
}

/**
 * The first Chromium that shows a page: the one that the variable `CHROMIUM` names, if it
 * is set, or else those on the path. One that is there may still not work, as a stub that
 * says how to install it doesn't.
 */
export const find = async (): Promise<Found> => {
  const named = process.env["CHROMIUM"]
  const paths = named !== undefined && named !== ""
    ? [named]
    : (process.env["PATH"] ?? "").split(Path.delimiter).flatMap((folder) =>
      ["chromium", "chromium-browser", "google-chrome"].map((name) => Path.join(folder, name))
    ).filter((path) => Fs.existsSync(path))
  let lacks = "Chromium (Debian's package chromium, or the variable CHROMIUM)"
  for (const [index, executable] of paths.entries()) {
    const complaint = await complaintAbout(executable)
    if (complaint === undefined) return { executable }
    if (index === 0) lacks += ` that works: ${executable}: ${complaint}`
  }
  return { lacks }
}

/** A browser that is there until the scope closes. */
export const browser = (executable: string): Effect.Effect<Browser, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => launch(executable)),
    (browser) => Effect.promise(() => browser.close()),
  )

/** A page, and what went wrong in it or was asked of the network. */
export interface Opened {
  readonly page: Page
  readonly complaints: ReadonlyArray<string>
}

/** Opens a file that draws a trace, or a URL, and waits until it is drawn. */
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
      await page.goto(path.startsWith("http:") ? path : `file://${path}`)
      await page.waitForSelector("html[data-drawn]", { timeout: 120_000 })
      return { page, complaints }
    }),
    ({ page }) => Effect.promise(() => page.close()),
  )
