/**
 * Builds the programs of `built.ts`, once for all tests, in a second or two.
 *
 * @module
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import process from "node:process"
import { rolldown } from "rolldown"
import { FOLDER, located, programs } from "./built.ts"

/** Replaces a file in one go, and only if it is another: tests that run at the same time may be about to start it. */
const save = (path: string, text: string): void => {
  if (Fs.existsSync(path) && Fs.readFileSync(path, "utf8") === text) return
  Fs.mkdirSync(Path.dirname(path), { recursive: true })
  Fs.writeFileSync(`${path}.${process.pid}`, text)
  Fs.renameSync(`${path}.${process.pid}`, path)
}

/** What Vitest runs before it starts tests. */
export default async (): Promise<void> => {
  const bundle = await rolldown({
    input: Object.fromEntries(programs.map((file) => [file.replace(/\.ts$/, ""), file])),
    platform: "node",
    plugins: [located],
  })
  const { output } = await bundle.generate({ format: "esm", chunkFileNames: "shared/[name].js" })
  for (const part of output) save(Path.join(FOLDER, part.fileName), "code" in part ? part.code : String(part.source))
  await bundle.close()
}
