/**
 * The stack frames of light processes, and the effects that push them. In a fiber, each of these effects does the same.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Effectable from "effect/Effectable"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type { AnyFiber } from "../platform/Suspension.ts"
import { lineOf } from "../platform/StackFrames.ts"
import { type AnyEffect, type AnyExit, type Frame, LIGHTLY, type Lightly, type Performer } from "./Lightly.ts"
import type { Region } from "./Running.ts"

/** An effect that a fiber does in one way, and a light process in another. */
interface Both extends Effect.Effect<unknown, unknown, unknown>, Lightly {
  readonly inFiber: (fiber: AnyFiber) => Effect.Effect<unknown, unknown, unknown>
}

const Both = function (this: { inFiber: unknown; [LIGHTLY]: unknown }, inFiber: unknown, lightly: unknown): void {
  this.inFiber = inFiber
  this[LIGHTLY] = lightly
} as unknown as new (inFiber: Both["inFiber"], lightly: Lightly[typeof LIGHTLY]) => Both

Both.prototype = Effectable.Prototype<Both>({
  label: "Both",
  evaluate(fiber) {
    return this.inFiber(fiber)
  },
})

/** An effect that a fiber does by `inFiber`, and a light process by `lightly`. */
export const both = <A, E, R>(
  inFiber: (fiber: AnyFiber) => Effect.Effect<A, E, R>,
  lightly: (own: Performer) => AnyExit | undefined,
): Effect.Effect<A, E, R> => new Both(inFiber, lightly) as Effect.Effect<A, E, R>

/** The body of a light process, as an effect. */
export interface Light extends AnyEffect, Lightly {
  readonly body: () => Iterator<AnyEffect, unknown>
}

const Light = function (this: { body: unknown }, body: unknown): void {
  this.body = body
} as unknown as new (body: Light["body"]) => Light

Light.prototype = Effectable.Prototype<Light>({
  label: "Light",
  evaluate() {
    return Effect.gen(this.body as () => Generator<AnyEffect, unknown, never>)
  },
})
Light.prototype[LIGHTLY] = function (this: Light, own: Performer): undefined {
  return own.enter(new Body(this.body))
}

/** An effect of a generator: where a process begins with it, that is a light one. */
export const light = (body: Light["body"]): Light => new Light(body)

/** Whether an effect is that of a light process. */
export const isLight = (effect: unknown): effect is Light => effect instanceof Light

/** The frame of a generator. As in `Effect.gen`, it ends by what fails in it. */
export class Body implements Frame {
  below: Frame | undefined = undefined
  exit: AnyExit = Exit.void
  #make: (() => Iterator<AnyEffect, unknown>) | undefined
  #iterator: Iterator<AnyEffect, unknown, unknown> | undefined = undefined

  constructor(make: () => Iterator<AnyEffect, unknown>) {
    this.#make = make
  }

  next(told: AnyExit): AnyEffect | undefined {
    if (told._tag === "Failure") {
      this.exit = told
      return undefined
    }
    if (this.#iterator === undefined) {
      this.#iterator = this.#make!()
      this.#make = undefined
    }
    const { done, value } = this.#iterator.next(told.value)
    if (done !== true) return value
    this.exit = value === undefined ? Exit.void : Exit.succeed(value)
    return undefined
  }

  line(): string | undefined {
    return this.#iterator === undefined ? undefined : lineOf(this.#iterator as Generator)
  }
}

/** An effect, with its failure as a value. */
class Caught implements Frame {
  below: Frame | undefined = undefined
  exit: AnyExit = Exit.void
  #effect: AnyEffect | undefined

  constructor(effect: AnyEffect) {
    this.#effect = effect
  }

  next(told: AnyExit): AnyEffect | undefined {
    const effect = told._tag === "Success" ? this.#effect : undefined
    this.#effect = undefined
    if (effect === undefined) this.exit = resultOf(told)
    return effect
  }
}

const resultOf = (exit: AnyExit): AnyExit => {
  if (exit._tag === "Success") return Exit.succeed(Result.succeed(exit.value))
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  return failure === undefined ? exit : Exit.succeed(Result.fail(failure.error))
}

/** An effect that doesn't fail: what it came to, or its failure, as `Effect.result` has it. */
export const result = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Result.Result<A, E>, never, R> =>
  both(() => Effect.result(effect), (own) => own.enter(new Caught(effect)))

/** A part of a process that an interrupt can end: the body, then the fiber that ran any of it, and what that came to. */
export class Within implements Frame {
  below: Frame | undefined = undefined
  exit: AnyExit = Exit.void
  readonly #region: Region
  readonly #owner: Performer
  #effect: AnyEffect | undefined
  #isClosed = false

  constructor(own: Performer, effect: AnyEffect, onOpen: ((region: Region) => void) | undefined) {
    this.#owner = own
    this.#effect = effect
    this.#region = own.open()
    onOpen?.(this.#region)
  }

  next(told: AnyExit): AnyEffect | undefined {
    const effect = this.#effect
    this.#effect = undefined
    if (effect !== undefined && told._tag === "Success") return effect
    if (!this.#isClosed) {
      this.#isClosed = true
      return both(() => told, (own) => own.close(this.#region, told))
    }
    this.#region.settle(told)
    this.#owner.leave(this.#region)
    this.exit = this.#region.told(told)
    return undefined
  }
}
