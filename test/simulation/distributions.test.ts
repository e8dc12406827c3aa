import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { resolve } from "node:path"
import { describe, expect, it } from "vitest"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import * as Distribution from "../../src/simulation/Distribution.ts"
import * as PortableMath from "../../src/internal/simulation/PortableMath.ts"
import * as Random from "../../src/simulation/Random.ts"
import { type Known, known } from "../support/distributions.ts"
import { distance, distanceLimit, momentsOf, Z } from "../support/sampling.ts"

const stream = Random.makeUnsafe

const SEEDS = [1, 2, 3]
const SAMPLES = 100_000

const samplesOf = (distribution: Distribution.Distribution, seed: number, n = SAMPLES): ReadonlyArray<bigint> => {
  const draw = Distribution.sampler(distribution, stream(seed))
  return Array.from({ length: n }, draw)
}

/**
 * What is wrong with samples that should be of a distribution. By the central limit theorem their mean
 * is off by √(variance / n), and their variance by √((fourth moment − variance²) / n).
 */
const faultsOf = (samples: ReadonlyArray<bigint>, { below, mean, variance }: Known): ReadonlyArray<string> => {
  const found: Array<string> = []
  if (distance(samples, below) > distanceLimit(samples.length)) found.push("distribution")
  if (variance === undefined) return found
  const [sampleMean, sampleVariance] = momentsOf(samples)
  // Rounding to whole ns moves the mean by half a ns at most.
  if (Math.abs(sampleMean - mean) > Z * Math.sqrt(variance / samples.length) + 0.5) found.push("mean")
  const fourth = samples.reduce((sum, x) => sum + (Number(x) - sampleMean) ** 4, 0) / samples.length
  const error = Math.sqrt((fourth - sampleVariance ** 2) / samples.length)
  if (Math.abs(sampleVariance - variance) > Z * error + 0.5) found.push("variance")
  return found
}

describe.for(known)("$name", (one) => {
  it.for(SEEDS)("has its distribution, mean and variance, with seed %i", (seed) => {
    expect(faultsOf(samplesOf(one.distribution, seed), one), Distribution.format(one.distribution)).toEqual([])
  })

  it("would be found out if its times were 2 % longer", () => {
    // As many as it takes to tell an exponential distribution, and others are told sooner.
    const longer = samplesOf(one.distribution, 1, 250_000).map((time) => time * 102n / 100n)
    // The steps of dice are too coarse to be 2 % longer.
    if (one.mean < 100) longer.forEach((_, i, all) => ((all as Array<bigint>)[i]! += i % 20 === 0 ? 1n : 0n))
    expect(faultsOf(longer, one)).not.toEqual([])
  })

  it("has the mean that it says, and nothing wrong", () => {
    const said = Distribution.mean(one.distribution)
    if (one.mean === Infinity) expect(said).toBe(Infinity)
    else expect(said / one.mean).toBeCloseTo(1, 12)
    expect(Distribution.check("latency", one.distribution)).toBe(undefined)
  })

  it("can be sent as JSON, and draws the same there", () => {
    const json = JSON.stringify(Schema.encodeUnknownSync(Distribution.Distribution)(one.distribution))
    const back = Schema.decodeUnknownSync(Distribution.Distribution)(JSON.parse(json))
    expect(back).toEqual(one.distribution)
    expect(samplesOf(back, 9, 100)).toEqual(samplesOf(one.distribution, 9, 100))
  })
})

describe("distributions", () => {
  it.for(Runtimes.names)("draw what they have always drawn on %s", { timeout: 60_000 }, async (runtime) => {
    const { code, stdout, stderr } = await Effect.gen(function* () {
      return yield* exec([...yield* Runtimes.locate(runtime), resolve("test/support/draws.ts")])
    }).pipe(Effect.provide(NodeServices.layer), Effect.runPromise)
    expect(code, stderr).toBe(0)
    await expect(stdout).toMatchFileSnapshot("../support/draws.out")
  })

  it("are all there, one of each kind at least, in what is tested here", () => {
    const kinds = new Set(known.map(({ distribution }) => distribution._tag))
    // Prints each kind, too: there is no default that could hide one.
    expect(known.map(({ distribution }) => Distribution.format(distribution)).every((text) => text.length > 3)).toBe(
      true,
    )
    expect(kinds.size).toBe(12)
  })

  it("never give what has no weight, not even for a draw of exactly 0", () => {
    // From this state xoshiro128** gives two zeros, and number() is 0.
    const zero = () => new Random.Random([1, 0, 1, 0])
    expect(zero().number()).toBe(0)
    expect(Distribution.sampler(Distribution.empirical([[0, 1n], [0, 2n], [1, 3n]]), zero())()).toBe(3n)
    expect(Distribution.sampler(Distribution.mixture([[0, 1n], [1, 3n], [0, 2n]]), zero())()).toBe(3n)
  })

  it("are told from durations of any kind", () => {
    expect(Distribution.from("2 millis")).toEqual(Distribution.constant(2_000_000n))
    for (const duration of [5, 5n, "5 millis", Duration.millis(5)] as const) {
      expect(Distribution.isDistribution(duration)).toBe(false)
    }
    const distribution = Distribution.exponential("1 millis")
    expect(Distribution.from(distribution)).toBe(distribution)
  })

  it.for(SEEDS)("at the ends of their ranges draw times from 0 to 2^62 ns, with seed %i", (seed) => {
    const most = 1n << 62n
    const extreme = [
      Distribution.uniform(0n, most),
      Distribution.uniform(7n, 7n),
      ...[0n, 1n, most].flatMap((time) => [
        Distribution.constant(time),
        Distribution.exponential(time),
        Distribution.erlang(time, 1),
        Distribution.erlang(time, 1000),
        Distribution.gamma(time, 0.1),
        Distribution.gamma(time, 1),
        Distribution.gamma(time, 1e6),
        Distribution.normal(time, 0n),
        Distribution.normal(time, most),
        Distribution.logNormal(time, 0),
        Distribution.logNormal(time, 10),
        Distribution.pareto(time, 0.1),
        Distribution.pareto(time, 1000),
        Distribution.weibull(time, 0.1),
        Distribution.weibull(time, 1000),
        Distribution.triangular(0n, time, most),
        Distribution.triangular(time, time, time),
        Distribution.mixture([[Number.MIN_VALUE, time], [0, 1n]]),
        Distribution.empirical([[0, 1n], [1e300, time], [0, 2n]]),
      ]),
    ]
    for (const distribution of extreme) {
      const text = Distribution.format(distribution)
      expect(Distribution.check("it", distribution), text).toBe(undefined)
      expect(Distribution.mean(distribution), text).toBeGreaterThanOrEqual(0)
      for (const time of samplesOf(distribution, seed, 200)) {
        if (time < 0n || time > most) expect.fail(`${time} of ${text}`)
      }
    }
  })

  it.for(
    [
      [Distribution.gamma(5n, 0), "can't be 0: shape is from 0.1 to 1000000"],
      [Distribution.gamma(5n, NaN), "can't be NaN: shape is from 0.1 to 1000000"],
      [Distribution.gamma(-5n, 1), "can't be -5: the mean is from 0 to 2^62 ns"],
      [Distribution.weibull(-5n, 1), "can't be -5: the scale is from 0 to 2^62 ns"],
      [Distribution.weibull(5n, 0), "can't be 0: shape is from 0.1 to 1000"],
      [Distribution.empirical([]), "can't be 0: its weights have a finite sum greater than 0"],
      [Distribution.empirical([[0, 5n]]), "can't be 0: its weights have a finite sum greater than 0"],
      [Distribution.empirical([[-1, 5n], [2, 5n]]), "can't be -1: a weight is from 0 to 1.7976931348623157e+308"],
      [Distribution.empirical([[1, 5n], [NaN, 5n]]), "can't be NaN: a weight is from 0 to 1.7976931348623157e+308"],
      [Distribution.empirical([[1, -5n]]), "can't be -5: a value is from 0 to 2^62 ns"],
      [
        Distribution.mixture([[1e308, 1n], [1e308, 2n]]),
        "can't be Infinity: its weights have a finite sum greater than 0",
      ],
    ] as const,
  )("that can't be say why (%#)", ([distribution, why]) => {
    expect(Distribution.check("latency", distribution)?.message).toBe(`latency ${why}`)
  })
})

const bits = new BigInt64Array(1)
const double = new Float64Array(bits.buffer)
const place = (x: number): bigint => {
  double[0] = x
  return bits[0]!
}

/** How many doubles two positive or two negative numbers are apart. */
const apart = (a: number, b: number): bigint => {
  const difference = place(a) - place(b)
  return difference < 0n ? -difference : difference
}

describe("exact functions", () => {
  it("have the logarithm of the gamma function to 14 digits", () => {
    // Factorials, Γ(½) = √π, and what lies between them by Γ(x + 1) = x Γ(x).
    let factorial = 1
    for (let n = 1; n < 170; n++) {
      expect(PortableMath.lnGamma(n) - Math.log(factorial), `${n}`).toBeLessThan(
        2e-14 * Math.max(1, Math.log(factorial)),
      )
      factorial *= n
    }
    expect(PortableMath.lnGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 14)
    for (let x = 0.1; x < 30; x += 0.37) {
      expect(PortableMath.lnGamma(x + 1) - PortableMath.lnGamma(x) - Math.log(x), `${x}`).toBeCloseTo(0, 12)
    }
  })

  it.for(SEEDS)("are within 2 units in the last place of Math's, with seed %i", (seed) => {
    const random = stream(seed)
    const worst = { ln: 0n, exp: 0n }
    const note = (name: "ln" | "exp", x: number, ours: number, theirs: number) => {
      const units = apart(ours, theirs)
      if (units > 2n) expect.fail(`${name} ${x} is ${ours}, not ${theirs}`)
      if (units > worst[name]) worst[name] = units
    }
    for (let i = 0; i < 100_000; i++) {
      const share = 1 - random.number()
      // All magnitudes, what samplers need, and next to 1, where digits cancel out.
      const wide = share * 2 ** (Number(random.below(2000n)) - 1000)
      for (const x of [wide, share, 1 + (share - 0.5) / 1024, 1 + (share - 0.5) * 1e-9]) {
        if (x !== 1) note("ln", x, PortableMath.ln(x), Math.log(x))
      }
      for (const x of [(share - 0.5) * 1416, (share - 0.5) * 2, (share - 0.5) * 1e-6]) {
        note("exp", x, PortableMath.exp(x), Math.exp(x))
      }
    }
    expect(worst.ln <= 2n && worst.exp <= 2n).toBe(true)
  })

  it("are exact where they can be, and end where they say", () => {
    expect([PortableMath.ln(1), PortableMath.exp(0), PortableMath.exp(-0)]).toEqual([0, 1, 1])
    expect([PortableMath.exp(-708.1), PortableMath.exp(-Infinity)]).toEqual([0, 0])
    expect([PortableMath.exp(709.1), PortableMath.exp(Infinity)]).toEqual([Number.MAX_VALUE, Number.MAX_VALUE])
    for (const x of [-708, -707.9, 708.9, 709]) expect(apart(PortableMath.exp(x), Math.exp(x)) <= 2n, `${x}`).toBe(true)
    for (const x of [2 ** -1022, Number.MAX_VALUE, Math.SQRT2, Math.SQRT1_2, 1 - 2 ** -53, 1 + 2 ** -52]) {
      expect(apart(PortableMath.ln(x), Math.log(x)) <= 2n, `${x}`).toBe(true)
    }
  })
})
