import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { OptionError } from "../../src/core/Fault.ts"
import * as Random from "../../src/simulation/Random.ts"
import { chiSquareLimit, chiSquareUniform, deviationsOf, Z } from "../support/sampling.ts"

const stream = (seed: number): Random.Random => {
  return Random.makeUnsafe(seed)
}

const times = <A>(n: number, draw: (i: number) => A): ReadonlyArray<A> => Array.from({ length: n }, (_, i) => draw(i))

const SEEDS = [0, 1, 2026, 0xffff_ffff]

describe("the generator", () => {
  // xoshiro128starstar.c 1.1 of https://prng.di.unimi.it, compiled by gcc 12 and run from these states. The
  // first row is also the test of the crate rand_xoshiro.
  it.for([
    {
      state: [1, 2, 3, 4],
      skip: 0,
      next: [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804],
    },
    {
      state: [0xffff_ffff, 0x8000_0000, 0xdead_beef, 0x1234_5678],
      skip: 0,
      next: [
        576,
        3132614827,
        1717985378,
        2143711093,
        4231214605,
        142852135,
        535673858,
        790128292,
        550632211,
        3328991813,
      ],
    },
    {
      state: [1, 2, 3, 4],
      skip: 1_000_000,
      next: [
        3175353485,
        1926457977,
        3408351339,
        4259549224,
        442173593,
        2984504380,
        1778123047,
        378443428,
        2238044802,
        3849554290,
      ],
    },
  ])("is xoshiro128**: from $state, after $skip", ({ state: [a, b, c, d], skip, next }) => {
    const random = new Random.Random([a!, b!, c!, d!])
    for (let i = 0; i < skip; i++) random.bits()
    expect(times(10, () => random.bits())).toEqual(next)
  })

  it("leaves the state of all zeros", () => {
    const random = new Random.Random([0, 0, 0, 0])
    expect(new Set(times(100, () => random.bits())).size).toBeGreaterThan(90)
  })

  // cyrb128 as bryc has published it (https://github.com/bryc/code, jshash/PRNGs.md), run by Node 20.
  it("begins where cyrb128 of `seed N` says", () => {
    const [made, known] = [stream(0), new Random.Random([1986065639, 381952606, 3006365319, 3850428889])]
    expect(times(10, () => made.bits())).toEqual(times(10, () => known.bits()))
  })

  it.for([-1, 0.5, 2 ** 32, NaN, Infinity])("can't have the seed %s", (seed) => {
    const error = Effect.runSync(Effect.flip(Random.make(seed)))
    expect(error).toBeInstanceOf(OptionError)
    expect(() => Random.makeUnsafe(seed)).toThrow(error)
    expect(String(error)).toBe(`OptionError: seed can't be ${seed}: it is a whole number from 0 to 4294967295`)
  })

  it("gives another stream for each seed", () => {
    expect(new Set(times(10_000, (seed) => stream(seed).bits())).size).toBeGreaterThan(9_990)
  })
})

describe("numbers", () => {
  it("are below 1 and of 53 bits, from two words", () => {
    const [random, words] = [stream(7), stream(7)]
    for (let i = 0; i < 1000; i++) {
      const [high, low] = [words.bits() >>> 5, words.bits() >>> 6]
      const number = random.number()
      expect(number * 2 ** 53).toBe(high * 2 ** 26 + low)
      expect(number).toBeLessThan(1)
    }
  })

  it.for(SEEDS)("are uniform, and so are pairs of them, with seed %s", (seed) => {
    const random = stream(seed)
    const [counts, pairs] = [Array<number>(256).fill(0), Array<number>(256).fill(0)]
    let last = random.number()
    for (let i = 0; i < 200_000; i++) {
      const number = random.number()
      counts[Math.floor(number * 256)]!++
      pairs[Math.floor(number * 16) * 16 + Math.floor(last * 16)]!++
      last = number
    }
    expect(chiSquareUniform(counts)).toBeLessThan(chiSquareLimit(255))
    expect(chiSquareUniform(pairs)).toBeLessThan(chiSquareLimit(255))
  })

  it.for(SEEDS)("come true as often as they should, with seed %s", (seed) => {
    for (const probability of [0.001, 0.25, 0.5, 0.99]) {
      const random = stream(seed).fork(`${probability}`)
      const count = times(100_000, () => random.chance(probability)).filter(Boolean).length
      expect(Math.abs(deviationsOf(count, 100_000, probability)), `${probability}`).toBeLessThan(Z)
    }
    expect(times(1000, () => stream(seed).chance(0))).not.toContain(true)
    expect(times(1000, () => stream(seed).chance(1))).not.toContain(false)
  })
})

describe("whole numbers below n", () => {
  it.for(SEEDS)("are each as likely as any other, with seed %s", (seed) => {
    for (const n of [1, 2, 3, 10, 100, 129]) {
      const random = stream(seed).fork(`below ${n}`)
      const counts = Array<number>(n).fill(0)
      for (let i = 0; i < 50_000; i++) counts[Number(random.below(BigInt(n)))]!++
      expect(chiSquareUniform(counts), `below ${n}`).toBeLessThan(n === 1 ? 1e-9 : chiSquareLimit(n - 1))
    }
  })

  it.for(SEEDS)("are so for wide n, by their share of it and by their rest, with seed %s", (seed) => {
    // 3/4 of a power of two: a remainder instead of drawing again would make the first third twice as likely.
    for (const n of [3n << 30n, (1n << 32n) - 1n, 1n << 32n, (1n << 32n) + 1n, 3n << 40n, 3n << 62n, 1n << 64n]) {
      const random = stream(seed).fork(`below ${n}`)
      const [parts, rests] = [Array<number>(30).fill(0), Array<number>(32).fill(0)]
      for (let i = 0; i < 20_000; i++) {
        const drawn = random.below(n)
        if (drawn < 0n || drawn >= n) expect.fail(`${drawn} isn't below ${n}`)
        parts[Number(drawn * 30n / n)]!++
        rests[Number(drawn % 32n)]!++
      }
      expect(chiSquareUniform(parts), `parts of ${n}`).toBeLessThan(chiSquareLimit(29))
      expect(chiSquareUniform(rests), `rests of ${n}`).toBeLessThan(chiSquareLimit(31))
    }
  })

  it("reach both ends where a word ends", () => {
    for (const n of [1n << 8n, 1n << 32n, 1n << 33n]) {
      const random = stream(3)
      const drawn = times(2000, () => random.below(n))
      expect(drawn.some((x) => x < n / 100n) && drawn.some((x) => x > n - n / 100n - 1n), `${n}`).toBe(true)
    }
  })

  it.for([0n, -1n, (1n << 64n) + 1n])("can't be below %s", (n) => {
    expect(() => stream(1).below(n)).toThrow(`n can't be ${n}: it is a whole number from 1 to 2^64`)
  })
})

describe("choices", () => {
  it.for(SEEDS)("are fair, with seed %s", (seed) => {
    const random = stream(seed)
    const letters = ["a", "b", "c", "d"]
    const picked = new Map<string, number>()
    const orders = new Map<string, number>()
    for (let i = 0; i < 48_000; i++) {
      const [letter, order] = [random.pick(letters)!, random.shuffle(letters).join("")]
      picked.set(letter, (picked.get(letter) ?? 0) + 1)
      orders.set(order, (orders.get(order) ?? 0) + 1)
    }
    expect([picked.size, orders.size]).toEqual([4, 24])
    expect(chiSquareUniform([...picked.values()])).toBeLessThan(chiSquareLimit(3))
    expect(chiSquareUniform([...orders.values()])).toBeLessThan(chiSquareLimit(23))
  })

  it("leave what they choose from as it is, and are none of none", () => {
    const letters = ["a", "b", "c"]
    expect(stream(1).shuffle(letters).sort()).toEqual(letters)
    expect(letters).toEqual(["a", "b", "c"])
    expect([stream(1).pick([]), stream(1).shuffle([])]).toEqual([undefined, []])
  })
})

describe("forks", () => {
  const firsts = (random: Random.Random) => times(5, () => random.bits())

  it("depend on the seed and the names, and not on what was drawn", () => {
    const [fresh, used] = [stream(42), stream(42)]
    for (let i = 0; i < 1000; i++) used.number()
    used.fork("other").number()
    expect(firsts(used.fork("wire"))).toEqual(firsts(fresh.fork("wire")))
    expect(firsts(used.fork("wire").fork("loss"))).toEqual(firsts(fresh.fork("wire").fork("loss")))
  })

  it("leave the stream that they come from as it is", () => {
    const [one, other] = [stream(42), stream(42)]
    one.fork("wire").bits()
    expect(firsts(one)).toEqual(firsts(other))
  })

  it("differ by name, by the order of names, and from the stream itself", () => {
    const random = stream(42)
    const all = [
      random,
      ...["", "a", "b", "ab", "ba", "a ", "A", "→", "\u0000", "\u0000\u0000", "\ud83d\ude00"].map((name) =>
        random.fork(name)
      ),
      random.fork("a").fork("b"),
      random.fork("b").fork("a"),
      random.fork("").fork(""),
      stream(43).fork("a"),
    ]
    expect(new Set(all.map((one) => firsts(one).join(" "))).size).toBe(all.length)
  })

  // Were states related, first draws would show it.
  it.for([
    { one: "link 1", other: "link 2" },
    { one: "a", other: "b" },
    { one: "", other: "a" },
    { one: "loss", other: "latency" },
    { one: "ping → pong", other: "pong → ping" },
    { one: "x", other: "\u8000" },
  ])("named $one and $other have nothing to do with each other, over 20,000 seeds", ({ one, other }) => {
    const SEEDS = 20_000
    for (const draw of [0, 1, 2]) {
      const differing = Array<number>(32).fill(0)
      const [high, low] = [Array<number>(256).fill(0), Array<number>(256).fill(0)]
      for (let seed = 0; seed < SEEDS; seed++) {
        const [left, right] = [stream(seed).fork(one), stream(seed).fork(other)]
        for (let i = 0; i < draw; i++) [left.bits(), right.bits()]
        const [x, y] = [left.bits(), right.bits()]
        for (let bit = 0; bit < 32; bit++) differing[bit]! += ((x ^ y) >>> bit) & 1
        high[(x >>> 28) * 16 + (y >>> 28)]!++
        low[(x & 15) * 16 + (y & 15)]!++
      }
      const deviations = differing.map((count) => Math.abs(deviationsOf(count, SEEDS, 0.5)))
      expect(Math.max(...deviations)).toBeLessThan(Z)
      expect(chiSquareUniform(high)).toBeLessThan(chiSquareLimit(255))
      expect(chiSquareUniform(low)).toBeLessThan(chiSquareLimit(255))
    }
  })

  it.for(SEEDS)("of one seed and many names are uncorrelated, each with the next, with seed %s", (seed) => {
    const N = 2000
    const streams = times(64, (i) => stream(seed).fork(`link ${i}`))
    const numbers = streams.map((random) => times(N, () => random.number() - 0.5))
    for (let i = 0; i < numbers.length; i++) {
      for (const lag of [0, 1, 5]) {
        const next = numbers[(i + 1) % numbers.length]!
        // Of variance 1/12 · 1/12 each, by the central limit theorem.
        const sum = times(N - lag, (k) => numbers[i]![k]! * next[k + lag]!).reduce((total, x) => total + x, 0)
        expect(Math.abs(sum) * 12 / Math.sqrt(N - lag), `link ${i}, lag ${lag}`).toBeLessThan(Z)
      }
    }
  })
})
