/**
 * What a run came to, as a table for people, and as CSV and JSON for programs. What was
 * simulated is the same each time, byte for byte; real times are in the table's head only.
 *
 * @module
 */
import * as Schema from "effect/Schema"
import { type Reading, Snapshot } from "./Statistics.ts"

/** What a run came to. Times are in ns. */
export interface Report {
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
  guests: Schema.Array(Schema.Struct({ guest: Schema.String, time: Schema.BigIntFromString, statistics: Snapshot })),
}))

/** The report of a run; its `result` is what `World.run` ends with. */
export const make = (result: Report): Report => ({
  world: result.world,
  seed: result.seed,
  time: result.time,
  grants: result.grants,
  guests: result.guests.map(({ guest, time, statistics }) => ({ guest, time, statistics })),
})

/** As JSON, on one line: times are strings of ns. */
export const json = (report: Report): string => Schema.encodeSync(codec)(make(report))

/** A report that {@link json} made; a `SchemaError` is thrown where it didn't. */
export const fromJson = (text: string): Report => Schema.decodeSync(codec)(text)

const statistics = [
  "value",
  "count",
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
export const duration = (nanos: number): string => {
  const [unit, size] = UNITS.find(([, size]) => Math.abs(nanos) >= size) ?? ["ns", 1]
  return `${short(nanos / size)} ${unit}`
}

/** A number for people: 4 digits, or all those before the point. */
const short = (value: number): string =>
  Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(4)))

const shown = (value: number | bigint, unit: string): string =>
  unit === "ns" ? duration(Number(value)) : `${short(Number(value))}${unit === "" ? "" : ` ${unit}`}`

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
}

/** As a table: a line for each instrument that has something to show. */
export const table = (report: Report, { colour = false }: Style = {}): ReadonlyArray<string> => {
  const head = ["guest", "", "count", "mean", "p50", "p90", "p99", "max"]
  const rows = report.guests.flatMap(({ guest, statistics }) => statistics.map((reading) => lines(guest, reading)))
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: ReadonlyArray<string>) =>
    widths.map((width, column) => {
      const text = row[column] ?? ""
      return column < 2 ? text.padEnd(width) : text.padStart(width)
    }).join("  ").trimEnd()
  const bold = (text: string) => colour ? `\u001b[1m${text}\u001b[0m` : text
  return [
    bold(`${report.world}, seed ${report.seed}: ${duration(Number(report.time))} simulated, ${report.grants} turns`),
    ...rows.length === 0 ? [] : ["", bold(line(head)), ...rows.map(line)],
  ]
}
