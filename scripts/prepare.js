// npm runs this after `npm install` in a checkout, or of one, where there is nothing to do; and before it
// packs a folder, which it says is resolved to that folder. For who depends on the repository by git that
// is a clone, for which npm runs no `prepack`.
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, realpathSync } from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"

const root = fileURLToPath(new URL("..", import.meta.url))
const { exports } = JSON.parse(readFileSync(`${root}package.json`, "utf8"))
// Otherwise it says nothing, "null", or `file:` and a folder.
const resolved = process.env["npm_package_resolved"] ?? ""
const isPacking = existsSync(resolved) && realpathSync(resolved) === realpathSync(root)
if (isPacking && typeof exports["."] === "string") execFileSync("npm", ["run", "prepack"], { stdio: "inherit" })
