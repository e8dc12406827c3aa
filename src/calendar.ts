/**
 * The calendar as a server, for clients that are processes, kernels or guests of this process.
 *
 * @module
 */
export * as CalendarServer from "./calendar/CalendarServer.ts"
export * as Metrics from "./calendar/Metrics.ts"
export * as Proxy from "./calendar/Proxy.ts"
export * as Status from "./calendar/Status.ts"
