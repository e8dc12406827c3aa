/**
 * How often the 95 % interval holds the true mean, of waits in an M/M/1 queue by Lindley's recursion: each customer waits
 * for as long as the one before did, and was served, less the time between them. Service takes 1 second on average, so
 * that the mean wait is ρ / (1 − ρ) seconds.
 *
 * @module
 */
import * as Intervals from "../../src/internal/simulation/Intervals.ts"
import { ln } from "../../src/internal/simulation/PortableMath.ts"
import { Random, Statistics } from "../../src/simulation.ts"

/** Has `record` see the waits of so many customers, in seconds, after those of the warm-up. */
const waits = (
  rho: number,
  random: Random.Random,
  warmUp: number,
  customers: number,
  record: (wait: number) => void,
) => {
  const [services, arrivals] = [random.fork("services"), random.fork("arrivals")]
  const exponential = (random: Random.Random) => -ln(1 - random.number())
  let wait = 0
  for (let customer = 0; customer < warmUp + customers; customer++) {
    if (customer >= warmUp) record(wait)
    wait = Math.max(0, wait + exponential(services) - exponential(arrivals) / rho)
  }
}

/** How many customers it takes to see the rare long jams of a queue as busy as that. */
const customersAt = (rho: number): number => Math.round(250 / (1 - rho) ** 2)

/** Of how many intervals, how many hold the true mean. */
export interface Coverage {
  readonly covered: number
  readonly of: number
}

const truth = (rho: number): number => rho / (1 - rho)

const seeded = (seed: number): Random.Random => Random.makeUnsafe(seed)

/** Of ten replications each, with a warm-up. */
export const coverageOfReplications = (rho: number, seeds: number): Coverage => {
  let covered = 0
  const customers = customersAt(rho)
  for (let seed = 0; seed < seeds; seed++) {
    const means = Array.from({ length: 10 }, (_, replication) => {
      let sum = 0
      waits(rho, seeded(seed).fork(`replication ${replication}`), customers / 10, customers, (wait) => {
        sum += wait
      })
      return sum / customers
    })
    const { mean, half } = Intervals.of(means, 0.95)!
    if (Math.abs(mean - truth(rho)) <= half!) covered++
  }
  return { covered, of: seeds }
}

/** Of one run each, by batch means: of those that could be told. */
export const coverageOfRuns = (rho: number, seeds: number): Coverage => {
  let [covered, of] = [0, 0]
  for (let seed = 0; seed < seeds; seed++) {
    const tally = new Statistics.Tally()
    const customers = customersAt(rho)
    waits(rho, seeded(seed), customers / 10, customers, (wait) => tally.record(wait))
    const { confidence } = tally
    if (confidence === undefined) continue
    of++
    if (Math.abs(tally.mean - truth(rho)) <= confidence) covered++
  }
  return { covered, of }
}
