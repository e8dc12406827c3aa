/**
 * Statistics that tell whether what was drawn is distributed as it says. All are
 * computed with `Math`, apart from the sources that they test.
 *
 * A test's critical value is what a right sampler exceeds with a probability of
 * {@link FALSE_ALARM} at most. Seeds are fixed, so a test that passes once always does.
 *
 * @module
 */

/** The probability with which one test finds fault with what is right. */
export const FALSE_ALARM = 1e-6

/** How many deviations from its mean a normal number is with probability {@link FALSE_ALARM}, to both sides: Φ⁻¹(1 − 1e-6/2). */
export const Z = 4.8916

/** The same to one side: Φ⁻¹(1 − 1e-6). */
const Z_UP = 4.7534

/**
 * What chi-square with so many degrees of freedom exceeds with probability
 * {@link FALSE_ALARM}: d (1 − 2/9d + z √(2/9d))³ (Wilson and Hilferty, 1931).
 */
export const chiSquareLimit = (freedom: number): number =>
  freedom * (1 - 2 / (9 * freedom) + Z_UP * Math.sqrt(2 / (9 * freedom))) ** 3

/** Pearson's chi-square of counts that should be in these proportions. */
export const chiSquare = (counts: ReadonlyArray<number>, shares: ReadonlyArray<number>): number => {
  const total = counts.reduce((sum, count) => sum + count, 0)
  return counts.reduce((sum, count, i) => sum + (count - total * shares[i]!) ** 2 / (total * shares[i]!), 0)
}

/** The same of counts that should be equal. */
export const chiSquareUniform = (counts: ReadonlyArray<number>): number =>
  chiSquare(counts, counts.map(() => 1 / counts.length))

/**
 * What the Kolmogorov–Smirnov distance of so many samples exceeds with probability
 * {@link FALSE_ALARM} at most: √(ln(2/α) / 2n) (Dvoretzky, Kiefer and Wolfowitz, with Massart's constant of 1990).
 */
export const distanceLimit = (samples: number): number => Math.sqrt(Math.log(2 / FALSE_ALARM) / (2 * samples))

/**
 * The greatest distance between the share of samples that are at most x, and `below(x)`, which says
 * what it should be. Samples are whole, rounded from what `below` is about: what is at most x was below x + ½.
 */
export const distance = (samples: ReadonlyArray<bigint>, below: (x: number) => number): number => {
  // An array of numbers alone is sorted by the engine itself, several times as fast.
  const sorted = Float64Array.from(samples, Number).sort()
  let greatest = 0
  for (let i = 0; i < sorted.length;) {
    const x = sorted[i]!
    const before = i
    while (i < sorted.length && sorted[i] === x) i++
    greatest = Math.max(
      greatest,
      Math.abs(i / sorted.length - below(x + 0.5)),
      Math.abs(before / sorted.length - below(x - 0.5)),
    )
  }
  return greatest
}

/** Mean and variance. */
export const momentsOf = (samples: ReadonlyArray<bigint>): readonly [mean: number, variance: number] => {
  const mean = samples.reduce((sum, sample) => sum + Number(sample), 0) / samples.length
  return [mean, samples.reduce((sum, sample) => sum + (Number(sample) - mean) ** 2, 0) / (samples.length - 1)]
}

/** How many deviations a count of successes is from what is expected of so many tries. */
export const deviationsOf = (count: number, tries: number, probability: number): number =>
  (count - tries * probability) / Math.sqrt(tries * probability * (1 - probability))

/** The normal distribution's cumulative function, by its series (Marsaglia, 2004): good to 1e-15 up to |x| = 7. */
export const phi = (x: number): number => {
  if (Math.abs(x) > 7) return x < 0 ? 0 : 1
  let [sum, term] = [x, x]
  for (let i = 3; Math.abs(term) > 1e-17 * Math.abs(sum); i += 2) sum += term *= x * x / i
  return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI)
}

/** The lower incomplete gamma function, divided by Γ(shape), by its series. */
export const gammaBelow = (shape: number, x: number): number => {
  if (x <= 0) return 0
  let [sum, term] = [1 / shape, 1 / shape]
  for (let i = 1; term > 1e-17 * sum; i++) sum += term *= x / (shape + i)
  return Math.min(1, sum * Math.exp(shape * Math.log(x) - x - lnGamma(shape)))
}

/** ln Γ(x), by Stirling's series from 20 on. */
export const lnGamma = (x: number): number => {
  let [shift, at] = [0, x]
  for (; at < 20; at++) shift += Math.log(at)
  const inverse = 1 / (at * at)
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / at
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series - shift
}
