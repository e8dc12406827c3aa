/**
 * The later and the earlier of two times: `Math.max` and `Math.min` don't take bigints.
 *
 * @module
 */

/** The greater of two. */
export const max = <T extends bigint>(a: T, b: T): T => a > b ? a : b

/** The lesser of two. */
export const min = <T extends bigint>(a: T, b: T): T => a < b ? a : b
