/**
 * Runs one test on simulated time: its defaults, its deadline, and its report.
 *
 * @module
 */
import type { TestContext, TestOptions } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Mode from "../../Mode.ts"
import * as VirtualTime from "../../VirtualTime.ts"
import { LimitReached } from "../virtual/Stuck.ts"
import { provided } from "./AdjustableClock.ts"
import * as Explore from "./Explore.ts"
import { type Frame, pointing, SeedFailed } from "./Site.ts"

/**
 * What a test may use.
 *
 * @since 0.1.0
 * @category models
 */
export type Services = Explore.Simulated | Scope.Scope

/**
 * The simulated time of a test, or of a group of tests.
 *
 * @since 0.1.0
 * @category models
 */
export interface TimeOptions extends VirtualTime.Options {
  /** The wall clock at guest time 0, in ns since 1970. Default: 0. */
  readonly start?: bigint
}

/**
 * How a test runs on simulated time.
 *
 * @since 0.1.0
 * @category models
 */
export interface SimulatedOptions extends TimeOptions {
  /** Runs the test under many seeds, instead of once. Default: no. */
  readonly explore?: boolean | Pick<Explore.Options, "seeds" | "firstSeed" | "shrinkRuns">
  /** Vitest's own options, and its time-out in real ms. */
  readonly test?: number | TestOptions
}

/** How long before its time-out a test that is stuck fails, as a share of that: half of it is for ending. */
const SHARE_LEFT = 0.1

/** How long a test may take whose time-out is this, in ms; undefined without a time-out. */
export const allowedMs = (timeoutMs: number): number | undefined =>
  timeoutMs > 0 && Number.isFinite(timeoutMs) ? timeoutMs * (1 - SHARE_LEFT) : undefined

/**
 * What tests have instead of the defaults for simulations: right before fast, and a report before the test runner's
 * time-out, however it is stuck.
 */
export const forTest = (options: VirtualTime.Options, timeoutMs: number): VirtualTime.Options => {
  const allowed = allowedMs(timeoutMs)
  return {
    yieldsCostTime: true,
    requests: "wait",
    stalled: "fail",
    deadlockAfter: Math.min(1_000, (allowed ?? Infinity) / 4),
    // Not much earlier than it has to be, as a test may leave what takes long to other fibers.
    ...allowed !== undefined &&
      { stalledAfter: 0.9 * allowed, livelockAfterRealTime: Math.min(3_000, 0.9 * allowed) },
    ...options,
    limits: { ...allowed !== undefined && { realTime: allowed }, ...options.limits },
  }
}

/** Each seed has a limit of its own, and all of them together have this one. */
const within = <A, E>(all: Effect.Effect<A, E>, ms: number | undefined): Effect.Effect<A, E | LimitReached> => {
  if (ms === undefined) return all
  const late = Effect.suspend(() =>
    Effect.fail(new LimitReached("real time", `${ms} ms`, 0n, "seeds are being explored"))
  )
  return Effect.timeoutOrElse(all, { duration: ms, orElse: () => late })
}

/** A test as Vitest runs it, on a clock of its own. */
export const simulate = <A, E>(
  test: Effect.Effect<A, E, Services>,
  { explore, start = 0n, test: _, ...given }: SimulatedOptions,
  context: TestContext,
  site: Frame | undefined,
): Effect.Effect<A | void, unknown> => {
  const options = forTest(given, context.task.timeout)
  const scoped = provided(Effect.scoped(test))
  if (explore !== undefined && explore !== false) {
    const all = Explore.explore(scoped, { ...options, start, ...explore === true ? {} : explore })
    return pointing(within(all, allowedMs(context.task.timeout)), site)
  }
  const run = Effect.provide(VirtualTime.run(scoped, options), Mode.infCpu({ start }))
  const { seed } = options
  if (seed === undefined) return pointing(run, site)
  return pointing(Effect.mapError(pointing(run, site), (cause) => new SeedFailed(seed, { cause })), site)
}
