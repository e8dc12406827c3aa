/**
 * What a light process does by itself: what such an effect does instead of being evaluated by a fiber.
 *
 * @module
 */
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { LightProcess } from "./LightProcess.ts"

/** The name of the method. Effects that don't have it are run by a fiber. */
export const LIGHTLY: unique symbol = Symbol.for("guest-clock/simulation/Lightly")

/** An effect that needs no fiber. */
export interface Lightly {
  /** Does it: what it has come to, or nothing, if the process waits now, or has a {@link Frame} more. */
  readonly [LIGHTLY]: (own: LightProcess) => AnyExit | undefined
}

/** How something has ended. */
export type AnyExit = Exit.Exit<unknown, unknown>

/** Any effect. */
export type AnyEffect = Effect.Effect<unknown, unknown, unknown>

/** Whether a light process can do it by itself. */
export const isLightly = (effect: AnyEffect): effect is AnyEffect & Lightly =>
  (effect as Partial<Lightly>)[LIGHTLY] !== undefined

/** What a light process is in the middle of, as a frame of its stack: the body of a generator, or what goes around such. */
export interface Frame {
  /** What is around it. */
  below: Frame | undefined
  /** Told how what it did last has ended, what it does next; nothing, if it has ended, which came to `exit`. */
  readonly next: (told: AnyExit) => AnyEffect | undefined
  exit: AnyExit
  /** The line that it is at, as a stack trace has it, if it is at any. */
  readonly line?: () => string | undefined
}
