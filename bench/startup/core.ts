/** The core's queue, which imports nothing. */
import * as EventQueue from "../../src/core/EventQueue.ts"

EventQueue.empty()
