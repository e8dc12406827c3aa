/**
 * Draws what guests, their processes and calendars did, as bars and signs.
 *
 * @module
 */
import type { Bins } from "./bins.ts"
import type { Labels } from "./labels.ts"
import type { Place, Scale, View } from "./layout.ts"
import type { Model, Rows } from "./model.ts"

/** Colours by name. */
export type Theme = { readonly [name: string]: string }

/** What a bar looks like: its colour, the share of its height, and its texture. */
export interface Look {
  readonly colour: string
  readonly height: number
  readonly texture: "none" | "upright" | "slanted"
}

/** What is shown. */
export interface Shown {
  readonly handlers: boolean
  readonly marks: boolean
  readonly messages: boolean
  readonly protocol: boolean
}

/** What is drawn on, and how. */
export interface Board {
  readonly context: CanvasRenderingContext2D
  readonly view: View
  readonly scale: Scale
  readonly theme: Theme
  readonly labels: Labels
}

/** Draws bars and signs. */
export interface Bars {
  readonly lookOfSpan: (rows: Rows, index: number, axis: 0 | 1) => Look
  readonly lookOfSegment: (rows: Rows, index: number) => Look
  readonly draw: (board: Board, place: Place, shown: Shown) => void
}

/** Is put into the page as it is: it must not use anything from outside. */
export function bars(model: Model, gutter: number, bins: Bins): Bars {
  const STATES = 8
  /** More rows than this in sight are drawn as what they come to. */
  const MANY = 3000
  /** Then so many pixels have a column. */
  const COLUMN = 2
  /** Signs that are closer than this stand for each other. */
  const APART = 9

  const lookOfSpan: Bars["lookOfSpan"] = (rows, index, axis) => {
    const what = model.get(rows, index, "what")
    if (what === 4) return { colour: "turn", height: 0.8, texture: "none" }
    if (axis === 1) {
      if (model.get(rows, index, "own") === 1) return { colour: "run", height: 1, texture: "none" }
      if (what !== 3) return { colour: "others", height: 0.6, texture: "upright" }
    }
    if (what === 3) return { colour: "wait", height: 0.3, texture: "none" }
    return {
      colour: what === 0 ? "run" : what === 2 ? "free" : "busy",
      height: 1,
      texture: what === 2 ? "upright" : "none",
    }
  }

  const lookOfSegment: Bars["lookOfSegment"] = (rows, index) => {
    const state = model.states.get(model.get(rows, index, "state"))
    const waits = model.get(rows, index, "what")
    const height = waits === 2 ? 0.3 : 1
    if (state !== undefined) {
      return {
        colour: `state${state % STATES}`,
        height: 1,
        texture: state % (2 * STATES) >= STATES ? "slanted" : "none",
      }
    }
    if (waits === 3) return { colour: "blocked", height: 0.7, texture: "slanted" }
    if (waits === 1) {
      const isHold = model.textOf(rows, index, "name").includes("hold")
      return { colour: isHold ? "busy" : "wait", height: isHold ? 1 : 0.3, texture: "none" }
    }
    return { colour: waits === 2 ? "wait" : "run", height, texture: "none" }
  }

  const texture = (
    { context, theme }: Board,
    kind: Look["texture"],
    x: number,
    y: number,
    width: number,
    height: number,
  ): void => {
    if (kind === "none" || width < 5) return
    context.save()
    context.beginPath()
    context.rect(x, y, width, height)
    context.clip()
    context.strokeStyle = theme["texture"]!
    context.lineWidth = 1.5
    context.beginPath()
    for (let at = x - (kind === "slanted" ? height : 0) + 3; at < x + width; at += 6) {
      context.moveTo(at, y + height)
      context.lineTo(kind === "slanted" ? at + height : at, y)
    }
    context.stroke()
    context.restore()
  }

  /** Rows of which there are many in each pixel: the shares of their looks. */
  const many = (
    { context, view, scale, theme }: Board,
    rows: Rows,
    y: number,
    height: number,
    lookOf: (index: number) => Look,
    until: number,
  ): void => {
    const heights = new Map<string, number>()
    const binned = bins.covered(rows, view.axis, (index) => {
      const look = lookOf(index)
      heights.set(look.colour, look.height)
      return look.colour
    })
    const [first, last] = bins.rangeOf(binned, view.axis, scale.seconds, until)
    const perPixel = (last - first) / (scale.width - gutter)
    const looks = [...binned.by].map(([colour, shares]) => ({
      colour,
      shares,
      height: heights.get(colour) ?? (colour === "wait" ? 0.3 : 1),
    })).sort((a, b) => b.height - a.height)
    // Columns that are the same are one rectangle: to fill one takes most of the time.
    const runs = looks.map(() => ({ from: gutter, top: 0, bottom: 0 }))
    const end = (look: number, x: number, top: number, bottom: number): void => {
      const run = runs[look]!
      if (run.top === top && run.bottom === bottom) return
      if (run.bottom > run.top) {
        context.fillStyle = theme[looks[look]!.colour]!
        context.fillRect(run.from, run.top, x - run.from, run.bottom - run.top)
      }
      run.from = x
      run.top = top
      run.bottom = bottom
    }
    for (let x = gutter; x < scale.width; x += COLUMN) {
      const begin = Math.max(0, Math.floor(first + (x - gutter) * perPixel))
      const last = Math.min(binned.bins, Math.max(begin + 1, Math.floor(first + (x + COLUMN - gutter) * perPixel)))
      let level = 0
      for (const [look, { shares, height: share }] of looks.entries()) {
        let sum = 0
        for (let bin = begin; bin < last; bin++) sum += shares[bin]!
        const from = level
        level += Math.min(1, sum / Math.max(1, last - begin)) * share * height
        end(look, x, Math.round(y + height - level), Math.round(y + height - from))
      }
    }
    for (const look of looks.keys()) end(look, scale.width, 0, 0)
  }

  /** Rows that follow each other, as bars; those narrower than a pixel as the share that each look has of it. */
  const row = (
    board: Board,
    rows: Rows,
    y: number,
    height: number,
    lookOf: (index: number) => Look,
    textOf: (index: number) => string,
  ): void => {
    const { context, view, scale, theme, labels } = board
    const bottom = y + height
    const shares = new Map<string, { look: Look; share: number }>()
    const until = scale.seconds + (scale.width - gutter) / scale.pixels / 1e9
    if (bins.count(rows, view.axis, scale.seconds, until) > Math.min(MANY, scale.width - gutter)) {
      return many(board, rows, y, height, lookOf, until)
    }
    let pixel = -1
    const flush = () => {
      let from = bottom
      for (const { look, share } of [...shares.values()].sort((a, b) => b.look.height - a.look.height)) {
        const tall = Math.min(1, share) * look.height * height
        if (tall < 0.4) continue
        context.fillStyle = theme[look.colour]!
        context.fillRect(pixel, from - tall, 1, tall)
        from -= tall
      }
      shares.clear()
      pixel = -1
    }
    /** What several that follow each other have in common is said once. */
    let said: { readonly text: string; readonly left: number; right: number } | undefined
    const say = () => {
      if (said === undefined || said.right - said.left < 26) return
      const { text, left, right } = said
      labels.put(context, text, left + 4, bottom - Math.max(2, (height - 9) / 2), right - left - 8, theme["onBar"]!)
    }
    for (let at = model.firstAfter(rows, view.axis, scale.seconds); at < rows.length; at++) {
      const left = Math.max(scale.begins(rows, at), gutter)
      if (left > scale.width) break
      const right = Math.min(scale.ends(rows, at), scale.width + 1)
      if (right <= left) continue
      const look = lookOf(at)
      if (right - left < 1.5) {
        const column = Math.floor(left)
        if (column !== pixel) flush()
        pixel = column
        const text = textOf(at)
        if (said?.text === text && left - said.right < 2) said.right = right
        const key = look.colour
        const share = shares.get(key)
        if (share === undefined) shares.set(key, { look, share: right - left })
        else share.share += right - left
        continue
      }
      flush()
      const tall = look.height * height
      context.fillStyle = theme[look.colour]!
      context.fillRect(left, bottom - tall, right - left, tall)
      texture(board, look.texture, left, bottom - tall, right - left, tall)
      if (height < 11 || look.height < 0.65) continue
      const text = textOf(at)
      if (said !== undefined && said.text === text && left - said.right < 2) said.right = right
      else {
        say()
        said = { text, left, right }
      }
    }
    flush()
    say()
  }

  /** A mark is a diamond, an interrupt points down, a handler is a tick, and what is wrong a disc. */
  const sign = ({ context, theme }: Board, kind: string, x: number, y: number): void => {
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

  /** Signs of one kind: a sign with its name, where there is room; where they are dense, how many there are. */
  const signs = (
    board: Board,
    rows: Rows,
    kind: string,
    isKind: (index: number) => boolean,
    y: number,
    named: Array<() => void>,
  ): void => {
    const { context, view, scale, theme, labels } = board
    const until = scale.seconds + (scale.width - gutter) / scale.pixels / 1e9
    const isMany = bins.count(rows, view.axis, scale.seconds, until) > MANY * 4
    let cell = -1
    let count = 0
    let first = -1
    const flush = () => {
      if (count === 0) return
      const x = scale.begins(rows, first)
      if (count <= 2) {
        sign(board, kind, x, y)
        labels.block(x - 6, y - 7, 12, 14)
        const text = model.textOf(rows, first, "name")
        named.push(() => void labels.put(context, text, x + 8, y + 4, 160, theme["text"]!))
      } else {
        const tall = Math.min(14, 3 + 3 * Math.log2(count))
        context.fillStyle = theme[kind]!
        context.globalAlpha = 0.75
        context.fillRect(gutter + cell * APART, y + 7 - tall, APART - 1, tall)
        context.globalAlpha = 1
      }
      count = 0
    }
    for (let at = model.firstAfter(rows, view.axis, scale.seconds); at < rows.length; at++) {
      const x = scale.begins(rows, at)
      if (x > scale.width) break
      if (x < gutter - 1 || !isKind(at)) continue
      const column = Math.floor((x - gutter) / APART)
      // Of very many, the first of each column say enough.
      if (isMany && column === cell && count > 32) {
        at = Math.max(
          at,
          model.firstAfter(rows, view.axis, scale.seconds + (column + 1) * APART / scale.pixels / 1e9) - 1,
        )
        continue
      }
      if (column !== cell) flush()
      cell = column
      if (count++ === 0) first = at
    }
    flush()
  }

  /** Holds, over all that is done meanwhile: simulated time stands still. */
  const holds = (board: Board, { model: { acts }, bar, barHeight }: Place): void => {
    const { context, view, scale, theme, labels } = board
    for (let at = model.firstAfter(acts, view.axis, scale.seconds); at < acts.length; at++) {
      if (model.get(acts, at, "what") !== 3) continue
      const left = scale.begins(acts, at)
      if (left > scale.width) break
      const from = Math.max(left, gutter)
      const right = Math.max(scale.ends(acts, at), left + 3)
      if (right <= from) continue
      context.fillStyle = theme["held"]!
      context.fillRect(from, bar, right - from, barHeight)
      texture(board, "slanted", from, bar, right - from, barHeight)
      labels.put(context, model.textOf(acts, at, "name"), from + 4, bar + barHeight - 4, right - from - 8, "#221a00")
    }
  }

  const draw: Bars["draw"] = (board, place, shown) => {
    const { context, view, scale, theme } = board
    const { model: lane, bar, barHeight, processes } = place
    const { info, spans, segments } = lane
    const isOwn = info.isWorlds && view.axis === 0 && segments.length > 0
    if (isOwn) {
      const textOf = (rows: Rows) => (index: number): string =>
        model.textOf(rows, index, "state") || model.textOf(rows, index, "name")
      // What arrows end at, also where what is done has less than its height.
      context.fillStyle = theme["track"]!
      context.fillRect(gutter, bar, scale.width - gutter, barHeight)
      for (const { pid, y, height } of [{ pid: 0, y: bar, height: barHeight }, ...processes]) {
        const rows = segments[pid]!
        row(board, rows, y, height, (at) => lookOfSegment(rows, at), textOf(rows))
      }
    } else {
      const lookOf = (index: number): Look => lookOfSpan(spans, index, view.axis)
      const isCalendar = info.kind === "calendar"
      const textOf = (index: number): string => isCalendar ? model.textOf(spans, index, "name") : ""
      row(board, spans, bar, barHeight, lookOf, textOf)
    }
    holds(board, place)
    if (place.signs === undefined) return
    const named: Array<() => void> = []
    const draws = (rows: Rows, kind: string, codes: ReadonlyArray<number>): void =>
      signs(board, rows, kind, (index) => codes.includes(model.get(rows, index, "what")), place.signs!, named)
    // What arrives at guests of worlds, messages show.
    if (shown.handlers && !info.isWorlds) {
      draws(lane.acts, "handler", [0, 2])
      draws(lane.acts, "interrupt", [1])
    }
    if (shown.marks) draws(lane.instants, "mark", [0])
    draws(lane.instants, "report", [1, 2])
    // Rarer things have their names first.
    for (const put of named.reverse()) put()
  }

  return { lookOfSpan, lookOfSegment, draw }
}
