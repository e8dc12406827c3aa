/**
 * Items that processes put in and take out: a queue of jobs, a shelf, a pool of machines that differ.
 *
 * A process that takes gets the first item that its `filter` lets through: the first that was put in, or the one with the lowest
 * number by `order`. Those who take are served by priority, then first come, first served; one for whom nothing is there
 * keeps nobody behind it from an item that it doesn't want. Who puts waits while the store is full, and nobody overtakes.
 *
 * It measures itself: `NAME items`, and for each line, `NAME get` and `NAME put`, its `queue` and `wait`, and how often
 * somebody `reneged`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Process, Store, World } from "guest-clock/simulation"
 *
 * const ward = Guest.make("ward", Effect.gen(function*() {
 *   const beds = yield* Store.make<{ readonly room: number }>("beds")
 *   yield* Process.spawn("nurse", Effect.gen(function*() {
 *     yield* beds.put({ room: 1 })
 *     yield* beds.put({ room: 2 })
 *   }))
 *   const bed = yield* beds.get({ filter: ({ room }) => room === 2 })
 *   console.log(bed.room, beds.items()) // 2 [ { room: 1 } ]
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [ward] })))
 * ```
 *
 * @module
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { OptionError } from "../core/Fault.ts"
import { badWhole } from "../internal/services/Checks.ts"
import {
  badAsker,
  badPriority,
  badWaiting,
  named,
  Patience,
  type Reneged,
  type Waiting,
} from "../internal/simulation/Request.ts"
import { Monitor } from "../internal/simulation/Monitor.ts"
import * as Operation from "../internal/simulation/Operation.ts"
import type { Table } from "../internal/simulation/Running.ts"
import type { Self } from "../internal/simulation/Self.ts"
import type { Level } from "./Statistics.ts"
import { Get, Put, StoreState } from "../internal/simulation/StoreState.ts"

export { Reneged, type Waiting } from "../internal/simulation/Request.ts"

/**
 * The options of a store.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<A> {
  /** How many items it holds: a whole number from 1 on, or `Infinity`. Default: `Infinity`. */
  readonly capacity?: number
  /** A number for each item: those with lower ones are taken first, and of equals the first that was put in. */
  readonly order?: (item: A) => number
}

/**
 * Which item is wanted.
 *
 * @since 0.1.0
 * @category models
 */
export interface GetOptions<A> extends Waiting {
  /** Whether an item is one that is wanted: a pure function, asked once about each. Default: any is. */
  readonly filter?: (item: A) => boolean
}

/**
 * A store of a guest.
 *
 * @since 0.1.0
 * @category models
 */
export interface Store<A> {
  readonly name: string
  readonly capacity: number
  /** The items that are there, the first to be taken first. */
  readonly items: () => ReadonlyArray<A>
  readonly size: () => number
  /** How many wait to put, and to get. */
  readonly waitingPuts: () => number
  readonly waitingGets: () => number
  /** Puts an item in: waits for room. Fails with `Reneged` when its patience is over. */
  readonly put: (item: A, options?: Waiting) => Operation.Operation<void, Reneged | OptionError>
  /** Takes an item out: waits for one. Fails with `Reneged` when its patience is over. */
  readonly get: (options?: GetOptions<A>) => Operation.Operation<A, Reneged | OptionError>
}

/** A put of a process. */
class AskedPut<A> extends Put<A> {
  readonly asked: bigint
  readonly done: () => void
  constructor(value: A, rank: number, priority: number, asked: bigint, done: () => void) {
    super({ value, priority: rank, sequence: 0 }, priority)
    this.asked = asked
    this.done = done
  }
}

/** A get of a process. */
class AskedGet<A> extends Get<A> {
  readonly asked: bigint
  readonly done: (get: AskedGet<A>) => void
  constructor(filter: (item: A) => boolean, priority: number, asked: bigint, done: (get: AskedGet<A>) => void) {
    super(filter, priority)
    this.asked = asked
    this.done = done
  }
}

type Done<A> = ReadonlyArray<AskedPut<A> | AskedGet<A>>

class Made<A> implements Store<A> {
  readonly name: string
  readonly capacity: number
  readonly #order: ((item: A) => number) | undefined
  readonly #table: Table
  readonly #state: StoreState<A, AskedPut<A>, AskedGet<A>>
  readonly #monitors: { readonly put: Monitor; readonly get: Monitor }
  readonly #items: Level

  constructor(name: string, capacity: number, order: ((item: A) => number) | undefined, table: Table) {
    this.name = name
    this.capacity = capacity
    this.#order = order
    this.#table = table
    this.#state = new StoreState(capacity)
    this.#items = table.statistics.levelUnsafe(`${name} items`)
    this.#monitors = { get: new Monitor(table, `${name} get `), put: new Monitor(table, `${name} put `) }
  }

  readonly items = (): ReadonlyArray<A> => this.#state.items
  readonly size = (): number => this.#state.size
  readonly waitingPuts = (): number => this.#state.waitingPuts
  readonly waitingGets = (): number => this.#state.waitingGets

  readonly put = (item: A, options: Waiting = {}): Operation.Operation<void, Reneged | OptionError> => {
    const what = `put on ${this.name}`
    return Operation.make(what, (place, decide) => {
      const rank = this.#order?.(item) ?? 0
      const bad = badAsker("put on the store", this.name, this.#table, place) ??
        badWaiting(what, options) ??
        (this.#order && badPriority(`what the order of the store ${JSON.stringify(this.name)} returns`, rank))
      if (bad !== undefined) {
        decide(Exit.fail(bad))
        return Operation.nothing
      }
      const patience = new Patience(what, place, options.patience, decide, this.#monitors.put)
      const put = new AskedPut(item, rank, options.priority ?? 0, place.table.now, () => {
        patience.end()
        decide(Exit.void)
      })
      this.#carryOut(this.#state.put(put))
      return patience.begin(put, () => this.#carryOut(this.#state.leavePut(put)))
    })
  }

  readonly get = (options: GetOptions<A> = {}): Operation.Operation<A, Reneged | OptionError> => {
    const what = `get on ${this.name}`
    return Operation.make(what, (place, decide) => {
      const bad = badAsker("get on the store", this.name, this.#table, place) ??
        badWaiting(what, options) ?? badFilter(what, options.filter)
      if (bad !== undefined) {
        decide(Exit.fail(bad))
        return Operation.nothing
      }
      const patience = new Patience(what, place, options.patience, decide, this.#monitors.get)
      const get = new AskedGet<A>(this.#accepts(options.filter), options.priority ?? 0, place.table.now, (get) => {
        patience.end()
        decide(get.state === "over" ? thrown(get.thrown) : Exit.succeed(get.item!.value))
      })
      this.#carryOut(this.#state.get(get))
      return patience.begin(get, () => this.#carryOut(this.#state.leaveGet(get)))
    })
  }

  #accepts(filter: ((item: A) => boolean) | undefined): (item: A) => boolean {
    if (filter === undefined) return () => true
    return (item) => {
      const accepts: unknown = filter(item)
      if (typeof accepts === "boolean") return accepts
      throw new OptionError(`what the filter of a get on ${this.name} returns`, accepts, "it is true or false")
    }
  }

  #carryOut(done: Done<A>): void {
    this.#monitors.get.length(this.#state.waitingGets)
    this.#monitors.put.length(this.#state.waitingPuts)
    if (this.#state.size !== this.#items.value) this.#items.set(this.#state.size)
    for (const each of done) {
      if (each instanceof AskedPut) {
        this.#monitors.put.served(each.asked)
        each.done()
      } else {
        if (each.state === "done") this.#monitors.get.served(each.asked)
        each.done(each)
      }
    }
  }
}

const badFilter = (what: string, filter: unknown): OptionError | undefined =>
  filter === undefined || typeof filter === "function"
    ? undefined
    : new OptionError(`filter of a ${what}`, filter, "it is a function from an item to true or false")

/** What a filter threw is the failure of whose it is. */
const thrown = (error: unknown): Exit.Exit<never, OptionError> =>
  error instanceof OptionError ? Exit.fail(error) : Exit.die(error)

/**
 * A store of this guest, named `name`. The name is for statistics as well: no other resource, container or store of the
 * guest has it. An `OptionError` says what is wrong with it.
 *
 * **When to use**
 *
 * Use it for items that processes hand over to each other: orders, parcels, messages within a guest.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Store, World } from "guest-clock/simulation"
 *
 * const kitchen = Guest.make("kitchen", Effect.gen(function*() {
 *   const orders = yield* Store.make<string>("orders")
 *   yield* orders.put("soup")
 *   console.log(yield* orders.get()) // soup
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [kitchen] })))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(
  name: string,
  { capacity = Infinity, order }: Options<A> = {},
): Effect.Effect<Store<A>, OptionError, Self> =>
  named(
    "store",
    name,
    () => badWhole(`capacity of the store ${JSON.stringify(name)}`, capacity, 1, Infinity) ?? badOrder(name, order),
    (table) => new Made(name, capacity, order, table),
  )

const badOrder = (name: string, order: unknown): OptionError | undefined =>
  order === undefined || typeof order === "function"
    ? undefined
    : new OptionError(`order of the store ${JSON.stringify(name)}`, order, "it is a function from an item to a number")
