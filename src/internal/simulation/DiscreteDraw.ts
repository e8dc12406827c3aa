/**
 * Draws whole numbers, the same to the bit on every runtime, in a time that hardly grows with what they may be.
 *
 * @module
 */
import { exp, ln } from "./PortableMath.ts"
import type { Random } from "../../simulation/Random.ts"
import { gammaOf, positive } from "./DistributionDraw.ts"

/** From this mean on, events are counted by halves: below it, one after the other. */
const FEW_EVENTS = 12
/** The same for tries. */
const FEW_TRIALS = 16

/** How many exponential times of mean 1 fit into `mean`. */
const eventsWithin = (mean: number, random: Random): number => {
  const least = exp(-mean)
  let product = 1
  for (let events = 0;; events++) {
    product *= positive(random)
    if (product < least) return events
  }
}

/**
 * By Ahrens and Dieter (Computing 12, 1974): the time of the n-th event has a gamma distribution. Where it is within
 * `mean`, the rest is a Poisson process again; where it isn't, the events before it are uniform.
 */
const poissonOf = (mean: number, random: Random): number => {
  let [events, left] = [0, mean]
  while (left >= FEW_EVENTS) {
    const n = Math.floor(left * 7 / 8)
    const time = gammaOf(n, random)
    if (time > left) return events + binomialOf(n - 1, left / time, random)
    events += n
    left -= time
  }
  return events + eventsWithin(left, random)
}

/**
 * By Relles (JASA 67, 1972): the i-th smallest of n uniform numbers has a beta distribution, and tells on which side of
 * the probability i of them are.
 */
const binomialOf = (trials: number, probability: number, random: Random): number => {
  let [successes, n, p] = [0, trials, probability]
  while (n >= FEW_TRIALS && p > 0 && p < 1) {
    const i = 1 + Math.floor(n / 2)
    const below = gammaOf(i, random)
    const split = below / (below + gammaOf(n + 1 - i, random))
    if (split <= p) {
      successes += i
      n -= i
      p = (p - split) / (1 - split)
    } else {
      n = i - 1
      p /= split
    }
  }
  if (p <= 0 || p >= 1) return successes + (p <= 0 ? 0 : n)
  for (let trial = 0; trial < n; trial++) if (random.number() < p) successes++
  return successes
}

/** How many events happen where `mean` are expected. */
export const poisson = (mean: number, random: Random): () => number => () => poissonOf(mean, random)

/** How many of `trials` succeed. */
export const binomial = (trials: number, probability: number, random: Random): () => number => () =>
  binomialOf(trials, probability, random)

/** How many tries fail before one succeeds. */
export const geometric = (probability: number, random: Random): () => number => {
  if (probability === 1) return () => 0
  const scale = ln1p(-probability)
  return () => Math.floor(ln(positive(random)) / scale)
}

/** ln(1 + x), to the last bits also where x is small. */
const ln1p = (x: number): number => {
  if (Math.abs(x) > 1e-3) return ln(1 + x)
  return x * (1 - x * (1 / 2 - x * (1 / 3 - x * (1 / 4 - x * (1 / 5 - x * (1 / 6))))))
}

/** e^x − 1, to the last bits also where x is small. */
const expm1 = (x: number): number => {
  if (Math.abs(x) > 1e-3) return exp(x) - 1
  return x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5 * (1 + x / 6)))))
}

/**
 * Which of `items`, from 1 on: by Hörmann and Derflinger's rejection-inversion (ACM Trans. Modeling and Computer Simulation
 * 6, 1996), in constant time and memory. `area` is the integral of x^−exponent, 0 at 1; `place` is its inverse.
 */
export const zipf = (items: number, exponent: number, random: Random): () => number => {
  const rest = 1 - exponent
  const area = (x: number) => {
    const log = ln(x)
    return rest === 0 ? log : expm1(rest * log) / rest
  }
  const place = (area: number) => exp(rest === 0 ? area : ln1p(Math.max(-1 + 1e-16, rest * area)) / rest)
  const height = (k: number) => exp(-exponent * ln(k))
  // The first item's bar is as wide as its height, so that the curve covers it.
  const from = area(1.5) - 1
  const to = area(items + 0.5)
  // Within this distance an item is taken whatever its height.
  const sure = 2 - place(area(2.5) - height(2))
  return () => {
    for (;;) {
      const at = to + random.number() * (from - to)
      const x = place(at)
      const k = Math.min(items, Math.max(1, Math.floor(x + 0.5)))
      if (k - x <= sure || at >= area(k + 0.5) - height(k)) return k
    }
  }
}
