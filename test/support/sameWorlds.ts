/**
 * Runs worlds on this runtime, and prints what is seen of each as JSON: an array of lines for each. Its arguments are a
 * range of seeds, as `1-20`, of worlds that are drawn, and names of those of `worlds/fixed.ts` that are to be run in
 * processes; all of these are run in one.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import process from "node:process"
import { draw } from "./worlds/draw.ts"
import { fixed } from "./worlds/fixed.ts"
import { lines } from "./worlds/seen.ts"
import { inProcessesOf, usually } from "./worlds/ways.ts"

const [range = "", ...apart] = process.argv.slice(2)
const [from, to] = range.split("-").map(Number) as [number, number]

const inProcesses = inProcessesOf(new URL("./worlds/planned.ts", import.meta.url))

const main = Effect.gen(function* () {
  const found: { [what: string]: ReadonlyArray<string> } = {}
  for (const [name, plan] of Object.entries(fixed)) found[name] = lines(yield* usually(plan))
  for (let seed = from; seed <= to; seed++) found[`seed ${seed}`] = lines(yield* usually(draw(seed)))
  for (const name of apart) found[`${name}, in processes`] = lines(yield* inProcesses(fixed[name]!))
  return found
})

console.log(JSON.stringify(await Effect.runPromise(main)))
