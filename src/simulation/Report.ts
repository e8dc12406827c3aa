/**
 * Reports of a run: as a table for people, as CSV and as JSON. What was simulated is the same each time, byte for byte;
 * real times are in the table's head only.
 *
 * @module
 */
import * as Schema from "effect/Schema"
import { OptionError } from "../core/Fault.ts"
import { summaryOf } from "../internal/simulation/Instruments.ts"
import { type Reading, Snapshot } from "./Statistics.ts"

/**
 * What a report may say besides, of what isn't the same in all modes or all times.
 *
 * @since 0.1.0
 * @category models
 */
export interface Extras {
  /** How many events there were. */
  readonly events?: number
  /** What went to the calendar and came from it. */
  readonly messages?: number
  /** How long the run took in real time, in ns. */
  readonly real?: bigint
}

/**
 * What a run came to. Times are in ns.
 *
 * @since 0.1.0
 * @category models
 */
export interface Report extends Extras {
  readonly world: string
  readonly seed: number
  /** How much time was simulated. */
  readonly time: bigint
  /** What was measured was so from this time on, if not from the beginning. */
  readonly warmUp?: bigint
  /** How often a guest had its turn. */
  readonly grants: number
  /** What each guest measured, until its own time. */
  readonly guests: ReadonlyArray<{ readonly guest: string; readonly time: bigint; readonly statistics: Snapshot }>
}

const codec: Schema.Codec<Report, string> = Schema.fromJsonString(Schema.Struct({
  world: Schema.String,
  seed: Schema.Number,
  time: Schema.BigIntFromString,
  warmUp: Schema.optionalKey(Schema.BigIntFromString),
  grants: Schema.Number,
  events: Schema.optionalKey(Schema.Number),
  messages: Schema.optionalKey(Schema.Number),
  real: Schema.optionalKey(Schema.BigIntFromString),
  guests: Schema.Array(Schema.Struct({ guest: Schema.String, time: Schema.BigIntFromString, statistics: Snapshot })),
}))

/**
 * The report of a run; its `result` is what `World.run` ends with. Nothing is taken from
 * that but what is the same each time, in one process and in many; `extras` can add the rest.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (result: Report, { events, messages, real }: Extras = {}): Report => ({
  world: result.world,
  seed: result.seed,
  time: result.time,
  ...result.warmUp !== undefined && { warmUp: result.warmUp },
  grants: result.grants,
  ...events !== undefined && { events },
  ...messages !== undefined && { messages },
  ...real !== undefined && { real },
  guests: result.guests.map(({ guest, time, statistics }) => ({ guest, time, statistics })),
})

/**
 * As JSON, on one line, with its keys always in the same order: times are strings of ns.
 *
 * @since 0.1.0
 * @category formatting
 */
export const json = (report: Report): string => Schema.encodeSync(codec)(make(report, report))

/**
 * A report that {@link json} made; a `SchemaError` is thrown where it didn't.
 *
 * @since 0.1.0
 * @category formatting
 */
export const fromJson = (text: string): Report => Schema.decodeSync(codec)(text)

/** In place of a confidence that can't be told, though there are values enough for others. */
const UNKNOWN = "?"

const statistics = [
  "value",
  "count",
  "sum",
  "mean",
  "confidence",
  "deviation",
  "least",
  "p50",
  "p90",
  "p99",
  "p999",
  "most",
] as const

/** What there is to say of an instrument, with its name; of a series, its samples. */
const valuesOf = (reading: Reading): ReadonlyArray<readonly [statistic: string, value: string]> => {
  if (reading._tag === "Series") return reading.samples.map(({ time, value }) => [`at ${time}`, String(value)])
  const values: { readonly [Name in typeof statistics[number]]?: number | bigint | string | null } =
    "correlated" in reading && reading.correlated ? { ...reading, confidence: UNKNOWN } : reading
  return statistics.flatMap((statistic) => {
    const value = values[statistic]
    return value === undefined || value === null ? [] : [[statistic, String(value)] as const]
  })
}

/**
 * A cell of CSV.
 *
 * @since 0.1.0
 * @category reports
 */
export const cell = (text: string): string => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text

/**
 * As CSV (RFC 4180), a line a value: guest, instrument, kind, unit, statistic, value. A confidence is `?` where it
 * can't be told, as values depend too much on each other.
 *
 * @since 0.1.0
 * @category formatting
 */
export const csv = (report: Report): string =>
  [
    ["guest", "instrument", "kind", "unit", "statistic", "value"],
    ...report.guests.flatMap(({ guest, statistics }) =>
      statistics.flatMap((reading) =>
        valuesOf(reading).map(([statistic, value]) => [
          guest,
          reading.name,
          reading._tag.toLowerCase(),
          reading.unit,
          statistic,
          value,
        ])
      )
    ),
  ].map((line) => `${line.map(cell).join(",")}\r\n`).join("")

const UNITS = [["s", 1_000_000_000], ["ms", 1_000_000], ["µs", 1000]] as const

/**
 * A time in ns for people, to 4 digits.
 *
 * @since 0.1.0
 * @category reports
 */
export const duration = (nanos: number | bigint): string => {
  const time = Number(nanos)
  // 999.95 µs is 1 ms in 4 digits.
  const [unit, size] = UNITS.find(([, size]) => rounded(Math.abs(time) / size) >= 1) ?? ["ns", 1]
  return `${short(time / size)} ${unit}`
}

const rounded = (value: number): number => Number(value.toPrecision(4))

/** A number for people: 4 digits, or all those before the point. */
const short = (value: number): string => Math.abs(value) >= 1000 ? String(Math.round(value)) : String(rounded(value))

/**
 * A value for people, in its unit.
 *
 * @since 0.1.0
 * @category formatting
 */
export const shown = (value: number | bigint, unit: string): string =>
  unit === "ns" ? duration(value) : `${short(Number(value))}${unit === "" ? "" : ` ${unit}`}`

/** A line of a table: what is missing is empty. */
type Row = { readonly [Column in typeof COLUMNS[number]]?: string }

const rowOf = (guest: string, reading: Reading): Row => {
  const { name, unit } = reading
  const text = (value: number | bigint) => shown(value, unit)
  switch (reading._tag) {
    case "Counter":
      return { guest, name, count: text(reading.value) }
    case "Level": {
      const { mean, least, most, value } = reading
      return { guest, name, mean: text(mean), min: text(least), max: text(most), last: text(value) }
    }
    case "Tally":
    case "Histogram": {
      const { count, mean, confidence, correlated, least, p50, p90, p99, most } = reading
      const spread = correlated ? ` ± ${UNKNOWN}` : confidence === null ? "" : ` ± ${text(confidence)}`
      const percentiles = { p50: text(p50), p90: text(p90), p99: text(p99) }
      return {
        guest,
        name,
        count: String(count),
        mean: text(mean) + spread,
        min: text(least),
        ...percentiles,
        max: text(most),
      }
    }
    case "Series": {
      const summary = reading.summary ?? summaryOf(reading.samples)
      if (summary === undefined) return { guest, name, count: "0" }
      const { count, sum, least, most, last } = summary
      return {
        guest,
        name,
        count: String(count),
        mean: text(sum / count),
        min: text(least),
        max: text(most),
        last: text(last.value),
      }
    }
  }
}

/**
 * The options of a table.
 *
 * @since 0.1.0
 * @category models
 */
export interface Style {
  /** With bold heads, for terminals. Default: no. */
  readonly colour?: boolean
  /**
   * How many characters a line has at most: 20 or more. Where that is too few, names are cut
   * short, and then columns are left out: p90, p50, p99, min, last, count, the first of them first.
   * Default: no limit.
   */
  readonly width?: number
}

const COLUMNS = ["guest", "name", "count", "mean", "min", "p50", "p90", "p99", "max", "last"] as const
type Column = typeof COLUMNS[number]
const HEAD: Row = Object.fromEntries(COLUMNS.map((column) => [column, column === "name" ? "" : column]))
/** What a narrow table goes without. */
const SPARE: ReadonlyArray<Column> = ["p90", "p50", "p99", "min", "last", "count"]
/** What only tables with series have, whose course these tell. */
const OF_SERIES: ReadonlySet<Column> = new Set(["min", "last"])
/** What is on the left, and can be cut short. */
const NAMES: ReadonlyArray<Column> = ["guest", "name"]
/** Names aren't cut shorter than this as long as there are columns to spare. */
const NAME = 8

/** What `?` means. */
const LEGEND = `${UNKNOWN}: can't be told, as too many values depend on those before them`

const cut = (text: string, width: number): string => text.length <= width ? text : `${text.slice(0, width - 1)}…`

/** Columns and how wide they are: 0 of those that are left out. */
const layout = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<Row>,
  width: number,
): ReadonlyMap<Column, number> => {
  const widths = new Map(columns.map((column) => [column, Math.max(...rows.map((row) => row[column]?.length ?? 0))]))
  const excess = () => [...widths.values()].reduce((sum, each) => sum + (each > 0 ? each + 2 : 0), -2) - width
  for (const column of NAMES) {
    const full = widths.get(column)!
    widths.set(column, Math.min(full, Math.max(NAME, full - excess())))
  }
  for (const column of SPARE) if (widths.has(column) && excess() > 0) widths.set(column, 0)
  return widths
}

/** A text in lines of so many characters at most, as far as its words are short enough. */
const wrapped = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}

/**
 * As a table: a line for each instrument that has something to show. `min` and `last` are there
 * only where there are series. `± ?` is a confidence that can't be told, as values depend too much
 * on each other: the last line says so. An `OptionError` is thrown where its `width` can't be.
 *
 * @example
 * ```ts
 * import { Report, Statistics } from "guest-clock/simulation"
 *
 * const statistics = new Statistics.Statistics(() => 0n)
 * const wait = statistics.histogramUnsafe("wait")
 * for (const ns of [1_000n, 1_500_000n]) wait.record(ns)
 * const till = { guest: "till", time: 0n, statistics: statistics.snapshot(0n) }
 * const report = { world: "shop", seed: 1, time: 2_000_000n, grants: 3, guests: [till] }
 * const [title, , ...rows] = Report.table(report)
 * console.log(title) // shop, seed 1: 2 ms simulated, 3 turns
 * for (const row of rows) console.log(row)
 * // guest        count      mean   p50     p90     p99     max
 * // till   wait      2  750.5 µs  1 µs  1.5 ms  1.5 ms  1.5 ms
 * ```
 *
 * @since 0.1.0
 * @category reports
 */
export const table = (report: Report, { colour = false, width }: Style = {}): ReadonlyArray<string> => {
  if (width !== undefined && !(Number.isInteger(width) && width >= 20)) {
    throw new OptionError("width", width, "a whole number of 20 characters or more")
  }
  const limit = width ?? Infinity
  const { world, seed, time, warmUp, grants, events, messages, real } = report
  const title = [
    `${world}, seed ${seed}: ${duration(time)} simulated, ${grants} turns`,
    ...warmUp === undefined ? [] : [`measured from ${duration(warmUp)} on`],
    ...events === undefined ? [] : [`${events} events`],
    ...messages === undefined ? [] : [`${messages} messages`],
    ...real === undefined ? [] : [`${duration(real)} of real time`],
  ].join(", ")
  const readings = report.guests.flatMap(({ statistics }) => statistics)
  const rows = report.guests.flatMap(({ guest, statistics }) => statistics.map((reading) => rowOf(guest, reading)))
  const hasSeries = readings.some(({ _tag }) => _tag === "Series")
  const widths = layout(COLUMNS.filter((column) => hasSeries || !OF_SERIES.has(column)), [HEAD, ...rows], limit)
  const line = (row: Row) =>
    cut(
      [...widths].flatMap(([column, width]) => {
        if (width === 0) return []
        const text = cut(row[column] ?? "", width)
        return [NAMES.includes(column) ? text.padEnd(width) : text.padStart(width)]
      }).join("  ").trimEnd(),
      limit,
    )
  const bold = (text: string) => colour ? `\u001b[1m${text}\u001b[0m` : text
  const isUnknown = readings.some((reading) => "correlated" in reading && reading.correlated)
  return [
    bold(cut(title, limit)),
    ...rows.length === 0 ? [] : ["", bold(line(HEAD)), ...rows.map(line)],
    ...isUnknown ? ["", ...wrapped(LEGEND, limit)] : [],
  ]
}
