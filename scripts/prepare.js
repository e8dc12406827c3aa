// npm runs this after `npm install` in a checkout, where there is nothing to do, and before it packs a
// folder. For who depends on the repository by git that is a clone, for which npm runs no `prepack`.
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import process from "node:process"

const { exports } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
const isPacking = process.env["npm_package_resolved"] !== undefined
const isCheckout = typeof exports["."] === "string"
if (isPacking && isCheckout) execFileSync("npm", ["run", "prepack"], { stdio: "inherit" })
