/**
 * Splits input into lines, in bounded memory.
 *
 * @module
 */

/** The longest line, in characters. */
export const LONGEST_LINE = 4096

/** A line that is longer than {@link LONGEST_LINE}: its beginning. The rest is forgotten. */
export interface LongLine {
  readonly begins: string
}

/** How much of a line that is too long is shown. */
const SHOWN = 40

/** Takes a text apart at the ends of its lines, `\n` or `\r\n`. */
export class Lines {
  #begun = ""
  #isTooLong = false

  /** The lines that end in `piece`. One that is too long comes once, when that is known. */
  take(piece: string): ReadonlyArray<string | LongLine> {
    const found: Array<string | LongLine> = []
    let from = 0
    for (let to = piece.indexOf("\n"); to >= 0; to = piece.indexOf("\n", from)) {
      this.#add(piece.slice(from, to), found)
      if (!this.#isTooLong) found.push(this.#begun.replace(/\r$/, ""))
      this.#begun = ""
      this.#isTooLong = false
      from = to + 1
    }
    this.#add(piece.slice(from), found)
    return found
  }

  /** What came after the last end of a line, when no more comes. */
  end(): ReadonlyArray<string> {
    const last = this.#begun
    this.#begun = ""
    return last === "" ? [] : [last]
  }

  #add(text: string, found: Array<string | LongLine>): void {
    if (this.#isTooLong) return
    this.#begun += text
    if (this.#begun.length <= LONGEST_LINE) return
    found.push({ begins: this.#begun.slice(0, SHOWN) })
    this.#begun = ""
    this.#isTooLong = true
  }
}
