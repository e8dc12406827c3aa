/**
 * Random numbers that a seed repeats, for tests that print their seed.
 *
 * @module
 */

import { sequence } from "../../src/internal/core/Random.ts"

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

/** The stream of a seed. */
export const random = (seed: number): Random => {
  const next = sequence(seed)
  const int = (n: number): number => Math.floor(next() * n)
  return {
    int,
    bigint: (n) => {
      let wide = 0n
      for (let covered = 1n; covered < n << 32n; covered <<= 32n) wide = (wide << 32n) | BigInt(next() * 2 ** 32)
      return wide % n
    },
    pick: (xs) => xs[int(xs.length)]!,
    bool: (p = 0.5) => next() < p,
  }
}
