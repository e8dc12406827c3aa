/**
 * Files of lines in a browser: there are none, and whoever asks for one is told so.
 *
 * @module
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { type PlatformError, systemError } from "effect/PlatformError"
import type { RunsFile } from "../platform/RunsFile.ts"

/** The file is something else. */
export class OtherFile extends Data.TaggedError("OtherFile")<{ readonly line: string }> {}

/** Fails: no file can be opened. */
export const open = (path: string): Effect.Effect<RunsFile, PlatformError | OtherFile> =>
  Effect.fail(systemError({
    _tag: "NotFound",
    module: "FileSystem",
    method: "open",
    description: "there are no files in a browser",
    pathOrDescriptor: path,
  }))
