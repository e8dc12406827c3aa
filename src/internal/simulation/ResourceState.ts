/**
 * The state of a resource: who holds how many of its units, and who waits for some.
 *
 * It knows neither time nor fibers: each call changes the state and returns what came of that, in order, for whoever
 * runs processes to tell them.
 *
 * Nobody overtakes: units go to the first in line (lowest priority number, then first come, first served), and while it
 * wants more than are free, those behind it wait as well.
 *
 * @module
 */
import { type Ranked, WaitQueue } from "./WaitQueue.ts"

/** What is wanted, and what has become of that. */
export class Request implements Ranked {
  readonly units: number
  readonly priority: number
  /** Whether it takes the units from who holds them at a lower rank. */
  readonly preempts: boolean
  sequence = 0
  state: "new" | "waiting" | "held" | "over" = "new"

  constructor(units: number, priority: number, preempts: boolean) {
    this.units = units
    this.priority = priority
    this.preempts = preempts
  }
}

/** Something that came of a call. */
export type Change<R extends Request> =
  | { readonly _tag: "Granted"; readonly request: R }
  /** Its units were taken, by the request that is granted next. */
  | { readonly _tag: "Preempted"; readonly request: R; readonly by: R }

/** Units of a resource. */
export class ResourceState<R extends Request> {
  readonly capacity: number
  readonly #line = new WaitQueue<R>()
  /** In the order in which they were granted. */
  readonly #held = new Set<R>()
  #inUse = 0

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** How many units are held. */
  get inUse(): number {
    return this.#inUse
  }

  /** How many requests wait. */
  get waiting(): number {
    return this.#line.size
  }

  /** A new request. */
  request(request: R): ReadonlyArray<Change<R>> {
    request.state = "waiting"
    this.#line.add(request)
    return this.#serve()
  }

  /** One that waits gives up; one that holds units gives them back; and to any other nothing happens. */
  leave(request: R): ReadonlyArray<Change<R>> {
    if (request.state === "waiting") this.#line.remove(request)
    else if (request.state === "held") this.#giveBack(request)
    else return []
    request.state = "over"
    return this.#serve()
  }

  #giveBack(request: R): void {
    this.#held.delete(request)
    this.#inUse -= request.units
  }

  #serve(): ReadonlyArray<Change<R>> {
    const changes: Array<Change<R>> = []
    for (let first = this.#line.first; first !== undefined; first = this.#line.first) {
      const missing = first.units - (this.capacity - this.#inUse)
      if (missing > 0) {
        const victims = first.preempts ? this.#victims(first, missing) : []
        if (victims.length === 0) break
        for (const request of victims) {
          this.#giveBack(request)
          request.state = "over"
          changes.push({ _tag: "Preempted", request, by: first })
        }
      }
      this.#line.shift()
      first.state = "held"
      this.#held.add(first)
      this.#inUse += first.units
      changes.push({ _tag: "Granted", request: first })
    }
    return changes
  }

  /** Whose units are taken: of the lowest rank, and of those the last to be granted; nobody's, if that isn't enough. */
  #victims({ priority }: R, missing: number): ReadonlyArray<R> {
    // Sorting is stable, so that of equals the last to be granted stays first.
    const lower = [...this.#held].reverse().filter((held) => held.priority > priority)
      .sort((a, b) => b.priority - a.priority)
    const victims: Array<R> = []
    let freed = 0
    for (const held of lower) {
      if (freed >= missing) break
      victims.push(held)
      freed += held.units
    }
    return freed >= missing ? victims : []
  }
}
