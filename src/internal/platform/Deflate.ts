/**
 * Compression by zlib (RFC 1950), at once.
 *
 * @module
 */
import { deflateSync, inflateSync } from "node:zlib"

/** Bytes, compressed. */
export const deflate = (bytes: Uint8Array): Uint8Array => deflateSync(bytes)

/** Bytes as they were, which are so many. What isn't compressed bytes, or comes to more, throws an `Error`. */
export const inflate = (bytes: Uint8Array, length: number): Uint8Array =>
  inflateSync(bytes, { maxOutputLength: Math.max(1, length) })
