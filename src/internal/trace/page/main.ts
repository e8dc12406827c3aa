/**
 * The page itself: what is shown, and where.
 *
 * @module
 */
import type { Filter } from "./arrows.ts"
import type { Shown } from "./bars.ts"
import type { Page } from "./page.ts"
import type { PlotLibrary } from "./curves.ts"
import type { PageData, TableName } from "./data.ts"
import type { Hit } from "./drawing.ts"
import type { View } from "./layout.ts"

/** The other parts of the page: the columns of its tables, and the functions of the files beside this one. */
export interface Parts {
  readonly tables: { readonly [Name in TableName]: ReadonlyArray<string> }
  readonly times: typeof import("./times.ts").times
  readonly store: typeof import("./store.ts").store
  readonly shapeReader: typeof import("../shapeReader.ts").shapeReader
  readonly records: typeof import("./records.ts").records
  readonly model: typeof import("./model.ts").model
  readonly layout: typeof import("./layout.ts").layout
  readonly labels: typeof import("./labels.ts").labels
  readonly bins: typeof import("./bins.ts").bins
  readonly bars: typeof import("./bars.ts").bars
  readonly arrows: typeof import("./arrows.ts").arrows
  readonly drawing: typeof import("./drawing.ts").drawing
  readonly overview: typeof import("./overview.ts").overview
  readonly curves: typeof import("./curves.ts").curves
  readonly sequence: typeof import("./sequence.ts").sequence
  readonly waits: typeof import("./waits.ts").waits
  readonly details: typeof import("./details.ts").details
  readonly controls: typeof import("./controls.ts").controls
  readonly finding: typeof import("./finding.ts").finding
  readonly live: typeof import("./live.ts").live
}

/** Is put into the page as it is: it must not use anything from outside but what a page has. */
export async function main(parts: Parts): Promise<void> {
  const element = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E
  const put = (parent: HTMLElement, tag: string, text: string, className = ""): HTMLElement => {
    const child = document.createElement(tag)
    child.textContent = text
    if (className !== "") child.className = className
    parent.append(child)
    return child
  }
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
    put,
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
