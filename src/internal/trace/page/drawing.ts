/**
 * Draws the timeline on a canvas, and finds what is at a point of it.
 *
 * @module
 */
import type { Arrows, Filter } from "./arrows.ts"
import type { Bars, Shown, Theme } from "./bars.ts"
import type { Labels } from "./labels.ts"
import type { Layout, Place, View } from "./layout.ts"
import type { Model, Rows } from "./model.ts"
import type { Times } from "./times.ts"

/** Something in the picture: a row of one of a lane's tables, or a message. */
export interface Hit {
  readonly lane: number
  readonly kind: "spans" | "acts" | "instants" | "segments" | "messages"
  /** Of segments, whose they are. */
  readonly pid: number
  readonly index: number
}

/** What the page can do with a canvas. */
export interface Drawing {
  readonly rowsOf: (hit: Hit) => Rows
  readonly draw: (
    context: CanvasRenderingContext2D,
    size: { readonly width: number; readonly height: number },
    view: View,
    shown: Shown,
    theme: Theme,
    lanes: ReadonlyArray<number>,
    filter: Filter,
    selected: Hit | undefined,
    cursor: number | undefined,
  ) => void
  /** What is at a point, if there is anything, as it was drawn last. */
  readonly hit: (x: number, y: number) => Hit | undefined
  /** Where lanes were drawn last, and how high all of them are. */
  readonly placed: () => { readonly places: ReadonlyArray<Place>; readonly height: number }
}

/** Is put into the page as it is: it must not use anything from outside. */
export function drawing(
  model: Model,
  times: Times,
  layout: Layout,
  bars: Bars,
  arrows: Arrows,
  labels: Labels,
): Drawing {
  const GUTTER = layout.gutter
  const AXIS = layout.axisHeight
  const FONT = "12px system-ui, sans-serif"
  let last: { view: View; shown: Shown; places: ReadonlyArray<Place>; height: number; width: number } | undefined

  const rowsOf: Drawing["rowsOf"] = ({ lane, kind, pid }) => {
    if (kind === "messages") return model.messages
    const of = model.lanes[lane]!
    return kind === "segments" ? of.segments[pid]! : of[kind]
  }

  const drawAxis = (
    context: CanvasRenderingContext2D,
    view: View,
    size: { readonly width: number; readonly height: number },
    theme: Theme,
  ): void => {
    const scale = layout.scaleOf(view, size.width)
    const { base, ticks } = times.ticks(view.from, view.length, (size.width - GUTTER) / 110)
    context.fillStyle = theme["background"]!
    context.fillRect(0, 0, size.width, AXIS)
    const name = base === "" ? (view.axis === 0 ? "simulated time" : "real time") : base
    labels.put(context, name, 12, 17, GUTTER - 16, theme["muted"]!)
    for (const { at, label: text } of ticks) {
      const x = Math.round(scale.xOf(at)) + 0.5
      if (x < GUTTER) continue
      context.fillStyle = theme["grid"]!
      context.fillRect(x - 0.5, AXIS - 6, 1, size.height)
      labels.put(context, text, x + 4, 17, Math.max(0, size.width - x - 6), theme["text"]!)
    }
    context.fillStyle = theme["grid"]!
    context.fillRect(0, AXIS - 1, size.width, 1)
  }

  const name = (
    context: CanvasRenderingContext2D,
    { model: { info }, bar, barHeight, processes, signs }: Place,
    theme: Theme,
  ) => {
    const middle = bar + barHeight / 2 + 4
    context.font = `600 ${FONT}`
    labels.put(context, info.name, 10, middle, GUTTER - 16, theme["text"]!)
    context.font = FONT
    if (signs === undefined) return
    for (const { pid, y, height } of processes) {
      labels.put(context, info.processes[pid] ?? "", 22, y + height - 2, GUTTER - 28, theme["muted"]!)
    }
  }

  const drawDifference = (
    context: CanvasRenderingContext2D,
    view: View,
    size: { width: number; height: number },
    theme: Theme,
  ) => {
    const { difference } = model.data
    if (difference === undefined || view.axis === 1) return
    const x = layout.scaleOf(view, size.width).xOf(BigInt(difference.at))
    if (x < GUTTER || x > size.width) return
    context.strokeStyle = theme["again"]!
    context.lineWidth = 2
    context.setLineDash([7, 4])
    context.beginPath()
    context.moveTo(x, AXIS)
    context.lineTo(x, size.height)
    context.stroke()
    context.setLineDash([])
    labels.put(context, "first difference", x + 5, size.height - 6, 200, theme["againText"]!)
  }

  const drawSelected = (
    context: CanvasRenderingContext2D,
    hit: Hit,
    places: ReadonlyArray<Place>,
    view: View,
    width: number,
    theme: Theme,
  ) => {
    const place = places.find(({ lane }) => lane === hit.lane)
    if (place === undefined || hit.kind === "messages") return
    const scale = layout.scaleOf(view, width)
    const rows = rowsOf(hit)
    const left = scale.begins(rows, hit.index)
    context.strokeStyle = theme["selection"]!
    context.lineWidth = 2
    if (hit.kind === "acts" || hit.kind === "instants") {
      const isHold = hit.kind === "acts" && model.get(rows, hit.index, "what") === 3
      if (!isHold) return context.strokeRect(left - 8, (place.signs ?? place.bar) - 8, 16, 16)
    }
    const own = hit.kind === "segments" && hit.pid > 0 ? place.processes.find(({ pid }) => pid === hit.pid) : undefined
    const [y, height] = own === undefined ? [place.bar, place.barHeight] : [own.y, own.height]
    context.strokeRect(left, y - 1, Math.max(3, scale.ends(rows, hit.index) - left), height + 2)
  }

  const draw: Drawing["draw"] = (context, size, view, shown, theme, lanes, filter, selected, cursor) => {
    const { width, height } = size
    const scale = layout.scaleOf(view, width)
    labels.clear()
    context.font = FONT
    context.textAlign = "left"
    context.globalAlpha = 1
    context.fillStyle = theme["background"]!
    context.fillRect(0, 0, width, height)
    const placed = layout.placesOf(lanes, height, view.top)
    const places = placed.places
    const visible = places.filter(({ top, height: own }) => top < height && top + own > 0)
    last = { view: { ...view }, shown, places, height: placed.height, width }
    for (const { lane, top, height: own, model: { info } } of visible) {
      if (selected?.lane !== lane && info.kind !== "calendar") continue
      context.fillStyle = theme[selected?.lane === lane ? "selectedLane" : "panel"]!
      context.fillRect(0, top, width, own)
    }
    drawAxis(context, view, size, theme)
    context.save()
    context.beginPath()
    context.rect(GUTTER, AXIS, width - GUTTER, height - AXIS)
    context.clip()
    // Arrows end at bars, and so below them.
    if (shown.messages) {
      const message = selected?.kind === "messages" ? selected.index : undefined
      arrows.draw(context, places, view, scale, theme, labels, filter, message)
    }
    for (const place of visible) bars.draw({ context, view, scale, theme, labels }, place, shown)
    if (shown.messages) arrows.drawFlows(context, places, view, scale, theme, shown.protocol)
    drawDifference(context, view, size, theme)
    if (selected !== undefined) drawSelected(context, selected, places, view, width, theme)
    if (cursor !== undefined) {
      context.fillStyle = theme["muted"]!
      context.fillRect(Math.round(cursor), AXIS, 1, height)
    }
    context.restore()
    context.save()
    context.beginPath()
    context.rect(0, AXIS, GUTTER, height - AXIS)
    context.clip()
    for (const place of visible) name(context, place, theme)
    context.restore()
    context.fillStyle = theme["grid"]!
    context.fillRect(GUTTER - 1, AXIS, 1, height)
    for (const { top } of visible.slice(1)) context.fillRect(0, Math.round(top), GUTTER, 1)
  }

  /** The row that is at a time, or nearest to it within some pixels. */
  const rowAt = (
    rows: Rows,
    x: number,
    view: View,
    width: number,
    near: number,
    fits: (index: number) => boolean,
  ): number => {
    const scale = layout.scaleOf(view, width)
    let best = -1
    let distance = Infinity
    const seconds = scale.seconds + (x - GUTTER - near) / scale.pixels / 1e9
    for (
      let at = model.firstAfter(rows, view.axis, seconds), steps = 0;
      at < rows.length && steps < 4000;
      at++, steps++
    ) {
      const left = scale.begins(rows, at)
      if (left > x + near) break
      if (!fits(at)) continue
      const right = scale.ends(rows, at)
      const away = x < left ? left - x : x > right ? x - right : 0
      if (away <= distance && away <= near) {
        best = at
        distance = away
      }
    }
    return best
  }

  const hit: Drawing["hit"] = (x, y) => {
    if (last === undefined || x < GUTTER || y < AXIS) return undefined
    const { view, shown, places, width } = last
    const place = places.find(({ top, height }) => y >= top && y < top + height)
    const found = (kind: Hit["kind"], pid: number, index: number): Hit | undefined =>
      index < 0 || place === undefined ? undefined : { lane: place.lane, kind, pid, index }
    if (place !== undefined) {
      const { model: lane, signs, bar, barHeight, processes } = place
      if (signs !== undefined && Math.abs(y - signs) < 10) {
        const instant = rowAt(lane.instants, x, view, width, 8, () => true)
        if (instant >= 0) return found("instants", 0, instant)
        if (shown.handlers && !lane.info.isWorlds) {
          const act = rowAt(lane.acts, x, view, width, 7, (at) => model.get(lane.acts, at, "what") !== 3)
          if (act >= 0) return found("acts", 0, act)
        }
      }
      if (y >= bar - 1 && y <= bar + barHeight + 1) {
        const hold = rowAt(lane.acts, x, view, width, 2, (at) => model.get(lane.acts, at, "what") === 3)
        if (hold >= 0) return found("acts", 0, hold)
        if (lane.segments.length > 0 && view.axis === 0) {
          const segment = rowAt(lane.segments[0]!, x, view, width, 2, () => true)
          if (segment >= 0) return found("segments", 0, segment)
        } else return found("spans", 0, rowAt(lane.spans, x, view, width, 2, () => true))
      }
      for (const { pid, y: top, height } of processes) {
        if (y >= top - 1 && y <= top + height) {
          return found("segments", pid, rowAt(lane.segments[pid]!, x, view, width, 2, () => true))
        }
      }
    }
    const message = shown.messages ? arrows.at(x, y) : undefined
    if (message === undefined) return undefined
    return { lane: model.get(model.messages, message, "lane"), kind: "messages", pid: 0, index: message }
  }

  return { rowsOf, draw, hit, placed: () => last ?? { places: [], height: 0 } }
}
