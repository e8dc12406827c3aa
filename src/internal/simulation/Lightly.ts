/**
 * The interface between light processes and the effects that they run themselves, without a fiber.
 *
 * @module
 */
import type * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { Awaitable } from "./Begun.ts"
import type { Region, Running } from "./Running.ts"

/** The name of the method. Effects that don't have it are run by a fiber. */
export const LIGHTLY: unique symbol = Symbol.for("guest-clock/simulation/Lightly")

/** An effect that needs no fiber. */
export interface Lightly {
  /** Does it: what it has come to, or nothing, if the process waits now, or has a {@link Frame} more. */
  readonly [LIGHTLY]: (own: Performer) => AnyExit | undefined
}

/** A light process, as the effects see it that it does by itself. Each method returns what that has come to, if it has. */
export interface Performer extends Running {
  /** What the effects in it are given. */
  readonly context: Context.Context<never>
  /** Puts another frame on top, which begins at once. */
  enter(frame: Frame): undefined
  /** Begins an operation, and waits for it. */
  wait(operation: Awaitable<unknown, unknown>): AnyExit | undefined
  /** Lets so many ns pass, for a hold. */
  pass(nanos: bigint, operation: Awaitable<void, unknown>): undefined
  /** Has a fiber run an effect. */
  host(effect: AnyEffect): AnyExit | undefined
  /** Opens a region: the innermost from now on. */
  open(): Region
  /** Ends the fiber of a region that it opened, which came to `exit`. */
  close(region: Region, exit: AnyExit): AnyExit | undefined
  /** Leaves the innermost region, which has ended. */
  leave(region: Region): void
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
