import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import * as Discrete from "../../src/simulation/Discrete.ts"
import * as Random from "../../src/simulation/Random.ts"
import { knownDiscrete } from "../support/discrete.ts"
import { chiSquare, chiSquareLimit } from "../support/sampling.ts"

const stream = (seed: number): Random.Random => Random.makeUnsafe(seed)

const SAMPLES = 50_000

/** Chi-square of samples, over numbers put together so that at least 20 of each are expected; and its limit. */
const testOf = (samples: ReadonlyArray<number>, probability: (k: number) => number) => {
  const counts = new Map<number, number>()
  for (const k of samples) counts.set(k, (counts.get(k) ?? 0) + 1)
  const last = samples.reduce((most, k) => Math.max(most, k), 0)
  const [seen, shares]: [Array<number>, Array<number>] = [[], []]
  let [count, share, total] = [0, 0, 0]
  for (let k = 0; k <= last; k++) {
    count += counts.get(k) ?? 0
    share += probability(k)
    if (share * samples.length < 20) continue
    seen.push(count)
    shares.push(share)
    total += share
    ;[count, share] = [0, 0]
  }
  // All the rest is in the last class.
  seen[seen.length - 1]! += count
  shares[shares.length - 1]! += Math.max(0, 1 - total)
  return seen.length < 2 ? [0, 1] : [chiSquare(seen, shares), chiSquareLimit(seen.length - 1)]
}

describe.for(knownDiscrete)("$name", ({ discrete, probability, mean }) => {
  it.for([1, 2, 3])("is distributed as it says, with seed %i", (seed) => {
    const draw = Discrete.sampler(discrete, stream(seed))
    const samples = Array.from({ length: SAMPLES }, draw)
    expect(samples.every((k) => Number.isInteger(k) && k >= 0)).toBe(true)
    const [found, limit] = testOf(samples, probability)
    expect(found).toBeLessThan(limit!)
  })

  it("would be found out if each fourth were larger by an eighth", () => {
    const draw = Discrete.sampler(discrete, stream(1))
    const more = Array.from({ length: SAMPLES }, (_, i) => {
      const k = draw()
      return i % 4 === 0 ? k + Math.ceil(k / 8) : k
    })
    const [found, limit] = testOf(more, probability)
    expect(found).toBeGreaterThan(limit!)
  })

  it("has the mean that it says, and nothing wrong", () => {
    expect(Discrete.mean(discrete) / mean).toBeCloseTo(1, 11)
    expect(Discrete.check("it", discrete)).toBe(undefined)
    expect(Discrete.format(discrete)).toMatch(/\w+.*\d/)
  })

  it("can be sent as JSON, and draws the same there", () => {
    const json = JSON.stringify(Schema.encodeUnknownSync(Discrete.Discrete)(discrete))
    const back = Schema.decodeUnknownSync(Discrete.Discrete)(JSON.parse(json))
    const drawn = (discrete: Discrete.Discrete) => Array.from({ length: 100 }, Discrete.sampler(discrete, stream(9)))
    expect(drawn(back)).toEqual(drawn(discrete))
  })
})

describe("distributions of whole numbers", () => {
  it.for([1, 2, 3])("are whole and within their bounds where those are extreme, with seed %i", (seed) => {
    const extreme: ReadonlyArray<readonly [Discrete.Discrete, number, number]> = [
      [Discrete.poisson(0), 0, 0],
      [Discrete.poisson(1e9), 0.999e9, 1.001e9],
      [Discrete.binomial(0, 0.5), 0, 0],
      [Discrete.binomial(1e9, 0), 0, 0],
      [Discrete.binomial(1e9, 1), 1e9, 1e9],
      [Discrete.binomial(1e9, 0.5), 0.499e9, 0.501e9],
      [Discrete.geometric(1), 0, 0],
      [Discrete.geometric(1e-9), 0, 1e12],
      [Discrete.zipf(1, 2), 1, 1],
      [Discrete.zipf(1e9, 0), 1, 1e9],
      [Discrete.zipf(1e9, 1), 1, 1e9],
      [Discrete.zipf(1e9, 100), 1, 1],
    ]
    for (const [discrete, least, most] of extreme) {
      const draw = Discrete.sampler(discrete, stream(seed))
      for (let i = 0; i < 100; i++) {
        const k = draw()
        if (!Number.isInteger(k) || k < least || k > most) expect.fail(`${k} of ${Discrete.format(discrete)}`)
      }
    }
  })

  it("know the mean of a thousand million items, where nobody adds them all up", () => {
    // Of exponent 0, the middle; of 2, (ln n + γ) / (π² / 6 − 1 / n).
    expect(Discrete.mean(Discrete.zipf(1e9, 0)) / 500_000_000.5).toBeCloseTo(1, 12)
    const [gamma, items] = [0.5772156649015329, 1e9]
    expect(Discrete.mean(Discrete.zipf(items, 2))).toBeCloseTo((Math.log(items) + gamma) / (Math.PI ** 2 / 6 - 1e-9), 9)
  })

  it.for<readonly [Discrete.Discrete, string]>([
    [Discrete.poisson(-1), "can't be -1: the mean is a number from 0 to 1000000000"],
    [Discrete.poisson(NaN), "can't be NaN: the mean is a number from 0 to 1000000000"],
    [Discrete.binomial(1.5, 0.5), "can't be 1.5: trials is a whole number from 0 to 1000000000"],
    [Discrete.binomial(5, 1.5), "can't be 1.5: the probability is a number from 0 to 1"],
    [Discrete.geometric(0), "can't be 0: the probability is a number from 1e-9 to 1"],
    [Discrete.zipf(0, 1), "can't be 0: items is a whole number from 1 to 1000000000"],
    [Discrete.zipf(5, -1), "can't be -1: the exponent is a number from 0 to 100"],
  ])("that can't be say why (%#)", ([discrete, why]) => {
    expect(Discrete.check("batch", discrete)?.message).toBe(`batch ${why}`)
    expect(() => Discrete.sampler(discrete, stream(1))).toThrow(why)
    expect(() => Discrete.mean(discrete)).toThrow(why)
  })
})
