/**
 * Curves of what was measured, and of links' queues, along the timeline's axis.
 *
 * @module
 */
import type { Theme } from "./bars.ts"
import type { View } from "./layout.ts"
import type { Model, SeriesModel } from "./model.ts"
import type { Times } from "./times.ts"

/** As much of uPlot as is used. */
export interface Plot {
  readonly setScale: (axis: string, range: { readonly min: number; readonly max: number }) => void
  readonly setSize: (size: { readonly width: number; readonly height: number }) => void
  readonly setData: (data: ReadonlyArray<ArrayLike<number | null>>, resetScales: boolean) => void
  readonly setCursor: (at: { readonly left: number; readonly top: number }) => void
  readonly destroy: () => void
  readonly valToPos: (value: number, axis: string) => number
  readonly ctx: CanvasRenderingContext2D
  readonly bbox: { readonly left: number; readonly top: number; readonly width: number; readonly height: number }
}

/** uPlot, which draws the curves. */
export interface PlotLibrary {
  new (options: unknown, data: unknown, parent: HTMLElement): Plot
  readonly paths: { readonly stepped: (options: { readonly align: number }) => unknown }
}

/** The curves of a page. */
export interface Curves {
  /** Which series there are to choose from; those with nothing to show are left out. */
  readonly choices: ReadonlyArray<number>
  readonly chosen: Set<number>
  /** Draws those that are chosen, anew. */
  readonly rebuild: (theme: Theme) => void
  /** Shows the same part of time as the timeline. */
  readonly follow: (view: View) => void
  /** Where the cursor is, in pixels of the timeline. */
  readonly cursor: (x: number | undefined) => void
  /** What the values are at a time, in seconds from the page's begin. */
  readonly valuesAt: (seconds: number) => ReadonlyArray<readonly [string, string]>
}

/** Is put into the page as it is: it must not use anything from outside but what a page has. */
export function curves(
  model: Model,
  times: Times,
  library: PlotLibrary | undefined,
  parent: HTMLElement,
  gutter: number,
): Curves {
  const HEIGHT = 96
  /** So many are shown until others are chosen: lanes need room as well. */
  const FIRST = model.lanes.length > 20 ? 1 : model.lanes.length > 8 ? 2 : 4
  const plots: Array<{ readonly plot: Plot; readonly index: number }> = []

  const range = (index: number): number => {
    const { values } = model.series[index]!
    let [least, most] = [Infinity, -Infinity]
    for (const value of values) {
      if (value < least) least = value
      if (value > most) most = value
    }
    return values.length === 0 ? 0 : most - least
  }
  const rank = (index: number): number => {
    const { info: { kind, name }, most } = model.series[index]!
    if (kind === "queue") return (most?.value ?? 0) > 2 ? 0 : 5
    if (kind === "level") return /queue|utilisation/.test(name) ? 1 : 2
    return kind === "series" ? 1 : kind === "histogram" ? 3 : 6
  }
  const choices = model.series.map((_, index) => index).filter((index) => range(index) > 0)
  choices.sort((a, b) => rank(a) - rank(b) || a - b)
  const chosen = new Set(choices.filter((index) => rank(index) < 4).slice(0, FIRST))

  const shown = ({ info: { unit } }: SeriesModel, value: number): string =>
    unit === "ns"
      ? times.format(BigInt(Math.round(value)))
      : `${Math.abs(value) >= 1000 ? value.toLocaleString("en") : Number(value.toPrecision(4))}${
        unit === "" ? "" : ` ${unit}`
      }`
  /** At its axis: without a unit, which its title has, unless that is a time. */
  const short = (series: SeriesModel, value: number): string =>
    series.info.unit === "ns" ? shown(series, value) : value.toLocaleString("en")
  const titleOf = (series: SeriesModel): string =>
    `${model.lanes[series.info.lane]?.info.name ?? ""}: ${series.info.name}`

  const plotOf = (Plot: PlotLibrary, index: number, theme: Theme): Plot => {
    const series = model.series[index]!
    const box = document.createElement("section")
    box.className = "curve"
    const most = series.most
    const head = document.createElement("h3")
    const peak = most === undefined
      ? ""
      : `most ${shown(series, most.value)} at ${times.format(BigInt(Math.round(most.at * 1e9)) + model.begin[0])}`
    head.textContent = `${titleOf(series)}${["", "ns"].includes(series.info.unit) ? "" : ` (${series.info.unit})`}`
    const at = document.createElement("span")
    at.textContent = peak
    head.append(at)
    box.append(head)
    box.setAttribute("aria-label", `${titleOf(series)}, ${peak}`)
    parent.append(box)
    const isStepped = series.info.kind !== "histogram" && series.info.kind !== "series"
    const colour = theme[series.info.kind === "queue" ? "queue" : "curve"]!
    const axis = {
      stroke: theme["muted"],
      grid: { stroke: theme["grid"], width: 1 },
      ticks: { show: false },
      font: "11px system-ui",
    }
    const plot: Plot = new Plot(
      {
        width: Math.max(200, parent.clientWidth),
        height: HEIGHT,
        padding: [20, 0, 3, 0],
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { setScale: false, x: false, y: false } },
        scales: {
          x: { time: false },
          y: { range: (_: unknown, least: number, most: number) => [Math.min(0, least), most <= 0 ? 1 : most * 1.08] },
        },
        axes: [
          { show: false },
          {
            ...axis,
            size: gutter,
            space: 24,
            values: (_: unknown, ticks: ReadonlyArray<number>) => ticks.map((tick) => short(series, tick)),
          },
        ],
        series: [{}, {
          stroke: colour,
          fill: isStepped ? theme["curveFill"] : undefined,
          width: 1.5,
          ...isStepped
            ? { paths: Plot.paths.stepped({ align: 1 }), points: { show: false } }
            : { points: { size: 4, fill: colour } },
        }],
        hooks: {
          draw: [(drawn: Plot) => {
            if (most === undefined) return
            // Where it is largest.
            const ratio = globalThis.devicePixelRatio || 1
            const x = drawn.bbox.left + drawn.valToPos(most.at, "x") * ratio
            const y = drawn.bbox.top + drawn.valToPos(most.value, "y") * ratio
            if (x < drawn.bbox.left || x > drawn.bbox.left + drawn.bbox.width) return
            drawn.ctx.fillStyle = theme["lost"]!
            drawn.ctx.beginPath()
            drawn.ctx.arc(x, y, 4 * ratio, 0, 2 * Math.PI)
            drawn.ctx.fill()
          }],
        },
      },
      [series.at, series.values],
      box,
    )
    return plot
  }

  let last: View | undefined
  const follow: Curves["follow"] = (view) => {
    last = view
    parent.hidden = view.axis === 1 || plots.length === 0
    if (parent.hidden) return
    const min = (Number(view.from - model.begin[0]) + view.fraction) / 1e9
    for (const { plot } of plots) plot.setScale("x", { min, max: min + view.length / 1e9 })
  }

  return {
    choices,
    chosen,
    rebuild: (theme) => {
      for (const { plot } of plots) plot.destroy()
      plots.length = 0
      parent.replaceChildren()
      parent.hidden = library === undefined || chosen.size === 0
      if (library === undefined || chosen.size === 0) return
      for (const index of choices) if (chosen.has(index)) plots.push({ plot: plotOf(library, index, theme), index })
      if (last !== undefined) follow(last)
    },
    follow,
    cursor: (x) => {
      for (const { plot } of plots) plot.setCursor({ left: x === undefined ? -10 : x - gutter, top: 10 })
    },
    valuesAt: (seconds) =>
      [...chosen].map((index) => {
        const series = model.series[index]!
        let [low, high] = [0, series.length]
        while (low < high) {
          const middle = (low + high) >> 1
          if (series.at[middle]! <= seconds) low = middle + 1
          else high = middle
        }
        return [titleOf(series), low === 0 ? "–" : shown(series, series.values[low - 1]!)]
      }),
  }
}
