/**
 * The storage behind a disk: a file, memory, or functions.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import { OptionError } from "../../core/Fault.ts"
import { badWhole } from "../services/Checks.ts"

/** The length of a sector in bytes. */
export const SECTOR_BYTES = 512

/**
 * Where a disk's sectors are kept. What its functions throw is an error of the disk's, for the driver.
 *
 * @since 0.1.0
 * @category models
 */
export interface Store {
  /** How many sectors of 512 bytes there are: 1 or more. */
  readonly sectors: number
  /** Fills `into` with the bytes from `offset` on; both are whole sectors that there are. */
  readonly read: (offset: number, into: Uint8Array) => void
  /** Keeps the bytes of `from`, likewise. */
  readonly write: (offset: number, from: Uint8Array) => void
  /** Has what was written last. */
  readonly flush?: () => void
}

/** What a store can be given as: its bytes, a file, or functions. */
export type Input = Uint8Array | { readonly file: string } | Store

const ofBytes = (bytes: Uint8Array): Store => ({
  sectors: bytes.length / SECTOR_BYTES,
  read: (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
  write: (offset, from) => bytes.set(from, offset),
})

const ofFile = (path: string, isReadOnly: boolean): Effect.Effect<Store, OptionError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.try({
        try: () => {
          const fd = Fs.openSync(path, isReadOnly ? "r" : "r+")
          return { fd, bytes: Fs.fstatSync(fd).size }
        },
        catch: (error) =>
          new OptionError("store", path, `it is a file that can be opened: ${(error as Error).message}`),
      }),
      ({ fd }) => Effect.sync(() => Fs.closeSync(fd)),
    ),
    ({ fd, bytes }): Store => ({
      sectors: bytes / SECTOR_BYTES,
      read: (offset, into) => whole(into, (part, at) => Fs.readSync(fd, part, 0, part.length, offset + at)),
      write: (offset, from) => whole(from, (part, at) => Fs.writeSync(fd, part, 0, part.length, offset + at)),
      flush: () => Fs.fdatasyncSync(fd),
    }),
  )

/** Moves all of `bytes`, however few a call does; a file that was shortened has none left. */
const whole = (bytes: Uint8Array, move: (part: Uint8Array, at: number) => number): void => {
  for (let at = 0; at < bytes.length;) {
    const moved = move(bytes.subarray(at), at)
    if (moved === 0) throw new Error("the file has become shorter")
    at += moved
  }
}

/** The store that something stands for; a file is closed with the scope. */
export const make = (input: Input, isReadOnly: boolean): Effect.Effect<Store, OptionError, Scope.Scope> =>
  Effect.gen(function* () {
    const store = input instanceof Uint8Array
      ? ofBytes(input)
      : typeof input === "object" && input !== null && "file" in input
      ? yield* ofFile(input.file, isReadOnly)
      : input
    const functions = [store?.read, store?.write, store?.flush ?? (() => {})]
    if (functions.some((each) => typeof each !== "function")) {
      return yield* Effect.fail(new OptionError("store", input, "it is bytes, a file, or functions to read and write"))
    }
    const bad = badWhole("sectors (of 512 bytes) of store", store.sectors, 1, 2 ** 40)
    return bad === undefined ? store : yield* Effect.fail(bad)
  })
