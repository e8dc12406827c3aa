/**
 * A file that is written synchronously, so that its writer needs no buffer.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import { OptionError } from "../../core/Fault.ts"
import { millis } from "./EventLoop.ts"
import { inRealTime } from "./RealTime.ts"

/** A file that is open for writing. */
export interface SyncFile {
  /** Writes all of `bytes`. What can't be written is lost, and so is all that follows. */
  readonly write: (bytes: Uint8Array) => void
  /** Why writing failed, if it did: a disk that is full. */
  readonly failure: () => Error | undefined
}

/** How long a pipe that is full is waited for, and how long one that nobody has opened to read, in real ms. */
const PATIENCE_MS = { full: 1000, unopened: 5000 }

/** POSIX's PIPE_BUF: a write to a pipe of up to so many bytes is all or nothing. */
const PIECE = 4096

const { O_WRONLY, O_CREAT, O_TRUNC, O_NONBLOCK } = Fs.constants

/** A pipe that nobody reads must neither keep who opens it waiting nor who writes to it. */
const FLAGS = O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK

const hasCode = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code

/** Blocks the whole process: so a trace slows down what it is of to the speed of its reader. */
const blockFor = (ms: number): void => void Atomics.wait(NOBODY, 0, 0, ms)

const NOBODY = new Int32Array(new SharedArrayBuffer(4))

const writePiece = (file: number, bytes: Uint8Array, at: number, length: number): number => {
  const from = millis()
  for (let waitMs = 1;; waitMs = Math.min(2 * waitMs, 50)) {
    try {
      return Fs.writeSync(file, bytes, at, Math.min(length, bytes.length - at))
    } catch (error) {
      if (!hasCode(error, "EAGAIN")) throw error
      if (millis() - from >= PATIENCE_MS.full) throw new Error(`nobody has read it for ${PATIENCE_MS.full} ms`)
      blockFor(waitMs)
    }
  }
}

const openFile = (path: string): Effect.Effect<number, unknown> =>
  Effect.try({ try: () => Fs.openSync(path, FLAGS, 0o666), catch: (error) => error }).pipe(
    Effect.retry({
      // It is a pipe that nobody reads yet.
      while: (error) => hasCode(error, "ENXIO"),
      schedule: Schedule.spaced("20 millis").pipe(Schedule.upTo({ times: PATIENCE_MS.unopened / 20 })),
    }),
    inRealTime,
  )

/**
 * Opens a file, anew, until the scope closes. `onFailure` is told once, and at once, when something can't be written;
 * `what` is what it is called in errors.
 */
export const open = (
  path: string,
  onFailure: (why: Error) => void = () => {},
  what = "the trace's file",
): Effect.Effect<SyncFile, OptionError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.mapError(
        openFile(path),
        (error) =>
          new OptionError(
            what,
            path,
            hasCode(error, "ENXIO") ? "it is a pipe that nobody reads" : (error as Error).message,
          ),
      ),
      (file) => Effect.sync(() => Fs.closeSync(file)),
      { interruptible: true },
    ),
    (file) => {
      const piece = Fs.fstatSync(file).isFile() ? Infinity : PIECE
      let failure: Error | undefined
      return {
        write: (bytes) => {
          if (failure !== undefined) return
          try {
            for (let at = 0; at < bytes.length;) at += writePiece(file, bytes, at, piece)
          } catch (error) {
            failure = error as Error
            onFailure(failure)
          }
        },
        failure: () => failure,
      }
    },
  )

/** Writes the rest of what goes into a file, and logs what couldn't be written, unless `isTold`: somebody knows it. */
export const finish = (
  file: SyncFile,
  flush: () => void,
  isTold: boolean,
  errorOf: (why: Error) => Error,
): Effect.Effect<void> =>
  Effect.suspend(() => {
    flush()
    const failure = file.failure()
    return failure === undefined || isTold ? Effect.void : Effect.logError(`guest-clock: ${errorOf(failure).message}`)
  })
