/**
 * What a program's simulated time can be told beforehand, and what is wrong with
 * that where it can't be.
 *
 * @module
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { OptionError } from "../core/Fault.ts"
import type * as Order from "./Order.ts"

/** How a program is run on simulated time. All of it has a default that suits most. */
export interface Options {
  /**
   * Decides all chance: an unsigned 32-bit number. What is ready at the same instant runs in an order that this
   * number alone decides, and Effect's `Random` draws from numbers of its own that do so as well. Default: first come,
   * first served; and `Random` is what is provided around the run, or else, in inf-cpu mode, that of seed 0.
   */
  readonly seed?: number
  /** Runs in exactly this order; `VirtualTime.decisions` is where it comes from. `seed` decides `Random` still. */
  readonly order?: Order.Order
  /** Each effectful read of the time costs 256 ns of it, so that polling loops end (SPEC 8). Default: reads are free. */
  readonly readsCostTime?: boolean
  /** Simulated seconds a real second: 1 is real time, 60 a minute a second. Default: as fast as it goes. */
  readonly pace?: number
  /** Fails with `LimitReached` rather than pass one. Default: none. */
  readonly limits?: {
    readonly simulatedTime?: Duration.Input
    readonly realTime?: Duration.Input
    readonly events?: number
  }
  /** Steps and reads of the time, while it stands still, that are a `Livelock`. Default: 1,000,000. */
  readonly livelockAfter?: number
  /**
   * Real time for which a program may wait for the world without a hold, with
   * nothing due, before that is a `Deadlock`. Default: 100 ms.
   */
  readonly deadlockAfter?: Duration.Input
  /** What it is when the program of a `VirtualTime.run` has ended and fibers of it still sleep. Default: `allow`. */
  readonly timersAtEnd?: "allow" | "fail"
}

const PACE = "a factor is a number greater than 0: simulated seconds a real second"

/** What is wrong with a pace, if anything is. */
export const badPace = (pace: number | undefined): OptionError | undefined =>
  pace === undefined || pace > 0 && Number.isFinite(pace) ? undefined : new OptionError("pace", pace, PACE)

/** What is wrong with a number that must be whole and within bounds, if anything is. */
export const badNumber = (
  option: string,
  given: number | undefined,
  least: number,
  most: number,
): OptionError | undefined =>
  given === undefined || given === Infinity && most === Infinity ||
    Number.isInteger(given) && given >= least && given <= most
    ? undefined
    : new OptionError(option, given, `it is a whole number from ${least} ${most === Infinity ? "on" : `to ${most}`}`)

const badDuration = (option: string, given: Duration.Input | undefined): OptionError | undefined => {
  if (given === undefined) return undefined
  const duration = Duration.fromInput(given)
  return Option.isSome(duration) && !Duration.isNegative(duration.value)
    ? undefined
    : new OptionError(option, given, 'it is a duration from 0 on, as "5 seconds" or a number of ms')
}

/** What is wrong with the options, if anything is. */
export const badIn = ({ seed, pace, limits, livelockAfter, deadlockAfter }: Options): OptionError | undefined =>
  badNumber("seed", seed, 0, 0xffff_ffff) ?? badPace(pace) ?? badNumber("limits.events", limits?.events, 0, Infinity) ??
    badNumber("livelockAfter", livelockAfter, 1, Infinity) ?? badDuration("deadlockAfter", deadlockAfter) ??
    badDuration("limits.simulatedTime", limits?.simulatedTime) ?? badDuration("limits.realTime", limits?.realTime)
