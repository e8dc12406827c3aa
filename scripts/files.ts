/**
 * `deno task files [FOLDER…]`: every source file with the first sentence of its `@module` comment, folder by folder.
 *
 * @module
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Argument, Command } from "effect/cli"
import { globSync, readFileSync } from "node:fs"
import { posix } from "node:path"
import process from "node:process"

/** The first sentence of a file's `@module` comment; `undefined` if it has no such comment. */
export const sentenceOf = (source: string): string | undefined => {
  const [, comment] = /^(?:#!.*\n)?\/\*\*\s*\n((?: \*.*\n)+?) \*\//.exec(source) ?? []
  if (comment === undefined || !/^ \* @module$/m.test(comment)) return undefined
  const [paragraph = ""] = comment.replaceAll(/^ \*(?: |$)/gm, "").split(/\n\n|@module/)
  const text = paragraph.replaceAll(/\s+/g, " ").trim()
  const sentence = /^(.*?[.:])(?= [A-Z]|$)/.exec(text)?.[1] ?? text
  return sentence.replace(/[.:]$/, "") || undefined
}

/** The files below some folders, by folder. */
export const list = (folders: ReadonlyArray<string>): ReadonlyArray<string> => {
  const paths = [...new Set(folders.flatMap((folder) => globSync(`${folder}/**/*.ts`)))]
    .map((path) => path.replaceAll("\\", "/"))
  const lines: Array<string> = []
  for (const folder of [...new Set(paths.map((path) => posix.dirname(path)))].sort()) {
    lines.push(`${folder}/`)
    const files = paths.filter((path) => posix.dirname(path) === folder).sort()
    const width = Math.max(...files.map((path) => posix.basename(path).length))
    for (const path of files) {
      const sentence = sentenceOf(readFileSync(path, "utf8")) ?? "(no @module comment)"
      lines.push(`  ${posix.basename(path).padEnd(width)}  ${sentence}`)
    }
  }
  return lines
}

const command = Command.make(
  "files",
  {
    folders: Argument.Directory("FOLDER", { mustExist: true }).pipe(
      Argument.withDescription("Default: src"),
      Argument.variadic(),
    ),
  },
  ({ folders }) =>
    Console.log(
      list(folders.length === 0 ? ["src"] : folders.map((folder) => posix.relative(process.cwd(), folder))).join("\n"),
    ),
).pipe(Command.withDescription("Prints every source file with the first sentence of its @module comment."))

if (import.meta.main) {
  Command.run(command, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
}
