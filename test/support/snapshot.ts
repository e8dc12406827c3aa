/**
 * Prints what instruments show that have been given the same values, as JSON: on each
 * runtime it has to be the same.
 *
 * @module
 */
import * as Schema from "effect/Schema"
import { Report, Statistics } from "../../src/simulation.ts"
import { random } from "./random.ts"

/** What a guest's instruments show after some random use of them. */
export const snapshotOf = (seed: number, start = 0n): Statistics.Snapshot => {
  const { int, bigint } = random(seed)
  let now = start
  const all = new Statistics.Statistics(() => now)
  const made = [
    all.counterUnsafe("served"),
    all.levelUnsafe("queue"),
    all.histogramUnsafe("wait"),
    all.seriesUnsafe("load", { capacity: 64 }),
  ]
  for (let i = 0; i < 500; i++) {
    now += bigint(1n << BigInt(int(40) + 1))
    for (const each of made) {
      if (each instanceof Statistics.Counter) each.add(int(10))
      if (each instanceof Statistics.Level) each.set(int(20) - 5)
      if (each instanceof Statistics.Histogram) each.record(bigint(1n << BigInt(int(60) + 1)))
      if (each instanceof Statistics.Series) each.sample(int(1000) / 8)
    }
  }
  return all.snapshot(now)
}

if (import.meta.main) {
  for (const seed of [1, 2, 3]) {
    const statistics = snapshotOf(seed)
    console.log(JSON.stringify(Schema.encodeSync(Statistics.Snapshot)(statistics)))
    const report = { world: "w", seed, time: 0n, grants: 0, guests: [{ guest: "g", time: 0n, statistics }] }
    for (const line of Report.table(report)) console.log(line)
    console.log(Report.csv(report))
  }
}
