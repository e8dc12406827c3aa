/**
 * The programs that tests start most often, built: a start of one reads some files rather than some hundred, which
 * takes half of the time and less. They are the same programs, on the same runtimes: `built.test.ts` starts sources.
 *
 * @module
 */
import * as Path from "node:path"
import { pathToFileURL } from "node:url"

const ROOT = Path.resolve(import.meta.dirname!, "../..")

/** Git ignores it. It isn't in `node_modules`, where Deno looks longer for what a file is. */
export const FOLDER = Path.join(ROOT, ".built")

/** What is built. */
export const programs: ReadonlyArray<string> = [
  "bench/fleet.ts",
  "src/cli/main.ts",
  "src/internal/processes/child.ts",
  "src/internal/simulation/experimentWorker.ts",
  "test/support/crowd.ts",
  "test/support/guestProcess.ts",
  "test/support/measuredCalendar.ts",
  "test/support/sharing/guests.ts",
  "test/support/sharing/scribbler.ts",
  "test/support/unreadGuest.ts",
  "test/support/victim.ts",
  "test/support/waitingClients.ts",
  ...["failures", "hostile", "lan", "planned", "processes", "two", "volley", "waiting"].map((name) =>
    `test/support/worlds/${name}.ts`
  ),
]

const placeOf = (file: string): string => Path.join(FOLDER, file.replace(/\.ts$/, ".js"))

/** The path of one of these programs, built. */
export const built = (file: string): string => {
  if (!programs.includes(file)) throw new Error(`test/support/built.ts doesn't list ${file}`)
  return placeOf(file)
}

/** The same as a URL. */
export const builtUrl = (file: string): URL => pathToFileURL(built(file))

/** Has a module know its place as the one that it has been built to, whatever file it has become a part of. */
export const located = {
  name: "located",
  transform(code: string, id: string): string | undefined {
    const file = Path.relative(ROOT, id)
    if (!code.includes("import.meta.url") || file.startsWith("..") || file.startsWith("node_modules")) return undefined
    // Not where a text speaks of it.
    return code.replaceAll(/(?<!`)import\.meta\.url/g, JSON.stringify(pathToFileURL(placeOf(file)).href))
  },
}
