/** The tests of link.test.ts once more, with the latest revision of the clock (SPEC 11). */
import "./support/latest.ts"

await import("./link.test.ts")
