/**
 * The guest's CPU as its clock sees it: who occupies it, whether interrupts are
 * masked, and which interrupts wait to be handled (SPEC 6, 9.4).
 *
 * A guest has one CPU. An operation of its clock that another fiber calls while
 * one is under way is, to that CPU, an interrupt: it runs when the operation
 * under way next waits with interrupts on, or has ended.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"
import type { Pause, Unfinished } from "../internal/services/Waiting.ts"

/**
 * The interrupt state of the running code: whether it is a handler, and whether interrupts are masked.
 *
 * @since 0.1.0
 * @category models
 */
export interface InterruptContext {
  /** No interrupt is handled until this is over. */
  readonly masked: boolean
  /** The code that runs is an interrupt's handler. */
  readonly inInterrupt: boolean
}

/**
 * Makes an effect as interruptible as the fiber was that called the operation it is part of.
 *
 * @since 0.1.0
 * @category models
 */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * An operation of a clock: what it can do at once, and then the rest, if there is
 * any. The rest is run so that interruption doesn't touch it but where it uses
 * `restore`: around what it waits for.
 *
 * @since 0.1.0
 * @category models
 */
export type Operation<E> = (restore: Restore) => Unfinished<E>

/**
 * Has `wake` called once, perhaps at once, when it is ready; what it returns takes that back.
 *
 * @since 0.1.0
 * @category models
 */
export type OnReady = (wake: () => void) => () => void

/**
 * A mask that was set, to be taken off again by the code that set it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mask {
  /** How many masks there are on this level, those of the levels that have ended included. */
  count: number
  /** Where they went, when this level ended. */
  movedTo: Mask | undefined
}

/**
 * Masks and unmasks interrupts, and has them handled. Several fibers may mask at
 * a time: interrupts are on when all have unmasked.
 *
 * @since 0.1.0
 * @category models
 */
export interface Interrupts {
  /** What may happen to the code that runs now. */
  readonly context: () => InterruptContext
  /** Masks interrupts. */
  readonly mask: () => Mask
  /** Takes a mask off again. The caller then runs {@link Interrupts.deliver}. */
  readonly unmask: (mask: Mask) => void
  /** Turns interrupts on: sets all masks aside, which can be taken off there meanwhile. */
  readonly liftMasks: () => Mask
  /** Puts the masks back that {@link Interrupts.liftMasks} set aside. */
  readonly restoreMasks: (lifted: Mask) => void
  /** A handler begins: masked, and in interrupt context. */
  readonly enterHandler: () => Mask
  /** The handler has ended. The caller then runs {@link Interrupts.deliver}. */
  readonly leaveHandler: (mask: Mask) => void
  /**
   * Runs a handler that is an effect. Operations that its fibers call belong to
   * the one it interrupts, and take turns among themselves; when it has ended,
   * those of fibers that it left behind come from outside.
   */
  readonly handling: <A, E, R>(handler: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Whether an interrupt waits that could be handled now. */
  readonly hasDeliverable: () => boolean
  /** Whether an interrupt waits, masked or not. */
  readonly hasRaised: () => boolean
  /** Handles the interrupts that wait, if they aren't masked: each masked and in interrupt context. */
  readonly deliver: Effect.Effect<void>
  /**
   * Has `handler` run as soon as interrupts are on and the CPU is at a point
   * where it can be interrupted: at once if nothing occupies it.
   */
  readonly raise: (handler: Effect.Effect<void>) => Effect.Effect<void>
  /**
   * Waits for `until`, with interrupts on: its result, or none if it was
   * interrupted, and the handlers have run.
   */
  readonly wait: <A, E>(until: Effect.Effect<A, E>) => Effect.Effect<Option.Option<A>, E>
  /**
   * As {@link Interrupts.wait}, for what tells by itself, so that no fiber has to wait for it; with all masks set
   * aside, and with `restore`. All in one, as it is what each turn on a calendar waits in.
   */
  readonly waitFor: (onReady: OnReady, restore: Restore) => Pause<Option.Option<void>>
  /**
   * Has interrupts handled as a kernel does that defers handlers (SPEC 11): `unmasked` is all that is done when
   * interrupts have gone from masked to unmasked, those that were held included; and those that arrive in a wait are
   * handled at once, as masked as things are.
   */
  readonly defer: (unmasked: (restore: Restore) => Effect.Effect<void>) => void
  /** Handles the interrupts that wait at once, as masked as things are, and outside of interrupt context (SPEC 11.3). */
  readonly deliverHere: Effect.Effect<void>
  /** An exchange with the calendar begins, in a kernel that doesn't mask interrupts for that (SPEC 11.1), … */
  readonly block: () => void
  /** … and is over. The caller then handles what has arrived meanwhile. */
  readonly unblock: () => void
  /** Whether such an exchange goes on. */
  readonly isBlocked: () => boolean
  /** Whether what occupies the CPU waits, with interrupts on and none that is to be handled. */
  readonly isWaiting: () => boolean
  /** Whether nothing occupies the CPU. */
  readonly isFree: () => boolean
  /**
   * How many operations are under way: one, and those that interrupt it; and how many have had to wait so far. To be read
   * where a call would cost too much.
   */
  readonly occupants: { readonly holders: number; readonly waits: number }
  /** Whether a fiber's operation is under way, or waits for the CPU; or the fiber is one of a handler's, or of a wait. */
  readonly isOperating: (fiber: Fiber.Fiber<unknown, unknown>) => boolean
  /** Runs an operation on the CPU, which must be free: what is left to be waited for, if there is anything. */
  readonly begin: <E>(operation: Operation<E>) => Unfinished<E>
  /**
   * Runs an operation on the CPU. Where another fiber's occupies it, one that
   * `advances` time waits until that is over; any other comes as an interrupt.
   */
  readonly occupy: <E>(advances: boolean, operation: Operation<E>) => Effect.Effect<void, E>
}

/**
 * The service: the guest's CPU.
 *
 * @since 0.1.0
 * @category services
 */
export const Interrupts: Context.Service<Interrupts, Interrupts> = Context.Service<Interrupts>(
  "guest-clock/Interrupts",
)

/**
 * Does what waits, with interrupts on however often they are masked. What waits is handled by what waits itself.
 *
 * @since 0.1.0
 * @category interrupts
 */
export const withoutMasks = <A, E>(interrupts: Interrupts, effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const lifted = interrupts.liftMasks()
    return Effect.onExit(effect, () => Effect.sync(() => interrupts.restoreMasks(lifted)))
  })

/** Runs `effect` between `before` and `after`, which see to it that nothing is left undone; then handles what waits. */
const between = <B, A, E, R>(
  before: (interrupts: Interrupts) => B,
  effect: (interrupts: Interrupts) => Effect.Effect<A, E, R>,
  after: (interrupts: Interrupts, value: B) => void,
): Effect.Effect<A, E, R | Interrupts> =>
  Effect.flatMap(Interrupts, (interrupts) =>
    Effect.acquireUseRelease(
      Effect.sync(() => before(interrupts)),
      () => effect(interrupts),
      (value) =>
        Effect.suspend(() => {
          after(interrupts, value)
          return interrupts.deliver
        }),
    ))

/**
 * Runs `effect` with interrupts masked; afterwards they are as they were.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { GuestClock, Interrupts, Mode } from "guest-clock"
 *
 * const program = Effect.gen(function*() {
 *   const clock = yield* GuestClock.GuestClock
 *   // With interrupts masked, a read of the clock source is free (SPEC 8).
 *   yield* Interrupts.masked(clock.readClockSource)
 *   console.log(yield* clock.now) // 0n
 * })
 * await Effect.runPromise(Effect.provide(program, Mode.infCpu()))
 * ```
 *
 * @since 0.1.0
 * @category interrupts
 */
export const masked = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Interrupts> =>
  between((interrupts) => interrupts.mask(), () => effect, (interrupts, mask) => interrupts.unmask(mask))

/**
 * Runs `effect` with interrupts on, whatever waited being handled first; afterwards they are as they were.
 *
 * @since 0.1.0
 * @category interrupts
 */
export const unmasked = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Interrupts> =>
  between(
    (interrupts) => interrupts.liftMasks(),
    (interrupts) => Effect.andThen(interrupts.deliver, effect),
    (interrupts, lifted) => interrupts.restoreMasks(lifted),
  )

/**
 * Has `handler` run as soon as interrupts are on and the CPU can be interrupted.
 *
 * @since 0.1.0
 * @category interrupts
 */
export const raise = (handler: Effect.Effect<void>): Effect.Effect<void, never, Interrupts> =>
  Effect.flatMap(Interrupts, (interrupts) => interrupts.raise(handler))
