/**
 * Draws the whole trace in little, and which part of it is seen.
 *
 * @module
 */
import type { Drawing, Theme, View } from "./drawing.ts"
import type { Model } from "./model.ts"

/** Draws on a canvas of this size. */
export type Overview = (
  context: CanvasRenderingContext2D,
  size: { readonly width: number; readonly height: number },
  view: View,
  theme: Theme,
  lanes: ReadonlyArray<number>,
) => void

/** Is put into the page as it is: it must not use anything from outside but what a page has. */
export function overview(model: Model, drawing: Drawing): Overview {
  const LEFT = drawing.gutter
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
    const room = width - LEFT
    const perLane = (height - 6) / Math.max(1, lanes.length)
    context.fillStyle = theme["background"]!
    context.fillRect(0, 0, width, height)
    context.font = "12px system-ui, sans-serif"
    context.fillStyle = theme["muted"]!
    context.textAlign = "right"
    context.fillText("all of it", LEFT - 10, height / 2 + 4)
    const scale = drawing.scaleOf(view, width)
    lanes.forEach((index, row) => {
      const lane = model.lanes[index]!
      const { spans } = lane
      const [from, to] = [spans.from[view.axis], spans.to[view.axis]]
      const shares = new Float64Array(room + 2)
      for (let at = 0; at < spans.length; at++) {
        const [name] = drawing.lookOf(lane, at, view.axis)
        if (name === "wait" || name === "others") continue
        const [left, right] = [scale.x(from, at) - LEFT, scale.x(to, at) - LEFT]
        for (let pixel = Math.max(0, Math.floor(left)); pixel < Math.min(room, right); pixel++) {
          shares[pixel]! += Math.min(right, pixel + 1) - Math.max(left, pixel)
        }
      }
      context.fillStyle = theme[lane.kind === "calendar" ? "turn" : view.axis === 1 ? "run" : "busy"]!
      for (let pixel = 0; pixel < room; pixel++) {
        const tall = Math.min(1, shares[pixel]!) * (perLane - 1)
        if (tall > 0) context.fillRect(LEFT + pixel, 3 + (row + 1) * perLane - tall - 1, 1, tall)
      }
    })
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
