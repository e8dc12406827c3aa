/**
 * The state of a container: how much is in it, who waits to take some out, and who to put some in.
 *
 * As {@link ResourceState}, it knows neither time nor fibers. Nobody overtakes: in each of the two lines the first is
 * served first, and while it can't be, those behind it wait as well. After each change those who take are served as far
 * as that goes, then those who put, until neither can go on.
 *
 * @module
 */
import { type Ranked, WaitQueue } from "./WaitQueue.ts"

/** An amount that is to be put in, or taken out. */
export class Transfer implements Ranked {
  readonly kind: "put" | "get"
  readonly amount: number
  readonly priority: number
  sequence = 0
  state: "new" | "waiting" | "done" | "over" = "new"

  constructor(kind: "put" | "get", amount: number, priority: number) {
    this.kind = kind
    this.amount = amount
    this.priority = priority
  }
}

/** An amount of something, up to a capacity. */
export class ContainerState<T extends Transfer> {
  readonly capacity: number
  #level: number
  readonly #lines = { put: new WaitQueue<T>(), get: new WaitQueue<T>() }

  constructor(capacity: number, level: number) {
    this.capacity = capacity
    this.#level = level
  }

  get level(): number {
    return this.#level
  }

  /** How many wait to put, or to get. */
  waiting(kind: Transfer["kind"]): number {
    return this.#lines[kind].size
  }

  /** A new transfer: those that are done by that, in order. */
  begin(transfer: T): ReadonlyArray<T> {
    transfer.state = "waiting"
    this.#lines[transfer.kind].add(transfer)
    return this.#serve()
  }

  /**
   * One that waits gives up; what one has got that nobody needs any more is put back, though that be more than there is
   * room for; and to any other nothing happens: what was put in stays there.
   */
  leave(transfer: T): ReadonlyArray<T> {
    const { state, kind, amount } = transfer
    if (state === "waiting") this.#lines[kind].remove(transfer)
    else if (state === "done" && kind === "get") this.#level += amount
    else return []
    transfer.state = "over"
    return this.#serve()
  }

  #serve(): ReadonlyArray<T> {
    const done: Array<T> = []
    for (let before = -1; before < done.length;) {
      before = done.length
      for (let next = this.#lines.get.first; next !== undefined && next.amount <= this.#level;) {
        this.#level -= next.amount
        done.push(this.#take("get"))
        next = this.#lines.get.first
      }
      for (let next = this.#lines.put.first; next !== undefined && this.#level + next.amount <= this.capacity;) {
        this.#level += next.amount
        done.push(this.#take("put"))
        next = this.#lines.put.first
      }
    }
    return done
  }

  #take(kind: Transfer["kind"]): T {
    const transfer = this.#lines[kind].shift()!
    transfer.state = "done"
    return transfer
  }
}
