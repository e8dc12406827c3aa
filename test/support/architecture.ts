/**
 * Checks a source file against the rules of docs/architecture.md, by what it
 * imports and which names it uses.
 *
 * @module
 */
import { posix } from "node:path"

const INNER = ["services", "core"]
const CLOCK = ["GuestClock", "Event", ...INNER]
const OUTER = ["calendar", "trace", "VirtualTime", "virtual", "Mode", "platform", ...CLOCK]

/** What each part of src/ may import, from the inside out; always from itself, too. */
const MAY_IMPORT: { readonly [part: string]: ReadonlyArray<string> } = {
  core: [],
  virtio: ["core"],
  services: ["core"],
  platform: INNER,
  browser: ["platform", "simulation", ...INNER],
  Event: INNER,
  guest: ["Event", ...INNER],
  GuestClock: ["guest", ...CLOCK],
  Mode: ["platform", ...CLOCK],
  virtual: ["platform", ...CLOCK],
  VirtualTime: ["virtual", "platform", ...CLOCK],
  calendar: ["platform", ...CLOCK],
  trace: ["platform", ...CLOCK],
  devices: ["virtio", "simulation", ...OUTER],
  simulation: ["devices", ...OUTER],
  processes: ["simulation", ...OUTER],
  index: OUTER,
  testing: OUTER,
  cli: ["simulation", "processes", "devices", ...OUTER],
}

/** Clocks, timers, chance and the system by other ways than a service. */
const WORLDLY =
  /\b(?:Date|Temporal|performance|hrtime|setTimeout|setInterval|setImmediate|queueMicrotask|Math\.random|crypto|fetch|WebSocket|Deno|Bun)\b|(?<!\.)\bprocess\b(?!\??:)/g

/** The parts that may use them. */
const USES_WORLD = ["platform", "browser", "cli", "processes"]

/** What runs in a browser: it is put into pages. */
const IS_PAGE = /^src\/internal\/trace\/page\//

/** The parts that may import sockets, files, and packages other than effect. */
const IMPORTS_WORLD = ["platform", "calendar", "devices", "cli", "testing", "processes"]

/** Packages that compute, and do nothing else: any part may import them but the core. */
const PURE_PACKAGES = ["jstat"]

/** The effect modules that are the outside world. */
const WORLDLY_MODULE = /^effect\/(?:socket|process|http|Random|FileSystem)/

/** The part of src/ that a file belongs to, be it public or in internal/: its folder, or else its own name. */
export const partOf = (path: string): string =>
  posix.relative("src", path).replace(/^internal\//, "").split(/[/.]/, 1)[0] ?? ""

const COMMENT_OR_STRING = /\/\*[^]*?\*\/|\/\/.*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g

const withoutComments = (source: string): string =>
  source.replace(COMMENT_OR_STRING, (found) => found.startsWith("/") ? " " : found)

const withoutCommentsAndStrings = (source: string): string => source.replace(COMMENT_OR_STRING, " ")

/** Everything that a file imports, as it is written there. */
export const importsOf = (source: string): ReadonlyArray<string> =>
  [...withoutComments(source).matchAll(/\b(?:from|import)\s*\(?\s*["']([^"']+)["']/g)].map(([, specifier]) =>
    specifier ?? ""
  )

/** The rules that the file at `path`, from the project's root, breaks. */
export const violations = (path: string, source: string): ReadonlyArray<string> => {
  const part = partOf(path)
  const may = MAY_IMPORT[part]
  if (may === undefined) return [`${path} belongs to no part of docs/architecture.md`]
  const found: Array<string> = []
  for (const specifier of importsOf(source)) {
    const local = specifier.startsWith(".")
    const target = local ? partOf(posix.join(posix.dirname(path), specifier)) : specifier
    const allowed = local ? target === part || may.includes(target) : IMPORTS_WORLD.includes(part) ||
      part !== "core" &&
        (PURE_PACKAGES.includes(specifier) || /^effect\//.test(specifier) && !WORLDLY_MODULE.test(specifier))
    if (!allowed) found.push(`${path} imports ${specifier}: ${part} may not import ${target}`)
  }
  if (!USES_WORLD.includes(part) && !IS_PAGE.test(path)) {
    for (const [name] of withoutCommentsAndStrings(source).matchAll(WORLDLY)) {
      found.push(`${path} uses ${name}: only ${USES_WORLD.join(" and ")} may`)
    }
  }
  return found
}

/** Where a source compares a mode's name, as text: it is to ask what the mode can (`core/Modes`). */
export const modeComparisons = (source: string): ReadonlyArray<string> => {
  const name = String.raw`["'](?:off|basic|inf-cpu|external)["']`
  const found = withoutComments(source).matchAll(
    new RegExp(`[!=]==?\\s*${name}|${name}\\s*[!=]==?|\\bcase ${name}`, "g"),
  )
  return [...found].map(([text]) => text)
}

/** The files of each circle of imports, those of types included; `files` are their texts by path. */
export const circles = (files: ReadonlyMap<string, string>): ReadonlyArray<ReadonlyArray<string>> => {
  const found: Array<ReadonlyArray<string>> = []
  // Tarjan's strongly connected components.
  const indexes = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: Array<string> = []
  const visit = (path: string): void => {
    const index = indexes.size
    indexes.set(path, index)
    lowest.set(path, index)
    stack.push(path)
    for (const specifier of importsOf(files.get(path)!)) {
      const target = posix.join(posix.dirname(path), specifier)
      if (!specifier.startsWith(".") || !files.has(target)) continue
      if (!indexes.has(target)) visit(target)
      if (stack.includes(target)) lowest.set(path, Math.min(lowest.get(path)!, lowest.get(target)!))
    }
    if (lowest.get(path) !== index) return
    const members = stack.splice(stack.indexOf(path))
    if (members.length > 1) found.push(members.sort())
  }
  for (const path of files.keys()) if (!indexes.has(path)) visit(path)
  return found
}
