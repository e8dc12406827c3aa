/**
 * A file that is written at once, so that who writes it needn't keep anything.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import { OptionError } from "../core/Fault.ts"

/** A file that is open for writing. */
export interface SyncFile {
  /** Writes all of `bytes`. What can't be written is lost, and told once, by {@link SyncFile.failure}. */
  readonly write: (bytes: Uint8Array) => void
  /** Why writing failed, if it did: a disk that is full. */
  readonly failure: () => Error | undefined
}

/** Opens a file, anew, until the scope closes. */
export const open = (path: string): Effect.Effect<SyncFile, OptionError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.try({
        try: () => Fs.openSync(path, "w"),
        catch: (error) => new OptionError("the trace's file", path, (error as Error).message),
      }),
      (file) => Effect.sync(() => Fs.closeSync(file)),
    ),
    (file) => {
      let failure: Error | undefined
      return {
        write: (bytes) => {
          if (failure !== undefined) return
          try {
            for (let at = 0; at < bytes.length;) at += Fs.writeSync(file, bytes, at)
          } catch (error) {
            failure = error as Error
          }
        },
        failure: () => failure,
      }
    },
  )
