/**
 * Messages that wait to be written to one connection, encoded: 16 bytes each, a tenth of an object.
 *
 * @module
 */
import { encodeInto, type Message, SIZE } from "../../core/Message.ts"

/** Room for as many messages at first. */
const FEW = 4

/** A buffer for more messages isn't kept for the next ones: 4 KiB. */
const KEPT = 256

/**
 * Messages in order, that are taken all at once. Buffers are used again, if it is told that they were written: what waits
 * for long is old when it is let go, and stays until all garbage is collected.
 */
export class Outbox {
  /** How many there are. */
  size = 0
  #room: DataView<ArrayBuffer> | undefined
  #spare: DataView<ArrayBuffer> | undefined
  /** What was taken and isn't written yet, in order. */
  readonly #taken: Array<DataView<ArrayBuffer> | undefined> = []

  /** Puts one more at the end: how many there are then. */
  push(message: Message): number {
    const used = this.size * SIZE
    if (this.#room === undefined) {
      this.#room = this.#spare ?? new DataView(new ArrayBuffer(FEW * SIZE))
      this.#spare = undefined
    } else if (used === this.#room.byteLength) {
      const bytes = new Uint8Array(2 * used)
      bytes.set(new Uint8Array(this.#room.buffer))
      this.#room = new DataView(bytes.buffer)
    }
    encodeInto(this.#room, used, message)
    return ++this.size
  }

  /** Takes all. */
  take(): Uint8Array {
    const room = this.#room
    this.#taken.push(room)
    if (room === undefined) return new Uint8Array(0)
    const bytes = new Uint8Array(room.buffer, 0, this.size * SIZE)
    this.#room = undefined
    this.size = 0
    return bytes
  }

  /** What was taken first of all that is still to be written has been. */
  written(): void {
    const room = this.#taken.shift()
    if (room !== undefined && room.byteLength <= KEPT * SIZE) this.#spare ??= room
  }
}
