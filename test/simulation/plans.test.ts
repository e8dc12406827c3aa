import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import * as Distribution from "../../src/simulation/Distribution.ts"
import * as Impairment from "../../src/simulation/Impairment.ts"
import * as Random from "../../src/simulation/Random.ts"
import { deviationsOf, Z } from "../support/sampling.ts"

const stream = Random.makeUnsafe

const SEEDS = [1, 2, 3]
const N = 50_000

/** What a plan does to one message each 10 ns, due 100 ns later. */
const fates = (plan: Impairment.Plan, seed: number, n = N): ReadonlyArray<ReadonlyArray<Impairment.Impairment>> => {
  const decide = Impairment.decider(plan, stream(seed))
  return Array.from({ length: n }, (_, i) => decide({ now: BigInt(i) * 10n, due: BigInt(i) * 10n + 100n }))
}

/** By how many deviations the impairments of many messages differ in number from what a plan's shares come to, for each kind. */
const offBy = (
  all: ReadonlyArray<ReadonlyArray<Impairment.Impairment>>,
  plan: Required<Pick<Impairment.Plan, "drop" | "delay" | "corrupt" | "duplicate">>,
) => {
  const { drop, delay, corrupt, duplicate } = plan
  const share = (tag: Impairment.Impairment["_tag"]) => all.filter(([first]) => first?._tag === tag).length
  const off = {
    drop: deviationsOf(share("Drop"), all.length, drop),
    delay: deviationsOf(share("Deliver"), all.length, (1 - drop) * delay),
    corrupt: deviationsOf(share("Corrupt"), all.length, (1 - drop) * (1 - delay) * corrupt),
    duplicate: deviationsOf(all.filter(({ length }) => length === 2).length, all.length, (1 - drop) * duplicate),
  }
  return Object.entries(off).filter(([, deviations]) => !(Math.abs(deviations) < Z))
}

describe("a plan's impairments", () => {
  const plan = { drop: 0.2, delay: 0.1, corrupt: 0.3, duplicate: 0.15 }

  it.for(SEEDS)("are as many as its shares say, and those of a plan 10 %% off aren't, with seed %i", (seed) => {
    expect(offBy(fates(plan, seed), plan)).toEqual([])
    for (const kind of ["drop", "delay", "corrupt", "duplicate"] as const) {
      const more = fates({ ...plan, [kind]: plan[kind] * 1.1 }, seed)
      expect(offBy(more, plan).map(([name]) => name)).toContain(kind)
    }
  })

  it.for(SEEDS)("happen whatever the others do, with seed %i", (seed) => {
    // Of each two kinds, those that happen together are as many as chance would have it.
    const all = fates({ delay: 0.3, duplicate: 0.3 }, seed)
    const both = all.filter(([first, copy]) => first?._tag === "Deliver" && copy !== undefined).length
    expect(Math.abs(deviationsOf(both, N, 0.09))).toBeLessThan(Z)
    // And one message's fate tells nothing of the next one's.
    const twice = all.filter(([first], i) => first?._tag === "Deliver" && all[i + 1]?.[0]?._tag === "Deliver").length
    // Pairs that share a message aren't independent: their count's variance is p² (1 − p²) + 2 (p³ − p⁴) a message.
    const wider = Math.sqrt(1 + 2 * (0.3 ** 3 - 0.3 ** 4) / (0.09 * 0.91))
    expect(Math.abs(deviationsOf(twice, N - 1, 0.09))).toBeLessThan(Z * wider)
  })

  it.for(SEEDS)(
    "stay what they are when another kind, an outage or an interval is taken away, with seed %i",
    (seed) => {
      const full: Impairment.Plan = {
        ...plan,
        by: Distribution.uniform(1n, 1_000_000n),
        during: [{ from: 0n, until: 15_000n }],
      }
      const before = fates(full, seed, 2000)
      for (const gone of ["drop", "delay", "corrupt", "duplicate", "during"] as const) {
        const { [gone]: _, ...simpler } = full
        const after = fates(simpler, seed, 2000)
        before.forEach((was, i) => {
          const is = after[i]!
          const time = i * 10
          const touched = gone === "during"
            ? time >= 15_000
            : gone === "drop"
            ? was[0]?._tag === "Drop"
            : gone === "delay"
            ? was[0]?._tag === "Deliver"
            : gone === "corrupt"
            ? was[0]?._tag === "Corrupt"
            : was.length === 2
          if (!touched) expect(is, `${gone}, message ${i}`).toEqual(was)
          // A message that loses one fault keeps the other.
          if (touched && gone === "delay") expect(is.slice(1)).toEqual(was.slice(1))
          if (touched && gone === "duplicate") expect(is).toEqual(was.slice(0, 1))
        })
      }
    },
  )

  it.for(SEEDS)(
    "are cut off by outages where they are under way, and otherwise stay what they are, with seed %i",
    (seed) => {
      const outages = [{ from: 2_000n, until: 4_000n }, { from: 9_000n, until: 9_001n }]
      const isCut = (now: bigint, at: bigint) => outages.some(({ from, until }) => from <= at && now < until)
      const full: Impairment.Plan = {
        ...plan,
        by: Distribution.uniform(1n, 3_000n),
        during: [{ from: 0n, until: 8_950n }, { from: 9_500n, until: 15_000n }],
      }
      for (const gone of ["nothing", "drop", "delay", "corrupt", "duplicate", "during"] as const) {
        const { [gone as "drop"]: _, ...simpler } = full
        const whole = fates(simpler, seed, 2000)
        let cut = 0
        fates({ ...simpler, outages }, seed, 2000).forEach((is, i) => {
          const now = BigInt(i) * 10n
          const flights = whole[i]!.map((fault) =>
            fault._tag === "Drop" || isCut(now, fault._tag === "Deliver" ? fault.at : now + 100n)
              ? Impairment.drop
              : fault
          )
          const [first, ...copies] = flights
          const expected = [first, ...copies.filter((copy) => copy !== Impairment.drop)]
          expect(is, `without ${gone}, message ${i}`).toEqual(expected)
          if (now < 2_000n && is[0] === Impairment.drop && whole[i]![0] !== Impairment.drop) cut++
        })
        expect(cut).toBeGreaterThan(4)
      }
    },
  )

  it("are none, all or those of outages, at the ends of what shares can be", () => {
    expect(new Set(fates({}, 1, 1000).map((fate) => JSON.stringify(fate)))).toEqual(new Set([`[{"_tag":"Pass"}]`]))
    expect(
      fates({ drop: 1, delay: 1, corrupt: 1, duplicate: 1 }, 1, 1000).every(([first]) => first === Impairment.drop),
    )
      .toBe(true)
    const cut = fates({ outages: [{ from: 100n, until: 200n }, { from: 150n, until: 300n }] }, 1, 50)
    expect(cut.flatMap(([first], i) => first?._tag === "Drop" ? [i * 10] : [])).toEqual(
      // The first ten were under way when it was cut.
      Array.from({ length: 30 }, (_, i) => i * 10),
    )
  })

  it("bring messages later and never sooner, by what the plan says", () => {
    for (const [first, copy] of fates({ delay: 1, duplicate: 1, by: Distribution.constant(7n) }, 1, 100)) {
      expect(first?._tag === "Deliver" && copy?._tag === "Deliver" && first.at === copy.at).toBe(true)
    }
    // By another time each, as messages and their copies don't know of each other.
    const apart = fates({ delay: 1, duplicate: 1, by: Distribution.uniform(0n, 1_000_000n) }, 1, 100)
    const same = apart.filter(([first, copy]) =>
      first?._tag === "Deliver" && copy?._tag === "Deliver" && first.at === copy.at
    )
    expect(same.length).toBeLessThan(5)
    const [one] = fates({ delay: 1, by: Distribution.constant(7n) }, 1, 1)
    expect(one).toEqual([Impairment.deliver(107n)])
  })
})

describe("a plan", () => {
  const plans = Array.from({ length: 300 }, (_, seed) => Impairment.swarm(stream(seed), { horizon: 1_000_000n }))

  it("can be sent as JSON", () => {
    for (const plan of [...plans, { during: [{ from: 0n, until: 1n << 62n }] }]) {
      const json = JSON.stringify(Schema.encodeUnknownSync(Impairment.Plan)(plan))
      expect(Schema.decodeUnknownSync(Impairment.Plan)(JSON.parse(json))).toEqual(plan)
    }
  })

  it("is written down for people, small shares as well", () => {
    expect(Impairment.format({
      drop: 0.0001,
      corrupt: 1,
      delay: 1 / 3,
      by: Distribution.constant(5n),
      during: [{ from: 1n, until: 2n }],
      outages: [{ from: 3n, until: 4n }],
    })).toBe("drop 0.01 %, corrupt 100 %, delay 33.3 %, by 5 ns, from 1 to 2 ns, cut from 3 to 4 ns")
    expect(Impairment.format({})).toBe("no impairments")
  })
})

describe("a swarm", () => {
  const horizon = 1_000_000n
  const drawn = Array.from({ length: 4000 }, (_, seed) => Impairment.swarm(stream(seed), { horizon }))

  it("has each mix of kinds as often as any other", () => {
    const kinds = ["drop", "corrupt", "duplicate", "delay"] as const
    const mixes = new Map<string, number>()
    for (const plan of drawn) {
      const mix = kinds.filter((kind) => plan[kind] !== undefined).join(" ")
      mixes.set(mix, (mixes.get(mix) ?? 0) + 1)
    }
    expect(mixes.size).toBe(16)
    for (const [mix, count] of mixes) expect(Math.abs(deviationsOf(count, drawn.length, 1 / 16)), mix).toBeLessThan(Z)
  })

  it("has its shares below the most, spread evenly, and its outages over by the horizon", () => {
    const shares = drawn.flatMap(({ drop }) => drop === undefined ? [] : [drop])
    expect(Math.max(...shares)).toBeLessThan(0.3)
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length
    expect(Math.abs(mean - 0.15) / (0.3 / Math.sqrt(12 * shares.length))).toBeLessThan(Z)
    const outages = drawn.flatMap(({ outages }) => outages ?? [])
    expect(outages.length).toBeGreaterThan(1000)
    expect(outages.some(({ until }) => until === horizon)).toBe(true)
    for (const { from, until } of outages) {
      if (!(from >= 0n && from < until && until <= horizon)) expect.fail(`${from} to ${until}`)
    }
  })

  it("has the same otherwise if some kinds are ruled out", () => {
    for (let seed = 0; seed < 200; seed++) {
      const [all, some] = [{}, { kinds: ["drop", "outages"] }].map((more) =>
        Impairment.swarm(stream(seed), { horizon, ...more } as Impairment.SwarmOptions)
      )
      expect(some).toEqual({
        ...all?.drop !== undefined && { drop: all.drop },
        ...all?.outages !== undefined && { outages: all.outages },
      })
    }
  })

  it("has plans with nothing wrong at the ends of its options", () => {
    for (
      const options of [{ horizon: 1n }, { horizon: 1n << 62n, most: 1, outages: 1000 }, {
        horizon,
        most: 0,
        outages: 0,
      }]
    ) {
      expect(Impairment.checkSwarm(options)).toBe(undefined)
      for (let seed = 0; seed < 50; seed++) {
        const plan = Impairment.swarm(stream(seed), options)
        expect(Impairment.check(plan), Impairment.format(plan)).toBe(undefined)
      }
    }
  })

  it.for<[Impairment.SwarmOptions, string]>([
    [{ horizon: 0n }, "swarm.horizon can't be 0: it is from 1 to 2^62 ns"],
    [{ horizon: (1n << 62n) + 1n }, "swarm.horizon can't be 4611686018427387905: it is from 1 to 2^62 ns"],
    [{ horizon, most: 1.5 }, "swarm.most can't be 1.5: it is a share, from 0 to 1"],
    [{ horizon, most: NaN }, "swarm.most can't be NaN: it is a share, from 0 to 1"],
    [{ horizon, outages: -1 }, "swarm.outages can't be -1: it is a whole number from 0 to 1000"],
    [{ horizon, outages: 0.5 }, "swarm.outages can't be 0.5: it is a whole number from 0 to 1000"],
  ])("says what its options can't be (%#)", ([options, why]) => {
    expect(Impairment.checkSwarm(options)?.message).toBe(why)
    expect(() => Impairment.swarm(stream(1), options)).toThrow(why)
  })
})
