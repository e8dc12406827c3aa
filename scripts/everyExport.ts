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

/** The program. `as` is what the library is called there. */
export const program = (as = "guest-clock"): string => {
  const called = (name: string) => name.replace("guest-clock", as)
  const names = [...exports.keys()]
  return [
    ...names.map((name, i) => `import * as m${i} from "${called(name)}"`),
    "const all = {",
    ...names.map((name, i) => `  "${name}": [m${i}, import.meta.resolve("${called(name)}")],`),
    "}",
    "const files = {}, same = {}, leaks = []",
    "for (const [name, [module, url]] of Object.entries(all)) {",
    "  files[name] = decodeURIComponent(new URL(url).pathname)",
    "  for (const [key, value] of Object.entries(module)) {",
    "    if (value?.[Symbol.toStringTag] !== 'Module' || !Object.keys(all).some((name) => name.endsWith(`/${key}`))) continue",
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

/** What is wrong with what the program printed, if each export must come from `fileOf(its source)`. */
export const faults = (stdout: string, fileOf: (source: string) => string): ReadonlyArray<string> => {
  const { files, same, leaks }: Printed = JSON.parse(stdout)
  return [
    ...[...exports].flatMap(([name, source]) =>
      files[name] === fileOf(source) ? [] : [`${name} is ${files[name]}, and not ${fileOf(source)}`]
    ),
    ...Object.entries(same).flatMap(([name, is]) => is ? [] : [`${name} is there twice`]),
    ...Object.keys(same).length > 15 ? [] : [`only ${Object.keys(same)} are exported again`],
    ...leaks.map((name) => `${name} can be imported`),
  ]
}
