/**
 * What a run came to, as a table for people, and as CSV and JSON for programs. What was
 * simulated is the same each time, byte for byte; real times are in the table's head only.
 *
 * @module
 */
import * as Schema from "effect/Schema"
import { OptionError } from "../core/Fault.ts"
import { type Reading, Snapshot } from "./Statistics.ts"

/** What a report may say besides, of what isn't the same in all modes or all times. */
export interface Extras {
  /** How many events there were. */
  readonly events?: number
  /** What went to the calendar and came from it. */
  readonly messages?: number
  /** How long the run took in real time, in ns. */
  readonly real?: bigint
}

/** What a run came to. Times are in ns. */
export interface Report extends Extras {
  readonly world: string
  readonly seed: number
  /** How much time was simulated. */
  readonly time: bigint
  /** How often a guest had its turn. */
  readonly grants: number
  /** What each guest measured, until its own time. */
  readonly guests: ReadonlyArray<{ readonly guest: string; readonly time: bigint; readonly statistics: Snapshot }>
}

const codec: Schema.Codec<Report, string> = Schema.fromJsonString(Schema.Struct({
  world: Schema.String,
  seed: Schema.Number,
  time: Schema.BigIntFromString,
  grants: Schema.Number,
  events: Schema.optionalKey(Schema.Number),
  messages: Schema.optionalKey(Schema.Number),
  real: Schema.optionalKey(Schema.BigIntFromString),
  guests: Schema.Array(Schema.Struct({ guest: Schema.String, time: Schema.BigIntFromString, statistics: Snapshot })),
}))

/**
 * The report of a run; its `result` is what `World.run` ends with. Nothing is taken from
 * that but what is the same each time, in one process and in many; `extras` can add the rest.
 */
export const make = (result: Report, { events, messages, real }: Extras = {}): Report => ({
  world: result.world,
  seed: result.seed,
  time: result.time,
  grants: result.grants,
  ...events !== undefined && { events },
  ...messages !== undefined && { messages },
  ...real !== undefined && { real },
  guests: result.guests.map(({ guest, time, statistics }) => ({ guest, time, statistics })),
})

/** As JSON, on one line, with its keys always in the same order: times are strings of ns. */
export const json = (report: Report): string => Schema.encodeSync(codec)(make(report, report))

/** A report that {@link json} made; a `SchemaError` is thrown where it didn't. */
export const fromJson = (text: string): Report => Schema.decodeSync(codec)(text)

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
  const values: { readonly [Name in typeof statistics[number]]?: number | bigint | null } = reading
  return statistics.flatMap((statistic) => {
    const value = values[statistic]
    return value === undefined || value === null ? [] : [[statistic, String(value)] as const]
  })
}

const cell = (text: string): string => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text

/** As CSV (RFC 4180), a line a value: guest, instrument, kind, unit, statistic, value. */
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

/** A time in ns for people, to 4 digits. */
export const duration = (nanos: number | bigint): string => {
  const time = Number(nanos)
  // 999.95 µs is 1 ms in 4 digits.
  const [unit, size] = UNITS.find(([, size]) => rounded(Math.abs(time) / size) >= 1) ?? ["ns", 1]
  return `${short(time / size)} ${unit}`
}

const rounded = (value: number): number => Number(value.toPrecision(4))

/** A number for people: 4 digits, or all those before the point. */
const short = (value: number): string => Math.abs(value) >= 1000 ? String(Math.round(value)) : String(rounded(value))

const shown = (value: number | bigint, unit: string): string =>
  unit === "ns" ? duration(value) : `${short(Number(value))}${unit === "" ? "" : ` ${unit}`}`

const lines = (guest: string, reading: Reading): ReadonlyArray<string> => {
  const { name, unit } = reading
  switch (reading._tag) {
    case "Counter":
      return [guest, name, shown(reading.value, unit)]
    case "Level":
      return [guest, name, "", shown(reading.mean, unit), "", "", "", shown(reading.most, unit)]
    case "Histogram": {
      const { count, mean, confidence, p50, p90, p99, most } = reading
      const spread = confidence === null ? "" : ` ± ${shown(confidence, unit)}`
      return [
        guest,
        name,
        String(count),
        shown(mean, unit) + spread,
        ...[p50, p90, p99, most].map((v) => shown(v, unit)),
      ]
    }
    case "Series":
      return [guest, name, String(reading.samples.length * reading.every)]
  }
}

/** How a table is drawn. */
export interface Style {
  /** With bold heads, for terminals. Default: no. */
  readonly colour?: boolean
  /**
   * How many characters a line has at most: 20 or more. Where that is too few, names are cut
   * short, and then columns are left out: p90, p50, p99, count, the first of them first.
   * Default: no limit.
   */
  readonly width?: number
}

const HEAD = ["guest", "", "count", "mean", "p50", "p90", "p99", "max"]
/** What a narrow table goes without. */
const SPARE = [5, 4, 6, 2]
/** Names aren't cut shorter than this as long as there are columns to spare. */
const NAME = 8

const cut = (text: string, width: number): string => text.length <= width ? text : `${text.slice(0, width - 1)}…`

/** How wide each column is: 0 of those that are left out. */
const layout = (rows: ReadonlyArray<ReadonlyArray<string>>, width: number): ReadonlyArray<number> => {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const excess = () => widths.reduce((sum, each) => sum + (each > 0 ? each + 2 : 0), -2) - width
  const shorten = (least: number) => {
    for (const column of [0, 1]) widths[column] = Math.min(widths[column]!, Math.max(least, widths[column]! - excess()))
  }
  shorten(NAME)
  for (const column of SPARE) if (excess() > 0) widths[column] = 0
  return widths
}

/**
 * As a table: a line for each instrument that has something to show. An `OptionError` is
 * thrown where its `width` can't be.
 *
 * @example
 * ```ts
 * import { Report, Statistics } from "guest-clock/simulation"
 *
 * const statistics = new Statistics.Statistics(() => 0n)
 * const wait = statistics.histogram("wait")
 * if (wait instanceof Statistics.Histogram) [1_000n, 1_500_000n].forEach((ns) => wait.record(ns))
 * const till = { guest: "till", time: 0n, statistics: statistics.snapshot(0n) }
 * const report = { world: "shop", seed: 1, time: 2_000_000n, grants: 3, guests: [till] }
 * const [title, , ...rows] = Report.table(report)
 * console.log(title) // shop, seed 1: 2 ms simulated, 3 turns
 * for (const row of rows) console.log(row)
 * // guest        count      mean   p50     p90     p99     max
 * // till   wait      2  750.5 µs  1 µs  1.5 ms  1.5 ms  1.5 ms
 * ```
 */
export const table = (report: Report, { colour = false, width }: Style = {}): ReadonlyArray<string> => {
  if (width !== undefined && !(Number.isInteger(width) && width >= 20)) {
    throw new OptionError("width", width, "a whole number of 20 characters or more")
  }
  const limit = width ?? Infinity
  const { world, seed, time, grants, events, messages, real } = report
  const title = [
    `${world}, seed ${seed}: ${duration(time)} simulated, ${grants} turns`,
    ...events === undefined ? [] : [`${events} events`],
    ...messages === undefined ? [] : [`${messages} messages`],
    ...real === undefined ? [] : [`${duration(real)} of real time`],
  ].join(", ")
  const rows = report.guests.flatMap(({ guest, statistics }) => statistics.map((reading) => lines(guest, reading)))
  const widths = layout([HEAD, ...rows], limit)
  const line = (row: ReadonlyArray<string>) =>
    cut(
      widths.flatMap((width, column) => {
        if (width === 0) return []
        const text = cut(row[column] ?? "", width)
        return [column < 2 ? text.padEnd(width) : text.padStart(width)]
      }).join("  ").trimEnd(),
      limit,
    )
  const bold = (text: string) => colour ? `\u001b[1m${text}\u001b[0m` : text
  return [bold(cut(title, limit)), ...rows.length === 0 ? [] : ["", bold(line(HEAD)), ...rows.map(line)]]
}
