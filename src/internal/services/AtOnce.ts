/**
 * Effects that can also be run synchronously, without a fiber, where they don't have to wait.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"

/** What is left to be done, if anything is. */
type Left<E> = Effect.Effect<void, E> | undefined

/** An effect that does at once what it can, and then the rest. */
interface AtOnce<E> extends Effect.Effect<void, E> {
  readonly begin: () => Left<E>
}

/** An effect of a kind of its own, as Effect's are made. */
const AtOnce = function (this: { begin: () => Left<unknown> }, begin: () => Left<unknown>): void {
  this.begin = begin
} as unknown as new <E>(begin: () => Left<E>) => AtOnce<E>

const attempt = <E>(begin: () => Left<E>): Left<E> => {
  try {
    return begin()
  } catch (defect) {
    return Effect.die(defect)
  }
}

AtOnce.prototype = Effectable.Prototype<AtOnce<unknown>>({
  label: "AtOnce",
  evaluate() {
    return attempt(this.begin) ?? Effect.void
  },
})

/** An effect that does at once what it can, and then what `begin` returns, if anything is left. */
export const atOnce = <E>(begin: () => Left<E>): Effect.Effect<void, E> => new AtOnce(begin)

/** Begins an effect without a fiber: what is left of it, which is all of it unless it is of {@link atOnce}. */
export const begin = <E>(effect: Effect.Effect<void, E>): Left<E> =>
  effect instanceof AtOnce ? attempt((effect as AtOnce<E>).begin) : effect
