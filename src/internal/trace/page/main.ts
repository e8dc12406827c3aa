/**
 * The page itself: what its buttons, keys and pointer do.
 *
 * @module
 */
import type { PageData } from "./data.ts"
import type { Details } from "./details.ts"
import type { Drawing, Hit, Shown, View } from "./drawing.ts"
import type { Items, Model } from "./model.ts"
import type { Overview } from "./overview.ts"
import type { Times } from "./times.ts"

/** The other parts of the page. */
interface Parts {
  readonly times: () => Times
  readonly model: (data: PageData, lines: string, times: Times) => Model
  readonly drawing: (model: Model, times: Times) => Drawing
  readonly overview: (model: Model, drawing: Drawing) => Overview
  readonly details: (model: Model, times: Times) => (hit: Hit) => Details
}

/** Is put into the page as it is: it must not use anything from outside but what a page has. */
export function main(parts: Parts): void {
  const element = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E
  const times = parts.times()
  const data = JSON.parse(element("data").textContent ?? "") as PageData
  const model = parts.model(data, (element("records").textContent ?? "").trim(), times)
  const drawing = parts.drawing(model, times)
  const drawOverview = parts.overview(model, drawing)
  const describe = parts.details(model, times)

  const canvas = element<HTMLCanvasElement>("lanes")
  const overview = element<HTMLCanvasElement>("overview")
  const tip = element("tip")
  const view: View = { axis: 0, from: 0n, fraction: 0, length: 1, top: 0 }
  let lanes = model.lanes.map((_, index) => index)
  let selected: Hit | undefined
  let cursor: number | undefined
  let found: ReadonlyArray<number> = []
  let foundAt = -1
  let theme: { readonly [name: string]: string } = {}

  // ------------------------------------------------------------------------ drawing

  const NAMES = [
    ...["background", "panel", "text", "muted", "grid", "run", "busy", "free", "wait", "others", "held", "turn"],
    ...["onTurn", "interrupt", "handler", "mark", "report", "flow", "selection", "selectedLane", "veil", "texture"],
  ]
  const readTheme = () => {
    const style = getComputedStyle(document.documentElement)
    theme = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]))
  }
  const isOn = (id: string): boolean => element<HTMLInputElement>(id).checked
  const shown = (): Shown => ({
    handlers: isOn("show-handlers"),
    interrupts: isOn("show-interrupts"),
    marks: isOn("show-marks"),
    messages: isOn("show-messages"),
  })
  const sized = (canvas: HTMLCanvasElement): CanvasRenderingContext2D => {
    const ratio = globalThis.devicePixelRatio || 1
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)]
    if (canvas.width !== width) canvas.width = width
    if (canvas.height !== height) canvas.height = height
    const context = canvas.getContext("2d")!
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    return context
  }
  let isDrawing = false
  const redraw = () => {
    if (isDrawing) return
    isDrawing = true
    requestAnimationFrame(() => {
      isDrawing = false
      const size = { width: canvas.clientWidth, height: canvas.clientHeight }
      drawing.draw(sized(canvas), size, view, shown(), theme, lanes, selected, cursor)
      const little = { width: overview.clientWidth, height: overview.clientHeight }
      drawOverview(sized(overview), little, view, theme, lanes)
      const seen = view.from + BigInt(Math.round(view.length))
      element("range").textContent = `${times.format(view.from)} … ${times.format(seen)}`
      document.documentElement.dataset["drawn"] = "true"
    })
  }

  // ------------------------------------------------------------------ moving the view

  const room = () => Math.max(1, canvas.clientWidth - drawing.gutter)
  const begin = () => model.begin[view.axis]
  const whole = () => Math.max(20, Number(model.end[view.axis] - begin()) * 1.01)
  /** Sets where the view begins, in ns from `base`; what is below a ns is kept apart. */
  const setFrom = (base: bigint, offset: number) => {
    const nanos = Math.floor(offset)
    view.from = base + BigInt(nanos)
    view.fraction = offset - nanos
    if (view.from < begin()) {
      view.from = begin()
      view.fraction = 0
    }
    const last = begin() + BigInt(Math.max(0, Math.ceil(whole() - view.length)))
    if (view.from > last) {
      view.from = last
      view.fraction = 0
    }
  }
  const zoom = (factor: number, x = drawing.gutter + room() / 2) => {
    const share = (x - drawing.gutter) / room()
    const length = Math.min(whole(), Math.max(20, view.length * factor))
    const base = view.from
    const offset = view.fraction + (view.length - length) * share
    view.length = length
    setFrom(base, offset)
    redraw()
  }
  const pan = (pixels: number) => {
    setFrom(view.from, view.fraction + pixels * view.length / room())
    redraw()
  }
  const fit = () => {
    view.length = whole()
    setFrom(begin(), 0)
    redraw()
  }
  const scroll = (pixels: number) => {
    const most = Math.max(0, drawing.axisHeight + lanes.length * drawing.laneHeight() - canvas.clientHeight)
    view.top = Math.min(most, Math.max(0, view.top + pixels))
    redraw()
  }
  /** Shows a time; with a length, all of that with some room around it. */
  const show = (at: bigint, length = 0n) => {
    if (length > 0n) view.length = Math.min(whole(), Math.max(20, Number(length) * 1.5))
    const isSeen = at > view.from && Number(at - view.from) < view.length * 0.95
    if (!isSeen || length > 0n) setFrom(at, (Number(length) - view.length) / 2)
    redraw()
  }
  const showLane = (lane: number) => {
    const row = lanes.indexOf(lane)
    if (row < 0) return
    const top = drawing.axisHeight + row * drawing.laneHeight() - view.top
    if (top < drawing.axisHeight) scroll(top - drawing.axisHeight)
    else if (top + drawing.laneHeight() > canvas.clientHeight) scroll(top + drawing.laneHeight() - canvas.clientHeight)
  }

  // ------------------------------------------------------------------------ selecting

  const put = (parent: HTMLElement, tag: string, text: string, className = ""): HTMLElement => {
    const child = document.createElement(tag)
    child.textContent = text
    if (className !== "") child.className = className
    parent.append(child)
    return child
  }
  const showRecord = (place: number | undefined) => {
    const box = element("record")
    box.replaceChildren()
    const record = place === undefined ? undefined : model.record(place)
    if (record === undefined) return
    put(box, "h3", `record ${place! + 1} of ${model.records}`)
    const fields = JSON.parse(record.line) as Record<string, unknown>
    const OPS = ["Ack", "Start", "Request", "Wait", "Get", "Update", "Run", "FreeUntil", "GetTimeOfDay", "Broadcast"]
    const text = Object.entries(fields).map(([name, value]) =>
      `${name}: ${
        name === "op"
          ? `${value} (${OPS[value as number] ?? "unknown"})`
          : name === "value" && value === "18446744073709551615"
          ? "none"
          : typeof value === "string"
          ? value
          : JSON.stringify(value)
      }`
    )
    put(box, "pre", text.join("\n"))
  }
  const select = (hit: Hit | undefined) => {
    selected = hit
    const box = element("selected")
    box.replaceChildren()
    if (hit === undefined) {
      put(box, "p", "Click on something to see what it is, when exactly, and who ran meanwhile.", "hint")
      for (const { name, says } of data.summary) {
        put(box, "h3", name)
        const list = put(box, "ul", "")
        for (const each of says) put(list, "li", each)
      }
      showRecord(undefined)
      redraw()
      return
    }
    const { title, rows, others, record } = describe(hit)
    put(box, "h2", title)
    const list = put(box, "dl", "")
    for (const [name, value] of rows) {
      put(list, "dt", name)
      put(list, "dd", value)
    }
    if (others.length > 0) {
      put(box, "h3", "who ran meanwhile, in real time")
      const ran = put(box, "ul", "")
      for (const other of others) put(ran, "li", other)
    }
    showRecord(record)
    redraw()
  }
  const itemsOf = ({ lane, kind }: Hit): Items => model.lanes[lane]![kind]
  const reveal = (hit: Hit, closely = false) => {
    const items = itemsOf(hit)
    const [from, to] = [times.big(items.from[view.axis], hit.index), times.big(items.to[view.axis], hit.index)]
    showLane(hit.lane)
    show(from, closely ? (to > from ? to - from : 1000n) : 0n)
    select(hit)
  }
  /** The thing after, or before, the one that is selected, in its lane and of its kind. */
  const step = (by: 1 | -1) => {
    const hit = selected ?? { lane: lanes[0] ?? 0, kind: "spans" as const, index: by > 0 ? -1 : 0 }
    const items = itemsOf(hit)
    for (let index = hit.index + by; index >= 0 && index < items.length; index += by) {
      const isWide = times.big(items.to[view.axis], index) > times.big(items.from[view.axis], index)
      if (hit.kind === "spans" && !isWide) continue
      return reveal({ ...hit, index })
    }
  }
  const stepLane = (by: 1 | -1) => {
    const row = selected === undefined ? (by > 0 ? -1 : lanes.length) : lanes.indexOf(selected.lane)
    const lane = lanes[Math.min(lanes.length - 1, Math.max(0, row + by))]
    if (lane === undefined) return
    const { spans } = model.lanes[lane]!
    if (spans.length === 0) return
    const at = selected === undefined ? view.from : times.big(itemsOf(selected).from[view.axis], selected.index)
    const index = model.firstAfter(spans, view.axis, Number(at / 1_000_000_000n), Number(at % 1_000_000_000n) + 1)
    reveal({ lane, kind: "spans", index: Math.min(index, spans.length - 1) })
  }

  // ------------------------------------------------------------------------ searching

  /** The thing in its lane that a record began, or else happened in. */
  const hitOf = (place: number): Hit | undefined => {
    const record = model.record(place)
    if (record === undefined) return undefined
    const lane = model.lanes[record.lane]!
    for (const kind of ["acts", "instants"] as const) {
      const index = lane[kind].record.indexOf(place)
      if (index >= 0) return { lane: record.lane, kind, index }
    }
    const records = lane.spans.record
    let index = 0
    while (index + 1 < records.length && records[index + 1]! <= place) index++
    return lane.spans.length === 0 ? undefined : { lane: record.lane, kind: "spans", index }
  }
  const goTo = (index: number) => {
    if (found.length === 0) return
    foundAt = (index + found.length) % found.length
    const place = found[foundAt]!
    const record = model.record(place)!
    const hit = hitOf(place)
    if (hit !== undefined) {
      showLane(hit.lane)
      select(hit)
    }
    show(record.at[view.axis])
    showRecord(place)
    element("found").textContent = `${foundAt + 1} of ${found.length}`
  }
  const search = (words: string) => {
    found = model.search(words)
    foundAt = -1
    element("found").textContent = words === "" ? "" : found.length === 0 ? "nothing" : `${found.length} found`
    if (found.length > 0) goTo(0)
  }
  const searchBox = element<HTMLInputElement>("search")
  let asked = ""
  searchBox.addEventListener("keydown", (event) => {
    if (event.key === "Escape") canvas.focus()
    if (event.key !== "Enter") return
    if (searchBox.value === asked) goTo(foundAt + (event.shiftKey ? -1 : 1))
    else search(asked = searchBox.value)
  })
  const filterBox = element<HTMLInputElement>("filter")
  filterBox.addEventListener("input", () => {
    const wanted = filterBox.value.toLowerCase()
    lanes = model.lanes.flatMap(({ name }, index) => name.toLowerCase().includes(wanted) ? [index] : [])
    view.top = 0
    redraw()
  })

  // ---------------------------------------------------------------- pointer and keys

  const placeOf = (event: MouseEvent) => {
    const box = canvas.getBoundingClientRect()
    return { x: event.clientX - box.left, y: event.clientY - box.top }
  }
  let drag: { x: number; y: number; moved: boolean } | undefined
  canvas.addEventListener("pointerdown", (event) => {
    drag = { ...placeOf(event), moved: false }
    canvas.setPointerCapture(event.pointerId)
  })
  canvas.addEventListener("pointermove", (event) => {
    const { x, y } = placeOf(event)
    if (drag !== undefined) {
      if (drag.moved || Math.abs(x - drag.x) + Math.abs(y - drag.y) > 3) {
        pan(drag.x - x)
        scroll(drag.y - y)
        drag = { x, y, moved: true }
      }
      tip.hidden = true
      return
    }
    cursor = x < drawing.gutter ? undefined : x
    const hit = drawing.hit(canvas.clientWidth, view, shown(), lanes, x, y)
    tip.hidden = hit === undefined
    if (hit !== undefined) {
      tip.textContent = `${model.lanes[hit.lane]!.name}: ${describe(hit).short}`
      tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`
      tip.style.top = `${event.clientY + 16}px`
    }
    redraw()
  })
  canvas.addEventListener("pointerup", (event) => {
    const { x, y } = placeOf(event)
    if (drag?.moved === false) select(drawing.hit(canvas.clientWidth, view, shown(), lanes, x, y))
    drag = undefined
  })
  canvas.addEventListener("pointerleave", () => {
    cursor = undefined
    tip.hidden = true
    redraw()
  })
  canvas.addEventListener("dblclick", (event) => {
    const { x, y } = placeOf(event)
    const hit = drawing.hit(canvas.clientWidth, view, shown(), lanes, x, y)
    if (hit === undefined) zoom(0.5, x)
    else reveal(hit, true)
  })
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault()
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(event.deltaX || event.deltaY)
    else if (event.altKey) scroll(event.deltaY)
    else zoom(1.002 ** event.deltaY, placeOf(event).x)
  }, { passive: false })
  const jump = (event: PointerEvent) => {
    if (event.buttons === 0) return
    const x = event.clientX - overview.getBoundingClientRect().left - drawing.gutter
    setFrom(begin(), x / room() * whole() - view.length / 2)
    redraw()
  }
  overview.addEventListener("pointerdown", jump)
  overview.addEventListener("pointermove", jump)

  const setAxis = (axis: 0 | 1) => {
    const wasWhole = view.length >= whole() * 0.999
    const hit = selected
    view.axis = axis
    element("simulated").setAttribute("aria-pressed", String(axis === 0))
    element("real").setAttribute("aria-pressed", String(axis === 1))
    document.documentElement.dataset["axis"] = axis === 0 ? "simulated" : "real"
    if (wasWhole || hit === undefined) fit()
    else reveal(hit, true)
  }
  const setTheme = () => {
    const dark = theme["name"] === "dark" || getComputedStyle(document.documentElement).colorScheme.includes("dark")
    document.documentElement.dataset["theme"] = dark ? "light" : "dark"
    readTheme()
    redraw()
  }
  const help = element<HTMLDialogElement>("help")
  const KEYS: Readonly<Record<string, () => void>> = {
    "+": () => zoom(0.6),
    "=": () => zoom(0.6),
    "-": () => zoom(1 / 0.6),
    "0": fit,
    f: fit,
    ArrowLeft: () => pan(-room() / 8),
    ArrowRight: () => pan(room() / 8),
    ArrowUp: () => stepLane(-1),
    ArrowDown: () => stepLane(1),
    PageUp: () => scroll(-canvas.clientHeight / 2),
    PageDown: () => scroll(canvas.clientHeight / 2),
    n: () => step(1),
    p: () => step(-1),
    Enter: () => selected !== undefined && reveal(selected, true),
    Escape: () => select(undefined),
    t: () => setAxis(view.axis === 0 ? 1 : 0),
    "/": () => searchBox.focus(),
    "?": () => help.showModal(),
  }
  document.addEventListener("keydown", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.type !== "checkbox") return
    if (event.ctrlKey || event.metaKey || help.open) return
    if (event.target instanceof HTMLButtonElement && event.key === "Enter") return
    const action = KEYS[event.key]
    if (action === undefined) return
    event.preventDefault()
    action()
  })
  const BUTTONS: Readonly<Record<string, () => void>> = {
    simulated: () => setAxis(0),
    real: () => setAxis(1),
    in: () => zoom(0.6),
    out: () => zoom(1 / 0.6),
    fit,
    theme: setTheme,
    keys: () => help.showModal(),
    next: () => searchBox.value === asked ? goTo(foundAt + 1) : search(asked = searchBox.value),
    previous: () => searchBox.value === asked ? goTo(foundAt - 1) : search(asked = searchBox.value),
  }
  for (const [id, action] of Object.entries(BUTTONS)) element(id).addEventListener("click", action)
  for (const name of ["handlers", "interrupts", "marks", "messages"]) {
    element(`show-${name}`).addEventListener("change", redraw)
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readTheme()
    redraw()
  })
  new ResizeObserver(() => {
    scroll(0)
    redraw()
  }).observe(canvas)

  readTheme()
  select(undefined)
  setAxis(0)
  fit()
  canvas.focus()
  // For those who drive the page from outside: tests, and the console.
  Object.assign(globalThis, { timeline: { view, model, select: () => selected, fit, zoom, search } })
}
