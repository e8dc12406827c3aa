/**
 * The revision that the tests of this file are run with: some files are run once more with the latest one (`latest.ts`).
 *
 * @module
 */
import { DEFAULT, type Revision } from "../../src/core/Revisions.ts"

/** The revision under test. */
export const underTest: { revision: Revision } = { revision: DEFAULT }

/**
 * Whether what is tested is a clock whose handlers run within advances, which masks for exchanges and sends every message
 * (SPEC 4 to 9): tests that speak of that are of no other. What others do instead, `revisions.test.ts` tests.
 */
export const isOfFirst = (): boolean => underTest.revision === "5.8"
