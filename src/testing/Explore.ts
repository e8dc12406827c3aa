/**
 * Runs a program under many seeds, each of which decides in its own way what
 * comes first where things are ready at the same instant. The first that fails
 * is shrunk to the few decisions that matter.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { OptionError } from "../core/Fault.ts"
import type { GuestClock } from "../GuestClock.ts"
import * as Mode from "../Mode.ts"
import type { Interrupts } from "../services/Interrupts.ts"
import { badIn, badNumber } from "../virtual/Options.ts"
import type * as Order from "../virtual/Order.ts"
import * as VirtualTime from "../VirtualTime.ts"

/** What a program can use that runs on simulated time. */
export type Simulated = VirtualTime.VirtualTime | GuestClock | Interrupts

/** How to explore. */
export interface Options extends Omit<VirtualTime.Options, "seed" | "order"> {
  /** How many seeds to try. Default: 100. */
  readonly seeds?: number
  /** The first of them; those after it follow. Default: 0. */
  readonly firstSeed?: number
  /** The wall clock at guest time 0, in ns since 1970. Default: 0. */
  readonly start?: bigint
  /** How often the program may be run to find the decisions that matter. Default: 500. */
  readonly shrinkRuns?: number
}

/** A decision that a failure needs, and which one it was, counted from 0. */
export interface Needed extends Order.Decision {
  readonly index: number
}

const ordinal = (n: number): string =>
  `${n}${["th", "st", "nd", "rd"][n % 100 > 10 && n % 100 < 14 ? 0 : n % 10] ?? "th"}`

const describe = ({ index, at, choices, chosen }: Needed): string =>
  `  decision ${index}, at ${at} ns: the ${ordinal(chosen + 1)} of ${choices} that were ready went first`

/** A program that fails in some order. */
export class Failure extends Error {
  readonly _tag = "ExploreFailure"
  override readonly name = "ExploreFailure"
  /** Running it again with this seed fails the same way. */
  readonly seed: number
  /** All that the seed decided. */
  readonly decisions: ReadonlyArray<Order.Decision>
  /** The fewest decisions found with which it still fails, if all others go first come, first served. */
  readonly needed: ReadonlyArray<Needed>
  /** The program's failure. */
  readonly failure: Cause.Cause<unknown>
  constructor(
    seed: number,
    decisions: ReadonlyArray<Order.Decision>,
    needed: ReadonlyArray<Needed>,
    failure: Cause.Cause<unknown>,
  ) {
    const how = needed.length === 0
      ? "It fails in any order."
      : `Of ${decisions.length} decisions these matter:\n${needed.map(describe).join("\n")}`
    super(`seed ${seed} fails: run it again with { seed: ${seed} }\n${how}\n${Cause.pretty(failure)}`)
    this.seed = seed
    this.decisions = decisions
    this.needed = needed
    this.failure = failure
  }
}

const LAST_SEED = 0xffff_ffff

/** What came of one run. */
interface Ran {
  readonly exit: Exit.Exit<unknown, unknown>
  readonly decisions: ReadonlyArray<Order.Decision>
}

const runOnce = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  options: Options,
  order: Order.Order,
): Effect.Effect<Ran, never, Exclude<R, Simulated>> => {
  let decisions: ReadonlyArray<Order.Decision> = []
  const noted = Effect.onExit(
    program,
    () =>
      Effect.flatMap(VirtualTime.VirtualTime, (time) =>
        Effect.map(time.decisions, (made) => {
          decisions = [...made]
        })),
  )
  return VirtualTime.run(noted, { ...options, order }).pipe(
    Effect.provide(Mode.infCpu({ start: options.start ?? 0n })),
    Effect.exit,
    Effect.map((exit) => ({ exit, decisions })),
  ) as Effect.Effect<Ran, never, Exclude<R, Simulated>>
}

/** What a failure is, so that shrinking doesn't end with another one. */
const kind = (exit: Exit.Exit<unknown, unknown>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const error = Cause.squash(exit.cause)
  const tagged = error as { readonly _tag?: unknown; readonly name?: unknown } | null
  return String(tagged?._tag ?? tagged?.name ?? error)
}

const chosenBy = (decisions: ReadonlyArray<Needed>): Order.Order => ({
  _tag: "Replayed",
  chosen: new Map(decisions.map(({ index, chosen }) => [index, chosen])),
})

/** Leaves out as many decisions as can be, in halves first, as long as it fails the same way (delta debugging). */
const shrink = <R>(
  fails: (decisions: ReadonlyArray<Needed>) => Effect.Effect<boolean, never, R>,
  all: ReadonlyArray<Needed>,
  mostRuns: number,
): Effect.Effect<ReadonlyArray<Needed>, never, R> =>
  Effect.gen(function* () {
    let needed = all
    let runs = 0
    for (let parts = 1; needed.length > 0 && runs < mostRuns;) {
      const size = Math.ceil(needed.length / parts)
      let smaller: ReadonlyArray<Needed> | undefined
      for (let from = 0; from < needed.length && smaller === undefined && runs < mostRuns; from += size) {
        const without = [...needed.slice(0, from), ...needed.slice(from + size)]
        runs++
        if (yield* fails(without)) smaller = without
      }
      if (smaller !== undefined) {
        needed = smaller
        parts = Math.max(1, parts - 1)
      } else if (size === 1) return needed
      else parts = Math.min(parts * 2, needed.length)
    }
    return needed
  })

/**
 * Runs `program` under many seeds, on a clock of its own each time. Fails with
 * the first seed under which it fails, and with the decisions that matter.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Explore } from "guest-clock/testing"
 *
 * // Two fibers that were to run one after the other, but nobody said so.
 * const program = Effect.gen(function*() {
 *   const log: Array<string> = []
 *   const step = (name: string) => Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => log.push(name)))
 *   yield* Effect.all([step("open"), step("write")], { concurrency: 2 })
 *   if (log[0] !== "open") return yield* Effect.fail("written before it was open")
 * })
 * const explored = Effect.catchTag(Explore.explore(program), "ExploreFailure", ({ needed }) =>
 *   Effect.sync(() => console.log(needed.length)))
 * await Effect.runPromise(explored) // 1
 * ```
 */
export const explore = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  options: Options = {},
): Effect.Effect<void, Failure | OptionError, Exclude<R, Simulated>> =>
  Effect.gen(function* () {
    const { seeds = 100, firstSeed = 0, shrinkRuns = 500 } = options
    const bad = badIn(options) ?? badNumber("firstSeed", firstSeed, 0, LAST_SEED) ??
      badNumber("seeds", seeds, 1, LAST_SEED + 1 - firstSeed) ?? badNumber("shrinkRuns", shrinkRuns, 0, Infinity)
    if (bad !== undefined) return yield* Effect.fail(bad)
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const { exit, decisions } = yield* runOnce(program, options, { _tag: "Seeded", seed })
      if (Exit.isSuccess(exit)) continue
      const fails = (needed: ReadonlyArray<Needed>) =>
        Effect.map(runOnce(program, options, chosenBy(needed)), (ran) => kind(ran.exit) === kind(exit))
      const unusual = decisions.flatMap((decision, index) => decision.chosen === 0 ? [] : [{ ...decision, index }])
      const needed = yield* shrink(fails, unusual, shrinkRuns)
      return yield* Effect.fail(new Failure(seed, decisions, needed, exit.cause))
    }
  })
