/**
 * Pauses a calendar, steps it, runs it up to a time, and keeps it to a pace.
 *
 * All of it is an allowance of the core's ({@link Calendar.Allowance}). Only a pace
 * takes a fiber, which raises the allowance to whatever is due when that is due in
 * real time. Waits for a step or for a time are looked at only when they are over:
 * a change of the calendar costs the same however many wait.
 *
 * @module
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type { OptionError } from "../../core/Fault.ts"
import { FOREVER } from "../../core/Nanos.ts"
import { inRealTime } from "../platform/RealTime.ts"
import { badPace, badUntil } from "../services/Checks.ts"
import { CalendarPace } from "./CalendarPace.ts"
import type { Interpreter } from "./Interpreter.ts"

/** Lets a calendar go on, or not. Times are the calendar's, in ns. */
export interface RunControl {
  /** Grants no turn any more, nor those of steps that wait. Who has one is called back from running on by itself. */
  readonly pause: Effect.Effect<void>
  /** Goes on, without an end but the option `until`. */
  readonly resume: Effect.Effect<void>
  /**
   * Pauses, and grants one turn: ends when that has ended. If nothing is due that is when something was. Several at
   * once are granted one after the other. True, or false if it was called off before its turn was granted: by `pause`,
   * `resume` or `runUntil`.
   */
  readonly step: Effect.Effect<boolean>
  /** Goes on, and grants nothing later than `time`: ends when there is nothing more to be granted. */
  readonly runUntil: (time: bigint) => Effect.Effect<void, OptionError>
  /** Simulated seconds a real second from now on, 10^-9 to 10^9; none: as fast as it goes. */
  readonly setPace: (factor: number | undefined) => Effect.Effect<void, OptionError>
  /** How it stands. */
  readonly state: () => {
    readonly paused: boolean
    readonly pace: number | undefined
    readonly until: bigint | undefined
  }
}

/** Somebody who waits for a step. */
interface Step {
  readonly end: (wasGranted: boolean) => void
}

/** Somebody who waits until there is nothing more to be granted up to a time. */
interface Until {
  readonly time: bigint
  readonly end: () => void
}

/** Those who wait until there is nothing more to be granted, the earliest time first: none is reached before that. */
class Untils {
  readonly #all: Array<Until> = []

  get size(): number {
    return this.#all.length
  }

  get first(): Until | undefined {
    return this.#all[0]
  }

  add(until: Until): void {
    let at = this.#all.length
    while (at > 0 && this.#all[at - 1]!.time > until.time) at--
    this.#all.splice(at, 0, until)
  }

  remove(until: Until): void {
    const at = this.#all.indexOf(until)
    if (at >= 0) this.#all.splice(at, 1)
  }
}

/** Governs a calendar as long as the scope. It never grants anything later than `end`. */
export const make = (
  board: Interpreter,
  clock: Clock.Clock,
  end: bigint = FOREVER,
): Effect.Effect<RunControl & { readonly ended: Effect.Effect<void> }, never, Scope.Scope> =>
  Effect.gen(function* () {
    let paused = false
    let until: bigint = end
    let pace: CalendarPace | undefined
    /** The steps whose turns haven't been granted yet, and the one whose turn that is now. */
    const steps = new Set<Step>()
    let underWay: Step | undefined
    /** How many turns had been granted when steps were looked at last. */
    let seen = board.grants
    const untils = new Untils()
    /** Open after each change, for the pacer. */
    const changed = yield* Latch.make(false)
    const realMs = (): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

    const finish = (wasGranted: boolean) => {
      const step = underWay
      underWay = undefined
      step?.end(wasGranted)
    }
    const lookAtSteps = () => {
      if (steps.size === 0 && underWay === undefined) return
      for (; seen < board.grants; seen++) {
        finish(true)
        for (const step of steps) {
          steps.delete(step)
          underWay = step
          break
        }
      }
      if (board.calendar.turn === undefined) finish(true)
      grantStep()
    }
    /** One turn at a time: whose turn isn't the last one may run on by itself, and that may be for good. */
    const grantStep = () => {
      if (steps.size === 0) return
      const turns = board.calendar.turn === undefined ? 1 : 0
      const { allowance } = board.calendar
      if (allowance.turns !== turns || allowance.until !== until) board.allow({ until, turns })
    }
    const lookAtUntils = () => {
      if (untils.size === 0 || !board.isAtRest) return
      const due = board.nextDue ?? FOREVER
      for (let first = untils.first; first !== undefined && due > first.time; first = untils.first) {
        untils.remove(first)
        first.end()
      }
    }
    const onChange = () => {
      if (pace !== undefined) pace.look(board.calendar, realMs())
      lookAtSteps()
      lookAtUntils()
      changed.openUnsafe()
      watch()
    }
    const watch = () => {
      const isNeeded = pace !== undefined || steps.size > 0 || underWay !== undefined || untils.size > 0
      board.onChange = isNeeded ? onChange : undefined
    }

    const setPace = (factor: number | undefined): void => {
      pace = factor === undefined ? undefined : new CalendarPace(factor, board.calendar, realMs())
      watch()
    }
    /** Lost real time isn't caught up. */
    const keepPace = () => setPace(pace?.factor)

    const limit = (): bigint => {
      const paced = pace === undefined ? FOREVER : pace.reached(realMs())
      return paced < until ? paced : until
    }
    const apply = (turns = paused ? 0 : Infinity): void => {
      board.allow({ until: limit(), turns })
      changed.openUnsafe()
    }
    const callOffSteps = (): void => {
      const off = [...steps]
      steps.clear()
      for (const step of off) step.end(false)
    }

    // The caller may be on simulated time.
    const pacing = inRealTime(Effect.gen(function* () {
      while (true) {
        const due = pace === undefined || paused ? undefined : board.nextDue
        changed.closeUnsafe()
        if (due === undefined || pace === undefined || due > until) {
          yield* changed.await
          continue
        }
        const leftMs = pace.leftMs(due, realMs())
        if (leftMs > 0) yield* Effect.raceFirst(Effect.sleep(leftMs), changed.await)
        else if (board.calendar.allowance.until < due) board.allow({ until: due })
        else yield* changed.await
      }
    }))
    let pacer: Effect.Effect<unknown> = Effect.void
    const scope = yield* Effect.scope
    const startPacing = Effect.suspend(() => pacer)
    pacer = Effect.suspend(() => {
      pacer = Effect.void
      return Effect.forkIn(pacing, scope)
    })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        board.onChange = undefined
      })
    )

    /** Waits until there is nothing more to be granted up to `time`. */
    const reached = (time: bigint): Effect.Effect<void> =>
      Effect.callback((resume) => {
        const waiting: Until = { time, end: () => resume(Effect.void) }
        untils.add(waiting)
        lookAtUntils()
        watch()
        return Effect.sync(() => {
          untils.remove(waiting)
          watch()
        })
      })
    // Time goes on to there, though nobody has anything to do then.
    const passOn = Effect.sync(() => {
      if (!paused) board.allow({ until: limit() })
    })

    const goOn = (to: bigint) =>
      Effect.sync(() => {
        callOffSteps()
        paused = false
        until = to < end ? to : end
        keepPace()
        apply()
      })
    return {
      ended: Effect.andThen(reached(end), passOn),
      pause: Effect.sync(() => {
        callOffSteps()
        paused = true
        apply()
      }),
      resume: goOn(end),
      step: Effect.callback((resume) => {
        const step: Step = { end: (wasGranted) => resume(Effect.succeed(wasGranted)) }
        if (steps.size === 0 && underWay === undefined) seen = board.grants
        paused = true
        until = end
        steps.add(step)
        watch()
        grantStep()
        return Effect.sync(() => {
          if (underWay === step) underWay = undefined
          if (steps.delete(step) && steps.size === 0 && paused) board.allow({ turns: 0 })
          watch()
        })
      }),
      runUntil: (time) => {
        const bad = badUntil(time)
        return bad === undefined
          ? Effect.andThen(goOn(time), Effect.andThen(reached(time < end ? time : end), passOn))
          : Effect.fail(bad)
      },
      setPace: (factor) => {
        const bad = badPace(factor)
        if (bad !== undefined) return Effect.fail(bad)
        return Effect.andThen(
          Effect.sync(() => {
            setPace(factor)
            apply()
          }),
          startPacing,
        )
      },
      state: () => ({ paused, pace: pace?.factor, until: until === FOREVER ? undefined : until }),
    }
  })
