/**
 * The guest's CPU, in software: there is no other (see `services/Interrupts`).
 *
 * Whoever is given the CPU, or lends it, does so where no interruption can come
 * between: an interrupted fiber always leaves it to the next in line.
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Interrupts, type Operation, type Restore } from "../services/Interrupts.ts"

/** Stands for an operation's stay on the CPU. Fibers that work for it carry it in their context. */
interface Turn {
  /** Who is on the CPU in this turn: the one whose it is, and those that interrupt it. */
  holders: number
}

const CurrentTurn: Context.Reference<Turn | undefined> = Context.Reference<Turn | undefined>(
  "guest-clock/platform/Cpu/CurrentTurn",
  { defaultValue: () => undefined },
)

const remove = <A>(from: Array<A>, what: A | undefined): void => {
  const index = what === undefined ? -1 : from.indexOf(what)
  if (index >= 0) from.splice(index, 1)
}

/** A CPU that nobody occupies, with interrupts on. */
export const make = (): Interrupts => {
  let masks = 0
  let handlers = 0
  let turn: Turn | undefined
  /** What waits to be handled, in order of arrival. */
  const raised: Array<Effect.Effect<void>> = []
  /** Who waits for something to be raised: the newest is the one that runs. */
  const waits: Array<() => void> = []
  /** Operations that wait for a turn of their own, in order of arrival. */
  const queue: Array<(turn: Turn) => void> = []

  // --------------------------------------------------------------- interrupts

  const hasDeliverable = () => raised.length > 0 && masks === 0

  const enterHandler = () => {
    masks++
    handlers++
  }
  const leaveHandler = () => {
    masks--
    handlers--
  }

  /** Handlers may be interrupted; but each that was begun ends, and those behind it stay. */
  const deliver: Effect.Effect<void> = Effect.uninterruptibleMask((restore) => {
    const next: Effect.Effect<void> = Effect.suspend(() => {
      const handler = hasDeliverable() ? raised.shift() : undefined
      if (handler === undefined) return Effect.void
      enterHandler()
      return Effect.andThen(Effect.onExit(restore(handler), () => Effect.sync(leaveHandler)), next)
    })
    return next
  })

  const push = (handler: Effect.Effect<void>): void => {
    raised.push(handler)
    waits.at(-1)?.()
  }

  const raise = (handler: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.suspend(() => {
      push(handler)
      return turn === undefined && hasDeliverable() ? occupy(true, () => undefined) : Effect.void
    })

  const arrival: Effect.Effect<Option.Option<never>> = Effect.callback((resume) => {
    const arrived = () => resume(Effect.succeedNone)
    waits.push(arrived)
    return Effect.sync(() => remove(waits, arrived))
  })

  const wait = <A, E>(until: Effect.Effect<A, E>): Effect.Effect<Option.Option<A>, E> =>
    Effect.suspend(() =>
      hasDeliverable()
        ? Effect.as(deliver, Option.none())
        // The arrival is first in the race, so that it hears of what polling itself raises.
        : Effect.tap(Effect.raceFirst(arrival, Effect.asSome(until)), () => deliver)
    )

  // -------------------------------------------------------------------- turns

  const newTurn = (): Turn => turn = { holders: 1 }

  /** One holder less; with none, the next in line has its turn. */
  const release = (mine: Turn): void => {
    if (--mine.holders > 0) return
    const next = queue.shift()
    if (next === undefined) turn = undefined
    else next(newTurn())
  }

  /** Leaves the CPU, once what was raised meanwhile has been handled. */
  const leave = (mine: Turn): Effect.Effect<void> =>
    Effect.suspend(() =>
      mine.holders === 1 && hasDeliverable()
        ? Effect.onExit(deliver, () => leave(mine))
        : Effect.sync(() => release(mine))
    )

  const attempt = <E>(operation: Operation<E>, restore: Restore): Effect.Effect<void, E> | undefined => {
    try {
      return operation(restore)
    } catch (defect) {
      return Effect.die(defect)
    }
  }

  const runIn = <E>(mine: Turn, operation: Operation<E>, restore: Restore): Effect.Effect<void, E> | undefined => {
    const rest = attempt(operation, restore)
    if (rest !== undefined || hasDeliverable()) {
      return Effect.provideService(Effect.onExit(rest ?? Effect.void, () => leave(mine)), CurrentTurn, mine)
    }
    release(mine)
    return undefined
  }

  const begin = <E>(operation: Operation<E>): Effect.Effect<void, E> | undefined =>
    runIn(newTurn(), operation, Effect.interruptible)

  /** An operation while another fiber's is under way: it waits for a turn, or interrupts that one. */
  const occupyLater = <E>(advances: boolean, operation: Operation<E>, restore: Restore): Effect.Effect<void, E> =>
    Effect.suspend(() => {
      let given: { readonly turn: Turn; readonly giveBack: () => void } | undefined
      let next: ((turn: Turn) => void) | undefined
      let handler: Effect.Effect<void> | undefined
      const withdraw = () => {
        remove(queue, next)
        remove(raised, handler)
      }
      const cpu = Effect.callback<void>((resume) => {
        const take = (turn: Turn, giveBack: () => void) => {
          withdraw()
          given = { turn, giveBack }
          resume(Effect.void)
        }
        next = (turn) => take(turn, () => {})
        queue.push(next)
        if (advances) return
        // The one that is interrupted lends the CPU, and waits until it has it back.
        handler = Effect.callback<void>((resumeLender) => {
          const lent = turn!
          lent.holders++
          take(lent, () => resumeLender(Effect.void))
        })
        push(handler)
      })
      const run = Effect.suspend(() => {
        const rest = attempt(operation, restore) ?? Effect.void
        return Effect.provideService(rest, CurrentTurn, given?.turn)
      })
      return Effect.andThen(restore(cpu), run).pipe(
        Effect.onExit(() => {
          withdraw()
          return given === undefined ? Effect.void : Effect.andThen(leave(given.turn), Effect.sync(given.giveBack))
        }),
      )
    })

  const occupy = <E>(advances: boolean, operation: Operation<E>): Effect.Effect<void, E> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) => {
        if (turn === undefined) return runIn(newTurn(), operation, restore) ?? Effect.void
        if (fiber.getRef(CurrentTurn) === turn) return attempt(operation, restore) ?? Effect.void
        return occupyLater(advances, operation, restore)
      })
    )

  return {
    context: () => ({ masked: masks > 0, inInterrupt: handlers > 0 }),
    mask: () => {
      masks++
    },
    unmask: () => {
      masks--
    },
    liftMasks: () => {
      const lifted = masks
      masks = 0
      return lifted
    },
    restoreMasks: (lifted) => {
      masks += lifted
    },
    enterHandler,
    leaveHandler,
    hasDeliverable,
    deliver,
    raise,
    wait,
    isFree: () => turn === undefined,
    begin,
    occupy,
  }
}

/** A CPU for one guest. */
export const layer: Layer.Layer<Interrupts> = Layer.sync(Interrupts, make)
