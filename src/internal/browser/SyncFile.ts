/**
 * Files in a browser: there are none that are written at once.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { OptionError } from "../../core/Fault.ts"

/** Fails with an `OptionError`. */
export const open = (path: string): Effect.Effect<never, OptionError> =>
  Effect.fail(
    new OptionError("file", path, "a browser writes no files: keep records in a ring, or give them to a sink"),
  )
