/**
 * A calendar's metrics, through Effect's `Metric`, for Prometheus and OTLP.
 *
 * @module
 */
import * as Metric from "effect/Metric"

/**
 * How often a client was told to run.
 *
 * @since 0.1.0
 * @category metrics
 */
export const grants: Metric.Counter<number> = Metric.counter("guest_clock_calendar_grants_total", {
  description: "Turns granted",
  incremental: true,
})

/**
 * How many of those were by shared memory.
 *
 * @since 0.1.0
 * @category metrics
 */
export const sharedGrants: Metric.Counter<number> = Metric.counter("guest_clock_calendar_shared_grants_total", {
  description: "Turns granted by shared memory, of all that were granted",
  incremental: true,
})

/**
 * Messages in both directions, ACKs included.
 *
 * @since 0.1.0
 * @category metrics
 */
export const messages: Metric.Counter<number> = Metric.counter("guest_clock_calendar_messages_total", {
  description: "Messages in both directions, ACKs included",
  incremental: true,
})

/**
 * Those connected now.
 *
 * @since 0.1.0
 * @category metrics
 */
export const clients: Metric.Gauge<number> = Metric.gauge("guest_clock_calendar_clients", {
  description: "Clients connected",
})

/**
 * How long turns take in real time: from 10 µs to about 40 s, in steps of 4.
 *
 * @since 0.1.0
 * @category metrics
 */
export const turns: Metric.Histogram<number> = Metric.histogram("guest_clock_calendar_turn_seconds", {
  description: "Real time from RUN to the end of the turn",
  boundaries: Metric.exponentialBoundaries({ start: 0.00001, factor: 4, count: 12 }),
})
