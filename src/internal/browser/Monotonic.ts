/**
 * A browser's monotonic clock: whole microseconds, of which browsers blur the last ones.
 *
 * @module
 */

const NANOS_PER_MICRO = 1000n

/** Time in ns that never goes back; its zero means nothing. */
export const monotonic = (): bigint => BigInt(Math.floor(performance.now() * 1000)) * NANOS_PER_MICRO
