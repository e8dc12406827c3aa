/**
 * A timeline in text: one lane a guest, time from left to right.
 *
 * @module
 */

/** What happened in one guest. Times are in ns of guest time. */
export interface Lane {
  readonly name: string
  /** What the marks for the interrupts that this guest raises show. */
  readonly mark: string
  readonly busy: ReadonlyArray<{ readonly from: bigint; readonly to: bigint }>
  readonly woke: ReadonlyArray<bigint>
  readonly interrupted: ReadonlyArray<{ readonly at: bigint; readonly by: string }>
}

/** How a timeline is drawn. */
export interface Style {
  /** Columns of the terminal, at least 40. */
  readonly width: number
  /** Whether colours can be used: on terminals only. */
  readonly colour: boolean
  /** Whether a line leads from each interrupt's sender to its receiver. Default: no. */
  readonly lines?: boolean
}

/** What the marks above a lane are called. */
export interface Words {
  readonly woke: string
  readonly interrupted: string
}

// Told apart by lightness as well as hue, so that nobody needs to see colours.
const colours = ["36", "33", "35"]
/** How much of a column's time a guest was busy, in eighths. */
const EIGHTHS = ["▁", "▂", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

const paint = (style: Style, code: string, text: string): string => style.colour ? `\x1b[${code}m${text}\x1b[0m` : text

/** Milliseconds of guest time, for an axis. */
const millis = (time: bigint): string => `${time / 1_000_000n}`

/** The timeline of `lanes` from 0 to `end`, as lines. */
export const draw = (
  lanes: ReadonlyArray<Lane>,
  end: bigint,
  style: Style,
  words: Words = { woke: "woken by its own timer", interrupted: "interrupted by" },
): ReadonlyArray<string> => {
  const label = Math.max(...lanes.map(({ name }) => name.length)) + 3
  const columns = Math.max(style.width, 40) - label - 1
  const column = (time: bigint): number => Math.min(columns - 1, Number(time * BigInt(columns) / end))
  const marks = new Map(lanes.map(({ name, mark }) => [name, mark]))
  const lines: Array<string> = []
  /** Below each lane but the last: where interrupts pass, on their way from one guest to another. */
  const between = lanes.slice(1).map(() => new Array<string>(columns).fill(" "))
  lanes.forEach(({ interrupted }, to) => {
    if (style.lines !== true) return
    for (const { at, by } of interrupted) {
      const from = lanes.findIndex(({ name }) => name === by)
      const way = (sign: string) => paint(style, colours[from % colours.length]!, sign)
      for (let row = Math.min(from, to); row < Math.max(from, to); row++) between[row]![column(at)] = way("│")
      // Downwards they end at the mark above the guest that they interrupt, upwards below its own.
      if (from > to) between[to]![column(at)] = way("▲")
    }
  })

  lanes.forEach((lane, index) => {
    const colour = colours[index % colours.length]!
    const above = new Array<string>(columns).fill(" ")
    for (const { at, by } of style.lines === true ? passing(lanes, index) : []) {
      above[column(at)] = paint(style, colours[lanes.findIndex(({ name }) => name === by) % colours.length]!, "│")
    }
    for (const time of lane.woke) above[column(time)] = paint(style, "2", "·")
    // An interrupt is drawn over a wake-up: it is the rarer of the two.
    for (const { at, by } of lane.interrupted) {
      const from = lanes.findIndex(({ name }) => name === by)
      above[column(at)] = paint(style, `1;${colours[from % colours.length]}`, marks.get(by) ?? "?")
    }
    const work = Array.from({ length: columns }, (_, at) => {
      const [from, to] = [BigInt(at) * end / BigInt(columns), BigInt(at + 1) * end / BigInt(columns)]
      let busy = 0n
      for (const span of lane.busy) {
        const [start, stop] = [span.from > from ? span.from : from, span.to < to ? span.to : to]
        if (stop > start) busy += stop - start
      }
      const share = Number(busy * 8n / (to - from))
      return paint(style, share === 0 ? "2" : colour, EIGHTHS[share] ?? "█")
    })
    if (index > 0) lines.push(`${" ".repeat(label)}${between[index - 1]!.join("")}`.trimEnd())
    lines.push(" ".repeat(label) + above.join("").trimEnd())
    lines.push(`${lane.mark} ${paint(style, `1;${colour}`, lane.name.padEnd(label - 2))}${work.join("")}`)
  })

  lines.push(axis(label, columns, end))
  lines.push("")
  const by = new Set(lanes.flatMap(({ interrupted }) => interrupted.map((each) => each.by)))
  const raised = lanes.filter(({ name }) => by.has(name)).map(({ name, mark }) => `${mark} ${name}`).join(", ")
  lines.push(
    ...legend(["█ busy", "▁ asleep", `· ${words.woke}`, `${words.interrupted}: ${raised}`], label, style.width),
  )
  return lines
}

/** Interrupts that pass a guest on their way from one before it to one behind it, or back. */
const passing = (
  lanes: ReadonlyArray<Lane>,
  index: number,
): ReadonlyArray<{ readonly at: bigint; readonly by: string }> =>
  lanes.flatMap(({ interrupted }, to) =>
    interrupted.filter(({ by }) => {
      const from = lanes.findIndex(({ name }) => name === by)
      return Math.min(from, to) < index && index < Math.max(from, to)
    })
  )

/** What the marks mean, on as many lines as it takes. */
const legend = (parts: ReadonlyArray<string>, label: number, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const part of parts) {
    if (line !== "" && label + line.length + 3 + part.length > width) {
      lines.push(line)
      line = ""
    }
    line += line === "" ? part : `   ${part}`
  }
  return [...lines, line].map((each) => " ".repeat(label) + each)
}

/** The axis: a label at each tenth, or fewer where there is no room. */
const axis = (label: number, columns: number, end: bigint): string => {
  const parts = columns >= 70 ? 10 : 5
  let line = " ".repeat(label)
  for (let part = 0; part < parts; part++) {
    const at = label + Math.floor(columns * part / parts)
    line = `${line.padEnd(at)}${millis(end * BigInt(part) / BigInt(parts))}`
  }
  return `${line} ms`
}
