/**
 * The order in which fibers run that are ready at the same instant: first come first, by a seed, or by recorded
 * decisions.
 *
 * @module
 */

import * as Random from "../core/Random.ts"

/**
 * One choice between things that were ready at the same instant.
 *
 * @since 0.1.0
 * @category models
 */
export interface Decision {
  /** The guest time, in ns. */
  readonly at: bigint
  /** How many things there were to choose from: at least two. */
  readonly choices: number
  /** Which was taken, from 0, the first to come. */
  readonly chosen: number
}

/**
 * How the order is decided.
 *
 * @since 0.1.0
 * @category models
 */
export type Order =
  /** First come, first served. */
  | { readonly _tag: "Fifo" }
  /** By a pseudo-random sequence that the seed alone decides: an unsigned 32-bit number. */
  | { readonly _tag: "Seeded"; readonly seed: number }
  /** As listed: which to take at each decision that isn't the first to come; all others are. */
  | { readonly _tag: "Replayed"; readonly chosen: ReadonlyMap<number, number> }

/** First come, first served. */
export const fifo: Order = { _tag: "Fifo" }

/** Decides, and remembers what it decided. */
export interface Decider {
  /** Which of `choices` is next, at the guest time `at`. */
  readonly choose: (choices: number, at: bigint) => number
  /** All decisions that were not about a single thing, in order. */
  readonly decisions: ReadonlyArray<Decision>
}

/** What decides by `order`, or nothing where there is nothing to decide. */
export const decider = (order: Order): Decider | undefined => {
  if (order._tag === "Fifo") return undefined
  const decisions: Array<Decision> = []
  const next = order._tag === "Seeded" ? Random.sequence(order.seed) : undefined
  return {
    decisions,
    choose: (choices, at) => {
      if (choices < 2) return 0
      const wanted = next === undefined
        ? order._tag === "Replayed" ? order.chosen.get(decisions.length) ?? 0 : 0
        : Math.floor(next() * choices)
      // A program that no longer does the same may have fewer things to choose from.
      const chosen = wanted < choices ? wanted : 0
      decisions.push({ at, choices, chosen })
      return chosen
    },
  }
}
