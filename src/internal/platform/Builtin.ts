/**
 * Loads the runtime's own modules, which Deno, Bun and Node have, when they are used: so that browsers can load the
 * modules of this library that import this one.
 *
 * @module
 */

interface Host {
  readonly process?: { readonly getBuiltinModule?: (name: string) => unknown }
}

/** A module of the runtime's; nothing in a browser. */
export const builtin = <Module>(name: string): Module | undefined =>
  (globalThis as Host).process?.getBuiltinModule?.(name) as Module | undefined

/** The text of a file of an installed package; nothing in a browser, or where it isn't installed. */
export const packageFile = (path: string): string | undefined => {
  const modules = builtin<typeof import("node:module")>("node:module")
  const files = builtin<typeof import("node:fs")>("node:fs")
  if (modules === undefined || files === undefined || !import.meta.url.startsWith("file:")) return undefined
  try {
    return files.readFileSync(modules.createRequire(import.meta.url).resolve(path), "utf8")
  } catch {
    return undefined
  }
}
