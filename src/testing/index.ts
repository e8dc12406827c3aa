/**
 * Tests on simulated time, for `@effect/vitest`: {@link it} is its `it` with
 * `it.simulated` as well, and nobody has to move a clock.
 *
 * @example
 * ```ts no-run
 * import { expect } from "@effect/vitest"
 * import { Clock, Effect } from "effect"
 * import { it } from "guest-clock/testing"
 *
 * it.simulated("a day has a day", () =>
 *   Effect.gen(function*() {
 *     yield* Effect.sleep("1 day")
 *     expect(yield* Clock.currentTimeMillis).toBe(86_400_000)
 *   }))
 * ```
 *
 * @module
 */
import { it as base, type TestContext, type TestOptions, type Vitest } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Mode from "../Mode.ts"
import * as VirtualTime from "../VirtualTime.ts"
import * as Explore from "./Explore.ts"

export * as Explore from "./Explore.ts"

/** How a test runs on simulated time. */
export interface SimulatedOptions extends VirtualTime.Options {
  /** The wall clock at guest time 0, in ns since 1970. Default: 0. */
  readonly start?: bigint
  /** Runs the test under many seeds, instead of once. Default: no. */
  readonly explore?: boolean | Pick<Explore.Options, "seeds" | "firstSeed" | "shrinkRuns">
  /** Vitest's own options, and its time-out in real ms. */
  readonly test?: number | TestOptions
}

/** What a test may use. */
export type Services = Explore.Simulated | Scope.Scope

/** Registers a test that runs on simulated time. */
export interface Simulated {
  <A, E>(
    name: string,
    self: (context: TestContext) => Effect.Effect<A, E, Services>,
    options?: SimulatedOptions,
  ): void
}

/** Registers tests with variants as Vitest's own. */
export interface SimulatedTester extends Simulated {
  readonly skip: Simulated
  readonly only: Simulated
  readonly fails: Simulated
  /** One test for each of `cases`. */
  readonly each: <T>(cases: ReadonlyArray<T>) => <A, E>(
    name: string,
    self: (value: T, context: TestContext) => Effect.Effect<A, E, Services>,
    options?: SimulatedOptions,
  ) => void
}

/** `@effect/vitest`'s methods, and tests on simulated time. */
export interface Methods extends Vitest.Methods {
  /**
   * A test on a clock of its own, in inf-cpu mode: time moves when no fiber can
   * run. It fails on a deadlock, and with its seed if it was given one; it can
   * also {@link SimulatedOptions.explore} many.
   */
  readonly simulated: SimulatedTester
}

/** A failure with the seed that it needs. */
class SeedFailed extends Error {
  override readonly name = "SeedFailed"
  constructor(seed: number, options: ErrorOptions) {
    super(`the test failed with seed ${seed}: run it again with { seed: ${seed} }`, options)
  }
}

const simulate = <A, E>(
  test: Effect.Effect<A, E, Services>,
  { explore, start = 0n, test: _, ...options }: SimulatedOptions,
): Effect.Effect<unknown, unknown> => {
  const scoped = Effect.scoped(test)
  if (explore !== undefined && explore !== false) {
    return Explore.explore(scoped, { ...options, start, ...explore === true ? {} : explore })
  }
  const run = Effect.provide(VirtualTime.run(scoped, options), Mode.infCpu({ start }))
  const { seed } = options
  return seed === undefined ? run : Effect.mapError(run, (cause) => new SeedFailed(seed, { cause }))
}

const register = (live: Vitest.Test<Scope.Scope>): Simulated => (name, self, options = {}) =>
  live(name, (context) => simulate(self(context), options), options.test)

/** `@effect/vitest`'s `it`, with `it.simulated`. */
export const it: Methods = Object.assign(Object.create(base), base, {
  simulated: Object.assign(register(base.live), {
    skip: register(base.live.skip),
    only: register(base.live.only),
    fails: register(base.live.fails),
    each: <T>(cases: ReadonlyArray<T>) =>
    <A, E>(
      name: string,
      self: (value: T, context: TestContext) => Effect.Effect<A, E, Services>,
      options: SimulatedOptions = {},
    ) => base.live.each(cases)(name, (value, context) => simulate(self(value, context), options), options.test),
  }),
}) as Methods
