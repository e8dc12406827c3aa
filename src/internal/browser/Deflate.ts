/**
 * Compression in a browser: there is none that is done at once.
 *
 * @module
 */

/** Bytes as they are. */
export const deflate = (bytes: Uint8Array): Uint8Array => bytes

/** Throws an `Error`: what was compressed elsewhere can't be read here. */
export const inflate = (): Uint8Array => {
  throw new Error("a browser reads traces that aren't compressed: those that are lines of JSON")
}
