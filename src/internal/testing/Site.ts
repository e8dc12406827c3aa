/**
 * Finds where a test is written, so that errors point to the test and not into the clock.
 *
 * @module
 */
import { isOwn } from "../platform/StackFrames.ts"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { OptionError } from "../../core/Fault.ts"
import * as VirtualTime from "../../VirtualTime.ts"
import * as Explore from "./Explore.ts"

/** A failure with the seed that it needs. */
export class SeedFailed extends Error {
  override readonly name = "SeedFailed"
  constructor(seed: number, options: ErrorOptions) {
    super(`the test failed with seed ${seed}: run it again with { seed: ${seed} }`, options)
  }
}

/** What a run on simulated time fails with that isn't the program's. */
const ERRORS = [
  VirtualTime.Deadlock,
  VirtualTime.HoldTimedOut,
  VirtualTime.LimitReached,
  VirtualTime.Livelock,
  VirtualTime.Stalled,
  VirtualTime.TimersPending,
  OptionError,
  Explore.Failure,
  SeedFailed,
]

/** A line of a stack trace, as `    at name (file:line:column)`. */
export type Frame = string

const isFrame = (line: string): boolean => /^\s*at |@.*:\d+:\d+$/.test(line)

/** The caller of `registrar`, which is running: undefined where the runtime can't tell. */
export const callerOf = (registrar: (...args: never) => unknown): Frame | undefined => {
  const { stackTraceLimit } = Error
  const trace: { readonly stack?: string } = {}
  Error.stackTraceLimit = 1
  Error.captureStackTrace?.(trace, registrar)
  Error.stackTraceLimit = stackTraceLimit
  return trace.stack?.split("\n").find(isFrame)
}

const fileOf = (frame: Frame): string => /([^\s(@]+?):\d+:\d+\)?$/.exec(frame)?.[1] ?? frame

/** What is this library's own, Effect's, the test runner's, or the runtime's, leads nobody anywhere. */
const isOthers = (frame: Frame): boolean =>
  !isOwn(frame) &&
  !/\b(?:node|ext):|[\\/](?:@effect[\\/]vitest|effect)[\\/](?:dist|src)[\\/]/.test(frame)

/** Has an error's stack trace consist of what isn't this library's, with the test as its end. */
export const point = (error: Error, site: Frame): void => {
  const frames = (error.stack ?? "").split("\n").filter(isFrame).filter(isOthers)
  const isThere = frames.some((frame) => fileOf(frame) === fileOf(site))
  error.stack = [`${error.name}: ${error.message}`, ...frames, ...isThere ? [] : [site]].join("\n")
}

/** An error that several tests fail with, as it is to one of them: it leads to the lines at which that one waits. */
export const forOne = (error: unknown, lines: ReadonlyArray<Frame>, site: Frame | undefined): unknown => {
  if (!(error instanceof Error)) return error
  // Made by the constructor, as only such are errors to those who print them.
  const one = Object.defineProperties(new Error(error.message), Object.getOwnPropertyDescriptors(error))
  Object.setPrototypeOf(one, Object.getPrototypeOf(error))
  one.stack = [`${error.name}: ${error.message}`, ...lines.map((line) => `    ${line}`)].join("\n")
  if (site !== undefined) point(one, site)
  return one
}

/** Has the errors of this library that `run` fails with lead to `site`, if there is one. */
export const pointing = <A, E, R>(run: Effect.Effect<A, E, R>, site: Frame | undefined): Effect.Effect<A, E, R> =>
  site === undefined ? run : Effect.tapCause(run, (cause) =>
    Effect.sync(() => {
      for (const reason of cause.reasons) {
        const error = Cause.isFailReason(reason) ? reason.error : Cause.isDieReason(reason) ? reason.defect : undefined
        if (ERRORS.some((kind) => error instanceof kind)) point(error as Error, site)
      }
    }))
