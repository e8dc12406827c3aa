/**
 * Summaries of traces as text for a terminal.
 *
 * @module
 */
import { formatTime } from "../calendar/Status.ts"
import type { LaneSummary, Summary } from "../trace.ts"
import { printable } from "./printable.ts"

/** How many reasons are shown of each. */
const REASONS = 3

const percent = (part: bigint, whole: bigint): string =>
  whole === 0n ? "" : `${(Number(part * 1000n / whole) / 10).toFixed(1)} %`

/** A length of real time, in three digits. */
const about = (nanos: bigint): string => {
  const ms = Number(nanos) / 1e6
  return ms === 0
    ? "–"
    : ms < 1
    ? `${(ms * 1000).toFixed(0)} µs`
    : ms < 1000
    ? `${ms.toPrecision(3)} ms`
    : `${(ms / 1000).toPrecision(3)} s`
}

/** Busy, free-running, waiting and the rest of the whole time, in so many columns. */
const bar = (lane: LaneSummary, whole: bigint, width: number): string => {
  if (whole === 0n) return "·".repeat(width)
  const parts = [[lane.busy - lane.free, "█"], [lane.free, "▓"], [lane.waiting, "░"]] as const
  let [text, sum] = ["", 0n]
  for (const [length, sign] of parts) {
    sum += length
    const upTo = Math.min(width, Math.round(Number(sum * BigInt(width) * 16n / whole) / 16))
    text += sign.repeat(Math.max(0, upTo - text.length))
  }
  return text.padEnd(width, "·")
}

const reasons = (lane: LaneSummary): string => {
  const shown = lane.reasons.slice(0, REASONS).map(({ name, times, total }) =>
    `${printable(name)} ${times}× ${formatTime(total)}`
  )
  const left = lane.reasons.length - REASONS
  return [...shown, ...(left > 0 ? [`${left} more`] : [])].join(", ") || "nothing"
}

const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row.map((cell, column) => column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)).join("  ")
      .trimEnd()
  )
}

/** What a guest of a world sent, and what its processes waited for. */
const worldLines = ({ name, messages: { sent, arrived, lost }, waited }: LaneSummary): ReadonlyArray<string> => {
  if (waited.length === 0) return []
  const shown = waited.slice(0, REASONS).map(({ who, what, whom, times, total }) => {
    const whose = who === name ? "" : `${printable(who)}: `
    return `${whose}${printable(what)}${whom === "" ? "" : ` (${printable(whom)})`} ${times}× ${formatTime(total)}`
  })
  const left = waited.length - REASONS
  const waits = [...shown, ...(left > 0 ? [`${left} more`] : [])].join(", ")
  return [`${printable(name)}: ${sent} messages sent, ${arrived} arrived, ${lost} lost; waited for ${waits}`]
}

/** A summary as text, at most `width` wide where that can be. */
export const formatSummary = ({ simulated, real, lanes }: Summary, width: number): string => {
  const columns = Math.max(12, Math.min(32, width - 88))
  const guests = lanes.filter(({ kind }) => kind === "guest")
  const rows = guests.map((lane) => [
    printable(lane.name),
    bar(lane, simulated, columns),
    String(lane.turns),
    formatTime(lane.busy),
    percent(lane.busy, simulated),
    formatTime(lane.free),
    formatTime(lane.waiting),
    about(lane.realRunning),
    about(lane.realWaiting),
    about(lane.realHeld),
  ])
  const head = ["guest", "", "turns", "busy", "", "of it free", "waiting", "ran", "waited", "held"]
  const over = `simulated ${formatTime(simulated)}, real ${about(real)}`
  return [
    over,
    "",
    ...table([head, ...rows]),
    "",
    "█ busy, as the calendar says  ▓ busy, free-running  ░ waiting   ran, waited, held: in real time",
    "",
    ...lanes.flatMap(worldLines),
    ...lanes.filter(({ waited }) => waited.length === 0).map((lane) =>
      `${printable(lane.name)}: ${lane.kind === "calendar" ? "its turns went to" : "waited for"} ${reasons(lane)}` +
      (lane.faults === 0 ? "" : `; ${lane.faults} faults`)
    ),
  ].join("\n")
}
