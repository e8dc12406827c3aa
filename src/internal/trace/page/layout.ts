/**
 * Where lanes and their parts stand in the picture, and where times do.
 *
 * @module
 */
import type { Axis, LaneModel, Model, Rows } from "./model.ts"

/** What is to be seen: so many ns from a time on, on one of the two axes. */
export interface View {
  axis: Axis
  from: bigint
  /** The part of a ns by which it begins later. */
  fraction: number
  length: number
  /** What has been scrolled past at the top, in pixels. */
  top: number
}

/** A lane in the picture. */
export interface Place {
  readonly lane: number
  readonly model: LaneModel
  readonly top: number
  readonly height: number
  /** Where names and signs stand, above the bar; nothing, where there is no room for that. */
  readonly signs: number | undefined
  readonly bar: number
  readonly barHeight: number
  /** The bars of its processes but the program's, below that. */
  readonly processes: ReadonlyArray<{ readonly pid: number; readonly y: number; readonly height: number }>
}

/** From times to pixels. */
export interface Scale {
  readonly width: number
  /** Where the view begins, in seconds. */
  readonly seconds: number
  readonly begins: (rows: Rows, index: number) => number
  readonly ends: (rows: Rows, index: number) => number
  readonly xOf: (time: bigint) => number
  /** Pixels a ns. */
  readonly pixels: number
}

/** Where things stand. */
export interface Layout {
  readonly gutter: number
  readonly axisHeight: number
  readonly scaleOf: (view: View, width: number) => Scale
  /** Where these lanes stand in a picture so high, and how high they are all together. */
  readonly placesOf: (
    lanes: ReadonlyArray<number>,
    height: number,
    top: number,
  ) => { readonly places: ReadonlyArray<Place>; readonly height: number }
}

/** Is put into the page as it is: it must not use anything from outside. */
export function layout(model: Model): Layout {
  const GUTTER = 132
  const AXIS = 26
  const BILLION = 1_000_000_000n
  /** A lane is so high at least. */
  const LEAST = 16

  /** Exact wherever something is in sight. */
  const scaleOf: Layout["scaleOf"] = (view, width) => {
    const seconds = Number(view.from / BILLION)
    const nanos = Number(view.from % BILLION) + view.fraction
    const pixels = (width - GUTTER) / view.length
    const { axis } = view
    return {
      width,
      seconds: seconds + nanos / 1e9,
      pixels,
      begins: (rows, index) => {
        const column = rows.from[axis]
        const id = rows.ids[index]!
        return GUTTER + ((column.seconds[id]! - seconds) * 1e9 + (column.nanos[id]! - nanos)) * pixels
      },
      ends: (rows, index) => {
        const column = rows.to[axis]
        const id = rows.ids[index]!
        return GUTTER + ((column.seconds[id]! - seconds) * 1e9 + (column.nanos[id]! - nanos)) * pixels
      },
      xOf: (time) => GUTTER + (Number(time - view.from) - view.fraction) * pixels,
    }
  }

  const placesOf: Layout["placesOf"] = (lanes, height, top) => {
    const room = Math.max(LEAST, height - AXIS)
    // As high as what is in them; what is left is between them, for messages.
    const wanted = Math.max(LEAST, Math.min(46, Math.floor(room / Math.max(1, lanes.length))))
    const others = (lane: number): number => Math.max(0, model.lanes[lane]!.segments.length - 1)
    const contents = lanes.map((lane) => wanted < 34 ? wanted : wanted + Math.min(12, others(lane)) * 15)
    const all = contents.reduce((sum, each) => sum + each, 0)
    const free = Math.max(0, room - all)
    // Below the last one there is nothing for messages to go to.
    const gap = lanes.length > 1 ? Math.min(260, free / (lanes.length - 1)) : 0
    let y = AXIS - top
    const places = lanes.map((lane, row): Place => {
      const isLow = wanted < 34
      const barHeight = isLow ? Math.max(5, Math.min(12, wanted - 8)) : 16
      const bar = isLow ? y + Math.floor((wanted - barHeight) / 2) : y + 24
      const place: Place = {
        lane,
        model: model.lanes[lane]!,
        top: y,
        height: contents[row]! + (row < lanes.length - 1 ? gap : 0),
        signs: isLow ? undefined : y + 13,
        bar,
        barHeight,
        processes: isLow ? [] : Array.from({ length: Math.min(12, others(lane)) }, (_, at) => ({
          pid: at + 1,
          y: bar + barHeight + 3 + at * 15,
          height: 12,
        })),
      }
      y += place.height
      return place
    })
    return { places, height: all + gap * Math.max(0, lanes.length - 1) + AXIS }
  }

  return { gutter: GUTTER, axisHeight: AXIS, scaleOf, placesOf }
}
