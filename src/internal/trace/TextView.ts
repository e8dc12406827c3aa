/**
 * A trace as text for a terminal: a lane for each guest, and messages as arrows between columns.
 *
 * @module
 */
import type { Segment, Span } from "./Lanes.ts"
import { Totals } from "./Summary.ts"
import { build, type TimelineSink } from "./TimelineBuilder.ts"
import type { Readable } from "./TraceFile.ts"
import { times } from "./page/times.ts"

/**
 * The options of a trace as text.
 *
 * @since 0.1.0
 * @category models
 */
export interface TextOptions {
  /** Columns of the terminal, 40 or more. Default: 100. */
  readonly width?: number
  /** Whether colours can be used. Default: no. */
  readonly colour?: boolean
  /** How many messages are drawn as arrows: those that are lost or sent again first, with those around them. Default: 24. */
  readonly messages?: number
  /** Makes names and contents harmless for a terminal. Default: as they are. */
  readonly printable?: (text: string) => string
  /** Where in simulated time it begins and ends, in ns. Default: all of it. */
  readonly from?: bigint
  readonly until?: bigint
}

/** How much of a column's time a guest was busy, in eighths. */
const EIGHTHS = ["▁", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

// Told apart by lightness as well as hue, so that nobody needs to see colours.
const COLOURS = ["36", "33", "35", "32", "34"]

const { format } = times()

/** What a column of a lane has. */
interface Column {
  busy: bigint
  notes: number
  sent: number
  lost: number
  arrived: number
}

/** A sending or an arrival. */
interface Step {
  readonly at: bigint
  readonly from: number
  readonly to: number
  readonly text: string
  readonly isLost: boolean
}

const overlap = (from: bigint, to: bigint, begin: bigint, end: bigint): bigint => {
  const [first, last] = [from > begin ? from : begin, to < end ? to : end]
  return last > first ? last - first : 0n
}

/** A time in three digits. */
const rounded = (time: bigint): bigint => {
  const power = 10n ** BigInt(Math.max(0, String(time).length - 3))
  return time / power * power
}

/** What a message says, in a few words. */
const brief = (text: string): string => {
  try {
    const words = (value: unknown): string =>
      typeof value === "object" && value !== null ? Object.values(value).map(words).join(" ") : String(value)
    return words(JSON.parse(text))
  } catch {
    return text
  }
}

/** The lanes of a trace, binned into columns. */
class Lanes implements TimelineSink {
  readonly rows: Array<Array<Column>> = []
  readonly steps: Array<Step> = []
  readonly #from: bigint
  readonly #length: bigint
  readonly #columns: number
  readonly #offsets: ReadonlyArray<bigint>

  constructor(from: bigint, until: bigint, columns: number, offsets: ReadonlyArray<bigint>) {
    this.#from = from
    this.#length = until > from ? until - from : 1n
    this.#columns = columns
    this.#offsets = offsets
  }

  #row(lane: number): Array<Column> {
    return this.rows[lane] ??= Array.from(
      { length: this.#columns },
      () => ({ busy: 0n, notes: 0, sent: 0, lost: 0, arrived: 0 }),
    )
  }
  #columnOf(at: bigint): number {
    return Number((at - this.#from) * BigInt(this.#columns) / this.#length)
  }
  #at(lane: number, at: bigint): Column | undefined {
    const column = this.#columnOf(at)
    return at < this.#from || column > this.#columns ? undefined : this.#row(lane)[Math.min(column, this.#columns - 1)]
  }
  #busy(lane: number, from: bigint, to: bigint): void {
    const first = Math.max(0, this.#columnOf(from))
    const last = Math.min(this.#columns - 1, this.#columnOf(to))
    for (let column = first; column <= last; column++) {
      const begin = this.#from + BigInt(column) * this.#length / BigInt(this.#columns)
      const end = this.#from + BigInt(column + 1) * this.#length / BigInt(this.#columns)
      this.#row(lane)[column]!.busy += overlap(from, to, begin, end)
    }
  }
  #offset(lane: number): bigint {
    return this.#offsets[lane] ?? 0n
  }

  span(lane: number, { doing, from, to }: Span): void {
    const offset = this.#offset(lane)
    this.#row(lane)
    if (doing === "busy" || doing === "free" || doing === "turn") this.#busy(lane, from + offset, to + offset)
  }
  segment(lane: number, { pid, from, to, waits, what }: Segment): void {
    this.#row(lane)
    if (pid === 0 && (waits === "nothing" || waits === "time" && what.includes("hold"))) this.#busy(lane, from, to)
    if (pid > 0 && waits === "time") this.#busy(lane, from, to)
  }
  instant(lane: number, { at }: { readonly at: bigint }): void {
    const column = this.#at(lane, at + this.#offset(lane))
    if (column !== undefined) column.notes++
  }
  message({ from, to, at, toAt, text, title, lost, isOnItsWay, again }: Parameters<TimelineSink["message"]>[0]): void {
    const sent = this.#at(from, at)
    if (sent !== undefined) {
      sent.sent++
      if (lost !== undefined) sent.lost++
      const note = lost !== undefined ? `, lost: ${lost}` : again !== undefined ? ", again" : ""
      this.steps.push({
        at,
        from,
        to,
        text: `${title === "" ? brief(text) : title}${note}`,
        isLost: lost !== undefined,
      })
    }
    const arrived = isOnItsWay ? undefined : this.#at(to, toAt)
    if (arrived !== undefined) arrived.arrived++
  }
  flow({ kind, name, fromLane, toLane, at }: Parameters<TimelineSink["flow"]>[0]): void {
    if (kind !== "interrupt") return
    const column = this.#at(toLane, at)
    if (column === undefined) return
    column.arrived++
    this.steps.push({ at, from: fromLane, to: toLane, text: name, isLost: false })
  }
  act(): void {}
  point(): void {}
}

/** Messages as arrows: a column for each lane that has any. */
const arrows = function* (
  steps: ReadonlyArray<Step>,
  names: ReadonlyArray<string>,
  width: number,
  paint: (code: string, text: string) => string,
): Generator<string> {
  const used = [...new Set(steps.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b)
  const time = 14
  const pitch = Math.max(4, Math.floor((width - time - 2) / used.length))
  const x = new Map(used.map((lane, index) => [lane, Math.floor(pitch * (index + 0.5))]))
  const cut = (text: string, room: number): string =>
    text.length <= room ? text : room < 2 ? "" : `${text.slice(0, room - 1)}…`
  const head = new Array<string>(pitch * used.length).fill(" ")
  for (const lane of used) {
    const whole = names[lane] ?? ""
    // Names of many often differ at their ends.
    const name = whole.length < pitch ? whole : `…${whole.slice(2 - pitch)}`
    const begin = Math.max(0, x.get(lane)! - Math.floor(name.length / 2))
    for (const [at, letter] of [...name].entries()) head[begin + at] = letter
  }
  yield `${" ".repeat(time)}${head.join("").trimEnd()}`
  for (const { at, from, to, text, isLost } of steps) {
    const line = new Array<string>(pitch * used.length).fill(" ")
    for (const place of x.values()) line[place] = "│"
    const [a, b] = [x.get(from)!, x.get(to)!]
    const [first, last] = [Math.min(a, b) + 1, Math.max(a, b) - 1]
    for (let place = first; place <= last; place++) line[place] = isLost ? "╌" : "─"
    if (isLost) line[a < b ? last : first] = "✗"
    else line[a < b ? last : first] = a < b ? "▶" : "◀"
    line[a] = a < b ? "├" : "┤"
    const said = cut(text, last - first - 3)
    const begin = first + Math.max(1, Math.floor((last - first - said.length) / 2))
    for (const [place, letter] of [...said].entries()) line[begin + place] = letter
    const drawn = line.join("").trimEnd()
    yield `${format(at).padStart(time - 2)}  ${isLost ? paint("31", drawn) : drawn}`
  }
}

/**
 * A trace as lines of text: the same each time for the same trace.
 *
 * @since 0.1.0
 * @category exporting
 */
export const text = function* (trace: Readable, options: TextOptions = {}): Generator<string> {
  const { width = 100, colour = false, messages = 24, printable = (text: string) => text } = options
  const paint = (code: string, text: string): string => colour ? `\u001b[${code}m${text}\u001b[0m` : text
  // First where it ends, and then what is in each column of that.
  const totals = new Totals()
  const first = build(trace, totals)
  const { simulated, lanes: summed } = totals.summary(first.lanes)
  const [from, until] = [options.from ?? 0n, options.until ?? simulated]
  const hasWorlds = first.lanes.some(({ isWorlds }) => isWorlds)
  const label = Math.min(24, Math.max(...first.lanes.map(({ name }) => name.length), 4)) + 2
  const columns = Math.max(20, Math.max(40, width) - label - 1)
  const lanes = new Lanes(from, until, columns, first.lanes.map(({ offset }) => offset))
  const infos = build(trace, lanes).lanes.map((info) => ({ ...info, name: printable(info.name) }))
  const each = until > from ? (until - from) / BigInt(columns) || 1n : 1n
  let drawn = 0
  for (const [lane, { name, kind }] of infos.entries()) {
    const row = lanes.rows[lane]
    if (row === undefined || kind === "calendar" && hasWorlds) continue
    const most = Math.max(1, ...row.map(({ sent }) => sent))
    const signs = row.map(({ notes, lost, sent, arrived }) =>
      lost > 0
        ? paint("31", "✗")
        : notes > 0
        ? "◆"
        : sent > 0
        ? paint("2", EIGHTHS[Math.max(1, Math.round(sent / most * 8))]!)
        : arrived > 0
        ? paint("2", "·")
        : " "
    )
    const busy = row.map((column) => {
      const share = Number(column.busy * 8n / each)
      return paint(share === 0 ? "2" : COLOURS[drawn % COLOURS.length]!, EIGHTHS[Math.min(8, share)]!)
    })
    if (drawn++ > 0 && infos.length <= 12) yield ""
    if (signs.some((sign) => sign !== " ")) yield `${" ".repeat(label)}${signs.join("").trimEnd()}`
    yield `${paint("1", (name.length > label - 2 ? `${name.slice(0, label - 3)}…` : name).padEnd(label))}${
      busy.join("")
    }`
  }
  const ticks = 5
  let axis = " ".repeat(label)
  for (let tick = 0; tick < ticks; tick++) {
    const at = format(rounded(from + (until - from) * BigInt(tick) / BigInt(ticks)))
    axis = `${axis.padEnd(label + Math.floor(columns * tick / ticks))}${at}`
  }
  yield axis
  yield ""
  const legend = ["█ busy", "▁ idle", "above: ✗ message lost", "◆ note", "▁▂▃ messages sent", "· arrived"]
  let line = ""
  for (const part of legend) {
    if (line !== "" && label + line.length + 3 + part.length > Math.max(40, width)) {
      yield " ".repeat(label) + line
      line = ""
    }
    line += line === "" ? part : `   ${part}`
  }
  yield " ".repeat(label) + line
  const lost = summed.reduce((sum, { messages }) => sum + messages.lost, 0)
  const sent = summed.reduce((sum, { messages }) => sum + messages.sent, 0)
  const steps = lanes.steps.sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0)
  if (steps.length === 0 || messages === 0) return
  // The first that was lost is in the middle of those that are shown, or else the first of all are.
  const firstLost = steps.findIndex(({ isLost }) => isLost)
  const begin = Math.max(0, Math.min(steps.length - messages, firstLost < 0 ? 0 : firstLost - Math.floor(messages / 2)))
  const shown = steps.slice(begin, begin + messages).map((step) => ({ ...step, text: printable(step.text) }))
  yield ""
  yield sent > 0
    ? `${sent} messages, ${lost} lost; ${shown.length} of them from ${format(shown[0]!.at)} on:`
    : `${steps.length} interrupts; ${shown.length} of them:`
  yield ""
  yield* arrows(shown, infos.map(({ name }) => name), width, paint)
}
