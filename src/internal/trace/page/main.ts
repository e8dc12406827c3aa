/**
 * The page itself: what is shown, and where.
 *
 * @module
 */
import type { Arrows, Filter } from "./arrows.ts"
import type { Bars, Shown } from "./bars.ts"
import type { Bins } from "./bins.ts"
import type { Controls, Page } from "./page.ts"
import type { Curves, PlotLibrary } from "./curves.ts"
import type { PageData, TableName } from "./data.ts"
import type { Describe } from "./details.ts"
import type { Finding, Moves } from "./finding.ts"
import type { Drawing, Hit } from "./drawing.ts"
import type { Labels } from "./labels.ts"
import type { Layout, View } from "./layout.ts"
import type { Model } from "./model.ts"
import type { Overview } from "./overview.ts"
import type { Records } from "./records.ts"
import type { Sequence } from "./sequence.ts"
import type { Store } from "./store.ts"
import type { Times } from "./times.ts"

/** The other parts of the page. */
export interface Parts {
  readonly tables: { readonly [Name in TableName]: ReadonlyArray<string> }
  readonly times: () => Times
  readonly store: (tables: { readonly [Name in TableName]: ReadonlyArray<string> }) => Store
  readonly shapeReader: () => (block: Uint8Array) => Array<string>
  readonly records: (reader: () => (block: Uint8Array) => Array<string>) => {
    readonly unpack: (bytes: Uint8Array) => Promise<Uint8Array>
    readonly fromText: (text: string) => Uint8Array
    readonly make: () => Records
  }
  readonly model: (store: Store, data: PageData, times: Times) => Model
  readonly layout: (model: Model) => Layout
  readonly labels: () => Labels
  readonly bins: (model: Model) => Bins
  readonly bars: (model: Model, gutter: number, bins: Bins) => Bars
  readonly arrows: (model: Model, gutter: number, bins: Bins) => Arrows
  readonly drawing: (
    model: Model,
    times: Times,
    layout: Layout,
    bars: Bars,
    arrows: Arrows,
    labels: Labels,
  ) => Drawing
  readonly overview: (model: Model, layout: Layout, bars: Bars) => Overview
  readonly curves: (
    model: Model,
    times: Times,
    library: PlotLibrary | undefined,
    parent: HTMLElement,
    gutter: number,
  ) => Curves
  readonly sequence: (
    model: Model,
    times: Times,
    describe: Describe,
    parent: HTMLElement,
    select: (message: number) => void,
  ) => Sequence
  readonly waits: (
    model: Model,
    times: Times,
    parent: HTMLElement,
  ) => { readonly show: (lanes: ReadonlyArray<number>) => void }
  readonly details: (model: Model, times: Times) => Describe
  readonly controls: (page: Page, parts: { readonly finding: (page: Page, moves: Moves) => Finding }) => Controls
  readonly finding: (page: Page, moves: Moves) => Finding
  readonly live: (
    page: Page,
    controls: Controls,
    add: (text: string) => Promise<void>,
    addRecords: (text: string, count: number) => void,
  ) => void
}

/** Is put into the page as it is: it must not use anything from outside but what a page has. */
export async function main(parts: Parts): Promise<void> {
  const element = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E
  const times = parts.times()
  const store = parts.store(parts.tables)
  const packing = parts.records(parts.shapeReader)
  const records = packing.make()
  for (const script of document.querySelectorAll("script.chunk")) {
    store.add(await packing.unpack(packing.fromText(script.textContent ?? "")))
    script.remove()
  }
  for (const script of document.querySelectorAll<HTMLElement>("script.records")) {
    records.add(packing.fromText(script.textContent ?? ""), Number(script.dataset["count"]))
    script.remove()
  }
  const data = JSON.parse(element("data").textContent ?? "") as PageData
  const library = (globalThis as unknown as { readonly uPlot?: PlotLibrary }).uPlot

  const canvas = element<HTMLCanvasElement>("lanes")
  const little = element<HTMLCanvasElement>("overview")
  const view: View = { axis: 0, from: 0n, fraction: 0, length: 1, top: 0 }
  const NAMES = [
    ...["background", "panel", "text", "muted", "grid", "run", "busy", "free", "wait", "others", "held", "turn"],
    ...["onBar", "interrupt", "handler", "mark", "report", "flow", "selection", "selectedLane", "veil", "texture"],
    ...["message", "lost", "again", "lostText", "againText", "blocked", "queue", "curve", "curveFill", "track"],
    ...["state0", "state1", "state2", "state3", "state4", "state5", "state6", "state7"],
  ]

  const readTheme = (): { readonly [name: string]: string } => {
    const style = getComputedStyle(document.documentElement)
    return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]))
  }
  const sized = (canvas: HTMLCanvasElement): CanvasRenderingContext2D => {
    const ratio = globalThis.devicePixelRatio || 1
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)]
    if (canvas.width !== width) canvas.width = width
    if (canvas.height !== height) canvas.height = height
    const context = canvas.getContext("2d")!
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    return context
  }
  const labels = parts.labels()
  const made = (data: PageData) => {
    const model = parts.model(store, data, times)
    const layout = parts.layout(model)
    const bins = parts.bins(model)
    const bars = parts.bars(model, layout.gutter, bins)
    const arrows = parts.arrows(model, layout.gutter, bins)
    const describe = parts.details(model, times)
    const sequenceBox = element("sequence")
    const curvesBox = element("curves")
    sequenceBox.replaceChildren()
    return {
      model,
      layout,
      arrows,
      describe,
      drawing: parts.drawing(model, times, layout, bars, arrows, labels),
      overview: parts.overview(model, layout, bars),
      curves: parts.curves(model, times, library, curvesBox, layout.gutter),
      sequence: parts.sequence(
        model,
        times,
        describe,
        sequenceBox,
        (index) => page.select({ lane: model.get(model.messages, index, "lane"), kind: "messages", pid: 0, index }),
      ),
      waits: parts.waits(model, times, element("waits")),
    }
  }

  let isDrawing = false
  const render = () => {
    isDrawing = false
    const { theme, lanes, shown, filter, selected, cursor, now: { drawing, overview, curves, sequence, waits } } = page
    if (page.tab === "sequence") {
      sequence.show(
        lanes,
        filter.shows,
        filter.followed,
        selected?.kind === "messages" ? selected.index : undefined,
        theme,
      )
    } else if (page.tab === "waits") waits.show(lanes)
    else {
      const began = performance.now()
      const size = { width: canvas.clientWidth, height: canvas.clientHeight }
      drawing.draw(sized(canvas), size, view, shown(), theme, lanes, filter, selected, cursor)
      overview(sized(little), { width: little.clientWidth, height: little.clientHeight }, view, theme, lanes)
      curves.follow(view)
      page.frameMs = performance.now() - began
    }
    const seen = view.from + BigInt(Math.round(view.length))
    element("range").textContent = `${times.format(view.from)} … ${times.format(seen)}`
    document.documentElement.dataset["drawn"] = String(Number(document.documentElement.dataset["drawn"] ?? 0) + 1)
  }

  const page: Page = {
    element,
    times,
    records,
    view,
    labels,
    tab: "timeline",
    theme: readTheme(),
    lanes: [],
    selected: undefined,
    cursor: undefined,
    frameMs: 0,
    filter: { shows: () => true, showsAll: true, followed: undefined } as Filter,
    shown: (): Shown => ({ handlers: true, marks: true, messages: true, protocol: false }),
    now: undefined as never,
    redraw: () => {
      if (isDrawing) return
      isDrawing = true
      requestAnimationFrame(render)
    },
    render,
    readTheme: () => {
      page.theme = readTheme()
      page.now.curves.rebuild(page.theme)
      page.redraw()
    },
    update: (data: PageData) => {
      const before = page.now as Page["now"] | undefined
      page.now = made(data)
      if (before !== undefined) {
        for (const index of [...page.now.curves.chosen]) {
          if (!before.curves.chosen.has(index)) page.now.curves.chosen.delete(index)
        }
        for (const index of before.curves.chosen) {
          if (page.now.curves.choices.includes(index)) page.now.curves.chosen.add(index)
        }
        if (before.curves.chosen.size === 0) page.now = made(data)
      }
      page.now.curves.rebuild(page.theme)
    },
    select: (_: Hit | undefined) => {},
  }
  page.update(data)
  const controls = parts.controls(page, parts)
  controls.begin()
  if (data.live === true) {
    const add = async (text: string) => store.add(await packing.unpack(packing.fromText(text)))
    parts.live(page, controls, add, (text, count) => records.add(packing.fromText(text), count))
  }
  // For those who drive the page from outside: tests, and the console.
  Object.assign(globalThis, { timeline: page })
}
