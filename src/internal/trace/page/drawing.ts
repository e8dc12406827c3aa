/**
 * Draws a timeline on a canvas, and finds what is at a point of it.
 *
 * @module
 */
import type { LaneModel, Model } from "./model.ts"
import type { TimeColumn, Times } from "./times.ts"

/** What is to be seen: so many ns from a time on, on one of the two axes. */
export interface View {
  axis: 0 | 1
  from: bigint
  /** The part of a ns by which it begins later. */
  fraction: number
  length: number
  /** What has been scrolled past at the top, in pixels. */
  top: number
}

/** What is shown. */
export interface Shown {
  readonly handlers: boolean
  readonly interrupts: boolean
  readonly marks: boolean
  readonly messages: boolean
}

/** Something in the picture. */
export interface Hit {
  readonly lane: number
  readonly kind: "spans" | "acts" | "instants"
  readonly index: number
}

/** Colours by name. */
export type Theme = { readonly [name: string]: string }

/** What the page can do with a canvas. */
export interface Drawing {
  readonly gutter: number
  readonly axisHeight: number
  /** How high a lane is, as it was drawn last. */
  readonly laneHeight: () => number
  readonly draw: (
    context: CanvasRenderingContext2D,
    size: { readonly width: number; readonly height: number },
    view: View,
    shown: Shown,
    theme: Theme,
    lanes: ReadonlyArray<number>,
    selected: Hit | undefined,
    cursor: number | undefined,
  ) => void
  /** What is at a point, if there is anything. */
  readonly hit: (
    width: number,
    view: View,
    shown: Shown,
    lanes: ReadonlyArray<number>,
    x: number,
    y: number,
  ) => Hit | undefined
  /** From times to pixels, for those who draw something else. */
  readonly scaleOf: (view: View, width: number) => Scale
  /** What a span looks like on an axis: its colour, and how much of the bar's height it has. */
  readonly lookOf: (lane: LaneModel, index: number, axis: 0 | 1) => readonly [string, number]
}

/** From times to pixels. */
export interface Scale {
  /** Where the view begins. */
  readonly seconds: number
  readonly nanos: number
  readonly x: (column: TimeColumn, index: number) => number
  readonly xOf: (time: bigint) => number
}

/** Is put into the page as it is: it must not use anything from outside. */
export function drawing(model: Model, times: Times): Drawing {
  const GUTTER = 132
  const AXIS = 30
  /** A lane is so high at least, and at most. */
  const LEAST = 58
  const MOST = 112
  /** Within a lane: where marks stand, and the bar. */
  const MARKS = 16
  const BAR = 26
  let pitch = LEAST
  let bar = LEAST - BAR - 8
  /** How high the bar is while a guest is idle. */
  const THIN = 7
  const RUN = 0
  const WAIT = 3
  const TURN = 4
  const FONT = "12px system-ui, sans-serif"
  const BILLION = 1_000_000_000n

  /** From times to pixels. Exact wherever something is in sight. */
  const scaleOf = (view: View, width: number): Scale => {
    const seconds = Number(view.from / BILLION)
    const nanos = Number(view.from % BILLION) + view.fraction
    const pixels = (width - GUTTER) / view.length
    return {
      seconds,
      nanos: Math.floor(nanos),
      x: (column: TimeColumn, index: number) =>
        GUTTER + ((column.seconds[index]! - seconds) * 1e9 + (column.nanos[index]! - nanos)) * pixels,
      xOf: (time: bigint) => GUTTER + (Number(time - view.from) - view.fraction) * pixels,
    }
  }

  const lookOf: Drawing["lookOf"] = (lane, index, axis) => {
    const what = lane.spans.what[index]!
    if (what === TURN) return ["turn", 0.7]
    if (axis === 1) return lane.own[index] === 1 ? ["run", 1] : what === WAIT ? ["wait", THIN / bar] : ["others", 0.5]
    if (what === WAIT) return ["wait", THIN / bar]
    return [what === RUN ? "run" : what === 2 ? "free" : "busy", 1]
  }

  const drawSpans = (
    context: CanvasRenderingContext2D,
    lane: LaneModel,
    top: number,
    view: View,
    scale: Scale,
    width: number,
    theme: Theme,
  ): void => {
    const { spans } = lane
    const bottom = top + BAR + bar
    const [from, to] = [spans.from[view.axis], spans.to[view.axis]]
    // What is narrower than a pixel adds up to a column of it.
    let column = -1
    const shares = new Map<string, number>()
    const flush = () => {
      if (column < 0) return
      let y = bottom
      // A guest does one thing or the other all the time; a calendar's turns have gaps between them.
      const whole = lane.kind === "calendar" ? 1 : [...shares.values()].reduce((sum, share) => sum + share, 0)
      for (const name of ["run", "busy", "free", "turn", "others"]) {
        const share = Math.min(1, (shares.get(name) ?? 0) / whole) *
          (name === "turn" ? 0.7 : name === "others" ? 0.5 : 1)
        if (share <= 0) continue
        const height = Math.max(1, share * bar)
        context.fillStyle = theme[name]!
        context.fillRect(column, y - height, 1, height)
        y -= height
      }
      if ((shares.get("wait") ?? 0) > 0.05 && y > bottom - THIN) {
        context.fillStyle = theme["wait"]!
        context.fillRect(column, bottom - THIN, 1, y - bottom + THIN)
      }
      shares.clear()
      column = -1
    }
    for (let at = model.firstAfter(spans, view.axis, scale.seconds, scale.nanos); at < spans.length; at++) {
      const left = Math.max(scale.x(from, at), GUTTER)
      if (left > width) break
      const right = Math.min(scale.x(to, at), width + 1)
      if (right <= left) continue
      const [name, height] = lookOf(lane, at, view.axis)
      if (right - left < 1.5) {
        const pixel = Math.floor(left)
        if (pixel !== column) flush()
        column = pixel
        shares.set(name, (shares.get(name) ?? 0) + (right - left))
        continue
      }
      flush()
      context.fillStyle = theme[name]!
      const tall = height * bar
      context.fillRect(left, bottom - tall, right - left, tall)
      if (name === "others" || name === "free") {
        // Told apart by more than colour.
        context.fillStyle = theme["texture"]!
        for (let x = left + 3; x < right - 1; x += 6) context.fillRect(x, bottom - tall, 1.5, tall)
      }
      if (name !== "turn") continue
      // As much of whose turn it is as there is room for.
      let text = spans.name(at)
      while (text !== "" && context.measureText(text).width > right - left - 3) text = text.slice(0, -1)
      context.fillStyle = theme["onTurn"]!
      context.fillText(text, left + 2, bottom - 6)
    }
    flush()
  }

  const label = (
    context: CanvasRenderingContext2D,
    text: string,
    x: number,
    y: number,
    room: number,
    colour: string,
  ): void => {
    let shown = text
    while (shown !== "" && context.measureText(shown).width > room) shown = shown.slice(0, -2)
    if (shown.length < 2 && text.length > 2) return
    context.fillStyle = colour
    context.fillText(shown === text ? text : `${shown.slice(0, -1)}…`, x, y)
  }

  /** An interrupt points down, a handler is a tick, a mark a diamond, and what is wrong a disc. */
  const sign = (context: CanvasRenderingContext2D, kind: string, x: number, y: number, theme: Theme): void => {
    context.fillStyle = theme[kind]!
    context.beginPath()
    if (kind === "interrupt") {
      context.moveTo(x - 5, y - 5)
      context.lineTo(x + 5, y - 5)
      context.lineTo(x, y + 5)
    } else if (kind === "mark") {
      context.moveTo(x, y - 6)
      context.lineTo(x + 5, y)
      context.lineTo(x, y + 6)
      context.lineTo(x - 5, y)
    } else if (kind === "report") context.arc(x, y, 6, 0, 2 * Math.PI)
    else context.rect(x - 1, y - 4, 2, 8)
    context.fill()
    if (kind !== "report") return
    context.fillStyle = theme["background"]!
    context.fillRect(x - 1, y - 4, 2, 5)
    context.fillRect(x - 1, y + 2, 2, 2)
  }

  const kindOf = (items: "acts" | "instants", what: number): string =>
    items === "instants" ? (what === 0 ? "mark" : "report") : what === 1 ? "interrupt" : what === 3 ? "held" : "handler"

  const isShown = (kind: string, shown: Shown): boolean =>
    kind === "handler" ? shown.handlers : kind === "interrupt" ? shown.interrupts : kind === "mark" ? shown.marks : true

  const drawSigns = (
    context: CanvasRenderingContext2D,
    lane: LaneModel,
    top: number,
    view: View,
    shown: Shown,
    scale: Scale,
    width: number,
    theme: Theme,
  ): void => {
    // Rarer things are drawn over those that there are more of.
    for (const wanted of ["handler", "held", "interrupt", "mark", "report"]) {
      if (!isShown(wanted, shown)) continue
      const which = wanted === "mark" || wanted === "report" ? "instants" : "acts"
      const items = lane[which]
      let last = -Infinity
      for (let at = model.firstAfter(items, view.axis, scale.seconds, scale.nanos); at < items.length; at++) {
        if (kindOf(which, items.what[at]!) !== wanted) continue
        const x = scale.x(items.from[view.axis], at)
        if (x > width) break
        if (wanted === "held") {
          const right = Math.max(scale.x(items.to[view.axis], at), x + 3)
          const left = Math.max(x, GUTTER)
          // Over all of what it does: simulated time stands still.
          context.fillStyle = theme["held"]!
          context.fillRect(left, top + BAR, right - left, bar)
          context.fillStyle = theme["texture"]!
          for (let y = top + BAR + 4; y < top + BAR + bar; y += 8) context.fillRect(left, y, right - left, 2)
          if (right - left > 50) label(context, items.name(at), left + 5, top + BAR + 14, right - left - 8, "#221a00")
          continue
        }
        if (x < GUTTER || x - last < 2) continue
        last = x
        sign(context, wanted, x, top + MARKS, theme)
        const room = nextOf(lane, view.axis, items.from[view.axis], at, scale, width) - x - 14
        if (room > 30) label(context, items.name(at), x + 8, top + MARKS + 4, room, theme["muted"]!)
      }
    }
  }

  /** Where the next sign of any kind is, so that names don't run into it. */
  const nextOf = (lane: LaneModel, axis: 0 | 1, from: TimeColumn, at: number, scale: Scale, width: number): number => {
    const x = scale.x(from, at)
    let least = width
    for (const items of [lane.acts, lane.instants]) {
      const first = model.firstAfter(items, axis, from.seconds[at]!, from.nanos[at]!)
      for (let next = first; next < Math.min(first + 8, items.length); next++) {
        const other = scale.x(items.from[axis], next)
        if (other > x + 1 && !(items === lane.acts && items.what[next] === 3)) {
          least = Math.min(least, other)
          break
        }
      }
    }
    return least
  }

  const drawFlows = (
    context: CanvasRenderingContext2D,
    view: View,
    shown: Shown,
    scale: Scale,
    width: number,
    theme: Theme,
    rowOf: ReadonlyMap<number, number>,
    selected: Hit | undefined,
  ): void => {
    const { flows } = model
    const drawn = new Set<string>()
    const seen: Array<{ at: number; x: number; end: number; from: number; to: number }> = []
    const start = view.axis === 1 ? 0 : model.firstAfter(flows, 0, scale.seconds, scale.nanos)
    for (let at = start; at < flows.length; at++) {
      const kind = flows.what[at]!
      if (kind === 0 ? !shown.interrupts : !shown.messages) continue
      const x = scale.x(flows.from[view.axis], at)
      const end = scale.x(flows.to[view.axis], at)
      if (x > width && view.axis === 0) break
      if (Math.max(x, end) < GUTTER || Math.min(x, end) > width) continue
      const [from, to] = [rowOf.get(flows.fromLane[at]!), rowOf.get(flows.toLane[at]!)]
      if (from === undefined || to === undefined) continue
      const key = `${Math.round(x / 2)} ${from} ${to} ${kind}`
      if (drawn.has(key)) continue
      drawn.add(key)
      seen.push({ at, x, end, from, to })
    }
    // A fog of messages says nothing: then only those of the selected lane are drawn.
    const isFog = seen.length > 1500
    for (const { at, x, end, from, to } of seen) {
      const kind = flows.what[at]!
      const isOfSelected = selected !== undefined &&
        (selected.lane === flows.toLane[at] || selected.lane === flows.fromLane[at])
      if (kind !== 0 && isFog && !isOfSelected) continue
      context.strokeStyle = theme[kind === 0 ? "interrupt" : "flow"]!
      context.globalAlpha = kind === 0 ? 0.85 : isOfSelected ? 0.6 : 0.3
      context.lineWidth = kind === 0 ? 1.5 : 1
      const down = to > from
      const bottom = BAR + bar
      const fromY = AXIS + from * pitch - view.top + (down ? bottom : BAR)
      const toY = AXIS + to * pitch - view.top + (down ? (kind === 0 ? MARKS - 6 : BAR) : kind === 0 ? MARKS : bottom)
      context.beginPath()
      context.moveTo(x, fromY)
      context.lineTo(end, toY)
      context.stroke()
      context.globalAlpha = 1
    }
  }

  const drawAxis = (
    context: CanvasRenderingContext2D,
    view: View,
    scale: Scale,
    size: { readonly width: number; readonly height: number },
    theme: Theme,
  ): void => {
    const { base, ticks } = times.ticks(view.from, view.length, (size.width - GUTTER) / 110)
    context.fillStyle = theme["background"]!
    context.fillRect(0, 0, size.width, AXIS)
    context.fillStyle = theme["muted"]!
    context.textAlign = "right"
    context.fillText(base === "" ? (view.axis === 0 ? "simulated time" : "real time") : base, GUTTER - 10, 19)
    context.textAlign = "left"
    for (const { at, label: text } of ticks) {
      const x = Math.round(scale.xOf(at)) + 0.5
      if (x < GUTTER) continue
      context.fillStyle = theme["grid"]!
      context.fillRect(x - 0.5, AXIS - 6, 1, size.height)
      context.fillStyle = theme["text"]!
      if (x + context.measureText(text).width + 4 < size.width) context.fillText(text, x + 4, 19)
    }
    context.fillStyle = theme["grid"]!
    context.fillRect(0, AXIS - 1, size.width, 1)
  }

  const draw: Drawing["draw"] = (context, size, view, shown, theme, lanes, selected, cursor) => {
    const { width, height } = size
    const scale = scaleOf(view, width)
    pitch = Math.round(Math.min(MOST, Math.max(LEAST, (height - AXIS - 8) / Math.max(1, lanes.length))))
    bar = pitch - BAR - 8
    context.font = FONT
    context.textAlign = "left"
    context.fillStyle = theme["background"]!
    context.fillRect(0, 0, width, height)
    const rowOf = new Map(lanes.map((lane, row) => [lane, row]))
    const visible = lanes.flatMap((lane, row) => {
      const top = AXIS + row * pitch - view.top
      return top > height || top + pitch < 0 ? [] : [{ lane, top, model: model.lanes[lane]! }]
    })
    for (const { lane, top, model: { kind } } of visible) {
      if (kind === "calendar" || selected?.lane === lane) {
        context.fillStyle = theme[selected?.lane === lane ? "selectedLane" : "panel"]!
        context.fillRect(0, top, width, pitch)
      }
    }
    drawAxis(context, view, scale, size, theme)
    context.save()
    context.beginPath()
    context.rect(GUTTER, AXIS, width - GUTTER, height - AXIS)
    context.clip()
    for (const { top, model: lane } of visible) drawSpans(context, lane, top, view, scale, width, theme)
    drawFlows(context, view, shown, scale, width, theme, rowOf, selected)
    for (const { top, model: lane } of visible) drawSigns(context, lane, top, view, shown, scale, width, theme)
    if (selected !== undefined) outline(context, view, scale, theme, rowOf, selected)
    if (cursor !== undefined) {
      context.fillStyle = theme["muted"]!
      context.fillRect(cursor, AXIS, 1, height)
    }
    context.restore()
    context.save()
    context.beginPath()
    context.rect(0, AXIS, width, height - AXIS)
    context.clip()
    for (const { top, model: lane } of visible) {
      context.fillStyle = theme["grid"]!
      context.fillRect(0, top + pitch - 1, width, 1)
      context.font = `600 13px system-ui, sans-serif`
      label(context, lane.name, 12, top + pitch / 2 - 3, GUTTER - 20, theme["text"]!)
      context.font = FONT
      const turns = `${lane.turns} ${lane.turns === 1 ? "turn" : "turns"}`
      const about = lane.kind === "calendar" ? turns : lane.turns === 0 ? "on its own" : turns
      label(context, about, 12, top + pitch / 2 + 14, GUTTER - 20, theme["muted"]!)
    }
    context.restore()
  }

  const outline = (
    context: CanvasRenderingContext2D,
    view: View,
    scale: Scale,
    theme: Theme,
    rowOf: ReadonlyMap<number, number>,
    { lane, kind, index }: Hit,
  ): void => {
    const row = rowOf.get(lane)
    if (row === undefined) return
    const items = model.lanes[lane]![kind]
    const top = AXIS + row * pitch - view.top
    const x = scale.x(items.from[view.axis], index)
    const end = Math.max(x + 1, scale.x(items.to[view.axis], index))
    context.strokeStyle = theme["selection"]!
    context.lineWidth = 2
    if (kind === "spans") context.strokeRect(x, top + BAR - 2, end - x, bar + 4)
    else context.strokeRect(x - 8, top + MARKS - 9, 16, 18)
  }

  const hit: Drawing["hit"] = (width, view, shown, lanes, x, y) => {
    const row = Math.floor((y - AXIS + view.top) / pitch)
    const lane = lanes[row]
    if (lane === undefined || y < AXIS || x < GUTTER) return undefined
    const scale = scaleOf(view, width)
    const of = model.lanes[lane]!
    const within = y - AXIS + view.top - row * pitch
    if (within < BAR - 2) {
      let [best, distance]: [Hit | undefined, number] = [undefined, 8]
      for (const kind of ["acts", "instants"] as const) {
        const items = of[kind]
        for (let at = model.firstAfter(items, view.axis, scale.seconds, scale.nanos); at < items.length; at++) {
          const left = scale.x(items.from[view.axis], at)
          if (left > x + 8) break
          if (!isShown(kindOf(kind, items.what[at]!), shown)) continue
          const away = Math.abs(left - x)
          if (away <= distance) [best, distance] = [{ lane, kind, index: at }, away]
        }
      }
      if (best !== undefined) return best
    }
    // A hold is drawn over what the guest does meanwhile.
    const { spans, acts } = of
    for (let at = model.firstAfter(acts, view.axis, scale.seconds, scale.nanos); at < acts.length; at++) {
      const left = scale.x(acts.from[view.axis], at)
      if (left > x) break
      if (acts.what[at] === 3 && x <= Math.max(left + 3, scale.x(acts.to[view.axis], at))) {
        return { lane, kind: "acts", index: at }
      }
    }
    let found: Hit | undefined
    for (let at = model.firstAfter(spans, view.axis, scale.seconds, scale.nanos); at < spans.length; at++) {
      const [left, right] = [scale.x(spans.from[view.axis], at), scale.x(spans.to[view.axis], at)]
      if (left > x + 1) break
      if (right >= x - 1 && right > left) found = { lane, kind: "spans", index: at }
      if (right > x + 1) break
    }
    return found
  }

  return { gutter: GUTTER, axisHeight: AXIS, laneHeight: () => pitch, scaleOf, lookOf, draw, hit }
}
