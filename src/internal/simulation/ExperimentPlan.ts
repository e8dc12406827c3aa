/**
 * What an experiment is: the worlds, with which parameters and seeds, and for how long; and what can be wrong with it.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import { OptionError } from "../../core/Fault.ts"
import { badDuration, badName, badNanos, badWhole } from "../services/Checks.ts"
import { inNanos } from "../services/Times.ts"
import type { World } from "../../simulation/World.ts"
import { FOREVER } from "../../core/Nanos.ts"

/**
 * What a parameter can be.
 *
 * @since 0.1.0
 * @category models
 */
export type Value = string | number | boolean

/**
 * The parameters of a world, by name.
 *
 * @since 0.1.0
 * @category models
 */
export type Parameters = { readonly [name: string]: Value }

/**
 * How sure the results have to be.
 *
 * @since 0.1.0
 * @category models
 */
export interface Precision {
  /** Half of each interval is at most this share of its mean: from above 0 to below 1. */
  readonly relative: number
  /** Replications at most, 2 to 10,000: a point that isn't as precise then is told by `precise: false`. */
  readonly most: number
  /** Replications at least, 2 or more: few make an interval that seems precise by chance. Default: 5. */
  readonly least?: number
  /**
   * The statistics whose means have to be that precise, by their names, or by guest and name as in `shop wait`. Default: all
   * means of histograms, tallies and levels that aren't 0.
   */
  readonly of?: string | ReadonlyArray<string>
}

/**
 * A warm-up that is found by MSER-5, in a few runs that count for nothing else.
 *
 * @since 0.1.0
 * @category models
 */
export interface FoundWarmUp {
  /** The histogram, tally or level whose course tells, by its name, or by guest and name. */
  readonly mser: string
  /** In how many runs at each point, 1 to 1,000. Default: 5. */
  readonly runs?: number
}

/**
 * An experiment.
 *
 * @since 0.1.0
 * @category models
 */
export interface Definition<P extends Parameters = Parameters> {
  /** For reports. Default: `experiment`. */
  readonly name?: string
  /** The world with these parameters: a pure function. */
  readonly world: (parameters: P) => World
  /** The values of each parameter: the experiment has a point for each combination. Default: one point, without parameters. */
  readonly over?: { readonly [K in keyof P]: ReadonlyArray<P[K]> }
  /**
   * How many replications each point has, 1 to 10,000: with the seeds 1, 2 and so on, the same at each point. Or how
   * precise they have to be. Default: 10.
   */
  readonly seeds?: number | Precision
  /** When each run ends, if it doesn't by itself before. Default: none. */
  readonly until?: Duration.Input
  /** The time at which statistics begin: a duration, or how it is found. Default: they are kept from the beginning. */
  readonly warmUp?: Duration.Input | FoundWarmUp
  /** How sure intervals are: from above 0 to below 1. Default: 0.95. */
  readonly confidence?: number
  /** The module that exports the experiment, usually `import.meta.url`: workers and other machines find `world` there. */
  readonly module?: string | URL
  /** What the module exports it as. Default: `experiment`. */
  readonly export?: string
}

/** An experiment that was checked. */
export interface Plan {
  readonly name: string
  readonly world: (parameters: Parameters) => World
  /** The names of parameters, in their order. */
  readonly parameters: ReadonlyArray<string>
  readonly points: ReadonlyArray<Parameters>
  readonly least: number
  readonly most: number
  /** None, where each point has `most` replications. */
  readonly precision: { readonly relative: number; readonly of: ReadonlyArray<string> | undefined } | undefined
  readonly until: bigint | undefined
  readonly warmUp: bigint | { readonly mser: string; readonly runs: number } | undefined
  readonly confidence: number
  readonly module: string | undefined
  readonly export: string
}

/** How many replications a point can have. */
const MOST_SEEDS = 10_000
/** How many points there can be. */
const MOST_POINTS = 10_000

/** Checks a number strictly between 0 and 1, and returns what is wrong. */
const badBetween = (option: string, given: unknown): OptionError | undefined =>
  typeof given === "number" && given > 0 && given < 1
    ? undefined
    : new OptionError(option, given, "it is a number above 0 and below 1")

const isFound = (warmUp: Definition["warmUp"]): warmUp is FoundWarmUp =>
  typeof warmUp === "object" && warmUp !== null && "mser" in warmUp

const badSeeds = (seeds: number | Precision): OptionError | undefined => {
  if (typeof seeds !== "object" || seeds === null) return badWhole("seeds", seeds, 1, MOST_SEEDS)
  const { relative, most, least = Math.min(5, most), of = [] } = seeds
  const names: ReadonlyArray<unknown> = Array.isArray(of) ? of : [of]
  return badBetween("seeds.relative", relative) ?? badWhole("seeds.most", most, 2, MOST_SEEDS) ??
    badWhole("seeds.least", least, 2, most) ??
    names.map((name) => badName("seeds.of", name)).find((bad) => bad !== undefined)
}

const badWarmUp = (warmUp: Definition["warmUp"], until: bigint | undefined): OptionError | undefined => {
  if (warmUp === undefined) return undefined
  if (isFound(warmUp)) {
    return badName("warmUp.mser", warmUp.mser) ?? badWhole("warmUp.runs", warmUp.runs ?? 5, 1, 1000)
  }
  const bad = badDuration("warmUp", warmUp) ?? badNanos("warmUp", inNanos(warmUp), 0n, FOREVER - 1n)
  if (bad !== undefined || until === undefined || inNanos(warmUp) < until) return bad
  return new OptionError("warmUp", inNanos(warmUp), `it is before \`until\`, which is ${until} ns`)
}

const badOver = (over: unknown): OptionError | undefined => {
  if (typeof over !== "object" || over === null || Array.isArray(over)) {
    return new OptionError("over", over, "it is an object with a list of values for each parameter")
  }
  let points = 1
  for (const [name, values] of Object.entries(over)) {
    const option = `over.${name}`
    if (!Array.isArray(values) || values.length === 0) {
      return new OptionError(option, values, "it is a list of 1 value or more")
    }
    const bad = values.find((value) =>
      !["string", "boolean"].includes(typeof value) && !(typeof value === "number" && Number.isFinite(value))
    )
    if (bad !== undefined || values.includes(undefined)) {
      return new OptionError(option, bad, "a value is a text, a finite number, true or false")
    }
    const twice = values.find((value, i) => values.indexOf(value) !== i)
    if (twice !== undefined) return new OptionError(option, twice, "each value is there once")
    points *= values.length
  }
  return points <= MOST_POINTS
    ? undefined
    : new OptionError("over", points, `its combinations are ${MOST_POINTS} points at most`)
}

/** All combinations of values: those of the last parameter change first. */
const combinations = (over: { readonly [name: string]: ReadonlyArray<Value> }): ReadonlyArray<Parameters> =>
  Object.entries(over).reduce<ReadonlyArray<Parameters>>(
    (points, [name, values]) => points.flatMap((point) => values.map((value) => ({ ...point, [name]: value }))),
    [{}],
  )

/** A plan for an experiment, or what is wrong with it. */
export const plan = <P extends Parameters>(definition: Definition<P>): Plan | OptionError => {
  if (typeof definition !== "object" || definition === null) {
    return new OptionError("experiment", definition, "it is an object, as `Experiment.make` returns it")
  }
  const { name = "experiment", world, over = {}, seeds = 10, confidence = 0.95, module } = definition
  const { export: exported = "experiment" } = definition
  const badUntil = definition.until === undefined
    ? undefined
    : badDuration("until", definition.until) ?? badNanos("until", inNanos(definition.until), 0n, FOREVER - 1n)
  if (badUntil !== undefined) return badUntil
  const until = definition.until === undefined ? undefined : inNanos(definition.until)
  const bad = badName("name", name) ??
    (typeof world === "function" ? undefined : new OptionError("world", world, "it is a function of the parameters")) ??
    badOver(over) ?? badSeeds(seeds) ?? badWarmUp(definition.warmUp, until) ?? badBetween("confidence", confidence) ??
    badName("export", exported) ??
    (module === undefined || module instanceof URL ? undefined : badName("module", module))
  if (bad !== undefined) return bad
  const { warmUp } = definition
  const of = typeof seeds === "object" && seeds.of !== undefined ? [seeds.of].flat() : undefined
  return {
    name,
    world: world as Plan["world"],
    parameters: Object.keys(over),
    points: combinations(over as { readonly [name: string]: ReadonlyArray<Value> }),
    least: typeof seeds === "object" ? seeds.least ?? Math.min(5, seeds.most) : seeds,
    most: typeof seeds === "object" ? seeds.most : seeds,
    precision: typeof seeds === "object" ? { relative: seeds.relative, of } : undefined,
    until,
    warmUp: warmUp === undefined
      ? undefined
      : isFound(warmUp)
      ? { mser: warmUp.mser, runs: warmUp.runs ?? 5 }
      : inNanos(warmUp),
    confidence,
    module: module === undefined ? undefined : String(module),
    export: exported,
  }
}

/** Parameters for people: `lambda 10, servers 2`. */
export const formatParameters = (parameters: Parameters): string =>
  Object.entries(parameters).map(([name, value]) => `${name} ${value}`).join(", ")
