/**
 * Runs {@link run} in a page, and in a worker of it, and leaves what both say where a test can read it.
 *
 * @module
 */
import { run } from "./program.ts"

const isWorker = typeof document === "undefined"

const said = await run()
if (isWorker) postMessage(said)
else Object.assign(globalThis, { said })
