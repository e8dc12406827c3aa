/**
 * Ends a world at once when one of its guests says so; nothing that happens later in that instant is recorded.
 *
 * The guest's fibers are suspended from then on. Its calendar is told the time, then its world, which pauses the calendar. When that is done, or the world has ended this guest, its fibers are interrupted, each before it
 * runs on.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { OptionError } from "../../core/Fault.ts"
import type { Runner } from "../virtual/Runner.ts"
import type { Entry } from "../../simulation/Journal.ts"

/**
 * What a program has noted down.
 *
 * @since 0.1.0
 * @category models
 */
export type Note = Extract<Entry, { readonly _tag: "Noted" }>

/** Whether a world ends at a note: it must say so by true or false. */
export const stopsAt = (stopWhen: ((note: Note) => boolean) | undefined, note: Note): boolean => {
  if (stopWhen === undefined) return false
  const stops: unknown = stopWhen(note)
  if (typeof stops === "boolean") return stops
  throw new OptionError("what stopWhen returns", stops, "it is true or false")
}

/** The end of its world, by a guest. */
export class Stop {
  readonly #done = Deferred.makeUnsafe<void>()
  #goOn: (() => void) | undefined
  #runner: Runner | undefined

  /** Has all fibers of a program stand still, and does `tell`, outside of them, which waits for the world. */
  begin(
    runner: Runner,
    tell: Effect.Effect<void>,
    outside: <A>(effect: Effect.Effect<A>) => Effect.Effect<A>,
  ): Effect.Effect<never> {
    const begin = Effect.sync(() => {
      this.#runner = runner
      this.#goOn = runner.suspend()
    })
    // The fiber that calls this stands still as well, as soon as the others do.
    const end = Effect.andThen(begin, Effect.andThen(tell, Deferred.succeed(this.#done, undefined)))
    return Effect.andThen(outside(end), Effect.never)
  }

  /** Runs a program until it ends, or has stopped. */
  ending<E, R>(program: Effect.Effect<void, E, R>): Effect.Effect<void, E, R> {
    const stopped = Effect.onExit(Deferred.await(this.#done), () =>
      Effect.sync(() => {
        if (this.#goOn === undefined) return
        for (const fiber of this.#runner!.supervisor.watch.alive()) fiber.interruptUnsafe()
        this.#goOn()
      }))
    return Effect.raceFirst(program, stopped)
  }
}
