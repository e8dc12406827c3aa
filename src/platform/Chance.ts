/**
 * Effect's own chance, from a source that a seed decides.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

/** Where numbers from 0 to below 1 come from. */
export interface Source {
  readonly number: () => number
}

/** Runs `effect` with what Effect draws, for jitter for example, drawn from `source`. */
export const seededRandom = <A, E, R>(source: Source, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Random.Random, {
    nextDoubleUnsafe: () => source.number(),
    nextIntUnsafe: () => Math.floor((source.number() * 2 - 1) * Number.MAX_SAFE_INTEGER),
  })
