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
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"

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

/** Something to wait for that tells by itself when it is over, so that no fiber has to stand still for it. */
export interface Pause<A> {
  /** Begins to wait: `goOn` is called once with what it comes to, perhaps at once. The result gives it up. */
  readonly begin: (goOn: (result: Effect.Effect<A>) => void) => () => void
  /** The same for a fiber. */
  readonly toEffect: () => Effect.Effect<A>
}

/**
 * Waits for one thing, and then does one step after the other. It is run once. A list, as an array for a handful of
 * steps has room for 17.
 */
export class Wait<E> {
  /** What is waited for. */
  readonly pause: Effect.Effect<unknown, E> | Pause<unknown>
  /** What comes right after that, if it hasn't failed: it is told what it came to. */
  readonly next: (value: unknown) => Rest<E>
  first: Step<E> | undefined = undefined
  private last: Step<E> | undefined = undefined

  constructor(pause: Effect.Effect<unknown, E> | Pause<unknown>, next: (value: unknown) => Rest<E>) {
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
export const wait = <A, E>(pause: Effect.Effect<A, E> | Pause<A>, next: (value: A) => Rest<E>): Wait<E> =>
  new Wait(pause, next as (value: unknown) => Rest<E>)

/** An effect that does at once what it can, and then the rest. */
interface AtOnce<E> extends Effect.Effect<void, E> {
  readonly begin: () => Rest<E>
}

/** An effect of a kind of its own, as Effect's are made. */
const AtOnce = function (this: { begin: () => Rest<unknown> }, begin: () => Rest<unknown>): void {
  this.begin = begin
} as unknown as new <E>(begin: () => Rest<E>) => AtOnce<E>

AtOnce.prototype = Effectable.Prototype<AtOnce<unknown>>({
  label: "AtOnce",
  evaluate() {
    return toEffect(attempt(this.begin, undefined))
  },
})

/** An effect that does at once what it can, and then the rest: for who runs it without a fiber, that is all it takes. */
export const atOnce = <E>(begin: () => Rest<E>): Effect.Effect<void, E> => new AtOnce(begin)

/** What an effect leaves that may do something at once. */
export const begin = <E>(effect: Effect.Effect<void, E>): Rest<E> =>
  effect instanceof AtOnce ? attempt((effect as AtOnce<E>).begin, undefined) : effect

/** `first`, and then what `next` leaves. Not `then`: a module that exports that is a promise to whoever imports it late. */
export const andThen = <E>(first: Left<E>, next: () => Rest<E>): Left<E> => {
  if (!(first instanceof Wait)) return Effect.andThen(first, Effect.suspend(() => toEffect(next())))
  return first.add(false, next)
}

/** The same where there may be nothing to be done before. */
export const after = <E>(first: Rest<E>, next: () => Rest<E>): Rest<E> =>
  first === undefined ? next() : andThen(first, next)

/** `first`, and then what `end` leaves, whether `first` failed or not. */
export const ending = <E>(first: Left<E>, end: (failed: boolean) => Rest<E>): Left<E> => {
  if (!(first instanceof Wait)) return Effect.onExit(first, (exit) => toEffect(end(exit._tag === "Failure")))
  return first.add(true, end)
}

/** What is left as an effect: one that isn't interrupted but where it waits. */
export const toEffect = <E>(rest: Rest<E>): Effect.Effect<void, E> => {
  if (rest === undefined) return Effect.void
  if (!(rest instanceof Wait)) return rest
  const { pause, next, first } = rest
  return Effect.matchCauseEffect(Effect.isEffect(pause) ? pause : pause.toEffect(), {
    onFailure: (cause) => goOn(first, cause),
    onSuccess: (value) => toEffect(follow(attempt(next, value), first)),
  })
}

/** What is left of `rest` and of `step` and all after it, when as much as can be done at once is. */
const follow = <E>(rest: Rest<E>, step: Step<E> | undefined): Rest<E> => {
  let left = rest
  for (let at = step; at !== undefined; at = at.next) {
    if (left instanceof Wait) {
      for (let each: Step<E> | undefined = at; each !== undefined; each = each.next) left.add(each.always, each.run)
      return left
    }
    if (left !== undefined) return goOnAfter(left, at, undefined)
    left = attempt(at.run, false)
  }
  return left
}

/** `step` and all after it, where something before has failed, if there is a cause. */
const goOn = <E>(step: Step<E> | undefined, cause: Cause.Cause<E> | undefined): Effect.Effect<void, E> => {
  if (cause === undefined) return toEffect(follow(undefined, step))
  for (let at = step; at !== undefined; at = at.next) {
    if (!at.always) continue
    const rest = attempt(at.run, true)
    if (rest !== undefined) return goOnAfter(toEffect(rest), at.next, cause)
  }
  return Effect.failCause(cause)
}

/** What one step left, and then `step` and all after it. */
const goOnAfter = <E>(
  rest: Effect.Effect<void, E>,
  step: Step<E> | undefined,
  cause: Cause.Cause<E> | undefined,
): Effect.Effect<void, E> =>
  Effect.matchCauseEffect(rest, {
    onFailure: (more) => goOn(step, cause === undefined ? more : Cause.combine(cause, more)),
    onSuccess: (_) => goOn(step, cause),
  })

/** Runs an effect, as `Effect.runFork` does. */
export type Fork = <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>

/** What is left, while it is done without a fiber as far as that goes. */
export class Running<E> {
  readonly #fork: Fork
  readonly #done: (exit: Exit.Exit<void, E>) => void
  /** What comes after the wait that is under way. */
  #waiting: Wait<E> | undefined
  #giveUp: (() => void) | undefined
  #fiber: Fiber.Fiber<void, E> | undefined

  /** What needs a fiber is forked; `done` is called at the end, which may be at once. */
  constructor(rest: Rest<E>, fork: Fork, done: (exit: Exit.Exit<void, E>) => void) {
    this.#fork = fork
    this.#done = done
    this.#do(rest)
  }

  #do(rest: Rest<E>): void {
    if (rest === undefined) return this.#done(Exit.void)
    if (!(rest instanceof Wait) || Effect.isEffect(rest.pause)) return this.#doInFiber(toEffect(rest))
    this.#waiting = rest
    const giveUp = rest.pause.begin(this.#goOn)
    // It may be over by now, and another one under way.
    if (this.#waiting === rest) this.#giveUp = giveUp
  }

  readonly #goOn = (result: Effect.Effect<unknown>): void => {
    const { next, first } = this.#waiting!
    this.#waiting = this.#giveUp = undefined
    if (Exit.isExit(result) && Exit.isSuccess(result)) return this.#do(follow(attempt(next, result.value), first))
    this.#doInFiber(Effect.matchCauseEffect(result, {
      onFailure: (cause) => goOn(first, cause as Cause.Cause<E>),
      onSuccess: (value) => toEffect(follow(attempt(next, value), first)),
    }))
  }

  #doInFiber(effect: Effect.Effect<void, E>): void {
    const fiber = this.#fiber = this.#fork(effect)
    fiber.addObserver(this.#done)
  }

  /** Gives up what is waited for: what is always to be done after that still is. */
  interrupt(): void {
    if (this.#fiber !== undefined) return this.#fiber.interruptUnsafe()
    const waiting = this.#waiting
    if (waiting === undefined) return
    const giveUp = this.#giveUp
    this.#waiting = this.#giveUp = undefined
    giveUp?.()
    this.#doInFiber(goOn(waiting.first, Cause.interrupt()))
  }
}

/** What `run` leaves; what it throws is a defect. */
export const attempt = <A, E>(run: (value: A) => Rest<E>, value: A): Rest<E> => {
  try {
    return run(value)
  } catch (defect) {
    return Effect.die(defect)
  }
}
