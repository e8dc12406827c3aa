/**
 * Simulators of communicating systems: guests, the links between them, devices, impairments
 * and statistics, in one process or in many.
 *
 * @module
 */

/** Arrivals that were written down. */
export * as Arrivals from "./simulation/Arrivals.ts"
/** What goes over networks, as a file for Wireshark. */
export * as Capture from "./simulation/Capture.ts"
/** What must hold of a world, whatever happens in it. */
export * as Checker from "./simulation/Checker.ts"
/** The first of several operations, or all of them. */
export * as Condition from "./simulation/Condition.ts"
/** Amounts that processes put in and take out. */
export * as Container from "./simulation/Container.ts"
/** What is behind registers or a queue, with an interrupt line. */
export * as Device from "./simulation/Device.ts"
/** A timer, a disk and a UART. */
export * as Devices from "./simulation/Devices.ts"
/** How whole numbers are distributed. */
export * as Discrete from "./simulation/Discrete.ts"
/** How durations are distributed. */
export * as Distribution from "./simulation/Distribution.ts"
/** The same world with many seeds and other parameters. */
export * as Experiment from "./simulation/Experiment.ts"
/** What may happen to a message on its way. */
export * as Impairment from "./simulation/Impairment.ts"
/** Simulated machines and their programs. */
export * as Guest from "./simulation/Guest.ts"
/** What happened in a world. */
export * as Journal from "./simulation/Journal.ts"
/** Typed messages between guests. */
export * as Link from "./simulation/Link.ts"
/** Ethernet frames between guests, and a switch. */
export * as Network from "./simulation/Network.ts"
/** What a guest does at the same time, each with a name. */
export * as Process from "./simulation/Process.ts"
/** Progress on long runs. */
export * as Progress from "./simulation/Progress.ts"
/** Chance that a seed alone decides. */
export * as Random from "./simulation/Random.ts"
/** What a run came to, as a table, CSV and JSON. */
export * as Report from "./simulation/Report.ts"
/** Units that processes hold, and wait for. */
export * as Resource from "./simulation/Resource.ts"
/** What guests count and measure. */
export * as Statistics from "./simulation/Statistics.ts"
/** Items that processes put in and take out. */
export * as Store from "./simulation/Store.ts"
/** Where a simulation has warmed up. */
export * as WarmUp from "./simulation/WarmUp.ts"
/** Guests on one calendar. */
export * as World from "./simulation/World.ts"
