/**
 * What an experiment came to, as a table for people, and as CSV and JSON for programs.
 *
 * @module
 */
import * as Schema from "effect/Schema"
import { cell, duration, shown } from "../../simulation/Report.ts"
import { formatParameters } from "./ExperimentPlan.ts"
import { chiefOf, type Measure, type Point, Results } from "./ExperimentResults.ts"

const codec = Schema.fromJsonString(Results)

/**
 * As JSON, on one line: times are strings of ns.
 *
 * @since 0.1.0
 * @category formatting
 */
export const json = (results: Results): string => Schema.encodeSync(codec)(results)

/**
 * Results that {@link json} made; a `SchemaError` is thrown where it didn't.
 *
 * @since 0.1.0
 * @category formatting
 */
export const fromJson = (text: string): Results => Schema.decodeSync(codec)(text)

const HEAD = [
  "guest",
  "instrument",
  "kind",
  "unit",
  "statistic",
  "replications",
  "mean",
  "half",
  "deviation",
  "least",
  "most",
] as const

/**
 * As CSV (RFC 4180), a line for each statistic at each point: the parameters, the guest, its instrument, what it is the mean
 * of, and half the confidence interval, which is empty where there is one replication.
 *
 * @since 0.1.0
 * @category formatting
 */
export const csv = ({ parameters, points }: Results): string =>
  [
    [...parameters, ...HEAD],
    ...points.flatMap((point) =>
      point.measures.map(({ guest, name, kind, unit, statistic, count, mean, half, deviation, least, most }) => [
        ...parameters.map((parameter) => point.parameters[parameter]),
        ...[guest, name, kind.toLowerCase(), unit, statistic, count, mean, half ?? "", deviation, least, most],
      ])
    ),
  ].map((line) => `${line.map((each) => cell(String(each))).join(",")}\r\n`).join("")

const meanOf = ({ mean, half, unit }: Measure): string =>
  half === null ? shown(mean, unit) : `${shown(mean, unit)} ± ${shown(half, unit)}`

const titleOf = ({ experiment, confidence, points }: Results): string => {
  const seeds = points.reduce((sum, { seeds }) => sum + seeds, 0)
  const warmUps = new Set(points.map(({ warmUp }) => warmUp))
  const [warmUp] = warmUps
  return [
    `${experiment}: ${points.length} ${points.length === 1 ? "point" : "points"}`,
    `${seeds} replications`,
    ...warmUps.size === 1 && warmUp !== undefined ? [`measured from ${duration(warmUp)} on`] : [],
    `± at ${Number((100 * confidence).toPrecision(10))} %`,
  ].join(", ")
}

/** The options of a table. */
export interface Style {
  /** With bold heads, for terminals. Default: no. */
  readonly colour?: boolean
}

const imprecise = (points: ReadonlyArray<Point>): ReadonlyArray<string> => {
  const names = points.filter(({ precise }) => precise === false).map(({ parameters }) => formatParameters(parameters))
  return names.length === 0 ? [] : ["", `not as precise as asked for: ${names.map((name) => name || "it").join("; ")}`]
}

/**
 * As a table: a line for each instrument at each point, with the mean across replications of what says most of it, and the
 * least and the most of those. Times are for people.
 *
 * @since 0.1.0
 * @category formatting
 */
export const table = (results: Results, { colour = false }: Style = {}): ReadonlyArray<string> => {
  const { parameters, points } = results
  const differ = new Set(points.map(({ warmUp }) => warmUp)).size > 1
  const head = [...parameters, "seeds", ...differ ? ["since"] : [], "guest", "", "mean", "least", "most"]
  const left = new Set([head.length - 5, head.length - 4])
  const rows = points.flatMap((point) =>
    point.measures.filter(({ kind, statistic }) => statistic === chiefOf(kind)).map((measure) => [
      ...parameters.map((parameter) => String(point.parameters[parameter])),
      String(point.seeds),
      ...differ ? [point.warmUp === undefined ? "" : duration(point.warmUp)] : [],
      measure.guest,
      measure.name,
      meanOf(measure),
      shown(measure.least, measure.unit),
      shown(measure.most, measure.unit),
    ])
  )
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)))
  const line = (row: ReadonlyArray<string>) =>
    row.map((text, i) => left.has(i) ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)).join("  ").trimEnd()
  const bold = (text: string) => colour ? `\u001b[1m${text}\u001b[0m` : text
  return [
    bold(titleOf(results)),
    ...rows.length === 0 ? [] : ["", bold(line(head)), ...rows.map(line)],
    ...imprecise(points),
  ]
}
