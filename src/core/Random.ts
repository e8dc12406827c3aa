/**
 * Pseudo-random numbers that a seed alone decides: mulberry32, whose whole state
 * is one unsigned 32-bit number.
 *
 * @module
 */

/** The state after `state`: begin with a seed, from 0 to 2^32 − 1. */
export const next = (state: number): number => (state + 0x6d2b79f5) >>> 0

/** The number of a state that {@link next} gave: from 0 to below 1. */
export const number = (state: number): number => {
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
}

/** One number after the other, for those who may keep a state of their own. */
export const sequence = (seed: number): () => number => {
  let state = seed >>> 0
  return () => number(state = next(state))
}
