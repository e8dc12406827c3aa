/**
 * Draws what `deno task bench --json growth calendar grants` printed: `plot.ts FILE`
 * writes docs/growth-events.svg and docs/growth-grants.svg.
 *
 * @module
 */
import * as Fs from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { type Figures, type Measured as Result, spread } from "./suite.ts"

interface Line {
  readonly name: string
  /** How many there are, and what each costs then. */
  readonly points: ReadonlyArray<readonly [x: number, y: number]>
}

interface Chart {
  readonly title: string
  readonly x: string
  readonly y: string
  readonly lines: ReadonlyArray<Line>
}

interface Measured extends Result {
  readonly suite: string
  readonly runtime: string
}

const WIDTH = 760
const HEIGHT = 420
const LEFT = 70
const RIGHT = 200
const TOP = 40
const BOTTOM = 50
const COLORS = ["#1f77b4", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#666666"]

const superscript = (power: number): string => [...String(power)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("")

/** The powers of ten around some values. */
const decades = (values: ReadonlyArray<number>): readonly [from: number, to: number] => [
  Math.floor(Math.log10(Math.min(...values)) + 1e-9),
  Math.ceil(Math.log10(Math.max(...values)) - 1e-9),
]

/** A chart with logarithmic axes. */
const svg = ({ title, x, y, lines }: Chart): string => {
  const points = lines.flatMap((line) => line.points)
  const [x0, x1] = decades(points.map(([x]) => x))
  const [y0, y1] = decades(points.map(([, y]) => y))
  const atX = (value: number) => LEFT + (Math.log10(value) - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)
  const atY = (value: number) => HEIGHT - BOTTOM - (Math.log10(value) - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM)
  const out: Array<string> = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${LEFT}" y="22" font-size="14" font-weight="bold">${title}</text>`,
  ]
  const text = (x: number, y: number, anchor: string, words: string, more = "") =>
    out.push(`<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${more}>${words}</text>`)
  const line = (x: number, y: number, toX: number, toY: number) =>
    out.push(
      `<path d="M${x.toFixed(1)} ${y.toFixed(1)}L${toX.toFixed(1)} ${toY.toFixed(1)}" stroke="#ddd" fill="none"/>`,
    )
  for (let power = x0; power <= x1; power++) {
    const at = atX(10 ** power)
    line(at, TOP, at, HEIGHT - BOTTOM)
    text(at, HEIGHT - BOTTOM + 18, "middle", `10${superscript(power)}`)
  }
  for (let power = y0; power <= y1; power++) {
    for (const [times, isLabelled] of [[1, true], [2, power < y1], [5, power < y1]] as const) {
      const value = times * 10 ** power
      if (power === y1 && times > 1) continue
      line(LEFT, atY(value), WIDTH - RIGHT, atY(value))
      if (isLabelled) text(LEFT - 8, atY(value) + 4, "end", String(value))
    }
  }
  text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "middle", x)
  text(0, 0, "middle", y, ` transform="translate(18 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)"`)
  for (const [index, { name, points }] of lines.entries()) {
    const color = COLORS[index % COLORS.length]
    const path = points.map(([x, y]) => `${atX(x).toFixed(1)} ${atY(y).toFixed(1)}`)
    out.push(`<path d="M${path.join("L")}" stroke="${color}" stroke-width="2" fill="none"/>`)
    for (const [x, y] of points) {
      out.push(`<circle cx="${atX(x).toFixed(1)}" cy="${atY(y).toFixed(1)}" r="3" fill="${color}"/>`)
    }
    const at = TOP + 10 + 20 * index
    out.push(`<rect x="${WIDTH - RIGHT + 16}" y="${at - 6}" width="14" height="4" fill="${color}"/>`)
    text(WIDTH - RIGHT + 36, at, "start", name)
  }
  return `${[...out, "</svg>"].join("\n")}\n`
}

const median = ({ figures }: Figures): number => spread(figures).median

/** The cases of a suite whose names have a number, as points. */
const pointsOf = (
  { figures }: Measured,
  parse: (name: string) => number | undefined,
  cost: (figure: number) => number,
): Line["points"] =>
  figures.flatMap((each) => {
    const x = parse(each.case)
    return x === undefined ? [] : [[x, cost(median(each))] as const]
  }).sort(([a], [b]) => a - b)

/** `NAME, 10^7` of one name. */
const ofName = (name: string) => (each: string): number | undefined => {
  const [, of, power] = each.match(/^(.*), 10\^(\d+)$/) ?? []
  return of === name ? 10 ** Number(power) : undefined
}

const events = (measured: ReadonlyArray<Measured>): ReadonlyArray<Line> => {
  const suites = measured.filter(({ suite }) => suite === "growth")
  const [first] = suites
  const names = new Set(first?.figures.map((each) => each.case.replace(/, 10\^\d+$/, "")))
  const ours = "EventQueue"
  names.delete(ours)
  return [
    ...suites.map((each) => ({ name: `${ours}, ${each.runtime}`, points: pointsOf(each, ofName(ours), (ns) => ns) })),
    // The peers are the same on each runtime.
    ...[...names].map((name) => ({
      name,
      points: first === undefined ? [] : pointsOf(first, ofName(name), (ns) => ns),
    })),
  ]
}

const guests = (name: string): number | undefined => {
  const [, count] = name.match(/^(\d+) guests/) ?? []
  return count === undefined ? undefined : Number(count)
}

const grants = (measured: ReadonlyArray<Measured>): ReadonlyArray<Line> =>
  [["grants", "in process"], ["calendar", "unix socket"]].flatMap(([suite, where]) =>
    measured.filter((each) => each.suite === suite).map((each) => ({
      name: `${where}, ${each.runtime}`,
      points: pointsOf(each, guests, (thousands) => 1000 / thousands),
    }))
  )

const charts: Readonly<Record<string, (measured: ReadonlyArray<Measured>) => Chart>> = {
  "growth-events": (measured) => ({
    title: "What an event costs, and how many are pending",
    x: "pending events",
    y: "ns an event",
    lines: events(measured),
  }),
  "growth-grants": (measured) => ({
    title: "What a turn costs, and how many guests are on the calendar",
    x: "guests",
    y: "µs a turn",
    lines: grants(measured),
  }),
}

const [file = "/dev/stdin"] = process.argv.slice(2)
const measured = Fs.readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line) as Measured)
for (const { leftOut, runtime } of measured) {
  for (const { case: name, lacks } of leftOut) console.log(`${name}, ${runtime}: left out, as it needs ${lacks}`)
}
for (const [name, chart] of Object.entries(charts)) {
  const drawn = chart(measured)
  if (drawn.lines.length === 0) console.log(`nothing was measured for docs/${name}.svg`)
  else Fs.writeFileSync(fileURLToPath(new URL(`../docs/${name}.svg`, import.meta.url)), svg(drawn))
}
