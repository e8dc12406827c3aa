/**
 * The same two nodes in one process, and then as two processes: the same journal, entry
 * for entry. And then with one of them in real time: its times are the host's.
 *
 * run: examples/two-nodes.ts
 *
 * @module
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Processes } from "../src/processes.ts"
import { Journal, Report, World } from "../src/simulation.ts"
import { world } from "./worlds/two-nodes.ts"

const options = { seed: 4, journal: true }

const asProcesses = Processes.layer({ module: new URL("./worlds/two-nodes.ts", import.meta.url) })

const main = Effect.gen(function* () {
  const inProcess = yield* World.run(world, options)
  for (const entry of inProcess.journal) yield* Console.log(Journal.format(entry))
  yield* Console.log("")
  for (const line of Report.table(Report.make(inProcess))) yield* Console.log(line)

  const inTwo = yield* Effect.provide(World.run(world, options), asProcesses)
  const lines = (result: World.Result) => result.journal.map(Journal.format).join("\n")
  yield* Console.log(`\nas two processes: ${lines(inTwo) === lines(inProcess) ? "the same" : "something else"}`)

  const inRealTime = yield* World.run(world, { ...options, realTime: ["sensor"] })
  const marks = ({ journal }: World.Result) => journal.filter(({ guest }) => guest === "sensor").length
  yield* Console.log(`with the sensor in real time: ${marks(inRealTime) > 0 ? "it measured as well" : "nothing"}`)
})

await Effect.runPromise(main)
