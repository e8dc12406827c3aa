/**
 * Pseudo-random numbers that a seed alone decides: mulberry32, whose whole state
 * is one unsigned 32-bit number, and sfc32, with a state of four, for programs.
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

/** Another number for each one, well mixed: no two have the same. */
const mixed = (word: number): number => {
  let mixing = Math.imul(word ^ (word >>> 16), 0x7feb352d)
  mixing = Math.imul(mixing ^ (mixing >>> 15), 0x846ca68b)
  return (mixing ^ (mixing >>> 16)) >>> 0
}

/** How many numbers it takes until a state has nothing to see of its beginning. */
const WARM_UP = 16

/**
 * Numbers of 53 bits, from 0 to below 1, that a seed and what they are for decide: what is drawn for one
 * purpose changes nothing for another, nor for {@link sequence}.
 */
export const fork = (seed: number, purpose: string): () => number => {
  let key = mixed(seed)
  for (let i = 0; i < purpose.length; i++) key = mixed(key ^ purpose.charCodeAt(i))
  let [a, b, c, counter] = [mixed(key ^ 1), mixed(key ^ 2), mixed(key ^ 3), 1]
  const bits = (): number => {
    const result = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + result) | 0
    return result >>> 0
  }
  for (let i = 0; i < WARM_UP; i++) bits()
  return () => ((bits() >>> 5) * 0x400_0000 + (bits() >>> 6)) / 0x20_0000_0000_0000
}
