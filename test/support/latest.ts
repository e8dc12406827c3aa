/**
 * To be imported before the tests of another file, which are then run with the latest revision of the clock.
 *
 * @module
 */
import { underTest } from "./revision.ts"

underTest.revision = "6.12"
