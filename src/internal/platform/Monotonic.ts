/**
 * The host's monotonic clock. In a browser `internal/browser/Monotonic` is in its place.
 *
 * @module
 */
import process from "node:process"

/** Time in ns that never goes back; its zero means nothing. */
export const monotonic = (): bigint => process.hrtime.bigint()
