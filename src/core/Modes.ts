/**
 * The four modes and what they are like to a driver: the devices' names and
 * properties (SPEC 1, 8).
 *
 * @module
 */
import type { Nanos } from "./Nanos.ts"

/** How a guest's time advances (SPEC 1). */
export type Mode = "off" | "basic" | "inf-cpu" | "external"

/** Ticks a second. */
export const HZ = 100

/** The periodic interval, in nanoseconds: 1 / {@link HZ}. */
export const TICK: Nanos = 10_000_000n as Nanos

/** What a read of the clock source costs, and its unit: 1e9 / 256 Hz (SPEC 8). */
export const CYCLE: Nanos = 256n as Nanos

/** What a mode is like to a driver: its devices' names, and how it gets its alarms (SPEC 1). */
export interface ModeTraits {
  /** The clock event device. */
  readonly clockEvent: string
  /** The clock source. */
  readonly clockSource: string
  /** Whether the guest's timer is a timer of the host. */
  readonly usesHostTimer: boolean
  /** Whether a calibration of the delay loop would be pointless, since its outcome is known. */
  readonly calibrateDelayIsKnown: boolean
}

const traitsOf = (suffix: string, usesHostTimer: boolean, calibrateDelayIsKnown: boolean): ModeTraits => ({
  clockEvent: `time-travel-timer${suffix}`,
  clockSource: `time-travel-clock${suffix === "-infcpu" ? "" : suffix}`,
  usesHostTimer,
  calibrateDelayIsKnown,
})

/** The four modes (SPEC 1). */
export const traits: { readonly [M in Mode]: ModeTraits } = {
  "off": { clockEvent: "posix-timer", clockSource: "timer", usesHostTimer: true, calibrateDelayIsKnown: false },
  "basic": traitsOf("", true, false),
  "inf-cpu": traitsOf("-infcpu", false, true),
  "external": traitsOf("-external", false, true),
}

/** The clock event device's properties (SPEC 8). It enforces its bounds no further. */
export const clockEventDevice = {
  rating: 250,
  shift: 0,
  mult: 1,
  /** Smallest and largest one-shot delta, in nanoseconds. */
  minDelta: 500n as Nanos,
  maxDelta: 0xffff_ffffn as Nanos,
  features: ["periodic", "one-shot"],
} as const

/** The clock source's properties (SPEC 8): 64 bits wide, counting at 1e9 / 256 Hz. */
export const clockSource = { rating: 300, bits: 64, frequency: 1e9 / 256 } as const
