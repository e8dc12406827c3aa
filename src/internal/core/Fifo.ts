/**
 * A queue: first in, first out.
 *
 * @module
 */

/** As many slots an empty line keeps. */
const KEPT = 64

/**
 * A line, changed in place. An array that is pushed to and shifted from gives its room up whenever it is empty, and makes
 * anew for 17 when it isn't: on a calendar in the same process, that was a sixth of what a turn leaves to be collected.
 */
export class Fifo<A> {
  /** In order of arrival: from `head` to `end`. */
  private readonly items: Array<A | undefined> = []
  private head = 0
  private end = 0

  get size(): number {
    return this.end - this.head
  }

  /** The first one, if there is any, which stays. */
  get first(): A | undefined {
    return this.head === this.end ? undefined : this.items[this.head]
  }

  /** Puts one more at the end: how many there are then. */
  push(item: A): number {
    if (this.end === this.items.length && this.head > this.end / 2) this.moveUp()
    this.items[this.end++] = item
    return this.size
  }

  /** Takes the first one, if there is any. */
  shift(): A | undefined {
    if (this.head === this.end) return undefined
    const item = this.items[this.head]
    // So that what was taken isn't kept.
    this.items[this.head++] = undefined
    if (this.head === this.end) {
      this.head = this.end = 0
      if (this.items.length > KEPT) this.items.length = 0
    }
    return item
  }

  /** Takes all. */
  drain(): Array<A> {
    const all = this.items.slice(this.head, this.end) as Array<A>
    this.items.length = this.head = this.end = 0
    return all
  }

  /** Puts one before all others, which stay in order; `nth` is counted from 0. */
  bringForward(nth: number): void {
    const chosen = this.head + nth
    const item = this.items[chosen]
    this.items.copyWithin(this.head + 1, this.head, chosen)
    this.items[this.head] = item
  }

  /** What never is empty doesn't grow for ever. */
  private moveUp(): void {
    const { items, head, end, size } = this
    items.copyWithin(0, head, end).fill(undefined, size)
    this.head = 0
    this.end = size
  }
}
