/**
 * A runner's settings: the options with their defaults, and its callbacks.
 *
 * @module
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { traits } from "../../core/Modes.ts"
import type { GuestClock } from "../../GuestClock.ts"
import { inNanos } from "../services/Times.ts"
import type { Options } from "./Options.ts"
import * as Order from "./Order.ts"
import type { GateSettings } from "./RequestGate.ts"
import type { SupervisorSettings } from "./Supervisor.ts"

/** How a runner runs. */
export interface Settings extends SupervisorSettings, GateSettings {
  readonly order: Order.Order
  /** Simulated seconds a real second; none: as fast as it goes. */
  readonly pace: number | undefined
  /** Whether loops of yields cost time. */
  readonly yieldsCostTime: boolean
  /** Told when the clock is dead. */
  readonly onFault: (cause: Cause.Cause<unknown>) => void
  /** Runs an effect that the guest's sleep waits for, outside of simulated time. */
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
}

/** The runner's callbacks, and what it gets from the program around. */
export type Surroundings =
  & Pick<Settings, "onStuck" | "onStalled" | "onRequests" | "onFault" | "fork" | "requests">
  & {
    readonly clock: GuestClock
  }

/** How long, in ms of real time, a request to the world may be under way at least. */
const REQUESTS_END_AFTER_MS = 30_000

/** A duration in ms of real time. */
export const inMillis = (duration: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(duration))

/** The settings that options, which were checked, stand for. */
export const settings = (options: Options, { clock, ...told }: Surroundings): Settings => {
  const { simulatedTime, realTime, events } = options.limits ?? {}
  const { stalled = "warn", deadlockAfter } = options
  const deadlockAfterMs = inMillis(deadlockAfter ?? (told.requests === undefined ? "1 second" : "100 millis"))
  const { skipsIdleTime, hasCalendar } = traits[clock.mode]
  return {
    ...told,
    order: options.order ?? (options.seed === undefined ? Order.fifo : { _tag: "Seeded", seed: options.seed }),
    limits: {
      ...simulatedTime !== undefined && { simulated: clock.sync.now + inNanos(simulatedTime) },
      ...realTime !== undefined && { realMs: inMillis(realTime) },
      ...events !== undefined && { events },
    },
    livelockAfter: options.livelockAfter ?? 1_000_000,
    livelockAfterMs: inMillis(options.livelockAfterRealTime ?? (hasCalendar ? "4 seconds" : "3 seconds")),
    stalledAfterMs: stalled === "ignore" || options.pace !== undefined || !skipsIdleTime
      ? undefined
      : inMillis(options.stalledAfter ?? "10 seconds"),
    deadlockAfterMs,
    requestsEndAfterMs: Math.max(REQUESTS_END_AFTER_MS, deadlockAfterMs),
    pace: options.pace,
    yieldsCostTime: options.yieldsCostTime ?? false,
    waitsForRequests: options.requests === "wait",
  }
}
