/**
 * The guest's CPU in software: implements `services/Interrupts`.
 *
 * Operations take turns in a {@link Frame}: the CPU itself, or a handler that
 * runs within an operation. Whoever is given a turn, or lends it, is where no
 * interruption can come between: an interrupted fiber always leaves it to the
 * next in line.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { invariant } from "../core/Fault.ts"
import {
  type InterruptContext,
  Interrupts,
  type Mask,
  type OnReady,
  type Operation,
  type Restore,
} from "../services/Interrupts.ts"
import { attempt, isWaiting, type Pause, toEffect, type Unfinished } from "../internal/services/Waiting.ts"
import { type AnyFiber, callback } from "../internal/platform/Suspension.ts"

/** Where operations take turns. Fibers that work for a handler carry its frame in their context. */
interface Frame {
  readonly parent: Frame | undefined
  /** Whether its handler still runs. */
  open: boolean
  /** The operation under way, and those that interrupt it; 0: free. */
  holders: number
  /** How many operations couldn't be done at once. */
  waits: number
  /** Operations that wait for a turn, in order of arrival: it is theirs, or the frame has closed. */
  readonly queue: Array<(outcome: "turn" | "closed") => void>
  /** The fibers that wait to close the frame. */
  closing: (() => void) | undefined
}

const CurrentFrame: Context.Reference<Frame | undefined> = Context.Reference<Frame | undefined>(
  "guest-clock/platform/Cpu/CurrentFrame",
  { defaultValue: () => undefined },
)

/** The CPU whose wait a fiber does. */
const CurrentWait: Context.Reference<Cpu | undefined> = Context.Reference<Cpu | undefined>(
  "guest-clock/platform/Cpu/CurrentWait",
  { defaultValue: () => undefined },
)

const frame = (parent: Frame | undefined): Frame => ({
  parent,
  open: true,
  holders: 0,
  waits: 0,
  queue: [],
  closing: undefined,
})

const remove = <A>(from: Array<A>, what: A | undefined): void => {
  if (what === undefined) return
  // Nearly always it is the last one.
  if (from.at(-1) === what) return void from.pop()
  const index = from.indexOf(what)
  if (index >= 0) from.splice(index, 1)
}

const currentLevel = (mask: Mask): Mask => {
  let level = mask
  while (level.movedTo !== undefined) level = level.movedTo
  return level
}

type Woken = Effect.Effect<Option.Option<void>>

const ready: Woken = Effect.succeedSome<void>(undefined)

/** A wait for what tells by itself, with all masks set aside: one object in place of six closures, as each turn makes one. */
class Waiter implements Pause<Option.Option<void>> {
  private readonly cpu: Cpu
  private readonly onReady: OnReady
  private readonly restore: Restore
  private goOn: (woken: Woken) => void = nothing
  private lifted: Mask | undefined = undefined
  /** Ends what it waits for. */
  private takeBack: (() => void) | undefined = undefined

  constructor(cpu: Cpu, onReady: OnReady, restore: Restore) {
    this.cpu = cpu
    this.onReady = onReady
    this.restore = restore
  }

  readonly begin = (goOn: (woken: Woken) => void): () => void => {
    this.goOn = goOn
    if (!this.cpu.isDeferring) this.lifted = this.cpu.liftMasks()
    if (this.cpu.hasArrived()) this.interrupt()
    else {
      this.cpu.waits.push(this)
      this.takeBack = this.onReady(this.wake)
    }
    return this.giveUp
  }

  toEffect(): Woken {
    return this.restore(callback(this.begin))
  }

  interrupt(): void {
    this.end(Effect.succeedNone)
  }

  private readonly wake = (): void => this.end(ready)

  /** Goes on, when the interrupts that wait have been handled. */
  private end(result: Woken): void {
    this.stopWaiting()
    if (this.cpu.hasArrived()) {
      const putBack = () => Effect.sync(() => this.putBack())
      return this.goOn(Effect.onExit(Effect.andThen(this.cpu.handleArrived, result), putBack))
    }
    this.putBack()
    this.goOn(result)
  }

  private readonly giveUp = (): void => {
    this.stopWaiting()
    this.putBack()
  }

  private stopWaiting(): void {
    remove(this.cpu.waits, this)
    this.takeBack?.()
  }

  private putBack(): void {
    if (this.lifted !== undefined) this.cpu.restoreMasks(this.lifted)
    this.lifted = undefined
  }
}

const nothing = () => {}

/** What the service has is bound, as it may be taken apart: that costs an event of a clock 4 to 5 %. The rest is methods. */
class Cpu implements Interrupts {
  private masks: Mask = { count: 0, movedTo: undefined }
  private handlers = 0
  private readonly frame = frame(undefined)
  /** How many handlers' frames are open. */
  private openFrames = 0
  /** The fibers whose operations wait: for a turn, or for the world. */
  private readonly operating = new Set<AnyFiber>()
  /** What waits to be handled, in order of arrival. */
  private readonly raised: Array<Effect.Effect<void>> = []
  /** What is done when interrupts are on again, where that is more than to handle those that wait (SPEC 11.1). */
  private unmasked: ((restore: Restore) => Effect.Effect<void>) | undefined = undefined
  /** How many exchanges hold interrupts back (SPEC 11.1). */
  private blocks = 0
  /** The waits for an interrupt, nested: the newest is the one that runs. */
  readonly waits: Array<{ readonly interrupt: () => void }> = []

  // --------------------------------------------------------------- interrupts

  readonly context = (): InterruptContext => ({ masked: this.masks.count > 0, inInterrupt: this.handlers > 0 })

  readonly hasRaised = (): boolean => this.raised.length > 0
  readonly hasDeliverable = (): boolean => this.raised.length > 0 && this.masks.count === 0

  readonly mask = (): Mask => {
    this.masks.count++
    return this.masks
  }
  readonly unmask = (mask: Mask): void => {
    currentLevel(mask).count--
  }
  readonly enterHandler = (): Mask => {
    this.handlers++
    return this.mask()
  }
  readonly leaveHandler = (mask: Mask): void => {
    this.handlers--
    this.unmask(mask)
  }

  /** Handlers may be interrupted; but each that was begun ends, and those behind it stay. */
  readonly deliver: Effect.Effect<void> = Effect.uninterruptibleMask((restore) => {
    if (this.unmasked !== undefined) return this.masks.count === 0 ? this.unmasked(restore) : Effect.void
    const next: Effect.Effect<void> = Effect.suspend(() => {
      const handler = this.hasDeliverable() ? this.raised.shift() : undefined
      if (handler === undefined) return Effect.void
      const mask = this.enterHandler()
      return Effect.andThen(
        Effect.onExit(this.handling(restore(handler)), () => Effect.sync(() => this.leaveHandler(mask))),
        next,
      )
    })
    return next
  })

  readonly defer = (unmasked: (restore: Restore) => Effect.Effect<void>): void => {
    this.unmasked = unmasked
  }
  get isDeferring(): boolean {
    return this.unmasked !== undefined
  }

  readonly deliverHere: Effect.Effect<void> = Effect.uninterruptibleMask((restore) => {
    const next: Effect.Effect<void> = Effect.suspend(() => {
      const handler = this.raised.shift()
      if (handler === undefined) return Effect.void
      const { handlers } = this
      this.handlers = 0
      const leave = () =>
        Effect.sync(() => {
          this.handlers = handlers
        })
      return Effect.andThen(Effect.onExit(this.handling(restore(handler)), leave), next)
    })
    return next
  })

  readonly block = (): void => void this.blocks++
  readonly unblock = (): void => void this.blocks--
  readonly isBlocked = (): boolean => this.blocks > 0

  /** Whether an interrupt waits that is handled in a wait, … */
  readonly hasArrived = (): boolean => this.raised.length > 0 && (this.masks.count === 0 || this.unmasked !== undefined)
  /** … and handles those that do. */
  readonly handleArrived: Effect.Effect<void> = Effect.suspend(() =>
    this.unmasked === undefined ? this.deliver : this.deliverHere
  )

  private push(handler: Effect.Effect<void>): void {
    this.raised.push(handler)
    this.waits.at(-1)?.interrupt()
  }

  readonly raise = (handler: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        this.push(handler)
        return this.isFree() && this.hasDeliverable()
          ? toEffect(this.runIn(this.frame, () => undefined, restore))
          : Effect.void
      })
    )

  private readonly arrival: Effect.Effect<Option.Option<never>> = Effect.callback((resume) => {
    const waiter = { interrupt: () => resume(Effect.succeedNone) }
    this.waits.push(waiter)
    return Effect.sync(() => remove(this.waits, waiter))
  })

  readonly wait = <A, E>(until: Effect.Effect<A, E>): Effect.Effect<Option.Option<A>, E> =>
    Effect.suspend(() =>
      this.hasArrived()
        ? Effect.as(this.handleArrived, Option.none())
        // The arrival is first in the race, so that it hears of what polling itself raises.
        : Effect.tap(
          Effect.provideService(Effect.raceFirst(this.arrival, Effect.asSome(until)), CurrentWait, this),
          () => this.handleArrived,
        )
    )

  readonly liftMasks = (): Mask => {
    const lifted = this.masks
    this.masks = { count: 0, movedTo: undefined }
    return lifted
  }
  readonly restoreMasks = (lifted: Mask): void => {
    lifted.count += this.masks.count
    this.masks.movedTo = lifted
    this.masks = lifted
  }

  readonly waitFor = (onReady: OnReady, restore: Restore): Pause<Option.Option<void>> =>
    new Waiter(this, onReady, restore)

  // -------------------------------------------------------------------- turns

  /** The frame whose turn a fiber's operation takes: one that has closed belongs to what it interrupted. */
  private frameOf(carried: Frame | undefined): Frame {
    let found = carried
    while (found !== undefined && !found.open) found = found.parent
    let outermost = found
    while (outermost?.parent !== undefined) outermost = outermost.parent
    // A handler of another guest's may use this clock.
    return found === undefined || outermost !== this.frame ? this.frame : found
  }

  /** One holder less; with none, the next in line has its turn. */
  private release(frame: Frame): void {
    if (--frame.holders > 0) return
    const next = frame.queue.length === 0 ? undefined : frame.queue.shift()
    if (next === undefined) return frame.closing?.()
    frame.holders = 1
    next("turn")
  }

  /** Leaves the CPU, once what was raised meanwhile has been handled. */
  private leave(frame: Frame): Effect.Effect<void> | undefined {
    if (frame.holders === 1 && this.hasDeliverable()) return this.leaveAfterDelivery(frame)
    this.release(frame)
    return undefined
  }
  private leaveAfterDelivery(frame: Frame): Effect.Effect<void> {
    return Effect.onExit(this.deliver, () => this.leave(frame) ?? Effect.void)
  }
  /** An operation has to wait: has the CPU left at its end. */
  private leaveAfter<E>(left: NonNullable<Unfinished<E>>, frame: Frame, fiber: AnyFiber | undefined): Unfinished<E> {
    frame.waits++
    const isOuter = fiber !== undefined && this.operates(fiber)
    const leave = () => {
      if (isOuter) this.operating.delete(fiber)
      return this.leave(frame)
    }
    if (!isWaiting(left)) return Effect.onExit(left, () => leave() ?? Effect.void)
    left.leave = leave
    return left
  }

  /** Notes that a fiber's operation waits; whether it is the fiber's outer one, as a handler of that may have others. */
  private operates(fiber: AnyFiber): boolean {
    return this.operating.size < this.operating.add(fiber).size
  }

  /** Runs an operation in a free frame. */
  private runIn<E>(
    frame: Frame,
    operation: Operation<E>,
    restore: Restore,
    fiber?: () => AnyFiber | undefined,
  ): Unfinished<E> {
    frame.holders = 1
    const left = attempt(operation, restore)
    return left === undefined ? this.leave(frame) : this.leaveAfter(left, frame, fiber?.())
  }

  readonly isWaiting = (): boolean => this.waits.length > 0 && this.raised.length === 0

  readonly isFree = (): boolean => this.frame.holders === 0
  readonly occupants: Interrupts["occupants"] = this.frame
  readonly isOperating = (fiber: AnyFiber): boolean =>
    this.operating.has(fiber) || fiber.getRef(CurrentWait) === this ||
    this.openFrames > 0 && this.frameOf(fiber.getRef(CurrentFrame)) !== this.frame

  readonly begin = <E>(operation: Operation<E>): Unfinished<E> => {
    invariant(this.isFree(), "an operation begins outside of fibers only while the CPU is free")
    return this.runIn(this.frame, operation, Effect.interruptible)
  }

  /** An operation while another is under way: it waits for a turn, or interrupts that one. */
  private occupyLater<E>(
    frame: Frame,
    advances: boolean,
    operation: Operation<E>,
    restore: Restore,
    fiber: AnyFiber,
  ): Effect.Effect<void, E> {
    return Effect.suspend(() => {
      const isOuter = this.operates(fiber)
      let given: { readonly giveBack: () => void } | "closed" | undefined
      let next: Frame["queue"][number] | undefined
      let handler: Effect.Effect<void> | undefined
      const withdraw = () => {
        remove(frame.queue, next)
        remove(this.raised, handler)
      }
      const turn = Effect.callback<void>((resume) => {
        const take = (what: typeof given) => {
          withdraw()
          given = what
          resume(Effect.void)
        }
        next = (outcome) => take(outcome === "turn" ? { giveBack: () => {} } : "closed")
        frame.queue.push(next)
        if (advances) return
        // The one that is interrupted lends its turn, and waits until it has it back.
        handler = Effect.callback<void>((resumeLender) => {
          frame.holders++
          take({ giveBack: () => resumeLender(Effect.void) })
        })
        this.push(handler)
      })
      const run = Effect.suspend(() =>
        given === "closed" ? this.enter(advances, operation, restore) : toEffect(attempt(operation, restore))
      )
      return Effect.andThen(restore(turn), run).pipe(
        Effect.onExit(() => {
          withdraw()
          if (isOuter) this.operating.delete(fiber)
          return typeof given !== "object"
            ? Effect.void
            : Effect.andThen(this.leave(frame) ?? Effect.void, Effect.sync(given.giveBack))
        }),
      )
    })
  }

  private enter<E>(advances: boolean, operation: Operation<E>, restore: Restore): Effect.Effect<void, E> {
    return Effect.withFiber((fiber) => {
      const frame = this.frameOf(fiber.getRef(CurrentFrame))
      return frame.holders === 0
        ? toEffect(this.runIn(frame, operation, restore, Fiber.getCurrent))
        : this.occupyLater(frame, advances, operation, restore, fiber)
    })
  }

  readonly occupy = <E>(advances: boolean, operation: Operation<E>): Effect.Effect<void, E> =>
    Effect.uninterruptibleMask((restore) =>
      // Nearly always nobody has to ask which frame it is: that saves a fiber a look at its context.
      this.openFrames === 0 && this.isFree()
        ? toEffect(this.runIn(this.frame, operation, restore, Fiber.getCurrent))
        : this.enter(advances, operation, restore)
    )

  /** Closes a handler's frame, once the operations of fibers that it left behind have come to their end. */
  private close(frame: Frame): Effect.Effect<void> {
    return Effect.suspend(() => {
      frame.open = false
      this.openFrames--
      for (const next of frame.queue.splice(0)) next("closed")
      if (frame.holders === 0) return Effect.void
      return Effect.callback<void>((resume) => {
        frame.closing = () => resume(Effect.void)
      })
    })
  }

  readonly handling = <A, E, R>(handler: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) => {
        const inner = frame(this.frameOf(fiber.getRef(CurrentFrame)))
        this.openFrames++
        return Effect.onExit(Effect.provideService(restore(handler), CurrentFrame, inner), () => this.close(inner))
      })
    )
}

/**
 * A CPU that nobody occupies, with interrupts on.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (): Interrupts => new Cpu()

/**
 * A CPU for one guest.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Interrupts> = Layer.sync(Interrupts, make)
