/**
 * `package.json` as it is in a checkout, and as it is packed for npm: `manifest.ts
 * packed` and `manifest.ts checkout` turn one into the other. npm does so before and
 * after it packs, by the scripts `prepack` and `postpack`.
 *
 * In a checkout every export is a source: whatever Node finds there in `dist` may be
 * older than the sources. In a package Node needs JavaScript, as it doesn't strip types
 * inside `node_modules`; Bun, by its condition, goes on using the sources.
 *
 * @module
 */
import * as Fs from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"

/** Turns the text of the checkout's `package.json` into the packed one; which that is already stays as it is. */
export const toPacked = (text: string): string =>
  // In the exports only: what a browser has in the place of a file is the same in both.
  text.replace(/"exports": \{[^}]*\}/, (exports) =>
    exports.replace(
      /("\.[^"]*": )"\.\/src\/([^"]*)\.ts"/g,
      (_, key: string, path: string) =>
        `${key}{ "bun": "./src/${path}.ts", "types": "./dist/${path}.d.ts", "default": "./dist/${path}.js" }`,
    ))

/** Turns the text of the packed `package.json` back into the checkout's; which that is already stays as it is. */
export const toCheckout = (text: string): string =>
  text.replace(/\{ "bun": ("\.\/src\/[^"]*"), "types": "[^"]*", "default": "[^"]*" \}/g, "$1")

if (import.meta.main) {
  const file = fileURLToPath(new URL("../package.json", import.meta.url))
  const [form] = process.argv.slice(2)
  if (form !== "packed" && form !== "checkout") throw new Error(`manifest.ts ${form}: it must be packed or checkout`)
  Fs.writeFileSync(file, (form === "packed" ? toPacked : toCheckout)(Fs.readFileSync(file, "utf8")))
}
