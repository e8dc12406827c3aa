/**
 * The program of an experiment's worker thread: it imports the experiment, and does the runs that it is given.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Workers from "../platform/Workers.ts"
import { handle } from "./ExperimentRemote.ts"

Effect.runFork(Workers.serve(handle))
