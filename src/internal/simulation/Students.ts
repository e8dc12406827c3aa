/**
 * Quantiles of Student's t distribution, by jstat.
 *
 * @module
 */
import jstat from "jstat"

/**
 * What a share `p`, from above 0 to below 1, of Student's t distribution is below; `freedom`, the degrees of freedom, is a
 * number greater than 0. To 7 significant digits: jstat has no more, and rounded it is the same on every runtime, though
 * it uses `Math.log` and its like, which differ in the last bit.
 */
export const quantile = (p: number, freedom: number): number => {
  const exact = jstat.studentt.inv(p, freedom)
  return Number(exact.toPrecision(7))
}
