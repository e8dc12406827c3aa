/** The tests of modes.test.ts once more, with the latest revision of the clock (SPEC 11). */
import "./support/latest.ts"

await import("./modes.test.ts")
