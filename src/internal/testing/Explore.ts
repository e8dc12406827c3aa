/**
 * Runs a program under many seeds. A seed decides the order of what is ready at the same instant, and what Effect's
 * `Random` draws. The first that fails is shrunk to the few decisions that matter.
 *
 * @module
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Tagged } from "../core/Tagged.ts"
import type { OptionError } from "../../core/Fault.ts"
import type { GuestClock } from "../../GuestClock.ts"
import * as Mode from "../../Mode.ts"
import { badWhole } from "../services/Checks.ts"
import type { Interrupts } from "../../services/Interrupts.ts"
import { badIn } from "../virtual/Options.ts"
import type * as Order from "../virtual/Order.ts"
import * as VirtualTime from "../../VirtualTime.ts"
import { differences, type Failed, failed } from "./FailureComparison.ts"

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
  /**
   * How often the program may be run to find the decisions that matter. Default: 500. It is run twice more, to see
   * that it fails in the same way each time.
   */
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

/** How many decisions are printed of a program that isn't deterministic. */
const MOST_PRINTED = 50

const listed = (decisions: ReadonlyArray<Needed>): string => {
  const lines = decisions.slice(0, MOST_PRINTED).map(describe)
  const left = decisions.length - lines.length
  return [...lines, ...left > 0 ? [`  and ${left} more`] : []].join("\n")
}

/** A failure for people. What can't be printed, as what throws when it is looked at, has failed all the same. */
const pretty = (cause: Cause.Cause<unknown>): string => {
  try {
    return Cause.pretty(cause)
  } catch (error) {
    return `a failure that can't be printed: ${String(error)}`
  }
}

/** What came of a failure that was looked into. */
interface Found {
  readonly seed: number
  readonly decisions: ReadonlyArray<Order.Decision>
  readonly needed: ReadonlyArray<Needed>
  readonly failure: Cause.Cause<unknown>
  readonly varying: ReadonlyArray<string>
  /** What the same decisions led to another time, if that was something else. */
  readonly otherwise: Exit.Exit<unknown, unknown> | undefined
}

const NOT_DETERMINISTIC = "The program isn't deterministic beside its order: it may read the host's time, draw from " +
  "Math.random or crypto, keep something from one run to the next, or wait for the real world without a hold."

const report = ({ decisions, needed, varying, otherwise }: Found): string => {
  if (otherwise !== undefined) {
    const what = Exit.isSuccess(otherwise) ? "passed" : `failed otherwise: ${pretty(otherwise.cause)}`
    const all = needed.length === 0 ? "" : `\nAll decisions that weren't first come, first served:\n${listed(needed)}`
    return `But run again with the same decisions, it ${what}\n${NOT_DETERMINISTIC}${all}`
  }
  const how = needed.length === 0
    ? "It fails in any order."
    : `Of ${decisions.length} decisions these matter:\n${needed.map(describe).join("\n")}`
  return varying.length === 0 ? how : `${how}\nWith the same decisions, these differ each time: ${varying.join(", ")}`
}

/** A program that fails in some order. */
export class Failure extends Tagged<"ExploreFailure"> {
  /** Running it again with this seed fails the same way, if the program is {@link Failure.deterministic}. */
  readonly seed: number
  /** All that the seed decided. */
  readonly decisions: ReadonlyArray<Order.Decision>
  /**
   * The fewest decisions found with which it still fails the same way, if all others go first come, first served. Of a
   * program that isn't deterministic, all that weren't first come, first served.
   */
  readonly needed: ReadonlyArray<Needed>
  /** The program's failure. */
  readonly failure: Cause.Cause<unknown>
  /** Whether it has failed the same way each time that it was run with the same decisions. */
  readonly deterministic: boolean
  /** Where the failure has numbers or times that differed each time all the same: `failure.at`, `defect.message`. */
  readonly varying: ReadonlyArray<string>
  constructor(found: Found) {
    const { seed, decisions, needed, failure, varying, otherwise } = found
    super(
      "ExploreFailure",
      `seed ${seed} fails: run it again with { seed: ${seed} }\n${report(found)}\n${pretty(failure)}`,
    )
    this.seed = seed
    this.decisions = decisions
    this.needed = needed
    this.failure = failure
    this.deterministic = otherwise === undefined
    this.varying = varying
  }

  /** With this and the seed as options of `VirtualTime.run`, only what is {@link Failure.needed} is decided otherwise. */
  get order(): Order.Order {
    return chosenBy(this.needed)
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
  options: VirtualTime.Options & Pick<Options, "start">,
): Effect.Effect<Ran, never, Exclude<R, Simulated>> =>
  Effect.suspend(() => {
    let time: VirtualTime.VirtualTime | undefined
    let atEnd: ReadonlyArray<Order.Decision> | undefined
    const noted = Effect.flatMap(VirtualTime.VirtualTime, (around) => {
      time = around
      return Effect.onExit(program, () =>
        Effect.map(around.decisions, (made) => {
          atEnd = [...made]
        }))
    })
    return VirtualTime.run(noted, options).pipe(
      Effect.provide(Mode.infCpu({ start: options.start ?? 0n })),
      Effect.exit,
      Effect.flatMap((exit) =>
        // One that can't even end has made decisions as well.
        Effect.map(time?.decisions ?? Effect.succeed([]), (made) => ({ exit, decisions: atEnd ?? [...made] }))
      ),
    ) as Effect.Effect<Ran, never, Exclude<R, Simulated>>
  })

/** In what way it has failed, if it has. */
const failedIn = ({ exit }: Ran): Failed | undefined => Exit.isSuccess(exit) ? undefined : failed(exit.cause)

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
    const bad = badIn(options) ?? badWhole("firstSeed", firstSeed, 0, LAST_SEED) ??
      badWhole("seeds", seeds, 1, LAST_SEED + 1 - firstSeed) ?? badWhole("shrinkRuns", shrinkRuns, 0, Infinity)
    if (bad !== undefined) return yield* Effect.fail(bad)
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const ran = (order: Order.Order) => runOnce(program, { ...options, seed, order })
      const { exit, decisions } = yield* ran({ _tag: "Seeded", seed })
      if (Exit.isSuccess(exit)) continue
      const unusual = decisions.flatMap((decision, index) => decision.chosen === 0 ? [] : [{ ...decision, index }])
      const found = { seed, decisions, needed: unusual, failure: exit.cause, varying: [], otherwise: undefined }

      const first = failed(exit.cause)
      const again = yield* ran({ _tag: "Seeded", seed })
      const varying = differences(first, failedIn(again) ?? new Map(), () => true)
      if (varying === undefined) return yield* Effect.fail(new Failure({ ...found, otherwise: again.exit }))
      const isSame = (run: Ran) =>
        differences(first, failedIn(run) ?? new Map(), (path) => varying.includes(path)) !== undefined

      const needed = yield* shrink((decisions) => Effect.map(ran(chosenBy(decisions)), isSame), unusual, shrinkRuns)
      const last = yield* ran(chosenBy(needed))
      if (!isSame(last)) return yield* Effect.fail(new Failure({ ...found, varying, otherwise: last.exit }))
      return yield* Effect.fail(new Failure({ ...found, needed, varying }))
    }
  })
