/**
 * How fast a calendar grants turns.
 *
 * @module
 */
import * as Effect from "effect/Effect"

/** Turns a second, in thousands, from the first that is granted to the last. */
export const turnsPerSecond = (
  turns: number,
  run: (onGrant: () => void) => Effect.Effect<unknown, unknown>,
): Promise<number> => {
  let granted = 0
  let first = 0
  let last = 0
  const onGrant = () => {
    last = performance.now()
    if (granted++ === 0) first = last
  }
  return Effect.runPromise(Effect.map(run(onGrant), () => {
    if (granted !== turns) throw new Error(`${granted} turns instead of ${turns}`)
    return turns / (last - first)
  }))
}
