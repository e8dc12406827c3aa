/**
 * Paths that take long to find, kept where other processes find them as well.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"

/** Where they are kept: with what else was installed, to go with it. */
export const FOLDER = fileURLToPath(new URL("../node_modules/.cache/found/", import.meta.url))

/** The path in a file, if there is something to be run there. */
const read = (file: string): string | undefined => {
  try {
    const path = Fs.readFileSync(file, "utf8")
    Fs.accessSync(path, Fs.constants.X_OK)
    return path
  } catch {
    return undefined
  }
}

/** Writes a path into a file, as a whole: others may do so at the same time. What can't be kept is looked for again. */
const write = (file: string, path: string): void => {
  const own = `${file}.${process.pid}`
  try {
    Fs.mkdirSync(Path.dirname(file), { recursive: true })
    Fs.writeFileSync(own, path)
    Fs.renameSync(own, file)
  } catch {
    return
  }
}

/** The path of a command that `find` finds: under this name it isn't looked for again, as long as it can be run. */
export const found = <E, R>(
  name: string,
  find: Effect.Effect<string, E, R>,
  folder: string = FOLDER,
): Effect.Effect<string, E, R> =>
  Effect.suspend(() => {
    const file = Path.join(folder, name)
    const path = read(file)
    return path === undefined ? Effect.tap(find, (path) => Effect.sync(() => write(file, path))) : Effect.succeed(path)
  })
