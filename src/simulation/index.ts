/**
 * Simulators of communicating systems: guests, the links between them, devices, faults
 * and statistics, in one process or in many.
 *
 * @module
 */

/** Arrivals that were written down. */
export * as Arrivals from "./Arrivals.ts"
/** What must hold of a world, whatever happens in it. */
export * as Checker from "./Checker.ts"
/** The first of several operations, or all of them. */
export * as Condition from "./Condition.ts"
/** Amounts that processes put in and take out. */
export * as Container from "./Container.ts"
/** What is behind registers or a queue, with an interrupt line. */
export * as Device from "./Device.ts"
/** A timer, a disk and a UART. */
export * as Devices from "./Devices.ts"
/** How whole numbers are distributed. */
export * as Discrete from "./Discrete.ts"
/** How durations are distributed. */
export * as Distribution from "./Distribution.ts"
/** What may happen to a message on its way. */
export * as Fault from "./Fault.ts"
/** Simulated machines and their programs. */
export * as Guest from "./Guest.ts"
/** What happened in a world. */
export * as Journal from "./Journal.ts"
/** Typed messages between guests. */
export * as Link from "./Link.ts"
/** What a guest does at the same time, each with a name. */
export * as Process from "./Process.ts"
/** Progress on long runs. */
export * as Progress from "./Progress.ts"
/** Chance that a seed alone decides. */
export * as Random from "./Random.ts"
/** What a run came to, as a table, CSV and JSON. */
export * as Report from "./Report.ts"
/** Units that processes hold, and wait for. */
export * as Resource from "./Resource.ts"
/** What guests count and measure. */
export * as Statistics from "./Statistics.ts"
/** Items that processes put in and take out. */
export * as Store from "./Store.ts"
/** Where a simulation has warmed up. */
export * as WarmUp from "./WarmUp.ts"
/** Guests on one calendar. */
export * as World from "./World.ts"
