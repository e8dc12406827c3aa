/**
 * The handle on a world that runs: it pauses, steps and paces the world's calendar, and ends the world.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { CalendarServer } from "../../calendar/CalendarServer.ts"
import type * as Status from "../../calendar/Status.ts"
import type { OptionError } from "../../core/Fault.ts"
import { inRealTime } from "../platform/RealTime.ts"
import { inNanos } from "../services/Times.ts"
import type { Watcher } from "./Watching.ts"
import { badEnd } from "./WorldPlan.ts"

/**
 * A world that was started. What is asked of one that is over does nothing.
 *
 * @since 0.2.0
 * @category models
 */
export interface Started<A, E> {
  /** Grants no guest a turn any more. A guest that has one goes on until it sleeps, sends or reads the clock. */
  readonly pause: Effect.Effect<void>
  /** Goes on, to the end or to the option `until`. */
  readonly resume: Effect.Effect<void>
  /**
   * Pauses, and grants one turn: ends when that is over. True, or false if there was none: the world is over, or
   * somebody else has paused it or had it go on meanwhile.
   */
  readonly step: Effect.Effect<boolean>
  /**
   * Goes on to the simulated time `time`, from 0 on, and ends when nothing is left to happen until then; what is due
   * exactly then has happened, and nothing that is due later does before it is told to go on. Fails with an
   * `OptionError` if that is no time.
   */
  readonly runUntil: (time: Duration.Input) => Effect.Effect<void, OptionError>
  /** Simulated seconds a real second, 10^-9 to 10^9; none: as fast as it goes. */
  readonly setPace: (factor: number | undefined) => Effect.Effect<void, OptionError>
  /** Ends the world now: its result says why, and what was left of each guest. */
  readonly stop: (reason: string) => Effect.Effect<void>
  /** How the calendar stands: its time, whose turn it is, and what the others wait for; none, once the world is over. */
  readonly status: Effect.Effect<Status.Status | undefined>
  /** What the run comes to, once it is over. */
  readonly result: Effect.Effect<A, E>
}

/** A calendar, and what ends its world. */
interface Attached {
  readonly calendar: CalendarServer
  readonly stop: Effect.Effect<void>
}

/** Waits for the calendar of the world that is run. */
export class Attaching {
  readonly attached = Deferred.makeUnsafe<Attached>()
  /** Why the world was told to stop, if it was. */
  reason: string | undefined
  readonly watcher: Watcher

  /** `paused`: it begins so. `others` is told as well. */
  constructor(paused: boolean, others: Watcher | undefined) {
    this.watcher = {
      attach: (calendar, stop) =>
        Effect.gen({ self: this }, function* () {
          if (others !== undefined) yield* others.attach(calendar, stop)
          if (paused) yield* calendar.pause
          yield* Deferred.succeed(this.attached, { calendar, stop })
        }),
    }
  }

  /** The handle on what `fiber` runs, once it has a calendar; fails as the run does, if it ends before that. */
  handle<A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<Started<A, E>, E> {
    return Effect.gen({ self: this }, function* () {
      const { calendar, stop } = yield* inRealTime(Effect.raceFirst(
        Deferred.await(this.attached),
        Effect.andThen(Fiber.join(fiber), Effect.never),
      ))
      /** Done to a world that runs; one that is over, or ends meanwhile, is left alone. */
      const asked = <B, F>(effect: Effect.Effect<B, F>, over: B): Effect.Effect<B, F> =>
        inRealTime(Effect.raceFirst(Effect.as(Fiber.await(fiber), over), effect))
      return {
        pause: asked(calendar.pause, undefined),
        resume: asked(calendar.resume, undefined),
        step: asked(calendar.step, false),
        runUntil: (time) => {
          const wrong = badEnd(time, "time")
          return wrong === undefined ? asked(calendar.runUntil(inNanos(time)), undefined) : Effect.fail(wrong)
        },
        setPace: (factor) => asked(calendar.setPace(factor), undefined),
        stop: (reason) =>
          asked(
            Effect.suspend(() => {
              this.reason ??= reason
              return stop
            }),
            undefined,
          ),
        status: asked(calendar.status, undefined),
        result: inRealTime(Fiber.join(fiber)),
      }
    })
  }
}
