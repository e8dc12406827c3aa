/**
 * Worlds whose guests are processes of their own.
 *
 * @module
 */

/** Has each guest of a world run in a process of its own. */
export * as Processes from "./internal/processes/Processes.ts"
/** An experiment's runs on many machines. */
export * as Cluster from "./processes/Cluster.ts"
