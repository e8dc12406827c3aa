/**
 * A clock of its own for any program: in real time, skipping idle time, with an
 * infinitely fast CPU, or in lockstep with other processes and real kernels.
 *
 * @module
 */

/** The clock of one guest, as a service. */
export * as GuestClock from "./GuestClock.ts"
/** The four kinds of time, as layers. */
export * as Mode from "./Mode.ts"
/** Masking and raising interrupts. */
export * as Interrupts from "./services/Interrupts.ts"
/** What is done with a clock's warnings. */
export * as Warnings from "./services/Warnings.ts"

/** Faults, which end a clock, and the caller's mistakes, which don't. */
export * as Fault from "./core/Fault.ts"
/** Times and durations: nanoseconds in 64 bits. */
export * as Nanos from "./core/Nanos.ts"
/** `time-travel=…` and `time-travel-start=…`. */
export * as BootOptions from "./core/BootOptions.ts"
/** Effect's own clock and scheduler on a guest's clock. */
export * as VirtualTime from "./VirtualTime.ts"
