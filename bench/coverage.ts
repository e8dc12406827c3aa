/**
 * Prints how often the 95 % interval holds the true mean wait in an M/M/1 queue, over 200 seeds, by replications and by
 * batch means of one run (docs/experiments.md). Exits with 1 where that is below 92 or above 98 %.
 *
 * @module
 */
import process from "node:process"
import { type Coverage, coverageOfReplications, coverageOfRuns } from "../test/support/coverage.ts"

const SEEDS = 200

const cell = ({ covered, of }: Coverage): string => `${(100 * covered / of).toFixed(1)} % of ${of}`.padStart(14)

console.log(`ρ      replications   batch means`)
for (const rho of [0.5, 0.75, 0.9]) {
  const found = [coverageOfReplications(rho, SEEDS), coverageOfRuns(rho, SEEDS)]
  console.log(rho.toFixed(2), ...found.map(cell))
  for (const { covered, of } of found) if (covered < 0.92 * of || covered > 0.98 * of) process.exitCode = 1
}
