/**
 * What is used of jstat, which has no types of its own.
 *
 * @module
 */
declare module "jstat" {
  const jStat: {
    readonly studentt: {
      /** The value that a share `p` of Student's t distribution with `freedom` degrees of freedom is below. */
      readonly inv: (p: number, freedom: number) => number
    }
  }
  export default jStat
}
