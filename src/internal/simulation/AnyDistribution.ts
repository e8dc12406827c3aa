/**
 * Distributions of durations, as plain data.
 *
 * @module
 */

/** How durations are distributed. Times are in ns. */
export type AnyDistribution =
  /** Always the same. */
  | { readonly _tag: "Constant"; readonly value: bigint }
  /** Each whole ns from `least` to `most`, both included, as likely as any other. */
  | { readonly _tag: "Uniform"; readonly least: bigint; readonly most: bigint }
  /** The time between events that don't know of each other. */
  | { readonly _tag: "Exponential"; readonly mean: bigint }
  /** The sum of `stages` exponential times: steadier, the more there are. */
  | { readonly _tag: "Erlang"; readonly mean: bigint; readonly stages: number }
  /** The same for any number of stages, whole or not: below 1 it is more erratic than the exponential distribution. */
  | { readonly _tag: "Gamma"; readonly mean: bigint; readonly shape: number }
  /** The bell curve; what is below 0 is drawn again, which raises its mean where `deviation` isn't small. */
  | { readonly _tag: "Normal"; readonly mean: bigint; readonly deviation: bigint }
  /** Its logarithm is normal: a long tail to the right. */
  | { readonly _tag: "LogNormal"; readonly median: bigint; readonly sigma: number }
  /** `least` and more, by a power law: the lower `shape`, the heavier its tail. Up to 2 it has no variance, up to 1 no mean. */
  | { readonly _tag: "Pareto"; readonly least: bigint; readonly shape: number }
  /** The time to the first failure of many parts: below shape 1 early ones are likelier, above it those by wear. */
  | { readonly _tag: "Weibull"; readonly scale: bigint; readonly shape: number }
  /** Rises from `least` to `mode` and falls to `most`. */
  | { readonly _tag: "Triangular"; readonly least: bigint; readonly mode: bigint; readonly most: bigint }
  /** One of several, each as often as its weight is of all weights. */
  | { readonly _tag: "Mixture"; readonly parts: ReadonlyArray<readonly [weight: number, part: AnyDistribution]> }
  /** One of several values, each as often as its weight is of all weights. */
  | { readonly _tag: "Empirical"; readonly values: ReadonlyArray<readonly [weight: number, value: bigint]> }
