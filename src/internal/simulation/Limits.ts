/**
 * Ends a world that goes on for too long: after so many turns, or so much real time.
 *
 * @module
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ServeOptions } from "../../calendar/CalendarServer.ts"
import type { OptionError } from "../../core/Fault.ts"
import { Tagged } from "../core/Tagged.ts"
import { badDuration, badWhole } from "../services/Checks.ts"

/**
 * Bounds on a run. One that isn't given doesn't apply.
 *
 * @since 0.2.0
 * @category models
 */
export interface Limits {
  /**
   * Turns that its calendar grants: a whole number from 1 on. The same world with the same seed exceeds it at the same
   * time. A guest that is alone, or due long before all others, goes on for long in one turn.
   */
  readonly turns?: number
  /** Real time from its start on. A guest that computes without end, and never waits, isn't ended by that. */
  readonly realTime?: Duration.Input
}

/**
 * A world has gone on for longer than its limits allow.
 *
 * @since 0.2.0
 * @category errors
 */
export class LimitExceeded extends Tagged<"LimitExceeded"> {
  readonly world: string
  readonly limit: keyof Limits
  /** The simulated time at which it was exceeded, in ns; unknown, if the limit is one of real time. */
  readonly time: bigint | undefined
  constructor(world: string, limit: keyof Limits, allowed: string, time: bigint | undefined) {
    const when = time === undefined ? "" : ` at ${time} ns`
    super("LimitExceeded", `${world} has gone on for more than ${allowed}${when}`)
    this.world = world
    this.limit = limit
    this.time = time
  }
}

/** Checks limits, and returns what is wrong. */
export const badLimits = ({ turns, realTime }: Limits): OptionError | undefined =>
  (turns === undefined ? undefined : badWhole("limits.turns", turns, 1, Number.MAX_SAFE_INTEGER)) ??
    (realTime === undefined ? undefined : badDuration("limits.realTime", realTime))

/** Runs a world of this name within limits. `run` is given what is to be told of each turn, if anything is. In real time. */
export const limited = <A, E, R>(
  world: string,
  { turns, realTime }: Limits,
  run: (onGrant: ServeOptions["onGrant"]) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E | LimitExceeded, R> =>
  Effect.suspend(() => {
    const exceeded = Deferred.makeUnsafe<never, LimitExceeded>()
    let granted = 0
    const onGrant: ServeOptions["onGrant"] = turns === undefined ? undefined : ({ time }) => {
      if (++granted !== turns + 1) return
      Deferred.doneUnsafe(exceeded, Effect.fail(new LimitExceeded(world, "turns", `${turns} turns`, time)))
    }
    const counted = onGrant === undefined ? run(onGrant) : Effect.raceFirst(Deferred.await(exceeded), run(onGrant))
    if (realTime === undefined) return counted
    const allowed = `${Duration.format(Duration.fromInputUnsafe(realTime))} of real time`
    return Effect.timeoutOrElse(counted, {
      duration: realTime,
      orElse: () => Effect.fail(new LimitExceeded(world, "realTime", allowed, undefined)),
    })
  })
