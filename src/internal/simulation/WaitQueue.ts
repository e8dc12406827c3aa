/**
 * A waiting line: lower priorities first, and first come, first served among equals.
 *
 * @module
 */

/** What a line orders by. */
export interface Ranked {
  /** Lower goes first. */
  readonly priority: number
  /** Among equals, lower goes first: given by the line that it joins first. */
  sequence: number
}

/** A line, changed in place. Most join at its end and leave at its head, and cost no more the longer it is. */
export class WaitQueue<A extends Ranked> {
  #items: Array<A> = []
  /** Where the first is in the array: an array's own `shift` may take as long as the array is. */
  #head = 0
  #nextSequence = 1

  get size(): number {
    return this.#items.length - this.#head
  }

  get first(): A | undefined {
    return this.#items[this.#head]
  }

  /** Gives an item its place among its equals: behind all that have one. */
  number(item: A): void {
    if (item.sequence === 0) item.sequence = this.#nextSequence++
  }

  /** Joins the line. What was in it before goes where it was, before those who came later. */
  add(item: A): void {
    this.number(item)
    const items = this.#items
    const last = items[items.length - 1]
    if (this.size === 0 || last === undefined || isBefore(last, item)) items.push(item)
    else items.splice(this.#placeOf(item), 0, item)
  }

  /** Leaves the line; whether it was there. */
  remove(item: A): boolean {
    const at = this.#placeOf(item)
    if (this.#items[at] !== item) return false
    if (at === this.#head) this.shift()
    else this.#items.splice(at, 1)
    return true
  }

  /** Takes the first. */
  shift(): A | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#head++
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** The first that this is true of, in order. */
  find(isIt: (item: A) => boolean): A | undefined {
    for (let at = this.#head; at < this.#items.length; at++) {
      const item = this.#items[at]!
      if (isIt(item)) return item
    }
    return undefined
  }

  /** All of them as they are now, in order. */
  all(): ReadonlyArray<A> {
    return this.#items.slice(this.#head)
  }

  /** Where an item is, or would be. */
  #placeOf(item: A): number {
    let [low, high] = [this.#head, this.#items.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isBefore(this.#items[middle]!, item)) low = middle + 1
      else high = middle
    }
    return low
  }
}

const isBefore = (a: Ranked, b: Ranked): boolean =>
  a.priority < b.priority || a.priority === b.priority && a.sequence < b.sequence
