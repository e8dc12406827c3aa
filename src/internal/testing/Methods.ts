/**
 * The methods of `@effect/vitest` on simulated time.
 *
 * Registering tests, sharing layers and reporting are `@effect/vitest`'s own: each test is one of its `it.live`, or of a
 * group's, and brings its time along.
 *
 * @module
 */
import { makeMethods as makeBase, type TestAPI, type TestContext, type TestOptions, type Vitest } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestConsole from "effect/testing/TestConsole"
import type * as Explore from "./Explore.ts"
import * as Group from "./Group.ts"
import { allowedMs, type Services, simulate, type SimulatedOptions, type TimeOptions } from "./Simulate.ts"
import { callerOf, type Frame, pointing } from "./Site.ts"

/** A test's effect, and what else it is given. */
type Self<A, E, R, Args extends Array<unknown>> = (...args: Args) => Effect.Effect<A, E, R>

/**
 * The fixtures of a test API that was not extended.
 *
 * @since 0.1.0
 * @category models
 */
export type NoFixtures = Record<never, never>

/**
 * Registers a test that runs on simulated time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Simulated<Options = SimulatedOptions, R = Services, ExtraContext = NoFixtures> {
  <A, E>(name: string, self: Self<A, E, R, [TestContext & ExtraContext]>, options?: Options): void
}

/**
 * Registers tests with variants as Vitest's own.
 *
 * @since 0.1.0
 * @category models
 */
export interface SimulatedTester<Options = SimulatedOptions, R = Services, ExtraContext = NoFixtures>
  extends Simulated<Options, R, ExtraContext> {
  readonly skip: Simulated<Options, R, ExtraContext>
  readonly only: Simulated<Options, R, ExtraContext>
  readonly fails: Simulated<Options, R, ExtraContext>
  readonly skipIf: (condition: unknown) => Simulated<Options, R, ExtraContext>
  readonly runIf: (condition: unknown) => Simulated<Options, R, ExtraContext>
  /** One test for each of `cases`. */
  readonly each: <T>(
    cases: ReadonlyArray<T>,
  ) => <A, E>(name: string, self: Self<A, E, R, [T, TestContext & ExtraContext]>, options?: Options) => void
}

/**
 * Registers a group of tests, in a `describe` if it has a name.
 *
 * @since 0.1.0
 * @category models
 */
export interface GroupOf<M> {
  (f: (it: M) => void): void
  (name: string, f: (it: M) => void): void
}

/**
 * How a layer is shared within a group that has a simulated time already.
 *
 * @since 0.1.0
 * @category models
 */
export interface NestedLayerOptions {
  /** Whether a named group's tests run concurrently, whatever is around it. They share one time. */
  readonly concurrent?: boolean
  /** Vitest's time-out for building the layer, and for releasing it. */
  readonly timeout?: Duration.Input
}

/**
 * How a layer is shared by a group of tests.
 *
 * @since 0.1.0
 * @category models
 */
export interface LayerOptions extends NestedLayerOptions {
  /** Shares what is built with other groups that have this, their simulated time included. Default: one of its own. */
  readonly memoMap?: Layer.MemoMap
  /** Has the group in real time, without a test's console. Default: no. */
  readonly excludeTestServices?: boolean
  /** The group's simulated time. */
  readonly simulated?: TimeOptions
}

/**
 * The methods within a group that shares the services `R`.
 *
 * @since 0.1.0
 * @category models
 */
export interface MethodsNonLive<R = never, ExtraContext = NoFixtures> extends TestAPI<ExtraContext> {
  /** A test with the group's services, on the group's simulated time, or in real time if that is the group's. */
  readonly effect: Vitest.Tester<R | Services, ExtraContext>
  /** The same. */
  readonly simulated: SimulatedTester<number | TestOptions, R | Services, ExtraContext>
  readonly flakyTest: Vitest.MethodsNonLive["flakyTest"]
  readonly prop: Vitest.MethodsNonLive["prop"]
  /** Shares one more layer among some of the group's tests, on the same simulated time. */
  readonly layer: <R2, E>(
    layer: Layer.Layer<R2, E, R | Explore.Simulated>,
    options?: NestedLayerOptions,
  ) => GroupOf<MethodsNonLive<R | R2, ExtraContext>>
}

/**
 * `@effect/vitest`'s methods, on simulated time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Methods<R = never, ExtraContext = NoFixtures> extends TestAPI<ExtraContext> {
  /** A test on simulated time, as {@link Methods.simulated}, with a console of its own: see `TestConsole`. */
  readonly effect: Vitest.Tester<R | Services, ExtraContext>
  /** A test in real time. */
  readonly live: Vitest.Tester<R | Scope.Scope, ExtraContext>
  /**
   * A test on a clock of its own, in inf-cpu mode: time moves when no fiber can
   * run. It fails on a deadlock, and with its seed if it was given one; it can
   * also {@link SimulatedOptions.explore} many.
   */
  readonly simulated: SimulatedTester<SimulatedOptions, R | Services, ExtraContext>
  readonly flakyTest: Vitest.MethodsNonLive["flakyTest"]
  readonly prop: Vitest.MethodsNonLive["prop"]
  /** Shares a layer among the tests of a group, and one simulated time, on which the layer is built and released. */
  readonly layer: <R2, E>(
    layer: Layer.Layer<R2, E, R | Explore.Simulated>,
    options?: LayerOptions,
  ) => GroupOf<MethodsNonLive<R | R2, ExtraContext>>
}

/** Runs a test in what one of `@effect/vitest`'s testers gives it. */
type Run<Options> = <A, E>(
  self: Effect.Effect<A, E, never>,
  context: TestContext,
  site: Frame | undefined,
  options: Options | undefined,
) => Effect.Effect<A, unknown, never>

/** As `f`, with the source of `self`: Vitest reads there which fixtures a test wants. */
const withSource = <F extends object>(self: object, f: F): F =>
  Object.defineProperty(f, "toString", { value: () => String(self) })

const variants = <Options>(
  base: Vitest.Tester<never>,
  run: Run<Options>,
  vitestOptions: (options: Options | undefined) => number | TestOptions | undefined,
): SimulatedTester<Options, never> => {
  const register = (test: Vitest.Test<never>): Simulated<Options, never> => {
    const registered: Simulated<Options, never> = (name, self, options) => {
      const site = callerOf(registered)
      const body = (context: TestContext) => run(Effect.suspend(() => self(context)), context, site, options)
      test(name, withSource(self, body), vitestOptions(options))
    }
    return registered
  }
  const each = <T>(cases: ReadonlyArray<T>) => {
    const registered = <A, E>(
      name: string,
      self: Self<A, E, never, [T, TestContext]>,
      options?: Options,
    ): void => {
      const site = callerOf(registered)
      const body = (value: T, context: TestContext) =>
        run(Effect.suspend(() => self(value, context)), context, site, options)
      base.each(cases)(name, withSource(self, body), vitestOptions(options))
    }
    return registered
  }
  return Object.assign(register(base), {
    skip: register(base.skip),
    only: register(base.only),
    fails: register(base.fails),
    skipIf: (condition: unknown) => register(base.skipIf(condition)),
    runIf: (condition: unknown) => register(base.runIf(condition)),
    each,
  })
}

const asItIs = (options: number | TestOptions | undefined) => options

/** A tester as `@effect/vitest`'s, whose tests are run by `run`. */
const tester = <R, ExtraContext>(
  base: Vitest.Tester<never>,
  run: Run<number | TestOptions>,
): Vitest.Tester<R, ExtraContext> => {
  const prop: Vitest.Tester<never>["prop"] = (name, arbitraries, self, options) => {
    const site = callerOf(prop)
    base.prop(
      name,
      arbitraries,
      (values, context) => run(Effect.suspend(() => self(values, context)), context, site, undefined),
      options,
    )
  }
  return Object.assign(variants(base, run, asItIs), { prop }) as unknown as Vitest.Tester<R, ExtraContext>
}

const simulatedTester = (base: Vitest.Tester<never>): SimulatedTester =>
  variants<SimulatedOptions>(
    base,
    (self, context, site, options) => simulate(self, options ?? {}, context, site) as Effect.Effect<never, unknown>,
    (options) => options?.test,
  ) as unknown as SimulatedTester

/** `it` as it is, with other methods. */
const withMethods = <M extends object>(it: object, methods: object): M =>
  new Proxy(it, {
    get: (target, key, receiver) => Reflect.get(Object.hasOwn(methods, key) ? methods : target, key, receiver),
  }) as M

/** What groups have in common in `@effect/vitest`. */
interface BaseGroup {
  readonly effect: Vitest.Tester<never>
  readonly layer: (layer: Layer.Layer<never, unknown>, options: object) => GroupOf<BaseGroup>
}

type Args<M> = [f: (it: M) => void] | [name: string, f: (it: M) => void]

const mapArgs = <M, B>(args: Args<M>, map: (it: B) => M): Args<B> =>
  args.length === 1 ? [(it) => args[0](map(it))] : [args[0], (it) => args[1](map(it))]

/** How long a layer may take to be built, in ms, where that is said. */
const allowedFor = ({ timeout }: NestedLayerOptions): number | undefined =>
  timeout === undefined ? undefined : allowedMs(Duration.toMillis(Duration.fromInputUnsafe(timeout)))

/** A group on simulated time, of a group in which each test is given that. */
const groupMethods = <M>(base: BaseGroup): M => {
  const run: Run<number | TestOptions> = (self, context, site) =>
    pointing(Group.test(self, { allowedMs: allowedMs(context.task.timeout), site }), site)
  const effect = tester(base.effect, run)
  const layer = (nested: Layer.Layer<never, unknown>, options: NestedLayerOptions = {}) => {
    const shared = Group.built(nested, { allowedMs: allowedFor(options), site: callerOf(layer) })
    return (...args: Args<M>) => base.layer(shared, options)(...mapArgs(args, groupMethods<M>) as [never])
  }
  return withMethods(base, { effect, simulated: effect, layer }) as M
}

/** A group in real time; of its tests each that is simulated is on a clock of its own. */
const liveGroupMethods = <M>(base: BaseGroup): M => {
  const layer = (nested: Layer.Layer<never, unknown>, options: NestedLayerOptions = {}) => (...args: Args<M>) =>
    base.layer(nested, options)(...mapArgs(args, liveGroupMethods<M>) as [never])
  return withMethods(base, { simulated: simulatedTester(base.effect), layer }) as M
}

const layerMethod = <M>(base: BaseGroup) => {
  const method = (layer: Layer.Layer<never, unknown>, options: LayerOptions = {}) => {
    const site = callerOf(method)
    const { simulated, ...rest } = options
    const [shared, methods] = options.excludeTestServices === true
      ? [layer, liveGroupMethods<M>]
      : [Group.on(layer, { allowedMs: allowedFor(options), site }, simulated), groupMethods<M>]
    return (...args: Args<M>) =>
      base.layer(shared, { ...rest, excludeTestServices: true })(...mapArgs(args, methods) as [never])
  }
  return method
}

/**
 * The methods for a Vitest test API, such as one extended with fixtures, as
 * `@effect/vitest`'s `makeMethods`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMethods = <ExtraContext>(it: TestAPI<ExtraContext>): Methods<never, ExtraContext> => {
  const base = makeBase(it)
  const live = base.live as unknown as Vitest.Tester<never>
  const run: Run<number | TestOptions> = (self, context, site) =>
    simulate(Effect.provide(self, TestConsole.layer), {}, context, site) as Effect.Effect<never, unknown>
  return withMethods(base, {
    effect: tester(live, run),
    simulated: simulatedTester(live),
    layer: layerMethod(base as unknown as BaseGroup),
  })
}
