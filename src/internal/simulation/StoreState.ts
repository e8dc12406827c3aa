/**
 * The state of a store: its items in order, who waits to take one, and who to put one in.
 *
 * As {@link ResourceState}, it knows neither time nor fibers. Who takes gets the first item, in order, that its filter
 * lets through. Those who take are served in order; one for whom nothing is there keeps nobody behind it from an item
 * that it doesn't want. A filter is asked once about each item, when either comes: it has to say the same each time.
 *
 * @module
 */
import { type Ranked, WaitQueue } from "./WaitQueue.ts"

/** An item, and where it stands among others. */
export interface Item<A> extends Ranked {
  readonly value: A
}

/** An item that is to be put in. */
export class Put<A> implements Ranked {
  readonly item: Item<A>
  readonly priority: number
  sequence = 0
  state: "new" | "waiting" | "done" | "over" = "new"

  constructor(item: Item<A>, priority: number) {
    this.item = item
    this.priority = priority
  }
}

/** An item that is wanted. */
export class Get<A> implements Ranked {
  readonly accepts: (value: A) => boolean
  readonly priority: number
  sequence = 0
  state: "new" | "waiting" | "done" | "over" = "new"
  /** What it has got, once it is done. */
  item: Item<A> | undefined
  /** What its filter has thrown: then it has got nothing. */
  thrown: unknown

  constructor(accepts: (value: A) => boolean, priority: number) {
    this.accepts = accepts
    this.priority = priority
  }

  /** Whether it takes an item: never again, once its filter has thrown. */
  takes(item: Item<A>): boolean {
    if (this.state === "over") return false
    try {
      return this.accepts(item.value)
    } catch (error) {
      this.thrown = error
      this.state = "over"
      return false
    }
  }
}

/** What came of a call: who is done, in order; a get whose filter has thrown is among them, with the state `over`. */
export type Done<A, P extends Put<A>, G extends Get<A>> = ReadonlyArray<P | G>

/** Items, up to a capacity. */
export class StoreState<A, P extends Put<A>, G extends Get<A>> {
  readonly capacity: number
  readonly #items = new WaitQueue<Item<A>>()
  readonly #puts = new WaitQueue<P>()
  readonly #gets = new WaitQueue<G>()

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** How many items are there. */
  get size(): number {
    return this.#items.size
  }

  /** The items, in order. */
  get items(): ReadonlyArray<A> {
    return this.#items.all().map(({ value }) => value)
  }

  get waitingPuts(): number {
    return this.#puts.size
  }

  get waitingGets(): number {
    return this.#gets.size
  }

  put(put: P): Done<A, P, G> {
    put.state = "waiting"
    this.#puts.add(put)
    return this.#letIn([])
  }

  get(get: G): Done<A, P, G> {
    get.state = "waiting"
    const found = this.#items.find((item) => get.takes(item))
    if (isOver(get)) return [get]
    if (found === undefined) {
      this.#gets.add(get)
      return []
    }
    this.#items.remove(found)
    hand(get, found)
    return this.#letIn([get])
  }

  /** A put that waits gives up; one that is done stays so. */
  leavePut(put: P): Done<A, P, G> {
    if (put.state !== "waiting") return []
    this.#puts.remove(put)
    put.state = "over"
    return this.#letIn([])
  }

  /** A get that waits gives up; what it has got is put back where it was, though that be one too many. */
  leaveGet(get: G): Done<A, P, G> {
    const { state, item } = get
    if (state === "waiting") this.#gets.remove(get)
    if (state !== "waiting" && state !== "done") return []
    get.state = "over"
    const done: Array<P | G> = []
    if (state === "done") this.#offer(item!, done)
    return this.#letIn(done)
  }

  /** Lets those in who wait to put, as far as there is room. */
  #letIn(done: Array<P | G>): Array<P | G> {
    for (let put = this.#puts.first; put !== undefined && this.size < this.capacity; put = this.#puts.first) {
      this.#puts.shift()
      put.state = "done"
      done.push(put)
      this.#offer(put.item, done)
    }
    return done
  }

  /** Gives an item to the first in line that wants it, or else keeps it. */
  #offer(item: Item<A>, done: Array<P | G>): void {
    this.#items.number(item)
    const thrown: Array<G> = []
    const getter = this.#gets.find((get) => {
      const takes = get.takes(item)
      if (!takes && isOver(get)) thrown.push(get)
      return takes
    })
    for (const get of thrown) this.#gets.remove(get)
    done.push(...thrown)
    if (getter === undefined) return this.#items.add(item)
    this.#gets.remove(getter)
    hand(getter, item)
    done.push(getter)
  }
}

/** Whether its filter has thrown. */
const isOver = ({ state }: { readonly state: string }): boolean => state === "over"

const hand = <A>(get: Get<A>, item: Item<A>): void => {
  get.item = item
  get.state = "done"
}
