/**
 * The guest's CPU, in software: there is no other (see `services/Interrupts`).
 *
 * @module
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { type InterruptContext, Interrupts, type Operation } from "../services/Interrupts.ts"

/** Stands for one operation's stay on the CPU. Fibers that work for it carry it in their context. */
interface Turn {
  readonly _tag: "Turn"
}

const CurrentTurn: Context.Reference<Turn | undefined> = Context.Reference<Turn | undefined>(
  "guest-clock/platform/Cpu/CurrentTurn",
  { defaultValue: () => undefined },
)

const HANDLING: InterruptContext = { masked: true, inInterrupt: true }

/** A CPU that nobody occupies, with interrupts on. */
export const make = (): Interrupts => {
  let context: InterruptContext = { masked: false, inInterrupt: false }
  let turn: Turn | undefined
  /** What waits to be handled, in order of arrival. */
  const raised: Array<Effect.Effect<void>> = []
  /** Who waits for something to be raised: the newest is the one that runs. */
  const waits: Array<() => void> = []
  /** Operations that wait for the CPU to be free, in order of arrival. */
  const queue: Array<() => void> = []

  const enter = (next: InterruptContext): InterruptContext => {
    const before = context
    context = next
    return before
  }

  const hasDeliverable = () => raised.length > 0 && !context.masked

  const deliver: Effect.Effect<void> = Effect.suspend(() => {
    const handler = hasDeliverable() ? raised.shift() : undefined
    if (handler === undefined) return Effect.void
    const before = enter(HANDLING)
    return Effect.andThen(Effect.onExit(handler, () => Effect.sync(() => enter(before))), deliver)
  })

  const push = (handler: Effect.Effect<void>): void => {
    raised.push(handler)
    waits.at(-1)?.()
  }

  const raise = (handler: Effect.Effect<void>): Effect.Effect<void> =>
    Effect.suspend(() => {
      push(handler)
      return turn === undefined && hasDeliverable() ? begin(() => undefined) ?? Effect.void : Effect.void
    })

  const arrival: Effect.Effect<Option.Option<never>> = Effect.callback((resume) => {
    const arrived = () => resume(Effect.succeedNone)
    waits.push(arrived)
    return Effect.sync(() => {
      waits.splice(waits.indexOf(arrived), 1)
    })
  })

  const wait = <A, E>(until: Effect.Effect<A, E>): Effect.Effect<Option.Option<A>, E> =>
    Effect.suspend(() => {
      if (hasDeliverable()) return Effect.as(deliver, Option.none())
      // The arrival is first in the race, so that it hears of what polling itself raises.
      return Effect.raceFirst(arrival, Effect.asSome(until)).pipe(
        Effect.tap(() => hasDeliverable() ? deliver : Effect.void),
      )
    })

  const free = () => {
    turn = undefined
    queue.shift()?.()
  }

  /** Frees the CPU, once what was raised meanwhile has been handled. */
  const leave: Effect.Effect<void> = Effect.suspend(() =>
    hasDeliverable() ? Effect.andThen(deliver, leave) : Effect.sync(free)
  )

  const begin = <E>(operation: Operation<E>): Effect.Effect<void, E> | undefined => {
    const mine: Turn = turn = { _tag: "Turn" }
    let rest: Effect.Effect<void, E> | undefined
    try {
      rest = operation()
    } catch (defect) {
      rest = Effect.die(defect)
    }
    if (rest !== undefined || hasDeliverable()) {
      return Effect.provideService(Effect.onExit(rest ?? Effect.void, () => leave), CurrentTurn, mine)
    }
    free()
    return undefined
  }

  /** An operation that doesn't advance time runs as an interrupt of the one under way. */
  const interrupting = <E>(operation: Operation<E>): Effect.Effect<void, E> =>
    Effect.callback<void, E>((resume) => {
      let started = false
      const handler = Effect.suspend(() => {
        started = true
        return Effect.onExit(operation() ?? Effect.void, (exit) => Effect.sync(() => resume(exit)))
      }).pipe(Effect.ignoreCause)
      push(handler)
      return Effect.sync(() => {
        if (!started) raised.splice(raised.indexOf(handler), 1)
      })
    })

  const whenFree: Effect.Effect<void> = Effect.callback((resume) => {
    const go = () => resume(Effect.void)
    queue.push(go)
    return Effect.sync(() => {
      const index = queue.indexOf(go)
      if (index >= 0) queue.splice(index, 1)
    })
  })

  const occupy = <E>(advances: boolean, operation: Operation<E>): Effect.Effect<void, E> =>
    Effect.withFiber((fiber) => {
      if (turn === undefined) return begin(operation) ?? Effect.void
      if (fiber.getRef(CurrentTurn) === turn) return operation() ?? Effect.void
      return advances ? Effect.andThen(whenFree, occupy(advances, operation)) : interrupting(operation)
    })

  return {
    context: () => context,
    enter,
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
