/**
 * The pure core: the states of guests and calendars as values, and transitions that return the next state and commands.
 *
 * @module
 */
export * as BootOptions from "./core/BootOptions.ts"
export * as Breach from "./core/Breach.ts"
export * as Calendar from "./core/Calendar.ts"
export * as Command from "./core/Command.ts"
export * as Conformance from "./core/Conformance.ts"
export * as EventQueue from "./core/EventQueue.ts"
export * as External from "./core/External.ts"
export * as Fault from "./core/Fault.ts"
export * as Guest from "./core/Guest.ts"
export * as Message from "./core/Message.ts"
export * as Modes from "./core/Modes.ts"
export * as Nanos from "./core/Nanos.ts"
export * as Revisions from "./core/Revisions.ts"
export * as SharedMemory from "./core/SharedMemory.ts"
export * as Violation from "./core/Violation.ts"
