/**
 * A file of captured frames while it is written: interfaces as they come, and bytes gathered.
 *
 * @module
 */
import * as Pcapng from "../../devices/Pcapng.ts"

/** How many bytes are gathered before they are written. */
const GATHERED = 65_536

/** A frame at one end of a link. */
export interface Captured extends Omit<Pcapng.Packet, "interface"> {
  /** The name of the interface. */
  readonly interface: string
}

/** Writes such a file, of which no more than 64 KiB or so are in memory. */
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
