/**
 * What happens in a program on simulated time, and when. Times are in ms: below
 * 2^53 ns a number of ms says which ns it was.
 *
 * @module
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

/** The guest time, in ms. */
export const now: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/** How long it takes until `effect` is over, in ms, and how it ends. */
export const timed = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<readonly [millis: number, exit: Exit.Exit<A, E>], never, R> =>
  Effect.gen(function* () {
    const from = yield* Clock.monotonicTimeNanos
    const exit = yield* Effect.exit(effect)
    return [Number((yield* Clock.monotonicTimeNanos) - from) / 1e6, exit] as const
  })

/** Notes what happens, and when. */
export interface Journal<A> {
  readonly entries: Array<readonly [millis: number, what: A]>
  readonly note: (what: A) => Effect.Effect<void>
}

/** An empty journal. */
export const journal = <A = string>(): Journal<A> => {
  const entries: Array<readonly [number, A]> = []
  return {
    entries,
    note: (what) =>
      Effect.map(now, (at) => {
        entries.push([at, what])
      }),
  }
}
