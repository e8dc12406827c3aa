/**
 * How far a calendar may go, and when: paused, step by step, up to a time, or at
 * the pace of real time.
 *
 * All of it is an allowance of the core's ({@link Calendar.Allowance}). Only a pace
 * takes a fiber, which raises the allowance to whatever is due when that is due in
 * real time.
 *
 * @module
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import type { OptionError } from "../core/Fault.ts"
import { FOREVER } from "../core/Nanos.ts"
import { inRealTime } from "../platform/RealTime.ts"
import { badPace, badUntil } from "../services/Checks.ts"
import type { Switchboard } from "./Switchboard.ts"

/** Lets a calendar go on, or not. Times are the calendar's, in ns. */
export interface Governor {
  /** Grants no turn any more. Who has one is called back from running on by itself. */
  readonly pause: Effect.Effect<void>
  /** Goes on, without an end. */
  readonly resume: Effect.Effect<void>
  /** Pauses, and grants one turn: ends when that has ended. If nothing is due that is when something was. */
  readonly step: Effect.Effect<void>
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

interface Pace {
  readonly factor: number
  readonly realMs: number
  readonly time: bigint
}

/** Governs a calendar as long as the scope. */
export const make = (board: Switchboard, clock: Clock.Clock): Effect.Effect<Governor, never, Scope.Scope> =>
  Effect.gen(function* () {
    let paused = false
    let until: bigint = FOREVER
    let pace: Pace | undefined
    /** Open after each change, for those who wait for one. */
    const changed = yield* Latch.make(false)
    let watchers = 0

    const watched = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          watchers++
          board.onChange = () => changed.openUnsafe()
        }),
        () => effect,
        () =>
          Effect.sync(() => {
            if (--watchers === 0) board.onChange = undefined
          }),
      )

    /** Waits until the board has changed so that `isSo`. */
    const waitUntil = (isSo: () => boolean): Effect.Effect<void> =>
      watched(Effect.suspend(function again(): Effect.Effect<void> {
        if (isSo()) return Effect.void
        changed.closeUnsafe()
        return Effect.andThen(changed.await, Effect.suspend(again))
      }))

    const realMs = (): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
    const setPace = (factor: number | undefined): void => {
      pace = factor === undefined ? undefined : { factor, realMs: realMs(), time: board.calendar.time }
    }
    /** What goes on after it stood still is not behind time. */
    const keepPace = () => setPace(pace?.factor)

    /** As far as real time has come. */
    const pacedTo = ({ factor, realMs: from, time }: Pace): bigint =>
      time + BigInt(Math.floor((realMs() - from) * factor * 1e6))
    const limit = (): bigint => {
      const paced = pace === undefined ? FOREVER : pacedTo(pace)
      return paced < until ? paced : until
    }
    const apply = (turns = paused ? 0 : Infinity): void => {
      board.allow({ until: limit(), turns })
      changed.openUnsafe()
    }

    // Whoever sets the pace may be on simulated time.
    const pacing = inRealTime(watched(Effect.gen(function* () {
      while (true) {
        const due = pace === undefined || paused ? undefined : board.nextDue
        changed.closeUnsafe()
        if (due === undefined || pace === undefined || due > until) {
          yield* changed.await
          continue
        }
        const leftMs = pace.realMs + Number(due - pace.time) / 1e6 / pace.factor - realMs()
        if (leftMs > 0) yield* Effect.raceFirst(Effect.sleep(leftMs), changed.await)
        else if (board.calendar.allowance.until < due) board.allow({ until: due })
        else yield* changed.await
      }
    })))
    let pacer: Effect.Effect<unknown> = Effect.void
    const scope = yield* Effect.scope
    const startPacing = Effect.suspend(() => pacer)
    pacer = Effect.suspend(() => {
      pacer = Effect.void
      return Effect.forkIn(pacing, scope)
    })

    const resume = Effect.sync(() => {
      paused = false
      until = FOREVER
      keepPace()
      apply()
    })
    return {
      pause: Effect.sync(() => {
        paused = true
        apply()
      }),
      resume,
      step: Effect.acquireUseRelease(
        Effect.sync(() => {
          const { turns } = board.calendar.allowance
          const left = paused ? turns : 0
          paused = true
          until = FOREVER
          const before = board.grants
          board.allow({ until, turns: left + 1 })
          return before
        }),
        (before) => waitUntil(() => board.grants > before && board.calendar.turn === undefined),
        (before) => Effect.sync(() => board.grants === before && paused ? board.allow({ turns: 0 }) : undefined),
      ),
      runUntil: (time) => {
        const bad = badUntil(time)
        if (bad !== undefined) return Effect.fail(bad)
        return Effect.andThen(
          Effect.sync(() => {
            paused = false
            until = time
            keepPace()
            apply()
          }),
          Effect.andThen(
            waitUntil(() => board.isAtRest && (board.nextDue ?? FOREVER) > time),
            // Time goes on to there, though nobody has anything to do then.
            Effect.sync(() => board.allow({ until: limit() })),
          ),
        )
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
