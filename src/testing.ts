/**
 * Tests on simulated time, for `@effect/vitest`: all that it exports, with an {@link it} on whose tests' clocks time
 * moves by itself, so that nobody has to.
 *
 * A suite that uses `TestClock` moves over by an alias: see docs/testclock.md.
 *
 * @example
 * ```ts no-run
 * import { Clock, Effect } from "effect"
 * import { expect, it } from "guest-clock/testing"
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
import { describe, type SuiteCollector, test } from "@effect/vitest"
import { makeMethods, type Methods } from "./internal/testing/Methods.ts"

export * from "@effect/vitest"
export * as Explore from "./internal/testing/Explore.ts"
export {
  type GroupOf,
  type LayerOptions,
  makeMethods,
  type Methods,
  type MethodsNonLive,
  type NestedLayerOptions,
  type NoFixtures,
  type Simulated,
  type SimulatedTester,
} from "./internal/testing/Methods.ts"
export { type Services, type SimulatedOptions, type TimeOptions } from "./internal/testing/Simulate.ts"

/**
 * `@effect/vitest`'s `it`, on simulated time.
 *
 * **When to use**
 *
 * Use it in place of `@effect/vitest`'s: tests that sleep take no real time, and needn't adjust a clock.
 *
 * @example
 * ```ts no-run
 * import { Effect } from "effect"
 * import { it } from "guest-clock/testing"
 *
 * it.simulated("sleeps for a year", () => Effect.sleep("365 days"))
 * ```
 *
 * @since 0.1.0
 * @category tests
 */
export const it: Methods = makeMethods(test)

/**
 * `it.effect`: a test on simulated time, with a console of its own.
 *
 * @since 0.1.0
 * @category tests
 */
export const effect: Methods["effect"] = it.effect

/**
 * `it.layer`: shares a layer among the tests of a group, and one simulated time.
 *
 * That time moves while the layer is built or released, and while a test of the group runs; otherwise it stands still.
 *
 * **When to use**
 *
 * Use it where several tests share what takes long to build.
 *
 * @example
 * ```ts no-run
 * import { Clock, Context, Effect, Layer } from "effect"
 * import { expect, layer } from "guest-clock/testing"
 *
 * class Uptime extends Context.Service<Uptime, Effect.Effect<number>>()("Uptime") {
 *   static layer = Layer.effect(
 *     Uptime,
 *     Effect.map(Clock.currentTimeMillis, (begin) => Effect.map(Clock.currentTimeMillis, (now) => now - begin)),
 *   )
 * }
 *
 * layer(Uptime.layer)("uptime", (it) => {
 *   it.effect("is there in the first test", () => Effect.sleep("1 day"))
 *   it.effect("and in the next", () =>
 *     Effect.gen(function*() {
 *       expect(yield* yield* Uptime).toBe(86_400_000)
 *     }))
 * })
 * ```
 *
 * @since 0.1.0
 * @category tests
 */
export const layer: Methods["layer"] = it.layer

/**
 * A suite whose tests are registered with the `it` that it is given.
 *
 * @since 0.1.0
 * @category tests
 */
export const describeWrapped = (name: string, f: (it: Methods) => void): SuiteCollector => describe(name, () => f(it))
