/**
 * A file of captured frames while it is written: interfaces as they come, and bytes gathered.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Tagged } from "../core/Tagged.ts"
import type { OptionError } from "../../core/Fault.ts"
import * as Pcapng from "../../devices/Pcapng.ts"

/**
 * A file that lacks what was captured after something couldn't be written: the disk was full, for example.
 *
 * @since 0.2.0
 * @category errors
 */
export class CaptureIncomplete extends Tagged<"CaptureIncomplete"> {
  readonly path: string
  constructor(path: string, cause: Error) {
    super("CaptureIncomplete", `the captured frames in ${path} aren't complete: ${cause.message}`, { cause })
    this.path = path
  }
}

/** How many bytes are gathered before they are written. */
const GATHERED = 65_536

/** A frame at one end of a link. */
export interface Captured extends Omit<Pcapng.Packet, "interface"> {
  /** The name of the interface. */
  readonly interface: string
}

/** Writes a capture file, with a buffer of 64 KiB or so. */
export class CaptureFile {
  readonly #write: (bytes: Uint8Array) => void
  readonly #interfaces = new Map<string, number>()
  #pieces: Array<Uint8Array> = []
  #gathered = 0

  /** `write` is given the file's bytes, one piece after the other. */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write
    this.#add(Pcapng.header())
  }

  /** Adds a frame, and before that its interface, if nothing was captured there before. */
  capture({ interface: name, ...packet }: Captured): void {
    let number = this.#interfaces.get(name)
    if (number === undefined) {
      this.#interfaces.set(name, number = this.#interfaces.size)
      this.#add(Pcapng.interfaceOf({ name }))
    }
    this.#add(Pcapng.packet({ interface: number, ...packet }))
    if (this.#gathered >= GATHERED) this.flush()
  }

  #add(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#gathered += piece.length
  }

  /** Writes what has been gathered. */
  flush(): void {
    if (this.#gathered === 0) return
    const bytes = new Uint8Array(this.#gathered)
    let at = 0
    for (const piece of this.#pieces) {
      bytes.set(piece, at)
      at += piece.length
    }
    this.#pieces = []
    this.#gathered = 0
    this.#write(bytes)
  }
}

/**
 * Opens a capture file for writing, anew; it is complete when the scope closes. One that can't be opened is an `OptionError`. When
 * something can't be written, `onIncomplete` is told once, and at once; without, it is logged in the end.
 */
export const open = (
  path: string,
  onIncomplete?: (why: CaptureIncomplete) => void,
): Effect.Effect<CaptureFile, OptionError, Scope.Scope> =>
  Effect.gen(function* () {
    // Loaded on demand: who captures nothing has no use for files.
    const SyncFile = yield* Effect.promise(() => import("../platform/SyncFile.ts"))
    const errorOf = (cause: Error) => new CaptureIncomplete(path, cause)
    const file = yield* SyncFile.open(path, (why) => onIncomplete?.(errorOf(why)), "the file of captured frames")
    const frames = new CaptureFile(file.write)
    yield* Effect.addFinalizer(() => SyncFile.finish(file, () => frames.flush(), onIncomplete !== undefined, errorOf))
    return frames
  })
