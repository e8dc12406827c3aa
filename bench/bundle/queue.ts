/** The core's queue. */
export * from "../../src/core/EventQueue.ts"
