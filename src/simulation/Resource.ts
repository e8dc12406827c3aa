/**
 * A resource: units that a guest's processes hold and wait for, as a counter with two clerks, or a machine.
 *
 * The queue is ordered by priority number, the lowest first, and among equals by time of arrival. Nobody overtakes, even if
 * fewer units are wanted than are free. It measures itself: `NAME queue`, how many wait; `NAME
 * wait`, how long granted requests waited; `NAME utilisation`, the share of units in use; and how often somebody `NAME
 * reneged` or was `NAME preempted`, once that has happened.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Process, Resource, World } from "guest-clock/simulation"
 *
 * const shop = Guest.make("shop", Effect.gen(function*() {
 *   const till = yield* Resource.make("till", { capacity: 1 })
 *   const { now } = yield* Guest.Self
 *   for (const name of ["ann", "bob", "cid"]) {
 *     const served = Effect.andThen(Process.hold("3 minutes"), Effect.sync(() => console.log(name, now() / 60_000_000_000n)))
 *     yield* Process.spawn(name, till.use(served, { patience: "5 minutes" }).pipe(
 *       Effect.catchTag("Reneged", () => Effect.sync(() => console.log(name, "left"))),
 *     ))
 *   }
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [shop] })))
 * // ann 3n
 * // cid left
 * // bob 6n
 * ```
 *
 * @module
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Tagged } from "../internal/core/Tagged.ts"
import { OptionError } from "../core/Fault.ts"
import { badFlag, badWhole } from "../internal/services/Checks.ts"
import { badAsker, badWaiting, named, Patience, type Reneged, type Waiting } from "../internal/simulation/Request.ts"
import { both } from "../internal/simulation/Frames.ts"
import type { AnyEffect, AnyExit, Frame } from "../internal/simulation/Lightly.ts"
import { Monitor } from "../internal/simulation/Monitor.ts"
import * as Operation from "../internal/simulation/Operation.ts"
import { type Change, Request, ResourceState } from "../internal/simulation/ResourceState.ts"
import type { Place, Region, Running, Table } from "../internal/simulation/Running.ts"
import type { Self } from "../internal/simulation/Self.ts"
import type { Level } from "./Statistics.ts"

export { Reneged, type Waiting } from "../internal/simulation/Request.ts"

/**
 * The options of a resource.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How many units it has: a whole number, 1 or more. Default: 1. */
  readonly capacity?: number
  /** Whether requests may take units from who holds them at a lower rank. Default: false. */
  readonly preemptive?: boolean
}

/**
 * The options of a request.
 *
 * @since 0.1.0
 * @category models
 */
export interface RequestOptions extends Waiting {
  /** How many units: a whole number from 1 to its capacity. All of them at once, or none. Default: 1. */
  readonly units?: number
  /**
   * Whether it takes the units of those that hold them with a higher priority number, once it is the first in line: from
   * the highest number, and of equals from the last to get them; if that isn't enough, from nobody. Default: whether the
   * resource is preemptive.
   */
  readonly preempt?: boolean
}

/**
 * Units of a resource, held by a process until it releases them, or ends.
 *
 * @since 0.1.0
 * @category models
 */
export interface Grant {
  readonly units: number
  /** When they were granted, in ns. */
  readonly since: bigint
  /** Gives them back. Where that was done, or they were taken, nothing happens. */
  readonly release: Effect.Effect<void>
  /** Whether they are held. */
  readonly isHeld: () => boolean
}

/**
 * Why a process was interrupted whose units were taken: the `cause` of its `Interrupted`. Times are in ns.
 *
 * @since 0.1.0
 * @category errors
 */
export class Preempted extends Tagged<"Preempted"> {
  readonly resource: string
  /** The process that has them now, and its priority. */
  readonly by: string
  readonly priority: number
  /** Since when it had them, and when they were taken. */
  readonly since: bigint
  readonly at: bigint
  constructor(resource: string, by: string, priority: number, since: bigint, at: bigint) {
    super("Preempted", `${JSON.stringify(by)} has taken ${resource} at ${at} ns, which it had had since ${since} ns`)
    this.resource = resource
    this.by = by
    this.priority = priority
    this.since = since
    this.at = at
  }
}

/**
 * A resource of a guest.
 *
 * @since 0.1.0
 * @category models
 */
export interface Resource {
  readonly name: string
  readonly capacity: number
  /** How many units are held, and how many requests wait. */
  readonly inUse: () => number
  readonly waiting: () => number
  /**
   * Waits for units: the process holds them until it releases them, or ends. Fails with `Reneged` when its patience is
   * over. One whose units are taken is interrupted with `Preempted`, in what it waits for.
   */
  readonly request: (options?: RequestOptions) => Operation.Operation<Grant, Reneged | OptionError>
  /**
   * Holds units while `effect` runs, and gives them back however that ends. If they are taken, the innermost operation
   * in `effect` fails with `Interrupted`, whose cause is `Preempted`, or else `effect` is ended: what goes on then goes
   * on without them.
   */
  readonly use: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: RequestOptions,
  ) => Effect.Effect<A, E | Operation.Interrupted | Reneged | OptionError, R | Self>
}

/** Units that are held while something is done. */
interface Using<A, E, R> {
  readonly request: Operation.Operation<Grant, Reneged | OptionError>
  readonly body: Effect.Effect<A, E | Operation.Interrupted, R>
  readonly end: () => void
}

/** A light process that holds units while it does something. */
class Use implements Frame {
  below: Frame | undefined = undefined
  exit: AnyExit = Exit.void
  readonly #using: Using<unknown, unknown, unknown>
  #state: "new" | "waiting" | "held" = "new"

  constructor(using: Using<unknown, unknown, unknown>) {
    this.#using = using
  }

  next(told: AnyExit): AnyEffect | undefined {
    if (this.#state === "new") {
      this.#state = "waiting"
      return told._tag === "Success" ? this.#using.request : this.#end(told)
    }
    if (this.#state === "held" || told._tag === "Failure") return this.#end(told)
    this.#state = "held"
    return this.#using.body
  }

  #end(told: AnyExit): undefined {
    this.#using.end()
    this.exit = told
  }
}

/** A request of a process. */
class Asked extends Request {
  readonly running: Running
  readonly asked: bigint
  readonly grant: (request: Asked) => void
  granted = 0n
  /** Whose units are used for a part of its process only: that, once it has begun. */
  isForRegion = false
  region: Region | undefined
  /** What has taken its units before that. */
  preempted: Preempted | undefined
  /** For when its process ends. */
  readonly release: () => void

  constructor(
    { running, table }: Place,
    { units = 1, priority = 0 }: RequestOptions,
    preempts: boolean,
    grant: (request: Asked) => void,
    leave: (request: Asked) => void,
  ) {
    super(units, priority, preempts)
    this.running = running
    this.asked = table.now
    this.grant = grant
    this.release = () => leave(this)
  }
}

/** Units that were granted. */
class Granted implements Grant {
  readonly #asked: Asked

  constructor(asked: Asked) {
    this.#asked = asked
  }

  get units(): number {
    return this.#asked.units
  }

  get since(): bigint {
    return this.#asked.granted
  }

  get release(): Effect.Effect<void> {
    const { release } = this.#asked
    return both(() => Effect.sync(release), () => Exit.succeed(release()))
  }

  readonly isHeld = (): boolean => this.#asked.state === "held"
}

class Made implements Resource {
  readonly name: string
  readonly capacity: number
  readonly #isPreemptive: boolean
  readonly #table: Table
  readonly #state: ResourceState<Asked>
  readonly #monitor: Monitor
  readonly #utilisation: Level

  constructor(name: string, capacity: number, isPreemptive: boolean, table: Table) {
    this.name = name
    this.capacity = capacity
    this.#isPreemptive = isPreemptive
    this.#table = table
    this.#state = new ResourceState(capacity)
    this.#monitor = new Monitor(table, `${name} `)
    this.#utilisation = table.statistics.levelUnsafe(`${name} utilisation`)
  }

  readonly inUse = (): number => this.#state.inUse
  readonly waiting = (): number => this.#state.waiting

  readonly request = (options: RequestOptions = {}): Operation.Operation<Grant, Reneged | OptionError> =>
    this.#request(options, () => {})

  #request(
    options: RequestOptions,
    onAsked: (asked: Asked) => void,
  ): Operation.Operation<Grant, Reneged | OptionError> {
    const what = `request on ${this.name}`
    return Operation.make(what, (place, decide) => {
      const bad = badAsker("request on the resource", this.name, this.#table, place) ??
        this.#badIn(what, options)
      if (bad !== undefined) {
        decide(Exit.fail(bad))
        return Operation.nothing
      }
      const patience = new Patience(what, place, options.patience, decide, this.#monitor)
      const asked = new Asked(place, options, this.#isPreemptive && options.preempt !== false, () => {
        patience.end()
        decide(Exit.succeed(new Granted(asked)))
      }, (asked) => this.#leave(asked))
      onAsked(asked)
      this.#carryOut(this.#state.request(asked))
      return patience.begin(asked, () => this.#leave(asked))
    })
  }

  readonly use = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options: RequestOptions = {},
  ): Effect.Effect<A, E | Operation.Interrupted | Reneged | OptionError, R | Self> =>
    both(() => {
      const using = this.#using(effect, options)
      return Effect.ensuring(Effect.flatMap(using.request, () => using.body), Effect.sync(() => using.end()))
    }, (own) => own.enter(new Use(this.#using(effect, options))))

  #using<A, E, R>(effect: Effect.Effect<A, E, R>, options: RequestOptions): Using<A, E, R> {
    let asked: Asked | undefined
    const request = this.#request(options, (made) => {
      asked = made
      made.isForRegion = this.#isPreemptive
    })
    const body = !this.#isPreemptive ? effect : this.#table.within(effect, (region) => {
      asked!.region = region
      const { preempted } = asked!
      if (preempted !== undefined) this.#interrupt(asked!, preempted)
    })
    return { request, body, end: () => asked && this.#leave(asked) }
  }

  #badIn(what: string, options: RequestOptions): OptionError | undefined {
    const { units, preempt } = options
    return (units === undefined ? undefined : badWhole(`units of a ${what}`, units, 1, this.capacity)) ??
      badWaiting(what, options) ??
      (preempt === undefined ? undefined : badFlag(`preempt of a ${what}`, preempt)) ??
      (preempt === true && !this.#isPreemptive
        ? new OptionError(`preempt of a ${what}`, preempt, "its resource is made with preemptive: true")
        : undefined)
  }

  #leave(asked: Asked): void {
    if (asked.state === "held") this.#tell(asked, 0)
    this.#carryOut(this.#state.leave(asked))
    asked.running.letGo(asked)
  }

  #tell({ running: { id: pid } }: Asked, units: number): void {
    this.#table.trace.tell?.({ _tag: "Holds", pid, of: this.name, units })
  }

  /** Tells all whom it concerns. */
  #carryOut(changes: ReadonlyArray<Change<Asked>>): void {
    this.#monitor.length(this.#state.waiting)
    const share = this.#state.inUse / this.capacity
    if (share !== this.#utilisation.value) this.#utilisation.set(share)
    for (const change of changes) {
      const { request } = change
      if (change._tag === "Preempted") {
        this.#preempt(request, change.by)
        continue
      }
      request.granted = this.#table.now
      this.#monitor.served(request.asked)
      request.running.hold(request)
      this.#tell(request, request.units)
      request.grant(request)
    }
  }

  #preempt(asked: Asked, { running: { name }, priority }: Asked): void {
    this.#monitor.count("preempted")
    this.#tell(asked, 0)
    asked.running.letGo(asked)
    const preempted = new Preempted(this.name, name, priority, asked.granted, this.#table.now)
    if (asked.isForRegion && asked.region === undefined) asked.preempted = preempted
    else this.#interrupt(asked, preempted)
  }

  #interrupt(asked: Asked, preempted: Preempted): void {
    const { running, isForRegion } = asked
    running.interrupt(preempted, preempted.by, () => {
      if (!isForRegion) return running.root
      return asked.region?.isOpen ? asked.region : undefined
    })
  }
}

/**
 * A resource of this guest, named `name`. The name is for statistics as well: no other resource, container or store of the
 * guest has it. An `OptionError` says what is wrong with it.
 *
 * **When to use**
 *
 * Use it for what processes hold for a while and give back: clerks, machines, connections. What is used up is a
 * `Container`'s; what differs from item to item, a `Store`'s.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Guest, Process, Resource, World } from "guest-clock/simulation"
 *
 * const bank = Guest.make("bank", Effect.gen(function*() {
 *   const { now } = yield* Guest.Self
 *   const counter = yield* Resource.make("counter", { capacity: 1 })
 *   const customer = counter.use(Effect.andThen(Process.hold("5 minutes"), Effect.sync(() => console.log(now() / 60_000_000_000n))))
 *   yield* Process.spawn("ann", customer)
 *   yield* Process.spawn("bob", customer)
 * }))
 * await Effect.runPromise(World.run(World.make({ guests: [bank] })))
 * // 5n
 * // 10n
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  name: string,
  { capacity = 1, preemptive = false }: Options = {},
): Effect.Effect<Resource, OptionError, Self> =>
  named(
    "resource",
    name,
    () =>
      badWhole(`capacity of the resource ${JSON.stringify(name)}`, capacity, 1, Number.MAX_SAFE_INTEGER) ??
        badFlag(`preemptive of the resource ${JSON.stringify(name)}`, preemptive),
    (table) => new Made(name, capacity, preemptive, table),
  )
