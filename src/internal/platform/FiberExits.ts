/**
 * Finds out whether anybody observes how a fiber ends.
 *
 * Effect reports nothing when a fiber fails and nobody waits for it. A fiber that is waited for has observers; a fiber
 * that is asked later has its exit read. Neither is part of a fiber's type. A fiber without them, as in a later Effect,
 * isn't watched.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type { AnyFiber } from "./Suspension.ts"

type AnyExit = Exit.Exit<unknown, unknown>
type Observer = (exit: AnyExit) => void

/** What a fiber of Effect 4.1 has, though its type does not say so. */
interface Observable extends AnyFiber {
  /** The array is the same until it ends, and not the fiber's any more when the observers are called. */
  _observers: ReadonlyArray<Observer> | undefined
  /** How it ended. */
  _exit: AnyExit | undefined
}

const isObservable = (fiber: AnyFiber): fiber is Observable => "_observers" in fiber && "_exit" in fiber

/** An observer that takes no exit doesn't look at it: that of `forkScoped` takes the fiber out of its scope. */
const looks = (observer: Observer): boolean => observer.length > 0

/** Neither an interruption, nor the end of a stream, which is in the error channel as well. */
const isFailure = (cause: Cause.Cause<unknown>): boolean =>
  cause.reasons.some((each) => each._tag === "Die" || each._tag === "Fail" && !Cause.isDone(each.error))

/** Reads of an exit by who looks at it: one is that of `forkScoped`, which only looks whether there is any. */
const FEWEST_READS = 2

/** A fiber that failed while nobody waited for it. */
export class Failed {
  readonly fiber: AnyFiber
  readonly cause: Cause.Cause<unknown>
  /** Whether somebody has looked at it since. */
  isSeen = false
  readonly #restore: Array<() => void> = []

  constructor(fiber: AnyFiber, cause: Cause.Cause<unknown>) {
    this.fiber = fiber
    this.cause = cause
  }

  /** Notes from now on who looks at its exit; or at the reasons in it, which fibers of streams leave in queues. */
  watch(): void {
    watched.add(this.fiber)
    let reads = 0
    this.#onRead(this.fiber, "_exit", () => ++reads >= FEWEST_READS)
    this.#onRead(this.fiber, "pollUnsafe", () => true)
    for (const reason of this.cause.reasons) this.#onRead(reason, "_tag", () => true)
  }

  /** Notes reads of a property, until one tells that this was seen. */
  #onRead(object: object, name: string, looks: () => boolean): void {
    const isOwn = Object.hasOwn(object, name)
    const value: unknown = Reflect.get(object, name)
    const get = () => {
      if (looks()) this.#seen()
      return value
    }
    Object.defineProperty(object, name, { configurable: true, enumerable: isOwn, get })
    this.#restore.push(() => {
      // An effect that fails again does so for the same reasons, which may be watched for another fiber by now.
      if (Object.getOwnPropertyDescriptor(object, name)?.get !== get) return
      if (isOwn) Object.defineProperty(object, name, { configurable: true, enumerable: true, writable: true, value })
      else Reflect.deleteProperty(object, name)
    })
  }

  #seen(): void {
    this.isSeen = true
    for (const restore of this.#restore.splice(0)) restore()
  }
}

/** Fibers that have failed, and are watched for who looks at that. */
const watched = new WeakSet<AnyFiber>()

/** Whether a fiber has ended. To ask this isn't to look at how. */
export const hasEnded = (fiber: AnyFiber): boolean => watched.has(fiber) || fiber.pollUnsafe() !== undefined

/** Fibers that have failed by what may fail. */
const excused = new WeakSet<AnyFiber>()

/** Whether fibers that are forked here may fail. */
const MayFail = Context.Reference<boolean>("guest-clock/platform/Exits/MayFail", { defaultValue: () => false })

/** The fiber that runs `effect` may fail by it without anybody looking, and so may those that it forks. */
export const unwatched = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber: AnyFiber) =>
    Effect.onError(Effect.provideService(effect, MayFail, true), () => Effect.sync(() => excused.add(fiber)))
  )

/** Has `told` called when `fiber`, which runs, fails and nobody waits for it. */
export const onFailure = (fiber: AnyFiber, told: (failed: Failed) => void): void => {
  if (!isObservable(fiber)) return
  const observer: Observer = (exit) => {
    if (exit._tag === "Success" || !isFailure(exit.cause) || excused.has(fiber) || fiber.getRef(MayFail)) return
    if (observers?.some((each) => each !== observer && looks(each))) return
    const failed = new Failed(fiber, exit.cause)
    told(failed)
    failed.watch()
  }
  fiber.addObserver(observer)
  const observers = fiber._observers
}
