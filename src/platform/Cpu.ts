/**
 * The guest's CPU, in software: there is no other (see `services/Interrupts`).
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
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { invariant } from "../core/Fault.ts"
import { Interrupts, type Mask, type OnReady, type Operation, type Restore } from "../services/Interrupts.ts"
import { attempt, ending, type Rest, toEffect } from "../services/Rest.ts"
import { callback } from "./Suspended.ts"

/** Where operations take turns. Fibers that work for a handler carry its frame in their context. */
interface Frame {
  readonly parent: Frame | undefined
  /** Whether its handler still runs. */
  open: boolean
  /** The operation under way, and those that interrupt it; 0: free. */
  holders: number
  /** Operations that wait for a turn, in order of arrival: it is theirs, or the frame has closed. */
  readonly queue: Array<(outcome: "turn" | "closed") => void>
  /** Who waits for the frame to be free, to close it. */
  closing: (() => void) | undefined
}

const CurrentFrame: Context.Reference<Frame | undefined> = Context.Reference<Frame | undefined>(
  "guest-clock/platform/Cpu/CurrentFrame",
  { defaultValue: () => undefined },
)

const frame = (parent: Frame | undefined): Frame => ({ parent, open: true, holders: 0, queue: [], closing: undefined })

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

/** The interrupts that a wait is open to. */
interface Level {
  readonly waits: Array<{ readonly interrupt: () => void }>
  readonly hasDeliverable: () => boolean
  readonly deliver: Effect.Effect<void>
  readonly liftMasks: () => Mask
  readonly restoreMasks: (lifted: Mask) => void
}

type Woken = Effect.Effect<Option.Option<void>>

/** A wait for what tells by itself, with all masks set aside: an object in place of six closures, as each turn makes one. */
class Waiter {
  private readonly level: Level
  private readonly resume: (woken: Woken) => void
  private lifted: Mask | undefined
  /** Ends what it waits for. */
  takeBack: (() => void) | undefined = undefined

  constructor(level: Level, resume: (woken: Woken) => void) {
    this.level = level
    this.resume = resume
    this.lifted = level.liftMasks()
  }

  interrupt(): void {
    this.end(Effect.succeedNone)
  }

  /** Goes on, when the interrupts that wait have been handled. */
  end(result: Woken): void {
    this.stopWaiting()
    if (this.level.hasDeliverable()) {
      const putBack = () => Effect.sync(() => this.putBack())
      return this.resume(Effect.onExit(Effect.andThen(this.level.deliver, result), putBack))
    }
    this.putBack()
    this.resume(result)
  }

  giveUp(): void {
    this.stopWaiting()
    this.putBack()
  }

  private stopWaiting(): void {
    remove(this.level.waits, this)
    this.takeBack?.()
  }

  private putBack(): void {
    if (this.lifted !== undefined) this.level.restoreMasks(this.lifted)
    this.lifted = undefined
  }
}

/** A CPU that nobody occupies, with interrupts on. */
export const make = (): Interrupts => {
  let masks: Mask = { count: 0, movedTo: undefined }
  let handlers = 0
  const cpu = frame(undefined)
  /** How many handlers' frames are open. */
  let openFrames = 0
  /** What waits to be handled, in order of arrival. */
  const raised: Array<Effect.Effect<void>> = []
  /** Who waits for something to be raised: the newest is the one that runs. */
  const waits: Level["waits"] = []

  // --------------------------------------------------------------- interrupts

  const hasDeliverable = () => raised.length > 0 && masks.count === 0

  const mask = (): Mask => {
    masks.count++
    return masks
  }
  const unmask = (mask: Mask) => {
    currentLevel(mask).count--
  }
  const enterHandler = (): Mask => {
    handlers++
    return mask()
  }
  const leaveHandler = (mask: Mask) => {
    handlers--
    unmask(mask)
  }

  /** Handlers may be interrupted; but each that was begun ends, and those behind it stay. */
  const deliver: Effect.Effect<void> = Effect.uninterruptibleMask((restore) => {
    const next: Effect.Effect<void> = Effect.suspend(() => {
      const handler = hasDeliverable() ? raised.shift() : undefined
      if (handler === undefined) return Effect.void
      const mask = enterHandler()
      return Effect.andThen(
        Effect.onExit(handling(restore(handler)), () => Effect.sync(() => leaveHandler(mask))),
        next,
      )
    })
    return next
  })

  const push = (handler: Effect.Effect<void>): void => {
    raised.push(handler)
    waits.at(-1)?.interrupt()
  }

  const raise = (handler: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        push(handler)
        return cpu.holders === 0 && hasDeliverable() ? toEffect(runIn(cpu, () => undefined, restore)) : Effect.void
      })
    )

  const arrival: Effect.Effect<Option.Option<never>> = Effect.callback((resume) => {
    const waiter = { interrupt: () => resume(Effect.succeedNone) }
    waits.push(waiter)
    return Effect.sync(() => remove(waits, waiter))
  })

  const wait = <A, E>(until: Effect.Effect<A, E>): Effect.Effect<Option.Option<A>, E> =>
    Effect.suspend(() =>
      hasDeliverable()
        ? Effect.as(deliver, Option.none())
        // The arrival is first in the race, so that it hears of what polling itself raises.
        : Effect.tap(Effect.raceFirst(arrival, Effect.asSome(until)), () => deliver)
    )

  const liftMasks = (): Mask => {
    const lifted = masks
    masks = { count: 0, movedTo: undefined }
    return lifted
  }
  const restoreMasks = (lifted: Mask): void => {
    lifted.count += masks.count
    masks.movedTo = lifted
    masks = lifted
  }

  const ready = Effect.succeedSome<void>(undefined)
  const level: Level = { waits, hasDeliverable, deliver, liftMasks, restoreMasks }
  const waitFor = (onReady: OnReady, restore: Restore): Woken =>
    restore(callback<Option.Option<void>>((resume) => {
      const waiter = new Waiter(level, resume)
      if (hasDeliverable()) waiter.interrupt()
      else {
        waits.push(waiter)
        waiter.takeBack = onReady(() => waiter.end(ready))
      }
      return () => waiter.giveUp()
    }))

  // -------------------------------------------------------------------- turns

  /** The frame whose turn a fiber's operation takes: one that has closed belongs to what it interrupted. */
  const frameOf = (carried: Frame | undefined): Frame => {
    let found = carried
    while (found !== undefined && !found.open) found = found.parent
    let outermost = found
    while (outermost?.parent !== undefined) outermost = outermost.parent
    // A handler of another guest's may use this clock.
    return found === undefined || outermost !== cpu ? cpu : found
  }

  /** One holder less; with none, the next in line has its turn. */
  const release = (frame: Frame): void => {
    if (--frame.holders > 0) return
    const next = frame.queue.length === 0 ? undefined : frame.queue.shift()
    if (next === undefined) return frame.closing?.()
    frame.holders = 1
    next("turn")
  }

  /** Leaves the CPU, once what was raised meanwhile has been handled. */
  const leave = (frame: Frame): Effect.Effect<void> | undefined => {
    if (frame.holders === 1 && hasDeliverable()) return Effect.onExit(deliver, () => leave(frame) ?? Effect.void)
    release(frame)
    return undefined
  }

  /** Runs an operation in a free frame. */
  const runIn = <E>(frame: Frame, operation: Operation<E>, restore: Restore): Rest<E> => {
    frame.holders = 1
    const rest = attempt(operation, restore)
    return rest === undefined ? leave(frame) : ending(rest, () => leave(frame))
  }

  const begin = <E>(operation: Operation<E>): Effect.Effect<void, E> | undefined => {
    invariant(cpu.holders === 0, "whoever begins an operation outside of fibers has asked whether the CPU is free")
    const rest = runIn(cpu, operation, Effect.interruptible)
    return rest && toEffect(rest)
  }

  /** An operation while another is under way: it waits for a turn, or interrupts that one. */
  const occupyLater = <E>(
    frame: Frame,
    advances: boolean,
    operation: Operation<E>,
    restore: Restore,
  ): Effect.Effect<void, E> =>
    Effect.suspend(() => {
      let given: { readonly giveBack: () => void } | "closed" | undefined
      let next: Frame["queue"][number] | undefined
      let handler: Effect.Effect<void> | undefined
      const withdraw = () => {
        remove(frame.queue, next)
        remove(raised, handler)
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
        push(handler)
      })
      const run = Effect.suspend(() =>
        given === "closed" ? enter(advances, operation, restore) : toEffect(attempt(operation, restore))
      )
      return Effect.andThen(restore(turn), run).pipe(
        Effect.onExit(() => {
          withdraw()
          return typeof given !== "object"
            ? Effect.void
            : Effect.andThen(leave(frame) ?? Effect.void, Effect.sync(given.giveBack))
        }),
      )
    })

  const enter = <E>(advances: boolean, operation: Operation<E>, restore: Restore): Effect.Effect<void, E> =>
    Effect.withFiber((fiber) => {
      const frame = frameOf(fiber.getRef(CurrentFrame))
      return frame.holders === 0
        ? toEffect(runIn(frame, operation, restore))
        : occupyLater(frame, advances, operation, restore)
    })

  const occupy = <E>(advances: boolean, operation: Operation<E>): Effect.Effect<void, E> =>
    Effect.uninterruptibleMask((restore) =>
      // Nearly always nobody has to ask which frame it is: that saves a fiber a look at its context.
      openFrames === 0 && cpu.holders === 0
        ? toEffect(runIn(cpu, operation, restore))
        : enter(advances, operation, restore)
    )

  /** Closes a handler's frame, once the operations of fibers that it left behind have come to their end. */
  const close = (frame: Frame): Effect.Effect<void> =>
    Effect.suspend(() => {
      frame.open = false
      openFrames--
      for (const next of frame.queue.splice(0)) next("closed")
      if (frame.holders === 0) return Effect.void
      return Effect.callback<void>((resume) => {
        frame.closing = () => resume(Effect.void)
      })
    })

  const handling = <A, E, R>(handler: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) => {
        const inner = frame(frameOf(fiber.getRef(CurrentFrame)))
        openFrames++
        return Effect.onExit(Effect.provideService(restore(handler), CurrentFrame, inner), () => close(inner))
      })
    )

  return {
    context: () => ({ masked: masks.count > 0, inInterrupt: handlers > 0 }),
    mask,
    unmask,
    liftMasks,
    restoreMasks,
    enterHandler,
    leaveHandler,
    handling,
    hasDeliverable,
    hasRaised: () => raised.length > 0,
    deliver,
    raise,
    wait,
    waitFor,
    isFree: () => cpu.holders === 0,
    begin,
    occupy,
  }
}

/** A CPU for one guest. */
export const layer: Layer.Layer<Interrupts> = Layer.sync(Interrupts, make)
