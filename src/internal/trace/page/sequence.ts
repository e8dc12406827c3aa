/**
 * The sequence view: lanes as columns, time from top to bottom, messages as arrows. Each row is a sending or an arrival,
 * however much time is between them; rows are made of elements, so that they can be gone through by keys and read aloud.
 *
 * @module
 */
import type { Theme } from "./bars.ts"
import type { Describe } from "./details.ts"
import type { Model } from "./model.ts"
import type { Times } from "./times.ts"

/** The sequence view. */
export interface Sequence {
  /** Draws it: of these lanes, and these messages. */
  readonly show: (
    lanes: ReadonlyArray<number>,
    shows: (message: number) => boolean,
    followed: ReadonlySet<number> | undefined,
    selected: number | undefined,
    theme: Theme,
  ) => void
  /** Brings a message into view. */
  readonly reveal: (message: number) => void
  /** How many rows it has. */
  readonly rows: () => number
}

/** Is put into the page as it is: it must not use anything from outside but what a page has. */
export function sequence(
  model: Model,
  times: Times,
  describe: Describe,
  parent: HTMLElement,
  select: (message: number) => void,
): Sequence {
  const ROW = 24
  const TIME = 132
  const { messages } = model
  const canvas = document.createElement("canvas")
  const head = document.createElement("div")
  const spacer = document.createElement("div")
  const body = document.createElement("div")
  head.className = "sequence-head"
  spacer.className = "sequence-space"
  body.className = "sequence-rows"
  body.setAttribute("role", "list")
  body.setAttribute("aria-label", "Messages in the order of time")
  spacer.append(canvas, body)
  parent.append(head, spacer)

  /** A sending, or an arrival of one. */
  interface Row {
    readonly message: number
    readonly isArrival: boolean
    readonly at: bigint
  }
  let rows: ReadonlyArray<Row> = []
  let rowOf = new Map<number, readonly [number, number]>()
  let columns = new Map<number, number>()
  let shownLanes: ReadonlyArray<number> = []
  let theme: Theme = {}
  let selected: number | undefined
  let followed: ReadonlySet<number> | undefined
  let key = ""

  const isLost = (message: number): boolean => model.textOf(messages, message, "lost") !== ""
  const isOnItsWay = (message: number): boolean => (model.get(messages, message, "flags") & 1) !== 0

  const xOf = (lane: number): number => {
    const width = Math.max(1, parent.clientWidth - TIME - 24)
    return TIME + width * (columns.get(lane)! + 0.5) / Math.max(1, shownLanes.length)
  }

  const line = (context: CanvasRenderingContext2D, message: number, top: number): void => {
    const [begin, end] = rowOf.get(message)!
    const [from, to] = [xOf(model.get(messages, message, "lane")), xOf(model.get(messages, message, "toLane"))]
    const lost = isLost(message)
    const share = lost && isOnItsWay(message) ? 0.55 : 1
    const y = begin * ROW - top + ROW / 2
    const toX = from + (to - from) * share
    const toY = (end === begin ? begin * ROW + 10 : end * ROW) - top + ROW / 2
    const again = model.get(messages, message, "again") > 0
    const colour = theme[lost ? "lost" : again ? "again" : message === selected ? "selection" : "message"]!
    context.globalAlpha = followed === undefined || followed.has(message) ? 1 : 0.2
    context.strokeStyle = context.fillStyle = colour
    context.lineWidth = message === selected ? 3 : again ? 2.5 : 1.5
    context.setLineDash(lost ? [5, 4] : (model.get(messages, message, "flags") & 2) !== 0 ? [2, 3] : [])
    context.beginPath()
    context.moveTo(from, y)
    context.lineTo(toX, toY)
    context.stroke()
    context.setLineDash([])
    const length = Math.hypot(toX - from, toY - y)
    context.beginPath()
    if (lost) {
      for (const side of [-5, 5]) {
        context.moveTo(toX - 5, toY - side)
        context.lineTo(toX + 5, toY + side)
      }
      context.lineWidth = 2.5
      context.stroke()
    } else if (length > 0) {
      const [along, across] = [(toX - from) / length, (toY - y) / length]
      context.moveTo(toX, toY)
      context.lineTo(toX - 9 * along - 4 * across, toY - 9 * across + 4 * along)
      context.lineTo(toX - 9 * along + 4 * across, toY - 9 * across - 4 * along)
      context.fill()
    }
    context.globalAlpha = 1
  }

  const paint = () => {
    const height = parent.clientHeight - head.offsetHeight
    const width = parent.clientWidth
    const top = Math.max(0, parent.scrollTop)
    const ratio = globalThis.devicePixelRatio || 1
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(Math.max(1, height) * ratio)
    canvas.style.width = `${width}px`
    canvas.style.height = `${Math.max(1, height)}px`
    canvas.style.transform = `translateY(${top}px)`
    const context = canvas.getContext("2d")!
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.font = "12px system-ui, sans-serif"
    for (const lane of shownLanes) {
      context.fillStyle = theme["grid"]!
      context.fillRect(Math.round(xOf(lane)) - 1, 0, 2, height)
    }
    const [first, last] = [
      Math.max(0, Math.floor(top / ROW) - 1),
      Math.min(rows.length, Math.ceil((top + height) / ROW) + 1),
    ]
    // Also those whose ends are out of sight.
    const seen = new Set<number>()
    for (let row = Math.max(0, first - 300); row < Math.min(rows.length, last + 300); row++) {
      seen.add(rows[row]!.message)
    }
    for (const message of seen) {
      const [begin, end] = rowOf.get(message)!
      if (Math.max(begin, end) >= first && Math.min(begin, end) <= last) line(context, message, top)
    }
    const elements: Array<HTMLElement> = []
    for (let row = first; row < last; row++) {
      const { message, isArrival, at } = rows[row]!
      const element = document.createElement("div")
      element.className = "sequence-row"
      element.setAttribute("role", "listitem")
      element.tabIndex = message === selected && !isArrival ? 0 : -1
      element.dataset["row"] = String(row)
      element.style.top = `${row * ROW}px`
      if (message === selected) element.setAttribute("aria-current", "true")
      element.setAttribute("aria-label", isArrival ? `${describe.line(message)} arrives` : describe.line(message))
      const time = document.createElement("span")
      time.className = "sequence-time"
      time.textContent = row > 0 && rows[row - 1]!.at === at && row > first ? "″" : times.format(at)
      element.append(time)
      if (!isArrival) {
        const text = document.createElement("span")
        text.className = "sequence-text"
        const [from, to] = [xOf(model.get(messages, message, "lane")), xOf(model.get(messages, message, "toLane"))]
        const lost = model.textOf(messages, message, "lost")
        text.textContent = model.brief(message) + (lost === "" ? "" : ` lost: ${lost}`) +
          (model.get(messages, message, "again") > 0 ? " again" : "")
        text.style.color =
          theme[lost !== "" ? "lostText" : model.get(messages, message, "again") > 0 ? "againText" : "text"]!
        const room = Math.abs(to - from) - 20
        text.style.maxWidth = `${Math.max(60, room)}px`
        if (to > from) text.style.left = `${from + 10}px`
        else text.style.right = `${parent.clientWidth - from + 10}px`
        if (followed !== undefined && !followed.has(message)) text.style.opacity = "0.3"
        element.append(text)
      }
      elements.push(element)
    }
    const focused = (document.activeElement as HTMLElement | null)?.dataset?.["row"]
    body.replaceChildren(...elements)
    if (focused !== undefined) {
      body.querySelector<HTMLElement>(`[data-row="${focused}"]`)?.focus({ preventScroll: true })
    }
  }

  parent.addEventListener("scroll", () => requestAnimationFrame(paint))
  body.addEventListener("click", (event) => {
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-row]")?.dataset["row"]
    if (row !== undefined) select(rows[Number(row)]!.message)
  })
  body.addEventListener("keydown", (event) => {
    const row = Number((event.target as HTMLElement).dataset["row"])
    const to = event.key === "ArrowDown" ? row + 1 : event.key === "ArrowUp" ? row - 1 : row
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp" && event.key !== "Enter") return
    event.preventDefault()
    event.stopPropagation()
    const { message } = rows[Math.min(rows.length - 1, Math.max(0, to))]!
    if (to * ROW < parent.scrollTop) parent.scrollTop -= ROW
    if ((to + 2) * ROW > parent.scrollTop + parent.clientHeight - head.offsetHeight) parent.scrollTop += ROW
    select(message)
    requestAnimationFrame(() => body.querySelector<HTMLElement>(`[data-row="${to}"]`)?.focus({ preventScroll: true }))
  })
  new ResizeObserver(() => parent.hidden || paint()).observe(parent)

  return {
    rows: () => rows.length,
    reveal: (message) => {
      const row = rowOf.get(message)?.[0]
      if (row === undefined) return
      const [top, height] = [row * ROW, parent.clientHeight - head.offsetHeight]
      if (top < parent.scrollTop || top > parent.scrollTop + height - 2 * ROW) parent.scrollTop = top - height / 3
    },
    show: (lanes, shows, follow, which, colours) => {
      theme = colours
      selected = which
      followed = follow
      // Those without messages are no columns.
      const used = new Set<number>()
      const shown: Array<number> = []
      for (let at = 0; at < messages.length; at++) {
        const [from, to] = [model.get(messages, at, "lane"), model.get(messages, at, "toLane")]
        if (!shows(at) || !lanes.includes(from) || !lanes.includes(to)) continue
        used.add(from)
        used.add(to)
        shown.push(at)
      }
      const wanted = `${shown.length} ${shown[0]} ${shown.at(-1)} ${lanes.join(" ")} ${[...used].join(" ")}`
      if (wanted !== key) {
        key = wanted
        shownLanes = lanes.filter((lane) => used.has(lane))
        columns = new Map(shownLanes.map((lane, column) => [lane, column]))
        const made: Array<Row> = []
        for (const message of shown) {
          made.push({ message, isArrival: false, at: model.fromOf(messages, message, 0) })
          if (!isLost(message) && !isOnItsWay(message)) {
            made.push({ message, isArrival: true, at: model.toOf(messages, message, 0) })
          }
        }
        made.sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : a.message - b.message)
        rows = made
        rowOf = new Map()
        rows.forEach(({ message, isArrival }, row) => {
          const known = rowOf.get(message)
          rowOf.set(message, isArrival ? [known?.[0] ?? row, row] : [row, row])
        })
      }
      head.replaceChildren(...shownLanes.map((lane) => {
        const name = document.createElement("span")
        name.textContent = model.lanes[lane]!.info.name
        name.style.left = `${xOf(lane)}px`
        name.style.maxWidth = `${Math.max(30, (parent.clientWidth - TIME) / shownLanes.length - 6)}px`
        return name
      }))
      spacer.style.height = `${Math.max(1, rows.length * ROW)}px`
      paint()
    },
  }
}
