/**
 * What is left of an operation that can't be done at once.
 *
 * Nearly always it is one wait and then plain code, layer upon layer: the clock goes on in the core, takes a
 * mask off, leaves the CPU. With an effect for each layer, of some 45 steps of Effect's run loop in all, a turn on a
 * calendar took 1.4 times as long on Node. So a {@link Wait} gathers functions, and is one effect in the end.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"

/** What is left to be done, if anything is. */
export type Rest<E> = Left<E> | undefined

/** Something that is left: an effect, or a wait and what comes after it. */
export type Left<E> = Effect.Effect<void, E> | Wait<E>

/** Something that is done after a wait: `always`, or only if all went well before. */
interface Step<E> {
  readonly always: boolean
  readonly run: (failed: boolean) => Rest<E>
  next: Step<E> | undefined
}

/**
 * Waits for one thing, and then does one step after the other. It is made an effect of once, which is run once. A list,
 * as an array for a handful of steps has room for 17.
 */
export class Wait<E> {
  /** What is waited for. */
  readonly pause: Effect.Effect<unknown, E>
  /** What comes right after that, if it hasn't failed: it is told what it came to. */
  readonly next: (value: unknown) => Rest<E>
  first: Step<E> | undefined = undefined
  private last: Step<E> | undefined = undefined

  constructor(pause: Effect.Effect<unknown, E>, next: (value: unknown) => Rest<E>) {
    this.pause = pause
    this.next = next
  }

  add(always: boolean, run: Step<E>["run"]): this {
    const step: Step<E> = { always, run, next: undefined }
    if (this.last === undefined) this.first = step
    else this.last.next = step
    this.last = step
    return this
  }
}

/** Waits until `pause` has ended, and goes on with what it came to. */
export const wait = <A, E>(pause: Effect.Effect<A, E>, next: (value: A) => Rest<E>): Wait<E> =>
  new Wait(pause, next as (value: unknown) => Rest<E>)

/** `first`, and then what `next` leaves. Not `then`: a module that exports that is a promise to whoever imports it late. */
export const andThen = <E>(first: Left<E>, next: () => Rest<E>): Left<E> => {
  if (!(first instanceof Wait)) return Effect.andThen(first, Effect.suspend(() => toEffect(next())))
  return first.add(false, next)
}

/** The same where there may be nothing to be done before. */
export const after = <E>(first: Rest<E>, next: () => Rest<E>): Rest<E> =>
  first === undefined ? next() : andThen(first, next)

/** `first`, and then what `end` leaves, whether `first` failed or not. */
export const ending = <E>(first: Left<E>, end: (failed: boolean) => Effect.Effect<void> | undefined): Left<E> => {
  if (!(first instanceof Wait)) return Effect.onExit(first, (exit) => end(exit._tag === "Failure") ?? Effect.void)
  return first.add(true, end)
}

/** What is left as an effect: one that isn't interrupted but where it waits. */
export const toEffect = <E>(rest: Rest<E>): Effect.Effect<void, E> => {
  if (rest === undefined) return Effect.void
  if (!(rest instanceof Wait)) return rest
  return Effect.matchCauseEffect(rest.pause, {
    onFailure: (cause) => goOn(rest.first, cause),
    onSuccess: (value) => goOnAfter(attempt(rest.next, value), rest.first, undefined),
  })
}

/** `step` and all after it; `cause` is why something before has failed, if it has. */
const goOn = <E>(step: Step<E> | undefined, cause: Cause.Cause<E> | undefined): Effect.Effect<void, E> => {
  for (let at = step; at !== undefined; at = at.next) {
    if (cause !== undefined && !at.always) continue
    const rest = attempt(at.run, cause !== undefined)
    if (rest !== undefined) return goOnAfter(rest, at.next, cause)
  }
  return cause === undefined ? Effect.void : Effect.failCause(cause)
}

/** What one step left, and then `step` and all after it. */
const goOnAfter = <E>(
  rest: Rest<E>,
  step: Step<E> | undefined,
  cause: Cause.Cause<E> | undefined,
): Effect.Effect<void, E> => {
  if (rest === undefined) return goOn(step, cause)
  if (rest instanceof Wait) {
    for (let at = step; at !== undefined; at = at.next) rest.add(at.always, at.run)
    return toEffect(rest)
  }
  return Effect.matchCauseEffect(rest, {
    onFailure: (more) => goOn(step, cause === undefined ? more : Cause.combine(cause, more)),
    onSuccess: (_) => goOn(step, cause),
  })
}

/** What `run` leaves; what it throws is a defect. */
export const attempt = <A, E>(run: (value: A) => Rest<E>, value: A): Rest<E> => {
  try {
    return run(value)
  } catch (defect) {
    return Effect.die(defect)
  }
}
