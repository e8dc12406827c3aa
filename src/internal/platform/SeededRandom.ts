/**
 * Effect's `Random` service from a source that a seed decides.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { fork } from "../core/Random.ts"

/** Where numbers from 0 to below 1 come from. */
export interface Source {
  readonly number: () => number
}

const randomOf = (source: Source): Random.Random => ({
  nextDoubleUnsafe: () => source.number(),
  nextIntUnsafe: () => Math.floor((source.number() * 2 - 1) * Number.MAX_SAFE_INTEGER),
})

/** Runs `effect` with what Effect draws, for jitter for example, drawn from `source`. */
export const seededRandom = <A, E, R>(source: Source, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Random.Random, randomOf(source))

/** The `Random` of Effect that nobody has provided. */
const unprovided = Context.get(Context.empty(), Random.Random)

/**
 * What a program draws its numbers from: those of `seed`; without one, the `Random` that is provided around it; and
 * where none is, those of `otherwise`. With neither, nothing is added.
 */
export const chance = (
  seed: number | undefined,
  otherwise: number | undefined,
  around: Context.Context<never>,
): Context.Context<never> => {
  const decided = seed ?? (Context.get(around, Random.Random) === unprovided ? otherwise : undefined)
  return decided === undefined
    ? Context.empty()
    : Context.make(Random.Random, randomOf({ number: fork(decided, "Random") }))
}
