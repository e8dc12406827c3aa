/**
 * Random numbers that a seed repeats, for tests that print their seed.
 *
 * @module
 */

/** A stream of random choices. */
export interface Random {
  /** A whole number from 0 up to, not including, `n`. */
  readonly int: (n: number) => number
  /** The same for a bigint. */
  readonly bigint: (n: bigint) => bigint
  /** One of `xs`, which isn't empty. */
  readonly pick: <A>(xs: ReadonlyArray<A>) => A
  /** True with probability `p`, by default a half. */
  readonly bool: (p?: number) => boolean
}

/** The stream of a seed: mulberry32. */
export const random = (seed: number): Random => {
  let state = seed | 0
  const u32 = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const int = (n: number): number => Math.floor(u32() / 2 ** 32 * n)
  return {
    int,
    bigint: (n) => {
      let wide = 0n
      for (let covered = 1n; covered < n << 32n; covered <<= 32n) wide = (wide << 32n) | BigInt(u32())
      return wide % n
    },
    pick: (xs) => xs[int(xs.length)]!,
    bool: (p = 0.5) => u32() / 2 ** 32 < p,
  }
}
