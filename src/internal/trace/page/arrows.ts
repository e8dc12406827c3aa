/**
 * Draws messages from their sending to their arrival: lost ones end in a cross, copies fork, and those that were sent
 * again are thick.
 *
 * @module
 */
import type { Theme } from "./bars.ts"
import type { Bins } from "./bins.ts"
import type { Labels } from "./labels.ts"
import type { Place, Scale, View } from "./layout.ts"
import type { Model } from "./model.ts"

/** A message as it was drawn, in pixels. */
export interface Drawn {
  readonly index: number
  readonly x: number
  readonly y: number
  readonly toX: number
  readonly toY: number
  readonly isLost: boolean
}

/** Which messages are drawn. */
export interface Filter {
  /** Whether a message is among them. */
  readonly shows: (index: number) => boolean
  /** Whether all are. */
  readonly showsAll: boolean
  /** Those that are followed: all others are faint. */
  readonly followed: ReadonlySet<number> | undefined
}

/** Draws messages. */
export interface Arrows {
  readonly drawn: ReadonlyArray<Drawn>
  readonly draw: (
    context: CanvasRenderingContext2D,
    places: ReadonlyArray<Place>,
    view: View,
    scale: Scale,
    theme: Theme,
    labels: Labels,
    filter: Filter,
    selected: number | undefined,
  ) => void
  /** Interrupts, and if they are wanted the messages of the protocol, between lanes. */
  readonly drawFlows: (
    context: CanvasRenderingContext2D,
    places: ReadonlyArray<Place>,
    view: View,
    scale: Scale,
    theme: Theme,
    protocol: boolean,
  ) => void
  /** The message at a point, if there is one. */
  readonly at: (x: number, y: number) => number | undefined
}

/** Is put into the page as it is: it must not use anything from outside. */
export function arrows(model: Model, gutter: number, bins: Bins): Arrows {
  const { messages, flows } = model
  const drawn: Array<Drawn> = []
  /** More than so many a pixel say nothing as lines. */
  const DENSE = 0.6
  const LOST_SHARE = 0.55
  /** More than so many in sight are counted beforehand. */
  const MANY = 6000
  const AT_SENDER = ["queue full", "unplugged"]
  /** Where they are dense, so many pixels have a column of how many there are. */
  const BIN = 3

  const placeOf = (places: ReadonlyArray<Place>): Array<Place | undefined> => {
    const found: Array<Place | undefined> = []
    for (const place of places) found[place.lane] = place
    return found
  }

  const isLost = (index: number): boolean => model.textOf(messages, index, "lost") !== ""

  const lineOf = (index: number, from: Place, to: Place, scale: Scale): Drawn => {
    const x = scale.begins(messages, index)
    const down = to.top > from.top
    const y = down ? from.bar + from.barHeight : from.bar
    const endY = down ? to.bar : to.bar + to.barHeight
    const lost = isLost(index)
    const isOnItsWay = (model.get(messages, index, "flags") & 1) !== 0
    if (!lost || !isOnItsWay) return { index, x, y, toX: scale.ends(messages, index), toY: endY, isLost: lost }
    // One that never left is lost at its sender; of others nobody knows where: on their way, at the speed of the rest.
    const share = AT_SENDER.includes(model.textOf(messages, index, "lost")) ? 0.12 : LOST_SHARE
    const delay = model.delayOf(from.lane, to.lane) * scale.pixels * share
    return { index, x, y, toX: x + Math.max(6, delay), toY: y + (endY - y) * share, isLost: true }
  }

  const crosses = (
    context: CanvasRenderingContext2D,
    points: ReadonlyArray<readonly [x: number, y: number]>,
    size: number,
    theme: Theme,
  ): void => {
    context.strokeStyle = theme["lost"]!
    context.lineWidth = 2.5
    context.setLineDash([])
    context.beginPath()
    for (const [x, y] of points) {
      context.moveTo(x - size, y - size)
      context.lineTo(x + size, y + size)
      context.moveTo(x - size, y + size)
      context.lineTo(x + size, y - size)
    }
    context.stroke()
  }

  const head = (context: CanvasRenderingContext2D, { x, y, toX, toY }: Drawn): void => {
    const length = Math.hypot(toX - x, toY - y)
    if (length < 12) return
    const [along, across] = [(toX - x) / length, (toY - y) / length]
    context.beginPath()
    context.moveTo(toX, toY)
    context.lineTo(toX - 8 * along - 3.5 * across, toY - 8 * across + 3.5 * along)
    context.lineTo(toX - 8 * along + 3.5 * across, toY - 8 * across - 3.5 * along)
    context.fill()
  }

  /** A lane, and whether what is counted there is lost: as a number. */
  const keyOf = (lane: number, isLost: boolean): number => lane * 2 + (isLost ? 1 : 0)

  /** How many were sent and arrived in each column of pixels, by lane; and how many of those that were sent are lost. */
  const countsOf = (
    seen: ReadonlyArray<number> | undefined,
    view: View,
    scale: Scale,
    until: number,
  ): ReadonlyMap<number, Float32Array> => {
    const columns = Math.ceil((scale.width - gutter) / BIN)
    const { lane, toLane } = messages.table.numbers
    const tell = (index: number, at: (key: number, isEnd: boolean) => void): void => {
      const id = messages.ids[index]!
      const from = lane!.values[id]!
      at(keyOf(from, false), false)
      if (isLost(index)) at(keyOf(from, true), false)
      else at(keyOf(toLane!.values[id]!, false), true)
    }
    const counts = new Map<number, Float32Array>()
    const rowOf = (key: number): Float32Array => {
      let row = counts.get(key)
      if (row === undefined) counts.set(key, row = new Float32Array(columns))
      return row
    }
    if (seen !== undefined) {
      for (const index of seen) {
        tell(index, (key, isEnd) => {
          const x = isEnd ? scale.ends(messages, index) : scale.begins(messages, index)
          if (x >= gutter && x < scale.width) rowOf(key)[Math.floor((x - gutter) / BIN)]! += 1
        })
      }
      return counts
    }
    const binned = bins.counted<number>(messages, view.axis, model.lanes.length, tell)
    const [first, last] = bins.rangeOf(binned, view.axis, scale.seconds, until)
    const perColumn = (last - first) / columns
    for (const [key, all] of binned.by) {
      const row = rowOf(key)
      for (let column = 0; column < columns; column++) {
        const begin = Math.max(0, Math.floor(first + column * perColumn))
        const end = Math.min(binned.bins + 1, Math.max(begin + 1, Math.floor(first + (column + 1) * perColumn)))
        for (let bin = begin; bin < end; bin++) row[column]! += all[bin]!
      }
    }
    return counts
  }

  /** How many were sent and arrived, below the bars; and where some were lost. */
  const density = (
    context: CanvasRenderingContext2D,
    places: ReadonlyArray<Place | undefined>,
    counts: ReadonlyMap<number, Float32Array>,
    theme: Theme,
  ): void => {
    for (const [key, row] of counts) {
      const place = places[Math.floor(key / 2)]
      if (place === undefined) continue
      const { bar, barHeight, top, height } = place
      if (key % 2 === 1) continue
      const room = Math.min(90, Math.max(3, (top + height - bar - barHeight - 4) * 0.6))
      const most = row.reduce((most, each) => Math.max(most, each), 1)
      context.fillStyle = theme["message"]!
      context.globalAlpha = 0.7
      const tallOf = (column: number): number => {
        const count = row[column] ?? 0
        return count === 0 ? 0 : Math.max(2, Math.round(count / most * room))
      }
      for (let column = 0, from = 0; column < row.length; column++) {
        if (tallOf(column + 1) === tallOf(column) && column + 1 < row.length) continue
        const tall = tallOf(column)
        if (tall > 0) context.fillRect(gutter + from * BIN, bar + barHeight + 1, (column + 1 - from) * BIN, tall)
        from = column + 1
      }
      context.globalAlpha = 1
    }
    for (const [key, row] of counts) {
      const place = places[Math.floor(key / 2)]
      if (place === undefined || key % 2 === 0) continue
      const { bar, barHeight, top, height } = place
      const size = Math.min(4, barHeight / 2)
      const y = Math.min(bar + barHeight + 8, top + height - size)
      let last = -Infinity
      const points: Array<readonly [number, number]> = []
      for (const [column, count] of row.entries()) {
        const x = gutter + column * BIN
        if (count === 0 || x - last < 9) continue
        last = x
        points.push([x, y])
      }
      crosses(context, points, size, theme)
    }
  }

  const draw: Arrows["draw"] = (context, places, view, scale, theme, labels, filter, selected) => {
    drawn.length = 0
    const byLane = placeOf(places)
    const until = scale.seconds + (scale.width - gutter) / scale.pixels / 1e9
    // Between many lanes there is room for more.
    const most = (scale.width - gutter) * DENSE * Math.max(1, Math.min(10, places.length / 2))
    const seen: Array<number> = []
    const isMany = filter.showsAll && bins.count(messages, view.axis, scale.seconds, until) > Math.max(most, MANY)
    if (!isMany) {
      for (let at = model.firstAfter(messages, view.axis, scale.seconds); at < messages.length; at++) {
        const x = scale.begins(messages, at)
        if (x > scale.width) break
        if (byLane[model.get(messages, at, "lane")] === undefined) continue
        if (byLane[model.get(messages, at, "toLane")] === undefined) continue
        if (filter.shows(at)) seen.push(at)
      }
    } else if (filter.followed !== undefined) seen.push(...filter.followed)
    const followed = filter.followed
    const isDense = isMany || seen.length > most
    if (isDense) density(context, byLane, countsOf(isMany ? undefined : seen, view, scale, until), theme)
    const shown = isDense ? seen.filter((index) => index === selected || followed?.has(index)) : seen
    for (const index of shown) {
      const [from, to] = [byLane[model.get(messages, index, "lane")]!, byLane[model.get(messages, index, "toLane")]!]
      drawn.push(lineOf(index, from, to, scale))
    }
    const wordy = shown.length < 220
    if (shown.length > 400 && followed === undefined) return together(context, theme)
    for (const line of drawn) {
      const { index, x, y, toX, toY } = line
      const again = model.get(messages, index, "again") > 0
      const flags = model.get(messages, index, "flags")
      const isFollowed = followed === undefined || followed.has(index)
      context.globalAlpha = index === selected ? 1 : isFollowed ? shown.length > 300 ? 0.6 : 0.9 : 0.15
      context.strokeStyle =
        context.fillStyle =
          theme[line.isLost ? "lost" : again ? "again" : index === selected ? "selection" : "message"]!
      context.lineWidth = index === selected ? 3 : again ? 2.5 : 1.25
      context.setLineDash(line.isLost ? [5, 4] : (flags & 2) !== 0 ? [2, 3] : [])
      context.beginPath()
      context.moveTo(x, y)
      context.lineTo(toX, toY)
      context.stroke()
      context.setLineDash([])
      if (isFollowed) context.globalAlpha = 1
      if (line.isLost) crosses(context, [[toX, toY]], 5, theme)
      else if (wordy || index === selected) head(context, line)
      context.globalAlpha = 1
    }
    if (wordy) words(context, labels, theme, filter)
  }

  /** Very many: those that look the same in one stroke. */
  const together = (context: CanvasRenderingContext2D, theme: Theme): void => {
    const isAgain = ({ index }: Drawn): boolean => model.get(messages, index, "again") > 0
    for (
      const [colour, width, lines] of [
        ["message", 1, drawn.filter((line) => !line.isLost && !isAgain(line))],
        ["again", 2, drawn.filter((line) => !line.isLost && isAgain(line))],
        ["lost", 1, drawn.filter(({ isLost }) => isLost)],
      ] as const
    ) {
      context.strokeStyle = theme[colour]!
      context.globalAlpha = colour === "message" ? 0.6 : 1
      context.lineWidth = width
      context.beginPath()
      for (const { x, y, toX, toY } of lines) {
        context.moveTo(x, y)
        context.lineTo(toX, toY)
      }
      context.stroke()
    }
    context.globalAlpha = 1
    crosses(context, drawn.filter(({ isLost }) => isLost).map(({ toX, toY }) => [toX, toY] as const), 3, theme)
  }

  /** What they are: first of those that are lost or sent again, then of the others. */
  const words = (context: CanvasRenderingContext2D, labels: Labels, theme: Theme, { followed }: Filter): void => {
    const rank = ({ index, isLost }: Drawn): number =>
      followed?.has(index) === true ? -1 : isLost ? 0 : model.get(messages, index, "again") > 0 ? 1 : 2
    for (const line of [...drawn].sort((a, b) => rank(a) - rank(b) || a.index - b.index)) {
      const { index, x, y, toX, toY } = line
      if (followed !== undefined && !followed.has(index)) continue
      const down = toY > y
      const flags = model.get(messages, index, "flags")
      const what = model.brief(index)
      const text = line.isLost
        ? `${what} lost: ${model.textOf(messages, index, "lost")}`
        : model.get(messages, index, "again") > 0
        ? `${what} again`
        : (flags & 2) !== 0
        ? `${what} (copy)`
        : what
      const colour = theme[line.isLost ? "lostText" : model.get(messages, index, "again") > 0 ? "againText" : "muted"]!
      // Beside its cross, or else along the line, where there is room.
      const shares = line.isLost ? [1, 0.6] : [0.2, 0.45, 0.7]
      for (const share of shares) {
        const [at, level] = [x + (toX - x) * share + 7, y + (toY - y) * share + (down ? 4 : 6)]
        if (at < gutter || at > context.canvas.clientWidth - 30) continue
        if (labels.put(context, text, at, level, 240, colour, theme["background"])) break
      }
    }
  }

  const drawFlows: Arrows["drawFlows"] = (context, places, view, scale, theme, protocol) => {
    const byLane = placeOf(places)
    const seen: Array<number> = []
    const start = view.axis === 1 ? 0 : model.firstAfter(flows, 0, scale.seconds)
    for (let at = start; at < flows.length; at++) {
      const isInterrupt = model.get(flows, at, "what") === 0
      if (!isInterrupt && !protocol) continue
      const x = scale.begins(flows, at)
      if (x > scale.width && view.axis === 0) break
      if (Math.max(x, scale.ends(flows, at)) < gutter || x > scale.width) continue
      seen.push(at)
      // A fog of lines says nothing.
      if (seen.length > (scale.width - gutter) * 2) return
    }
    for (const index of seen) {
      const from = byLane[model.get(flows, index, "lane")]
      const to = byLane[model.get(flows, index, "toLane")]
      if (from === undefined || to === undefined) continue
      const isInterrupt = model.get(flows, index, "what") === 0
      const down = to.top > from.top
      context.strokeStyle = theme[isInterrupt ? "interrupt" : "flow"]!
      context.globalAlpha = isInterrupt ? 0.85 : 0.35
      context.lineWidth = isInterrupt ? 1.5 : 1
      context.beginPath()
      context.moveTo(scale.begins(flows, index), down ? from.bar + from.barHeight : from.bar)
      context.lineTo(scale.ends(flows, index), down ? (to.signs ?? to.bar) - 5 : to.bar + to.barHeight)
      context.stroke()
      context.globalAlpha = 1
    }
  }

  const at: Arrows["at"] = (px, py) => {
    let best: { index: number; distance: number } | undefined
    for (const { index, x, y, toX, toY } of drawn) {
      const [dx, dy] = [toX - x, toY - y]
      const along = Math.max(0, Math.min(1, ((px - x) * dx + (py - y) * dy) / (dx * dx + dy * dy || 1)))
      const distance = Math.hypot(px - x - dx * along, py - y - dy * along)
      if (distance < 6 && (best === undefined || distance < best.distance)) best = { index, distance }
    }
    return best?.index
  }

  return { drawn, draw, drawFlows, at }
}
