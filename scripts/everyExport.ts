/**
 * A program that imports every export of the library by its name, as others would,
 * and says where each came from. Wherever it is saved, it has to find one library.
 *
 * @module
 */
import denoJson from "../deno.json" with { type: "json" }
import packageJson from "../package.json" with { type: "json" }

/** The exports, as `guest-clock/core/Nanos`, and their sources, as `src/core/Nanos.ts`. */
export const exports: ReadonlyMap<string, string> = new Map(
  Object.entries(denoJson.exports).map(([name, source]) => [`guest-clock${name.slice(1)}`, source.slice(2)]),
)

/** Names of sources that are for nobody else. */
export const internal: ReadonlyArray<string> = Object.entries(packageJson.exports).flatMap(([name, to]) =>
  to === null ? [`guest-clock${name.slice(1).replace("*", "index")}`] : []
)

/** What the program prints, as JSON. */
export interface Printed {
  /** The file that each name leads to. */
  readonly files: { readonly [name: string]: string }
  /**
   * Modules with a name of their own that others export again, as `guest-clock` does with
   * `GuestClock`: whether it is the same module.
   */
  readonly same: { readonly [name: string]: boolean }
  /** Internal names that can be imported none the less. */
  readonly leaks: ReadonlyArray<string>
}

/** What the program goes by. */
export interface Options {
  /** What the library is called there. Default: `guest-clock`. */
  readonly as?: string
  /** Exports that are left out. */
  readonly except?: ReadonlyArray<string>
}

/** The program. */
export const program = ({ as = "guest-clock", except = [] }: Options = {}): string => {
  const called = (name: string) => name.replace("guest-clock", as)
  const names = [...exports.keys()].filter((name) => !except.includes(name))
  return [
    ...names.map((name, i) => `import * as m${i} from "${called(name)}"`),
    "const all = {",
    ...names.map((name, i) => `  "${name}": [m${i}, import.meta.resolve("${called(name)}")],`),
    "}",
    "const files = {}, same = {}, leaks = []",
    "for (const [name, [module, url]] of Object.entries(all)) {",
    "  files[name] = decodeURIComponent(new URL(url).pathname)",
    "  for (const [key, value] of Object.entries(module)) {",
    "    if (value?.[Symbol.toStringTag] !== 'Module') continue",
    "    if (!Object.keys(all).some((name) => name.endsWith(`/${key}`))) continue",
    "    same[`${name}/${key}`] = Object.values(all).some(([module]) => module === value)",
    "  }",
    "}",
    `for (const name of ${JSON.stringify(internal.map(called))}) {`,
    "  await import(name).then(() => leaks.push(name), () => {})",
    "}",
    "console.log(JSON.stringify({ files, same, leaks }))",
    "",
  ].join("\n")
}

/** What is wrong with what the program printed, if each of its exports must come from `fileOf` its source. */
export const faults = (
  stdout: string,
  fileOf: (source: string) => string,
  { except = [] }: Options = {},
): ReadonlyArray<string> => {
  const { files, same, leaks }: Printed = JSON.parse(stdout)
  const expected = [...exports].filter(([name]) => !except.includes(name))
  return [
    ...expected.flatMap(([name, source]) => {
      const file = fileOf(source)
      return files[name] === file ? [] : [`${name} is ${files[name]}, and not ${file}`]
    }),
    ...Object.entries(same).flatMap(([name, is]) => is ? [] : [`${name} is there twice`]),
    ...Object.keys(same).length > 15 ? [] : [`only ${Object.keys(same)} are exported again`],
    ...leaks.map((name) => `${name} can be imported`),
  ]
}
