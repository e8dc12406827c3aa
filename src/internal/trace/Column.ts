/**
 * Numbers and texts as bytes, one after the other: whole numbers as LEB128, signed ones in zigzag.
 *
 * @module
 */

const utf8 = new TextEncoder()

/** Bytes that grow. */
export class Column {
  #bytes = new Uint8Array(1024)
  length = 0

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  #makeRoom(more: number): void {
    if (this.length + more <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + more))
    larger.set(this.bytes)
    this.#bytes = larger
  }

  /** A whole number from 0 on that a double holds. */
  put(value: number): void {
    this.#makeRoom(8)
    let rest = value
    while (rest >= 128) {
      this.#bytes[this.length++] = rest % 128 | 128
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.length++] = rest
  }

  /** A difference between times, of any size. */
  putSigned(value: bigint): void {
    if (value > -MANY && value < MANY) return this.put(zigzag(Number(value)))
    this.#makeRoom(12)
    let rest = value < 0n ? -2n * value - 1n : 2n * value
    while (rest >= 128n) {
      this.#bytes[this.length++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.#bytes[this.length++] = Number(rest)
  }

  /** A text: its length, and so many bytes of UTF-8. */
  putText(text: string): void {
    const bytes = utf8.encode(text)
    this.put(bytes.length)
    this.putBytes(bytes)
  }

  putBytes(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length)
    this.#bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  clear(): void {
    this.length = 0
  }
}

const MANY = 2n ** 51n

/** A signed number as one from 0 on: small ones stay small. */
export const zigzag = (value: number): number => value < 0 ? -2 * value - 1 : 2 * value
