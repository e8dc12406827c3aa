/**
 * The four modes: what each can, and the devices' names and properties
 * (SPEC 1, 8).
 *
 * @module
 */
import type { Nanos } from "./Nanos.ts"

/**
 * How a guest's time advances (SPEC 1).
 *
 * @since 0.1.0
 * @category models
 */
export type Mode = "off" | "basic" | "inf-cpu" | "external"

/**
 * Ticks a second.
 *
 * @since 0.1.0
 * @category constants
 */
export const HZ = 100

/**
 * The periodic interval, in nanoseconds: 1 / {@link HZ}.
 *
 * @since 0.1.0
 * @category constants
 */
export const TICK: Nanos = 10_000_000n as Nanos

/**
 * What a read of the clock source costs, and its unit: 1e9 / 256 Hz (SPEC 8).
 *
 * @since 0.1.0
 * @category constants
 */
export const CYCLE: Nanos = 256n as Nanos

/**
 * What a mode is like: what it can, and its devices' names to a driver (SPEC 1). A guest's settings hold the record, and
 * code asks this record what the mode can, and never for the mode's name.
 *
 * @since 0.1.0
 * @category models
 */
export interface ModeTraits {
  readonly mode: Mode
  /** The guest's time is the host's, which has to be read before time is looked at. */
  readonly followsHost: boolean
  /** A calendar says how far time may go. */
  readonly hasCalendar: boolean
  /** An idle guest goes to its next event at once: neither the host's clock nor a calendar has a say. */
  readonly skipsIdleTime: boolean
  /** Only the program decides what happens, and no real time: the same seed gives the same run. */
  readonly isReproducible: boolean
  /** The built-in timer event is in the queue. */
  readonly timerInQueue: boolean
  /** A read of the clock source takes time: {@link CYCLE}. */
  readonly readsCost: boolean
  /** The clock event device. */
  readonly clockEvent: string
  /** The clock source. */
  readonly clockSource: string
  /** Whether the guest's timer is a timer of the host. */
  readonly usesHostTimer: boolean
  /** Whether a calibration of the delay loop would be pointless, since its outcome is known. */
  readonly calibrateDelayIsKnown: boolean
}

const off: ModeTraits = {
  mode: "off",
  followsHost: true,
  hasCalendar: false,
  skipsIdleTime: false,
  isReproducible: false,
  timerInQueue: false,
  readsCost: false,
  clockEvent: "posix-timer",
  clockSource: "timer",
  usesHostTimer: true,
  calibrateDelayIsKnown: false,
}

const basic: ModeTraits = {
  ...off,
  mode: "basic",
  followsHost: false,
  skipsIdleTime: true,
  timerInQueue: true,
  readsCost: true,
  clockEvent: "time-travel-timer",
  clockSource: "time-travel-clock",
}

const infCpu: ModeTraits = {
  ...basic,
  mode: "inf-cpu",
  isReproducible: true,
  clockEvent: "time-travel-timer-infcpu",
  usesHostTimer: false,
  calibrateDelayIsKnown: true,
}

const external: ModeTraits = {
  ...infCpu,
  mode: "external",
  hasCalendar: true,
  skipsIdleTime: false,
  isReproducible: false,
  clockEvent: "time-travel-timer-external",
  clockSource: "time-travel-clock-external",
}

/**
 * The four modes (SPEC 1).
 *
 * @since 0.1.0
 * @category constants
 */
export const traits: { readonly [M in Mode]: ModeTraits } = { off, basic, "inf-cpu": infCpu, external }

/**
 * The clock event device's properties (SPEC 8). It enforces its bounds no further.
 *
 * @since 0.1.0
 * @category constants
 */
export const clockEventDevice = {
  rating: 250,
  shift: 0,
  mult: 1,
  /** Smallest and largest one-shot delta, in nanoseconds. */
  minDelta: 500n as Nanos,
  maxDelta: 0xffff_ffffn as Nanos,
  features: ["periodic", "one-shot"],
} as const

/**
 * The clock source's properties (SPEC 8): 64 bits wide, counting at 1e9 / 256 Hz.
 *
 * @since 0.1.0
 * @category constants
 */
export const clockSource = { rating: 300, bits: 64, frequency: 1e9 / 256 } as const
