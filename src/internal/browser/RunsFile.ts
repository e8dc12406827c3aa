/**
 * Files of lines in a browser: there are none, so opening one fails.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { type PlatformError, systemError } from "effect/PlatformError"
import { Tagged } from "../core/Tagged.ts"
import type { RunsFile } from "../platform/RunsFile.ts"

/** The file is something else. */
export class OtherFile extends Tagged<"OtherFile"> {
  /** Its first line, or how that begins. */
  readonly line: string
  constructor(line: string) {
    super("OtherFile", `the file begins with another line: ${line}`)
    this.line = line
  }
}

/** Fails: no file can be opened. */
export const open = (path: string): Effect.Effect<RunsFile, PlatformError | OtherFile> =>
  Effect.fail(systemError({
    _tag: "NotFound",
    module: "FileSystem",
    method: "open",
    description: "there are no files in a browser",
    pathOrDescriptor: path,
  }))
