/**
 * The simulated time and the services that a group of tests shares.
 *
 * It stands still while none of the tests runs, and nothing of the group's is built or released. So what runs in the
 * background of a service isn't ahead of the next test, however long that takes to begin.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestConsole from "effect/testing/TestConsole"
import * as Mode from "../../Mode.ts"
import { GuestClock, type SyncClock } from "../../GuestClock.ts"
import { later } from "../platform/EventLoop.ts"
import { type AnyFiber, interruptBecause } from "../platform/Suspension.ts"
import { LimitReached, waiting } from "../virtual/Stuck.ts"
import * as VirtualTime from "../../VirtualTime.ts"
import { find, Stop } from "./AdjustableClock.ts"
import type * as Explore from "./Explore.ts"
import { forTest, type TimeOptions } from "./Simulate.ts"
import { forOne, type Frame, point } from "./Site.ts"

/** A group, as its tests and layers see it. */
interface Group {
  /** Lets time move until the result is called. */
  readonly move: () => () => void
  /** The tests that run, and where they are: each fails when none of them can go on. What is built is one. */
  readonly running: Map<AnyFiber, Frame | undefined>
  readonly virtual: VirtualTime.VirtualTime
  readonly sync: SyncClock
}

const Group = Context.Service<Group>("guest-clock/testing/Group")

const makeGroup = (running: Group["running"], virtual: VirtualTime.VirtualTime, sync: SyncClock): Group => {
  let moving = 0
  let goOn = virtual.freeze()
  return {
    running,
    virtual,
    sync,
    move: () => {
      if (moving++ === 0) goOn()
      return () => {
        if (--moving === 0) goOn = virtual.freeze()
      }
    },
  }
}

/** The simulated time of a group, with what else each test is given. */
const time = ({ start = 0n, ...options }: TimeOptions): Layer.Layer<Explore.Simulated> => {
  const group = Layer.effectContext(Effect.gen(function* () {
    const running: Group["running"] = new Map()
    const onStuck = (why: Cause.Cause<unknown>) =>
      Effect.sync(() => {
        const error = Cause.squash(why)
        for (const [fiber, site] of running) {
          interruptBecause(fiber, forOne(error, waiting(fiber, undefined).lines, site))
        }
      })
    const simulated = Layer.provideMerge(
      VirtualTime.layerTelling(forTest(options, 0), onStuck),
      Mode.infCpu({ start }),
    )
    // It is never released, and needn't be: at rest it has nothing of the world's. @effect/vitest may release a group's
    // services before the last of its tests, if they are in a `describe`.
    const scope = yield* Scope.make()
    // Of its own, whatever other groups share the memo map.
    const context = yield* Layer.buildWithScope(Layer.fresh(simulated), scope)
    const clock = find(context)
    const virtual = Context.get(context, VirtualTime.VirtualTime)
    return context.pipe(
      Context.add(Clock.Clock, clock ?? Context.get(context, Clock.Clock)),
      Context.add(Group, makeGroup(running, virtual, Context.get(context, GuestClock).sync)),
    )
  }))
  return Layer.provideMerge(TestConsole.layer, Layer.orDie(group)) as Layer.Layer<Explore.Simulated>
}

/** The one with the defaults: the same layer each time, so that groups with one memo map share it. */
const usual = time({})

const groupOf = Effect.withFiber((fiber) =>
  Effect.succeed(Context.getUnsafe(fiber.context as Context.Context<never>, Group))
)

/** What one part of a group's work is, and how long it may take. */
export interface Part {
  /** Real time, in ms; none: as long as it likes. */
  readonly allowedMs: number | undefined
  /** Where it is in the suite. */
  readonly site: Frame | undefined
}

/** What a part of the work waits for, and who sleeps beside it, when it has used up its time. */
const late = ({ virtual, sync }: Group, { allowedMs, site }: Part, main: AnyFiber): LimitReached => {
  const sleeping = Effect.runSync(virtual.sleeping)
  const own = waiting(main, sleeping.find(({ fiber }) => fiber === main.id)?.asleepUntil)
  const fibers = [own, ...sleeping.filter(({ fiber }) => fiber !== main.id)]
  const error = new LimitReached("real time", `${allowedMs} ms`, sync.now, "it waits", own, fibers)
  if (site !== undefined) point(error, site)
  return error
}

/** Does a part of the group's work: time moves until it is over, except while it stops that itself. */
const doing = <A, E, R>(work: Effect.Effect<A, E, R>, part: Part): Effect.Effect<A, E, R> =>
  Effect.flatMap(groupOf, (group) =>
    Effect.withFiber((fiber) => {
      const { move, running, virtual } = group
      const { allowedMs, site } = part
      let isOver = false
      let stops = 0
      let halt = () => {}
      let cancelLimit = () => {}
      const stop = () => {
        // What it has left running is no part of it any more.
        if (isOver) return virtual.freeze()
        if (stops++ === 0) halt()
        return () => {
          if (--stops === 0 && !isOver) halt = move()
        }
      }
      const begin = () => {
        halt = move()
        running.set(fiber, site)
        if (allowedMs === undefined) return
        cancelLimit = later(allowedMs, () => interruptBecause(fiber, late(group, part, fiber)))
      }
      const end = () => {
        isOver = true
        cancelLimit()
        running.delete(fiber)
        if (stops === 0) halt()
      }
      const whole = Effect.provideService(work, Stop, stop)
      return Effect.acquireUseRelease(Effect.sync(begin), () => whole, () => Effect.sync(end))
    }))

/** A layer during whose building and release the group's time moves. */
export const built = <A, E, R>(layer: Layer.Layer<A, E, R>, part: Part): Layer.Layer<A, E, R> =>
  Layer.fromBuild((memoMap, scope) =>
    doing(
      Effect.gen(function* () {
        const { move } = yield* groupOf
        let stop = () => {}
        // Finalizers run in reverse order: these are the last and the first.
        yield* Scope.addFinalizer(scope, Effect.sync(() => stop()))
        const context = yield* Layer.buildWithMemoMap(layer, memoMap, scope)
        yield* Scope.addFinalizer(
          scope,
          Effect.sync(() => {
            stop = move()
          }),
        )
        return context
      }),
      part,
    )
  )

/** A layer on the simulated time of a group. */
export const on = <A, E>(
  layer: Layer.Layer<A, E, Explore.Simulated>,
  part: Part,
  options: TimeOptions | undefined,
): Layer.Layer<A | Explore.Simulated, E> =>
  Layer.provideMerge(built(layer, part), options === undefined ? usual : time(options))

/** A test of the group, with what it has acquired. */
export const test = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  part: Part,
): Effect.Effect<A, E, Exclude<R, Scope.Scope>> => doing(Effect.scoped(self), part)
