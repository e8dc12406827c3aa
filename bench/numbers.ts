/**
 * Sizes and random numbers that all cases of a suite share.
 *
 * @module
 */
import process from "node:process"

/** Whether everything is to be so small that it only shows that it works. */
export const SMALL: boolean = process.env["GUEST_CLOCK_BENCH"] === "small"

/** So many of something; hardly any, if it is only to be seen that it works. */
export const sized = (count: number): number => SMALL ? Math.max(2, Math.ceil(count / 10_000)) : count

/** The same sequence each time, and in bench/peers/hold.h: whole numbers from 1 to `most`. */
export const numbers = (most: number): () => number => {
  let state = 12345
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fff_ffff
    return 1 + state % most
  }
}

/** How far ahead an event is added, at most: a second. */
export const AHEAD = 1_000_000_000
