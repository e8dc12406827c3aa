/**
 * The tables of docs/performance.md, from what `deno task bench --json` printed:
 * `tables.ts FILE…` prints them, all figures first, and then the ratios.
 *
 * @module
 */
import * as Fs from "node:fs"
import process from "node:process"
import { digits, type Figures, ratios, type Spread, spread } from "./suite.ts"

interface Measured {
  readonly suite: string
  readonly about: string
  readonly unit: string
  readonly runtime: string
  readonly figures: ReadonlyArray<Figures & { readonly against: ReadonlyArray<string> }>
}

const ORDER = ["Node", "Bun", "Deno"]

const cell = ({ min, median, max }: Spread): string =>
  min === max ? digits(median) : `${digits(median)} (${digits(min)} … ${digits(max)})`

const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

const tables = (runs: ReadonlyArray<Measured>): ReadonlyArray<string> => {
  const [first] = runs
  if (first === undefined) return []
  const cases = [...new Map(runs.flatMap(({ figures }) => figures).map((each) => [each.case, each.against]))]
  const figuresOf = (run: Measured, name: string) => run.figures.find((each) => each.case === name)
  const head = (
    what: string,
  ) => [row([what, ...runs.map(({ runtime }) => runtime)]), row(["---", ...runs.map(() => "---")])]
  const values = cases.map(([name]) =>
    row([
      name,
      ...runs.map((run) => {
        const figures = figuresOf(run, name)
        return figures === undefined ? "" : cell(spread(figures.figures))
      }),
    ])
  )
  const times = cases.flatMap(([name, against]) =>
    against.map((peer) =>
      row([
        `${name} / ${peer}`,
        ...runs.map((run) => {
          const [figures, others] = [figuresOf(run, name), figuresOf(run, peer)]
          return figures === undefined || others === undefined ? "" : cell(ratios(figures, others))
        }),
      ])
    )
  )
  return [
    `## ${first.suite}: ${first.about}`,
    [...head(first.unit), ...values].join("\n"),
    ...times.length > 0 ? [[...head("times"), ...times].join("\n")] : [],
  ]
}

const measured = process.argv.slice(2).flatMap((file) =>
  Fs.readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line) as Measured)
)
for (const suite of new Set(measured.map((each) => each.suite))) {
  const runs = measured.filter((each) => each.suite === suite)
  runs.sort((a, b) => ORDER.indexOf(a.runtime) - ORDER.indexOf(b.runtime))
  console.log(`${tables(runs).join("\n\n")}\n`)
}
