/**
 * Files of text.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"

export type { FileSystem } from "effect/FileSystem"
export type { PlatformError } from "effect/PlatformError"

/** All of a file. */
export const read = (path: string): Effect.Effect<string, PlatformError, FileSystem.FileSystem> =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString(path))
