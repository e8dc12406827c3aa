/**
 * Texts in a picture, none of which covers another.
 *
 * @module
 */

/** Where a text stands, in pixels. */
export interface Label {
  readonly text: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Places texts. */
export interface Labels {
  /** Those that have been placed since it was cleared. */
  readonly placed: Array<Label>
  readonly clear: () => void
  /** Keeps a place free of texts. */
  readonly block: (x: number, y: number, width: number, height: number) => void
  /**
   * Draws a text whose baseline begins there, if it covers no other: as much of it as fits into `room` pixels, or nothing
   * if that is less than 3 characters of a longer one. With a halo of another colour, where there are lines behind it.
   */
  readonly put: (
    context: CanvasRenderingContext2D,
    text: string,
    x: number,
    y: number,
    room: number,
    colour: string,
    halo?: string,
  ) => boolean
}

/** Is put into the page as it is: it must not use anything from outside. */
export function labels(): Labels {
  const CELL = 64
  const HEIGHT = 14
  const placed: Array<Label> = []
  const cells = new Map<string, Array<Label>>()
  const widths = new Map<string, number>()

  const cellsOf = ({ x, y, width, height }: Label): ReadonlyArray<string> => {
    const found: Array<string> = []
    for (let column = Math.floor(x / CELL); column <= Math.floor((x + width) / CELL); column++) {
      for (let row = Math.floor(y / CELL); row <= Math.floor((y + height) / CELL); row++) found.push(`${column} ${row}`)
    }
    return found
  }
  const covers = (a: Label, b: Label): boolean =>
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
  const isFree = (label: Label): boolean =>
    cellsOf(label).every((cell) => cells.get(cell)?.every((other) => !covers(label, other)) !== false)
  const keep = (label: Label): void => {
    for (const cell of cellsOf(label)) {
      const there = cells.get(cell)
      if (there === undefined) cells.set(cell, [label])
      else there.push(label)
    }
  }
  const widthOf = (context: CanvasRenderingContext2D, text: string): number => {
    const key = `${context.font} ${text}`
    let width = widths.get(key)
    if (width === undefined) {
      if (widths.size > 20_000) widths.clear()
      widths.set(key, width = context.measureText(text).width)
    }
    return width
  }

  return {
    placed,
    clear: () => {
      placed.length = 0
      cells.clear()
    },
    block: (x, y, width, height) => keep({ text: "", x, y, width, height }),
    put: (context, text, x, y, room, colour, halo) => {
      if (text === "" || room < 12) return false
      let shown = text
      let width = widthOf(context, shown)
      while (width > room && shown.length > 1) {
        shown = `${shown.slice(0, Math.max(0, Math.min(shown.length - 2, Math.floor(shown.length * room / width))))}…`
        width = widthOf(context, shown)
      }
      if (width > room || shown !== text && shown.length < 4) return false
      const label = { text: shown, x, y: y - HEIGHT + 3, width: width + 4, height: HEIGHT }
      if (!isFree(label)) return false
      keep(label)
      placed.push(label)
      if (halo !== undefined) {
        context.strokeStyle = halo
        context.lineWidth = 4
        context.lineJoin = "round"
        context.strokeText(shown, x, y)
      }
      context.fillStyle = colour
      context.fillText(shown, x, y)
      return true
    },
  }
}
