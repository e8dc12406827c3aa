/**
 * What the page's buttons, keys and pointer do.
 *
 * @module
 */
import type { Details } from "./details.ts"
import type { Hit } from "./drawing.ts"
import type { Finding, Moves } from "./finding.ts"
import type { Controls, Page } from "./page.ts"

/** Is put into the page as it is: it must not use anything from outside but what a page has. */
export function controls(page: Page, parts: { readonly finding: (page: Page, moves: Moves) => Finding }): Controls {
  const { element, put, times, view, records } = page
  const searchBox = element<HTMLInputElement>("search")
  const canvas = element<HTMLCanvasElement>("lanes")
  const little = element<HTMLCanvasElement>("overview")
  const tip = element("tip")

  // ------------------------------------------------------------------ moving the view

  const gutter = () => page.now.layout.gutter
  const room = () => Math.max(1, canvas.clientWidth - gutter())
  const begin = () => page.now.model.begin[view.axis]
  const whole = () => Math.max(20, Number(page.now.model.end[view.axis] - begin()) * 1.01)
  /** Sets where the view begins, in ns from `base`; what is below a ns is kept apart. */
  const setFrom = (base: bigint, offset: number) => {
    const nanos = Math.floor(offset)
    view.from = base + BigInt(nanos)
    view.fraction = offset - nanos
    const last = begin() + BigInt(Math.max(0, Math.ceil(whole() - view.length)))
    const bound = view.from < begin() ? begin() : view.from > last ? last : undefined
    if (bound === undefined) return
    view.from = bound
    view.fraction = 0
  }
  /** Whether all of it is in sight: then what comes is, too. */
  let isWhole = true
  const zoom = (factor: number, x = gutter() + room() / 2) => {
    const share = (x - gutter()) / room()
    const length = Math.min(whole(), Math.max(20, view.length * factor))
    const base = view.from
    const offset = view.fraction + (view.length - length) * share
    view.length = length
    isWhole = length >= whole() * 0.999
    setFrom(base, offset)
    page.redraw()
  }
  const pan = (pixels: number) => {
    setFrom(view.from, view.fraction + pixels * view.length / room())
    page.redraw()
  }
  const fit = () => {
    isWhole = true
    view.length = whole()
    setFrom(begin(), 0)
    page.redraw()
  }
  const scroll = (pixels: number) => {
    const most = Math.max(0, page.now.drawing.placed().height - canvas.clientHeight)
    view.top = Math.min(most, Math.max(0, view.top + pixels))
    page.redraw()
  }
  /** Shows a time; with a length, all of that with some room around it. */
  const show = (at: bigint, length = 0n) => {
    if (length > 0n) view.length = Math.min(whole(), Math.max(20, Number(length) * 1.5))
    const isSeen = at > view.from && Number(at - view.from) < view.length * 0.95
    if (!isSeen || length > 0n) setFrom(at, (Number(length) - view.length) / 2)
    page.redraw()
  }
  const showLane = (lane: number) => {
    const place = page.now.drawing.placed().places.find((each) => each.lane === lane)
    if (place === undefined) return
    if (place.top < page.now.layout.axisHeight) scroll(place.top - page.now.layout.axisHeight)
    else if (place.bar + place.barHeight > canvas.clientHeight) {
      scroll(place.bar + place.barHeight - canvas.clientHeight)
    }
  }

  // ------------------------------------------------------------------------ selecting

  let wanted: number | undefined
  const showRecord = async (place: number | undefined) => {
    const box = element("record")
    wanted = place
    const line = place === undefined ? undefined : await records.line(place)
    // Another one may have been asked for meanwhile.
    if (wanted !== place) return
    box.replaceChildren()
    if (line === undefined) return
    put(box, "h3", `record ${place! + 1}`)
    const { s: _, n: __, t, r, ...what } = JSON.parse(line) as { s: number; n: number; t: string; r: string }
    const text = Object.entries({ ...what, time: t, real: r }).map(([name, value]) =>
      `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`
    ).join("\n")
    put(box, "pre", text)
  }
  const showDetails = ({ title, rows, lists, record }: Details, hit: Hit) => {
    const box = element("selected")
    box.replaceChildren()
    put(box, "h2", title)
    const list = put(box, "dl", "")
    for (const [name, value] of rows) {
      put(list, "dt", name)
      put(list, "dd", value)
    }
    if (hit.kind === "messages") {
      const follow = put(
        box,
        "button",
        page.filter.followed === undefined ? "follow it and its answers" : "show all again",
      )
      follow.id = "follow"
      follow.addEventListener("click", () => finding.followIt(hit.index))
    }
    for (const { head, items } of lists) {
      put(box, "h3", head)
      const into = put(box, "ul", "")
      for (const { text, hit } of items) {
        const item = put(into, "li", hit === undefined ? text : "")
        if (hit === undefined) continue
        put(item, "button", text, "link").addEventListener("click", () => reveal(hit))
      }
    }
    void showRecord(record)
  }
  const showSummary = () => {
    const box = element("selected")
    box.replaceChildren()
    element("record").replaceChildren()
    const { data } = page.now.model
    const { difference } = data
    if (difference !== undefined) {
      put(box, "h2", "the first difference")
      const list = put(box, "dl", "")
      for (
        const [name, value] of [["at", times.exact(BigInt(difference.at))], ["in", difference.where], [
          "A",
          difference.a,
        ], ["B", difference.b]]
      ) {
        put(list, "dt", name!)
        put(list, "dd", value!)
      }
    }
    put(box, "p", "Select something: click it, or use the arrow keys.", "hint")
    for (const lane of page.lanes.slice(0, 60)) {
      const { name, says } = data.lanes[lane]!
      put(box, "h3", name)
      const list = put(box, "ul", "")
      for (const each of says) put(list, "li", each)
    }
  }
  page.select = (hit) => {
    page.selected = hit
    if (hit === undefined) showSummary()
    else showDetails(page.now.describe.describe(hit), hit)
    if (hit?.kind === "messages" && page.tab === "sequence") page.now.sequence.reveal(hit.index)
    page.redraw()
  }
  const select = (hit: Hit | undefined) => page.select(hit)
  /** Shows something in the middle; `closely`, as large as it can be. */
  const reveal = (hit: Hit, closely = false) => {
    const { model, drawing } = page.now
    const rows = drawing.rowsOf(hit)
    const [from, to] = [model.fromOf(rows, hit.index, view.axis), model.toOf(rows, hit.index, view.axis)]
    showLane(hit.lane)
    show(from, closely ? (to > from ? to - from : 1000n) : 0n)
    select(hit)
  }
  /** The thing after, or before, the one that is selected, in its lane and of its kind. */
  const step = (by: 1 | -1) => {
    const { model, drawing } = page.now
    const first = page.lanes.find((lane) => model.lanes[lane]!.info.kind === "guest") ?? page.lanes[0] ?? 0
    const kind = model.lanes[first]?.info.isWorlds === true && view.axis === 0 ? "segments" : "spans"
    const hit: Hit = page.selected ?? { lane: first, kind, pid: 0, index: by > 0 ? -1 : 0 }
    const rows = drawing.rowsOf(hit)
    for (let index = hit.index + by; index >= 0 && index < rows.length; index += by) {
      const isWide = model.toOf(rows, index, view.axis) > model.fromOf(rows, index, view.axis)
      if (hit.kind === "spans" && !isWide) continue
      if (hit.kind === "messages" && !page.filter.shows(index)) continue
      const lane = hit.kind === "messages" ? model.get(rows, index, "lane") : hit.lane
      return reveal({ ...hit, lane, index })
    }
  }
  const stepLane = (by: 1 | -1) => {
    const { model, drawing } = page.now
    const { selected, lanes } = page
    const row = selected === undefined ? (by > 0 ? -1 : lanes.length) : lanes.indexOf(selected.lane)
    const lane = lanes[Math.min(lanes.length - 1, Math.max(0, row + by))]
    if (lane === undefined) return
    const of = model.lanes[lane]!
    const kind = of.info.isWorlds && view.axis === 0 ? "segments" : "spans"
    const rows = drawing.rowsOf({ lane, kind, pid: 0, index: 0 })
    if (rows.length === 0) return
    const at = selected === undefined ? view.from : model.fromOf(drawing.rowsOf(selected), selected.index, view.axis)
    const index = Math.min(model.firstAfter(rows, view.axis, Number(at) / 1e9 + 1e-9), rows.length - 1)
    reveal({ lane, kind, pid: 0, index })
  }

  const finding = parts.finding(page, { select, show, showLane, showRecord })
  const { filterLanes, filterMessages, searchOn } = finding

  searchBox.addEventListener("keydown", (event) => {
    if (event.key === "Escape") canvas.focus()
    if (event.key === "Enter") searchOn(event.shiftKey ? -1 : 1)
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
    page.cursor = x < gutter() ? undefined : x
    page.now.curves.cursor(page.cursor)
    const hit = page.now.drawing.hit(x, y)
    tip.hidden = hit === undefined
    if (hit !== undefined) {
      const name = page.now.model.lanes[hit.lane]!.info.name
      const { short } = page.now.describe.describe(hit)
      tip.textContent = hit.kind === "messages" ? short : `${name}: ${short}`
      tip.style.left = `${Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8)}px`
      tip.style.top = `${event.clientY + 16}px`
    }
    page.redraw()
  })
  canvas.addEventListener("pointerup", (event) => {
    const { x, y } = placeOf(event)
    if (drag?.moved === false) select(page.now.drawing.hit(x, y))
    drag = undefined
  })
  canvas.addEventListener("pointerleave", () => {
    page.cursor = undefined
    page.now.curves.cursor(undefined)
    tip.hidden = true
    page.redraw()
  })
  canvas.addEventListener("dblclick", (event) => {
    const { x, y } = placeOf(event)
    const hit = page.now.drawing.hit(x, y)
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
    const x = event.clientX - little.getBoundingClientRect().left - gutter()
    setFrom(begin(), x / room() * whole() - view.length / 2)
    page.redraw()
  }
  little.addEventListener("pointerdown", jump)
  little.addEventListener("pointermove", jump)

  const setAxis = (axis: 0 | 1) => {
    const wasWhole = view.length >= whole() * 0.999
    const hit = page.selected
    view.axis = axis
    element("simulated").setAttribute("aria-pressed", String(axis === 0))
    element("real").setAttribute("aria-pressed", String(axis === 1))
    document.documentElement.dataset["axis"] = axis === 0 ? "simulated" : "real"
    if (wasWhole || hit === undefined || hit.kind === "segments") fit()
    else reveal(hit, true)
  }
  const TABS = ["timeline", "sequence", "waits"] as const
  const setTab = (tab: Page["tab"]) => {
    page.tab = tab
    for (const each of TABS) {
      element(`tab-${each}`).setAttribute("aria-selected", String(each === tab))
      element(`tab-${each}`).tabIndex = each === tab ? 0 : -1
      element(each).hidden = each !== tab
    }
    page.render()
    if (page.selected?.kind === "messages" && tab === "sequence") page.now.sequence.reveal(page.selected.index)
  }
  const setTheme = () => {
    const dark = getComputedStyle(document.documentElement).colorScheme.includes("dark")
    document.documentElement.dataset["theme"] = dark ? "light" : "dark"
    page.readTheme()
  }
  const help = element<HTMLDialogElement>("help")
  const KEYS: { readonly [key: string]: () => void } = {
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
    Enter: () => page.selected !== undefined && reveal(page.selected, true),
    Escape: () => select(undefined),
    t: () => setAxis(view.axis === 0 ? 1 : 0),
    "1": () => setTab("timeline"),
    "2": () => setTab("sequence"),
    "3": () => setTab("waits"),
    "/": () => searchBox.focus(),
    "?": () => help.showModal(),
  }
  document.addEventListener("keydown", (event) => {
    const { target } = event
    if (target instanceof HTMLInputElement && target.type !== "checkbox" || target instanceof HTMLSelectElement) return
    if (event.ctrlKey || event.metaKey || help.open) return
    if (
      (target instanceof HTMLButtonElement || target instanceof HTMLElement && target.tagName === "SUMMARY") &&
      event.key === "Enter"
    ) return
    if (
      target instanceof HTMLElement && target.closest("[role=tablist]") !== null &&
      /^Arrow(Left|Right)$/.test(event.key)
    ) {
      const at = (TABS.indexOf(page.tab) + (event.key === "ArrowRight" ? 1 : 2)) % 3
      setTab(TABS[at]!)
      return element(`tab-${TABS[at]!}`).focus()
    }
    const action = KEYS[event.key]
    if (action === undefined) return
    event.preventDefault()
    action()
  })
  const BUTTONS: { readonly [id: string]: () => void } = {
    simulated: () => setAxis(0),
    real: () => setAxis(1),
    in: () => zoom(0.6),
    out: () => zoom(1 / 0.6),
    fit,
    theme: setTheme,
    keys: () => help.showModal(),
    next: () => searchOn(1),
    previous: () => searchOn(-1),
  }
  for (const [id, action] of Object.entries(BUTTONS)) element(id).addEventListener("click", action)
  for (const tab of TABS) element(`tab-${tab}`).addEventListener("click", () => setTab(tab))
  const isOn = (id: string): boolean => element<HTMLInputElement>(id).checked
  page.shown = () => ({
    handlers: isOn("show-handlers"),
    marks: isOn("show-marks"),
    messages: isOn("show-messages"),
    protocol: isOn("show-protocol"),
  })
  for (const name of ["handlers", "marks", "messages", "protocol"]) {
    element(`show-${name}`).addEventListener("change", page.redraw)
  }
  element("show-calendar").addEventListener("change", filterLanes)
  element("filter").addEventListener("input", filterLanes)
  for (const id of ["link", "kind", "only-lost"]) element(id).addEventListener("change", filterMessages)
  element("text").addEventListener("input", filterMessages)
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", page.readTheme)
  // Only one menu is open, and none when something else is used.
  document.addEventListener("pointerdown", ({ target }) => {
    for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu")) {
      if (!menu.contains(target as globalThis.Node)) menu.open = false
    }
  })
  let width = 0
  new ResizeObserver(() => {
    if (canvas.clientWidth !== width) page.now.curves.rebuild(page.theme)
    width = canvas.clientWidth
    scroll(0)
    page.redraw()
  }).observe(canvas)

  /** The calendar of a world says nothing that its guests don't. */
  let hasWorlds = false
  const hideCalendar = () => {
    if (hasWorlds || !page.now.model.lanes.some(({ info }) => info.isWorlds)) return
    hasWorlds = true
    element<HTMLInputElement>("show-calendar").checked = false
  }

  return {
    begin: () => {
      hideCalendar()
      finding.offer()
      filterLanes()
      select(undefined)
      setAxis(0)
      fit()
      page.redraw()
      canvas.focus({ preventScroll: true })
    },
    grown: () => {
      hideCalendar()
      finding.offer()
      finding.filterLanes()
      if (isWhole) fit()
      if (page.tab === "timeline" && page.selected === undefined) showSummary()
      page.redraw()
    },
  }
}
