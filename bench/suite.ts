/**
 * What is measured, and how: cases of one suite run in turns in the same process,
 * so that whatever slows the machine slows them all, and are compared turn by turn.
 *
 * @module
 */

/** One thing that is measured, beside its peers. */
export interface Case {
  readonly name: string
  /** Measures once: a figure in the suite's unit. */
  readonly measure: () => Promise<number>
  /** The names of those that it is compared with. Default: the first case. */
  readonly against?: ReadonlyArray<string>
  /** Whether it is a process of its own, which rounds that don't count make no faster. */
  readonly elsewhere?: boolean
  /** What isn't there that it needs: it is left out. */
  readonly lacks?: string
}

/** What is compared with what. */
export interface Suite {
  /** What it is about, for people. */
  readonly about: string
  /** What the figures are: `M/s`, `bytes`. */
  readonly unit: string
  /** Whether the larger figure is the better one. */
  readonly more: boolean
  /** The first that lacks nothing is the one that the others are compared with, unless they say otherwise. */
  readonly cases: ReadonlyArray<Case>
  /** Rounds before any that count, until the code has been compiled. Default: 1. */
  readonly warmUps?: number
  /** Whether each case needs a process of its own, as what one allocates would change another's figure. */
  readonly apart?: boolean
  /** Whether the runtime that measures makes no difference, so that one is enough. */
  readonly anywhere?: boolean
}

/** What isn't there that a case needs, found when it was measured: it is left out. */
export class Lacking extends Error {
  override readonly name = "Lacking"
}

/** All figures of a case, in the order of the rounds. */
export interface Figures {
  readonly case: string
  readonly figures: ReadonlyArray<number>
}

/** A case that was left out, and what it lacks. */
export interface LeftOut {
  readonly case: string
  readonly lacks: string
}

/** What was measured, and what wasn't. */
export interface Measured {
  readonly figures: ReadonlyArray<Figures>
  readonly leftOut: ReadonlyArray<LeftOut>
}

/** Least, middle and greatest of some figures. */
export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

/** Runs the cases in turns. One that lacks something, or turns out to, is left out; whatever else fails, fails. */
export const measure = async (suite: Suite, rounds: number, only?: string): Promise<Measured> => {
  const cases = suite.cases.filter(({ name }) => only === undefined || name === only)
  const lacks = new Map(cases.map(({ name, lacks }) => [name, lacks]))
  const figures = new Map(cases.map(({ name }) => [name, [] as Array<number>]))
  const warmUps = suite.warmUps ?? 1
  for (let round = -warmUps; round < rounds; round++) {
    for (const { name, measure, elsewhere } of cases) {
      if (lacks.get(name) !== undefined || (round < 0 && elsewhere === true)) continue
      try {
        const figure = await measure()
        if (round >= 0) figures.get(name)?.push(figure)
      } catch (error) {
        if (!(error instanceof Lacking)) throw error
        lacks.set(name, error.message)
      }
    }
  }
  return {
    figures: cases.flatMap(({ name }) =>
      lacks.get(name) === undefined ? [{ case: name, figures: figures.get(name) ?? [] }] : []
    ),
    leftOut: cases.flatMap(({ name }) => {
      const what = lacks.get(name)
      return what === undefined ? [] : [{ case: name, lacks: what }]
    }),
  }
}

/** The spread of some figures, of which there is at least one. */
export const spread = (figures: ReadonlyArray<number>): Spread => {
  const sorted = [...figures].sort((a, b) => a - b)
  const at = (index: number) => sorted[index] ?? NaN
  const half = (sorted.length - 1) / 2
  return { min: at(0), median: (at(Math.floor(half)) + at(Math.ceil(half))) / 2, max: at(sorted.length - 1) }
}

/** How many times `peer`'s each round's figure is. */
export const ratios = (figures: Figures, peer: Figures): Spread =>
  spread(figures.figures.map((figure, round) => figure / (peer.figures[round] ?? NaN)))

/** A figure for people. */
export const digits = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString("en") : value >= 100 ? value.toFixed(0) : value.toPrecision(3)

/** How many million `operations` a second `run` does. */
export const millionsPerSecond = async (operations: number, run: () => Promise<unknown>): Promise<number> => {
  const before = performance.now()
  await run()
  return operations / (performance.now() - before) / 1000
}
