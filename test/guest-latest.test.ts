/** The tests of guest.test.ts once more, with the latest revision of the clock (SPEC 11). */
import "./support/latest.ts"

await import("./guest.test.ts")
