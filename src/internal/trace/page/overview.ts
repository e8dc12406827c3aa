/**
 * Draws the whole trace in little, and which part of it is seen.
 *
 * @module
 */
import type { Bars, Theme } from "./bars.ts"
import type { Layout, View } from "./layout.ts"
import type { Model, Rows } from "./model.ts"

/** Draws on a canvas of this size. */
export type Overview = (
  context: CanvasRenderingContext2D,
  size: { readonly width: number; readonly height: number },
  view: View,
  theme: Theme,
  lanes: ReadonlyArray<number>,
) => void

/** Is put into the page as it is: it must not use anything from outside but what a page has. */
export function overview(model: Model, layout: Layout, bars: Bars): Overview {
  const LEFT = layout.gutter
  /** What doesn't change with the view is drawn once. */
  const picture = document.createElement("canvas")
  let drawn = ""

  const drawAll = (
    context: CanvasRenderingContext2D,
    width: number,
    height: number,
    view: View,
    theme: Theme,
    lanes: ReadonlyArray<number>,
  ) => {
    const room = Math.max(1, Math.floor(width - LEFT))
    const perLane = (height - 6) / Math.max(1, lanes.length)
    context.fillStyle = theme["background"]!
    context.fillRect(0, 0, width, height)
    context.font = "12px system-ui, sans-serif"
    context.fillStyle = theme["muted"]!
    context.fillText("all of it", 10, height / 2 + 4)
    const scale = layout.scaleOf(view, width)
    lanes.forEach((index, row) => {
      const lane = model.lanes[index]!
      const isOwn = lane.info.isWorlds && view.axis === 0 && lane.segments.length > 0
      const shares = new Map<string, Float64Array>()
      const add = (rows: Rows, weight: number): void => {
        for (let at = 0; at < rows.length; at++) {
          const look = isOwn ? bars.lookOfSegment(rows, at) : bars.lookOfSpan(rows, at, view.axis)
          if (look.colour === "wait" || look.colour === "others") continue
          let share = shares.get(look.colour)
          if (share === undefined) shares.set(look.colour, share = new Float64Array(room + 2))
          const [left, right] = [scale.begins(rows, at) - LEFT, scale.ends(rows, at) - LEFT]
          for (let pixel = Math.max(0, Math.floor(left)); pixel < Math.min(room, right); pixel++) {
            share[pixel]! += (Math.min(right, pixel + 1) - Math.max(left, pixel)) * weight
          }
        }
      }
      if (isOwn) { for (const rows of lane.segments) add(rows, 1 / lane.segments.length) }
      else add(lane.spans, 1)
      const top = 3 + row * perLane
      for (const [colour, share] of shares) {
        context.fillStyle = theme[colour]!
        for (let pixel = 0; pixel < room; pixel++) {
          const tall = Math.min(1, share[pixel]!)
          if (tall < 0.02) continue
          // A lane may be no more than a pixel high: then it is as dark as it is busy.
          context.globalAlpha = perLane < 6 ? Math.max(0.25, tall) : 1
          const high = perLane < 6 ? Math.max(1, perLane - 0.3) : tall * (perLane - 1)
          context.fillRect(LEFT + pixel, top + perLane - high, 1, high)
        }
      }
    })
    messages(context, room, height, scale, theme)
    context.globalAlpha = 1
  }

  /** How many messages were sent, and where some were lost. */
  const messages = (
    context: CanvasRenderingContext2D,
    room: number,
    height: number,
    scale: ReturnType<Layout["scaleOf"]>,
    theme: Theme,
  ) => {
    const counts = new Float64Array(room + 1)
    const lost = new Float64Array(room + 1)
    const rows = model.messages
    for (let at = 0; at < rows.length; at++) {
      const pixel = Math.floor(scale.begins(rows, at) - LEFT)
      if (pixel < 0 || pixel > room) continue
      counts[pixel]! += 1
      if (model.textOf(rows, at, "lost") !== "") lost[pixel]! += 1
    }
    const most = counts.reduce((most, each) => Math.max(most, each), 1)
    for (let pixel = 0; pixel <= room; pixel++) {
      if (counts[pixel]! > 0) {
        context.globalAlpha = 0.55
        context.fillStyle = theme["message"]!
        const tall = Math.max(1, counts[pixel]! / most * (height - 8) * 0.6)
        context.fillRect(LEFT + pixel, height - 2 - tall, 1, tall)
      }
      if (lost[pixel]! > 0) {
        context.globalAlpha = 1
        context.fillStyle = theme["lost"]!
        context.fillRect(LEFT + pixel, height - 5, 2, 5)
      }
    }
  }

  return (context, { width, height }, view, theme, lanes) => {
    const [begin, end] = [model.begin[view.axis], model.end[view.axis]]
    const length = Math.max(1, Number(end - begin) * 1.01)
    const room = width - LEFT
    const wanted = [view.axis, context.canvas.width, context.canvas.height, theme["background"], ...lanes].join(" ")
    if (wanted !== drawn) {
      drawn = wanted
      picture.width = context.canvas.width
      picture.height = context.canvas.height
      const copy = picture.getContext("2d")!
      copy.setTransform(context.getTransform())
      drawAll(copy, width, height, { axis: view.axis, from: begin, fraction: 0, length, top: 0 }, theme, lanes)
    }
    context.drawImage(picture, 0, 0, width, height)
    const left = LEFT + Number(view.from - begin) / length * room
    const wide = Math.max(3, view.length / length * room)
    context.fillStyle = theme["veil"]!
    for (const [x, end] of [[LEFT, left], [left + wide, width]] as const) context.fillRect(x, 0, end - x, height)
    context.strokeStyle = theme["selection"]!
    context.lineWidth = 2
    context.strokeRect(left, 1, wide, height - 2)
  }
}
