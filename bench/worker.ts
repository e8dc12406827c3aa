/**
 * Measures one suite in this process, on this runtime: `worker.ts SUITE ROUNDS [CASE]`.
 * Prints the figures, and what was left out, as one line of JSON.
 *
 * @module
 */
import process from "node:process"
import { measure, type Suite } from "./suite.ts"

const [name, rounds, only] = process.argv.slice(2)
const { default: suite } = await import(`./suites/${name}.ts`) as { readonly default: Suite }
console.log(JSON.stringify(await measure(suite, Number(rounds), only)))
