import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Path from "node:path"
import { exec } from "../../scripts/exec.ts"
import * as Runtimes from "../../scripts/runtimes.ts"
import { Distribution, Impairment, Random } from "../../src/simulation.ts"
import * as Channel from "../../src/internal/simulation/Channel.ts"
import * as PortableMath from "../../src/internal/simulation/PortableMath.ts"

const seeded = Random.makeUnsafe

const MILLI = 1_000_000

const REFERENCE = [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804]

/** The error function, to 1.2e-7 (Numerical Recipes, erfc by Chebyshev fitting). */
const erf = (x: number): number => {
  const t = 1 / (1 + 0.5 * Math.abs(x))
  const poly = [
    1.00002368,
    0.37409196,
    0.09678418,
    -0.18628806,
    0.27886807,
    -1.13520398,
    1.48851587,
    -0.82215223,
    0.17087277,
  ]
  const sum = poly.reduceRight((sum, c) => c + t * sum, 0)
  const tail = t * Math.exp(-x * x - 1.26551223 + t * sum)
  return x >= 0 ? 1 - tail : tail - 1
}
const bell = (z: number): number => (1 + erf(z / Math.SQRT2)) / 2

interface Case {
  readonly distribution: (scale: number) => Distribution.Distribution
  /** The share of values up to `x` ns. */
  readonly cdf: (x: number) => number
}

const nanos = (scale: number, ms: number): bigint => BigInt(Math.round(scale * ms * MILLI))

const erlangCdf = (x: number): number => {
  const rate = 4 / (8 * MILLI) * x
  return 1 - Math.exp(-rate) * (1 + rate + rate ** 2 / 2 + rate ** 3 / 6)
}

const cases: { readonly [name: string]: Case } = {
  uniform: {
    distribution: (s) => Distribution.uniform(nanos(s, 2), nanos(s, 10)),
    cdf: (x) => (x - 2 * MILLI) / (8 * MILLI),
  },
  exponential: {
    distribution: (s) => Distribution.exponential(nanos(s, 5)),
    cdf: (x) => 1 - Math.exp(-x / (5 * MILLI)),
  },
  erlang: { distribution: (s) => Distribution.erlang(nanos(s, 8), 4), cdf: erlangCdf },
  normal: {
    distribution: (s) => Distribution.normal(nanos(s, 10), nanos(s, 2)),
    // Below 0 there is next to nothing to be cut off.
    cdf: (x) => bell((x / MILLI - 10) / 2),
  },
  "normal, cut off": {
    distribution: (s) => Distribution.normal(nanos(s, 1), nanos(s, 2)),
    cdf: (x) => (bell((x / MILLI - 1) / 2) - bell(-0.5)) / (1 - bell(-0.5)),
  },
  "log-normal": {
    distribution: (s) => Distribution.logNormal(nanos(s, 3), 0.5),
    cdf: (x) => bell(Math.log(x / (3 * MILLI)) / 0.5),
  },
  pareto: { distribution: (s) => Distribution.pareto(nanos(s, 2), 2.5), cdf: (x) => 1 - (2 * MILLI / x) ** 2.5 },
  triangular: {
    distribution: (s) => Distribution.triangular(nanos(s, 1), nanos(s, 2), nanos(s, 5)),
    cdf: (x) => {
      const ms = x / MILLI
      return ms < 2 ? (ms - 1) ** 2 / 4 : 1 - (5 - ms) ** 2 / 12
    },
  },
  mixture: {
    distribution: (s) =>
      Distribution.mixture([[3, Distribution.exponential(nanos(s, 1))], [
        1,
        Distribution.uniform(nanos(s, 5), nanos(s, 6)),
      ]]),
    cdf: (x) => 0.75 * (1 - Math.exp(-x / MILLI)) + 0.25 * Math.min(1, Math.max(0, x / MILLI - 5)),
  },
}

const DRAWS = 100_000

/** The distance of Kolmogorov and Smirnov between samples and what they should be. */
const distance = (samples: Float64Array, cdf: (x: number) => number): number =>
  samples.reduce((worst, x, i) => {
    const p = cdf(x)
    return Math.max(worst, Math.abs(p - i / samples.length), Math.abs((i + 1) / samples.length - p))
  }, 0)

/** More than this has a probability below 10^-6: 2 exp(−2 n d²) (Dvoretzky, Kiefer, Wolfowitz; Massart). */
const MOST = Math.sqrt(Math.log(2e6) / (2 * DRAWS))

const draws = (distribution: Distribution.Distribution, seed: number): Float64Array => {
  const draw = Distribution.sampler(distribution, seeded(seed))
  return Float64Array.from({ length: DRAWS }, () => Number(draw())).sort()
}

describe("a distribution", () => {
  const names = Object.keys(cases)
  it.for(names.flatMap((name) => [1, 2, 3].map((seed) => [name, seed] as const)))(
    "of kind %s is what it should be, with seed %i",
    ([name, seed]) => {
      const { distribution, cdf } = cases[name]!
      const exact = distribution(1)
      expect(Distribution.check("d", exact)).toBeUndefined()
      const samples = draws(exact, seed)
      expect(distance(samples, cdf)).toBeLessThan(MOST)
      if (name !== "normal, cut off") {
        const mean = samples.reduce((sum, x) => sum + x, 0) / DRAWS
        expect(Math.abs(mean / Distribution.mean(exact) - 1)).toBeLessThan(0.02)
      }
    },
  )

  it.for(names)("of kind %s that is 4 % off would be found out", (name) => {
    const { distribution, cdf } = cases[name]!
    expect(distance(draws(distribution(1.04), 1), cdf)).toBeGreaterThan(MOST)
  })

  it("that is constant is constant", () => {
    const draw = Distribution.sampler(Distribution.constant("3 millis"), seeded(1))
    expect([draw(), draw()]).toEqual([3_000_000n, 3_000_000n])
  })

  it.for<readonly [Distribution.Distribution, RegExp]>([
    [Distribution.constant(-1n), /-1.*a constant is from 0/],
    [Distribution.constant("Infinity" as never), /a constant/],
    [Distribution.uniform(-1n, 5n), /-1.*least is from 0/],
    [Distribution.uniform(6n, 5n), /5.*most is from 6/],
    [Distribution.exponential(-1n), /-1.*the mean/],
    [Distribution.erlang(5n, 0), /0.*stages is from 1 to 1000/],
    [Distribution.erlang(5n, 1.5), /1\.5.*stages is a whole number/],
    [Distribution.erlang(-5n, 2), /-5.*the mean/],
    [Distribution.normal(1n, -1n), /-1.*the deviation/],
    [Distribution.normal(-1n, 1n), /-1.*the mean/],
    [Distribution.logNormal(1n, NaN), /NaN.*sigma is from 0 to 10/],
    [Distribution.logNormal(-1n, 1), /-1.*the median/],
    [Distribution.pareto(1n, 0), /0.*shape is from 0\.1/],
    [Distribution.pareto(-1n, 1), /-1.*least/],
    [Distribution.triangular(3n, 2n, 5n), /2.*mode is from 3/],
    [Distribution.triangular(3n, 4n, 3n), /3.*most is from 4/],
    [Distribution.mixture([]), /0.*greater than 0/],
    [Distribution.mixture([[-1, 5n]]), /-1.*a weight/],
    [Distribution.mixture([[1, Distribution.exponential(-2n)]]), /-2.*the mean/],
  ])("that can't be gets an error that names what is wrong (%#)", ([distribution, words]) => {
    const error = Distribution.check("latency", distribution)
    expect(error?.option).toBe("latency")
    expect(error?.message).toMatch(words)
    expect(Distribution.format(distribution)).not.toBe("")
  })

  it("is the same to the bit on Deno, Bun and Node", async () => {
    const all = Object.values(cases).map(({ distribution }) => distribution(1))
    const text = JSON.stringify(all, (_, value) => typeof value === "bigint" ? `${value}n` : value)
    const digests = Effect.flatMap(
      Runtimes.find,
      (runtimes) =>
        Effect.forEach(
          Runtimes.names,
          (name) => exec([...runtimes[name], Path.resolve("test/support/digests.ts"), text]),
        ),
    )
    const outputs = await Effect.runPromise(Effect.provide(digests, NodeServices.layer))
    expect(outputs.map(({ code, stderr }) => [code, code === 0 ? "" : stderr])).toEqual([[0, ""], [0, ""], [0, ""]])
    const [deno, bun, node] = outputs.map(({ stdout }) => stdout)
    expect(deno?.trim().split("\n").length).toBe(all.length)
    expect(bun).toBe(deno)
    expect(node).toBe(deno)
  }, 60_000)
})

describe("a stream of chance", () => {
  it("is xoshiro128**: the first ten of the state 1, 2, 3, 4 are the reference's", () => {
    const random = new Random.Random([1, 2, 3, 4])
    // From the C reference at prng.di.unimi.it, compiled with gcc 12.
    expect(Array.from({ length: 10 }, () => random.bits())).toEqual(REFERENCE)
  })

  it("depends on its name, and not on what was drawn elsewhere", () => {
    const [one, other] = [seeded(1), seeded(1)]
    for (let i = 0; i < 100; i++) other.number()
    expect(one.fork("a").number()).toBe(other.fork("a").number())
    expect(one.fork("a").number()).not.toBe(one.fork("b").number())
    expect(one.fork("a").fork("b").number()).not.toBe(one.fork("ab").number())
  })

  it("is not correlated with streams of similar names and seeds", () => {
    const n = 20_000
    const streams = [seeded(1).fork("link 1"), seeded(1).fork("link 2"), seeded(2).fork("link 1"), seeded(1)]
    const rows = streams.map((stream) => Array.from({ length: n }, () => stream.number() - 0.5))
    for (const [i, a] of rows.entries()) {
      for (const b of rows.slice(i + 1)) {
        const correlation = 12 * a.reduce((sum, x, k) => sum + x * b[k]!, 0) / n
        // Five deviations: 6 in 10^7.
        expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(n))
      }
    }
  })

  it.for([2n, 3n, 10n, 1000n])("draws below %i with equal chances", (n) => {
    const random = seeded(9)
    const counts = new Array<number>(Number(n)).fill(0)
    for (let i = 0; i < DRAWS; i++) counts[Number(random.below(n))]! += 1
    const expected = DRAWS / Number(n)
    const chi = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
    const freedom = Number(n) - 1
    // Wilson and Hilferty's approximation of the quantile at 1 − 10^-6.
    expect(chi).toBeLessThan(freedom * (1 - 2 / (9 * freedom) + 4.753 * Math.sqrt(2 / (9 * freedom))) ** 3)
  })

  it("draws up to 2^64, and no further", () => {
    const random = seeded(3)
    let most = 0n
    for (let i = 0; i < 1000; i++) most = [most, random.below(1n << 64n)].reduce((a, b) => a > b ? a : b)
    expect(most > (1n << 64n) * 99n / 100n).toBe(true)
    expect(random.below(1n)).toBe(0n)
    expect(() => random.below(0n)).toThrow(/n can't be 0/)
    expect(() => random.below((1n << 64n) + 1n)).toThrow(/2\^64/)
  })

  it("has logarithms and powers to a unit in the last place", () => {
    const random = seeded(4)
    const ulp = (x: number) => 2 ** (Math.floor(Math.log2(Math.abs(x))) - 52)
    for (let i = 0; i < 100_000; i++) {
      const x = random.number() * 10 ** Math.floor(random.number() * 12 - 3) + 1e-9
      expect(Math.abs(PortableMath.ln(x) - Math.log(x))).toBeLessThanOrEqual(ulp(Math.log(x)) + 1e-300)
      const y = (random.number() - 0.5) * 1400
      if (y < -708) continue
      expect(Math.abs(PortableMath.exp(y) - Math.exp(y))).toBeLessThanOrEqual(ulp(Math.exp(y)))
    }
    expect([PortableMath.ln(1), PortableMath.exp(0), PortableMath.exp(-1000)]).toEqual([0, 1, 0])
  })

  it.for([-1, 0.5, 2 ** 32, NaN, Infinity])("has no seed %f", (seed) => {
    expect(Effect.runSync(Effect.flip(Random.make(seed)))).toMatchObject({
      _tag: "OptionError",
      option: "seed",
      given: seed,
    })
  })
})

/** Whether a count of n is what a share should come to, within five deviations. */
const isShare = (count: number, n: number, share: number): boolean =>
  Math.abs(count - n * share) < 5 * Math.sqrt(n * share * (1 - share))

describe("impairments", () => {
  const N = 100_000
  const plan: Impairment.Plan = { drop: 0.1, corrupt: 0.05, duplicate: 0.2, delay: 0.3, by: Distribution.constant(7n) }

  it.for([1, 2, 3, 4, 5])("come as often as they should, with seed %i", (seed) => {
    const decide = Impairment.decider(plan, seeded(seed))
    const outcomes = Array.from({ length: N }, () => decide({ now: 0n, due: 100n }))
    const count = (is: (impairments: ReadonlyArray<Impairment.Impairment>) => boolean) => outcomes.filter(is).length
    expect(isShare(count(([first]) => first?._tag === "Drop"), N, 0.1)).toBe(true)
    expect(isShare(count(([first]) => first?._tag === "Deliver"), N, 0.9 * 0.3)).toBe(true)
    expect(isShare(count(([first]) => first?._tag === "Corrupt"), N, 0.9 * 0.7 * 0.05)).toBe(true)
    expect(isShare(count(({ length }) => length === 2), N, 0.9 * 0.2)).toBe(true)
    // One that is 3 % more often would be found out.
    expect(isShare(Math.round(N * 0.1 * 1.06), N, 0.1)).toBe(false)
    for (const each of outcomes.flat()) if (each._tag === "Deliver") expect(each.at).toBe(107n)
  })

  it("come when they should", () => {
    const decide = Impairment.decider(
      { drop: 1, during: [{ from: 10n, until: 20n }], outages: [{ from: 30n, until: 40n }] },
      seeded(1),
    )
    const at = (now: bigint) => decide({ now, due: now })[0]?._tag
    expect([9n, 10n, 19n, 20n, 29n, 30n, 39n, 40n].map(at)).toEqual(
      ["Pass", "Drop", "Drop", "Pass", "Pass", "Drop", "Drop", "Pass"],
    )
  })

  it("are drawn for a swarm from its seed alone, each kind in half of all plans", () => {
    const plans = Array.from({ length: 2000 }, (_, seed) => Impairment.swarm(seeded(seed), { horizon: 1_000_000n }))
    for (const kind of ["drop", "corrupt", "duplicate", "delay"] as const) {
      expect(isShare(plans.filter((plan) => plan[kind] !== undefined).length, 2000, 0.5)).toBe(true)
    }
    expect(isShare(plans.filter((plan) => plan.outages !== undefined).length, 2000, 0.5 * 0.75)).toBe(true)
    for (const plan of plans) expect(Impairment.check(plan)).toBeUndefined()
    expect(Impairment.swarm(seeded(7), { horizon: 500n })).toEqual(Impairment.swarm(seeded(7), { horizon: 500n }))
    const only = Impairment.swarm(seeded(3), { horizon: 500n, kinds: [] })
    expect(Impairment.format(only)).toBe("no impairments")
  })

  it.for<readonly [Impairment.Plan, RegExp]>([
    [{ drop: 1.5 }, /impairments\.drop.*1\.5.*from 0 to 1/],
    [{ corrupt: -1 }, /impairments\.corrupt.*-1/],
    [{ duplicate: NaN }, /impairments\.duplicate.*NaN/],
    [{ delay: 2 }, /impairments\.delay.*2/],
    [{ by: Distribution.exponential(-1n) }, /impairments\.by.*-1/],
    [{ during: [{ from: 5n, until: 5n }] }, /impairments\.during.*5 to 5/],
    [{ outages: [{ from: -5n, until: 5n }] }, /impairments\.outages.*-5 to 5/],
  ])("that can't be get an error that names what is wrong (%#)", ([plan, words]) => {
    expect(Impairment.check(plan)?.message).toMatch(words)
  })
})

describe("one direction of a link", () => {
  const settings: Channel.Settings = {
    latency: Distribution.constant(100n),
    bandwidth: undefined,
    queue: Infinity,
    loss: 0,
    duplication: 0,
    reordering: 0,
    outages: [],
    impairments: undefined,
  }
  const channel = (more: Partial<Channel.Settings>, seed = 1) =>
    new Channel.Channel({ ...settings, ...more }, seeded(seed))
  const delays = ({ copies }: Channel.Outcome) => copies.map(({ delay }) => delay)

  it("puts messages onto the wire one after the other, rounded up to the ns", () => {
    // At 3 bits a second, a byte takes 8/3 s.
    const slow = channel({ bandwidth: 3n })
    expect(delays(slow.send(0n, 1))).toEqual([2_666_666_667n + 100n])
    expect(delays(slow.send(0n, 1))).toEqual([2n * 2_666_666_667n + 100n])
    expect(delays(slow.send(10_000_000_000n, 3))).toEqual([8_000_000_000n + 100n])
  })

  it("has a queue for so many, and loses those beyond", () => {
    const narrow = channel({ bandwidth: 8_000_000_000n, queue: 2 })
    expect([0, 1, 2].map(() => narrow.send(0n, 10).lost)).toEqual([undefined, undefined, "queue full"])
    expect(narrow.queued(10n)).toBe(1)
    expect(narrow.send(10n, 10).lost).toBeUndefined()
  })

  it("keeps messages in order, unless they may be overtaken", () => {
    const arrivals = (reordering: number) => {
      const wire = channel({ latency: Distribution.exponential(1000n), reordering })
      return Array.from({ length: 5000 }, (_, n) => BigInt(n) * 100n + delays(wire.send(BigInt(n) * 100n, 1))[0]!)
    }
    const inversions = (times: ReadonlyArray<bigint>) => times.filter((time, i) => i > 0 && time < times[i - 1]!).length
    expect(inversions(arrivals(0))).toBe(0)
    expect(inversions(arrivals(0.2))).toBeGreaterThan(100)
  })

  it("loses what is under way when the link is cut", () => {
    const at = (now: bigint) => channel({ outages: [{ from: 1000n, until: 2000n }] }).send(now, 1).lost
    expect([899n, 900n, 999n, 1000n, 1999n, 2000n].map(at)).toEqual(
      [undefined, "outage", "outage", "outage", "outage", undefined],
    )
  })

  it.for([1, 2, 3])("loses and doubles as many as it should, with seed %i", (seed) => {
    const n = 50_000
    const wire = channel({ loss: 0.07, duplication: 0.12 }, seed)
    const outcomes = Array.from({ length: n }, () => wire.send(0n, 1))
    expect(isShare(outcomes.filter(({ lost }) => lost === "loss").length, n, 0.07)).toBe(true)
    expect(isShare(outcomes.filter(({ copies }) => copies.length === 2).length, n, 0.93 * 0.12)).toBe(true)
  })

  const latency = Distribution.exponential(1000n)
  const bandwidth = 8_000_000_000n
  const cuts = [{ from: 20_000n, until: 30_000n }, { from: 70_000n, until: 71_000n }]
  const by = Distribution.uniform(1n, 500n)
  const all = {
    loss: 0.2,
    duplication: 0.3,
    reordering: 0.25,
    outages: cuts,
    impairments: {
      drop: 0.15,
      corrupt: 0.2,
      duplicate: 0.1,
      delay: 0.1,
      by,
      outages: [{ from: 50_000n, until: 55_000n }],
    },
  }
  /** Messages 100 ns apart, so that many are under way at once; some of them sent unplugged. */
  const run = (more: Partial<Channel.Settings>, isUnplugged: (n: number) => boolean = () => false, seed = 1) => {
    const wire = channel({ latency, ...more }, seed)
    return Array.from({ length: 1000 }, (_, n) => wire.send(BigInt(n) * 100n, 1, !isUnplugged(n)))
  }
  const firstOf = ({ copies }: Channel.Outcome) => copies.find(({ isDuplicate }) => !isDuplicate)

  it.for([1, 2, 3])("has every message take as long as it does without all other options, with seed %i", (seed) => {
    for (const base of [{}, { bandwidth }]) {
      const plain = run(base, undefined, seed)
      const variants: ReadonlyArray<Partial<Channel.Settings>> = [
        { loss: 0.5 },
        { duplication: 0.5 },
        { outages: cuts },
        { queue: 1_000 },
        { impairments: { drop: 0.5 } },
        { impairments: { corrupt: 0.5, duplicate: 0.5, outages: cuts } },
        { loss: 0.3, duplication: 0.3, outages: cuts, impairments: { drop: 0.2, duplicate: 0.2 } },
      ]
      for (const more of variants) {
        let compared = 0
        run({ ...base, ...more }, undefined, seed).forEach((outcome, n) => {
          const first = firstOf(outcome)
          if (first === undefined || outcome.copies[0] !== first) return
          compared++
          expect(first.delay, `${Object.keys(more)}, message ${n}`).toBe(plain[n]!.copies[0]!.delay)
        })
        expect(compared).toBeGreaterThan(200)
      }
      // Those that are overtaken are late, and nobody else is.
      const reordered = run({ ...base, reordering: 0.3 }, undefined, seed)
      const late = reordered.filter((outcome, n) => outcome.copies[0]!.delay !== plain[n]!.copies[0]!.delay)
      expect(isShare(late.length, 1000, 0.3)).toBe(true)
      for (const [n, { copies }] of reordered.entries()) {
        expect(copies[0]!.delay >= plain[n]!.copies[0]!.delay).toBe(true)
      }
      // Nor does it matter what was sent while it was unplugged.
      const unplugged = run(base, (n) => n % 10 < 3, seed)
      for (const [n, outcome] of unplugged.entries()) {
        if (n % 10 < 3) expect(outcome).toEqual({ copies: [], lost: "unplugged" })
        else if (n % 10 === 9) expect(outcome.copies[0]!.delay <= plain[n]!.copies[0]!.delay).toBe(true)
      }
    }
  })

  it.for([1, 2, 3])("keeps every kind of chance when one more comes to it, with seed %i", (seed) => {
    const full = run(all, undefined, seed)
    for (const gone of ["loss", "duplication", "reordering", "outages", "impairments"] as const) {
      const { [gone]: _, ...others } = all
      const without = run(others, undefined, seed)
      let kept = 0
      full.forEach((outcome, n) => {
        const other = without[n]!
        const label = `without ${gone}, message ${n}`
        switch (gone) {
          // What takes messages away leaves the others alone, to the ns.
          case "loss":
          case "outages": {
            const why = gone === "loss" ? "loss" : "outage"
            if (outcome.lost === why || gone === "outages" && outcome.copies.length !== other.copies.length) return
            kept++
            return expect(outcome, label).toEqual(other)
          }
          case "duplication":
            // A duplicate may be all that gets through.
            if (outcome.copies.length > 0 && firstOf(outcome) !== undefined) kept++
            if (firstOf(outcome) === undefined && outcome.copies.length > 0) return
            if (outcome.lost === undefined) {
              return expect(outcome.copies.filter(({ isDuplicate }) => !isDuplicate), label).toEqual(other.copies)
            }
            return expect(other.lost, label).toBeDefined()
          case "reordering":
            // What isn't late by a second latency is as it was, and as many get lost by loss.
            expect(outcome.lost === "loss", label).toBe(other.lost === "loss")
            if (outcome.copies.some(({ delay }, i) => delay !== other.copies[i]?.delay)) return
            if (outcome.copies.length > 0) kept++
            return
          case "impairments":
            expect(outcome.lost === "loss", label).toBe(other.lost === "loss")
            if (outcome.copies.length > 0 && outcome.copies[0]!.delay === other.copies[0]?.delay) kept++
        }
      })
      expect(kept, gone).toBeGreaterThan(250)
    }
  })

  it("has the same chance for those sent unplugged or in vain: later ones come to the same", () => {
    const far = (more: Partial<Channel.Settings>, isUnplugged: (n: number) => boolean = () => false) => {
      const wire = channel({ latency, bandwidth, ...more, outages: [] })
      // In bursts of five, so far apart that nothing is left of one when the next comes.
      return Array.from({ length: 500 }, (_, n) => wire.send(BigInt(n - n % 5) * 1_000_000n, 10, !isUnplugged(n)))
    }
    const whole = far(all)
    const narrow = far({ ...all, queue: 2 })
    const unplugged = far(all, (n) => n % 5 === 0 && n % 3 === 0)
    let [full, out] = [0, 0]
    whole.forEach((outcome, n) => {
      if (narrow[n]!.lost === "queue full") full++
      else expect(narrow[n], `queue, message ${n}`).toEqual(outcome)
      if (n % 5 === 0 && n % 3 === 0) expect(unplugged[n]!.lost).toBe("unplugged")
      else if ((n - n % 5) % 3 !== 0) {
        out++
        expect(unplugged[n], `unplugged, message ${n}`).toEqual(outcome)
      }
    })
    expect(full).toBe(300)
    expect(out).toBeGreaterThan(300)
  })

  it("loses what is under way when a plan cuts it, as when its own outages do", () => {
    const outages = [{ from: 1000n, until: 2000n }]
    const at = (now: bigint) => channel({ impairments: { outages } }).send(now, 1).lost
    expect([899n, 900n, 999n, 1000n, 1999n, 2000n].map(at)).toEqual(
      [undefined, "impairment", "impairment", "impairment", "impairment", undefined],
    )
  })

  it("says so of what would arrive after the end of time", () => {
    const slow = channel({ bandwidth: 1n })
    expect(slow.send(0n, 1_000_000_000).lost).toBeUndefined()
    // At a bit a second, after the 8 · 10^9 s of the first one.
    const leaves = 8n * (1_000_000_000n + BigInt(Number.MAX_SAFE_INTEGER)) * 1_000_000_000n
    expect(slow.send(0n, Number.MAX_SAFE_INTEGER)).toEqual({ copies: [], lost: "too late", leaves })
    const late = channel({ latency: Distribution.constant(1n << 62n), duplication: 1 })
    expect(delays(late.send(0n, 1))).toEqual([1n << 62n])
    expect(late.send((1n << 62n) - 1n, 1)).toEqual({ copies: [], lost: "too late", leaves: undefined })
  })

  it("counts what was sent, whatever came of it", () => {
    const wire = channel({ loss: 1, outages: [{ from: 0n, until: 5n }] })
    wire.send(0n, 1)
    wire.send(10n, 1)
    wire.send(20n, 1, false)
    expect(wire.sent).toBe(3)
  })
})
