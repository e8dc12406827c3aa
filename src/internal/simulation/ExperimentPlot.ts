/**
 * An experiment's results as a plot, by Vega-Lite: means with their intervals over a parameter.
 *
 * @module
 */
import * as Effect from "effect/Effect"
import { OptionError } from "../../core/Fault.ts"
import * as Plots from "../platform/Plots.ts"
import { badWhole } from "../services/Checks.ts"
import { orFail } from "../services/Unsafe.ts"
import { table } from "./ExperimentReport.ts"
import { chiefOf, type Results } from "./ExperimentResults.ts"
import { isMeant } from "./ExperimentRun.ts"

/**
 * What is drawn.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlotOptions {
  /** The statistic: an instrument's name, or guest and name. */
  readonly y: string
  /** What of it: `mean`, `p99`, and so on. Default: the mean, or a counter's value. */
  readonly statistic?: string
  /** The parameter that it is drawn over. Default: the first. */
  readonly x?: string
  /** The parameter that has a line for each of its values. Default: the second, if there is one. */
  readonly series?: string
  /** A curve beside it, as what theory says: its name, and its points; y is in the statistic's unit, times in ns. */
  readonly beside?: {
    readonly name: string
    readonly points: ReadonlyArray<readonly [x: number | string, y: number, series?: string | number]>
  }
  /** Default: the experiment's name. */
  readonly title?: string
  /** In pixels, without axes and legend: 50 to 10,000. Default: 480 by 320. */
  readonly width?: number
  readonly height?: number
}

/** Times in the largest unit in which the largest is 1 or more. */
const UNITS: ReadonlyArray<readonly [string, number]> = [["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]]

/** A plot as Vega-Lite has it. */
type Spec = { readonly [key: string]: unknown }

const specUnsafe = (results: Results, options: PlotOptions): Spec => {
  const { parameters, points, experiment } = results
  const { x = parameters[0], series = parameters.find((name) => name !== x) } = options
  const { y, beside, title = experiment, width = 480, height = 320 } = options
  const bad = badWhole("width", width, 50, 10_000) ?? badWhole("height", height, 50, 10_000)
  if (bad !== undefined) throw bad
  for (const [option, name] of [["x", x], ["series", series]] as const) {
    if (name === undefined ? option === "x" : !parameters.includes(name)) {
      throw new OptionError(option, name, `the parameters are ${parameters.join(", ") || "none"}`)
    }
  }
  const found = points.flatMap((point) =>
    point.measures.filter(({ guest, name, kind, statistic }) =>
      isMeant(y, guest, name) && statistic === (options.statistic ?? chiefOf(kind))
    ).map((measure) => ({ point, measure }))
  )
  if (found.length === 0) {
    const names = new Set(
      points.flatMap(({ measures }) => measures.map(({ guest, name, statistic }) => `${guest} ${name} (${statistic})`)),
    )
    throw new OptionError("y", y, `what is measured is ${[...names].join(", ") || "nothing"}`)
  }
  const most = found.reduce((most, { measure }) => Math.max(most, Math.abs(measure.mean)), 0)
  const { unit, statistic } = found[0]!.measure
  const [shown, scale] = unit === "ns" ? UNITS.find(([, size]) => most >= size) ?? UNITS[3]! : [unit, 1]
  const isNumber = points.every(({ parameters }) => typeof parameters[x!] === "number")
  const line = (name: string | undefined) => series === undefined ? name ?? "simulated" : String(name)
  const data = found.map(({ point: { parameters }, measure: { mean, half } }) => ({
    x: parameters[x!],
    line: line(series === undefined ? undefined : String(parameters[series])),
    y: mean / scale,
    low: (mean - (half ?? 0)) / scale,
    high: (mean + (half ?? 0)) / scale,
  }))
  const curve = (beside?.points ?? []).map(([x, y, of]) => ({
    x,
    y: y / scale,
    line: of === undefined ? beside!.name : String(of),
  }))
  const yTitle = `${y}${statistic === "mean" || statistic === "value" ? "" : ` (${statistic})`}${
    shown === "" ? "" : ` in ${shown}`
  }`
  const encoding = {
    x: { field: "x", type: isNumber ? "quantitative" : "nominal", title: x, scale: { zero: false } },
    color: { field: "line", type: "nominal", title: series ?? null },
  }
  const axis = { type: "quantitative", title: yTitle }
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title,
    width,
    height,
    background: "white",
    layer: [
      ...curve.length === 0 ? [] : [{
        data: { values: curve },
        mark: { type: "line", strokeDash: [4, 3], strokeWidth: 1.5 },
        encoding: { ...encoding, y: { field: "y", ...axis } },
      }],
      {
        data: { values: data },
        mark: { type: "line", strokeWidth: curve.length === 0 ? 1.5 : 0 },
        encoding: { ...encoding, y: { field: "y", ...axis } },
      },
      {
        data: { values: data },
        mark: { type: "rule", strokeWidth: 1.5 },
        encoding: { ...encoding, y: { field: "low", ...axis }, y2: { field: "high" } },
      },
      {
        data: { values: data },
        mark: { type: "point", filled: true, size: 40 },
        encoding: { ...encoding, y: { field: "y", ...axis } },
      },
    ],
  }
}

/**
 * What Vega-Lite is given: plain data, which others may go on with. It fails with an `OptionError` where there is no such thing.
 *
 * @since 0.1.0
 * @category formatting
 */
export const spec = (results: Results, options: PlotOptions): Effect.Effect<Spec, OptionError> =>
  orFail(() => specUnsafe(results, options))

/**
 * A plot as SVG: means with their intervals. It takes the packages `vega` and `vega-lite`; `PlotFailed` says so where they
 * aren't installed.
 *
 * @since 0.1.0
 * @category formatting
 */
export const plot = (results: Results, options: PlotOptions): Effect.Effect<string, OptionError | Plots.PlotFailed> =>
  Effect.flatMap(spec(results, options), Plots.svg)

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/**
 * A page for browsers, in one file that loads nothing: the table, and plots.
 *
 * @since 0.1.0
 * @category formatting
 */
export const html = (
  results: Results,
  plots: ReadonlyArray<PlotOptions> = [],
): Effect.Effect<string, OptionError | Plots.PlotFailed> =>
  Effect.map(Effect.forEach(plots, (options) => plot(results, options)), (drawn) =>
    `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escaped(results.experiment)}</title>
<style>body { font: 16px system-ui; margin: 2em } pre { font-size: 14px }</style>
${drawn.map((svg) => `<figure>${svg}</figure>\n`).join("")}<pre>${escaped(table(results).join("\n"))}</pre>
</html>
`)
