/**
 * Runs cases of native calls: `main.ts NAME…`. Prints a line of JSON for each.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import process from "node:process"
import { run } from "./cases.ts"

for (const name of process.argv.slice(2)) {
  console.log(JSON.stringify([name, await Effect.runPromise(run(name))]))
}
