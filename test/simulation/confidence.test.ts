import { describe, expect, it } from "vitest"
import * as Intervals from "../../src/internal/simulation/Intervals.ts"
import { quantile } from "../../src/internal/simulation/Students.ts"
import { coverageOfReplications, coverageOfRuns } from "../support/coverage.ts"

describe("Student's t", () => {
  // NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.2: degrees of freedom, and 0.90, 0.95, 0.975, 0.99, 0.995.
  it.for<readonly [number, ...ReadonlyArray<number>]>([
    [1, 3.078, 6.314, 12.706, 31.821, 63.657],
    [2, 1.886, 2.920, 4.303, 6.965, 9.925],
    [3, 1.638, 2.353, 3.182, 4.541, 5.841],
    [4, 1.533, 2.132, 2.776, 3.747, 4.604],
    [5, 1.476, 2.015, 2.571, 3.365, 4.032],
    [9, 1.383, 1.833, 2.262, 2.821, 3.250],
    [10, 1.372, 1.812, 2.228, 2.764, 3.169],
    [19, 1.328, 1.729, 2.093, 2.539, 2.861],
    [29, 1.311, 1.699, 2.045, 2.462, 2.756],
    [60, 1.296, 1.671, 2.000, 2.390, 2.660],
    [100, 1.290, 1.660, 1.984, 2.364, 2.626],
  ])("of %i degrees of freedom is that of the published table", ([freedom, ...expected]) => {
    const found = [0.9, 0.95, 0.975, 0.99, 0.995].map((p) => quantile(p, freedom))
    expect(found.map((t) => Number(t.toFixed(3)))).toEqual(expected)
    // The other half of the distribution is its mirror image.
    expect(quantile(0.025, freedom)).toBeCloseTo(-quantile(0.975, freedom), 6)
  })

  it("is the normal distribution in the end", () => {
    expect(quantile(0.975, 1e6)).toBeCloseTo(1.95997, 4)
  })
})

describe("an interval of replications", () => {
  it("is the mean ± t · s / √n", () => {
    // Law, Simulation Modeling and Analysis, 4th edition, example 4.26: ten values, 1.34 ± 0.24 at 90 %.
    const values = [1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09]
    const { mean, half } = Intervals.of(values, 0.9)!
    expect([mean.toFixed(2), half!.toFixed(2)]).toEqual(["1.34", "0.24"])
  })

  it("has no half of one value, and there is none of none", () => {
    expect(Intervals.of([5], 0.95)).toEqual({ count: 1, mean: 5, half: undefined, deviation: 0, least: 5, most: 5 })
    expect(Intervals.of([], 0.95)).toBe(undefined)
    expect(Intervals.of([2, 2, 2], 0.95)).toMatchObject({ mean: 2, half: 0 })
  })
})

describe("the coverage of the 95 % interval, of waits in an M/M/1 queue, with 200 seeds", { timeout: 120_000 }, () => {
  // `deno task coverage` has 0.9 as well: it takes millions of customers.
  it.for([0.5, 0.75])("by replications is between 92 and 98 %, at ρ = %f", (rho) => {
    const { covered, of } = coverageOfReplications(rho, 200)
    expect(of).toBe(200)
    expect(covered / of).toBeGreaterThanOrEqual(0.92)
    expect(covered / of).toBeLessThanOrEqual(0.98)
  })

  it.for([0.5, 0.75, 0.9])("by batch means of one run is between 92 and 98 %, at ρ = %f", (rho) => {
    const { covered, of } = coverageOfRuns(rho, 200)
    // A few can't be told: then there is no interval.
    expect(of).toBeGreaterThan(150)
    expect(covered / of).toBeGreaterThanOrEqual(0.92)
    expect(covered / of).toBeLessThanOrEqual(0.98)
  })
})
