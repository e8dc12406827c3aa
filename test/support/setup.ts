/**
 * What is set in each process that runs tests, before its files are read.
 *
 * @module
 */
import { chai } from "vitest"

// Chai wraps each assertion in proxies that know misspelled ones, which the compiler knows as well: that is more than
// half of what an assertion costs, and there are millions of them.
chai.config.useProxy = false
