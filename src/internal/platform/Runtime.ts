/**
 * The command line of the runtime that runs this program, to start another module with.
 *
 * @module
 */
import process from "node:process"

/** The words that start the module at `url` in a process of its own: the command, and its arguments. */
export const running = (url: string): readonly [command: string, ...args: ReadonlyArray<string>] => {
  const path = url.startsWith("file:") ? decodeURIComponent(new URL(url).pathname) : url
  return "Deno" in globalThis
    ? [process.execPath, "run", "-q", "-A", path]
    : [process.execPath, ...process.execArgv, path]
}
