/**
 * A file of lines that is only added to: each a JSON object, whole or not there. Whoever is killed while it writes leaves
 * a line without an end, which counts for nothing.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Tagged } from "../core/Tagged.ts"

/** The file is something else. */
export class OtherFile extends Tagged<"OtherFile"> {
  /** Its first line, or how that begins. */
  readonly line: string
  constructor(line: string) {
    super("OtherFile", `the file begins with another line: ${line}`)
    this.line = line
  }
}

/** An open file. */
export interface RunsFile {
  /** What is in it, but for its first line: what isn't JSON is left out. */
  readonly lines: ReadonlyArray<unknown>
  /** Appends a line. It is in the file when this has ended. */
  readonly add: (line: unknown) => Effect.Effect<void, PlatformError>
}

const parsed = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** Opens a file whose first line is `head`, or makes it. */
export const open = (
  path: string,
  head: { readonly [key: string]: unknown },
): Effect.Effect<RunsFile, PlatformError | OtherFile, Scope.Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const file = yield* fs.open(path, { flag: "a+" })
    const text = yield* fs.readFileString(path)
    const [first = "", ...lines] = text.split("\n")
    const begun = JSON.stringify(head)
    const write = (text: string) => file.writeAll(new TextEncoder().encode(text))
    if (text === "") yield* write(`${begun}\n`)
    else if (first !== begun) return yield* Effect.fail(new OtherFile(first.slice(0, 200)))
    // What was cut off isn't added to.
    else if (!text.endsWith("\n")) yield* write("\n")
    return {
      lines: lines.map(parsed).filter((line) => line !== undefined),
      add: (line: unknown) => write(`${JSON.stringify(line)}\n`),
    }
  }).pipe(Effect.provide(NodeFileSystem.layer))
