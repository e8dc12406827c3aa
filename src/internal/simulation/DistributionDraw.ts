/**
 * Draws durations from distributions: whole ns, the same to the bit on every runtime.
 *
 * @module
 */
import type { Random } from "../../simulation/Random.ts"
import { exp, ln } from "./PortableMath.ts"
import type { AnyDistribution } from "./AnyDistribution.ts"
import { MOST } from "./DistributionCheck.ts"

/** What a draw is at most: a heavy tail may have no end, but time has. */
const CAP = Number(MOST)

const whole = (nanos: number): bigint => BigInt(Math.round(nanos < CAP ? nanos : CAP))

/** From above 0 to 1, for logarithms. */
export const positive = (random: Random): number => 1 - random.number()

/** From above 0 to below 1, for logarithms of logarithms. */
const open = (random: Random): number => {
  for (;;) {
    const share = positive(random)
    if (share < 1) return share
  }
}

/** A number from the bell curve with mean 0 and deviation 1: Marsaglia's polar method, of which one half is used. */
const bell = (random: Random): number => {
  for (;;) {
    const x = 2 * random.number() - 1
    const y = 2 * random.number() - 1
    const square = x * x + y * y
    if (square < 1 && square > 0) return x * Math.sqrt(-2 * ln(square) / square)
  }
}

/** A number from the gamma distribution of mean `shape`, 1 or more: by Marsaglia and Tsang (2000). */
export const gammaOf = (shape: number, random: Random): number => {
  const d = shape - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = bell(random)
    const root = 1 + c * x
    const share = positive(random)
    if (root <= 0) continue
    const v = root * root * root
    if (ln(share) < x * x / 2 + d - d * v + d * ln(v)) return d * v
  }
}

/** Which of several is meant by a number from 0 to below 1, each having a part of that by its weight. */
const chooser = (weights: ReadonlyArray<number>): (number: number) => number => {
  let sum = 0
  // Where each one's part ends.
  const ends = Float64Array.from(weights, (weight) => sum += weight)
  return (number) => {
    const at = number * sum
    let [first, last] = [0, ends.length - 1]
    while (first < last) {
      const middle = (first + last) >>> 1
      if (ends[middle]! > at) last = middle
      else first = middle + 1
    }
    return first
  }
}
/** Draws from a distribution that was checked, one after the other. */
export const drawing = (distribution: AnyDistribution, random: Random): () => bigint => {
  switch (distribution._tag) {
    case "Constant": {
      const { value } = distribution
      return () => value
    }
    case "Uniform": {
      const { least, most } = distribution
      const count = most - least + 1n
      return () => least + random.below(count)
    }
    case "Exponential": {
      const mean = Number(distribution.mean)
      return () => whole(-mean * ln(positive(random)))
    }
    case "Erlang": {
      const [mean, { stages }] = [Number(distribution.mean) / distribution.stages, distribution]
      return () => {
        let sum = 0
        for (let stage = 0; stage < stages; stage++) sum -= ln(positive(random))
        return whole(mean * sum)
      }
    }
    case "Gamma": {
      const { shape } = distribution
      const scale = Number(distribution.mean) / shape
      if (shape >= 1) return () => whole(scale * gammaOf(shape, random))
      // Of one stage more, and a part of that.
      return () => whole(scale * gammaOf(shape + 1, random) * exp(ln(positive(random)) / shape))
    }
    case "Normal": {
      const [mean, deviation] = [Number(distribution.mean), Number(distribution.deviation)]
      return () => {
        // At worst, with mean 0, every second one is drawn again.
        for (;;) {
          const drawn = mean + deviation * bell(random)
          if (drawn >= 0) return whole(drawn)
        }
      }
    }
    case "LogNormal": {
      const [median, { sigma }] = [Number(distribution.median), distribution]
      return () => whole(median * exp(sigma * bell(random)))
    }
    case "Pareto": {
      const [least, { shape }] = [Number(distribution.least), distribution]
      return () => whole(least * exp(-ln(positive(random)) / shape))
    }
    case "Weibull": {
      const [scale, { shape }] = [Number(distribution.scale), distribution]
      return () => whole(scale * exp(ln(-ln(open(random))) / shape))
    }
    case "Triangular": {
      const [least, mode, most] = [Number(distribution.least), Number(distribution.mode), Number(distribution.most)]
      const [width, rise, fall] = [most - least, mode - least, most - mode]
      return () => {
        const share = random.number()
        return share * width < rise
          ? whole(least + Math.sqrt(share * width * rise))
          : whole(most - Math.sqrt((1 - share) * width * fall))
      }
    }
    case "Mixture": {
      const choose = chooser(distribution.parts.map(([weight]) => weight))
      const draws = distribution.parts.map(([, part], index) => drawing(part, random.fork(`part ${index}`)))
      return () => draws[choose(random.number())]!()
    }
    case "Empirical": {
      const { values } = distribution
      const choose = chooser(values.map(([weight]) => weight))
      return () => values[choose(random.number())]![1]
    }
  }
}
