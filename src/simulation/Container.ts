/**
 * An amount of something that is all the same, up to a capacity: what is in a tank, a battery, an account.
 *
 * Processes put some in, and wait while there is no room for it, or take some out, and wait while there isn't as much.
 * In each of the two lines nobody overtakes: lowest priority number first, then first come, first served; while the
 * first can't be served, those behind it wait, too. After each change those who take are served as far as that goes, then
 * those who put, until neither can go on. Whole numbers are exact; others are doubles, and add up as those do.
 *
 * It measures itself: `NAME level`, and for each line, `NAME get` and `NAME put`, its `queue` and `wait`, and how often
 * somebody `reneged`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Container, Guest, Process, World } from "guest-clock/simulation"
 *
 * const station = Guest.make("station", Effect.gen(function*() {
 *   const tank = yield* Container.make("tank", { capacity: 100, initial: 20 })
 *   const { now } = yield* Guest.Self
 *   yield* Process.spawn("truck", Effect.andThen(Process.hold("1 minute"), tank.put(60)))
 *   yield* tank.get(50)
 *   console.log(now(), tank.level()) // 60000000000n 30
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [station] })))
 * ```
 *
 * @module
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { OptionError } from "../core/Fault.ts"
import {
  badAmount,
  badAsker,
  badWaiting,
  named,
  Patience,
  type Reneged,
  type Waiting,
} from "../internal/simulation/Request.ts"
import { ContainerState, Transfer } from "../internal/simulation/ContainerState.ts"
import { Monitor } from "../internal/simulation/Monitor.ts"
import * as Operation from "../internal/simulation/Operation.ts"
import type { Table } from "../internal/simulation/Running.ts"
import type { Self } from "../internal/simulation/Self.ts"
import type { Level } from "./Statistics.ts"

export { Reneged, type Waiting } from "../internal/simulation/Request.ts"

/**
 * The options of a container.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How much it holds: a number above 0, or `Infinity`. Default: `Infinity`. */
  readonly capacity?: number
  /** How much is in it at first: from 0 to its capacity. Default: 0. */
  readonly initial?: number
}

/**
 * A container of a guest.
 *
 * @since 0.1.0
 * @category models
 */
export interface Container {
  readonly name: string
  readonly capacity: number
  /** How much is in it. */
  readonly level: () => number
  /** How many wait to put, and to get. */
  readonly waitingPuts: () => number
  readonly waitingGets: () => number
  /** Puts an amount in, above 0 and up to the capacity: waits for as much room. Fails with `Reneged` when patience is over. */
  readonly put: (amount: number, options?: Waiting) => Operation.Operation<void, Reneged | OptionError>
  /** Takes an amount out, as {@link Container.put} puts it in: waits until there is as much. */
  readonly get: (amount: number, options?: Waiting) => Operation.Operation<void, Reneged | OptionError>
}

/** A transfer of a process. */
class Asked extends Transfer {
  readonly asked: bigint
  readonly done: () => void

  constructor(kind: Transfer["kind"], amount: number, { priority = 0 }: Waiting, asked: bigint, done: () => void) {
    super(kind, amount, priority)
    this.asked = asked
    this.done = done
  }
}

class Made implements Container {
  readonly name: string
  readonly capacity: number
  readonly #table: Table
  readonly #state: ContainerState<Asked>
  readonly #monitors: { readonly put: Monitor; readonly get: Monitor }
  readonly #level: Level

  constructor(name: string, capacity: number, initial: number, table: Table) {
    this.name = name
    this.capacity = capacity
    this.#table = table
    this.#state = new ContainerState(capacity, initial)
    this.#level = table.statistics.levelUnsafe(`${name} level`)
    this.#level.set(initial)
    this.#monitors = { get: new Monitor(table, `${name} get `), put: new Monitor(table, `${name} put `) }
  }

  readonly level = (): number => this.#state.level
  readonly waitingPuts = (): number => this.#state.waiting("put")
  readonly waitingGets = (): number => this.#state.waiting("get")

  readonly put = (amount: number, options: Waiting = {}): Operation.Operation<void, Reneged | OptionError> =>
    this.#transfer("put", amount, options)

  readonly get = (amount: number, options: Waiting = {}): Operation.Operation<void, Reneged | OptionError> =>
    this.#transfer("get", amount, options)

  #transfer(
    kind: Transfer["kind"],
    amount: number,
    options: Waiting,
  ): Operation.Operation<void, Reneged | OptionError> {
    const what = `${kind} on ${this.name}`
    return Operation.make(what, (place, decide) => {
      const bad = badAsker(`${kind} on the container`, this.name, this.#table, place) ??
        badAmount(`amount of a ${what}`, amount, this.capacity) ?? badWaiting(what, options)
      if (bad !== undefined) {
        decide(Exit.fail(bad))
        return Operation.nothing
      }
      const patience = new Patience(what, place, options.patience, decide, this.#monitors[kind])
      const asked = new Asked(kind, amount, options, place.table.now, () => {
        patience.end()
        decide(Exit.void)
      })
      this.#carryOut(this.#state.begin(asked))
      return patience.begin(asked, () => this.#carryOut(this.#state.leave(asked)))
    })
  }

  #carryOut(done: ReadonlyArray<Asked>): void {
    for (const kind of ["get", "put"] as const) this.#monitors[kind].length(this.#state.waiting(kind))
    if (this.#state.level !== this.#level.value) this.#level.set(this.#state.level)
    for (const transfer of done) {
      this.#monitors[transfer.kind].served(transfer.asked)
      transfer.done()
    }
  }
}

/**
 * A container of this guest, named `name`. The name is for statistics as well: no other resource, container or store of
 * the guest has it. An `OptionError` says what is wrong with it.
 *
 * **When to use**
 *
 * Use it for an amount that processes fill and draw from: fuel, money, permits.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Container, Guest, World } from "guest-clock/simulation"
 *
 * const station = Guest.make("station", Effect.gen(function*() {
 *   const tank = yield* Container.make("tank", { capacity: 100, initial: 40 })
 *   yield* tank.get(30)
 *   console.log(tank.level()) // 10
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [station] })))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  name: string,
  { capacity = Infinity, initial = 0 }: Options = {},
): Effect.Effect<Container, OptionError, Self> =>
  named(
    "container",
    name,
    () => badIn(JSON.stringify(name), capacity, initial),
    (table) => new Made(name, capacity, initial, table),
  )

const badIn = (name: string, capacity: unknown, initial: unknown): OptionError | undefined =>
  typeof capacity !== "number" || !(capacity > 0)
    ? new OptionError(`capacity of the container ${name}`, capacity, "it is a number above 0, or Infinity")
    : typeof initial !== "number" || !(initial >= 0 && initial <= capacity && Number.isFinite(initial))
    ? new OptionError(
      `initial of the container ${name}`,
      initial,
      `it is a number from 0 to its capacity of ${capacity}`,
    )
    : undefined
