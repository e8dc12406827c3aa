/**
 * An operation that can't be done at once: what it waits for, and how it goes on.
 *
 * @module
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"

/** Something to wait for that tells by itself when it is over, so that no fiber has to stand still for it. */
export interface Pause<A> {
  /** Begins to wait: `goOn` is called once with what it comes to, perhaps at once. The result gives it up. */
  readonly begin: (goOn: (result: Effect.Effect<A>) => void) => () => void
  /** The same for a fiber. */
  readonly toEffect: () => Effect.Effect<A>
}

/** What an operation can wait for. */
export type Awaited<E> = Effect.Effect<unknown, E> | Pause<unknown>

/** An operation that waits. It goes on once for each wait: {@link Waiting.goOn} or {@link Waiting.fail}. */
export interface Waiting<E> {
  /** What it waits for now. */
  readonly pause: Awaited<E>
  /** What is done at its end, whatever happened: it leaves the CPU. */
  leave: (() => Effect.Effect<void> | undefined) | undefined
  /** The wait came to `value`: does all that can be done at once. */
  goOn(value: unknown): Unfinished<E>
  /** The wait has failed, or was interrupted: cleans up. */
  fail(cause: Cause.Cause<E>): Unfinished<E>
}

/** What is left of an operation, if anything is. */
export type Unfinished<E> = Effect.Effect<void, E> | Waiting<E> | undefined

/** Whether something that isn't finished is an operation that waits, and not an effect. */
export const isWaiting = <E>(left: NonNullable<Unfinished<E>>): left is Waiting<E> => "pause" in left

/** What is left as an effect: to be run where no interruption can come in but in what it waits for. */
export const toEffect = <E>(left: Unfinished<E>): Effect.Effect<void, E> => {
  if (left === undefined) return Effect.void
  if (!isWaiting(left)) return left
  const { pause } = left
  return Effect.matchCauseEffect(Effect.isEffect(pause) ? pause : pause.toEffect(), {
    onFailure: (cause) => toEffect(left.fail(cause)),
    onSuccess: (value) => toEffect(left.goOn(value)),
  })
}

/** What an operation leaves; what it throws is a defect. */
export const attempt = <A, E>(run: (value: A) => Unfinished<E>, value: A): Unfinished<E> => {
  try {
    return run(value)
  } catch (defect) {
    return Effect.die(defect)
  }
}
