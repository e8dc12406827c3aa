/**
 * Logarithm, exponential and gamma function to the same bit on every runtime.
 *
 * `Math.log` and `Math.exp` may differ in the last bit from engine to engine, and then a
 * simulation would. These use nothing but what IEEE 754 defines exactly: additions,
 * multiplications, divisions. The approximations are those of fdlibm (Sun Microsystems,
 * 1993): errors are below 1 unit in the last place.
 *
 * @module
 */

const LN2_HIGH = 6.93147180369123816490e-01
const LN2_LOW = 1.90821492927058770002e-10

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)
// Which half of a double comes first is the machine's affair.
double[0] = 1
const HIGH = words[1] === 0 ? 0 : 1

/** The natural logarithm of a normal number greater than 0. */
export const ln = (x: number): number => {
  double[0] = x
  const high = words[HIGH]!
  // x = m · 2^k, with m from √½ to √2.
  const raised = (high & 0xf_ffff) + 0x9_5f64 & 0x10_0000
  const k = (high >>> 20) - 1023 + (raised >>> 20)
  words[HIGH] = (high & 0xf_ffff) | (raised ^ 0x3ff0_0000)
  const f = double[0]! - 1
  const s = f / (2 + f)
  const z = s * s
  const w = z * z
  const odd = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
  const even = z *
    (6.666666666666735130e-01 +
      w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)))
  const half = 0.5 * f * f
  return k * LN2_HIGH - ((half - (s * (half + (odd + even)) + k * LN2_LOW)) - f)
}

/** 2^k, where that is a normal number. */
const power = (k: number): number => {
  words[1 - HIGH] = 0
  words[HIGH] = (k + 1023) << 20
  return double[0]!
}

/** e to the power of x; of less than −708, 0; of more than 709, the largest number there is. */
export const exp = (x: number): number => {
  if (x < -708) return 0
  if (x > 709) return Number.MAX_VALUE
  const k = Math.round(x * 1.44269504088896338700)
  const high = x - k * LN2_HIGH
  const low = k * LN2_LOW
  const r = high - low
  const t = r * r
  const c = r -
    t *
      (1.66666666666666019037e-01 +
        t *
          (-2.77777777770155933842e-03 +
            t * (6.61375632143793436117e-05 + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))))
  const y = 1 - ((low - (r * c) / (2 - c)) - high)
  return y * power(k)
}

/** Half of ln 2π. */
const HALF_LN_TWO_PI = 0.91893853320467274178

/** ln Γ(x) of a number greater than 0: by Stirling's series from 10 on, and below by Γ(x) = Γ(x + 1) / x. */
export const lnGamma = (x: number): number => {
  let [product, at] = [1, x]
  for (; at < 10; at++) product *= at
  const inverse = 1 / (at * at)
  const series = (1 / 12 -
    inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse * (1 / 1188 - inverse * 691 / 360360))))) /
    at
  return (at - 0.5) * ln(at) - at + HALF_LN_TWO_PI + series - ln(product)
}
