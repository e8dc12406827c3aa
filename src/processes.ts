/**
 * Runs a world's guests as separate processes, and an experiment's runs on a cluster.
 *
 * @module
 */

/** Has each guest of a world run in a process of its own. */
export * as Processes from "./internal/processes/Processes.ts"
/** An experiment's runs on many machines. */
export * as Cluster from "./processes/Cluster.ts"
