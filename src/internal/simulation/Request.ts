/**
 * What requests for resources, containers and stores have in common: their place in the line, their patience, and their
 * checks.
 *
 * @module
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Tagged } from "../core/Tagged.ts"
import { OptionError } from "../../core/Fault.ts"
import { badDuration, badName } from "../services/Checks.ts"
import { inNanos } from "../services/Times.ts"
import type { Monitor } from "./Monitor.ts"
import type { Begun, Decide } from "./Operation.ts"
import type { Place, Table } from "./Running.ts"
import { Self } from "./Self.ts"
import { Timer } from "./Timer.ts"

/**
 * How somebody waits in a line.
 *
 * @since 0.1.0
 * @category models
 */
export interface Waiting {
  /** Lower numbers go first, and among equals who came first. Any number. Default: 0. */
  readonly priority?: number
  /**
   * How long they wait before they renege: from 0 on. 0 is to have it at once or not at all. Default: for ever. When it is
   * granted at the very instant at which patience ends, it is whichever was due first; never both, and never neither.
   */
  readonly patience?: Duration.Input
}

/**
 * Somebody has waited for as long as their patience lasted, and left the line with nothing.
 *
 * @since 0.1.0
 * @category errors
 */
export class Reneged extends Tagged<"Reneged"> {
  /** What they waited for: `request on counter`. */
  readonly what: string
  /** How long, in ns. */
  readonly waited: bigint
  constructor(what: string, waited: bigint) {
    super("Reneged", `nothing came of a ${what} within its patience of ${waited} ns`)
    this.what = what
    this.waited = waited
  }
}

/** What is wrong with how somebody waits, if anything is; `what` they wait for. */
export const badWaiting = (what: string, { priority, patience }: Waiting): OptionError | undefined =>
  (priority === undefined ? undefined : badPriority(`priority of a ${what}`, priority)) ??
    (patience === undefined ? undefined : badDuration(`patience of a ${what}`, patience))

/** Checks a priority, and returns what is wrong. */
export const badPriority = (option: string, given: unknown): OptionError | undefined =>
  typeof given === "number" && Number.isFinite(given)
    ? undefined
    : new OptionError(option, given, "it is a number; lower ones go first")

/** Checks an amount of something that is up to a capacity, and returns what is wrong. */
export const badAmount = (option: string, given: unknown, capacity: number): OptionError | undefined =>
  typeof given === "number" && given > 0 && given <= capacity && Number.isFinite(given) ? undefined : new OptionError(
    option,
    given,
    `it is a number above 0${capacity === Infinity ? "" : `, up to its capacity of ${capacity}`}`,
  )

/** Somebody's patience in a line: they renege when it ends, unless they wait no more by then. */
export class Patience<A> {
  readonly #what: string
  readonly #place: Place
  readonly #patience: Duration.Input | undefined
  readonly #decide: Decide<A, Reneged>
  readonly #monitor: Monitor
  #timer: Timer | undefined

  constructor(
    what: string,
    place: Place,
    patience: Duration.Input | undefined,
    decide: Decide<A, Reneged>,
    monitor: Monitor,
  ) {
    this.#what = what
    this.#place = place
    this.#patience = patience
    this.#decide = decide
    this.#monitor = monitor
  }

  /** They wait no more. */
  end(): void {
    this.#timer?.withdraw()
  }

  /** They have joined the line, or needn't; `leave` takes them out of it, or gives back what they have. */
  begin(request: { readonly state: string }, leave: () => void): Begun {
    const giveUp = () => {
      this.end()
      leave()
    }
    this.#timer = this.#until(request, giveUp)
    return { withdraw: giveUp, undo: giveUp }
  }

  #until(request: { readonly state: string }, giveUp: () => void): Timer | undefined {
    if (this.#patience === undefined || request.state !== "waiting") return undefined
    const { table } = this.#place
    const since = table.now
    const nanos = inNanos(this.#patience)
    const renege = () => {
      if (request.state !== "waiting") return
      // Told before those who may go on because of that.
      this.#decide(Exit.fail(new Reneged(this.#what, table.now - since)))
      this.#monitor.count("reneged")
      giveUp()
    }
    if (nanos <= 0n) {
      renege()
      return undefined
    }
    // Fibers that are due at the same time run after this handler: the first to be due goes first.
    const timer = new Timer(table, { onDue: () => table.runner.scheduleTask(renege, 0) })
    timer.set(nanos)
    return timer
  }
}

/** Makes something of a guest's that has a name of its own; `bad` says what is wrong with how it is to be. */
export const named = <A>(
  kind: string,
  name: string,
  bad: () => OptionError | undefined,
  make: (table: Table) => A,
): Effect.Effect<A, OptionError, Self> =>
  Effect.flatMap(Self, ({ processes }) => {
    const { names } = processes
    const wrong = badName(`the name of a ${kind}`, name) ?? bad() ??
      (names.has(name) ? new OptionError(`the name of a ${kind}`, name, "no other of this guest has it") : undefined)
    if (wrong !== undefined) return Effect.fail(wrong)
    try {
      const made = make(processes)
      names.add(name)
      return Effect.succeed(made)
    } catch (error) {
      if (error instanceof OptionError) return Effect.fail(error)
      throw error
    }
  })

/** Checks the caller, and returns what is wrong: a guest's resources are for its own processes; other guests may be elsewhere. */
export const badAsker = (
  what: string,
  name: string,
  owner: Table,
  { table }: Place,
): OptionError | undefined =>
  table === owner ? undefined : new OptionError(
    `a ${what} ${JSON.stringify(name)}`,
    table.guest,
    `it is the guest ${JSON.stringify(owner.guest)}'s: others send it messages`,
  )
